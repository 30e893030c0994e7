package opt

import "github.com/quire-cdr/quire/internal/aom"

func (r *reader) assertion(e element) aom.Assertion {
	var a aom.Assertion
	r.each(e, assertionSchema, func(c element) {
		switch c.name {
		case "tag":
			a.Tag = r.text()
		case "string_expression":
			a.Text = r.text()
		case "expression":
			a.Expression = r.expression(c)
		case "variables":
			var v aom.Variable
			r.each(c, variableSchema, func(f element) {
				if f.name == "name" {
					v.Name = r.text()
				} else {
					v.Definition = r.text()
				}
			})
			a.Variables = append(a.Variables, v)
		}
	})
	return a
}

var expressionClasses = map[string]struct {
	kind   aom.ExpressionKind
	schema *schema
}{
	"EXPR_LEAF":            {aom.Leaf, leafSchema},
	"EXPR_UNARY_OPERATOR":  {aom.Unary, unarySchema},
	"EXPR_BINARY_OPERATOR": {aom.Binary, binarySchema},
}

func (r *reader) expression(e element) *aom.Expression {
	class, ok := expressionClasses[e.class]
	if !ok {
		r.fault("opt-unknown-class", "an EXPR_ITEM class", e.class, "%s declares the unknown class %q", e.name, e.class)
		r.skip()
		return nil
	}
	x := &aom.Expression{Kind: class.kind}
	r.each(e, class.schema, func(c element) {
		switch c.name {
		case "type":
			x.Type = r.text()
		case "operator":
			x.Operator = r.integer(c)
		case "precedence_overridden":
			x.PrecedenceOverridden = r.boolean(c)
		case "operand", "left_operand":
			x.Left = r.expression(c)
		case "right_operand":
			x.Right = r.expression(c)
		case "reference_type":
			x.ReferenceType = r.text()
		case "item":
			r.leafItem(c, x)
		}
	})
	return x
}

// leafItem reads xs:anyType: a C_PRIMITIVE, or text of a simple type.
func (r *reader) leafItem(e element, x *aom.Expression) {
	x.ItemType = e.class
	if _, ok := primitiveClasses[e.class]; ok {
		x.Constraint = r.primitive(e)
		return
	}
	x.Text = r.text()
}
