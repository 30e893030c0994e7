package opt

import (
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
)

func (r *reader) ontology(e element) aom.Ontology {
	o := aom.Ontology{ArchetypeID: e.attr("archetype_id")}
	r.each(e, ontologySchema, func(c element) {
		switch c.name {
		case "term_definitions":
			o.Terms = append(o.Terms, r.languageTerms(c))
		case "constraint_definitions":
			o.Constraints = append(o.Constraints, r.languageTerms(c))
		case "term_bindings":
			o.Bindings = append(o.Bindings, r.termBindings(c))
		case "constraint_bindings":
			o.ConstraintBindings = append(o.ConstraintBindings, r.constraintBindings(c))
		}
	})
	return o
}

func (r *reader) languageTerms(e element) aom.LanguageTerms {
	out := aom.LanguageTerms{Language: e.attr("language")}
	r.each(e, itemsSchema, func(c element) { out.Terms = append(out.Terms, r.term(c)) })
	return out
}

func (r *reader) term(e element) aom.Term {
	return aom.Term{Code: e.attr("code"), Items: r.keyValues(e)}
}

// keyValues reads a list of <items id="key">text</items>.
func (r *reader) keyValues(e element) []aom.KeyValue {
	var out []aom.KeyValue
	r.each(e, itemsSchema, func(c element) { out = append(out, r.keyValue(c)) })
	return out
}

func (r *reader) keyValue(c element) aom.KeyValue {
	return aom.KeyValue{Key: c.attr("id"), Value: r.text()}
}

func (r *reader) termBindings(e element) aom.TermBindings {
	out := aom.TermBindings{Terminology: e.attr("terminology")}
	r.each(e, itemsSchema, func(c element) {
		item := aom.TermBinding{Code: c.attr("code")}
		r.each(c, valueSchema, func(v element) { item.Target = r.code(v) })
		out.Items = append(out.Items, item)
	})
	return out
}

func (r *reader) constraintBindings(e element) aom.ConstraintBindings {
	out := aom.ConstraintBindings{Terminology: e.attr("terminology")}
	r.each(e, itemsSchema, func(c element) {
		out.Items = append(out.Items, aom.KeyValue{Key: c.attr("code"), Value: r.valueOf(c)})
	})
	return out
}

func (r *reader) pathItems(e element) aom.PathItems {
	return aom.PathItems{Path: e.attr("path"), Items: r.keyValues(e)}
}

// viewItems differ from other items: the text stands in a value element.
func (r *reader) viewItems(e element) aom.PathItems {
	out := aom.PathItems{Path: e.attr("path")}
	r.each(e, itemsSchema, func(c element) {
		out.Items = append(out.Items, aom.KeyValue{Key: c.attr("id"), Value: r.valueOf(c)})
	})
	return out
}

func (r *reader) defaults(e element) []aom.DefaultAttribute {
	var out []aom.DefaultAttribute
	r.each(e, defaultsSchema, func(c element) {
		var a aom.DefaultAttribute
		r.each(c, defaultAttrSchema, func(f element) {
			switch f.name {
			case "rm_attribute_name":
				a.Name = r.word()
			case "differential_path":
				a.Path = r.word()
			case "children":
				a.Children = append(a.Children, r.defaultObject(f))
			}
		})
		out = append(out, a)
	})
	return out
}

func (r *reader) defaultObject(e element) aom.DefaultObject {
	var o aom.DefaultObject
	r.each(e, defaultObjectSchema, func(c element) {
		if c.name == "default_value" {
			o.Default = r.value(c)
			return
		}
		r.complexField(c, &o.ComplexObject)
	})
	return o
}

// value reads a reference model object without interpreting it.
func (r *reader) value(e element) *aom.Value {
	v := &aom.Value{Type: e.class}
	var text strings.Builder
	for {
		switch t := r.token(); t.kind {
		case nothing:
			return v
		case charData:
			text.WriteString(t.text)
		case startTag:
			child := r.enter(t, 0)
			v.Members = append(v.Members, aom.Member{Name: child.name, Value: r.value(child)})
		case endTag:
			r.leave(t)
			if len(v.Members) == 0 {
				v.Text = text.String()
			}
			return v
		}
	}
}

func (r *reader) description(e element) *aom.Description {
	d := &aom.Description{}
	r.each(e, descriptionSchema, func(c element) {
		switch c.name {
		case "original_author":
			d.OriginalAuthor = append(d.OriginalAuthor, r.keyValue(c))
		case "other_contributors":
			d.OtherContributors = append(d.OtherContributors, r.text())
		case "lifecycle_state":
			d.LifecycleState = r.text()
		case "resource_package_uri":
			d.ResourcePackageURI = r.text()
		case "other_details":
			d.OtherDetails = append(d.OtherDetails, r.keyValue(c))
		case "details":
			d.Details = append(d.Details, r.descriptionItem(c))
		}
	})
	return d
}

func (r *reader) descriptionItem(e element) aom.DescriptionItem {
	var d aom.DescriptionItem
	r.each(e, descriptionDetSchema, func(c element) {
		switch c.name {
		case "language":
			d.Language = r.code(c)
		case "purpose":
			d.Purpose = r.text()
		case "keywords":
			d.Keywords = append(d.Keywords, r.text())
		case "use":
			d.Use = r.text()
		case "misuse":
			d.Misuse = r.text()
		case "copyright":
			d.Copyright = r.text()
		case "original_resource_uri":
			d.OriginalResourceURI = append(d.OriginalResourceURI, r.keyValue(c))
		case "other_details":
			d.OtherDetails = append(d.OtherDetails, r.keyValue(c))
		}
	})
	return d
}
