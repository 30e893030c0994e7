package sdc

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/internal/terminology"
)

// Extensions and code systems of the forms.
const (
	extTemplate  = "https://quire-cdr.org/fhir/StructureDefinition/openehr-template"
	extPath      = "https://quire-cdr.org/fhir/StructureDefinition/openehr-path"
	extClass     = "https://quire-cdr.org/fhir/StructureDefinition/openehr-class"
	extHidden    = "http://hl7.org/fhir/StructureDefinition/questionnaire-hidden"
	extMinOccurs = "http://hl7.org/fhir/StructureDefinition/questionnaire-minOccurs"
	extMaxOccurs = "http://hl7.org/fhir/StructureDefinition/questionnaire-maxOccurs"
	extUnit      = "http://hl7.org/fhir/StructureDefinition/questionnaire-unitOption"
	extMin       = "http://hl7.org/fhir/StructureDefinition/minValue"
	extMax       = "http://hl7.org/fhir/StructureDefinition/maxValue"
	extDecimals  = "http://hl7.org/fhir/StructureDefinition/maxDecimalPlaces"
	extWeight    = "http://hl7.org/fhir/StructureDefinition/itemWeight"
	extOrdinal   = "http://hl7.org/fhir/StructureDefinition/ordinalValue"
	extRegex     = "http://hl7.org/fhir/StructureDefinition/regex"

	localSystem  = "http://openehr.org/id/"
	ucumSystem   = "http://unitsofmeasure.org"
	snomedSystem = "http://snomed.info/sct"
	loincSystem  = "http://loinc.org"
	icd10System  = "http://hl7.org/fhir/sid/icd-10"
	dmdSystem    = "https://dmd.nhs.uk"
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

// Questionnaire writes the form for a language ("" is the template's own): the
// same template gives the same bytes. version names the template's content; url
// is the canonical address.
func (f *Form) Questionnaire(id, url, version, lang string) *fhir.Questionnaire {
	if lang == "" {
		lang = f.Template.Language
	}
	root := f.item(f.Root, lang)
	root.Item = append([]fhir.Item{
		{LinkID: TokenLinkID, Type: "string", Text: "Server token", Extension: []fhir.Extension{hidden()}},
		{LinkID: DeletionsLinkID, Type: "string", Text: "Answers to delete", Repeats: true, Extension: []fhir.Extension{hidden()}},
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
	title := f.Template.Label(f.Template.Root(), lang)
	if title == "" {
		title = f.Template.TemplateID
	}
	return &fhir.Questionnaire{
		ResourceType: "Questionnaire", ID: id, URL: url, Version: version, Language: lang,
		Meta:      &fhir.Meta{VersionID: version, Profile: []string{"http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire"}},
		Extension: []fhir.Extension{{URL: extTemplate, ValueString: f.Template.TemplateID}},
		Name:      name, Title: title, Status: "active", SubjectType: []string{"Patient"}, Item: []fhir.Item{root},
	}
}

func hidden() fhir.Extension {
	yes := true
	return fhir.Extension{URL: extHidden, ValueBoolean: &yes}
}

func (f *Form) item(i *Item, lang string) fhir.Item {
	n := f.Template.Node(i.Node)
	out := fhir.Item{LinkID: i.LinkID, Type: i.Type, Text: i.Text, Required: i.Required, Repeats: i.Repeats}
	if out.Text == "" {
		if out.Text = f.Template.Label(i.Node, lang); out.Text == "" {
			out.Text = strings.ToLower(strings.ReplaceAll(n.Class.Name(), "_", " "))
		}
	}
	if i.Hidden {
		out.Extension = append(out.Extension, hidden())
	}
	if i.Kind != Carrier {
		class := i.Class
		if i.Kind == Group {
			class = n.Class
		}
		out.Extension = append(out.Extension, fhir.Extension{URL: extPath, ValueString: f.Path(i)}, fhir.Extension{URL: extClass, ValueCode: class.Name()})
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
	if i.Kind == Question || i.Kind == Part {
		f.constrain(&out, i, lang)
	}
	for _, child := range i.Children {
		out.Item = append(out.Item, f.item(child, lang))
	}
	return out
}

// constrain writes what the template says of the answer.
func (f *Form) constrain(out *fhir.Item, i *Item, lang string) {
	if out.Type == "choice" || out.Type == "open-choice" {
		for _, o := range f.options(i, lang) {
			answer := fhir.AnswerOption{ValueCoding: &fhir.Coding{System: f.system(i, o.terminology), Code: o.code, Display: o.display}}
			if o.value != "" {
				weight := fhir.Decimal(o.value)
				answer.Extension = []fhir.Extension{{URL: extWeight, ValueDecimal: &weight}, {URL: extOrdinal, ValueDecimal: &weight}}
			}
			out.AnswerOption = append(out.AnswerOption, answer)
		}
		if i.Class == rminfo.DV_TEXT {
			for _, text := range f.texts(i) {
				out.AnswerOption = append(out.AnswerOption, fhir.AnswerOption{ValueString: text})
			}
		}
		return
	}
	if i.Class == rminfo.DV_TEXT && out.Type == "string" {
		if texts := f.texts(i); len(texts) > 0 {
			out.Type = "open-choice"
			for _, text := range texts {
				out.AnswerOption = append(out.AnswerOption, fhir.AnswerOption{ValueString: text})
			}
		}
		return
	}
	if i.Class == rminfo.DV_DURATION {
		out.Extension = append(out.Extension, fhir.Extension{URL: extRegex, ValueString: `-?P(?=.)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+([.,]\d+)?S)?)?`})
		return
	}
	if i.Value == template.NoNode {
		return
	}
	if q, ok := f.Template.Node(i.Value).Constraint.(*aom.Quantity); ok {
		decimals := -1
		for _, unit := range q.Items {
			out.Extension = append(out.Extension, fhir.Extension{URL: extUnit, ValueCoding: unitCoding(unit.Units)})
			if unit.Precision != nil {
				if n, err := strconv.Atoi(unit.Precision.Upper); err == nil && n >= 0 {
					decimals = max(decimals, n)
				}
			}
		}
		if decimals >= 0 {
			out.Extension = append(out.Extension, integer(extDecimals, decimals))
		}
		return
	}
	// The range of a count stands on its magnitude.
	for _, child := range f.Template.Children(i.Value, rminfo.A_magnitude) {
		if c, ok := f.Template.Node(child).Constraint.(*aom.Integer); ok && c.Range != nil && out.Type == "integer" {
			if n, err := strconv.Atoi(c.Range.Lower); err == nil && c.Range.LowerIncluded {
				out.Extension = append(out.Extension, integer(extMin, n))
			}
			if n, err := strconv.Atoi(c.Range.Upper); err == nil && c.Range.UpperIncluded {
				out.Extension = append(out.Extension, integer(extMax, n))
			}
		}
	}
}

// texts lists the words a DV_TEXT is limited to.
func (f *Form) texts(i *Item) []string {
	if i.Value == template.NoNode {
		return nil
	}
	for _, child := range f.Template.Children(i.Value, rminfo.A_value) {
		if s, ok := f.Template.Node(child).Constraint.(*aom.String); ok {
			return s.List
		}
	}
	return nil
}

func integer(url string, n int) fhir.Extension { return fhir.Extension{URL: url, ValueInteger: &n} }

func unitCoding(unit string) *fhir.Coding {
	return &fhir.Coding{System: ucumSystem, Code: unit, Display: unit}
}

// codeSystems are the FHIR names of terminologies whose openEHR names differ.
var codeSystems = []struct{ openEHR, fhir string }{
	{"SNOMED-CT", snomedSystem}, {"SNOMED CT", snomedSystem}, {"SNOMED", snomedSystem},
	{"LOINC", loincSystem}, {"ICD-10", icd10System}, {"ICD10", icd10System}, {"dm+d", dmdSystem},
	{"openehr", localSystem + "openehr"}, {"ISO_639-1", "urn:ietf:bcp:47"},
}

// codeSystem is the FHIR name of a terminology; local codes belong to an
// archetype, and only there do two templates mean the same by them.
func codeSystem(terminologyID, archetype string) string {
	if terminologyID == "local" {
		return localSystem + archetype
	}
	name, _, _ := strings.Cut(terminologyID, "(")
	for _, s := range codeSystems {
		if strings.EqualFold(s.openEHR, name) {
			return s.fhir
		}
	}
	if strings.Contains(terminologyID, ":") {
		return terminologyID
	}
	return localSystem + "terminology/" + terminologyID
}

// terminologyID is the way back of codeSystem.
func terminologyID(system, archetype string) string {
	if system == localSystem+archetype || system == "" {
		return "local"
	}
	for _, s := range codeSystems {
		if s.fhir == system {
			return s.openEHR
		}
	}
	if name, ok := strings.CutPrefix(system, localSystem+"terminology/"); ok {
		return name
	}
	return system
}

// system is the code system of a code within an item's archetype.
func (f *Form) system(i *Item, terminologyID string) string {
	return codeSystem(terminologyID, f.Template.Node(i.Node).Archetype)
}

// openEHRRubric is the text of an openEHR code whose group is not known, the
// code itself where there is none.
func openEHRRubric(code aom.Code) string {
	if terminology.IsOpenEHR(code.Terminology) {
		for _, g := range []terminology.Group{terminology.Setting, terminology.NullFlavours, terminology.CompositionCategory, terminology.InstructionStates} {
			if rubric, ok := terminology.Rubric(g, code.Code); ok {
				return rubric
			}
		}
	}
	return code.Code
}
