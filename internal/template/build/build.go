package build

import (
	"errors"
	"fmt"
	"strings"

	"github.com/quire-cdr/quire/internal/adl"
	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/template"
)

// hideOnForm is the view constraint of nodes that forms do not show.
const hideOnForm = "hide_on_form"

// Build makes the operational template of a source. The error is a *fault.Error
// of kind Invalid with every fault found: each names the line of the source, the
// path in the template, what the archetype says (Expected) and what the source
// wants (Found).
func Build(s *Source, library *Library) (*aom.OperationalTemplate, error) {
	b := &builder{s: s, library: library, marks: map[aom.Object]*marks{}, fillers: map[*aom.Slot][]*filler{}, archetypes: map[string]*adl.Archetype{}}
	root := b.root()
	if root == nil {
		return nil, b.err("the template cannot be built")
	}
	b.language = s.Language
	if b.language == "" {
		b.language = b.archetypes[s.Root].OriginalLanguage.Code
	}
	top := cursor{{object: root}}
	if s.Name != nil {
		b.rename(top, s.Name, s.lines["name"])
	}
	b.entries(top, s.Entries)
	b.closeSlots(root)
	b.cardinalities(root, "")
	languages := b.languages()
	if err := b.err("the template cannot be built"); err != nil {
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
	faults
	s          *Source
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
	place place
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
	at := b.s.lines["root"]
	if at.file == "" {
		at = b.s.place
	}
	return b.archetype(b.s.Root, at, "/")
}

// archetype makes a root of an archetype's definition.
func (b *builder) archetype(id string, at place, path string) *aom.ArchetypeRoot {
	a, err := b.library.Flat(id)
	switch {
	case errors.Is(err, errNoArchetype):
		close := nearest(id, b.library.IDs())
		b.add(at, path, "source-archetype", close, id, "there is no archetype %s; the nearest is %s", id, close)
		return nil
	case err != nil:
		b.add(at, path, "source-archetype", "a valid archetype", id, "%s: %v", id, err)
		return nil
	}
	root := &aom.ArchetypeRoot{ArchetypeID: id}
	root.ObjectBase = a.Definition.ObjectBase
	root.Attributes = copyAttributes(a.Definition.Attributes)
	b.objects += size(root)
	if b.objects > maxObjects {
		b.add(at, path, "source-size", fmt.Sprint(maxObjects), "more", "the template has too many nodes")
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
func (b *builder) entries(at cursor, list []Entry) {
	for i := range list {
		e := &list[i]
		if e.Include != "" {
			b.include(at, e)
			continue
		}
		spots := b.find(at, e.Where, e.place)
		if spots == nil {
			continue
		}
		b.entry(spots, e)
	}
}

// entry applies what an entry says to the place it names.
func (b *builder) entry(at cursor, e *Entry) {
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
		b.remove(at, e.at("remove"))
		return
	}
	if e.Occurrences.said() {
		b.occurrences(at, e)
		if e.Occurrences.Max != nil && *e.Occurrences.Max == 0 {
			return
		}
	}
	if e.Name != nil {
		b.rename(at, e.Name, e.at("name"))
	}
	if len(e.Types) > 0 {
		b.types(at, e)
	}
	b.value(at, &e.Value, e)
	if len(e.NullFlavours) > 0 {
		b.nullFlavours(at, e)
	}
	if len(e.Annotations)+len(e.View) > 0 {
		if o := b.objectAt(at, e.place, "annotations and views"); o != nil {
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
func (b *builder) objectAt(at cursor, where place, what string) aom.Object {
	last := at.last()
	if last.object != nil {
		return last.object
	}
	if len(last.attribute.Children) == 1 {
		return last.attribute.Children[0]
	}
	b.add(where, at.path(), "source-path", "a node", at.path(), "%s belong to a node, and %s is an attribute", what, at.path())
	return nil
}

func (b *builder) bindings(at cursor, e *Entry) {
	o := b.objectAt(at, e.at("bindings"), "bindings")
	if o == nil {
		return
	}
	root := at.archetype()
	for _, item := range e.Bindings {
		code := item.Code
		if code == "" {
			code = o.Base().NodeID
		}
		if _, ok := b.archetypes[root.ArchetypeID].Term(code, b.archetypes[root.ArchetypeID].OriginalLanguage.Code); !ok {
			b.add(e.at("bindings"), at.path(), "source-code", "a code of "+root.ArchetypeID, code, "%s has no code %q to bind", root.ArchetypeID, code)
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
		if contains(out, l) {
			continue
		}
		out = append(out, l)
		if all(l) {
			continue
		}
		at := b.s.place
		for _, key := range []string{"root", "language", "languages"} {
			if p, ok := b.s.lines[key]; ok {
				at = p
			}
		}
		b.add(at, "", "source-language", strings.Join(b.lacking(l), ", "), l, "these archetypes are not in the language %s: %s", l, strings.Join(b.lacking(l), ", "))
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
		if !contains(b.archetypes[id].Languages(), language) {
			out = append(out, id)
		}
	}
	return out
}
