package adl

import (
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
)

// domain reads a constraint of the openEHR archetype profile written in ODIN,
// such as C_DV_QUANTITY < ... >.
func (p *parser) domain(name string) aom.Object {
	at := p.pos
	v := p.odinValue()
	base := aom.ObjectBase{TypeName: strings.TrimPrefix(name, "C_"), Occurrences: once}
	switch name {
	case "C_DV_QUANTITY", "C_QUANTITY":
		base.TypeName = "DV_QUANTITY"
		return p.quantity(base, v)
	case "C_DV_ORDINAL":
		items, assumed := p.ordinalItems(v)
		return &aom.Ordinal{ObjectBase: base, Items: items, Assumed: assumed}
	case "C_DV_SCALE":
		items, assumed := p.ordinalItems(v)
		return &aom.Scale{ObjectBase: base, Items: items, Assumed: assumed}
	case "C_CODE_PHRASE":
		return p.codePhrase(base, v)
	case "C_CODE_REFERENCE":
		base.TypeName = "CODE_PHRASE"
		return p.codeReference(base, v)
	case "C_DV_STATE":
		return p.state(base, v)
	}
	p.failAt(at, "a domain type of the openEHR profile before <")
	return nil
}

func (p *parser) quantity(base aom.ObjectBase, v *value) *aom.Quantity {
	o := &aom.Quantity{ObjectBase: base}
	for _, m := range v.members {
		switch m.name {
		case "property":
			c := p.code(m)
			o.Property = &c
		case "list":
			for _, item := range m.value.members {
				o.Items = append(o.Items, p.quantityItem(item.value))
			}
		case "assumed_value":
			o.Assumed = p.quantityValue(m.value)
		default:
			p.unknown(m, "C_DV_QUANTITY")
		}
	}
	return o
}

func (p *parser) quantityItem(v *value) aom.QuantityItem {
	var item aom.QuantityItem
	for _, m := range v.members {
		switch m.name {
		case "units":
			item.Units = p.string(m)
		case "magnitude":
			item.Magnitude = p.bounds(m)
		case "precision":
			item.Precision = p.bounds(m)
		default:
			p.unknown(m, "C_QUANTITY_ITEM")
		}
	}
	return item
}

// bounds takes an interval of numbers; a number alone is a point.
func (p *parser) bounds(m member) *aom.Interval {
	switch {
	case m.value.kind == interval && onlyNumbers(m.value.interval):
		return m.value.interval
	case m.value.kind == number:
		return &aom.Interval{Lower: m.value.text, Upper: m.value.text, LowerIncluded: true, UpperIncluded: true}
	}
	p.failAt(m.value.at, "an interval of numbers")
	return nil
}

func onlyNumbers(i *aom.Interval) bool {
	return (i.LowerUnbounded || isNumber(i.Lower)) && (i.UpperUnbounded || isNumber(i.Upper))
}

// quantityValue is an assumed DV_QUANTITY, its members in the order of the class.
func (p *parser) quantityValue(v *value) *aom.Value {
	order := []string{"magnitude", "units", "precision"}
	for _, m := range v.members {
		if !slices.Contains(order, m.name) {
			p.unknown(m, "DV_QUANTITY")
		}
	}
	out := &aom.Value{}
	for _, name := range order {
		found := v.get(name)
		if found == nil {
			continue
		}
		if (found.kind == number) == (name == "units") || !found.leaf() {
			p.failAt(found.at, "a number as "+name+", or a text as units")
		}
		out.Members = append(out.Members, aom.Member{Name: name, Value: &aom.Value{Text: found.text}})
	}
	return out
}

func (p *parser) ordinalItems(v *value) (items []aom.OrdinalItem, assumed *aom.Value) {
	for _, m := range v.members {
		switch m.name {
		case "list":
			for _, item := range m.value.members {
				symbol, number := item.value.get("symbol"), item.value.get("value").string()
				if symbol == nil || !isNumber(number) {
					p.failAt(item.at, "an ordinal with a number as value and a code as symbol")
				}
				items = append(items, aom.OrdinalItem{Value: number, Symbol: p.code(member{name: "symbol", value: symbol})})
			}
		case "assumed_value":
			text := m.value.string()
			if m.value.kind == object {
				text = m.value.get("value").string()
			}
			if !isNumber(text) {
				p.failAt(m.value.at, "a number")
			}
			assumed = ordinalValue(items, text)
		default:
			p.unknown(m, "C_DV_ORDINAL")
		}
	}
	return items, assumed
}

func (p *parser) codePhrase(base aom.ObjectBase, v *value) *aom.CodePhrase {
	o := &aom.CodePhrase{ObjectBase: base}
	for _, m := range v.members {
		switch m.name {
		case "terminology_id":
			if m.value.kind == object {
				o.Terminology = m.value.get("value").string()
			} else {
				o.Terminology = p.string(m)
			}
		case "code_list":
			o.Codes = p.strings(m)
		case "assumed_value":
			c := p.code(m)
			o.Assumed = &c
		default:
			p.unknown(m, "C_CODE_PHRASE")
		}
	}
	return o
}
