package narrow

import (
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/template/bounds"
	"github.com/quire-cdr/quire/internal/template/source"
	"github.com/quire-cdr/quire/internal/template/tree"
)

// units narrows the units of a quantity, their ranges and decimals.
func (n *Value) units() {
	q, ok := n.Object.(*aom.Quantity)
	if !ok {
		c, bare := n.Object.(*aom.ComplexObject)
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
			n.Add(n.where, n.At.Path(), "source-units", "at least one unit", "none", "no unit of %s is left", n.At.Path())
		}
		return
	}
	q.Items = out
}

func (n *Value) unit(item aom.QuantityItem, u source.Unit) aom.QuantityItem {
	if u.Range != nil {
		switch {
		case !bounds.Order(bounds.Number).Sound(u.Range):
			n.Add(n.where, n.At.Path(), "source-range", "lower <= upper", bounds.Show(u.Range), "the range %s of %s is none", bounds.Show(u.Range), u.Unit)
		case !bounds.Order(bounds.Number).Within(u.Range, item.Magnitude):
			n.wider("source-range", u.Unit+" "+bounds.Show(item.Magnitude), u.Unit+" "+bounds.Show(u.Range))
		default:
			r := *u.Range
			r.Lower, r.Upper = decimal(r.Lower), decimal(r.Upper)
			item.Magnitude = &r
		}
	}
	if u.Precision != nil {
		switch {
		case !bounds.Order(bounds.Number).Sound(u.Precision):
			n.Add(n.where, n.At.Path(), "source-range", "lower <= upper", bounds.Show(u.Precision), "the precision %s of %s is none", bounds.Show(u.Precision), u.Unit)
		case !bounds.Order(bounds.Number).Within(u.Precision, item.Precision):
			n.wider("source-precision", u.Unit+" "+bounds.Show(item.Precision), u.Unit+" "+bounds.Show(u.Precision))
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
func (n *Value) primitive() *aom.PrimitiveObject {
	if p, ok := n.Object.(*aom.PrimitiveObject); ok {
		if p.Item == nil {
			for _, h := range holder {
				if h.class == p.TypeName {
					p.Item = h.item()
				}
			}
		}
		return p
	}
	h, ok := holder[n.Object.Base().TypeName]
	if !ok {
		return nil
	}
	_, o := n.inner(h.attribute, tree.Primitive(h.class, h.item()))
	p, _ := o.(*aom.PrimitiveObject)
	if p != nil && p.Item == nil {
		p.Item = h.item()
	}
	return p
}

// numbers narrows ranges and lists of values.
func (n *Value) numbers() {
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
		list, limit := n.limits(bounds.Number, item.List, item.Range)
		p.Item = &aom.Integer{List: list, Range: limit, Assumed: item.Assumed}
	case *aom.Real:
		list, limit := n.limits(bounds.Number, item.List, item.Range)
		p.Item = &aom.Real{List: list, Range: limit, Assumed: item.Assumed}
	case *aom.Duration:
		c := *item
		_, c.Range = n.limits(bounds.Duration, nil, item.Range)
		p.Item = &c
	case *aom.Date:
		c := *item
		_, c.Range = n.limits(bounds.Date, nil, item.Range)
		p.Item = &c
	case *aom.Time:
		c := *item
		_, c.Range = n.limits(bounds.Text, nil, item.Range)
		p.Item = &c
	case *aom.DateTime:
		c := *item
		_, c.Range = n.limits(bounds.Text, nil, item.Range)
		p.Item = &c
	default:
		n.misfit()
	}
}

// limits narrows a list or a range to what the key says.
func (n *Value) limits(o bounds.Order, list []string, limit *aom.Interval) ([]string, *aom.Interval) {
	if n.key == "range" {
		r := n.value.Range
		switch {
		case !o.Sound(r):
			n.Add(n.where, n.At.Path(), "source-range", "lower <= upper", bounds.Show(r), "the range %s does not fit %s", bounds.Show(r), n.At.Path())
		case !o.Within(r, limit):
			n.wider("source-range", bounds.Show(limit), bounds.Show(r))
		case len(list) > 0:
			kept := slices.DeleteFunc(slices.Clone(list), func(v string) bool { return !o.Holds(v, r) })
			if len(kept) == 0 {
				n.wider("source-range", strings.Join(list, ", "), bounds.Show(r))
				return list, limit
			}
			return kept, limit
		default:
			return list, r
		}
		return list, limit
	}
	for _, v := range n.value.Values {
		_, ok := o(v, v)
		if !ok || len(list) > 0 && !slices.Contains(list, v) || !o.Holds(v, limit) {
			allowed := bounds.Show(limit)
			if len(list) > 0 {
				allowed = strings.Join(list, ", ")
			}
			n.wider("source-values", allowed, v)
			return list, limit
		}
	}
	return n.value.Values, nil
}

func (n *Value) booleans(p *aom.PrimitiveObject, old aom.Boolean) {
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
func (n *Value) ordinals() {
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
	switch o := n.Object.(type) {
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
func (n *Value) term(code aom.Code) string {
	if code.Terminology != "local" {
		return ""
	}
	t, _ := n.Archetypes[n.At.Archetype().ArchetypeID].Term(code.Code, n.Language)
	return t.Text()
}
