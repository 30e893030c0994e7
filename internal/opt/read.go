package opt

import (
	"io"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/fault"
)

// The namespaces of operational templates: v1 is what tools write, v2 what
// ITS-XML 2.0.0 proposes.
const (
	NamespaceV1 = "http://schemas.openehr.org/v1"
	NamespaceV2 = "http://schemas.openehr.org/v2"
)

// Read reads one operational template. The error is a *fault.Error of kind
// Invalid that carries every fault found, each with element path, line and
// column.
func Read(in io.Reader) (*aom.OperationalTemplate, error) {
	r := newReader(in)
	t := r.document()
	if t != nil && len(r.faults) == 0 {
		r.check(t)
	}
	if len(r.faults) > 0 {
		return nil, fault.New(fault.Invalid, "template-invalid", "the operational template cannot be read").With(r.faults...)
	}
	return t, nil
}

func (r *reader) document() *aom.OperationalTemplate {
	for {
		switch t := r.token(); t.kind {
		case nothing:
			return nil
		case charData:
			if strings.TrimSpace(t.text) != "" {
				r.stop("opt-xml", "text before the root element")
				return nil
			}
		case endTag:
			r.stop("opt-xml", "an end tag without a start")
			return nil
		case startTag:
			e := r.enter(t, 0)
			if e.name != "template" || !openehrNamespace(t) {
				r.stop("opt-root", "the root element is not an openEHR template")
				return nil
			}
			out := r.template(e)
			r.trailer()
			return out
		}
	}
}

func openehrNamespace(t token) bool {
	for _, a := range t.attrs {
		if a.Name.Space == "" && a.Name.Local == "xmlns" && t.name.Space == "" ||
			a.Name.Space == "xmlns" && a.Name.Local == t.name.Space {
			return a.Value == NamespaceV1 || a.Value == NamespaceV2
		}
	}
	return false
}

// trailer allows nothing but blanks and comments after the root.
func (r *reader) trailer() {
	for !r.stopped {
		t, err := r.scan.next()
		if err == io.EOF {
			return
		}
		r.line, r.col = r.scan.position()
		if err != nil || t.kind != aside && !(t.kind == charData && strings.TrimSpace(t.text) == "") {
			r.stop("opt-xml", "something follows the template")
		}
	}
}

func (r *reader) template(e element) *aom.OperationalTemplate {
	t := &aom.OperationalTemplate{}
	r.each(e, templateSchema, func(c element) {
		switch c.name {
		case "language":
			t.Language = r.code(c)
		case "is_controlled":
			b := r.boolean(c)
			t.IsControlled = &b
		case "description":
			t.Description = r.description(c)
		case "revision_history":
			t.RevisionHistory = r.value(c)
		case "uid":
			t.UID = r.valueOf(c)
		case "template_id":
			t.TemplateID = r.templateID(c)
		case "concept":
			t.Concept = r.text()
		case "definition":
			t.Definition = r.archetypeRoot(c)
		case "ontology":
			o := r.ontology(c)
			t.Ontology = &o
		case "component_ontologies":
			t.Components = append(t.Components, r.ontology(c))
		case "annotations":
			t.Annotations = append(t.Annotations, r.pathItems(c))
		case "constraints":
			t.Defaults = r.defaults(c)
		case "view":
			r.each(c, viewSchema, func(p element) { t.View = append(t.View, r.viewItems(p)) })
		}
	})
	return t
}

// templateID keeps the text byte for byte: ids with doubled blanks exist.
func (r *reader) templateID(e element) string {
	var out string
	r.each(e, valueSchema, func(element) { out = r.text() })
	return out
}

// check states what the tables cannot.
func (r *reader) check(t *aom.OperationalTemplate) {
	r.line, r.col = 1, 1
	r.path = append(r.path[:0], step{name: "template"})
	if strings.TrimSpace(t.TemplateID) == "" {
		r.fault("opt-empty", "a template id", "", "template_id is empty")
	}
	if strings.TrimSpace(t.Concept) == "" {
		r.fault("opt-empty", "a concept", "", "concept is empty")
	}
	if t.Language.Code == "" {
		r.fault("opt-empty", "a language", "", "language is empty")
	}
}
