package build

import (
	"slices"
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/adl"
	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template/bounds"
	"github.com/quire-cdr/quire/internal/template/tree"
)

// flatten adds to a specialised archetype what it leaves to its flat parent.
// ADL 1.4 archetypes are written in flat form (AM, ADL 2, 10.1): an attribute
// they state is stated in full, so that optional members of the parent that they
// do not name are gone; an attribute they do not state is the parent's, and so
// is every mandatory member.
//
// What a specialisation widens is reported by the codes of AOM: VSONCO
// (occurrences), VSONCT (class).
func flatten(a, parent *adl.Archetype) []fault.Issue {
	f := &flattener{id: a.ID}
	if a.Definition != nil && parent.Definition != nil {
		f.attributes(&a.Definition.Attributes, parent.Definition.Attributes, "")
	}
	inheritTerms(&a.Ontology.Terms, parent.Ontology.Terms)
	inheritTerms(&a.Ontology.Constraints, parent.Ontology.Constraints)
	for _, set := range parent.Ontology.Bindings {
		for _, item := range set.Items {
			bind(&a.Ontology.Bindings, set.Terminology, item, false)
		}
	}
	inheritBindings(&a.Ontology.ConstraintBindings, parent.Ontology.ConstraintBindings)
	return f.issues
}

type flattener struct {
	id     string
	issues []fault.Issue
}

// conform holds a node against the one it refines.
func (f *flattener) conform(child, general aom.Object, path string) {
	c, g := child.Base(), general.Base()
	add := func(rule, expected, found, what string) {
		f.issues = append(f.issues, fault.Issue{Path: path, Archetype: f.id, Rule: rule, Expected: expected, Found: found,
			Message: "line " + strconv.Itoa(c.Line) + ": " + what + " " + found + " of " + path + " is not within the parent's " + expected})
	}
	limit := g.Occurrences
	if c.NodeID != g.NodeID {
		// Several codes may share what the parent demands of one.
		limit.Min = 0
	}
	if !bounds.Counts(c.Occurrences, limit) {
		add("VSONCO", tree.ShowMultiplicity(limit), tree.ShowMultiplicity(c.Occurrences), "the occurrences")
	}
	if mine, theirs := tree.Class(child), tree.Class(general); mine != 0 && theirs != 0 && !mine.IsA(theirs) {
		add("VSONCT", g.TypeName, c.TypeName, "the class")
	}
}

func (f *flattener) attributes(own *[]*aom.Attribute, parents []*aom.Attribute, path string) {
	for _, p := range parents {
		a := tree.Attribute(*own, p.Name)
		if a == nil {
			*own = append(*own, tree.CopyAttribute(p))
			continue
		}
		for _, general := range p.Children {
			refined := false
			for _, child := range a.Children {
				if !refines(child, general) {
					continue
				}
				refined = true
				at := path + "/" + a.Name + tree.Predicate(child)
				f.conform(child, general, at)
				if mine, theirs := tree.Attributes(child), tree.Attributes(general); mine != nil && theirs != nil && len(*theirs) > 0 {
					f.attributes(mine, *theirs, at)
				}
			}
			if !refined && a.Multiple && general.Base().Occurrences.Min > 0 && general.Base().NodeID != "" {
				a.Children = append(a.Children, tree.CopyObject(general))
			}
		}
	}
}

// refines says whether a node stands for the parent's node: the same code or one
// that specialises it (at0004.1 for at0004), else the only object of the class.
func refines(child, general aom.Object) bool {
	c, g := child.Base(), general.Base()
	if g.NodeID == "" || c.NodeID == "" {
		return g.NodeID == c.NodeID && c.TypeName == g.TypeName
	}
	return c.NodeID == g.NodeID || strings.HasPrefix(c.NodeID, g.NodeID+".")
}

func inheritTerms(own *[]aom.LanguageTerms, parents []aom.LanguageTerms) {
	for _, p := range parents {
		for i := range *own {
			if set := &(*own)[i]; set.Language == p.Language {
				have := map[string]bool{}
				for _, t := range set.Terms {
					have[t.Code] = true
				}
				for _, t := range p.Terms {
					if !have[t.Code] {
						set.Terms = append(set.Terms, t)
					}
				}
			}
		}
	}
	if len(*own) == 0 {
		*own = append(*own, parents...)
	}
}

// bind adds a term binding; replace says whether it wins over one that is there.
func bind(sets *[]aom.TermBindings, terminology string, item aom.TermBinding, replace bool) {
	for i := range *sets {
		set := &(*sets)[i]
		if set.Terminology != terminology {
			continue
		}
		for j := range set.Items {
			if set.Items[j].Code == item.Code {
				if replace {
					set.Items[j] = item
				}
				return
			}
		}
		set.Items = append(set.Items, item)
		return
	}
	*sets = append(*sets, aom.TermBindings{Terminology: terminology, Items: []aom.TermBinding{item}})
}

func inheritBindings(own *[]aom.ConstraintBindings, parents []aom.ConstraintBindings) {
	for _, p := range parents {
		i := slices.IndexFunc(*own, func(set aom.ConstraintBindings) bool { return set.Terminology == p.Terminology })
		if i < 0 {
			*own = append(*own, p)
			continue
		}
		set := &(*own)[i]
		for _, item := range p.Items {
			if !slices.ContainsFunc(set.Items, func(have aom.KeyValue) bool { return have.Key == item.Key }) {
				set.Items = append(set.Items, item)
			}
		}
	}
}

// existence gives the attributes of an archetype that never speaks of existence
// the reference model's. ADL 1.4 (cADL, 5.3.3) means 1..1 by silence, but the
// usual editors cannot say it and mean the reference model: all published
// templates have protocol and state as 0..1. What must have members must be
// there, and the value of an ELEMENT too: a null flavour may stand for it. An
// archetype that says existence anywhere is taken at its word.
func existence(o aom.Object) {
	if !saysExistence(o) {
		modelExistence(o)
	}
}

func saysExistence(o aom.Object) bool {
	list := tree.Attributes(o)
	if list == nil {
		return false
	}
	for _, a := range *list {
		if a.Existence != tree.Once {
			return true
		}
		for _, child := range a.Children {
			if saysExistence(child) {
				return true
			}
		}
	}
	return false
}

func modelExistence(o aom.Object) {
	list := tree.Attributes(o)
	if list == nil {
		return
	}
	for _, a := range *list {
		least := a.Cardinality.Interval.Min
		for _, child := range a.Children {
			if a.Multiple {
				least += child.Base().Occurrences.Min
			}
		}
		if known, ok := tree.Declared(tree.Class(o), a.Name); ok && !known.Mandatory && least == 0 && tree.Class(o) != rminfo.ELEMENT {
			a.Existence.Min = 0
		}
		for _, child := range a.Children {
			modelExistence(child)
		}
	}
}

// maxObjects bounds an archetype once its references are expanded, and a
// template while it is built.
const maxObjects = 100_000

// expand puts copies in place of internal references (use_node).
func expand(a *adl.Archetype) error {
	x := &expander{a: a}
	x.attributes(a.Definition.Attributes, 0)
	if x.wrong != "" {
		return fault.New(fault.Invalid, "archetype-invalid", "%s: the internal reference to %s cannot be expanded", a.ID, x.wrong)
	}
	return nil
}

type expander struct {
	a     *adl.Archetype
	wrong string
	made  int
}

func (x *expander) attributes(list []*aom.Attribute, followed int) {
	for _, attribute := range list {
		for i, child := range attribute.Children {
			if x.wrong != "" {
				return
			}
			depth := followed
			if ref, ok := child.(*aom.InternalRef); ok {
				depth++
				target := x.a.Node(ref.TargetPath)
				if target == nil || depth > 20 || x.made > maxObjects {
					x.wrong = ref.TargetPath
					return
				}
				if child = tree.CopyObject(target); child == nil {
					x.wrong = ref.TargetPath
					return
				}
				x.made += tree.Size(child)
				base := child.Base()
				if ref.Occurrences != (aom.Multiplicity{}) {
					base.Occurrences = ref.Occurrences
				}
				if ref.NodeID != "" {
					base.NodeID = ref.NodeID
				}
				base.Line = ref.Line
				attribute.Children[i] = child
			}
			if inner := tree.Attributes(child); inner != nil {
				x.attributes(*inner, depth)
			}
		}
	}
}
