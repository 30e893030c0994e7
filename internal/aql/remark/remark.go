package remark

import (
	"fmt"
	"slices"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/aql/declare"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/simplified/nearest"
	"github.com/quire-cdr/quire/internal/template"
)

// Known is what a query is judged by.
type Known struct {
	Templates []*template.Compiled
	// Archetypes are the ids of archetypes that are known beside those of the
	// templates.
	Archetypes []string
	// Incomplete says that there are more: what is not found is then not missed.
	Incomplete bool
}

// The rules of the remarks.
const (
	ClassUnknown     = "query-class-unknown"
	ArchetypeUnknown = "query-archetype-unknown"
	FunctionUnknown  = "query-function-unknown"
	PathUnknown      = "query-path-unknown"
)

// suggested is for how many paths the nearest right one is looked for.
const suggested = 20

// Of gives the remarks on a query, in the order of its text. Path is the place in
// it, Expected what may have been meant.
func Of(q *aql.Query, known Known) []fault.Issue {
	j := judge{q: q, known: known, roots: map[string][]root{}, sought: suggested}
	if known.Incomplete {
		j.known.Templates = nil
	}
	for _, t := range j.known.Templates {
		t.Walk(t.Root(), func(id template.NodeID, n *template.Node) bool {
			if n.IsRoot {
				j.roots[n.Archetype] = append(j.roots[n.Archetype], root{t, id})
			}
			return true
		})
	}
	for name := range j.roots {
		j.names = append(j.names, name)
	}
	j.names = append(j.names, known.Archetypes...)
	slices.Sort(j.names)
	j.names = slices.Compact(j.names)
	aql.Inspect(q, j.visit)
	return j.issues
}

// root is a place in a template where an archetype begins.
type root struct {
	in *template.Compiled
	id template.NodeID
}

type judge struct {
	q     *aql.Query
	known Known
	// roots are those of each archetype, names all archetypes.
	roots  map[string][]root
	names  []string
	issues []fault.Issue
	sought int
}

func (j *judge) add(at aql.Pos, rule, message, expected, found string) *fault.Issue {
	j.issues = append(j.issues, fault.Issue{Path: fmt.Sprintf("line %d, column %d", at.Line, at.Column), Rule: rule,
		Expected: expected, Found: found, Message: message, Warning: true})
	return &j.issues[len(j.issues)-1]
}

func (j *judge) visit(n aql.Node) bool {
	switch n := n.(type) {
	case *aql.Class:
		if _, ok := rminfo.ClassByName(n.RMType()); !ok && !n.IsVersion() {
			j.add(n.Pos, ClassUnknown, "the reference model has no class "+n.Type, first(nearest.Of(n.RMType(), classNames, 3)), n.Type)
		}
	case *aql.NodeID:
		if n.Kind == aql.Archetype && !j.known.Incomplete && len(j.holding(n.ID)) == 0 && !slices.ContainsFunc(j.names, func(name string) bool { return aql.Specialises(name, n.ID) }) {
			j.add(n.Pos, ArchetypeUnknown, "no template holds the archetype "+n.ID, first(nearest.Of(n.ID, j.names, 2+len(n.ID)/8)), n.ID).Archetype = n.ID
		}
	case *aql.Call:
		if n.Function() == nil {
			j.add(n.Pos, FunctionUnknown, "there is no function "+n.Name, aql.NearestFunction(n.Name), n.Name)
		}
	case *aql.PathExpr:
		j.path(n)
	}
	return true
}

var classNames = func() (names []string) {
	for c := 1; c < rminfo.Classes(); c++ {
		names = append(names, rminfo.Class(c).Name())
	}
	return append(names, "VERSION")
}()

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// holding are the places where an archetype, or one that specialises it, begins.
func (j *judge) holding(archetype string) (all []root) {
	for name, roots := range j.roots {
		if aql.Specialises(name, archetype) {
			all = append(all, roots...)
		}
	}
	return all
}

// archetypeOf is the archetype of a predicate, "" without one.
func archetypeOf(predicate aql.Expr) string {
	switch p := predicate.(type) {
	case *aql.NodeID:
		if p.Kind == aql.Archetype {
			return p.ID
		}
	case *aql.Logical:
		if p.Op == aql.And {
			for _, o := range p.Operands {
				if id := archetypeOf(o); id != "" {
					return id
				}
			}
		}
	}
	return ""
}

// path judges a path by the templates that hold the archetype it begins at, else
// by the reference model alone.
func (j *judge) path(p *aql.PathExpr) {
	class := j.q.Class(p.Variable)
	if class == nil || class.IsVersion() || len(p.Path.Segments) == 0 {
		return
	}
	rm, ok := rminfo.ClassByName(class.RMType())
	if !ok {
		return
	}
	segments := p.Path.Segments
	archetype := archetypeOf(class.Predicate)
	roots := j.holding(archetype)
	if archetype == "" || len(roots) == 0 {
		if reached := along(concrete(rm), segments, true); reached < len(segments) {
			j.noAttribute(p, concrete(rm), reached)
		}
		return
	}
	reached := 0
	for _, r := range roots {
		if reached = max(reached, r.walk(r.id, segments)); reached == len(segments) {
			return
		}
	}
	if along(concrete(rm), segments, true) < len(segments) {
		j.noAttribute(p, concrete(rm), along(concrete(rm), segments, true))
		return
	}
	meant := ""
	if j.sought--; j.sought >= 0 {
		asked := plain(segments)
		if meant = first(nearest.Of(asked, candidates(roots), 3+len(asked)/4)); meant != "" {
			meant = p.Variable + "/" + meant
		}
	}
	issue := j.add(segments[reached].Pos, PathUnknown, "no template leads along this path below "+archetype, meant, p.String())
	issue.AQLPath, issue.Archetype = p.String(), archetype
}

// noAttribute remarks on a path that leaves the reference model at a segment.
func (j *judge) noAttribute(p *aql.PathExpr, classes []rminfo.Class, at int) {
	for _, s := range p.Path.Segments[:at] {
		classes = declare.Below(classes, s.Name)
	}
	var names []string
	for _, c := range classes {
		for _, a := range c.Attributes() {
			names = append(names, a.Attr.Name())
		}
	}
	s := p.Path.Segments[at]
	j.add(s.Pos, PathUnknown, "nothing here has an attribute "+s.Name, first(nearest.Of(s.Name, names, 2)), s.Name).AQLPath = p.String()
}

func concrete(class rminfo.Class) (all []rminfo.Class) {
	for _, d := range class.Descendants() {
		if !d.Abstract() {
			all = append(all, d)
		}
	}
	return all
}
