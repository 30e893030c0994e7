package build

import (
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
)

// units narrows the units of a quantity, their ranges and decimals.
func (n *narrower) units() {
	q, ok := n.object.(*aom.Quantity)
	if !ok {
		c, bare := n.object.(*aom.ComplexObject)
		if !bare || c.TypeName != "DV_QUANTITY" || len(c.Attributes) > 0 {
			n.misfit()
			return
		}
		q = &aom.Quantity{ObjectBase: c.ObjectBase}
		n.replace(q)
	}
	old := q.Items
	var out []aom.QuantityItem
	said := map[string]bool{}
	for _, u := range n.value.Units {
		said[u.Unit] = true
		item := aom.QuantityItem{Units: u.Unit}
		if i := slices.IndexFunc(old, func(q aom.QuantityItem) bool { return q.Units == u.Unit }); i >= 0 {
			item = old[i]
		} else if len(old) > 0 {
			n.wider("source-units", showUnits(old), u.Unit)
			continue
		}
		out = append(out, n.unit(item, u))
	}
	if n.value.UnitsKeep || len(n.value.Units) == 0 {
		for _, item := range old {
			if !said[item.Units] {
				out = append(out, item)
			}
		}
	}
	for _, unit := range n.value.UnitsWithout {
		out = slices.DeleteFunc(out, func(q aom.QuantityItem) bool { return q.Units == unit })
	}
	if len(out) == 0 {
		if len(old) > 0 && len(n.value.Units) == 0 {
			n.add(n.where, n.at.path(), "source-units", "at least one unit", "none", "no unit of %s is left", n.at.path())
		}
		return
	}
	q.Items = out
}

func (n *narrower) unit(item aom.QuantityItem, u Unit) aom.QuantityItem {
	if u.Range != nil {
		switch {
		case !order(byNumber).sound(u.Range):
			n.add(n.where, n.at.path(), "source-range", "lower <= upper", showInterval(u.Range), "the range %s of %s is none", showInterval(u.Range), u.Unit)
		case !order(byNumber).within(u.Range, item.Magnitude):
			n.wider("source-range", u.Unit+" "+showInterval(item.Magnitude), u.Unit+" "+showInterval(u.Range))
		default:
			r := *u.Range
			r.Lower, r.Upper = decimal(r.Lower), decimal(r.Upper)
			item.Magnitude = &r
		}
	}
	if u.Precision != nil {
		switch {
		case !order(byNumber).sound(u.Precision):
			n.add(n.where, n.at.path(), "source-range", "lower <= upper", showInterval(u.Precision), "the precision %s of %s is none", showInterval(u.Precision), u.Unit)
		case !order(byNumber).within(u.Precision, item.Precision):
			n.wider("source-precision", u.Unit+" "+showInterval(item.Precision), u.Unit+" "+showInterval(u.Precision))
		default:
			item.Precision = u.Precision
		}
	}
	return item
}

// decimal writes a bound of a real as tools do, 0 as 0.0.
func decimal(text string) string {
	if text != "" && strings.Trim(text, "-0123456789") == "" {
		return text + ".0"
	}
	return text
}

func showUnits(items []aom.QuantityItem) string {
	var out []string
	for _, item := range items {
		out = append(out, item.Units)
	}
	return strings.Join(out, ", ")
}

// holder says in which attribute a class keeps the number a range is of.
var holder = map[string]struct {
	attribute, class string
	item             func() aom.Primitive
}{
	"DV_COUNT":      {"magnitude", "INTEGER", func() aom.Primitive { return &aom.Integer{} }},
	"DV_PROPORTION": {"numerator", "REAL", func() aom.Primitive { return &aom.Real{} }},
	"DV_DURATION":   {"value", "DURATION", func() aom.Primitive { return &aom.Duration{} }},
	"DV_DATE":       {"value", "DATE", func() aom.Primitive { return &aom.Date{} }},
	"DV_TIME":       {"value", "TIME", func() aom.Primitive { return &aom.Time{} }},
	"DV_DATE_TIME":  {"value", "DATE_TIME", func() aom.Primitive { return &aom.DateTime{} }},
	"DV_BOOLEAN":    {"value", "BOOLEAN", func() aom.Primitive { return &aom.Boolean{TrueValid: true, FalseValid: true} }},
	"DV_TEXT":       {"value", "STRING", func() aom.Primitive { return &aom.String{} }},
}

// primitive is the primitive constraint of the value, made if it is open.
func (n *narrower) primitive() *aom.PrimitiveObject {
	if p, ok := n.object.(*aom.PrimitiveObject); ok {
		if p.Item == nil {
			for _, h := range holder {
				if h.class == p.TypeName {
					p.Item = h.item()
				}
			}
		}
		return p
	}
	h, ok := holder[n.object.Base().TypeName]
	if !ok {
		return nil
	}
	_, o := n.inner(h.attribute, primitiveOf(h.class, h.item()))
	p, _ := o.(*aom.PrimitiveObject)
	if p != nil && p.Item == nil {
		p.Item = h.item()
	}
	return p
}

// numbers narrows ranges and lists of values.
func (n *narrower) numbers() {
	p := n.primitive()
	if p == nil {
		n.misfit()
		return
	}
	if yes, ok := p.Item.(*aom.Boolean); ok && n.key == "values" {
		n.booleans(p, *yes)
		return
	}
	switch item := p.Item.(type) {
	case *aom.Integer:
		list, bounds := n.limits(byNumber, item.List, item.Range)
		p.Item = &aom.Integer{List: list, Range: bounds, Assumed: item.Assumed}
	case *aom.Real:
		list, bounds := n.limits(byNumber, item.List, item.Range)
		p.Item = &aom.Real{List: list, Range: bounds, Assumed: item.Assumed}
	case *aom.Duration:
		c := *item
		_, c.Range = n.limits(byDuration, nil, item.Range)
		p.Item = &c
	case *aom.Date:
		c := *item
		_, c.Range = n.limits(byDate, nil, item.Range)
		p.Item = &c
	case *aom.Time:
		c := *item
		_, c.Range = n.limits(byText, nil, item.Range)
		p.Item = &c
	case *aom.DateTime:
		c := *item
		_, c.Range = n.limits(byText, nil, item.Range)
		p.Item = &c
	default:
		n.misfit()
	}
}

// limits narrows a list or a range to what the key says.
func (n *narrower) limits(o order, list []string, bounds *aom.Interval) ([]string, *aom.Interval) {
	if n.key == "range" {
		r := n.value.Range
		switch {
		case !o.sound(r):
			n.add(n.where, n.at.path(), "source-range", "lower <= upper", showInterval(r), "the range %s does not fit %s", showInterval(r), n.at.path())
		case !o.within(r, bounds):
			n.wider("source-range", showInterval(bounds), showInterval(r))
		case len(list) > 0:
			kept := slices.DeleteFunc(slices.Clone(list), func(v string) bool { return !o.holds(v, r) })
			if len(kept) == 0 {
				n.wider("source-range", strings.Join(list, ", "), showInterval(r))
				return list, bounds
			}
			return kept, bounds
		default:
			return list, r
		}
		return list, bounds
	}
	for _, v := range n.value.Values {
		_, ok := o(v, v)
		if !ok || len(list) > 0 && !contains(list, v) || !o.holds(v, bounds) {
			allowed := showInterval(bounds)
			if len(list) > 0 {
				allowed = strings.Join(list, ", ")
			}
			n.wider("source-values", allowed, v)
			return list, bounds
		}
	}
	return n.value.Values, nil
}

func (n *narrower) booleans(p *aom.PrimitiveObject, old aom.Boolean) {
	out := aom.Boolean{Assumed: old.Assumed}
	for _, v := range n.value.Values {
		switch {
		case v == "true" && old.TrueValid:
			out.TrueValid = true
		case v == "false" && old.FalseValid:
			out.FalseValid = true
		default:
			n.wider("source-values", "true, false as the archetype has them", v)
			return
		}
	}
	p.Item = &out
}

// ordinals narrows an ordinal or a scale to some of its values.
func (n *narrower) ordinals() {
	pick := func(old []aom.OrdinalItem) []aom.OrdinalItem {
		names := func(item aom.OrdinalItem, word string) bool {
			return item.Value == word || item.Symbol.Code == word || n.term(item.Symbol) == word
		}
		var out []aom.OrdinalItem
		for _, word := range n.value.Ordinals {
			i := slices.IndexFunc(old, func(item aom.OrdinalItem) bool { return names(item, word) })
			if i < 0 {
				n.wider("source-ordinals", showOrdinals(old), word)
				return old
			}
			out = append(out, old[i])
		}
		if n.value.Ordinals == nil {
			out = slices.Clone(old)
		}
		for _, word := range n.value.OrdinalsOut {
			out = slices.DeleteFunc(out, func(item aom.OrdinalItem) bool { return names(item, word) })
		}
		return out
	}
	switch o := n.object.(type) {
	case *aom.Ordinal:
		o.Items = pick(o.Items)
	case *aom.Scale:
		o.Items = pick(o.Items)
	default:
		n.misfit()
	}
}

func showOrdinals(items []aom.OrdinalItem) string {
	var out []string
	for _, item := range items {
		out = append(out, item.Value+" ("+item.Symbol.Code+")")
	}
	return strings.Join(out, ", ")
}

// term is the text of a local code in the template's own language.
func (n *narrower) term(code aom.Code) string {
	if code.Terminology != "local" {
		return ""
	}
	t, _ := n.archetypes[n.at.archetype().ArchetypeID].Term(code.Code, n.language)
	return t.Text()
}
