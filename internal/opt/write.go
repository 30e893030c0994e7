package opt

import (
	"io"

	"github.com/quire-cdr/quire/internal/aom"
)

const schemaInstance = "http://www.w3.org/2001/XMLSchema-instance"

// Write writes an operational template as XML of the namespace v1, elements in
// the order of Template.xsd (1.0.2). The same template always gives the same
// bytes, and Read gives the template back. What is written is valid by the
// schema as far as the template is; what newer tools add (C_DV_SCALE, unit
// systems) is written as they do. The error is a *fault.Error of kind Invalid
// when the model holds what XML or the schema cannot say, else the writer's own.
func Write(w io.Writer, t *aom.OperationalTemplate) error {
	e := newEmitter(w)
	e.raw(`<?xml version="1.0" encoding="UTF-8"?>`)
	e.element("template", func() { e.template(t) },
		attr{"xmlns", NamespaceV1}, attr{"xmlns:xsi", schemaInstance}, attr{"xmlns:xsd", "http://www.w3.org/2001/XMLSchema"})
	e.raw("\n")
	return e.close()
}

func (e *emitter) template(t *aom.OperationalTemplate) {
	e.code("language", t.Language)
	if t.IsControlled != nil {
		e.boolean("is_controlled", *t.IsControlled)
	}
	if t.Description != nil {
		e.description(t.Description)
	}
	if t.RevisionHistory != nil {
		e.value("revision_history", t.RevisionHistory)
	}
	if t.UID != "" {
		e.identifier("uid", t.UID)
	}
	e.identifier("template_id", t.TemplateID)
	e.text("concept", t.Concept)
	if t.Definition == nil {
		e.refuse("opt-missing-element", "definition", "")
		return
	}
	e.element("definition", func() { e.archetypeRoot(t.Definition) })
	if t.Ontology != nil {
		e.ontology("ontology", *t.Ontology)
	}
	for _, o := range t.Components {
		e.ontology("component_ontologies", o)
	}
	for _, p := range t.Annotations {
		e.element("annotations", func() { e.keyValues("items", p.Items) }, attr{"path", p.Path})
	}
	if len(t.Defaults) > 0 {
		e.element("constraints", func() { e.defaults(t.Defaults) })
	}
	if len(t.View) > 0 {
		e.element("view", func() { e.view(t.View) })
	}
}

func (e *emitter) view(view []aom.PathItems) {
	for _, p := range view {
		e.element("constraints", func() {
			for _, item := range p.Items {
				e.element("items", func() { e.text("value", item.Value) }, attr{"id", item.Key})
			}
		}, attr{"path", p.Path})
	}
}

func (e *emitter) defaults(list []aom.DefaultAttribute) {
	for _, a := range list {
		e.element("attributes", func() {
			e.text("rm_attribute_name", a.Name)
			for _, child := range a.Children {
				e.element("children", func() {
					e.complexObject(&child.ComplexObject)
					if child.Default != nil {
						e.value("default_value", child.Default)
					}
				})
			}
			e.text("differential_path", a.Path)
		})
	}
}

func (e *emitter) description(d *aom.Description) {
	e.element("description", func() {
		e.keyValues("original_author", d.OriginalAuthor)
		e.texts("other_contributors", d.OtherContributors)
		e.text("lifecycle_state", d.LifecycleState)
		e.optional("resource_package_uri", d.ResourcePackageURI)
		e.keyValues("other_details", d.OtherDetails)
		for _, item := range d.Details {
			e.element("details", func() {
				e.code("language", item.Language)
				e.text("purpose", item.Purpose)
				e.texts("keywords", item.Keywords)
				e.optional("use", item.Use)
				e.optional("misuse", item.Misuse)
				e.optional("copyright", item.Copyright)
				e.keyValues("original_resource_uri", item.OriginalResourceURI)
				e.keyValues("other_details", item.OtherDetails)
			})
		}
	})
}

func (e *emitter) ontology(name string, o aom.Ontology) {
	e.element(name, func() {
		e.languageTerms("term_definitions", o.Terms)
		e.languageTerms("constraint_definitions", o.Constraints)
		e.termBindings(o.Bindings)
		for _, b := range o.ConstraintBindings {
			e.element("constraint_bindings", func() {
				for _, item := range b.Items {
					e.element("items", func() { e.text("value", item.Value) }, attr{"code", item.Key})
				}
			}, attr{"terminology", b.Terminology})
		}
	}, attr{"archetype_id", o.ArchetypeID})
}

func (e *emitter) languageTerms(name string, list []aom.LanguageTerms) {
	for _, l := range list {
		e.element(name, func() { e.terms("items", l.Terms) }, attr{"language", l.Language})
	}
}

func (e *emitter) terms(name string, terms []aom.Term) {
	for _, t := range terms {
		e.element(name, func() { e.keyValues("items", t.Items) }, attr{"code", t.Code})
	}
}

func (e *emitter) termBindings(list []aom.TermBindings) {
	for _, b := range list {
		e.element("term_bindings", func() {
			for _, item := range b.Items {
				e.element("items", func() { e.code("value", item.Target) }, attr{"code", item.Code})
			}
		}, attr{"terminology", b.Terminology})
	}
}

func (e *emitter) keyValues(name string, items []aom.KeyValue) {
	for _, item := range items {
		e.text(name, item.Value, attr{"id", item.Key})
	}
}

func (e *emitter) texts(name string, texts []string) {
	for _, t := range texts {
		e.text(name, t)
	}
}

func (e *emitter) code(name string, c aom.Code) {
	e.element(name, func() {
		e.identifier("terminology_id", c.Terminology)
		e.text("code_string", c.Code)
	})
}

// value writes a reference model object as it was read.
func (e *emitter) value(name string, v *aom.Value) {
	var attrs []attr
	if v.Type != "" {
		attrs = append(attrs, class(v.Type))
	}
	if len(v.Members) == 0 {
		e.text(name, v.Text, attrs...)
		return
	}
	e.element(name, func() {
		for _, m := range v.Members {
			e.value(m.Name, m.Value)
		}
	}, attrs...)
}
