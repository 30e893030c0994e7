package diff

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/template/bounds"
)

// verdict is one difference between two constraints of a value.
type verdict struct {
	effect            Effect
	old, new, message string
}

// values compares the constraints of a value; nil is none.
func values(old, new aom.Constraint) []verdict {
	switch {
	case old == nil && new == nil:
		return nil
	case new == nil:
		return []verdict{{Compatible, "limited", "", "any value of the class is allowed now"}}
	case old == nil:
		return []verdict{{Breaking, "", "limited", "values are limited now"}}
	case reflect.TypeOf(old) != reflect.TypeOf(new):
		return []verdict{{Breaking, fmt.Sprintf("%T", old)[5:], fmt.Sprintf("%T", new)[5:], "values are limited in another way"}}
	}
	switch a := old.(type) {
	case *aom.Quantity:
		return quantities(a, new.(*aom.Quantity))
	case *aom.Ordinal:
		return ordinals(a.Items, new.(*aom.Ordinal).Items)
	case *aom.Scale:
		return ordinals(a.Items, new.(*aom.Scale).Items)
	case *aom.CodePhrase:
		b := new.(*aom.CodePhrase)
		return codes(a.Terminology, b.Terminology, a.Codes, b.Codes)
	case *aom.CodeReference:
		b := new.(*aom.CodeReference)
		if a.ReferenceSetURI != b.ReferenceSetURI {
			return []verdict{{Breaking, a.ReferenceSetURI, b.ReferenceSetURI, "the value set is another one"}}
		}
		return codes(a.Terminology, b.Terminology, a.Codes, b.Codes)
	case *aom.String:
		return texts(a, new.(*aom.String))
	case *aom.Integer:
		b := new.(*aom.Integer)
		return numbers(a.List, b.List, a.Range, b.Range)
	case *aom.Real:
		b := new.(*aom.Real)
		return numbers(a.List, b.List, a.Range, b.Range)
	case *aom.Boolean:
		b := new.(*aom.Boolean)
		return single(a.TrueValid == b.TrueValid && a.FalseValid == b.FalseValid, (!a.TrueValid || b.TrueValid) && (!a.FalseValid || b.FalseValid),
			booleans(a), booleans(b))
	case *aom.Date:
		b := new.(*aom.Date)
		return append(fields(a.Pattern, b.Pattern), ranged(bounds.Date, a.Range, b.Range)...)
	case *aom.Time:
		b := new.(*aom.Time)
		return append(fields(a.Pattern, b.Pattern), ranged(bounds.Text, a.Range, b.Range)...)
	case *aom.DateTime:
		b := new.(*aom.DateTime)
		return append(fields(a.Pattern, b.Pattern), ranged(bounds.Text, a.Range, b.Range)...)
	case *aom.Duration:
		b := new.(*aom.Duration)
		return append(single(a.Pattern == b.Pattern, lettersWithin(a.Pattern, b.Pattern), a.Pattern, b.Pattern), ranged(bounds.Duration, a.Range, b.Range)...)
	}
	// State machines and references by ac-code: equal or not.
	return single(reflect.DeepEqual(old, new), false, "", "")
}

// single is the verdict on a constraint that is as it was, wider, or neither.
func single(equal, wider bool, old, new string) []verdict {
	switch {
	case equal:
		return nil
	case wider:
		return []verdict{{Compatible, old, new, "more is allowed now"}}
	}
	return []verdict{{Breaking, old, new, "some values are not allowed any more"}}
}

func booleans(b *aom.Boolean) string {
	var out []string
	if b.TrueValid {
		out = append(out, "true")
	}
	if b.FalseValid {
		out = append(out, "false")
	}
	return strings.Join(out, ", ")
}

func quantities(old, new *aom.Quantity) (out []verdict) {
	if len(new.Items) == 0 {
		return single(len(old.Items) == 0, true, units(old), "")
	}
	if len(old.Items) == 0 {
		return []verdict{{Breaking, "", units(new), "only these units are allowed now"}}
	}
	by := map[string]aom.QuantityItem{}
	for _, item := range new.Items {
		by[item.Units] = item
	}
	for _, item := range old.Items {
		now, ok := by[item.Units]
		delete(by, item.Units)
		if !ok {
			out = append(out, verdict{Breaking, item.Units, "", fmt.Sprintf("the unit %s is not allowed any more", item.Units)})
			continue
		}
		for _, v := range append(ranged(bounds.Number, item.Magnitude, now.Magnitude), ranged(bounds.Number, item.Precision, now.Precision)...) {
			v.old, v.new = v.old+" "+item.Units, v.new+" "+item.Units
			out = append(out, v)
		}
	}
	for _, item := range new.Items {
		if _, added := by[item.Units]; added {
			out = append(out, verdict{Compatible, "", item.Units, fmt.Sprintf("the unit %s is allowed now", item.Units)})
		}
	}
	return out
}

func units(q *aom.Quantity) string {
	var list []string
	for _, item := range q.Items {
		list = append(list, item.Units)
	}
	return strings.Join(list, ", ")
}

func ordinals(old, new []aom.OrdinalItem) (out []verdict) {
	if len(new) == 0 {
		return single(len(old) == 0, true, "", "")
	}
	if len(old) == 0 {
		return []verdict{{Breaking, "", fmt.Sprintf("%d values", len(new)), "only these values are allowed now"}}
	}
	has := func(list []aom.OrdinalItem, item aom.OrdinalItem) bool {
		return slices.ContainsFunc(list, func(o aom.OrdinalItem) bool { return o.Value == item.Value && o.Symbol == item.Symbol })
	}
	for _, item := range old {
		if !has(new, item) {
			out = append(out, verdict{Breaking, item.Value + "|" + item.Symbol.Code, "", "the value is not allowed any more, or means something else"})
		}
	}
	for _, item := range new {
		if !has(old, item) {
			out = append(out, verdict{Compatible, "", item.Value + "|" + item.Symbol.Code, "the value is allowed now"})
		}
	}
	return out
}

func codes(oldTerminology, newTerminology string, old, new []string) (out []verdict) {
	switch {
	case newTerminology == "" && len(new) == 0:
		return single(oldTerminology == "" && len(old) == 0, true, oldTerminology, "")
	case oldTerminology != newTerminology:
		return []verdict{{Breaking, oldTerminology, newTerminology, "codes are of another terminology"}}
	case len(new) == 0:
		return single(len(old) == 0, true, strings.Join(old, ", "), "")
	case len(old) == 0:
		return []verdict{{Breaking, "", strings.Join(new, ", "), "only these codes are allowed now"}}
	}
	for _, code := range old {
		if !slices.Contains(new, code) {
			out = append(out, verdict{Breaking, code, "", fmt.Sprintf("the code %s is not allowed any more", code)})
		}
	}
	for _, code := range new {
		if !slices.Contains(old, code) {
			out = append(out, verdict{Compatible, "", code, fmt.Sprintf("the code %s is allowed now", code)})
		}
	}
	return out
}

func texts(old, new *aom.String) []verdict {
	equal := old.HasPattern == new.HasPattern && old.Pattern == new.Pattern && slices.Equal(old.List, new.List) && old.ListOpen == new.ListOpen
	free := !new.HasPattern && (len(new.List) == 0 || new.ListOpen)
	// A closed list within a closed list; a pattern is only as wide as itself.
	wider := !old.HasPattern && !new.HasPattern && len(old.List) > 0 && !old.ListOpen &&
		!slices.ContainsFunc(old.List, func(s string) bool { return !slices.Contains(new.List, s) })
	return single(equal, free || wider, textsText(old), textsText(new))
}

func textsText(s *aom.String) string {
	if s.HasPattern {
		return "/" + s.Pattern + "/"
	}
	return strings.Join(s.List, ", ")
}

func numbers(oldList, newList []string, old, new *aom.Interval) []verdict {
	if len(oldList) == 0 && len(newList) == 0 {
		return ranged(bounds.Number, old, new)
	}
	allowed := func(value string) bool {
		return (len(newList) == 0 || slices.Contains(newList, value)) && (new == nil || bounds.Order(bounds.Number).Holds(value, new))
	}
	equal := slices.Equal(oldList, newList) && reflect.DeepEqual(old, new)
	wider := len(oldList) > 0 && !slices.ContainsFunc(oldList, func(v string) bool { return !allowed(v) })
	return single(equal, wider, strings.Join(oldList, ", "), strings.Join(newList, ", "))
}

func ranged(order bounds.Order, old, new *aom.Interval) []verdict {
	if bounds.Show(old) == bounds.Show(new) {
		return nil
	}
	return single(false, order.Within(old, new), bounds.Show(old), bounds.Show(new))
}

// fields compares patterns such as yyyy-mm-?? field by field.
func fields(old, new string) []verdict {
	if old == new {
		return nil
	}
	a, b := split(old), split(new)
	wider := new == "" || old != "" && len(a) == len(b)
	for i := 0; wider && new != "" && i < len(a); i++ {
		wider = a[i] == b[i] || b[i] == '?'
	}
	return single(false, wider, old, new)
}

// split gives one sign a field: ? may be there, X may not, ! must.
func split(pattern string) []byte {
	var out []byte
	for _, field := range strings.FieldsFunc(pattern, func(r rune) bool { return strings.ContainsRune("-T: ", r) }) {
		switch {
		case strings.Contains(field, "?"):
			out = append(out, '?')
		case strings.ContainsAny(field, "Xx"):
			out = append(out, 'X')
		default:
			out = append(out, '!')
		}
	}
	return out
}

// lettersWithin says whether all fields of an old duration pattern are in the new
// one; M before and after T are months and minutes.
func lettersWithin(old, new string) bool {
	if new == "" {
		return true
	}
	if old == "" {
		return false
	}
	oldDate, oldTime, _ := strings.Cut(strings.TrimPrefix(old, "P"), "T")
	newDate, newTime, _ := strings.Cut(strings.TrimPrefix(new, "P"), "T")
	in := func(a, b string) bool {
		return !strings.ContainsFunc(a, func(r rune) bool { return !strings.ContainsRune(b, r) })
	}
	return in(oldDate, newDate) && in(oldTime, newTime)
}
