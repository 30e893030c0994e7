package adl

import (
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
)

func (p *printer) primitive(o *aom.PrimitiveObject) {
	text, assumed := "", ""
	if o.Item == nil {
		p.refuse("a primitive without constraint")
		return
	}
	switch item := o.Item.(type) {
	case *aom.String:
		text = stringText(item)
		if item.Assumed != nil {
			assumed = quote(*item.Assumed)
		}
	case *aom.Boolean:
		text, assumed = booleanText(item)
	case *aom.Integer:
		text, assumed = rangeText(strings.Join(item.List, ", "), item.Range), deref(item.Assumed)
	case *aom.Real:
		text, assumed = rangeText(strings.Join(item.List, ", "), item.Range), deref(item.Assumed)
	case *aom.Date:
		text, assumed = rangeText(item.Pattern, item.Range), deref(item.Assumed)
	case *aom.Time:
		text, assumed = rangeText(item.Pattern, item.Range), deref(item.Assumed)
	case *aom.DateTime:
		text, assumed = rangeText(item.Pattern, item.Range), deref(item.Assumed)
	case *aom.Duration:
		text, assumed = rangeText(item.Pattern, item.Range), deref(item.Assumed)
	}
	if text == "" {
		p.refuse("a primitive that constrains nothing")
		return
	}
	if assumed != "" {
		text += "; " + assumed
	}
	p.line("%s", text)
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func stringText(s *aom.String) string {
	if s.HasPattern {
		return regex(s.Pattern)
	}
	quoted := make([]string, 0, len(s.List)+1)
	for _, v := range s.List {
		quoted = append(quoted, quote(v))
	}
	if s.ListOpen && len(quoted) > 0 {
		quoted = append(quoted, "...")
	}
	return strings.Join(quoted, ", ")
}

func booleanText(b *aom.Boolean) (text, assumed string) {
	var values []string
	if b.TrueValid {
		values = append(values, "True")
	}
	if b.FalseValid {
		values = append(values, "False")
	}
	if b.Assumed != nil {
		assumed = map[bool]string{true: "True", false: "False"}[*b.Assumed]
	}
	return strings.Join(values, ", "), assumed
}

// rangeText joins a pattern, or a list, and a range; only durations have both.
func rangeText(pattern string, bounds *aom.Interval) string {
	switch {
	case bounds == nil:
		return pattern
	case pattern == "":
		return intervalText(bounds)
	}
	return pattern + "/" + intervalText(bounds)
}

func intervalText(i *aom.Interval) string {
	lower, upper := i.Lower, i.Upper
	switch {
	case i.LowerUnbounded && i.UpperUnbounded:
		return "|*..*|"
	case i.LowerUnbounded && i.UpperIncluded:
		return "|<=" + upper + "|"
	case i.LowerUnbounded:
		return "|<" + upper + "|"
	case i.UpperUnbounded && i.LowerIncluded:
		return "|>=" + lower + "|"
	case i.UpperUnbounded:
		return "|>" + lower + "|"
	case lower == upper && i.LowerIncluded && i.UpperIncluded:
		return "|" + lower + "|"
	}
	if !i.LowerIncluded {
		lower = ">" + lower
	}
	if !i.UpperIncluded {
		upper = "<" + upper
	}
	return "|" + lower + ".." + upper + "|"
}
