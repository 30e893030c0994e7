package plan

import (
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/aql/row"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// anchor is where a relative path begins: a source, or a step.
type anchor struct {
	source *Source
	step   *Step
	// above is the node that holds the source: codes are of its archetype.
	above *Source
}

func (a *anchor) classes() []rminfo.Class {
	if a.step != nil {
		return a.step.Classes
	}
	return a.source.Classes
}

// ref resolves an identified path. With share its steps become the query's;
// without, it follows shared steps as far as they go and has its own beyond.
func (b *builder) ref(p *aql.PathExpr, share bool) (*Ref, error) {
	class := b.q.Class(p.Variable)
	if class == nil {
		return nil, aql.Unsupported(p, "the unknown variable "+p.Variable)
	}
	s := b.sources[class]
	s.Used = true
	at := &anchor{source: s}
	if p.Predicate != nil {
		self, err := b.self(s, p.Predicate, share)
		if err != nil {
			return nil, err
		}
		at.step = self
	}
	r, err := b.walk(at, p.Path, share)
	if err != nil || r.Missing {
		return r, err
	}
	// The end of a path, or where EXISTS leaves the paths of others.
	for st := r.Step; st != nil; st = st.Parent {
		if st.Shared {
			st.Anchor = true
			break
		}
	}
	return r, nil
}

// self is the step of a predicate on a variable: it narrows the value and drops
// no row.
func (b *builder) self(s *Source, predicate aql.Expr, share bool) (*Step, error) {
	b.steps++
	st := &Step{ID: b.steps, Source: s, Classes: s.Classes, Plain: true, Shared: share}
	filter, err := b.condition(predicate, &anchor{source: s, step: st})
	if err != nil {
		return nil, err
	}
	st.Filter = filter
	return st.among(&s.Steps), nil
}

// among gives the sibling that is the same step; a shared one joins them.
func (s *Step) among(siblings *[]*Step) *Step {
	for _, o := range *siblings {
		if o.text() == s.text() {
			return o
		}
	}
	if s.Shared {
		*siblings = append(*siblings, s)
	}
	return s
}

func (b *builder) walk(from *anchor, p aql.Path, share bool) (*Ref, error) {
	if share {
		// Lists that lead to nothing are one row: what the reference model does not
		// have iterates nothing up to its last list.
		if r, err := b.walk(from, p, false); err != nil || r.Missing && manyFrom(p.Segments[b.reached:]) {
			return r, err
		}
	}
	at := *from
	for i := range p.Segments {
		seg := &p.Segments[i]
		step, err := b.step(&at, seg, share)
		if err != nil {
			return nil, err
		}
		if step == nil {
			b.reached = i
			return &Ref{Source: from.source, Missing: true}, nil
		}
		at.step = step
	}
	return &Ref{Source: from.source, Step: at.step}, nil
}

// manyFrom says whether one of the attributes may be a list.
func manyFrom(segments []aql.Segment) bool {
	return slices.ContainsFunc(segments, func(s aql.Segment) bool {
		attr, ok := rminfo.AttrByName(s.Name)
		return ok && row.Many(attr)
	})
}

// step finds or makes the step of a segment; nil where the reference model has
// no such attribute.
func (b *builder) step(at *anchor, seg *aql.Segment, share bool) (*Step, error) {
	s := &Step{Source: at.source, Parent: at.step, Attr: seg.Name, Shared: share}
	if err := b.types(s, at, seg); err != nil {
		return nil, err
	}
	if len(s.Classes) == 0 {
		return nil, nil
	}
	b.steps++
	s.ID = b.steps
	p, err := b.predicate(seg.Predicate, &anchor{source: at.source, step: s})
	if err != nil {
		return nil, err
	}
	s.Archetypes, s.Codes, s.Filter = p.archetypes, p.codes, p.filter
	b.place(s)
	siblings := &at.source.Steps
	if at.step != nil {
		siblings = &at.step.Below
	}
	return s.among(siblings), nil
}

// types finds what the attribute may lead to, for all classes its holder may have.
func (b *builder) types(s *Step, at *anchor, seg *aql.Segment) error {
	switch at.source.Kind {
	case EHR:
		if at.step == nil {
			return ehrAttribute(s, seg)
		}
	case Version:
		switch {
		case at.step == nil && seg.Name == "data":
			for _, o := range at.source.Objects {
				s.Classes = append(s.Classes, rootClasses[o])
			}
			return nil
		case at.step == nil && (seg.Name == "attestations" || seg.Name == "other_input_version_uids"):
			return aql.Unsupported(seg, "VERSION/"+seg.Name)
		}
	}
	attr, ok := rminfo.AttrByName(seg.Name)
	if !ok {
		pos := seg.Position()
		return fault.New(fault.Invalid, "aql-unknown-attribute", "AQL: line %d, column %d: no class of the reference model has an attribute %s", pos.Line, pos.Column, seg.Name)
	}
	for _, holder := range at.classes() {
		a, ok := holder.Attribute(attr)
		if !ok {
			continue
		}
		s.Many = s.Many || a.Container && a.Type != rminfo.Byte
		if !a.Type.Abstract() && s.Declared == 0 {
			s.Declared = a.Type
		}
		for _, c := range concrete(a.Type) {
			if !slices.Contains(s.Classes, c) {
				s.Classes = append(s.Classes, c)
			}
		}
	}
	return nil
}

// rootClasses are the classes of versioned objects.
var rootClasses = map[int16]rminfo.Class{Composition: rminfo.COMPOSITION, EHRStatus: rminfo.EHR_STATUS, Folder: rminfo.FOLDER, Party: rminfo.PERSON}

// ehrAttribute types the attributes of EHR; ehr_status and directory stand for
// the objects they refer to.
func ehrAttribute(s *Step, seg *aql.Segment) error {
	switch seg.Name {
	case "ehr_id", "system_id":
		s.Declared = rminfo.HIER_OBJECT_ID
	case "time_created":
		s.Declared = rminfo.DV_DATE_TIME
	case "ehr_status":
		s.Declared = rminfo.EHR_STATUS
	case "directory":
		s.Declared = rminfo.FOLDER
	default:
		attr, _ := rminfo.AttrByName(seg.Name)
		if _, ok := rminfo.EHR.Attribute(attr); ok {
			return aql.Unsupported(seg, "EHR/"+seg.Name)
		}
		return nil
	}
	s.Classes = []rminfo.Class{s.Declared}
	return nil
}

// place decides where the nodes of a step are to be looked for.
func (b *builder) place(s *Step) {
	var located []rminfo.Class
	for _, c := range s.Classes {
		if c.Locatable() {
			located = append(located, c)
		} else {
			s.Plain = true
		}
	}
	s.Located = len(located) > 0
	if s.Source.Kind != Node && s.Parent == nil {
		// The attributes of EHR and VERSION are columns, not in a row.
		s.Located, s.Plain, s.Many = false, true, false
		return
	}
	d := b.opts.Dictionary
	switch {
	case !s.Located:
	case s.Archetypes != nil:
		s.Rows, s.Plain = true, false
	case s.Codes != nil:
		s.Inside, s.Plain = true, false
	default:
		s.Rows = len(d.roots(located)) > 0
		s.Inside = d.inner(located, nil)
	}
}

// text identifies a step among its siblings.
func (s *Step) text() string { return string(appendStep(nil, s)) }

// parts are what a predicate comes down to.
type parts struct {
	archetypes []int32
	codes      []string
	id         string
	filter     Expr
}

func (p *parts) and(e Expr) {
	switch f := p.filter.(type) {
	case nil:
		p.filter = e
	case *Logic:
		if f.Op == aql.And {
			f.Operands = append(f.Operands, e)
			return
		}
		p.filter = &Logic{aql.And, []Expr{f, e}}
	default:
		p.filter = &Logic{aql.And, []Expr{f, e}}
	}
}

// predicate takes a predicate apart: the archetype or code that finds the node,
// and conditions on it.
func (b *builder) predicate(e aql.Expr, at *anchor) (parts, error) {
	var p parts
	switch e := e.(type) {
	case nil:
		return p, nil
	case *aql.NodeID:
		return p, b.nodeID(e, at, &p)
	case *aql.Comparison:
		if id := b.longForm(e); id != nil {
			return p, b.nodeID(id, at, &p)
		}
	case *aql.Logical:
		if e.Op != aql.And {
			break
		}
		for _, o := range e.Operands {
			id, ok := o.(*aql.NodeID)
			if cmp, long := o.(*aql.Comparison); long {
				id = b.longForm(cmp)
				ok = id != nil
			}
			if ok && p.archetypes == nil && p.codes == nil {
				if err := b.nodeID(id, at, &p); err != nil {
					return p, err
				}
				continue
			}
			c, err := b.condition(o, at)
			if err != nil {
				return p, err
			}
			p.and(c)
		}
		return p, nil
	}
	c, err := b.condition(e, at)
	if err != nil {
		return p, err
	}
	p.and(c)
	return p, nil
}

func (b *builder) nodeID(n *aql.NodeID, at *anchor, p *parts) error {
	id := n.ID
	if n.Kind == aql.NodeParam {
		lits, err := b.param(n, n.ID)
		if err != nil {
			return err
		}
		if len(lits) != 1 || lits[0].Kind != aql.String {
			return aql.Unsupported(n, "a predicate parameter that is no text")
		}
		id = lits[0].Text
	}
	p.id = id
	if isArchetypeID(id) {
		p.archetypes = b.opts.Dictionary.archetypes(id, b.opts.Exact)
	} else {
		p.codes = b.opts.Dictionary.codes(id, b.opts.Exact)
	}
	all, ok := n.Expand().(*aql.Logical)
	if !ok {
		return nil
	}
	for _, o := range all.Operands[1:] {
		c, err := b.condition(o, at)
		if err != nil {
			return err
		}
		p.and(c)
	}
	return nil
}

// isArchetypeID tells an archetype id from an at-code or id-code.
func isArchetypeID(id string) bool { return strings.Contains(id, "-") && strings.Contains(id, ".") }

// nodeIDs is a node id as a condition, where it stands under OR.
func (b *builder) nodeIDs(n *aql.NodeID, at *anchor) (Expr, error) {
	var p parts
	if err := b.nodeID(n, at, &p); err != nil {
		return nil, err
	}
	ref, err := b.walk(at, aql.Path{Segments: []aql.Segment{{Pos: n.Pos, Name: "archetype_node_id"}}}, false)
	if err != nil {
		return nil, err
	}
	in := &In{Operand: ref}
	for _, id := range b.specialisations(p.id) {
		in.List = append(in.List, Literal{aql.String, id})
	}
	all := []Expr{in}
	if at.step == nil && at.above != nil && !at.source.Referred && !isArchetypeID(p.id) {
		at.above.Used = true
		all = append(all, &Local{at.source, at.above})
	}
	if p.filter != nil {
		all = append(all, p.filter)
	}
	if len(all) == 1 {
		return in, nil
	}
	return &Logic{aql.And, all}, nil
}

// longForm is the node id that `archetype_node_id = x` stands for (AQL 1.1.0,
// 3.4.3), nil for other comparisons.
func (b *builder) longForm(e *aql.Comparison) *aql.NodeID {
	rel, ok := e.Left.(*aql.RelativePath)
	if !ok || e.Op != aql.Eq || rel.Path.String() != "archetype_node_id" {
		return nil
	}
	switch r := e.Right.(type) {
	case *aql.Literal:
		switch {
		case r.Kind == aql.Code, r.Kind == aql.String && !isArchetypeID(r.Text):
			return &aql.NodeID{Pos: e.Pos, Kind: aql.NodeCode, ID: r.Text}
		case r.Kind == aql.String:
			return &aql.NodeID{Pos: e.Pos, Kind: aql.Archetype, ID: r.Text}
		}
	case *aql.Param:
		if _, ok := b.opts.Params[r.Name].(string); ok {
			return &aql.NodeID{Pos: e.Pos, Kind: aql.NodeParam, ID: r.Name}
		}
	}
	return nil
}
