package webtemplate

import (
	"slices"
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/rm/temporal"
	"github.com/quire-cdr/quire/internal/template"
)

func plain(s string) string { return s }

// decimal writes a bound as JSON; OPTs hold forms JSON does not know, such as ".5".
func decimal(s string) string {
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return s
}

// interval writes a range; nil when it limits nothing.
func interval(i *aom.Interval, form func(string) string) *Range {
	if i == nil {
		return nil
	}
	var r Range
	if !i.LowerUnbounded && i.Lower != "" {
		r.Min, r.MinOp = form(i.Lower), ">="
		if !i.LowerIncluded {
			r.MinOp = ">"
		}
	}
	if !i.UpperUnbounded && i.Upper != "" {
		r.Max, r.MaxOp = form(i.Upper), "<="
		if !i.UpperIncluded {
			r.MaxOp = "<"
		}
	}
	if r.Min == "" && r.Max == "" {
		return nil
	}
	return &r
}

// integers writes a range of whole numbers with closed bounds.
func integers(i *aom.Interval) *Range {
	r := interval(i, decimal)
	if r == nil {
		return nil
	}
	if n, err := strconv.Atoi(r.Min); err == nil && r.MinOp == ">" {
		r.Min, r.MinOp = strconv.Itoa(n+1), ">="
	}
	if n, err := strconv.Atoi(r.Max); err == nil && r.MaxOp == "<" {
		r.Max, r.MaxOp = strconv.Itoa(n-1), "<="
	}
	return r
}

// proportionTypes are the names of PROPORTION_KIND by their numbers.
var proportionTypes = [...]string{"ratio", "unitary", "percent", "fraction", "integer_fraction"}

func (b *builder) proportion(n *Node) []Input {
	kinds, _ := b.primitive(n, rminfo.A_type).(*aom.Integer)
	preset := b.preset(n)
	numerator := b.real(n, "numerator", rminfo.A_numerator, kinds)
	denominator := b.real(n, "denominator", rminfo.A_denominator, kinds)
	if preset != nil {
		numerator.Default, denominator.Default = preset.TextAt("numerator"), preset.TextAt("denominator")
	}
	for i, name := range proportionTypes {
		if kinds == nil || slices.Contains(kinds.List, strconv.Itoa(i)) {
			n.ProportionTypes = append(n.ProportionTypes, name)
		}
	}
	if kinds != nil && len(kinds.List) > 0 && only(kinds.List, "1", "2") {
		denominator.Default, denominator.Validation, denominator.List = "", nil, nil
		fixed := map[string]string{"1": "1", "2": "100"}
		if len(kinds.List) == 1 {
			denominator.Validation = exactly(fixed[kinds.List[0]])
		} else {
			for _, value := range [...]string{"1", "100"} {
				denominator.List = append(denominator.List, Option{Value: value, Label: value, HasLabel: true, Validation: exactly(value)})
			}
		}
	}
	return []Input{numerator, denominator}
}

func exactly(value string) *Validation {
	return &Validation{Range: &Range{MinOp: ">=", Min: value, MaxOp: "<=", Max: value}}
}

func only(list []string, allowed ...string) bool {
	for _, v := range list {
		if !slices.Contains(allowed, v) {
			return false
		}
	}
	return true
}

func (b *builder) real(n *Node, suffix string, attr rminfo.Attr, kinds *aom.Integer) Input {
	in := Input{Suffix: suffix, Type: "DECIMAL"}
	precision, _ := b.primitive(n, rminfo.A_precision).(*aom.Integer)
	whole := precision != nil && precision.Range != nil && precision.Range.Upper == "0" || kinds != nil && len(kinds.List) > 0 && only(kinds.List, "3", "4")
	for _, d := range integral(b.t, n) {
		whole = whole || d
	}
	if whole {
		in.Type = "INTEGER"
	}
	if c, ok := b.primitive(n, attr).(*aom.Real); ok {
		if r := interval(c.Range, decimal); r != nil {
			in.Validation = &Validation{Range: r}
		}
		for _, v := range c.List {
			in.List = append(in.List, Option{Value: decimal(v), Label: decimal(v), HasLabel: true})
		}
		if c.Assumed != nil {
			in.Default = decimal(*c.Assumed)
		}
	}
	return in
}

// integral gives the truth of is_integral where the template demands it.
func integral(t *template.Compiled, n *Node) []bool {
	if n.Template < 0 {
		return nil
	}
	var out []bool
	for _, a := range t.Node(n.Template).Derived {
		for _, child := range a.Children {
			if p, ok := child.(*aom.PrimitiveObject); ok && a.Name == "is_integral" {
				if truth, ok := p.Item.(*aom.Boolean); ok {
					out = append(out, truth.TrueValid && !truth.FalseValid)
				}
			}
		}
	}
	return out
}

// durationFields are the fields a form asks for, in the order of the web
// template: without a pattern days stand before weeks.
var durationFields = [...]struct {
	name   string
	letter byte
	time   bool
}{
	{"year", 'Y', false}, {"month", 'M', false}, {"week", 'W', false}, {"day", 'D', false},
	{"hour", 'H', true}, {"minute", 'M', true}, {"second", 'S', true},
}

func (b *builder) duration(n *Node) []Input {
	c, _ := b.primitive(n, rminfo.A_value).(*aom.Duration)
	lower, upper, preset, pattern := "", "", "", ""
	if c != nil {
		pattern = c.Pattern
		if c.Range != nil {
			lower, upper = c.Range.Lower, c.Range.Upper
		}
		if c.Assumed != nil {
			preset = *c.Assumed
		}
	}
	if v := b.preset(n); v != nil {
		preset = v.TextAt("value")
	}
	min, max, initial := durationParts(lower), durationParts(upper), durationParts(preset)
	date, clock, _ := strings.Cut(pattern, "T")
	var out []Input
	for i, f := range durationFields {
		part := date
		if f.time {
			part = clock
		}
		if pattern != "" && strings.IndexByte(part, f.letter) < 0 {
			continue
		}
		in := Input{Suffix: f.name, Type: "INTEGER", Validation: &Validation{Range: &Range{MinOp: ">=", Min: strconv.Itoa(min[i])}}}
		if max[i] != 0 {
			in.Validation.Range.MaxOp, in.Validation.Range.Max = "<=", strconv.Itoa(max[i])
		}
		if preset != "" {
			in.Default = strconv.Itoa(initial[i])
		}
		out = append(out, in)
	}
	if pattern == "" {
		out[2], out[3] = out[3], out[2]
	}
	return out
}

// durationParts are the fields of a duration in the order of durationFields.
func durationParts(text string) (parts [7]int) {
	if _, err := temporal.ParseDuration(text); err != nil {
		return parts
	}
	clock, number := false, 0
	for _, ch := range []byte(text) {
		switch {
		case ch == 'T':
			clock = true
		case ch >= '0' && ch <= '9':
			number = number*10 + int(ch-'0')
		default:
			for i, f := range durationFields {
				if f.letter == ch && f.time == clock {
					parts[i] = number
				}
			}
			number = 0
		}
	}
	return parts
}

// Integral are the truths of is_integral that the template demands of a
// proportion, none where it leaves it open.
func (w *WebTemplate) Integral(n *Node) []bool { return integral(w.Template, n) }
