package validate_test

import (
	"context"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/internal/validate"
)

func base(class string) aom.ObjectBase { return aom.ObjectBase{TypeName: class, Occurrences: once} }

// elementOf compiles a template of one ELEMENT whose value is one of the
// alternatives, in an archetype with terms and bindings.
func elementOf(t testing.TB, alternatives ...aom.Object) *template.Compiled {
	t.Helper()
	const id = "openEHR-EHR-ELEMENT.row.v1"
	root := &aom.ArchetypeRoot{ArchetypeID: id, Terms: terms("at0010", "Ear", "at0011", "Brow"), ComplexObject: *object("ELEMENT", "at0000", once, single("value", once, alternatives...))}
	tpl, err := template.Compile(&aom.OperationalTemplate{TemplateID: "row", Language: aom.Code{Code: "en"}, Definition: root,
		Components: []aom.Ontology{{ArchetypeID: id,
			Terms: []aom.LanguageTerms{{Language: "de", Terms: terms("at0010", "Ohr")}},
			ConstraintBindings: []aom.ConstraintBindings{
				{Terminology: "LOINC", Items: []aom.KeyValue{{Key: "ac0001", Value: "http://example.org/loinc-list"}}},
				{Terminology: "SNOMED-CT", Items: []aom.KeyValue{{Key: "ac0001", Value: "http://example.org/list"}}},
			}}}})
	if err != nil {
		t.Fatal(err)
	}
	return tpl
}

func elementWith(value string) string {
	return `{"_type":"ELEMENT","name":{"value":"row"},"archetype_node_id":"openEHR-EHR-ELEMENT.row.v1",` +
		strings.ReplaceAll(rootOf, "ID", "openEHR-EHR-ELEMENT.row.v1") + `,"value":` + value + `}`
}

func codedBy(constraint aom.Object) aom.Object {
	return object("DV_CODED_TEXT", "", once, single("defining_code", once, constraint))
}

func reference(uri string, codes ...string) aom.Object {
	return codedBy(&aom.CodeReference{CodePhrase: aom.CodePhrase{ObjectBase: base("CODE_PHRASE"), Terminology: "SNOMED-CT", Codes: codes}, ReferenceSetURI: uri})
}

// service answers from a table and counts.
type service struct {
	verdicts map[string]validate.Verdict
	batches  [][]validate.Question
}

func (s *service) Judge(_ context.Context, questions []validate.Question) []validate.Verdict {
	s.batches = append(s.batches, questions)
	out := make([]validate.Verdict, len(questions))
	for i, q := range questions {
		out[i] = s.verdicts[q.ValueSet+" "+q.Terminology+"::"+q.Code]
	}
	return out
}

func (s *service) ask(t testing.TB, tpl *template.Compiled, value string, opts validate.Options) []fault.Issue {
	t.Helper()
	tree, err := canon.ReadJSON([]byte(elementWith(value)), rminfo.ELEMENT, canon.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return validate.CheckExternal(context.Background(), tree, tpl, opts, s)
}

func TestExternalValueSets(t *testing.T) {
	known := map[string]validate.Verdict{
		"http://example.org/list SNOMED-CT::1": validate.Member, "http://example.org/list SNOMED-CT::2": validate.NotMember, "http://example.org/list SNOMED-CT::3": validate.Unresolved,
		"http://example.org/loinc-list LOINC::1": validate.Member, "http://example.org/other SNOMED-CT::2": validate.Member,
	}
	direct := elementOf(t, reference("http://example.org/list"))
	bound := elementOf(t, codedBy(&aom.ConstraintRef{ObjectBase: base("CODE_PHRASE"), Reference: "ac0001"}))
	either := elementOf(t, reference("http://example.org/list"), reference("http://example.org/other"))
	written := elementOf(t, reference("http://example.org/list", "7", "8"))
	for _, tc := range []struct {
		name    string
		tpl     *template.Compiled
		value   string
		opts    validate.Options
		rule    string
		refused bool
	}{
		{"member", direct, coded("SNOMED-CT", "1"), validate.Options{}, "", false},
		{"no member", direct, coded("SNOMED-CT", "2"), validate.Options{}, "value-external-code", true},
		{"unknown value set", direct, coded("SNOMED-CT", "3"), validate.Options{}, "terminology-unresolved", false},
		{"no answer", direct, coded("SNOMED-CT", "4"), validate.Options{}, validate.RuleUnanswered, true},
		{"no answer is flagged", direct, coded("SNOMED-CT", "4"), validate.Options{PassUnanswered: true}, validate.RuleUnanswered, false},
		{"bound to the code's terminology", bound, coded("SNOMED-CT", "2"), validate.Options{}, "value-external-code", true},
		{"bound to another terminology", bound, coded("LOINC", "1"), validate.Options{}, "", false},
		{"member of the second alternative", either, coded("SNOMED-CT", "2"), validate.Options{}, "", false},
		{"member of the first alternative", either, coded("SNOMED-CT", "1"), validate.Options{}, "", false},
		{"member of no alternative", either, coded("SNOMED-CT", "4"), validate.Options{}, validate.RuleUnanswered, true},
		{"written out", written, coded("SNOMED-CT", "8"), validate.Options{}, "", false},
		{"not among those written out", written, coded("SNOMED-CT", "1"), validate.Options{}, "value-external-code", true},
	} {
		s := &service{verdicts: known}
		issues := s.ask(t, tc.tpl, tc.value, tc.opts)
		rule := ""
		if len(issues) > 0 {
			rule = issues[0].Rule
		}
		if rule != tc.rule || validate.Refused(issues) != tc.refused || len(issues) > 1 {
			t.Errorf("%s: want %q:\n%s", tc.name, tc.rule, brief(issues))
		}
		if len(s.batches) > 1 || (tc.tpl == written) != (len(s.batches) == 0) {
			t.Errorf("%s: %d batches", tc.name, len(s.batches))
		}
	}
	if issues := (&service{}).ask(t, direct, `{"_type":"DV_CODED_TEXT","value":"x","defining_code":{"terminology_id":{"value":"SNOMED-CT"},"code_string":""}}`, validate.Options{}); issues[0].Rule != "invariant-CODE_PHRASE.Code_string_valid" {
		t.Errorf("an empty code:\n%s", brief(issues))
	}
}

// TestOneBatchForADocument: equal codes are one question.
func TestOneBatchForADocument(t *testing.T) {
	items := object("ITEM_LIST", "at0000", once, multiple("items", some, object("ELEMENT", "at0001", many, single("value", once, reference("http://example.org/list")))))
	root := &aom.ArchetypeRoot{ArchetypeID: "openEHR-EHR-ITEM_LIST.row.v1", ComplexObject: *items}
	tpl, err := template.Compile(&aom.OperationalTemplate{TemplateID: "row", Language: aom.Code{Code: "en"}, Definition: root})
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for range 50 {
		for _, code := range []string{"1", "2"} {
			list = append(list, `{"_type":"ELEMENT","name":{"value":"x"},"archetype_node_id":"at0001","value":`+coded("SNOMED-CT", code)+`}`)
		}
	}
	document := `{"_type":"ITEM_LIST","name":{"value":"row"},"archetype_node_id":"openEHR-EHR-ITEM_LIST.row.v1",` +
		strings.ReplaceAll(rootOf, "ID", "openEHR-EHR-ITEM_LIST.row.v1") + `,"items":[` + strings.Join(list, ",") + `]}`
	tree, err := canon.ReadJSON([]byte(document), rminfo.ITEM_LIST, canon.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s := &service{verdicts: map[string]validate.Verdict{"http://example.org/list SNOMED-CT::1": validate.Member}}
	if issues := validate.CheckExternal(context.Background(), tree, tpl, validate.Options{}, s); len(issues) != 50 {
		t.Errorf("%d issues", len(issues))
	}
	if len(s.batches) != 1 || len(s.batches[0]) != 2 {
		t.Errorf("asked %v", s.batches)
	}
}

func TestTextsOfLocalCodes(t *testing.T) {
	tpl := elementOf(t, localCodes("at0010", "at0011"))
	for text, warned := range map[string]bool{"Ear": false, " ear ": false, "Ohr": false, "Brow": true, "Nose": true} {
		issues := (&service{}).ask(t, tpl, strings.Replace(coded("local", "at0010"), `"value":"x"`, `"value":"`+text+`"`, 1), validate.Options{})
		if validate.Refused(issues) || warned != (len(issues) == 1 && issues[0].Rule == "value-text") {
			t.Errorf("%q:\n%s", text, brief(issues))
		}
	}
}

// TestAWarningChoosesNoAlternative: the alternative that admits the code is the
// one, whatever the text beside it says.
func TestAWarningChoosesNoAlternative(t *testing.T) {
	tpl := elementOf(t, localCodes("at0011"), localCodes("at0010"))
	issues := (&service{}).ask(t, tpl, strings.Replace(coded("local", "at0010"), `"value":"x"`, `"value":"Nose"`, 1), validate.Options{})
	if validate.Refused(issues) || len(issues) != 1 || issues[0].Rule != "value-text" {
		t.Error(brief(issues))
	}
}

func TestStates(t *testing.T) {
	tpl := elementOf(t, &aom.State{ObjectBase: base("DV_STATE"), States: []aom.MachineState{{Name: "open"}, {Name: "closed", Terminal: true}}})
	state := func(name, terminal string) string {
		return `{"_type":"DV_STATE","value":` + strings.Replace(coded("local", "at0010"), `"value":"x"`, `"value":"`+name+`"`, 1) + `,"is_terminal":` + terminal + `}`
	}
	for value, refused := range map[string]bool{
		state("open", "false"): false, state("closed", "true"): false, state("open", "true"): true, state("closed", "false"): true, state("ajar", "false"): true,
	} {
		issues := (&service{}).ask(t, tpl, value, validate.Options{})
		if validate.Refused(issues) != refused || refused && issues[0].Rule != "value-state" {
			t.Errorf("%s:\n%s", value, brief(issues))
		}
	}
}

func TestCareflowSteps(t *testing.T) {
	const id = "openEHR-EHR-ACTION.x.v1"
	tpl, err := template.Compile(&aom.OperationalTemplate{TemplateID: "row", Language: aom.Code{Code: "en"}, Definition: &aom.ArchetypeRoot{
		ArchetypeID: id, Terms: terms("at0010", "Given"), ComplexObject: *object("ACTION", "at0000", once, single("ism_transition", once, object("ISM_TRANSITION", "", once)))}})
	if err != nil {
		t.Fatal(err)
	}
	for step, warned := range map[string]bool{coded("local", "at0010"): false, coded("local", "at0099"): false, coded("local", "given"): true, coded("SNOMED-CT", "1"): true} {
		_, text, _ := strings.Cut(strings.Replace(action(""), `"ism_transition":{`, `"ism_transition":{"careflow_step":`+step+`,`, 1), " ")
		tree, err := canon.ReadJSON([]byte(text), rminfo.ACTION, canon.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		issues := validate.Check(tree, tpl, validate.Options{})
		if validate.Refused(issues) || warned != (len(issues) == 1 && issues[0].Rule == "terminology-careflow-step") {
			t.Errorf("%s:\n%s", step, brief(issues))
		}
	}
}

// TestWarningsHideNoFault: however much is remarkable, what is wrong refuses.
func TestWarningsHideNoFault(t *testing.T) {
	odd := `{"_type":"ELEMENT","name":{"value":"Since"},"archetype_node_id":"at0008","value":{"_type":"DV_DATE_TIME","value":"2026-03-01T10:30"},"links":[{"meaning":{"value":"x","formatting":"odd"},"type":{"value":"x"},"target":{"value":"ehr:/x"}}]}`
	for _, place := range []string{`"items": [` + strings.Repeat(odd+",", 6000), `"items": [`} {
		document := strings.Replace(visitDocument, `"items": [`, place, 1)
		document = strings.Replace(document, `"magnitude": 37.50`, `"magnitude": 99`, 1)
		if place == `"items": [` {
			document = strings.Replace(document, "\n    ]}}]}}]}", strings.Repeat(","+odd, 6000)+"]}}]}}]}", 1)
		}
		issues := validate.Check(parse(t, []byte(document)), visit(t), validate.Options{})
		if !validate.Refused(issues) || len(issues) != validate.MaxIssues {
			t.Errorf("%d issues, refused %v", len(issues), validate.Refused(issues))
		}
	}
}
