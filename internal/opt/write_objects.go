package opt

import (
	"fmt"
	"strconv"

	"github.com/quire-cdr/quire/internal/aom"
)

func (e *emitter) object(o aom.Object) {
	as := func(name string, content func()) { e.element("children", content, class(name)) }
	switch o := o.(type) {
	case *aom.ComplexObject:
		as("C_COMPLEX_OBJECT", func() { e.complexObject(o) })
	case *aom.ArchetypeRoot:
		as("C_ARCHETYPE_ROOT", func() { e.archetypeRoot(o) })
	case *aom.Slot:
		as("ARCHETYPE_SLOT", func() {
			e.base(&o.ObjectBase)
			e.assertions("includes", o.Includes)
			e.assertions("excludes", o.Excludes)
		})
	case *aom.InternalRef:
		as("ARCHETYPE_INTERNAL_REF", func() { e.base(&o.ObjectBase); e.text("target_path", o.TargetPath) })
	case *aom.ConstraintRef:
		as("CONSTRAINT_REF", func() { e.base(&o.ObjectBase); e.text("reference", o.Reference) })
	case *aom.PrimitiveObject:
		as("C_PRIMITIVE_OBJECT", func() {
			e.base(&o.ObjectBase)
			if o.Item != nil {
				e.primitive("item", o.Item)
			}
		})
	case *aom.CodePhrase:
		as("C_CODE_PHRASE", func() { e.codePhrase(o) })
	case *aom.CodeReference:
		as("C_CODE_REFERENCE", func() { e.codePhrase(&o.CodePhrase); e.text("referenceSetUri", o.ReferenceSetURI) })
	case *aom.Quantity:
		as("C_DV_QUANTITY", func() { e.quantity(o) })
	case *aom.Ordinal:
		as("C_DV_ORDINAL", func() { e.ordinals(&o.ObjectBase, o.Assumed, o.Items) })
	case *aom.Scale:
		as("C_DV_SCALE", func() { e.ordinals(&o.ObjectBase, o.Assumed, o.Items) })
	case *aom.State:
		as("C_DV_STATE", func() { e.state(o) })
	default:
		e.refuse("opt-unknown-class", "a C_OBJECT class", fmt.Sprintf("%T", o))
	}
}

func (e *emitter) base(o *aom.ObjectBase) {
	e.text("rm_type_name", o.TypeName)
	e.multiplicity("occurrences", o.Occurrences)
	e.text("node_id", o.NodeID)
}

func (e *emitter) complexObject(o *aom.ComplexObject) {
	e.base(&o.ObjectBase)
	for _, a := range o.Attributes {
		e.attribute(a)
	}
}

func (e *emitter) archetypeRoot(o *aom.ArchetypeRoot) {
	e.complexObject(&o.ComplexObject)
	e.identifier("archetype_id", o.ArchetypeID)
	if o.TemplateID != "" {
		e.identifier("template_id", o.TemplateID)
	}
	e.terms("term_definitions", o.Terms)
	e.termBindings(o.Bindings)
}

func (e *emitter) attribute(a *aom.Attribute) {
	name := "C_SINGLE_ATTRIBUTE"
	if a.Multiple {
		name = "C_MULTIPLE_ATTRIBUTE"
	}
	e.element("attributes", func() {
		e.text("rm_attribute_name", a.Name)
		e.multiplicity("existence", a.Existence)
		for _, child := range a.Children {
			e.object(child)
		}
		if a.MatchNegated {
			e.boolean("match_negated", true)
		}
		if a.Multiple {
			e.element("cardinality", func() {
				e.boolean("is_ordered", a.Cardinality.Ordered)
				e.boolean("is_unique", a.Cardinality.Unique)
				e.multiplicity("interval", a.Cardinality.Interval)
			})
		}
	}, class(name))
}

func (e *emitter) multiplicity(name string, m aom.Multiplicity) {
	i := aom.Interval{Lower: strconv.Itoa(m.Min), LowerIncluded: true, UpperUnbounded: m.Max == aom.Unbounded}
	if !i.UpperUnbounded {
		i.Upper, i.UpperIncluded = strconv.Itoa(m.Max), true
	}
	e.interval(name, &i)
}

// interval writes Interval; inclusion is said only of a bound that is there.
func (e *emitter) interval(name string, i *aom.Interval) {
	e.element(name, func() {
		if !i.LowerUnbounded {
			e.boolean("lower_included", i.LowerIncluded)
		}
		if !i.UpperUnbounded {
			e.boolean("upper_included", i.UpperIncluded)
		}
		e.boolean("lower_unbounded", i.LowerUnbounded)
		e.boolean("upper_unbounded", i.UpperUnbounded)
		if !i.LowerUnbounded {
			e.text("lower", i.Lower)
		}
		if !i.UpperUnbounded {
			e.text("upper", i.Upper)
		}
	})
}

func (e *emitter) assertions(name string, list []aom.Assertion) {
	for _, a := range list {
		e.element(name, func() {
			e.optional("tag", a.Tag)
			e.optional("string_expression", a.Text)
			if a.Expression == nil {
				e.refuse("opt-missing-element", "expression", "none")
				return
			}
			e.expression("expression", a.Expression)
			for _, v := range a.Variables {
				e.element("variables", func() { e.text("name", v.Name); e.text("definition", v.Definition) })
			}
		})
	}
}

func (e *emitter) expression(name string, x *aom.Expression) {
	if x == nil {
		e.refuse("opt-missing-element", name, "none")
		return
	}
	operator := func() {
		e.text("type", x.Type)
		e.text("operator", strconv.Itoa(x.Operator))
		e.boolean("precedence_overridden", x.PrecedenceOverridden)
	}
	switch x.Kind {
	case aom.Unary:
		e.element(name, func() { operator(); e.expression("operand", x.Left) }, class("EXPR_UNARY_OPERATOR"))
	case aom.Binary:
		e.element(name, func() {
			operator()
			e.expression("left_operand", x.Left)
			e.expression("right_operand", x.Right)
		}, class("EXPR_BINARY_OPERATOR"))
	default:
		e.element(name, func() {
			e.text("type", x.Type)
			e.leafItem(x)
			e.text("reference_type", x.ReferenceType)
		}, class("EXPR_LEAF"))
	}
}

// leafItem writes xs:anyType. The built-in types of XML Schema begin with a
// small letter, those of openEHR with a capital.
func (e *emitter) leafItem(x *aom.Expression) {
	switch {
	case x.Constraint != nil:
		e.primitive("item", x.Constraint)
	case x.ItemType == "":
		e.text("item", x.Text)
	case x.ItemType[0] >= 'a' && x.ItemType[0] <= 'z':
		e.text("item", x.Text, class("xsd:"+x.ItemType))
	default:
		e.text("item", x.Text, class(x.ItemType))
	}
}
