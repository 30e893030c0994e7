package adl

import "github.com/quire-cdr/quire/internal/aom"

// unknown reports an attribute that the class does not have: dropping it
// silently would lose what somebody wrote.
func (p *parser) unknown(m member, class string) {
	p.fault(m.at, p.rule, "/"+p.section, "an attribute of "+class, m.name, "%s has no attribute %s", class, m.name)
}

func (p *parser) language(a *Archetype) {
	for _, m := range p.odinMembers() {
		switch m.name {
		case "original_language":
			a.OriginalLanguage = m.value.code()
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
	out := Translation{Language: aom.Code{Code: t.name}}
	for _, m := range t.value.members {
		switch m.name {
		case "language":
			out.Language = m.value.code()
		case "author":
			out.Author = m.value.pairs()
		case "accreditation":
			out.Accreditation = m.value.string()
		case "other_details":
			out.OtherDetails = m.value.pairs()
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
			d.OriginalAuthor = m.value.pairs()
		case "other_contributors":
			d.OtherContributors = m.value.strings()
		case "lifecycle_state":
			d.LifecycleState = m.value.string()
		case "resource_package_uri", "archetype_package_uri":
			d.ResourcePackageURI = m.value.string()
		case "other_details":
			d.OtherDetails = m.value.pairs()
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
	d := aom.DescriptionItem{Language: aom.Code{Code: item.name}}
	for _, m := range item.value.members {
		switch m.name {
		case "language":
			d.Language = m.value.code()
		case "purpose":
			d.Purpose = m.value.string()
		case "keywords":
			d.Keywords = m.value.strings()
		case "use":
			d.Use = m.value.string()
		case "misuse":
			d.Misuse = m.value.string()
		case "copyright":
			d.Copyright = m.value.string()
		case "original_resource_uri":
			d.OriginalResourceURI = m.value.pairs()
		case "other_details":
			d.OtherDetails = m.value.pairs()
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
			a.Terminologies = m.value.strings()
		case "primary_language", "languages_available", "specialisation_depth":
			// ADL 1.3 said here what the rest of the archetype says anyway.
		case "term_definitions":
			o.Terms = p.termSets(m)
		case "constraint_definitions":
			o.Constraints = p.termSets(m)
		case "term_bindings":
			p.eachSet(m, func(terminology string, items *value) {
				set := aom.TermBindings{Terminology: terminology}
				for _, b := range items.members {
					set.Items = append(set.Items, aom.TermBinding{Code: b.name, Target: b.value.code()})
				}
				o.Bindings = append(o.Bindings, set)
			})
		case "constraint_bindings", "constraint_binding":
			p.eachSet(m, func(terminology string, items *value) {
				o.ConstraintBindings = append(o.ConstraintBindings, aom.ConstraintBindings{Terminology: terminology, Items: items.pairs()})
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
			set.Terms = append(set.Terms, aom.Term{Code: t.name, Items: t.value.pairs()})
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
				set.Paths = append(set.Paths, aom.PathItems{Path: path.name, Items: path.value.pairs()})
			}
			a.Annotations = append(a.Annotations, set)
		}
	}
}
