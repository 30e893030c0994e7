package plan

import (
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/aql/promote"
	"github.com/quire-cdr/quire/internal/aql/row"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// Promoted is a usable promoted path: for each value that the path leads to from
// a row of one of its archetypes there is one leaf row.
type Promoted struct {
	promote.Path
	ID int32
	// Archetypes are those whose rows have the path.
	Archetypes []int32
}

// Leaf is how a path of the query runs through a promoted one.
type Leaf struct {
	*Promoted
	// Value is the step at the data value, Holder that at the numbered object which
	// holds it, nil being the row itself.
	Value, Holder *Step
	// Own says that the promoted path begins at the row of the source, and not at a
	// row below it.
	Own bool
	// Whole says that the path leads to all values that are promoted from the rows,
	// and not only to some.
	Whole bool
	// Tail are the attributes behind the value.
	Tail []string
}

// Candidate is a path that could be promoted, whether or not it is.
type Candidate struct {
	Archetypes []int32
	Text       string
}

// Leaf finds the promoted path that a path of the query runs through, nil where
// there is none. Every value the path leads to then has a leaf row.
func (d *Dictionary) Leaf(r *Ref) *Leaf {
	found, _ := d.through(r)
	return found
}

// Candidate finds the path that would have to be promoted for a path of the query.
func (d *Dictionary) Candidate(r *Ref) (Candidate, bool) {
	_, c := d.through(r)
	return c, c.Text != ""
}

func (d *Dictionary) through(r *Ref) (*Leaf, Candidate) {
	s := r.Source
	if r.Missing || r.Step == nil || s.Kind != Node || s.Latest {
		return nil, Candidate{}
	}
	var steps []*Step
	for st := r.Step; st != nil; st = st.Parent {
		steps = append(steps, st)
	}
	slices.Reverse(steps)
	var archetypes []int32
	if s.Root && !s.Inner {
		archetypes = s.Archetypes
	}
	l := &Leaf{Own: true, Whole: s.Filter == nil && !s.Mixed}
	var words []string
	for i, st := range steps {
		l.Whole = l.Whole && st.Filter == nil
		switch {
		case st.Attr == "":
			continue
		case st.Archetypes != nil:
			archetypes, words = st.Archetypes, nil
			l.Own, l.Whole, l.Holder = false, false, st
			continue
		case len(archetypes) == 0:
			continue
		case st.Located && st.Codes == nil:
			archetypes = nil
			continue
		}
		word := st.Attr
		if st.Located {
			if d.narrowed(archetypes, st.Codes) {
				archetypes = nil
				continue
			}
			word += "[" + st.Codes[0] + "]"
		}
		words = append(words, word)
		if st.Located || !st.Plain || slices.ContainsFunc(st.Classes, isNumbered) {
			l.Holder = st
			continue
		}
		if !slices.ContainsFunc(st.Classes, isValue) {
			continue
		}
		text := strings.Join(words, "/")
		for _, t := range steps[i+1:] {
			l.Tail = append(l.Tail, t.Attr)
			l.Whole = l.Whole && t.Filter == nil
		}
		l.Value = st
		for k := range d.Promoted[text] {
			p := &d.Promoted[text][k]
			if subset(archetypes, p.Archetypes) {
				l.Promoted = p
				l.Whole = l.Whole && len(archetypes) == len(p.Archetypes)
				return l, Candidate{archetypes, text}
			}
		}
		return nil, Candidate{archetypes, text}
	}
	return nil, Candidate{}
}

// narrowed says whether rows of the archetypes have one of the codes that
// specialise the first: they stand under other keys, which are not promoted.
func (d *Dictionary) narrowed(archetypes []int32, codes []string) bool {
	for _, a := range archetypes {
		for _, c := range d.Narrower[a] {
			if slices.Contains(codes[1:], c) {
				return true
			}
		}
	}
	return false
}

func subset(some, all []int32) bool {
	for _, a := range some {
		if !slices.Contains(all, a) {
			return false
		}
	}
	return len(some) > 0
}

// Conjuncts are the conditions that each row of the answer meets.
func (p *Plan) Conjuncts() []Expr {
	if p.Where == nil {
		return nil
	}
	var all []Expr
	var walk func(e Expr)
	walk = func(e Expr) {
		if l, ok := e.(*Logic); ok && l.Op == aql.And {
			for _, o := range l.Operands {
				walk(o)
			}
			return
		}
		all = append(all, e)
	}
	walk(p.Where)
	return all
}

// Always says whether each row of the answer has a node of the source: it stands
// under no OR and no NOT CONTAINS.
func (p *Plan) Always(s *Source) bool {
	j := p.From
	var has func(j *Join) bool
	has = func(j *Join) bool {
		switch {
		case j == nil || j.Op == Any:
			return false
		case j.Op == All:
			return slices.ContainsFunc(j.Operands, has)
		case j.Source == s:
			return true
		}
		return !j.Not && has(j.Child)
	}
	return has(j)
}

func isNumbered(c rminfo.Class) bool { return row.Numbered(c) }

func isValue(c rminfo.Class) bool { return c.IsA(rminfo.DATA_VALUE) }
