package build

import (
	"bytes"
	"slices"
	"strings"

	"github.com/gofrs/uuid/v5"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/opt"
	"github.com/quire-cdr/quire/internal/template/tree"
)

// assemble makes the template of the tree and of what was said beside it.
func (b *builder) assemble(root *aom.ArchetypeRoot, languages []string) *aom.OperationalTemplate {
	s := b.s
	t := &aom.OperationalTemplate{
		Language: language(b.language), UID: s.UID, TemplateID: s.TemplateID, Concept: s.Concept, Definition: root,
		Description: b.description(languages),
	}
	if t.Concept == "" {
		t.Concept = conceptOf(s.TemplateID)
	}
	root.Occurrences = tree.Once
	root.TemplateID = s.TemplateID
	for _, id := range b.order {
		o, needed := b.ontology(id, languages)
		switch {
		case !needed:
		case id == s.Root:
			t.Ontology = &o
		default:
			t.Components = append(t.Components, o)
		}
	}
	b.remarks(t, root, "["+root.ArchetypeID+"]")
	t.Annotations = append(t.Annotations, s.Annotations...)
	if t.UID == "" {
		t.UID = hash(t)
	}
	return t
}

func language(code string) aom.Code { return aom.Code{Terminology: "ISO_639-1", Code: code} }

// conceptOf is a template id without its version.
func conceptOf(id string) string {
	if i := strings.LastIndex(id, ".v"); i > 0 && strings.Trim(id[i+2:], "0123456789.") == "" {
		return id[:i]
	}
	return id
}

// hash makes the uid of a template that has none: of its content, so that
// another content has another.
func hash(t *aom.OperationalTemplate) string {
	var out bytes.Buffer
	// What cannot be written is refused where the template is.
	_ = opt.Write(&out, t)
	return uuid.NewV5(uuid.NamespaceOID, out.String()).String()
}

func (b *builder) description(languages []string) *aom.Description {
	s := b.s
	d := &aom.Description{OriginalAuthor: s.Author, OtherContributors: s.Contributors, LifecycleState: s.Lifecycle, OtherDetails: slices.Clone(s.Details)}
	if d.LifecycleState == "" {
		d.LifecycleState = "in_development"
	}
	if s.Version != "" {
		d.OtherDetails = append(d.OtherDetails, aom.KeyValue{Key: "sem_ver", Value: s.Version})
	}
	if s.Sensitivity != "" {
		d.OtherDetails = append(d.OtherDetails, aom.KeyValue{Key: "sensitivity", Value: s.Sensitivity})
	}
	for _, l := range languages {
		for _, item := range s.Description {
			if item.Language.Code == l || item.Language.Code == "" && l == b.language {
				item.Language = language(l)
				d.Details = append(d.Details, item)
			}
		}
	}
	return d
}

// terms gives every archetype root its terms in the template's own language,
// those of external codes after them.
func (b *builder) terms(o aom.Object, archetype string) {
	switch o := o.(type) {
	case *aom.ArchetypeRoot:
		archetype = o.ArchetypeID
		external := o.Terms
		o.Terms = append(slices.Clone(b.termsIn(archetype, b.language)), external...)
		o.NodeID = b.archetypes[archetype].Concept
	case *aom.Ordinal:
		o.Items = b.symbols(o.Items, archetype)
	case *aom.Scale:
		o.Items = b.symbols(o.Items, archetype)
	}
	inner := tree.Attributes(o)
	if inner == nil {
		return
	}
	for _, a := range *inner {
		for _, child := range a.Children {
			b.terms(child, archetype)
		}
	}
}

// symbols gives the symbols of ordinals their texts.
func (b *builder) symbols(items []aom.OrdinalItem, archetype string) []aom.OrdinalItem {
	items = slices.Clone(items)
	for i, item := range items {
		if t, ok := b.archetypes[archetype].Term(item.Symbol.Code, b.language); ok && item.Text == "" && item.Symbol.Terminology == "local" {
			items[i].Text = t.Text()
		}
	}
	return items
}

func (b *builder) termsIn(id, language string) []aom.Term {
	for _, set := range b.archetypes[id].Ontology.Terms {
		if set.Language == language {
			return set.Terms
		}
	}
	return nil
}

// ontology is what an OPT needs of an archetype beside the terms in its own
// language: other languages, constraint codes and their bindings.
func (b *builder) ontology(id string, languages []string) (aom.Ontology, bool) {
	from := b.archetypes[id].Ontology
	o := aom.Ontology{ArchetypeID: id, ConstraintBindings: from.ConstraintBindings}
	if len(languages) > 1 {
		for _, l := range languages {
			o.Terms = append(o.Terms, aom.LanguageTerms{Language: l, Terms: b.termsIn(id, l)})
		}
	}
	for _, set := range from.Constraints {
		if slices.Contains(languages, set.Language) && len(set.Terms) > 0 {
			o.Constraints = append(o.Constraints, set)
		}
	}
	return o, len(o.Terms)+len(o.Constraints)+len(o.ConstraintBindings) > 0
}

// remarks writes annotations, views and defaults with the paths of the finished
// tree, in its order.
func (b *builder) remarks(t *aom.OperationalTemplate, o aom.Object, path string) {
	if m := b.marks[o]; m != nil {
		if len(m.annotations) > 0 {
			t.Annotations = append(t.Annotations, aom.PathItems{Path: path, Items: m.annotations})
		}
		if len(m.view) > 0 {
			t.View = append(t.View, aom.PathItems{Path: path, Items: m.view})
		}
		for _, d := range m.defaults {
			d.Path = path
			t.Defaults = append(t.Defaults, d)
		}
	}
	inner := tree.Attributes(o)
	if inner == nil {
		return
	}
	for _, a := range *inner {
		for _, child := range a.Children {
			b.remarks(t, child, path+"/"+a.Name+tree.Predicate(child))
		}
	}
}
