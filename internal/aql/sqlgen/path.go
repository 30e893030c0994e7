package sqlgen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/aql/plan"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// identity is the version an object stands in, as three expressions.
type identity struct{ ehr, object, version string }

func (g *generator) identity(s *plan.Source, step *plan.Step) identity {
	a := alias(s)
	if s.Kind != plan.EHR {
		return identity{a + ".ehr_id", a + ".vo_id", a + ".ver"}
	}
	for step != nil && step.Parent != nil {
		step = step.Parent
	}
	l := g.laterals[step]
	return identity{a + ".ehr_id", l + ".vo_id", l + ".ver"}
}

// shared appends the lateral items of the steps that all paths share. A step
// that finds nothing keeps its row; the lists from one anchor to the next are one
// item, so that only what reaches its end makes rows.
func (g *generator) shared(s *plan.Source) {
	if g.negated(g.plan.From, s, false) {
		return
	}
	for _, st := range s.Steps {
		g.run(st)
	}
}

func (g *generator) run(st *plan.Step) {
	chain := []*plan.Step{st}
	for !st.Anchor {
		st = st.Below[0]
		chain = append(chain, st)
	}
	if isReference(chain[0]) {
		g.join(chain[:1])
		chain = chain[1:]
	}
	last := len(chain)
	for last > 0 && !chain[last-1].Many {
		last--
	}
	if last > 0 {
		g.join(chain[:last])
	}
	for _, single := range chain[last:] {
		g.join([]*plan.Step{single})
	}
	for _, below := range st.Below {
		g.run(below)
	}
}

// join appends one item for the steps of one iteration.
func (g *generator) join(steps []*plan.Step) {
	if path := jsonPath(steps); path != "" {
		holder := g.holder(steps[0])
		name := g.bind(steps[len(steps)-1])
		g.items = append(g.items, "left join lateral (select e.x from jsonb_path_query("+holder+", "+g.args.Add(path)+"::jsonpath) e(x)) "+name+" on true")
		return
	}
	var inner []string
	var body, name string
	for _, st := range steps {
		if g.needsLateral(st) {
			body = g.lateral(st)
			name = g.bind(st)
			inner = append(inner, "lateral ("+body+") "+name)
		}
	}
	switch len(inner) {
	case 0:
		return
	case 1:
	default:
		body = "select " + name + ".x from " + strings.Join(inner, " cross join ")
	}
	g.items = append(g.items, "left join lateral ("+body+") "+name+" on true")
}

// jsonPath is the jsonpath of several steps that each have one key of their
// holder: one walk, where operators would copy what stands at each step. "" for
// all other steps. Lax mode takes what is no list as a list of one, and what
// has no members as an object without.
func jsonPath(steps []*plan.Step) string {
	if len(steps) < 2 {
		return ""
	}
	path := []byte("lax $")
	for _, st := range steps {
		key := st.Attr
		switch {
		case st.Filter != nil, st.Rows, key == "", st.Parent == nil && st.Source.Kind != plan.Node:
			return ""
		case st.Located && !st.Plain && st.Inside && len(st.Codes) == 1:
			key += "[" + st.Codes[0] + "]"
		case st.Located || !st.Plain:
			return ""
		}
		path, _ = jsontext.AppendQuote(append(path, '.'), key)
		if st.Many {
			path = append(path, "[*]"...)
		}
	}
	return string(path)
}

func (g *generator) bind(st *plan.Step) string {
	name := g.next("l")
	g.laterals[st] = name
	return name
}

func isReference(st *plan.Step) bool {
	switch {
	case st.Parent != nil:
		return false
	case st.Source.Kind == plan.Version:
		return st.Attr == "data"
	}
	return st.Source.Kind == plan.EHR && (st.Attr == "ehr_status" || st.Attr == "directory")
}

// needsLateral says whether a step can lead to many nodes, into another row, or
// only to nodes that satisfy something.
func (g *generator) needsLateral(st *plan.Step) bool {
	switch {
	case isReference(st):
		return true
	case st.Source.Kind != plan.Node && st.Parent == nil && st.Attr != "":
		return false
	}
	return st.Many || st.Filter != nil || st.Rows || len(st.Codes) > 1 || st.Located && st.Codes == nil && st.Inside
}

// json is the node of a step as jsonb.
func (g *generator) json(st *plan.Step) string {
	if name, ok := g.laterals[st]; ok {
		return name + ".x"
	}
	if st.Parent == nil {
		switch st.Source.Kind {
		case plan.EHR:
			return g.ehrAttribute(st)
		case plan.Version:
			return g.versionAttribute(st)
		}
	}
	if key := g.keyOf(st); key != "" {
		return "(" + g.holder(st) + " -> " + key + ")"
	}
	return "null::jsonb"
}

// keyOf is the one key of the holder's JSON the step stands under, "" where no
// data have it.
func (g *generator) keyOf(st *plan.Step) string {
	switch {
	case st.Located && len(st.Codes) == 1:
		return g.text(st.Attr + "[" + st.Codes[0] + "]")
	case st.Plain:
		return "'" + st.Attr + "'"
	}
	return ""
}

// holder is the JSON of what holds the step.
func (g *generator) holder(st *plan.Step) string {
	if st.Parent == nil {
		return alias(st.Source) + ".data"
	}
	return g.json(st.Parent)
}

func (g *generator) holderClasses(st *plan.Step) []rminfo.Class {
	if st.Parent == nil {
		return st.Source.Classes
	}
	return st.Parent.Classes
}

// lateral writes the select whose rows, column x, are the nodes of a step.
func (g *generator) lateral(st *plan.Step) string {
	if isReference(st) {
		return g.reference(st)
	}
	holder := g.holder(st)
	if st.Attr == "" {
		return g.filtered(st, "select "+holder)
	}
	object := holder
	for _, c := range g.holderClasses(st) {
		if c.Scalar() != rminfo.NotScalar {
			object = "case when jsonb_typeof(" + holder + ") = 'object' then " + holder + " end"
			break
		}
	}
	var parts []string
	if st.Plain {
		parts = append(parts, g.elements(st, "("+object+") -> '"+st.Attr+"'"))
	}
	if st.Located && st.Inside {
		switch {
		case len(st.Codes) == 1:
			parts = append(parts, g.elements(st, "("+object+") -> "+g.text(st.Attr+"["+st.Codes[0]+"]")))
		case st.Codes != nil:
			keys := make([]string, len(st.Codes))
			for i, c := range st.Codes {
				keys[i] = st.Attr + "[" + c + "]"
			}
			parts = append(parts, "select e.x from unnest("+g.args.Add(keys)+"::text[]) k(k) cross join lateral ("+
				g.elements(st, "("+object+") -> k.k")+") e(x)")
		default:
			parts = append(parts, "select e.x from jsonb_each("+object+") k(k, v) cross join lateral ("+
				g.elements(st, "k.v")+") e(x) where starts_with(k.k, '"+st.Attr+"[')")
		}
	}
	if st.Located && st.Rows {
		parts = append(parts, g.childRows(st, holder))
	}
	if len(parts) == 0 {
		return "select null::jsonb as x where false"
	}
	body := strings.Join(parts, " union all ")
	if st.Filter == nil {
		if len(parts) == 1 && strings.HasPrefix(body, "select e.x from jsonb_array_elements") {
			return body
		}
		return "select u.x from (" + body + ") u(x) where u.x is not null"
	}
	return g.filtered(st, body)
}

// filtered keeps of the nodes of a step those its predicate holds for.
func (g *generator) filtered(st *plan.Step, body string) string {
	name := g.next("u")
	g.laterals[st] = name
	cond := g.condition(st.Filter)
	delete(g.laterals, st)
	return "select " + name + ".x from (" + body + ") " + name + "(x) where " + name + ".x is not null and " + cond
}

// elements are the items of a list, or the one value of what is none.
func (g *generator) elements(st *plan.Step, value string) string {
	always := st.Many
	attr, ok := rminfo.AttrByName(st.Attr)
	for _, c := range g.holderClasses(st) {
		if a, has := c.Attribute(attr); ok && has && !a.Container {
			always = false
		}
	}
	switch {
	case !st.Many:
		return "select " + value + " as x"
	case always:
		return "select e.x from jsonb_array_elements(" + value + ") e(x)"
	}
	// Lax mode unwraps a list and takes anything else as one.
	return "select e.x from jsonb_path_query(" + value + ", '$[*]') e(x)"
}

// childRows are the archetype roots that a node holds by an attribute.
func (g *generator) childRows(st *plan.Step, holder string) string {
	id := g.identity(st.Source, st)
	number := "(" + holder + " ->> '#')::int"
	if st.Parent == nil {
		number = alias(st.Source) + ".num"
	}
	n := g.next("n")
	text := fmt.Sprintf("select %[1]s.data from %[2]s where %[1]s.ehr_id = %[3]s and %[1]s.vo_id = %[4]s and %[1]s.ver = %[5]s and %[1]s.parent = %[6]s and %[1]s.data ->> '@' = '%[7]s'",
		n, g.scan(access.Node, n), id.ehr, id.object, id.version, number, st.Attr)
	if st.Archetypes != nil {
		text += " and " + g.archetypes(n, st.Archetypes)
	}
	return text
}

// reference finds the effective EHR_STATUS or directory of an EHR, or the
// content of a VERSION.
func (g *generator) reference(st *plan.Step) string {
	n, a := g.next("n"), alias(st.Source)
	which := fmt.Sprintf("%[1]s.vo_id = %[2]s.status_id and not %[1]s.draft", n, a)
	switch {
	case st.Source.Kind == plan.Version:
		which = fmt.Sprintf("%[1]s.vo_id = %[2]s.vo_id and %[1]s.ver = %[2]s.ver", n, a)
	case st.Attr == "directory":
		which = fmt.Sprintf("%[1]s.kind = 3 and %[1]s.vo_id = coalesce(%[2]s.directory_id, %[1]s.vo_id) and not %[1]s.draft", n, a)
	}
	return fmt.Sprintf("select %[1]s.data as x, %[1]s.vo_id, %[1]s.ver from %[2]s where %[1]s.ehr_id = %[3]s.ehr_id and %[1]s.num = 0 and %[4]s",
		n, g.scan(access.Node, n), a, which)
}

// instant writes a timestamp as the JSON of a DV_DATE_TIME; 62135596800 seconds
// lie between 0001-01-01 and 1970-01-01.
func instant(column string) string {
	return "jsonb_build_object('value', to_char(" + column + " at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), " +
		"'_m', trunc(extract(epoch from " + column + "), 3) + 62135596800)"
}

func (g *generator) ehrAttribute(st *plan.Step) string {
	a := alias(st.Source)
	switch st.Attr {
	case "ehr_id":
		return "jsonb_build_object('value', " + a + ".ehr_id::text)"
	case "system_id":
		return "jsonb_build_object('value', (select y.system_id from system y where y.id = " + a + ".system))"
	case "time_created":
		return instant(a + ".created")
	}
	return "null::jsonb"
}

// lifecycles are the codes of the openEHR group version lifecycle state.
const lifecycles = `'{"532": "complete", "553": "incomplete", "523": "deleted", "800": "inactive", "801": "abandoned"}'::jsonb`

func (g *generator) versionAttribute(st *plan.Step) string {
	a := alias(st.Source)
	switch st.Attr {
	case "uid":
		return "jsonb_build_object('_type', 'OBJECT_VERSION_ID', 'value', " + versionUID(a) + ")"
	case "contribution":
		return "jsonb_build_object('id', jsonb_build_object('_type', 'HIER_OBJECT_ID', 'value', " + a + ".contribution_id::text), 'namespace', 'local', 'type', 'CONTRIBUTION')"
	case "commit_audit":
		return "(" + a + ".audit::jsonb || jsonb_build_object('time_committed', " + instant(a+".committed") + "))"
	case "lifecycle_state":
		return "jsonb_build_object('value', " + lifecycles + " ->> " + a + ".lifecycle::text, 'defining_code', jsonb_build_object(" +
			"'terminology_id', jsonb_build_object('value', 'openehr'), 'code_string', " + a + ".lifecycle::text, 'preferred_term', " + lifecycles + " ->> " + a + ".lifecycle::text))"
	case "preceding_version_uid":
		return "(case when " + a + ".preceding is not null then jsonb_build_object('_type', 'OBJECT_VERSION_ID', 'value', " + a + ".preceding) end)"
	case "signature":
		return "to_jsonb(" + a + ".signature)"
	}
	return "null::jsonb"
}

func versionUID(a string) string {
	return a + ".vo_id::text || '::' || (select y.system_id from system y where y.id = " + a + ".system) || '::' || " + a + ".ver::text"
}

// wholeEHR is the EHR object without what only documents hold.
func (g *generator) wholeEHR(s *plan.Source) string {
	a := alias(s)
	return "jsonb_build_object('_type', 'EHR', 'system_id', jsonb_build_object('value', (select y.system_id from system y where y.id = " + a + ".system)), " +
		"'ehr_id', jsonb_build_object('value', " + a + ".ehr_id::text), 'time_created', " + instant(a+".created") + ")"
}

// loose are the steps of a path that need a lateral item and have none, the
// outermost first.
func (g *generator) loose(r *plan.Ref) []*plan.Step {
	var found []*plan.Step
	if r.Missing {
		return nil
	}
	for st := r.Step; st != nil; st = st.Parent {
		if _, ok := g.laterals[st]; ok {
			// What is above it was walked on the way there.
			break
		}
		if g.needsLateral(st) {
			found = append([]*plan.Step{st}, found...)
		}
	}
	return found
}

// some writes a condition on paths of its own as EXISTS over their nodes.
func (g *generator) some(loose []*plan.Step, condition func() string) string {
	if len(loose) == 0 {
		return condition()
	}
	if text := g.someOf(loose, condition); text != "" {
		return text
	}
	var items []string
	for _, st := range loose {
		if _, ok := g.laterals[st]; ok {
			continue
		}
		body := g.lateral(st)
		items = append(items, "lateral ("+body+") "+g.bind(st))
	}
	text := "exists (select 1 from " + strings.Join(items, " cross join ") + " where " + condition() + ")"
	for _, st := range loose {
		delete(g.laterals, st)
	}
	return text
}

// someOf is some for the steps of one path that one jsonpath walks, "" for others.
func (g *generator) someOf(loose []*plan.Step, condition func() string) string {
	last := loose[len(loose)-1]
	chain := []*plan.Step{last}
	for chain[0] != loose[0] {
		if chain[0].Parent == nil {
			return ""
		}
		chain = append([]*plan.Step{chain[0].Parent}, chain...)
	}
	// A step that stands there twice is that of two paths, and one that stands on no
	// way to the last is of another.
	for i, st := range loose {
		if _, ok := g.laterals[st]; ok || slices.Contains(loose[:i], st) || !slices.Contains(chain, st) {
			return ""
		}
	}
	path := jsonPath(chain)
	if path == "" {
		return ""
	}
	holder := g.holder(chain[0])
	name := g.bind(last)
	text := "exists (select 1 from jsonb_path_query(" + holder + ", " + g.args.Add(path) + "::jsonpath) " + name + "(x) where " + condition() + ")"
	delete(g.laterals, last)
	return text
}
