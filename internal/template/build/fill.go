package build

import (
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template/narrow"
	"github.com/quire-cdr/quire/internal/template/source"
	"github.com/quire-cdr/quire/internal/template/tree"
)

// rename fixes the name of a node.
func (b *builder) rename(at tree.Cursor, name *source.Name, where source.Place) {
	o := b.objectAt(at, where, "names")
	if o == nil {
		return
	}
	list := tree.Attributes(o)
	if b.s.FromTool && !tree.Class(o).Locatable() {
		m := b.mark(o)
		m.annotations = append(m.annotations, aom.KeyValue{Key: "label", Value: name.Text})
		return
	}
	if list == nil || !tree.Class(o).Locatable() {
		b.Add(where, at.Path(), "source-name", "a node with a name", o.Base().TypeName, "%s has no name to fix", at.Path())
		return
	}
	names := name.Choice
	if text := source.TextIn(name.Text, name.ByLanguage, b.language); text != "" {
		names = []string{text}
	}
	var attribute *aom.Attribute
	if old := tree.Attribute(*list, "name"); old != nil && len(old.Children) > 0 {
		if attribute = b.narrowName(at, old, name, names, where); attribute == nil {
			return
		}
	} else if attribute = nameOf(names); names == nil {
		b.Add(where, at.Path(), "source-name", "a name", "", "%s is given no name", at.Path())
		return
	}
	if i := slices.IndexFunc(*list, func(a *aom.Attribute) bool { return a.Name == "name" }); i >= 0 {
		(*list)[i] = attribute
	} else {
		*list = append([]*aom.Attribute{attribute}, *list...)
	}
	m := b.mark(o)
	m.named = true
	for _, pair := range name.ByLanguage {
		if pair.Key != b.language && len(names) > 0 && pair.Value != names[0] {
			m.annotations = append(m.annotations, aom.KeyValue{Key: "L10n." + pair.Key, Value: pair.Value})
		}
	}
}

func nameOf(names []string) *aom.Attribute {
	return tree.Single("name", tree.Complex("DV_TEXT", tree.Single("value", tree.Primitive("STRING", &aom.String{List: names}))))
}

// narrowName holds a name against what the archetype says of names: a list of
// texts, or codes whose terms are the names.
func (b *builder) narrowName(at tree.Cursor, old *aom.Attribute, name *source.Name, names []string, where source.Place) *aom.Attribute {
	var allowed []string
	for _, child := range old.Children {
		inner := tree.Attributes(child)
		if inner == nil {
			continue
		}
		if value := tree.Attribute(*inner, "value"); value != nil {
			if p, ok := tree.Only(value).(*aom.PrimitiveObject); ok {
				if s, ok := p.Item.(*aom.String); ok && !s.ListOpen {
					allowed = append(allowed, s.List...)
				}
			}
		}
		if code := tree.Attribute(*inner, "defining_code"); code != nil {
			if phrase, ok := tree.Only(code).(*aom.CodePhrase); ok && phrase.Terminology == "local" {
				if kept := b.nameCodes(at, phrase, name, names); kept != nil {
					return tree.Single("name", tree.Complex("DV_CODED_TEXT", tree.Single("defining_code",
						&aom.CodePhrase{ObjectBase: phrase.ObjectBase, Terminology: "local", Codes: kept})))
				}
				for _, c := range phrase.Codes {
					t, _ := b.archetypes[at.Archetype().ArchetypeID].Term(c, b.language)
					allowed = append(allowed, t.Text())
				}
			}
		}
	}
	for _, n := range names {
		if len(allowed) > 0 && !slices.Contains(allowed, n) {
			b.Add(where, at.Path(), "source-name", strings.Join(allowed, ", "), n, "the name %q of %s is not among %s", n, at.Path(), strings.Join(allowed, ", "))
			return nil
		}
	}
	if names == nil {
		b.Add(where, at.Path(), "source-name", "coded names", "", "%s has no coded names to choose from", at.Path())
		return nil
	}
	return nameOf(names)
}

// nameCodes are the codes a coded name is narrowed to, nil when the names given
// are not terms of the codes.
func (b *builder) nameCodes(at tree.Cursor, phrase *aom.CodePhrase, name *source.Name, names []string) []string {
	var out []string
	for _, code := range phrase.Codes {
		t, _ := b.archetypes[at.Archetype().ArchetypeID].Term(code, b.language)
		taken := slices.Contains(name.Codes, code) || slices.Contains(names, t.Text())
		if name.Without != nil {
			taken = !slices.Contains(name.Without, code) && !slices.Contains(name.Without, t.Text())
		}
		if taken {
			out = append(out, code)
		}
	}
	if name.Without == nil && len(out) < len(names)+len(name.Codes) {
		return nil
	}
	return out
}

// nullFlavours limits the null flavours of an ELEMENT to codes of openEHR.
func (b *builder) nullFlavours(at tree.Cursor, e *source.Entry) {
	where := e.At("null_flavours")
	o := b.objectAt(at, where, "null_flavours")
	if o == nil {
		return
	}
	list := tree.Attributes(o)
	if list == nil || tree.Class(o) != rminfo.ELEMENT {
		b.Add(where, at.Path(), "source-value", "an ELEMENT", o.Base().TypeName, "null flavours belong to an ELEMENT")
		return
	}
	attribute := tree.Attribute(*list, "null_flavour")
	if attribute == nil {
		attribute = tree.Single("null_flavour", tree.Complex("DV_CODED_TEXT"))
		attribute.Existence.Min = 0
		*list = append(*list, attribute)
	}
	v := &source.Value{Codes: &source.Codes{Terminology: "openehr"}}
	for _, code := range e.NullFlavours {
		v.Codes.List = append(v.Codes.List, source.Coded{Code: code})
	}
	lines := map[string]source.Place{"codes": where}
	b.narrower(at.To(attribute, nil, o), attribute, tree.Only(attribute), &source.Entry{Place: where, Lines: lines}).To(v)
}

// setDefault gives a place the value that forms put into new data. The value
// must be one the template allows.
func (b *builder) setDefault(at tree.Cursor, a *aom.Attribute, d *source.Default, e *source.Entry) {
	where := e.At("default")
	o := tree.Only(a)
	if o == nil {
		for _, child := range a.Children {
			if narrow.FitsDefault(d, child) {
				o = child
				break
			}
		}
	}
	owner := at.Last().Object
	if owner == nil || tree.Class(owner) != rminfo.ELEMENT {
		owner = at.Last().Owner
	}
	if o == nil || owner == nil {
		b.Add(where, at.Path(), "source-default", "one value", tree.ShowTypes(a), "a default of %s needs one class of value; say types", at.Path())
		return
	}
	value := b.narrower(at, a, o, e).Default(d)
	if value == nil {
		b.Add(where, at.Path(), "source-default", "a value of "+o.Base().TypeName+" which the template allows", d.Show(), "the default %s does not fit %s", d.Show(), at.Path())
		return
	}
	m := b.mark(owner)
	m.defaults = append(m.defaults, aom.DefaultAttribute{Name: a.Name, Children: []aom.DefaultObject{{
		ComplexObject: aom.ComplexObject{ObjectBase: aom.ObjectBase{TypeName: value.Type, Occurrences: tree.Once}}, Default: value}}})
}
