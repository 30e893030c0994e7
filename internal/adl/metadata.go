package adl

import (
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
)

// unknown reports an attribute that the class does not have: dropping it
// silently would lose what somebody wrote.
func (p *parser) unknown(m member, class string) {
	p.fault(m.at, p.rule, "/"+p.section, "an attribute of "+class, m.name, "%s has no attribute %s", class, m.name)
}

// string takes one plain value.
func (p *parser) string(m member) string {
	if !m.value.leaf() {
		p.fault(m.value.at, p.rule, "/"+p.section, "a text", "", "%s is a text", m.name)
	}
	return m.value.text
}

// strings takes a list of plain values, keyed or not; one alone is a list of one.
func (p *parser) strings(m member) []string {
	var out []string
	switch m.value.kind {
	case list:
	case object:
		for _, item := range m.value.members {
			out = append(out, p.string(item))
		}
		return out
	default:
		return []string{p.string(m)}
	}
	for _, item := range m.value.items {
		out = append(out, p.string(member{name: m.name, value: item}))
	}
	return out
}

// code takes [terminology::code], or the address of a code.
func (p *parser) code(m member) aom.Code {
	v := m.value
	if v.kind != code && (v.kind != word || !addressForm.MatchString(v.text)) {
		p.fault(v.at, p.rule, "/"+p.section, "[terminology::code]", "", "%s is a code", m.name)
	}
	if v.kind != code {
		return aom.Code{Code: v.text}
	}
	return coded(v.text)
}

// coded reads terminology::code, or a code alone.
func coded(text string) aom.Code {
	terminology, c, ok := strings.Cut(text, "::")
	if !ok {
		return aom.Code{Code: text}
	}
	return aom.Code{Terminology: strings.TrimSpace(terminology), Code: strings.TrimSpace(c)}
}

// pairs takes members as keys and texts.
func (p *parser) pairs(m member) []aom.KeyValue {
	if m.value.kind != object {
		p.fault(m.value.at, p.rule, "/"+p.section, `["key"] = <"text">`, "", "%s holds keys and texts", m.name)
	}
	var out []aom.KeyValue
	for _, item := range m.value.members {
		out = append(out, aom.KeyValue{Key: item.name, Value: p.string(item)})
	}
	return out
}

func (p *parser) language(a *Archetype) {
	for _, m := range p.odinMembers() {
		switch m.name {
		case "original_language":
			a.OriginalLanguage = p.code(m)
		case "translations":
			for _, t := range m.value.members {
				a.Translations = append(a.Translations, p.translation(t))
			}
		default:
			p.unknown(m, "AUTHORED_RESOURCE")
		}
	}
	if a.OriginalLanguage.Code == "" {
		p.fault(p.pos, "VDEOL", "/language", "original_language", "", "the original language is missing")
	}
}

func (p *parser) translation(t member) Translation {
	out := Translation{Language: coded(t.name)}
	for _, m := range t.value.members {
		switch m.name {
		case "language":
			out.Language = p.code(m)
		case "author":
			out.Author = p.pairs(m)
		case "accreditation":
			out.Accreditation = p.string(m)
		case "other_details":
			out.OtherDetails = p.pairs(m)
		default:
			p.unknown(m, "TRANSLATION_DETAILS")
		}
	}
	return out
}

func (p *parser) description(a *Archetype) {
	d := &aom.Description{}
	for _, m := range p.odinMembers() {
		switch m.name {
		case "original_author":
			d.OriginalAuthor = p.pairs(m)
		case "other_contributors":
			d.OtherContributors = p.strings(m)
		case "lifecycle_state":
			d.LifecycleState = p.string(m)
		case "resource_package_uri", "archetype_package_uri":
			d.ResourcePackageURI = p.string(m)
		case "other_details":
			d.OtherDetails = p.pairs(m)
		case "details":
			for _, item := range m.value.members {
				d.Details = append(d.Details, p.descriptionItem(item))
			}
		default:
			p.unknown(m, "RESOURCE_DESCRIPTION")
		}
	}
	a.Description = d
}

func (p *parser) descriptionItem(item member) aom.DescriptionItem {
	d := aom.DescriptionItem{Language: coded(item.name)}
	for _, m := range item.value.members {
		switch m.name {
		case "language":
			d.Language = p.code(m)
		case "purpose":
			d.Purpose = p.string(m)
		case "keywords":
			d.Keywords = p.strings(m)
		case "use":
			d.Use = p.string(m)
		case "misuse":
			d.Misuse = p.string(m)
		case "copyright":
			d.Copyright = p.string(m)
		case "original_resource_uri":
			d.OriginalResourceURI = p.pairs(m)
		case "other_details":
			d.OtherDetails = p.pairs(m)
		default:
			p.unknown(m, "RESOURCE_DESCRIPTION_ITEM")
		}
	}
	return d
}

func (p *parser) ontology(a *Archetype) {
	o := &a.Ontology
	for _, m := range p.odinMembers() {
		switch m.name {
		case "terminologies_available":
			a.Terminologies = p.strings(m)
		case "primary_language", "languages_available", "specialisation_depth":
			// ADL 1.3 said here what the rest of the archetype says anyway.
		case "term_definitions", "term_definition":
			o.Terms = p.termSets(m)
		case "constraint_definitions", "constraint_definition":
			o.Constraints = p.termSets(m)
		case "term_bindings", "term_binding":
			p.eachSet(m, func(terminology string, items *value) {
				set := aom.TermBindings{Terminology: terminology}
				for _, b := range items.members {
					codes := []*value{b.value}
					if b.value.kind == list {
						codes = b.value.items
					}
					for _, c := range codes {
						set.Items = append(set.Items, aom.TermBinding{Code: b.name, Target: p.code(member{name: b.name, value: c})})
					}
				}
				o.Bindings = append(o.Bindings, set)
			})
		case "constraint_bindings", "constraint_binding":
			p.eachSet(m, func(terminology string, items *value) {
				o.ConstraintBindings = append(o.ConstraintBindings, aom.ConstraintBindings{Terminology: terminology, Items: p.pairs(member{value: items})})
			})
		default:
			p.unknown(m, "ARCHETYPE_ONTOLOGY")
		}
	}
}

// eachSet visits ["key"] = <items = <...>>.
func (p *parser) eachSet(m member, visit func(key string, items *value)) {
	seen := map[string]bool{}
	for _, set := range m.value.members {
		if seen[set.name] {
			p.fault(set.at, "VOKU", "/ontology/"+m.name, "one "+set.name, "several", "%s stands twice in %s", set.name, m.name)
		}
		seen[set.name] = true
		items := set.value.get("items")
		if items == nil {
			p.fault(set.at, "VARON", "/ontology/"+m.name, "items", "", "%s of %s has no items", set.name, m.name)
			items = &value{}
		}
		visit(set.name, items)
	}
}

func (p *parser) termSets(m member) []aom.LanguageTerms {
	var out []aom.LanguageTerms
	p.eachSet(m, func(language string, items *value) {
		set := aom.LanguageTerms{Language: language}
		seen := map[string]bool{}
		for _, t := range items.members {
			if seen[t.name] {
				p.fault(t.at, "VOKU", "/ontology/"+m.name+"["+language+"]", "one "+t.name, "several", "the code %s is defined twice in %s", t.name, language)
			}
			seen[t.name] = true
			set.Terms = append(set.Terms, aom.Term{Code: t.name, Items: p.pairs(t)})
		}
		out = append(out, set)
	})
	return out
}

// annotations reads items = <["language"] = <["path"] = <["key"] = <"text">>>>.
func (p *parser) annotations(a *Archetype) {
	for _, m := range p.odinMembers() {
		if m.name != "items" && m.name != "documentation" {
			p.unknown(m, "RESOURCE_ANNOTATIONS")
			continue
		}
		for _, language := range m.value.members {
			set := Annotations{Language: language.name}
			for _, path := range language.value.members {
				set.Paths = append(set.Paths, aom.PathItems{Path: path.name, Items: p.pairs(path)})
			}
			a.Annotations = append(a.Annotations, set)
		}
	}
}
