package hl7v2

import (
	"strconv"
	"strings"
	"time"
)

func itoa(n int) string { return strconv.Itoa(n) }

// Timestamp writes an instant as a DTM with its offset.
func Timestamp(t time.Time) string { return t.Format("20060102150405-0700") }

// ISO turns a DTM (HL7 2.5.1, 2.A.22) into ISO 8601 of the same precision; a time
// without an offset gets that of the zone, nil leaves it without. false is what is
// no time. A precision of hours only becomes minutes, since ISO 8601 dates of
// openEHR know none.
func ISO(dtm string, zone *time.Location) (string, bool) {
	digits, offset := dtm, ""
	if i := strings.IndexAny(dtm, "+-"); i >= 0 {
		digits, offset = dtm[:i], dtm[i:]
		if len(offset) != 5 || !number(offset[1:]) || offset[1:3] > "14" || offset[3:] > "59" {
			return "", false
		}
		offset = offset[:3] + ":" + offset[3:]
	}
	digits, fraction, dotted := strings.Cut(digits, ".")
	if !number(digits) || dotted && (len(digits) != 14 || len(fraction) < 1 || len(fraction) > 4 || !number(fraction)) {
		return "", false
	}
	layouts := map[int]string{4: "2006", 6: "2006-01", 8: "2006-01-02"}
	if layout, date := layouts[len(digits)]; date {
		t, err := time.Parse(strings.ReplaceAll(layout, "-", ""), digits)
		if err != nil || t.Year() < 1800 || offset != "" {
			return "", false
		}
		return t.Format(layout), true
	}
	layout := map[int]string{10: "2006010215", 12: "200601021504", 14: "20060102150405"}[len(digits)]
	if layout == "" {
		return "", false
	}
	t, err := time.Parse(layout, digits)
	if err != nil || t.Year() < 1800 {
		return "", false
	}
	if offset == "" && zone != nil {
		local := time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, zone)
		// An hour that the clocks skip is no time there.
		if local.Hour() != t.Hour() {
			return "", false
		}
		if offset = local.Format("-07:00"); offset == "+00:00" {
			offset = "Z"
		}
	}
	if offset == "+00:00" {
		offset = "Z"
	}
	out := t.Format("2006-01-02T15:04")
	if len(digits) == 14 {
		out += t.Format(":05")
	} else {
		out += ":00"
	}
	if dotted {
		out += "." + fraction
	}
	return out + offset, true
}

// DTM turns ISO 8601 into a DTM; "" is what is no time.
func DTM(iso string) string {
	date, clock, timed := strings.Cut(iso, "T")
	digits := strings.ReplaceAll(date, "-", "")
	if !number(digits) || len(digits) < 4 {
		return ""
	}
	if !timed {
		return digits
	}
	offset := ""
	if strings.HasSuffix(clock, "Z") {
		clock, offset = strings.TrimSuffix(clock, "Z"), "+0000"
	} else if i := strings.IndexAny(clock, "+-"); i >= 0 {
		clock, offset = clock[:i], strings.ReplaceAll(clock[i:], ":", "")
		if len(offset) == 3 {
			offset += "00"
		}
	}
	clock = strings.ReplaceAll(strings.ReplaceAll(clock, ":", ""), ",", ".")
	if whole, fraction, dotted := strings.Cut(clock, "."); dotted {
		clock = whole + "." + fraction[:min(4, len(fraction))]
	}
	return digits + clock + offset
}

func number(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
