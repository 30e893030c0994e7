package build

import (
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/adl"
	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/internal/template/bounds"
	"github.com/quire-cdr/quire/internal/template/source"
	"github.com/quire-cdr/quire/internal/template/tree"
)

func adlID(text string) bool { return adl.ValidID(text) }

// usual is the attribute an archetype comes into when the source does not say.
var usual = map[rminfo.Class]string{rminfo.COMPOSITION: "/content", rminfo.SECTION: "/items", rminfo.CLUSTER: "/items"}

// include brings an archetype into a slot, or into an attribute which the
// archetype leaves open.
func (b *builder) include(from tree.Cursor, e *source.Entry) {
	where := e.Where
	if where == "" && from.Last().Object != nil {
		if where = usual[tree.Class(from.Last().Object)]; where == "" {
			b.Add(e.Place, from.Path(), "source-include", "in", "", "%s has several places; say in", from.Path())
			return
		}
	}
	at := b.find(from, where, e.At("in"))
	if at == nil {
		return
	}
	root := b.archetype(e.Include, e.At("include"), at.Path())
	if root == nil {
		return
	}
	slot := b.slot(at, root, e)
	switch {
	case slot != nil:
		at = b.fill(at, slot, root, e)
	case at.Last().Object == nil:
		at = b.place(at, root, e)
	default:
		b.Add(e.At("include"), at.Path(), "source-slot", "a slot or an attribute", at.Last().Object.Base().TypeName, "%s is neither a slot nor an attribute", at.Path())
		return
	}
	if at == nil {
		return
	}
	rest := *e
	rest.Include, rest.Occurrences, rest.Existence, rest.Cardinality, rest.OpenSlot = "", source.Bounds{}, nil, nil, false
	b.entry(at, &rest)
}

// slot is the slot a place names: itself, or the one of the attribute that
// admits the archetype.
func (b *builder) slot(at tree.Cursor, root *aom.ArchetypeRoot, e *source.Entry) *aom.Slot {
	last := at.Last()
	if s, ok := last.Object.(*aom.Slot); ok {
		return s
	}
	if last.Object != nil || last.Attribute == nil {
		return nil
	}
	var first *aom.Slot
	for _, child := range last.Attribute.Children {
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
	want := tree.ClassNamed(name)
	return want == 0 || tree.Class(root) == 0 || tree.Class(root).IsA(want)
}

// fill puts an archetype before its slot, which stays until all are in.
func (b *builder) fill(at tree.Cursor, slot *aom.Slot, root *aom.ArchetypeRoot, e *source.Entry) tree.Cursor {
	where := e.At("include")
	if !classFits(root, slot.TypeName) {
		b.Add(where, at.Path(), "source-slot", slot.TypeName, root.TypeName, "the slot is for %s, %s is a %s", slot.TypeName, root.ArchetypeID, root.TypeName)
		return nil
	}
	if !template.Admits(slot, root.ArchetypeID) {
		b.Add(where, at.Path(), "source-slot", showSlot(slot), root.ArchetypeID, "the slot %s does not admit %s; it says %s", at.Path(), root.ArchetypeID, showSlot(slot))
		return nil
	}
	last := at.Last()
	root.Occurrences = slot.Occurrences
	root.Occurrences.Min = 0
	f := &filler{root: root, said: e.Occurrences.Min != nil, place: where}
	if !b.occur(root, e, at) {
		return nil
	}
	b.fillers[slot] = append(b.fillers[slot], f)
	last.Attribute.Children = slices.Insert(last.Attribute.Children, slices.Index(last.Attribute.Children, aom.Object(slot)), aom.Object(root))
	return at[:len(at)-1].To(last.Attribute, root, last.Owner)
}

func (b *builder) occur(root *aom.ArchetypeRoot, e *source.Entry, at tree.Cursor) bool {
	if !e.Occurrences.Said() {
		return true
	}
	m := root.Occurrences
	if e.Occurrences.Min != nil {
		m.Min = *e.Occurrences.Min
	}
	if e.Occurrences.Max != nil {
		m.Max = *e.Occurrences.Max
	}
	if !bounds.Counts(m, root.Occurrences) || m.Max != aom.Unbounded && m.Max < m.Min {
		b.Add(e.At("occurrences"), at.Path(), "source-occurrences", tree.ShowMultiplicity(root.Occurrences), tree.ShowMultiplicity(m),
			"occurrences %s of %s are not within %s of its place", tree.ShowMultiplicity(m), root.ArchetypeID, tree.ShowMultiplicity(root.Occurrences))
		return false
	}
	root.Occurrences = m
	return true
}

// place puts an archetype into an attribute without a slot: one that nobody
// constrains, or that holds included archetypes already.
func (b *builder) place(at tree.Cursor, root *aom.ArchetypeRoot, e *source.Entry) tree.Cursor {
	last := at.Last()
	a := last.Attribute
	known, ok := tree.Declared(tree.Class(last.Owner), a.Name)
	if ok && !tree.Class(root).IsA(known.Type) {
		b.Add(e.At("include"), at.Path(), "source-slot", known.Type.Name(), root.TypeName, "%s holds %s, %s is a %s", at.Path(), known.Type.Name(), root.ArchetypeID, root.TypeName)
		return nil
	}
	for _, child := range a.Children {
		if _, included := child.(*aom.ArchetypeRoot); !included && !isBare(child) {
			b.Add(e.At("include"), at.Path(), "source-slot", "a slot", "none", "the archetype constrains %s and has no slot there", at.Path())
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
	return at[:len(at)-1].To(a, root, last.Owner)
}

// isBare says whether an object only repeats a class: what stands in its place
// narrows nothing but that.
func isBare(o aom.Object) bool {
	c, ok := o.(*aom.ComplexObject)
	return ok && len(c.Attributes) == 0 && tree.Class(c).Locatable()
}

// openSlot keeps a slot open beside what has come into it.
func (b *builder) openSlot(at tree.Cursor, e *source.Entry) {
	o := at.Last().Object
	slot, ok := o.(*aom.Slot)
	if !ok {
		if e.Value.Codes == nil && e.Value.ValueSet == nil && e.Value.Texts == nil {
			b.Add(e.At("open"), at.Path(), "source-slot", "a slot", at.Path(), "%s is no slot to keep open", at.Path())
		}
		return
	}
	b.fillers[slot] = append(b.fillers[slot], &filler{open: true})
}

// closeSlots takes away the slots that are filled, and those nobody filled when
// the source says so.
func (b *builder) closeSlots(o aom.Object) {
	inner := tree.Attributes(o)
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
			b.Add(sole.place, "", "source-occurrences", tree.ShowMultiplicity(s.Occurrences), tree.ShowMultiplicity(sole.root.Occurrences),
				"%s is the only archetype of a slot that occurs %s", sole.root.ArchetypeID, tree.ShowMultiplicity(s.Occurrences))
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
