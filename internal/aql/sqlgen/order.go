package sqlgen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/aql/plan"
	"github.com/quire-cdr/quire/internal/aql/row"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// temporal are the classes with a time, in the order in which values of
// different classes sort; unit is how long a complete value lasts.
var temporal = []struct {
	class rminfo.Class
	unit  string
}{
	{rminfo.DV_TIME, "0.000000001"}, {rminfo.DV_DATE, "1"}, {rminfo.DV_DATE_TIME, "0.000000001"}, {rminfo.DV_DURATION, "0"},
}

// clock is a temporal value in SQL: the JSON that has its magnitude, and the
// class that JSON has, as text or as the only one possible.
type clock struct {
	json, class string
	classes     []rminfo.Class
}

// clock finds the temporal value an operand is, or is the text of.
func (o operand) clock() clock {
	if o.ref == nil {
		if o.kind == anyKind {
			return clock{o.sql, o.class(), allTemporal()}
		}
		return clock{}
	}
	var c clock
	for _, t := range temporal {
		if o.mayBe(t.class) {
			c.classes = append(c.classes, t.class)
		}
	}
	if c.classes != nil {
		c.json, c.class = o.sql, o.class()
		return c
	}
	st := o.ref.Step
	if st == nil || st.Attr != "value" {
		return c
	}
	holders := o.g.holderClasses(st)
	for _, t := range temporal {
		if slices.Contains(holders, t.class) {
			c.classes = append(c.classes, t.class)
		}
	}
	c.json = o.g.holder(st)
	c.class = className(c.json, &plan.Ref{Source: o.ref.Source, Step: st.Parent})
	if len(holders) == 1 {
		c.class = ""
	}
	return c
}

func allTemporal() []rminfo.Class {
	all := make([]rminfo.Class, len(temporal))
	for i, t := range temporal {
		all[i] = t.class
	}
	return all
}

func (o operand) isTemporalText() bool { return o.may(rminfo.Text) && len(o.clock().classes) > 0 }

// start and end are the bounds of a temporal value of the class, in the class's
// own unit.
func (c clock) start() string { return "(" + c.json + " ->> '_m')::numeric" }

func (c clock) end(class rminfo.Class) string {
	for _, t := range temporal {
		if t.class == class && class != rminfo.DV_DURATION {
			return "coalesce((" + c.json + " ->> '_x')::numeric, " + c.start() + " + " + t.unit + ")"
		}
	}
	return c.start()
}

// when guards a branch for the class; the guard is true where no other class
// is possible.
func (c clock) when(class rminfo.Class) string {
	if c.class == "" {
		return "when true then "
	}
	return "when " + c.class + " = '" + class.Name() + "' then "
}

// compareText compares a path with a text of the query: as times where the path
// leads to one, as texts otherwise.
func (g *generator) compareText(op aql.CompareOp, o operand, text string) string {
	c := o.clock()
	plain := "null::boolean"
	if o.may(rminfo.Text) {
		plain = o.text() + " " + operators[op] + " " + g.text(text)
	}
	if len(c.classes) == 0 {
		return "(" + plain + ")"
	}
	var cases []string
	for _, class := range c.classes {
		rel := g.relateLiteral(c, class, text)
		switch {
		case rel != "":
			cases = append(cases, c.when(class)+rel+" "+operators[op]+" 0")
		case !o.may(rminfo.Text):
			cases = append(cases, c.when(class)+"null::boolean")
		}
	}
	if len(cases) == 0 {
		return "(" + plain + ")"
	}
	return "(case " + strings.Join(cases, " ") + " else " + plain + " end)"
}

// relateLiteral gives -1, 0, 1 or null as the value is before, within, after or
// across a text read as the class; "" where the text is none of that class.
func (g *generator) relateLiteral(c clock, class rminfo.Class, text string) string {
	start, end := c.start(), c.end(class)
	lo, hi, ok := row.Interval(class, text, g.plan.Zone)
	if !ok && class == rminfo.DV_DATE {
		// Beside a text with a time of day a date is that whole day.
		if lo, hi, ok = row.Interval(rminfo.DV_DATE_TIME, text, g.plan.Zone); ok {
			start, end = start+" * 86400", "("+end+") * 86400"
		}
	}
	if !ok {
		return ""
	}
	from := g.args.Add(lo) + "::text::numeric"
	if class == rminfo.DV_DURATION {
		return "sign(" + start + " - " + from + ")"
	}
	to := g.args.Add(hi) + "::text::numeric"
	return fmt.Sprintf("(case when %[2]s <= %[3]s then -1 when %[1]s >= %[4]s then 1 when %[1]s >= %[3]s and %[2]s <= %[4]s then 0 end)", start, end, from, to)
}

// compareValues compares two values of which neither is a constant of the other's
// kind: numbers with numbers, times with times of one class, texts with texts.
func (g *generator) compareValues(op aql.CompareOp, a, b operand) string {
	sql := operators[op]
	var cases []string
	na, nb := a.measured(), b.measured()
	if !isNull(na) && !isNull(nb) {
		if ua, ub := a.units(), b.units(); !isNull(ua) && !isNull(ub) {
			cases = append(cases, "when "+ua+" <> "+ub+" then "+g.compareUnits(sql, na, ua, nb, ub))
		}
		cases = append(cases, "when "+na+" is not null and "+nb+" is not null then "+na+" "+sql+" "+nb)
	}
	cases = append(cases, compareClocks(sql, a.clock(), b.clock())...)
	if ta, tb := a.text(), b.text(); !isNull(ta) && !isNull(tb) {
		cases = append(cases, "when "+ta+" is not null and "+tb+" is not null then "+ta+" "+sql+" "+tb)
	}
	if ba, bb := a.boolean(), b.boolean(); !isNull(ba) && !isNull(bb) {
		cases = append(cases, "when "+ba+" is not null and "+bb+" is not null then "+ba+" "+sql+" "+bb)
	}
	if len(cases) == 0 {
		return "null::boolean"
	}
	return "(case " + strings.Join(cases, " ") + " end)"
}

// compareClocks gives the branches for two times: of one class, or a date beside
// a date-time as the whole day it is. Other times do not compare.
func compareClocks(sql string, a, b clock) []string {
	var cases []string
	for _, ca := range a.classes {
		for _, cb := range b.classes {
			guard := fmt.Sprintf("when %s and %s then ", a.is(ca), b.is(cb))
			start, end, from, to := a.start(), a.end(ca), b.start(), b.end(cb)
			switch {
			case ca == cb && ca == rminfo.DV_DURATION:
				cases = append(cases, guard+"sign("+start+" - "+from+") "+sql+" 0")
				continue
			case ca == cb:
			case ca == rminfo.DV_DATE && cb == rminfo.DV_DATE_TIME:
				start, end = start+" * 86400", end+" * 86400"
			case ca == rminfo.DV_DATE_TIME && cb == rminfo.DV_DATE:
				from, to = from+" * 86400", to+" * 86400"
			default:
				cases = append(cases, guard+"null::boolean")
				continue
			}
			cases = append(cases, guard+fmt.Sprintf("(case when %[2]s <= %[3]s then -1 when %[1]s >= %[4]s then 1 when %[1]s = %[3]s and %[2]s = %[4]s then 0 end) %[5]s 0",
				start, end, from, to, sql))
		}
	}
	return cases
}

func (c clock) is(class rminfo.Class) string {
	if c.class == "" {
		return "true"
	}
	return c.class + " = '" + class.Name() + "'"
}

func isNull(sql string) bool { return strings.HasPrefix(sql, "null::") }

// sortKeys are the expressions a value sorts by: where it can be of several
// scales the scale first, then number or start and end, then text, then boolean.
func (o operand) sortKeys() []string {
	switch o.kind {
	case textKind:
		return []string{o.text()}
	case numberKind:
		return []string{o.number()}
	case boolKind:
		return []string{o.boolean()}
	}
	c := o.clock()
	var scale []string
	var keys []string
	n := o.measured()
	if !isNull(n) {
		scale = append(scale, "when "+n+" is not null then 1")
	}
	text := o.text()
	var start, end []string
	for i, t := range temporal {
		if slices.Contains(c.classes, t.class) {
			scale = append(scale, fmt.Sprintf("when %s and %s is not null then %d", c.is(t.class), c.start(), i+2))
			start = append(start, "when "+c.is(t.class)+" then "+c.start())
			end = append(end, "when "+c.is(t.class)+" then "+c.end(t.class))
		}
	}
	if start != nil {
		first := "(case " + strings.Join(start, " ") + " end)"
		if !isNull(n) {
			first = "coalesce(" + n + ", " + first + ")"
		}
		keys = append(keys, first, "(case "+strings.Join(end, " ")+" end)")
		// Texts of the same time are equal.
		text = "(case when " + first + " is null then " + text + " end)"
	} else if !isNull(n) {
		keys = append(keys, n)
	}
	if o.may(rminfo.Text) {
		scale = append(scale, "when "+o.text()+" is not null then 7")
		keys = append(keys, text)
	}
	if o.may(rminfo.Bool) {
		scale = append(scale, "when "+o.boolean()+" is not null then 8")
		keys = append(keys, o.boolean())
	}
	switch len(scale) {
	case 0:
		return []string{"null::int"}
	case 1:
		return keys
	}
	return append([]string{"(case " + strings.Join(scale, " ") + " end)"}, keys...)
}
