package sqlgen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/aql/plan"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// kind says what SQL type an operand's expression has.
type kind uint8

// The kinds of operand: jsonb whose content is known only when read, and the
// SQL types of what is computed or constant.
const (
	anyKind kind = iota
	textKind
	numberKind
	boolKind
)

// operand is a value in SQL that can be asked for as each type; as another type
// than its own it is null.
type operand struct {
	g    *generator
	kind kind
	sql  string
	// ref is set for paths: its classes say what the JSON can be.
	ref *plan.Ref
}

func (g *generator) operand(v plan.Value) operand {
	switch v := v.(type) {
	case *plan.Ref:
		return operand{g: g, sql: g.refJSON(v), ref: v}
	case plan.Literal:
		switch v.Kind {
		case aql.String:
			return operand{g: g, kind: textKind, sql: g.text(v.Text)}
		case aql.Boolean:
			return operand{g: g, kind: boolKind, sql: g.args.Add(v.Text == "true") + "::boolean"}
		case aql.Null:
			return operand{g: g, sql: "null::jsonb"}
		}
		return operand{g: g, kind: numberKind, sql: g.args.Add(v.Text) + "::text::numeric"}
	case *plan.Call:
		return g.call(v)
	case *plan.Aggregate:
		return g.aggregate(v)
	case *plan.Arithmetic:
		left, right := g.operand(v.Left).operated(), g.operand(v.Right).operated()
		if v.Op == aql.Div {
			return operand{g: g, kind: numberKind, sql: round15(left + " * 1.0e0::numeric(60, 40) / nullif(" + right + ", 0)")}
		}
		return operand{g: g, kind: numberKind, sql: "(" + left + " " + string(v.Op) + " " + right + ")"}
	}
	return operand{g: g, sql: "null::jsonb"}
}

// aggregate is an aggregate as part of an expression.
func (g *generator) aggregate(a *plan.Aggregate) operand {
	o := operand{g: g, kind: numberKind}
	// An aggregate that names no relation would be one of the nearest select,
	// which may be one that rounds.
	row := g.anyEHR()
	if a.Star {
		o.sql = "count(" + row + ")::numeric"
		return o
	}
	nothing := "(case when count(" + row + ") < 0 then "
	arg := g.operand(a.Arg)
	if ref, ok := a.Arg.(*plan.Ref); ok && ref.Missing {
		switch a.Func {
		case "COUNT":
			return operand{g: g, kind: numberKind, sql: "(count(" + row + ") * 0)::numeric"}
		case "MIN", "MAX":
			return operand{g: g, sql: nothing + "'null'::jsonb end)"}
		}
	}
	if (a.Func == "SUM" || a.Func == "AVG") && isNull(arg.measured()) {
		o.sql = nothing + "0.0 end)"
		return o
	}
	switch a.Func {
	case "COUNT":
		distinct := ""
		if a.Distinct {
			distinct = "distinct "
			if ref, ok := a.Arg.(*plan.Ref); ok && !ref.Missing && slices.ContainsFunc(ref.Classes(), numbered) {
				refuse(a.Pos, "COUNT(DISTINCT) of a whole object")
			}
		}
		counted := arg.json()
		if ref, ok := a.Arg.(*plan.Ref); ok && ref.Step == nil && !a.Distinct && ref.Source.Kind != plan.EHR && ref.Source.Kind != plan.Version {
			// The number of a node is there when the node is, and stands in an index.
			counted = alias(ref.Source) + ".num"
		}
		o.sql = "count(" + distinct + counted + ")::numeric"
	case "SUM":
		o.sql = round15("sum(" + arg.measured() + ")")
	case "AVG":
		o.sql = round15("sum(" + arg.measured() + ") * 1.0e0::numeric(60, 40) / nullif(count(" + arg.measured() + "), 0)")
	default:
		return operand{g: g, sql: g.extreme(arg, a.Func == "MIN")}
	}
	return o
}

// round15 rounds half-even to 15 significant digits and keeps a decimal point
// (DESIGN 4.6). The digits before rounding are many more than 15. Powers of ten
// are written and not computed: 10 ^ -17 is 0 to PostgreSQL.
func round15(sql string) string {
	return "(select case when r.v is null then null when r.v = 0 then 0.0 when scale(t.v) = 0 then t.v + 0.0 else t.v end" +
		" from (select (" + sql + ")::numeric as v) r" +
		" cross join lateral (select case when r.v = 0 or r.v is null then 0 else 14 - floor(log(abs(r.v)))::int end as d) s" +
		" cross join lateral (select r.v * ('1e' || s.d)::numeric as y, trunc(r.v * ('1e' || s.d)::numeric) as n) y" +
		" cross join lateral (select trim_scale(round((case when abs(y.y - y.n) > 0.5 or abs(y.y - y.n) = 0.5 and mod(y.n, 2) <> 0 then y.n + sign(r.v) else y.n end) * ('1e' || -s.d)::numeric, greatest(s.d, 0))) as v) t)"
}

func (g *generator) refJSON(r *plan.Ref) string {
	switch {
	case r.Missing:
		return "null::jsonb"
	case r.Step != nil:
		return g.json(r.Step)
	case r.Source.Kind == plan.EHR:
		return g.wholeEHR(r.Source)
	}
	return alias(r.Source) + ".data"
}

// json is the value as jsonb, with a decimal point in what is a Real.
func (o operand) json() string {
	switch {
	case o.kind != anyKind:
		return "to_jsonb(" + o.sql + ")"
	case o.ref == nil, o.real() == "false":
		return o.sql
	case o.only(rminfo.Number):
		return "to_jsonb(" + o.pointed() + ")"
	}
	return "(case when jsonb_typeof(" + o.sql + ") = 'number' then to_jsonb(" + o.pointed() + ") else " + o.sql + " end)"
}

// real says whether a number read from a path is of class Real: by the path
// alone, or by the class of what holds it.
func (o operand) real() string {
	if o.ref == nil || o.ref.Step == nil {
		return "false"
	}
	attr, ok := rminfo.AttrByName(o.ref.Step.Attr)
	if !ok {
		return "false"
	}
	var reals []string
	others := false
	for _, c := range o.g.holderClasses(o.ref.Step) {
		switch a, has := c.Attribute(attr); {
		case has && a.Type == rminfo.Real:
			reals = append(reals, "'"+c.Name()+"'")
		case has && a.Type.Scalar() == rminfo.Number:
			others = true
		}
	}
	switch {
	case reals == nil:
		return "false"
	case !others:
		return "true"
	}
	return className(o.g.holder(o.ref.Step), &plan.Ref{Source: o.ref.Source, Step: o.ref.Step.Parent}) + " in (" + strings.Join(reals, ", ") + ")"
}

// pointed is the number with at least one decimal where it is a Real.
func (o operand) pointed() string {
	switch real := o.real(); real {
	case "false":
		return o.number()
	case "true":
		return "(" + o.number() + " + 0.0)"
	default:
		return "(case when " + real + " then " + o.number() + " + 0.0 else " + o.number() + " end)"
	}
}

// operated is the number to calculate with, with a decimal point in what is a
// Real, be it a member or what an object is measured by.
func (o operand) operated() string {
	switch {
	case o.kind != anyKind:
		return o.number()
	case o.only(rminfo.Number):
		return o.pointed()
	}
	return o.measure(o.pointed(), true)
}

// may says whether a path can lead to a scalar of this kind.
func (o operand) may(s rminfo.Scalar) bool {
	if o.ref == nil {
		return true
	}
	for _, c := range o.ref.Classes() {
		if c.Scalar() == s {
			return true
		}
	}
	return false
}

// only says that a path always leads to a scalar of this kind.
func (o operand) only(s rminfo.Scalar) bool { return o.ref != nil && o.ref.Scalar() == s }

// scalar is the JSON's text: "->>" on a single step, "#>> '{}'" on a whole value.
func (o operand) scalar() string {
	if r := o.ref; r != nil && r.Step != nil && r.Step.Parent != nil {
		if _, lateral := o.g.laterals[r.Step]; !lateral {
			if key := o.g.keyOf(r.Step); key != "" {
				return "(" + o.g.holder(r.Step) + " ->> " + key + ")"
			}
		}
	}
	return "(" + o.sql + " #>> '{}')"
}

// text is the value as text, in code point order; null for what is no text.
func (o operand) text() string {
	const byCodePoint = ` collate "C"`
	switch {
	case o.kind == textKind:
		return o.sql + byCodePoint
	case o.kind != anyKind || !o.may(rminfo.Text):
		return "null::text"
	case o.only(rminfo.Text):
		return o.scalar() + byCodePoint
	}
	return "(case when jsonb_typeof(" + o.sql + ") = 'string' then " + o.sql + " #>> '{}' end)" + byCodePoint
}

// number is the value as numeric; null for what is no number.
func (o operand) number() string {
	switch {
	case o.kind == numberKind:
		return o.sql
	case o.kind != anyKind || !o.may(rminfo.Number):
		return "null::numeric"
	case o.only(rminfo.Number):
		return o.scalar() + "::numeric"
	}
	return "(case when jsonb_typeof(" + o.sql + ") = 'number' then (" + o.sql + " #>> '{}')::numeric end)"
}

// boolean is the value as boolean; null for what is none.
func (o operand) boolean() string {
	switch {
	case o.kind == boolKind:
		return o.sql
	case o.kind != anyKind || !o.may(rminfo.Bool):
		return "null::boolean"
	case o.only(rminfo.Bool):
		return o.scalar() + "::boolean"
	}
	return "(case when jsonb_typeof(" + o.sql + ") = 'boolean' then (" + o.sql + ")::boolean end)"
}

// measures are the members by which ordered values that are no times are compared.
var measures = []struct {
	class  rminfo.Class
	member string
}{
	{rminfo.DV_QUANTITY, "magnitude"}, {rminfo.DV_COUNT, "magnitude"}, {rminfo.DV_PROPORTION, "_m"},
	{rminfo.DV_ORDINAL, "value"}, {rminfo.DV_SCALE, "value"},
}

// measured is the number itself or the one an object is measured by.
func (o operand) measured() string {
	if o.kind != anyKind || o.only(rminfo.Number) {
		return o.number()
	}
	return o.measure(o.number(), false)
}

// measure chooses between the number itself and the member of an object.
func (o operand) measure(number string, pointed bool) string {
	var cases []string
	if o.may(rminfo.Number) {
		cases = append(cases, "when jsonb_typeof("+o.sql+") = 'number' then "+number)
	}
	for _, m := range measures {
		if !o.mayBe(m.class) {
			continue
		}
		real := ""
		if pointed && m.class != rminfo.DV_COUNT && m.class != rminfo.DV_ORDINAL {
			real = " + 0.0"
		}
		cases = append(cases, fmt.Sprintf("when %s = '%s' then (%s ->> '%s')::numeric%s", o.class(), m.class, o.sql, m.member, real))
	}
	if len(cases) == 0 {
		return "null::numeric"
	}
	return "(case " + strings.Join(cases, " ") + " end)"
}

// mayBe says whether the value can be an object of the class.
func (o operand) mayBe(c rminfo.Class) bool {
	if o.ref == nil {
		return o.kind == anyKind
	}
	for _, known := range o.ref.Classes() {
		if known == c {
			return true
		}
	}
	return false
}

// class is the class of an object as text.
func (o operand) class() string { return className(o.sql, o.ref) }

func className(json string, r *plan.Ref) string {
	if r != nil && declared(r) != 0 {
		return "coalesce(" + json + " ->> '_type', '" + declared(r).Name() + "')"
	}
	return "(" + json + " ->> '_type')"
}

// units are those of a DV_QUANTITY, null for all else.
func (o operand) units() string {
	if !o.mayBe(rminfo.DV_QUANTITY) {
		return "null::text"
	}
	return "(case when " + o.class() + " = 'DV_QUANTITY' then " + o.sql + " ->> 'units' end)"
}

// call writes a single-row function; one of its arguments null gives null,
// except for CONCAT and CONCAT_WS, which pass it over.
func (g *generator) call(c *plan.Call) operand {
	args := make([]operand, len(c.Args))
	for i, a := range c.Args {
		args[i] = g.operand(a)
	}
	text := func(i int) string { return args[i].text() }
	number := func(i int) string { return args[i].operated() }
	o := operand{g: g, kind: textKind}
	switch c.Func {
	case "LENGTH":
		o.kind, o.sql = numberKind, "char_length("+text(0)+")::numeric"
	case "CONTAINS":
		o.kind, o.sql = boolKind, "(strpos("+text(0)+", "+text(1)+") > 0)"
	case "POSITION":
		o.kind, o.sql = numberKind, "strpos("+text(1)+", "+text(0)+")::numeric"
	case "SUBSTRING":
		if len(args) == 2 {
			o.sql = "substring(" + text(0) + " from " + counter(number(1)) + ")"
			break
		}
		// Null is not skipped as greatest would.
		length := counter(number(2))
		o.sql = "substring(" + text(0) + " from " + counter(number(1)) + " for case when " + length + " < 0 then 0 else " + length + " end)"
	case "CONCAT", "CONCAT_WS":
		parts := make([]string, len(args))
		for i, a := range args {
			parts[i] = a.shown()
		}
		o.sql = strings.ToLower(c.Func) + "(" + strings.Join(parts, ", ") + ")"
	case "ABS":
		o.kind, o.sql = numberKind, "abs("+number(0)+")"
	case "MOD":
		o.kind, o.sql = numberKind, "mod("+number(0)+", nullif("+number(1)+", 0))"
	case "CEIL":
		o.kind, o.sql = numberKind, "ceil("+number(0)+")"
	case "FLOOR":
		o.kind, o.sql = numberKind, "floor("+number(0)+")"
	case "ROUND":
		places := "0"
		if len(args) == 2 {
			places = counter(number(1))
		}
		// A whole number stays one, any other keeps its decimal point.
		o.kind, o.sql = numberKind, fmt.Sprintf("(case when %[2]s is null or abs(%[2]s) > 300 then null when scale(%[1]s) = 0 then round(%[1]s, least(%[2]s, 0)) when %[2]s > 0 then round(%[1]s, %[2]s) else round(%[1]s, %[2]s) + 0.0 end)", number(0), places)
	}
	return o
}

// counter is a number that is whole and small enough to count with, else null.
func counter(number string) string {
	return fmt.Sprintf("(case when %[1]s = trunc(%[1]s) and abs(%[1]s) <= 1000000 then (%[1]s)::int end)", number)
}

// shown is how CONCAT writes a scalar; null for objects.
func (o operand) shown() string {
	if o.kind != anyKind {
		return "(" + o.sql + ")::text"
	}
	json := o.json()
	return "(case when jsonb_typeof(" + o.sql + ") in ('string', 'number', 'boolean') then " + json + " #>> '{}' end)"
}
