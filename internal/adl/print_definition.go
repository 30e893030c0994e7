package adl

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
)

func (p *printer) object(o aom.Object) {
	switch o := o.(type) {
	case *aom.ComplexObject:
		p.complexObject(o.TypeName+id(o.NodeID), o)
	case *aom.ArchetypeRoot:
		name := "[" + o.ArchetypeID + "]"
		if o.NodeID != "" {
			name = "[" + o.NodeID + ", " + o.ArchetypeID + "]"
		}
		p.line("use_archetype %s%s%s", o.TypeName, name, occurrences(&o.ObjectBase))
		if len(o.Attributes) > 0 {
			p.refuse("constraints below use_archetype")
		}
	case *aom.Slot:
		opening := "allow_archetype " + o.TypeName + id(o.NodeID) + occurrences(&o.ObjectBase) + " matches {"
		if len(o.Includes)+len(o.Excludes) == 0 {
			p.line("%s*}%s", opening, p.comment(o.NodeID))
			return
		}
		p.block(opening+p.comment(o.NodeID), "}", func() {
			if len(o.Includes) > 0 {
				p.block("include", "", func() { p.assertions(o.Includes) })
			}
			if len(o.Excludes) > 0 {
				p.block("exclude", "", func() { p.assertions(o.Excludes) })
			}
		})
	case *aom.InternalRef:
		said := ""
		if o.Occurrences != (aom.Multiplicity{}) {
			said = " occurrences matches {" + multiplicity(o.Occurrences) + "}"
		}
		p.line("use_node %s%s%s %s%s", o.TypeName, id(o.NodeID), said, o.TargetPath, p.comment(o.NodeID))
	case *aom.ConstraintRef:
		p.line("[%s]", o.Reference)
	case *aom.PrimitiveObject:
		p.primitive(o)
	case *aom.CodePhrase:
		p.codePhrase(o)
	case *aom.Quantity:
		p.quantity(o)
	case *aom.Ordinal:
		p.ordinals("C_DV_ORDINAL", o.Items, o.Assumed)
	case *aom.Scale:
		p.ordinals("C_DV_SCALE", o.Items, o.Assumed)
	case *aom.State:
		p.state(o)
	case *aom.CodeReference:
		p.codeReference(o)
	default:
		p.refuse(fmt.Sprintf("a constraint of class %T", o))
	}
}

func id(nodeID string) string {
	if nodeID == "" {
		return ""
	}
	return "[" + nodeID + "]"
}

func occurrences(o *aom.ObjectBase) string {
	if o.Occurrences == once {
		return ""
	}
	return " occurrences matches {" + multiplicity(o.Occurrences) + "}"
}

func multiplicity(m aom.Multiplicity) string {
	if m.Max == aom.Unbounded {
		return strconv.Itoa(m.Min) + "..*"
	}
	return strconv.Itoa(m.Min) + ".." + strconv.Itoa(m.Max)
}

func (p *printer) complexObject(name string, o *aom.ComplexObject) {
	opening := name + occurrences(&o.ObjectBase) + " matches {"
	if len(o.Attributes) == 0 {
		p.line("%s*}%s", opening, p.comment(o.NodeID))
		return
	}
	p.block(opening+p.comment(o.NodeID), "}", func() {
		for _, a := range o.Attributes {
			p.attribute(o.TypeName, a)
		}
	})
}

func (p *printer) attribute(class string, a *aom.Attribute) {
	opening := a.Name
	if a.Existence != once {
		opening += " existence matches {" + multiplicity(a.Existence) + "}"
	}
	_, container := attributeOf(class, a.Name)
	silent := aom.Cardinality{Interval: aom.Multiplicity{Max: aom.Unbounded}}
	if a.Multiple && (!container || a.Cardinality != silent) {
		order, unique := "unordered", ""
		if a.Cardinality.Ordered {
			order = "ordered"
		}
		if a.Cardinality.Unique {
			unique = "; unique"
		}
		opening += " cardinality matches {" + multiplicity(a.Cardinality.Interval) + "; " + order + unique + "}"
	}
	if len(a.Children) == 0 {
		p.line("%s matches {*}", opening)
		return
	}
	p.block(opening+" matches {", "}", func() {
		for _, child := range a.Children {
			p.object(child)
		}
	})
}

func (p *printer) assertions(list []aom.Assertion) {
	for _, a := range list {
		for _, v := range a.Variables {
			p.line("let $%s = %s", v.Name, v.Definition)
		}
		text := a.Text
		if pattern, ok := a.ArchetypeIDPattern(); text == "" && ok {
			text = "archetype_id/value matches {" + regex(pattern) + "}"
		}
		if text == "" {
			p.refuse("an assertion without its text")
			return
		}
		if a.Tag != "" {
			text = a.Tag + ": " + text
		}
		p.line("%s", text)
	}
}

// regex writes a pattern between slashes, its own slashes escaped.
func regex(pattern string) string {
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\' && i+1 < len(pattern):
			b.WriteByte(c)
			i++
			b.WriteByte(pattern[i])
		case c == '/':
			b.WriteString(`\/`)
		default:
			b.WriteByte(c)
		}
	}
	return "/" + b.String() + "/"
}

func (p *printer) codePhrase(o *aom.CodePhrase) {
	if o.Terminology == "" {
		p.block("C_CODE_PHRASE <", ">", func() {})
		return
	}
	assumed := ""
	if o.Assumed != nil {
		assumed = "; " + o.Assumed.Code
	}
	if len(o.Codes) < 2 {
		p.line("[%s::%s%s]", o.Terminology, strings.Join(o.Codes, ""), assumed)
		return
	}
	p.line("[%s::", o.Terminology)
	for i, code := range o.Codes {
		end := ","
		if i == len(o.Codes)-1 {
			end = assumed + "]"
		}
		p.line("%s%s%s", code, end, p.comment(code))
	}
}

func (p *printer) quantity(o *aom.Quantity) {
	p.block("C_DV_QUANTITY <", ">", func() {
		if o.Property != nil {
			p.code("property", *o.Property)
		}
		if len(o.Items) > 0 {
			p.block("list = <", ">", func() {
				for i, item := range o.Items {
					p.keyed(strconv.Itoa(i+1), func() {
						p.text("units", item.Units)
						p.interval("magnitude", item.Magnitude)
						p.interval("precision", item.Precision)
					})
				}
			})
		}
		if v := o.Assumed; v != nil {
			p.block("assumed_value = <", ">", func() {
				for _, m := range v.Members {
					text := m.Value.Text
					if m.Name == "units" {
						text = quote(text)
					}
					p.line("%s = <%s>", m.Name, text)
				}
			})
		}
	})
}

func (p *printer) interval(name string, i *aom.Interval) {
	if i != nil {
		p.line("%s = <%s>", name, intervalText(i))
	}
}

func (p *printer) ordinals(class string, items []aom.OrdinalItem, assumed *aom.Value) {
	if len(items) == 0 || class == "C_DV_SCALE" && !anyReal(items) {
		p.ordinalBlock(class, items, assumed)
		return
	}
	for i, item := range items {
		end := ","
		if i == len(items)-1 {
			end = ""
			if assumed != nil {
				end = "; " + assumed.TextAt("value")
			}
		}
		p.line("%s|%s%s%s", item.Value, bracketed(item.Symbol), end, p.comment(item.Symbol.Code))
	}
}

// ordinalBlock is the form in ODIN, for what the short form would turn into
// another class.
func (p *printer) ordinalBlock(class string, items []aom.OrdinalItem, assumed *aom.Value) {
	p.block(class+" <", ">", func() {
		if len(items) > 0 {
			p.block("list = <", ">", func() {
				for i, item := range items {
					p.keyed(strconv.Itoa(i+1), func() {
						p.line("value = <%s>", item.Value)
						p.code("symbol", item.Symbol)
					})
				}
			})
		}
		if assumed != nil {
			p.line("assumed_value = <%s>", assumed.TextAt("value"))
		}
	})
}

func anyReal(items []aom.OrdinalItem) bool {
	for _, item := range items {
		if scalarOf(item.Value) == realScalar {
			return true
		}
	}
	return false
}
