package build

import (
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/adl"
	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
)

func adlID(text string) bool { return adl.ValidID(text) }

// usual is the attribute an archetype comes into when the source does not say.
var usual = map[rminfo.Class]string{rminfo.COMPOSITION: "/content", rminfo.SECTION: "/items", rminfo.CLUSTER: "/items"}

// include brings an archetype into a slot, or into an attribute which the
// archetype leaves open.
func (b *builder) include(from cursor, e *Entry) {
	where := e.Where
	if where == "" && from.last().object != nil {
		if where = usual[class(from.last().object)]; where == "" {
			b.add(e.place, from.path(), "source-include", "in", "", "%s has several places; say in", from.path())
			return
		}
	}
	at := b.find(from, where, e.at("in"))
	if at == nil {
		return
	}
	root := b.archetype(e.Include, e.at("include"), at.path())
	if root == nil {
		return
	}
	slot := b.slot(at, root, e)
	switch {
	case slot != nil:
		at = b.fill(at, slot, root, e)
	case at.last().object == nil:
		at = b.place(at, root, e)
	default:
		b.add(e.at("include"), at.path(), "source-slot", "a slot or an attribute", at.last().object.Base().TypeName, "%s is neither a slot nor an attribute", at.path())
		return
	}
	if at == nil {
		return
	}
	rest := *e
	rest.Include, rest.Occurrences, rest.Existence, rest.Cardinality, rest.OpenSlot = "", Bounds{}, nil, nil, false
	b.entry(at, &rest)
}

// slot is the slot a place names: itself, or the one of the attribute that
// admits the archetype.
func (b *builder) slot(at cursor, root *aom.ArchetypeRoot, e *Entry) *aom.Slot {
	last := at.last()
	if s, ok := last.object.(*aom.Slot); ok {
		return s
	}
	if last.object != nil || last.attribute == nil {
		return nil
	}
	var first *aom.Slot
	for _, child := range last.attribute.Children {
		s, ok := child.(*aom.Slot)
		if !ok {
			continue
		}
		if template.Admits(s, root.ArchetypeID) && classFits(root, s.TypeName) {
			return s
		}
		if first == nil {
			first = s
		}
	}
	return first
}

func classFits(root *aom.ArchetypeRoot, name string) bool {
	want := classNamed(name)
	return want == 0 || class(root) == 0 || class(root).IsA(want)
}

// fill puts an archetype before its slot, which stays until all are in.
func (b *builder) fill(at cursor, slot *aom.Slot, root *aom.ArchetypeRoot, e *Entry) cursor {
	where := e.at("include")
	if !classFits(root, slot.TypeName) {
		b.add(where, at.path(), "source-slot", slot.TypeName, root.TypeName, "the slot is for %s, %s is a %s", slot.TypeName, root.ArchetypeID, root.TypeName)
		return nil
	}
	if !template.Admits(slot, root.ArchetypeID) {
		b.add(where, at.path(), "source-slot", showSlot(slot), root.ArchetypeID, "the slot %s does not admit %s; it says %s", at.path(), root.ArchetypeID, showSlot(slot))
		return nil
	}
	last := at.last()
	root.Occurrences = slot.Occurrences
	root.Occurrences.Min = 0
	f := &filler{root: root, said: e.Occurrences.Min != nil, place: where}
	if !b.occur(root, e, at) {
		return nil
	}
	b.fillers[slot] = append(b.fillers[slot], f)
	last.attribute.Children = slices.Insert(last.attribute.Children, slices.Index(last.attribute.Children, aom.Object(slot)), aom.Object(root))
	return at[:len(at)-1].to(stop{last.attribute, root, last.owner})
}

func (b *builder) occur(root *aom.ArchetypeRoot, e *Entry, at cursor) bool {
	if !e.Occurrences.said() {
		return true
	}
	m := root.Occurrences
	if e.Occurrences.Min != nil {
		m.Min = *e.Occurrences.Min
	}
	if e.Occurrences.Max != nil {
		m.Max = *e.Occurrences.Max
	}
	if !within(m, root.Occurrences) || m.Max != aom.Unbounded && m.Max < m.Min {
		b.add(e.at("occurrences"), at.path(), "source-occurrences", showMultiplicity(root.Occurrences), showMultiplicity(m),
			"occurrences %s of %s are not within %s of its place", showMultiplicity(m), root.ArchetypeID, showMultiplicity(root.Occurrences))
		return false
	}
	root.Occurrences = m
	return true
}

// place puts an archetype into an attribute without a slot: one that nobody
// constrains, or that holds included archetypes already.
func (b *builder) place(at cursor, root *aom.ArchetypeRoot, e *Entry) cursor {
	last := at.last()
	a := last.attribute
	known, ok := declared(class(last.owner), a.Name)
	if ok && !class(root).IsA(known.Type) {
		b.add(e.at("include"), at.path(), "source-slot", known.Type.Name(), root.TypeName, "%s holds %s, %s is a %s", at.path(), known.Type.Name(), root.ArchetypeID, root.TypeName)
		return nil
	}
	for _, child := range a.Children {
		if _, included := child.(*aom.ArchetypeRoot); !included && !isBare(child) {
			b.add(e.at("include"), at.path(), "source-slot", "a slot", "none", "the archetype constrains %s and has no slot there", at.path())
			return nil
		}
	}
	a.Children = slices.DeleteFunc(a.Children, func(o aom.Object) bool { return isBare(o) })
	root.Occurrences = aom.Multiplicity{Max: aom.Unbounded}
	if !a.Multiple {
		root.Occurrences = aom.Multiplicity{Min: a.Existence.Min, Max: 1}
	}
	if !b.occur(root, e, at) {
		return nil
	}
	b.keep(at)
	a.Children = append(a.Children, root)
	return at[:len(at)-1].to(stop{a, root, last.owner})
}

// isBare says whether an object only repeats a class: what stands in its place
// narrows nothing but that.
func isBare(o aom.Object) bool {
	c, ok := o.(*aom.ComplexObject)
	return ok && len(c.Attributes) == 0 && class(c).Locatable()
}

// openSlot keeps a slot open beside what has come into it.
func (b *builder) openSlot(at cursor, e *Entry) {
	o := at.last().object
	slot, ok := o.(*aom.Slot)
	if !ok {
		if e.Value.Codes == nil && e.Value.ValueSet == nil && e.Value.Texts == nil {
			b.add(e.at("open"), at.path(), "source-slot", "a slot", at.path(), "%s is no slot to keep open", at.path())
		}
		return
	}
	b.fillers[slot] = append(b.fillers[slot], &filler{open: true})
}

// closeSlots takes away the slots that are filled, and those nobody filled when
// the source says so.
func (b *builder) closeSlots(o aom.Object) {
	inner := attributesOf(o)
	if inner == nil {
		return
	}
	for _, a := range *inner {
		before := len(a.Children)
		a.Children = slices.DeleteFunc(a.Children, func(child aom.Object) bool {
			s, ok := child.(*aom.Slot)
			return ok && b.closed(s)
		})
		if before > 0 && len(a.Children) == 0 && a.Existence.Min == 0 {
			b.forbid(a)
		}
		for _, child := range a.Children {
			b.closeSlots(child)
		}
	}
}

func (b *builder) closed(s *aom.Slot) bool {
	list := b.fillers[s]
	open := slices.ContainsFunc(list, func(f *filler) bool { return f.open })
	roots := slices.DeleteFunc(slices.Clone(list), func(f *filler) bool { return f.root == nil })
	if len(roots) == 0 {
		return b.s.CloseSlots && !open && s.Occurrences.Min == 0
	}
	// The only archetype of a mandatory slot is mandatory.
	if sole := roots[0]; len(roots) == 1 && !open && s.Occurrences.Min > sole.root.Occurrences.Min {
		if sole.said {
			b.add(sole.place, "", "source-occurrences", showMultiplicity(s.Occurrences), showMultiplicity(sole.root.Occurrences),
				"%s is the only archetype of a slot that occurs %s", sole.root.ArchetypeID, showMultiplicity(s.Occurrences))
		}
		sole.root.Occurrences.Min = s.Occurrences.Min
	}
	return !open
}

func bare(pattern string) string {
	return strings.TrimSuffix(strings.TrimPrefix(pattern, "/"), "/")
}

func showSlot(s *aom.Slot) string {
	var parts []string
	for _, list := range []struct {
		word       string
		assertions []aom.Assertion
	}{{"include", s.Includes}, {"exclude", s.Excludes}} {
		for _, a := range list.assertions {
			if p, ok := a.ArchetypeIDPattern(); ok {
				parts = append(parts, list.word+" "+bare(p))
			} else if a.Text != "" {
				parts = append(parts, list.word+" "+a.Text)
			}
		}
	}
	return strings.Join(parts, ", ")
}
