package sdc

import (
	"encoding/json"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/quire-cdr/quire/internal/fhir"
)

// sameAnswer says whether an answer came back as it was issued, but for what
// renderers are known to change: the offset of a time at the same instant,
// trailing zeros, the words beside a code.
func sameAnswer(issued, back *fhir.Answer) bool {
	switch {
	case issued == nil || back == nil:
		return issued == back
	case issued.ValueBoolean != nil && back.ValueBoolean != nil:
		return *issued.ValueBoolean == *back.ValueBoolean
	case issued.ValueDecimal != nil && back.ValueDecimal != nil:
		return sameNumber(*issued.ValueDecimal, *back.ValueDecimal)
	case issued.ValueInteger != nil && back.ValueInteger != nil:
		return sameNumber(*issued.ValueInteger, *back.ValueInteger)
	case issued.ValueCoding != nil && back.ValueCoding != nil:
		return issued.ValueCoding.Code == back.ValueCoding.Code && issued.ValueCoding.System == back.ValueCoding.System
	case issued.ValueQuantity != nil && back.ValueQuantity != nil:
		a, b := issued.ValueQuantity, back.ValueQuantity
		return a.Value != nil && b.Value != nil && sameNumber(*a.Value, *b.Value) && a.Comparator == b.Comparator && unitOf(a) == unitOf(b)
	case issued.ValueAttachment != nil && back.ValueAttachment != nil:
		return sameAttachment(issued.ValueAttachment, back.ValueAttachment)
	case issued.ValueDate != "" && back.ValueDate != "":
		return issued.ValueDate == back.ValueDate || completed(issued.ValueDate, back.ValueDate)
	case issued.ValueDateTime != "" && back.ValueDateTime != "":
		if issued.ValueDateTime == back.ValueDateTime || completed(issued.ValueDateTime, back.ValueDateTime) {
			return true
		}
		a, errA := time.Parse(time.RFC3339Nano, issued.ValueDateTime)
		b, errB := time.Parse(time.RFC3339Nano, back.ValueDateTime)
		// JavaScript has no times between two milliseconds.
		return errA == nil && errB == nil && (a.Equal(b) || a.Truncate(time.Millisecond).Equal(b))
	}
	return textOf(issued) == textOf(back) && textOf(issued) != ""
}

// completed says whether a renderer made a whole date of the partial one that
// was issued: the first of the month or of the year, and midnight after it.
func completed(issued, back string) bool {
	var first string
	switch len(issued) {
	case 4:
		first = issued + "-01-01"
	case 7:
		first = issued + "-01"
	case 10:
		first = issued
	default:
		return false
	}
	day, clock, timed := strings.Cut(back, "T")
	return day == first && (!timed || strings.HasPrefix(clock, "00:00:00")) && back != issued
}

func sameAttachment(a, b *fhir.Attachment) bool {
	return a.ContentType == b.ContentType && a.Data == b.Data && a.URL == b.URL && a.Title == b.Title
}

// coarsened says whether an answer that counts as unchanged came back as a whole
// date where a partial one was issued: somebody may have meant the first.
func coarsened(issued, back *fhir.Answer) bool {
	return completed(issued.ValueDate, back.ValueDate) || completed(issued.ValueDateTime, back.ValueDateTime)
}

// rendered is what the least careful of the known renderers makes of an answer:
// LHC-Forms drops addresses, completes dates, writes times in UTC, and numbers
// without their last zeros; it drops a code whose words are not the option's.
func rendered(i *Item, a fhir.Answer, known []option) *fhir.Answer {
	switch {
	case a.ValueURI != "":
		return nil
	case a.ValueDate != "":
		a.ValueDate = wholeDate(a.ValueDate)
	case a.ValueDateTime != "":
		if t, err := time.Parse(time.RFC3339Nano, a.ValueDateTime); err == nil {
			a.ValueDateTime = t.UTC().Format("2006-01-02T15:04:05.000Z")
		} else {
			a.ValueDateTime = wholeDate(a.ValueDateTime)
		}
	case a.ValueDecimal != nil:
		n := shortest(*a.ValueDecimal)
		a.ValueDecimal = &n
	case a.ValueQuantity != nil && a.ValueQuantity.Value != nil:
		q := *a.ValueQuantity
		n := shortest(*q.Value)
		q.Value = &n
		a.ValueQuantity = &q
	case a.ValueCoding != nil && i.Type == "choice":
		for _, o := range known {
			if o.code == a.ValueCoding.Code && (o.display == a.ValueCoding.Display || a.ValueCoding.Display == "") {
				return &a
			}
		}
		return nil
	}
	return &a
}

func wholeDate(text string) string {
	switch len(text) {
	case 4:
		return text + "-01-01"
	case 7:
		return text + "-01"
	}
	return text
}

// shortest is a number as JavaScript writes it.
func shortest(n fhir.Decimal) fhir.Decimal {
	f, err := strconv.ParseFloat(string(n), 64)
	if err != nil {
		return n
	}
	text, err := json.Marshal(f)
	if err != nil {
		return n
	}
	return fhir.Decimal(text)
}

func textOf(a *fhir.Answer) string {
	for _, s := range []string{a.ValueString, a.ValueDate, a.ValueTime, a.ValueDateTime, a.ValueURI} {
		if s != "" {
			return s
		}
	}
	return ""
}

func unitOf(q *fhir.Quantity) string {
	if q.Code != "" {
		return q.Code
	}
	return q.Unit
}

// sameNumber compares a number that was issued with what came back: a renderer
// writes it without its last zeros, and as the nearest of its own 53 bits.
func sameNumber(a, b fhir.Decimal) bool {
	if a == b || b == shortest(a) {
		return true
	}
	// A number with a huge exponent is compared by its text alone.
	if len(a) > 60 || len(b) > 60 || strings.ContainsAny(string(a)+string(b), "eE") {
		return false
	}
	x, okX := new(big.Rat).SetString(string(a))
	y, okY := new(big.Rat).SetString(string(b))
	return okX && okY && x.Cmp(y) == 0
}
