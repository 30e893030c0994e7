package declare

import (
	"slices"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// used describes the parameters by where they stand.
func used(q *aql.Query) []Parameter {
	r := reader{q: q, at: map[string]int{}}
	for i, name := range q.Params() {
		r.at[name] = i
		r.all = append(r.all, Parameter{Name: name, List: true, Required: true})
	}
	if len(r.all) == 0 {
		return []Parameter{}
	}
	aql.Inspect(q, r.visit)
	for i := range r.all {
		p := &r.all[i]
		if p.used == "" {
			p.used = Any
		}
		p.Type = p.used
	}
	return r.all
}

type reader struct {
	q   *aql.Query
	at  map[string]int
	all []Parameter
	// holders are what relative paths begin at, of the predicates around.
	holders []rminfo.Class
}

// note takes down one place of a parameter; list says that several values may
// stand there.
func (r *reader) note(name string, t Type, list bool, path *aql.PathExpr) {
	p := &r.all[r.at[name]]
	p.List = p.List && list
	p.used = both(p.used, t)
	if path != nil {
		if text := path.String(); !slices.Contains(p.Paths, text) {
			p.Paths = append(p.Paths, text)
		}
	}
}

// both is the type of what stands in two places.
func both(a, b Type) Type {
	switch {
	case a == b, b == Any:
		return a
	case a == "", a == Any, a == Ordered && b != Text && b != Boolean:
		return b
	case b == Ordered && a != Text && a != Boolean:
		return a
	case a == Integer && b == Number || a == Number && b == Integer:
		return Integer
	}
	return Any
}

// visit reads a node and those below it, with the classes that relative paths
// begin at.
func (r *reader) visit(n aql.Node) bool {
	switch n := n.(type) {
	case *aql.Class:
		if n.Predicate != nil {
			class, _ := rminfo.ClassByName(n.RMType())
			r.within([]rminfo.Class{class}, n.Predicate)
		}
		if n.Contains != nil {
			aql.Inspect(n.Contains, r.visit)
		}
		return false
	case *aql.PathExpr:
		classes := r.variable(n)
		if n.Predicate != nil {
			r.within(classes, n.Predicate)
		}
		r.predicates(classes, n.Path)
		return false
	case *aql.RelativePath:
		r.predicates(r.holders, n.Path)
		return false
	case *aql.NodeID:
		if n.Kind == aql.NodeParam {
			r.note(n.ID, Text, false, nil)
		}
		r.operand(n.Name, Text, nil)
	case *aql.Comparison:
		r.compared(n.Left, n.Right, n.Op > aql.Ne)
		r.compared(n.Right, n.Left, n.Op > aql.Ne)
	case *aql.Like:
		path, _ := n.Left.(*aql.PathExpr)
		r.operand(n.Pattern, Text, path)
	case *aql.Matches:
		t, path := r.typeOf(n.Left, false)
		for _, item := range n.Items {
			if p, ok := item.(*aql.Param); ok {
				r.note(p.Name, t, true, path)
			}
		}
	case *aql.Arithmetic:
		r.operand(n.Left, Number, nil)
		r.operand(n.Right, Number, nil)
	case *aql.Call:
		for i, a := range n.Args {
			r.operand(a, argument(n, i), nil)
		}
	case *aql.Column:
		r.operand(n.Expr, Any, nil)
	case *aql.OrderKey:
		r.operand(n.Expr, Any, nil)
	}
	return true
}

// within reads a predicate on objects of the classes.
func (r *reader) within(classes []rminfo.Class, predicate aql.Expr) {
	outer := r.holders
	r.holders = classes
	aql.Inspect(predicate, r.visit)
	r.holders = outer
}

func (r *reader) predicates(classes []rminfo.Class, p aql.Path) {
	for _, s := range p.Segments {
		classes = Below(classes, s.Name)
		if s.Predicate != nil {
			r.within(classes, s.Predicate)
		}
	}
}

// operand notes an expression where it is a parameter; nil is none.
func (r *reader) operand(e aql.Expr, t Type, path *aql.PathExpr) {
	if p, ok := e.(*aql.Param); ok {
		r.note(p.Name, t, false, path)
	}
}

// compared notes e where it is a parameter, by what it is compared with.
func (r *reader) compared(e, with aql.Expr, ordered bool) {
	if _, ok := e.(*aql.Param); ok {
		t, path := r.typeOf(with, ordered)
		r.operand(e, t, path)
	}
}

// typeOf is the type of an expression's value, and its path where it is one.
func (r *reader) typeOf(e aql.Expr, ordered bool) (Type, *aql.PathExpr) {
	switch e := e.(type) {
	case *aql.Literal:
		switch e.Kind {
		case aql.String:
			return Text, nil
		case aql.Integer, aql.Real:
			return Number, nil
		case aql.Boolean:
			return Boolean, nil
		}
	case *aql.Arithmetic:
		return Number, nil
	case *aql.Call:
		return result(e), nil
	case *aql.PathExpr:
		return ends(r.variable(e), e.Path, ordered), e
	case *aql.RelativePath:
		return ends(r.holders, e.Path, ordered), nil
	}
	return Any, nil
}

// argument is the type of an argument of a function.
func argument(c *aql.Call, i int) Type {
	f := c.Function()
	switch {
	case f == nil:
		return Any
	case f.Kind == aql.NumericFunction, f.Name == "SUBSTRING" && i > 0:
		return Number
	case f.Kind == aql.StringFunction && f.Name != "CONCAT" && f.Name != "CONCAT_WS", f.Kind == aql.TerminologyFunction:
		return Text
	}
	return Any
}

// result is the type of what a function gives.
func result(c *aql.Call) Type {
	f := c.Function()
	switch {
	case f == nil:
		return Any
	case f.Name == "CONTAINS":
		return Boolean
	case f.Kind == aql.NumericFunction, f.Name == "LENGTH", f.Name == "POSITION":
		return Number
	case f.Kind == aql.StringFunction, f.Name == "CURRENT_TIMEZONE":
		return Text
	case f.Name == "CURRENT_DATE":
		return Date
	case f.Name == "CURRENT_TIME":
		return Time
	case f.Kind == aql.TimeFunction:
		return DateTime
	}
	return Any
}

// variable gives the classes that a variable may stand for.
func (r *reader) variable(p *aql.PathExpr) []rminfo.Class {
	c := r.q.Class(p.Variable)
	if c == nil {
		return nil
	}
	class, ok := rminfo.ClassByName(c.RMType())
	if !ok {
		return nil
	}
	return concrete(nil, class)
}

// ends is the type of the values at the end of a path. What has an order may be
// of several types; what has none is then not meant.
func ends(classes []rminfo.Class, p aql.Path, ordered bool) Type {
	var holders []rminfo.Class
	last := ""
	for _, s := range p.Segments {
		holders, classes, last = classes, Below(classes, s.Name), s.Name
	}
	var found []Type
	for _, c := range classes {
		t := typeOfClass(c)
		if c.Scalar() == rminfo.Text && last == "value" {
			t = heldBy(holders)
		}
		if ordered && len(classes) > 1 && (t == Any || t == Text || t == Boolean) {
			continue
		}
		if !slices.Contains(found, t) {
			found = append(found, t)
		}
	}
	if slices.Contains(found, Number) {
		found = slices.DeleteFunc(found, func(t Type) bool { return t == Integer })
	}
	switch {
	case len(found) == 1:
		return found[0]
	case ordered && len(found) > 1:
		return Ordered
	}
	return Any
}

// heldBy is the type of the attribute value of the classes, of those where it is
// a text.
func heldBy(holders []rminfo.Class) Type {
	found := Type("")
	for _, h := range holders {
		t := Text
		if temporal, ok := temporals[h]; ok {
			t = temporal
		} else if a, has := h.Attribute(rminfo.A_value); !has || a.Type.Scalar() != rminfo.Text {
			continue
		}
		if found != "" && found != t {
			return Any
		}
		found = t
	}
	if found == "" {
		return Any
	}
	return found
}

var temporals = map[rminfo.Class]Type{
	rminfo.DV_DATE_TIME: DateTime, rminfo.DV_DATE: Date, rminfo.DV_TIME: Time, rminfo.DV_DURATION: Duration,
}

func typeOfClass(c rminfo.Class) Type {
	if t, ok := temporals[c]; ok {
		return t
	}
	switch {
	case c == rminfo.Integer || c == rminfo.Integer64:
		return Integer
	case c.Scalar() == rminfo.Number, c.IsA(rminfo.DV_QUANTITY), c.IsA(rminfo.DV_COUNT), c.IsA(rminfo.DV_PROPORTION):
		return Number
	case c.Scalar() == rminfo.Bool, c == rminfo.DV_BOOLEAN:
		return Boolean
	case c.Scalar() == rminfo.Text, c.IsA(rminfo.DV_TEXT), c.IsA(rminfo.OBJECT_ID):
		return Text
	}
	return Any
}

// ehrAttributes are what queries find at an EHR by name and the reference model
// has as a reference to it.
var ehrAttributes = map[string]rminfo.Class{
	"ehr_id": rminfo.HIER_OBJECT_ID, "system_id": rminfo.HIER_OBJECT_ID, "time_created": rminfo.DV_DATE_TIME,
	"ehr_status": rminfo.EHR_STATUS, "directory": rminfo.FOLDER,
}

// Below gives the concrete classes that an attribute of the classes leads to, as
// queries find it.
func Below(classes []rminfo.Class, name string) (next []rminfo.Class) {
	attr, ok := rminfo.AttrByName(name)
	for _, c := range classes {
		if own, is := ehrAttributes[name]; is && c == rminfo.EHR {
			return []rminfo.Class{own}
		}
		if a, has := c.Attribute(attr); ok && has {
			next = concrete(next, a.Type)
		}
	}
	return next
}

func concrete(all []rminfo.Class, class rminfo.Class) []rminfo.Class {
	for _, d := range class.Descendants() {
		if !d.Abstract() && !slices.Contains(all, d) {
			all = append(all, d)
		}
	}
	return all
}
