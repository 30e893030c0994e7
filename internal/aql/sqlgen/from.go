package sqlgen

import (
	"fmt"
	"strings"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/aql/plan"
	"github.com/quire-cdr/quire/internal/aql/row"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

func numbered(c rminfo.Class) bool { return row.Numbered(c) }

// from writes the FROM clause and the conditions of its first relation.
func (g *generator) from() (string, []string) {
	j := g.plan.From
	if j.Op == plan.Any {
		// OR needs something to be OR below: the EHR.
		base := &plan.Source{ID: len(g.plan.Sources) + 1000, Kind: plan.EHR, Name: "EHR"}
		j = &plan.Join{Source: base, Child: j}
	}
	f := &fromClause{g: g}
	if g.newest != nil {
		f.text.WriteString(g.starts())
		g.anchor = "k.ehr_id"
	}
	if g.leaf != nil {
		f.text.WriteString(g.leaves())
		g.anchor = "k.ehr_id"
	}
	if g.first != nil {
		f.text.WriteString(g.met())
		g.anchor = alias(g.first) + ".ehr_id"
	}
	where := f.add(j, nil)
	return f.text.String(), where
}

// fromClause is the text of FROM as it grows: relations joined one after the
// other, each with conditions on those before it.
type fromClause struct {
	g    *generator
	text strings.Builder
	// first is the relation the operands of AND share their EHR with where
	// nothing stands above them.
	first *plan.Source
}

// add appends a join below a relation; conditions that no ON can take (those of
// the first relation) are given back.
func (f *fromClause) add(j *plan.Join, above *plan.Source) (where []string) {
	switch j.Op {
	case plan.All:
		for i, o := range j.Operands {
			where = append(where, f.add(o, above)...)
			if j.Same && i > 0 {
				a, first := alias(o.Source), alias(j.Operands[0].Source)
				where = append(where, a+".ehr_id = "+first+".ehr_id", a+".vo_id = "+first+".vo_id", a+".ver = "+first+".ver")
			}
		}
		return where
	case plan.Any:
		return f.anyOf(j, above)
	}
	s := j.Source
	conds := f.relate(s, above)
	conds = append(conds, f.g.filter(s)...)
	if s == f.g.newest {
		conds = append(conds, alias(s)+".vo_id = k.vo_id", alias(s)+".ver = k.ver")
	}
	conds = append(conds, f.g.led(s)...)
	if j.Child != nil && j.Not {
		conds = append(conds, f.g.without(j.Child, s))
	}
	if s == f.g.first {
		// It stands there already.
		where = conds
	} else if f.text.Len() == 0 {
		f.text.WriteString(f.g.relation(s))
		where = conds
		f.g.anchor = alias(s) + ".ehr_id"
	} else {
		f.text.WriteString("\njoin " + f.g.relation(s) + " on " + all(conds))
	}
	if f.first == nil {
		f.first = s
	}
	if j.Child != nil && !j.Not {
		where = append(where, f.add(j.Child, s)...)
	}
	return where
}

// relate gives the conditions that tie a relation to the one above it.
func (f *fromClause) relate(s, above *plan.Source) []string {
	if above != nil {
		return f.g.relate(s, above)
	}
	if f.first != nil {
		return []string{alias(s) + ".ehr_id = " + alias(f.first) + ".ehr_id"}
	}
	return nil
}

// anyOf appends each operand as an outer join, and asks that one is there.
func (f *fromClause) anyOf(j *plan.Join, above *plan.Source) []string {
	present := make([]string, len(j.Operands))
	for i, o := range j.Operands {
		text, conds, key := f.g.group(o, above)
		f.text.WriteString("\nleft join " + text + " on " + all(conds))
		present[i] = key + ".ehr_id is not null"
	}
	return []string{"(" + strings.Join(present, " or ") + ")"}
}

// group writes an operand of OR as one item: its relations side by side, all
// conditions for the ON that joins it. key is the alias that is there when the
// operand is.
func (g *generator) group(j *plan.Join, above *plan.Source) (text string, conds []string, key string) {
	var items []string
	var walk func(j *plan.Join, above *plan.Source)
	var sibling *plan.Source
	walk = func(j *plan.Join, above *plan.Source) {
		switch j.Op {
		case plan.All:
			for _, o := range j.Operands {
				walk(o, above)
			}
			return
		case plan.Any:
			if len(items) == 0 {
				// Something to join to: the EHR they all are of.
				key = g.next("d")
				items = append(items, "lateral (select "+alias(above)+".ehr_id) "+key+"(ehr_id)")
			}
			var present []string
			for _, o := range j.Operands {
				t, c, k := g.group(o, above)
				items[len(items)-1] += " left join " + t + " on " + all(c)
				present = append(present, k+".ehr_id is not null")
			}
			conds = append(conds, "("+strings.Join(present, " or ")+")")
			return
		}
		s := j.Source
		// In the ON of a join within a join only the relations of that join can be
		// named: this one, and not the first of the query.
		first := g.anchor
		if first != "" {
			g.anchor = alias(s) + ".ehr_id"
		}
		conds = append(conds, g.relate(s, above)...)
		conds = append(conds, g.filter(s)...)
		g.anchor = first
		if sibling != nil {
			conds = append(conds, alias(s)+".ehr_id = "+alias(sibling)+".ehr_id")
		} else if sibling = s; key == "" {
			key = alias(s)
		}
		items = append(items, g.relation(s))
		if j.Child == nil {
			return
		}
		if j.Not {
			conds = append(conds, g.without(j.Child, s))
			return
		}
		walk(j.Child, s)
	}
	walk(j, above)
	text = strings.Join(items, " cross join ")
	if len(items) > 1 || strings.Contains(text, " left join ") {
		text = "(" + text + ")"
	}
	return text, conds, key
}

// without is NOT CONTAINS.
func (g *generator) without(j *plan.Join, above *plan.Source) string {
	if j.Op == plan.Any {
		// Nothing of the one and nothing of the other.
		none := make([]string, len(j.Operands))
		for i, o := range j.Operands {
			none[i] = g.without(o, above)
		}
		return all(none)
	}
	first := g.anchor
	if first != "" {
		g.anchor = alias(above) + ".ehr_id"
	}
	text, conds, _ := g.group(j, above)
	g.anchor = first
	return "not exists (select 1 from " + text + " where " + all(conds) + ")"
}

func all(conds []string) string {
	if len(conds) == 0 {
		return "true"
	}
	return strings.Join(conds, " and ")
}

// relate says how a relation lies within another.
func (g *generator) relate(s, above *plan.Source) []string {
	a, b := alias(above), alias(s)
	same := b + ".ehr_id = " + a + ".ehr_id"
	switch {
	case above.Kind == plan.EHR:
		return []string{same}
	case s.Referred:
		item := g.next("fi")
		return []string{same, fmt.Sprintf(
			"exists (select 1 from %[1]s where %[2]s.ehr_id = %[3]s.ehr_id and %[2]s.folder_id = %[3]s.vo_id and %[2]s.num between %[3]s.num and %[3]s.cap and %[2]s.item_vo = %[4]s.vo_id)",
			g.scan(access.FolderItem, item), item, a, b)}
	}
	if g.within(s) {
		return []string{"true"}
	}
	conds := []string{same, b + ".vo_id = " + a + ".vo_id", b + ".ver = " + a + ".ver"}
	if above.Kind == plan.Node {
		conds = append(conds, b+".num > "+a+".num", b+".num <= "+a+".cap")
		if s.Inner {
			// What is below a node stands in its row or in rows below it.
			conds = append(conds, b+".row >= "+a+".row", b+".row <= "+a+".cap")
		}
	}
	if s.Local != nil {
		conds = append(conds, b+".row = "+alias(s.Local)+".row")
	}
	return conds
}

func (g *generator) filter(s *plan.Source) []string {
	if s.Filter == nil {
		return nil
	}
	return []string{g.condition(s.Filter)}
}

// scan is the table for a relation. The first relation of a population query is
// gated row by row; those after it are of the same EHR as the first, whose gate
// has been judged. Of a query about one EHR all are, and without rows of the first
// there is no answer.
func (g *generator) scan(table access.Table, name string) string {
	switch {
	case g.anchor == "":
		return g.scope.Scan(table, name)
	case g.ehr != "":
		return g.scope.ScanOf(table, name, g.ehr)
	}
	return g.scope.ScanOf(table, name, g.anchor)
}

// lateralWord stands before a relation that refers to the first.
func (g *generator) lateralWord() string {
	if g.anchor == "" || g.ehr != "" {
		return ""
	}
	return "lateral "
}

// relation writes the FROM item of one class operand.
func (g *generator) relation(s *plan.Source) string {
	name := g.lateralWord()
	switch s.Kind {
	case plan.EHR:
		return name + "(select t.ehr_id, t.system, t.created, t.status_id, t.directory_id from " + g.scan(access.EHR, "t") +
			" where " + all(append(g.fixed("t"), g.askable("t")...)) + ") " + alias(s)
	case plan.Version:
		which := "t.is_effective"
		if g.latest(s) {
			which = "t.is_latest"
		}
		conds := append([]string{which, "t.kind = any(" + g.args.Add(s.Objects) + "::smallint[])"}, g.fixed("t")...)
		return name + "(select t.ehr_id, t.vo_id, t.ver, t.system, t.contribution_id, t.committed, t.lifecycle, t.preceding, t.signature, t.audit from " +
			g.scan(access.Version, "t") + " where " + all(append(conds, g.askable("t")...)) + ") " + alias(s)
	}
	if g.within(s) {
		return g.expanded(s)
	}
	var parts []string
	if s.Root {
		parts = append(parts, g.rows(s))
	}
	if s.Inner {
		parts = append(parts, g.inside(s))
	}
	if len(parts) == 0 {
		return "(select null::uuid as ehr_id, null::uuid as vo_id, null::int as ver, null::int as num, null::int as cap, null::int as row, null::int as shape, null::jsonb as data where false) " + alias(s)
	}
	return name + "(" + strings.Join(parts, "\nunion all ") + ") " + alias(s)
}

// latest says whether LATEST_VERSION is taken by the letter. Who has limits sees
// what is effective: a draft is for those who may write it (DESIGN 5a rule 1).
func (g *generator) latest(s *plan.Source) bool { return s.Latest && g.profile.All }

// effective leaves out the rows of drafts.
func (g *generator) effective(s *plan.Source) []string {
	if g.latest(s) {
		return nil
	}
	return []string{"not n.draft"}
}

// rows are the nodes that are rows themselves.
func (g *generator) rows(s *plan.Source) string {
	conds := append(append(g.effective(s), g.archetypes("n", s.Archetypes)), g.kinds(s)...)
	if s.Mixed {
		conds = append(conds, g.classes("n.class", s.Classes))
	}
	if (g.leaf != nil || g.first != nil) && s.Name == "COMPOSITION" {
		// A composition is the first of its nodes: one look-up gives it.
		conds = append(conds, "n.num = 0")
	}
	return "select n.ehr_id, n.vo_id, n.ver, n.num, n.num_cap as cap, n.num as row, n.shape, n.data from " + g.scan(access.Node, "n") +
		" where " + all(append(append(conds, g.fixed("n")...), g.askable("n")...))
}

// archetypes narrows rows. One id is compared as one: what an index then gives is
// in the order of the rest of its key, and is merged without being sorted.
func (g *generator) archetypes(n string, ids []int32) string {
	if len(ids) == 1 {
		return n + ".arch = " + g.args.Add(ids[0]) + "::int"
	}
	return n + ".arch = any(" + g.args.Add(ids) + "::int[])"
}

// shapes are the paths within rows at which a source's nodes stand. Wide shapes
// hold a path once for each name, so each is taken once.
func (g *generator) shapes(s *plan.Source) string {
	items := []string{"i.path <> ''", g.classes("i.class", s.Classes)}
	if s.Codes != nil {
		items = append(items, "i.code = any("+g.args.Add(s.Codes)+"::text[])")
	}
	if names := g.names(s); names != nil {
		items = append(items, named(g.args.Add(names)))
	}
	return "(select distinct on (i.shape, i.path, i.class) i.shape, i.jpath from shape_item i where " + all(items) + ") si"
}

// inside are the nodes within rows, found by the shapes that have them.
func (g *generator) inside(s *plan.Source) string {
	conds := append(g.effective(s), g.kinds(s)...)
	if names := g.names(s); names != nil && g.ehr == "" {
		// Few archetypes have such nodes, and their rows an index finds.
		conds = append(conds, "n.arch = any((select array_agg(distinct p.arch) from shape_item i join shape p on p.id = i.shape where "+
			all([]string{"i.path <> ''", g.classes("i.class", s.Classes), named(g.args.Add(names))})+")::int[])")
	}
	return "select n.ehr_id, n.vo_id, n.ver, (x.x ->> '#')::int as num, (x.x ->> '$')::int as cap, n.num as row, null::int as shape, x.x as data from " +
		g.scan(access.Node, "n") + " join " + g.shapes(s) + " on si.shape = n.shape" +
		" cross join lateral jsonb_path_query(n.data, si.jpath) x(x)" +
		" where " + all(append(append(conds, g.fixed("n")...), g.askable("n")...))
}

// within says that the nodes are all in the row of the relation above, so that
// no other row need be read.
func (g *generator) within(s *plan.Source) bool {
	return s.Local != nil && s.Local.Kind == plan.Node && s.Local.Root && !s.Local.Inner && s.Inner && !s.Root
}

// expanded are the nodes within the row of the relation above.
func (g *generator) expanded(s *plan.Source) string {
	a := alias(s.Local)
	return fmt.Sprintf("lateral (select %[1]s.ehr_id, %[1]s.vo_id, %[1]s.ver, (x.x ->> '#')::int as num, (x.x ->> '$')::int as cap, %[1]s.row, null::int as shape, x.x as data from %[2]s cross join lateral jsonb_path_query(%[1]s.data, si.jpath) x(x) where si.shape = %[1]s.shape) %[3]s",
		a, g.shapes(s), alias(s))
}

// kinds narrows to kinds of versioned object, where the class does not say it
// already: each condition that says nothing new misleads the planner.
func (g *generator) kinds(s *plan.Source) []string {
	implied := true
	for _, c := range s.Classes {
		implied = implied && (c == rminfo.COMPOSITION || c == rminfo.EHR_STATUS || c == rminfo.FOLDER ||
			c.IsA(rminfo.CONTENT_ITEM) || c.IsA(rminfo.EVENT) || c == rminfo.HISTORY || c == rminfo.ACTIVITY || c == rminfo.EVENT_CONTEXT)
	}
	switch {
	case implied:
		return nil
	case len(s.Objects) == 1:
		return []string{fmt.Sprintf("n.kind = %d", s.Objects[0])}
	}
	return []string{"n.kind = any(" + g.args.Add(s.Objects) + "::smallint[])"}
}

func (g *generator) classes(column string, classes []rminfo.Class) string {
	numbers := make([]int16, len(classes))
	for i, c := range classes {
		numbers[i] = int16(c)
	}
	return column + " = any(" + g.args.Add(numbers) + "::smallint[])"
}

// fixed narrows a relation to the one EHR of the query.
func (g *generator) fixed(alias string) []string {
	if g.ehr == "" {
		return nil
	}
	return []string{alias + ".ehr_id = " + g.ehr}
}

// askable keeps people who are not queryable out of populations: by the first
// relation, since all others are of its EHR. For a profile with limits the scan
// does so itself (DESIGN 5a rule 15).
func (g *generator) askable(table string) []string {
	if g.ehr != "" || !g.profile.All || g.anchor != "" {
		return nil
	}
	a := g.next("a")
	return []string{"exists (select 1 from " + g.scope.Scan(access.EHR, a) + " where " + a + ".ehr_id = " + table + ".ehr_id and " + a + ".is_queryable)"}
}
