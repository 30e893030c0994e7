package build

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/adl"
	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/internal/template/source"
	"github.com/quire-cdr/quire/internal/template/tree"
)

// Build makes the operational template of a source. The error is a *fault.Error
// of kind Invalid with every fault found: each names the line of the source, the
// path in the template, what the archetype says (Expected) and what the source
// wants (Found).
func Build(s *source.Source, library *Library) (*aom.OperationalTemplate, error) {
	b := &builder{s: s, library: library, marks: map[aom.Object]*marks{}, fillers: map[*aom.Slot][]*filler{}, archetypes: map[string]*adl.Archetype{}}
	root := b.root()
	if root == nil {
		return nil, b.Err("the template cannot be built")
	}
	b.language = s.Language
	if b.language == "" {
		b.language = b.archetypes[s.Root].OriginalLanguage.Code
	}
	top := tree.Cursor{{Object: root}}
	if s.Name != nil {
		b.rename(top, s.Name, s.Lines["name"])
	}
	b.entries(top, s.Entries)
	b.closeSlots(root)
	b.cardinalities(root, "")
	languages := b.languages()
	if err := b.Err("the template cannot be built"); err != nil {
		return nil, err
	}
	b.terms(root, "")
	t := b.assemble(root, languages)
	if _, err := template.Compile(t); err != nil {
		var f *fault.Error
		if errors.As(err, &f) {
			for i := range f.Issues {
				f.Issues[i].Message = s.File + ": " + f.Issues[i].Message
			}
		}
		return nil, err
	}
	return t, nil
}

// builder holds the tree being narrowed and what the source has said about it.
type builder struct {
	source.Faults
	s          *source.Source
	library    *Library
	language   string
	archetypes map[string]*adl.Archetype
	// order is the order in which archetypes came in.
	order []string
	marks map[aom.Object]*marks
	// fillers are the archetypes that came into each slot.
	fillers map[*aom.Slot][]*filler
	objects int
}

// marks are what a template says beside its definition.
type marks struct {
	annotations, view []aom.KeyValue
	defaults          []aom.DefaultAttribute
	// named says that the source has fixed the name.
	named bool
}

type filler struct {
	root *aom.ArchetypeRoot
	// said tells that the source gives the occurrences.
	said bool
	// place is where it is included.
	place source.Place
	open  bool
}

func (b *builder) mark(o aom.Object) *marks {
	m := b.marks[o]
	if m == nil {
		m = &marks{}
		b.marks[o] = m
	}
	return m
}

func (b *builder) root() *aom.ArchetypeRoot {
	at := b.s.Lines["root"]
	if at.File == "" {
		at = b.s.Place
	}
	return b.archetype(b.s.Root, at, "/")
}

// archetype makes a root of an archetype's definition.
func (b *builder) archetype(id string, at source.Place, path string) *aom.ArchetypeRoot {
	a, err := b.library.Flat(id)
	switch {
	case errors.Is(err, errNoArchetype):
		close := source.Nearest(id, b.library.IDs())
		b.Add(at, path, "source-archetype", close, id, "there is no archetype %s; the nearest is %s", id, close)
		return nil
	case err != nil:
		b.Add(at, path, "source-archetype", "a valid archetype", id, "%s: %v", id, err)
		return nil
	}
	root := &aom.ArchetypeRoot{ArchetypeID: id}
	root.ObjectBase = a.Definition.ObjectBase
	root.Attributes = tree.CopyAttributes(a.Definition.Attributes)
	b.objects += tree.Size(root)
	if b.objects > maxObjects {
		b.Add(at, path, "source-size", fmt.Sprint(maxObjects), "more", "the template has too many nodes")
		return nil
	}
	if b.archetypes[id] == nil {
		b.archetypes[id] = a
		b.order = append(b.order, id)
	}
	for _, set := range a.Ontology.Bindings {
		for _, item := range set.Items {
			bind(&root.Bindings, set.Terminology, item, false)
		}
	}
	return root
}

// entries narrows the tree below a node, entry by entry.
func (b *builder) entries(at tree.Cursor, list []source.Entry) {
	for i := range list {
		e := &list[i]
		if e.Include != "" {
			b.include(at, e)
			continue
		}
		spots := b.find(at, e.Where, e.Place)
		if spots == nil {
			continue
		}
		b.entry(spots, e)
	}
}

// entry applies what an entry says to the place it names.
func (b *builder) entry(at tree.Cursor, e *source.Entry) {
	if e.Copy {
		if at = b.copy(at, e); at == nil {
			return
		}
	}
	if len(e.Clones) > 0 {
		b.clone(at, e)
		return
	}
	if e.Existence != nil || e.Cardinality != nil {
		b.attribute(at, e)
	}
	if e.Remove {
		b.remove(at, e.At("remove"))
		return
	}
	if e.Occurrences.Said() {
		b.occurrences(at, e)
		if e.Occurrences.Max != nil && *e.Occurrences.Max == 0 {
			return
		}
	}
	if e.Name != nil {
		b.rename(at, e.Name, e.At("name"))
	}
	if len(e.Types) > 0 {
		b.types(at, e)
	}
	b.value(at, &e.Value, e)
	if len(e.NullFlavours) > 0 {
		b.nullFlavours(at, e)
	}
	if len(e.Annotations)+len(e.View) > 0 {
		if o := b.objectAt(at, e.Place, "annotations and views"); o != nil {
			m := b.mark(o)
			m.annotations = append(m.annotations, e.Annotations...)
			m.view = append(m.view, e.View...)
		}
	}
	if len(e.Bindings) > 0 {
		b.bindings(at, e)
	}
	if e.OpenSlot {
		b.openSlot(at, e)
	}
	b.entries(at, e.Entries)
	if len(e.Only) > 0 {
		b.only(at, e)
	}
}

// objectAt is the object a cursor leads to; a path to an attribute is one only
// when a single object stands there.
func (b *builder) objectAt(at tree.Cursor, where source.Place, what string) aom.Object {
	last := at.Last()
	if last.Object != nil {
		return last.Object
	}
	if len(last.Attribute.Children) == 1 {
		return last.Attribute.Children[0]
	}
	b.Add(where, at.Path(), "source-path", "a node", at.Path(), "%s belong to a node, and %s is an attribute", what, at.Path())
	return nil
}

func (b *builder) bindings(at tree.Cursor, e *source.Entry) {
	o := b.objectAt(at, e.At("bindings"), "bindings")
	if o == nil {
		return
	}
	root := at.Archetype()
	for _, item := range e.Bindings {
		code := item.Code
		if code == "" {
			code = o.Base().NodeID
		}
		if _, ok := b.archetypes[root.ArchetypeID].Term(code, b.archetypes[root.ArchetypeID].OriginalLanguage.Code); !ok {
			b.Add(e.At("bindings"), at.Path(), "source-code", "a code of "+root.ArchetypeID, code, "%s has no code %q to bind", root.ArchetypeID, code)
			continue
		}
		bind(&root.Bindings, item.Terminology, aom.TermBinding{Code: code, Target: aom.Code{Terminology: item.Terminology, Code: item.Target}}, true)
	}
}

// languages are those of the output: what the source selects, else all that
// every archetype has, the own one first.
func (b *builder) languages() []string {
	common := map[string]int{}
	for _, id := range b.order {
		seen := map[string]bool{}
		for _, l := range b.archetypes[id].Languages() {
			if !seen[l] {
				seen[l] = true
				common[l]++
			}
		}
	}
	all := func(l string) bool { return common[l] == len(b.order) }
	if b.s.FromTool && !all(b.language) {
		b.language = b.commonLanguage(all)
	}
	wanted := b.s.Languages
	if len(wanted) == 0 {
		wanted = []string{b.language}
		for _, l := range b.archetypes[b.s.Root].Languages() {
			if all(l) {
				wanted = append(wanted, l)
			}
		}
	} else {
		wanted = append([]string{b.language}, wanted...)
	}
	var out []string
	for _, l := range wanted {
		if slices.Contains(out, l) {
			continue
		}
		out = append(out, l)
		if all(l) {
			continue
		}
		at := b.s.Place
		for _, key := range []string{"root", "language", "languages"} {
			if p, ok := b.s.Lines[key]; ok {
				at = p
			}
		}
		b.Add(at, "", "source-language", strings.Join(b.lacking(l), ", "), l, "these archetypes are not in the language %s: %s", l, strings.Join(b.lacking(l), ", "))
	}
	return out
}

func (b *builder) commonLanguage(all func(string) bool) string {
	if all("en") {
		return "en"
	}
	for _, l := range b.archetypes[b.s.Root].Languages() {
		if all(l) {
			return l
		}
	}
	return b.language
}

func (b *builder) lacking(language string) []string {
	var out []string
	for _, id := range b.order {
		if !slices.Contains(b.archetypes[id].Languages(), language) {
			out = append(out, id)
		}
	}
	return out
}
