package plan

import (
	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// context is what stands above a class operand in FROM.
type context struct {
	// node is the nearest node above, version the VERSION directly above.
	node, version *Source
}

func (b *builder) from(c aql.Containment, above context) (*Join, error) {
	switch c := c.(type) {
	case *aql.Class:
		return b.class(c, above)
	case *aql.ContainmentSet:
		j := &Join{Pos: c.Position(), Op: All}
		if c.Op == aql.Or {
			j.Op = Any
		}
		for _, o := range c.Operands {
			below, err := b.from(o, above)
			if err != nil {
				return nil, err
			}
			j.Operands = append(j.Operands, below)
		}
		return j, nil
	}
	return nil, fault.New(fault.Invalid, "aql-syntax", "AQL: the query has no FROM")
}

func (b *builder) class(c *aql.Class, above context) (*Join, error) {
	s := &Source{ID: len(b.plan.Sources), Variable: c.Variable, Name: c.RMType()}
	b.plan.Sources = append(b.plan.Sources, s)
	b.sources[c] = s
	below := above
	var err error
	switch {
	case c.IsVersion():
		err = b.version(c, s)
		below = context{version: s}
	case s.Name == "EHR":
		s.Kind = EHR
		s.Classes = []rminfo.Class{rminfo.EHR}
		if above.node != nil || above.version != nil {
			return nil, aql.Unsupported(c, "EHR inside another class")
		}
		below = context{}
		err = b.ehr(c, s)
	default:
		err = b.node(c, s, above)
		below = context{node: s}
	}
	if err != nil {
		return nil, err
	}
	if c.Predicate != nil && c != b.pinned {
		s.Used, b.predicated[s] = true, true
	}
	j := &Join{Pos: c.Position(), Source: s, Not: c.Not}
	if c.Contains == nil {
		return j, nil
	}
	if j.Child, err = b.from(c.Contains, below); err != nil {
		return nil, err
	}
	if s.Kind == Version {
		s.Objects = objectsOf(j.Child)
	}
	return j, nil
}

func (b *builder) ehr(c *aql.Class, s *Source) error {
	for other, known := range b.sources {
		if other != c && known.Kind == EHR {
			return aql.Unsupported(c, "a second EHR in FROM")
		}
	}
	if c == b.pinned {
		return nil
	}
	p, err := b.predicate(c.Predicate, &anchor{source: s})
	if err == nil && (p.archetypes != nil || p.codes != nil) {
		err = aql.Unsupported(c.Predicate, "this predicate on EHR")
	}
	s.Filter = p.filter
	return err
}

func (b *builder) version(c *aql.Class, s *Source) error {
	s.Kind = Version
	s.Classes = []rminfo.Class{rminfo.ORIGINAL_VERSION}
	s.Objects = []int16{Composition, EHRStatus, Folder}
	if c.EveryVersion() {
		return aql.Unsupported(c, "superseded versions")
	}
	s.Latest = c.Scope == aql.LatestVersion
	return nil
}

func objectsOf(j *Join) []int16 {
	if j.Op == One {
		return j.Source.Objects
	}
	var all []int16
	for _, o := range j.Operands {
		all = append(all, objectsOf(o)...)
	}
	return all
}

func (b *builder) node(c *aql.Class, s *Source, above context) error {
	class, ok := rminfo.ClassByName(s.Name)
	switch {
	case !ok:
		return fault.New(fault.Invalid, "aql-unknown-class", "AQL: line %d, column %d: %s is no class of the reference model", c.Line, c.Column, c.Type)
	case !class.IsA(rminfo.PATHABLE) && class != rminfo.FEEDER_AUDIT && class != rminfo.FEEDER_AUDIT_DETAILS:
		return aql.Unsupported(c, "the class "+s.Name+" in FROM")
	}
	s.Classes = concrete(class)
	s.Objects = []int16{objectKind(class)}
	s.Latest = above.version != nil && above.version.Latest || above.node != nil && above.node.Latest
	if above.node != nil {
		// A FOLDER holds what its items refer to; everything else stays inside.
		s.Referred = above.node.Name == "FOLDER" && s.Objects[0] != Folder
		s.Latest = s.Latest && !s.Referred
		if !s.Referred {
			s.Objects = above.node.Objects
		}
	}
	p, err := b.predicate(c.Predicate, &anchor{source: s, above: above.node})
	if err != nil {
		return err
	}
	s.Filter = p.filter
	d := b.opts.Dictionary
	switch {
	case p.archetypes != nil:
		s.Archetypes, s.Root = p.archetypes, true
	case p.codes != nil:
		s.Codes = p.codes
		s.Inner = d.inner(s.Classes, s.Codes)
		if !s.Referred {
			s.Local = above.node
		}
	default:
		s.Archetypes = d.roots(s.Classes)
		s.Root = len(s.Archetypes) > 0
		s.Inner = d.inner(s.Classes, nil)
		if !s.Root && !s.Inner {
			s.Root = true
		}
	}
	s.Mixed = d.mixed(s.Archetypes, s.Classes)
	return nil
}

// objectKind is the versioned object to look in where the query does not name
// what holds the class: EHR_STATUS and FOLDER must be named.
func objectKind(class rminfo.Class) int16 {
	switch {
	case class == rminfo.EHR_STATUS:
		return EHRStatus
	case class == rminfo.FOLDER:
		return Folder
	case class.IsA(rminfo.PARTY), class.IsA(rminfo.PARTY_RELATIONSHIP), class == rminfo.CAPABILITY,
		class == rminfo.CONTACT, class == rminfo.ADDRESS, class == rminfo.PARTY_IDENTITY:
		return Party
	}
	return Composition
}
