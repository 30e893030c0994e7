package opt

import (
	"regexp"

	"github.com/quire-cdr/quire/internal/aom"
)

// archetypeIDForm is ARCHETYPE_ID (BASE 1.1.0, Identification 5.3), namespace
// allowed.
var archetypeIDForm = regexp.MustCompile(`^([a-z0-9.-]+::)?[A-Za-z][A-Za-z0-9_]*-[A-Za-z][A-Za-z0-9_]*-[A-Za-z][A-Za-z0-9_]*\.[A-Za-z0-9_-]+\.v[0-9][0-9A-Za-z.+_-]*$`)

func (r *reader) object(e element) aom.Object {
	switch e.class {
	case "C_COMPLEX_OBJECT":
		o := &aom.ComplexObject{}
		r.each(e, complexSchema, func(c element) { r.complexField(c, o) })
		o.Line = e.line
		return o
	case "C_ARCHETYPE_ROOT":
		return r.archetypeRoot(e)
	case "ARCHETYPE_SLOT":
		return r.slot(e)
	case "ARCHETYPE_INTERNAL_REF":
		o := &aom.InternalRef{}
		r.each(e, internalRefSchema, func(c element) {
			if !r.baseField(c, &o.ObjectBase) {
				o.TargetPath = r.word()
			}
		})
		return o
	case "CONSTRAINT_REF":
		o := &aom.ConstraintRef{}
		r.each(e, constraintRefSchema, func(c element) {
			if !r.baseField(c, &o.ObjectBase) {
				o.Reference = r.word()
			}
		})
		return o
	case "C_PRIMITIVE_OBJECT":
		o := &aom.PrimitiveObject{}
		r.each(e, primitiveObjSchema, func(c element) {
			if !r.baseField(c, &o.ObjectBase) {
				o.Item = r.primitive(c)
			}
		})
		o.Line = e.line
		return o
	}
	if o := r.domain(e); o != nil {
		return o
	}
	r.fault("opt-unknown-class", "a C_OBJECT class", e.class, "%s declares the unknown class %q", e.name, e.class)
	r.skip()
	return nil
}

func (r *reader) baseField(c element, o *aom.ObjectBase) bool {
	switch c.name {
	case "rm_type_name":
		o.TypeName = r.word()
	case "occurrences":
		o.Line = c.line
		o.Occurrences = r.multiplicity(c)
	case "node_id":
		o.NodeID = r.word()
	default:
		return false
	}
	return true
}

func (r *reader) complexField(c element, o *aom.ComplexObject) bool {
	if c.name == "attributes" {
		if a := r.attribute(c); a != nil {
			o.Attributes = append(o.Attributes, a)
		}
		return true
	}
	return r.baseField(c, &o.ObjectBase)
}

func (r *reader) archetypeRoot(e element) *aom.ArchetypeRoot {
	o := &aom.ArchetypeRoot{}
	r.each(e, rootSchema, func(c element) {
		if r.complexField(c, &o.ComplexObject) {
			return
		}
		switch c.name {
		case "archetype_id":
			o.ArchetypeID = r.valueOf(c)
			if !archetypeIDForm.MatchString(o.ArchetypeID) {
				r.at(c)
				r.fault("opt-archetype-id", "an archetype id", o.ArchetypeID, "archetype_id is not an archetype id")
			}
		case "template_id":
			o.TemplateID = r.templateID(c)
		case "term_definitions":
			o.Terms = append(o.Terms, r.term(c))
		case "term_bindings":
			o.Bindings = append(o.Bindings, r.termBindings(c))
		}
	})
	o.Line = e.line
	return o
}

func (r *reader) attribute(e element) *aom.Attribute {
	a := &aom.Attribute{}
	s := attributeSchema
	switch e.class {
	case "C_SINGLE_ATTRIBUTE":
	case "C_MULTIPLE_ATTRIBUTE":
		s, a.Multiple = multipleSchema, true
	default:
		r.fault("opt-unknown-class", "C_SINGLE_ATTRIBUTE or C_MULTIPLE_ATTRIBUTE", e.class, "attributes declares the unknown class %q", e.class)
		r.skip()
		return nil
	}
	r.each(e, s, func(c element) {
		switch c.name {
		case "rm_attribute_name":
			a.Name = r.word()
		case "existence":
			a.Existence = r.multiplicity(c)
		case "match_negated":
			a.MatchNegated = r.boolean(c)
		case "cardinality":
			a.Cardinality = r.cardinality(c)
		case "children":
			if o := r.object(c); o != nil {
				a.Children = append(a.Children, o)
			}
		}
	})
	return a
}

func (r *reader) cardinality(e element) aom.Cardinality {
	var out aom.Cardinality
	r.each(e, cardinalitySchema, func(c element) {
		switch c.name {
		case "is_ordered":
			out.Ordered = r.boolean(c)
		case "is_unique":
			out.Unique = r.boolean(c)
		case "interval":
			out.Interval = r.multiplicity(c)
		}
	})
	return out
}

func (r *reader) slot(e element) *aom.Slot {
	o := &aom.Slot{}
	r.each(e, slotSchema, func(c element) {
		switch c.name {
		case "includes":
			o.Includes = append(o.Includes, r.assertion(c))
		case "excludes":
			o.Excludes = append(o.Excludes, r.assertion(c))
		default:
			r.baseField(c, &o.ObjectBase)
		}
	})
	o.Line = e.line
	return o
}
