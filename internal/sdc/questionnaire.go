package sdc

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// QuestionnaireID is the FHIR id of a template's form: a readable part and eight
// hex digits of the hash of template id and version, since template ids hold
// characters an id may not, and two may differ in those alone (DESIGN 4.4).
func QuestionnaireID(templateID, version string) string {
	sum := sha256.Sum256([]byte(templateID + "\x00" + version))
	readable := strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return '-'
	}, strings.ToLower(templateID)), "-")
	for strings.Contains(readable, "--") {
		readable = strings.ReplaceAll(readable, "--", "-")
	}
	if len(readable) > 55 {
		readable = strings.Trim(readable[:55], "-")
	}
	return readable + "-" + hex.EncodeToString(sum[:4])
}

// Mode says how much of the reference model a form shows. The linkIds are those
// of every mode, so that answers are interchangeable.
type Mode string

// The modes.
const (
	// FormMode hides what is technical.
	FormMode Mode = "form"
	// Faithful has an item for every attribute that a template allows.
	Faithful Mode = "faithful"
	// Compact leaves hidden items out and shows a group of one question as that
	// question.
	Compact Mode = "compact"
)

// ParseMode reads a mode; "" is FormMode.
func ParseMode(text string) (Mode, bool) {
	switch m := Mode(text); m {
	case "":
		return FormMode, true
	case FormMode, Faithful, Compact:
		return m, true
	}
	return "", false
}

// has says whether the items of a tier stand in a mode.
func (m Mode) has(t Tier) bool {
	switch m {
	case Faithful:
		return true
	case Compact:
		return t == Plain
	}
	return t != Rare
}

// Rendering says how a form is written.
type Rendering struct {
	// ID is the resource's, URL its canonical address, Version that of the
	// template's content.
	ID, URL, Version string
	// Language is one of the template's; "" is its own.
	Language string
	// Mode defaults to FormMode.
	Mode Mode
}

// Questionnaire writes the form: the same template and rendering give the same bytes.
func (f *Form) Questionnaire(r Rendering) *fhir.Questionnaire {
	if r.Language == "" {
		r.Language = f.Template.Language
	}
	if r.Mode == "" {
		r.Mode = FormMode
	}
	root := f.item(f.Root, r)
	root.Item = append([]fhir.Item{
		{LinkID: TokenLinkID, Type: "string", Text: "Server token", Extension: []fhir.Extension{hidden()}},
		{LinkID: DeletionsLinkID, Type: "string", Text: "Answers to delete", Repeats: true, Extension: []fhir.Extension{hidden()}},
		{LinkID: ResidueLinkID, Type: "text", Text: "What no question asks for", Extension: []fhir.Extension{hidden()}},
	}, root.Item...)
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, f.Template.TemplateID)
	if name == "" || !(name[0] >= 'A' && name[0] <= 'Z') {
		name = "Q" + name
	}
	title := f.Template.Label(f.Template.Root(), r.Language)
	if title == "" {
		title = f.Template.TemplateID
	}
	return &fhir.Questionnaire{
		ResourceType: "Questionnaire", ID: r.ID, URL: r.URL, Version: r.Version, Language: r.Language,
		Meta:      &fhir.Meta{VersionID: r.Version, Profile: []string{"http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire"}},
		Contained: contained(root),
		Extension: []fhir.Extension{{URL: extTemplate, ValueString: f.Template.TemplateID}},
		Name:      name[:min(len(name), 255)], Title: title, Status: "active", SubjectType: []string{"Patient"}, Item: []fhir.Item{root},
		TitleElement: f.translations(r.Language, title, func(lang string) string { return f.Template.Label(f.Template.Root(), lang) }),
	}
}

func hidden() fhir.Extension {
	yes := true
	return fhir.Extension{URL: extHidden, ValueBoolean: &yes}
}

// translations are the texts of the template's other languages, nil where they
// are all alike.
func (f *Form) translations(own, text string, in func(lang string) string) *fhir.Element {
	var out []fhir.Extension
	for _, lang := range f.Template.Languages {
		if lang == own {
			continue
		}
		if other := in(lang); other != "" && other != text {
			out = append(out, fhir.Extension{URL: extTranslation, Extension: []fhir.Extension{{URL: "lang", ValueCode: lang}, {URL: "content", ValueString: other}}})
		}
	}
	if out == nil {
		return nil
	}
	return &fhir.Element{Extension: out}
}

func (f *Form) item(i *Item, r Rendering) fhir.Item {
	n := f.Template.Node(i.Node)
	out := fhir.Item{LinkID: i.LinkID, Type: i.Type, Text: i.Text, Required: i.Required, Repeats: i.Repeats}
	if out.Text == "" {
		if out.Text = f.Template.Label(i.Node, r.Language); out.Text == "" {
			out.Text = strings.ToLower(strings.ReplaceAll(n.Class.Name(), "_", " "))
		}
		out.TextElement = f.translations(r.Language, out.Text, func(lang string) string { return f.Template.Label(i.Node, lang) })
	}
	if i.Hidden {
		out.Extension = append(out.Extension, hidden())
		out.Required = false
	}
	if i.Kind != Carrier && i.Kind != Aside {
		class := i.Class
		if i.Kind == Group {
			class = n.Class
		}
		out.Extension = append(out.Extension, fhir.Extension{URL: extPath, ValueString: f.Path(i)})
		if class != 0 {
			out.Extension = append(out.Extension, fhir.Extension{URL: extClass, ValueCode: class.Name()})
		}
	}
	if i.Kind == Group || i.Kind == Question || i.Kind == Compound {
		if n.Occurrences.Min > 1 {
			out.Extension = append(out.Extension, integer(extMinOccurs, n.Occurrences.Min))
		}
		if n.Occurrences.Max > 1 {
			out.Extension = append(out.Extension, integer(extMaxOccurs, n.Occurrences.Max))
		}
		if n.NodeID != "" && n.Archetype != "" {
			out.Code = append(out.Code, fhir.Coding{System: localSystem + n.Archetype, Code: n.NodeID})
			for _, bound := range f.Template.Binding(i.Node, n.NodeID) {
				out.Code = append(out.Code, fhir.Coding{System: codeSystem(bound.Terminology, ""), Code: bound.Code})
			}
		}
	}
	if i.Type != "group" && i.Kind != Carrier {
		f.constrain(&out, i, r)
	}
	out.EnableWhen = f.enabled(i)
	for _, child := range i.Children {
		if r.Mode.has(child.Tier) {
			out.Item = append(out.Item, f.item(child, r))
		}
	}
	folded := r.Mode == Compact && i.Kind == Group && !i.Repeats && len(out.Item) == 1 && i != f.Root
	if folded {
		only := &out.Item[0]
		only.Text, out.Text, only.TextElement, out.TextElement = out.Text+": "+only.Text, "", nil, nil
	}
	if help := f.help(i, r); help != nil && !folded {
		out.Item = append([]fhir.Item{*help}, out.Item...)
	}
	return out
}

// enabled is when an item is asked: the parts of a value for its kind, a reason
// for no value where there is none.
func (f *Form) enabled(i *Item) []fhir.EnableWhen {
	switch {
	case i.Kind == Part:
		if selector := f.aside(f.parent[i], 0); selector != nil && f.parent[i].Kind == Compound {
			return []fhir.EnableWhen{{Question: selector.LinkID, Operator: "=", AnswerCoding: &fhir.Coding{System: rmSystem, Code: i.Of.Name()}}}
		}
	case i.Kind == Aside && i.Attr == rminfo.A_null_flavour && i.About.Kind == Question:
		no := false
		return []fhir.EnableWhen{{Question: i.About.LinkID, Operator: "exists", AnswerBoolean: &no}}
	}
	return nil
}

// contained are the value sets that items refer to, with their codes: a renderer
// without a terminology server must show them.
func contained(root fhir.Item) []fhir.ValueSet {
	used := map[string]bool{}
	var walk func(i fhir.Item)
	walk = func(i fhir.Item) {
		used[i.AnswerValueSet] = true
		for _, c := range i.Item {
			walk(c)
		}
	}
	walk(root)
	var out []fhir.ValueSet
	for _, g := range groups {
		if used["#"+valueSetID(g)] {
			out = append(out, groupValueSet(g))
		}
	}
	return out
}
