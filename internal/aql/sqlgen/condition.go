package sqlgen

import (
	"strings"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/aql/plan"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// condition writes a condition; its value is true, false or null.
func (g *generator) condition(e plan.Expr) string {
	switch e := e.(type) {
	case *plan.Logic:
		parts := make([]string, len(e.Operands))
		for i, o := range e.Operands {
			parts[i] = g.condition(o)
		}
		word := " and "
		if e.Op == aql.Or {
			word = " or "
		}
		return "(" + strings.Join(parts, word) + ")"
	case *plan.Not:
		return "(not " + g.condition(e.Operand) + ")"
	case *plan.Exists:
		return g.exists(e.Path)
	case *plan.Local:
		return "(" + alias(e.Source) + ".row = " + alias(e.Above) + ".row)"
	case *plan.Null:
		return g.null(e)
	case *plan.Compare:
		return g.some(g.looseIn(e.Left, e.Right), func() string { return g.compare(e.Op, e.Left, e.Right) })
	case *plan.In:
		return g.some(g.looseIn(e.Operand), func() string { return g.in(e) })
	case *plan.Like:
		return g.some(g.looseIn(e.Operand), func() string {
			pattern := e.Pattern.(plan.Literal)
			return "(" + g.operand(e.Operand).text() + " like " + g.text(likePattern(pattern.Text)) + ")"
		})
	case *plan.Matches:
		return g.some(g.looseIn(e.Operand), func() string {
			return "(" + g.operand(e.Operand).text() + " ~ " + g.text("^(?:"+e.Database+")$") + ")"
		})
	case *plan.Truth:
		return g.some(g.looseIn(e.Value), func() string { return g.operand(e.Value).boolean() })
	}
	return "null::boolean"
}

// looseIn are the loose steps of all paths in values.
func (g *generator) looseIn(values ...plan.Value) []*plan.Step {
	var found []*plan.Step
	for _, v := range values {
		switch v := v.(type) {
		case *plan.Ref:
			found = append(found, g.loose(v)...)
		case *plan.Call:
			found = append(found, g.looseIn(v.Args...)...)
		case *plan.Arithmetic:
			found = append(found, g.looseIn(v.Left, v.Right)...)
		}
	}
	return found
}

func (g *generator) exists(r *plan.Ref) string {
	if r.Missing {
		return "false"
	}
	present := func() string {
		if r.Step == nil {
			return "(" + alias(r.Source) + ".ehr_id is not null)"
		}
		return "(" + g.json(r.Step) + " is not null)"
	}
	return g.some(g.loose(r), present)
}

func (g *generator) null(e *plan.Null) string {
	loose := g.looseIn(e.Operand)
	present := g.some(loose, func() string { return "(" + g.operand(e.Operand).json() + " is not null)" })
	if e.Not {
		return present
	}
	return "(not " + present + ")"
}

// likePattern turns AQL's ? and * into SQL's wildcards.
func likePattern(pattern string) string {
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; c {
		case '*':
			b.WriteByte('%')
		case '?':
			b.WriteByte('_')
		case '%', '_':
			b.WriteString(`\` + string(c))
		case '\\':
			if i+1 == len(pattern) {
				b.WriteString(`\\`)
				break
			}
			i++
			if next := pattern[i]; next == '%' || next == '_' || next == '\\' {
				b.WriteByte('\\')
			}
			b.WriteByte(pattern[i])
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

var operators = map[aql.CompareOp]string{aql.Eq: "=", aql.Ne: "<>", aql.Lt: "<", aql.Le: "<=", aql.Gt: ">", aql.Ge: ">="}

var mirrored = map[aql.CompareOp]aql.CompareOp{
	aql.Eq: aql.Eq, aql.Ne: aql.Ne, aql.Lt: aql.Gt, aql.Le: aql.Ge, aql.Gt: aql.Lt, aql.Ge: aql.Le,
}

func (g *generator) in(e *plan.In) string {
	if len(e.List) == 0 {
		return "false"
	}
	o := g.operand(e.Operand)
	texts := make([]string, 0, len(e.List))
	for _, l := range e.List {
		if l.Kind == aql.String {
			texts = append(texts, l.Text)
		}
	}
	if ref, ok := e.Operand.(*plan.Ref); ok && len(texts) == len(e.List) && ref.Scalar() == rminfo.Text &&
		!o.isTemporalText() && !isUID(ref) {
		return "(" + o.text() + " = any(" + g.args.Add(texts) + "::text[]))"
	}
	parts := make([]string, len(e.List))
	for i, l := range e.List {
		parts[i] = g.compare(aql.Eq, e.Operand, l)
	}
	return "(" + strings.Join(parts, " or ") + ")"
}

func (g *generator) compare(op aql.CompareOp, left, right plan.Value) string {
	if _, ok := left.(plan.Literal); ok {
		if _, also := right.(plan.Literal); !also {
			return g.compare(mirrored[op], right, left)
		}
	}
	lit, isLiteral := right.(plan.Literal)
	ref, isRef := left.(*plan.Ref)
	if isRef && ref.Missing {
		return "null::boolean"
	}
	if !isLiteral || !isRef {
		return g.compareValues(op, g.operand(left), g.operand(right))
	}
	o := g.operand(ref)
	sql := operators[op]
	switch lit.Kind {
	case aql.Boolean:
		return "(" + o.boolean() + " " + sql + " " + g.args.Add(lit.Text == "true") + "::boolean)"
	case aql.Integer, aql.Real:
		return "(" + o.measured() + " " + sql + " " + g.args.Add(lit.Text) + "::text::numeric)"
	case aql.String:
		if text, ok := g.compareID(op, ref, lit.Text); ok {
			return text
		}
		return g.compareText(op, o, lit.Text)
	}
	return "null::boolean"
}

func isUID(r *plan.Ref) bool {
	return r.EndsIn("uid", "value") || r.EndsIn("preceding_version_uid", "value")
}

// compareID answers comparisons with ids without building JSON: the EHR's, and
// that of a version, which equals a text that leaves parts of it out.
func (g *generator) compareID(op aql.CompareOp, r *plan.Ref, text string) (string, bool) {
	equality := op == aql.Eq || op == aql.Ne
	if r.Source.Kind == plan.EHR && r.Is("ehr_id", "value") && equality && plan.IsUUID(text) {
		return "(" + alias(r.Source) + ".ehr_id " + operators[op] + " " + g.args.Add(text) + "::uuid)", true
	}
	if !isUID(r) || !equality {
		return "", false
	}
	whole := g.operand(r).text()
	asked := strings.Split(text, "::")
	if len(asked) > 3 {
		return "", false
	}
	var parts []string
	for i, p := range asked {
		if p != "" || i == 0 {
			parts = append(parts, "lower(split_part("+whole+", '::', "+string(rune('1'+i))+")) = lower("+g.text(p)+")")
		}
	}
	cond := "case when " + whole + " like '%::%::%' then " + strings.Join(parts, " and ") + " else " + whole + " = " + g.text(text) + " end"
	if op == aql.Ne {
		return "(not (" + cond + "))", true
	}
	if g.ownUID(r) && plan.IsUUID(asked[0]) {
		return "(" + alias(r.Source) + ".vo_id = " + g.args.Add(asked[0]) + "::uuid and (" + cond + "))", true
	}
	return "(" + cond + ")", true
}

// ownUID says whether the path is the uid of a versioned object, which is that
// of its row.
func (g *generator) ownUID(r *plan.Ref) bool {
	if !r.Is("uid", "value") {
		return false
	}
	if r.Source.Kind == plan.Version {
		return true
	}
	return r.Source.Kind == plan.Node && (r.Source.Name == "COMPOSITION" || r.Source.Name == "EHR_STATUS")
}
