package narrow

import (
	"slices"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/template/bounds"
	"github.com/quire-cdr/quire/internal/template/source"
	"github.com/quire-cdr/quire/internal/template/tree"
)

// FitsDefault says whether a default is of the form a class needs.
func FitsDefault(d *source.Default, o aom.Object) bool {
	switch o.Base().TypeName {
	case "DV_QUANTITY":
		return d.Structured && d.Units != ""
	case "DV_CODED_TEXT":
		return d.Code != "" || !d.Structured && tree.IsCode(d.Text)
	case "DV_TEXT":
		return !d.Structured && !tree.IsCode(d.Text)
	}
	return false
}

func member(name string, v *aom.Value) aom.Member { return aom.Member{Name: name, Value: v} }

func text(s string) *aom.Value { return &aom.Value{Text: s} }

func codeMembers(c aom.Code) *aom.Value {
	return &aom.Value{Members: []aom.Member{
		member("terminology_id", &aom.Value{Members: []aom.Member{member("value", text(c.Terminology))}}), member("code_string", text(c.Code))}}
}

// Default makes the value, nil when it does not fit the constraint.
func (n *Value) Default(d *source.Default) *aom.Value {
	name := n.Object.Base().TypeName
	out := &aom.Value{Type: name}
	switch name {
	case "DV_TEXT":
		if list := n.textList(); len(list) > 0 && !slices.Contains(list, d.Text) {
			return nil
		}
		out.Members = []aom.Member{member("value", text(d.Text))}
	case "DV_CODED_TEXT":
		return n.defaultCode(d)
	case "DV_QUANTITY":
		q, ok := n.Object.(*aom.Quantity)
		if _, number := bounds.Decimal(d.Magnitude); !number || d.Units == "" {
			return nil
		}
		if ok && len(q.Items) > 0 {
			i := slices.IndexFunc(q.Items, func(q aom.QuantityItem) bool { return q.Units == d.Units })
			if i < 0 || !bounds.Order(bounds.Number).Holds(d.Magnitude, q.Items[i].Magnitude) {
				return nil
			}
		}
		out.Members = []aom.Member{member("magnitude", text(d.Magnitude)), member("units", text(d.Units))}
	case "DV_ORDINAL":
		return n.defaultOrdinal(d)
	case "DV_COUNT":
		if p := n.primitive(); p == nil || !holdsInteger(p.Item, d.Text) {
			return nil
		}
		out.Members = []aom.Member{member("magnitude", text(d.Text))}
	case "DV_BOOLEAN", "DV_DATE", "DV_TIME", "DV_DATE_TIME", "DV_DURATION", "DV_URI", "DV_EHR_URI":
		if d.Text == "" || name == "DV_BOOLEAN" && d.Text != "true" && d.Text != "false" {
			return nil
		}
		out.Members = []aom.Member{member("value", text(d.Text))}
	default:
		return nil
	}
	return out
}

func holdsInteger(item aom.Primitive, value string) bool {
	i, ok := item.(*aom.Integer)
	return ok && (len(i.List) == 0 || slices.Contains(i.List, value)) && bounds.Order(bounds.Number).Holds(value, i.Range)
}

func (n *Value) defaultCode(d *source.Default) *aom.Value {
	code := aom.Code{Terminology: d.Terminology, Code: d.Code}
	if !d.Structured {
		code.Code = d.Text
	}
	rubric := d.Term
	if list := tree.Attributes(n.Object); list != nil {
		if a := tree.Attribute(*list, "defining_code"); a != nil {
			if phrase, ok := tree.Only(a).(*aom.CodePhrase); ok {
				if code.Terminology == "" {
					code.Terminology = phrase.Terminology
				}
				if phrase.Terminology != "" && phrase.Terminology != code.Terminology || len(phrase.Codes) > 0 && !slices.Contains(phrase.Codes, code.Code) {
					return nil
				}
			}
		}
	}
	if code.Terminology == "" {
		code.Terminology = "local"
	}
	if rubric == "" {
		rubric = n.term(code)
	}
	for _, t := range n.At.Archetype().Terms {
		if t.Code == code.Terminology+"::"+code.Code && rubric == "" {
			rubric = t.Text()
		}
	}
	if code.Code == "" || rubric == "" {
		return nil
	}
	return &aom.Value{Type: "DV_CODED_TEXT", Members: []aom.Member{member("value", text(rubric)), member("defining_code", codeMembers(code))}}
}

func (n *Value) defaultOrdinal(d *source.Default) *aom.Value {
	o, ok := n.Object.(*aom.Ordinal)
	if !ok {
		return nil
	}
	for _, item := range o.Items {
		if item.Value == d.Text || item.Symbol.Code == d.Text || item.Symbol.Code == d.Code {
			symbol := &aom.Value{Members: []aom.Member{member("value", text(n.term(item.Symbol))), member("defining_code", codeMembers(item.Symbol))}}
			return &aom.Value{Type: "DV_ORDINAL", Members: []aom.Member{member("value", text(item.Value)), member("symbol", symbol)}}
		}
	}
	return nil
}
