package sdc

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/validate"
)

// answerItems builds nested response items from linkIds and answers: a key that ends
// in "{" opens a group, "}" closes it.
func answerItems(t testing.TB, f *Form, answers ...string) *fhir.QuestionnaireResponse {
	t.Helper()
	var b strings.Builder
	b.WriteString(`{"resourceType":"QuestionnaireResponse","status":"completed","item":[{"linkId":"` + f.Root.LinkID + `","item":[`)
	comma := false
	path := []string{f.Root.LinkID}
	for _, a := range answers {
		if a == "}" {
			b.WriteString("]}")
			path, comma = path[:len(path)-1], true
			continue
		}
		if comma {
			b.WriteString(",")
		}
		if name, ok := strings.CutSuffix(a, "{"); ok {
			path = append(path, path[len(path)-1]+"/"+name)
			b.WriteString(`{"linkId":"` + path[len(path)-1] + `","item":[`)
			comma = false
			continue
		}
		name, value, _ := strings.Cut(a, "=")
		b.WriteString(`{"linkId":"` + path[len(path)-1] + "/" + name + `","answer":[{` + value + `}]}`)
		comma = true
	}
	b.WriteString("]}]}")
	r, err := fhir.ReadResponse([]byte(b.String()))
	if err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	return r
}

func rule(err error) string {
	var f *fault.Error
	if !errors.As(err, &f) || len(f.Issues) == 0 {
		return ""
	}
	return f.Issues[0].Rule + ": " + f.Issues[0].Message
}

// TestWhatAnswersMake: each shape of the mapping table, from answers alone.
func TestWhatAnswersMake(t *testing.T) {
	f := ours(t)["Vital signs observations.v1"].form
	for _, tc := range []struct {
		name    string
		answers []string
		// want stands in the composition; refused is the issue instead.
		want, refused string
	}{
		{"percent", []string{"pulse_oximetry{", "any_event{", `spo2="valueQuantity":{"value":97,"unit":"%","code":"%"}`, "}", "}"},
			`{"_type":"DV_PROPORTION","numerator":97,"denominator":100,"type":2}`, ""},
		{"percent in another unit", []string{"pulse_oximetry{", "any_event{", `spo2="valueQuantity":{"value":97,"unit":"mm[Hg]","code":"mm[Hg]"}`, "}", "}"}, "", "answer: the unit is %"},
		{"about", []string{"blood_pressure{", "any_event{", `systolic="valueQuantity":{"value":120,"unit":"mm[Hg]","code":"mm[Hg]"}`, `systolic/_magnitude_status="valueString":"~"`, "}", "}"},
			`"magnitude_status":"~","magnitude":120`, ""},
		{"no value", []string{"body_temperature{", "any_event{", `temperature/_null_flavour="valueCoding":{"code":"271","system":"http://openehr.org/id/openehr"}`, `temperature/_null_reason="valueString":"Thermometer broken"`, "}", "}"},
			`"null_flavour":{"_type":"DV_CODED_TEXT","value":"no information"`, ""},
		{"value and none", []string{"body_temperature{", "any_event{", `temperature="valueQuantity":{"value":37,"unit":"Cel","code":"Cel"}`, `temperature/_null_flavour="valueCoding":{"code":"271"}`, "}", "}"},
			"", "answer: answered with a value and with a reason for none"},
		{"span", []string{"blood_pressure{", "any_event{", `width="valueString":"PT1H"`, `math_function="valueCoding":{"code":"146"}`, `systolic="valueQuantity":{"value":120,"unit":"mm[Hg]","code":"mm[Hg]"}`, "}", "}"},
			`{"_type":"INTERVAL_EVENT"`, ""},
		{"words of an option as LHC-Forms sends them", []string{"blood_pressure{", "any_event{", `comment="valueCoding":{"display":"Left arm"}`, "}", "}"},
			`"value":{"_type":"DV_TEXT","value":"Left arm"}`, ""},
		{"own name", []string{"blood_pressure{", `_name="valueString":"Blood pressure, left arm"`, "any_event{", `systolic="valueQuantity":{"value":120,"unit":"mm[Hg]","code":"mm[Hg]"}`, "}", "}"},
			`"value":"Blood pressure, left arm"`, ""},
		{"first event", []string{"blood_pressure{", "any_event{", `time="valueDateTime":"2026-02-02T08:00:00Z"`, `comment="valueString":"x"`, "}", "}"},
			`"origin":{"_type":"DV_DATE_TIME","value":"2026-02-02T08:00:00Z"}`, ""},
		{"context", []string{`location="valueString":"Ward 7"`, `setting="valueCoding":{"code":"229"}`, "health_care_facility{", `name="valueString":"North Hospital"`, "}"},
			`"value":"primary nursing care"`, ""},
		{"participation", []string{"participations{", `function="valueString":"witness"`, `mode="valueCoding":{"code":"216"}`, `performer_name="valueString":"B. Witness"`, "}"},
			`"performer":{"_type":"PARTY_IDENTIFIED","name":"B. Witness"}`, ""},
		{"composer", []string{"composer{", `name="valueString":"C. Poser"`, `external_ref_id_value="valueString":"1234"`, `external_ref_id_scheme="valueString":"GMC"`, `external_ref_namespace="valueString":"uk.gmc"`, `external_ref_type="valueString":"PERSON"`, "}"},
			`"composer":{"_type":"PARTY_IDENTIFIED","name":"C. Poser","external_ref":{"_type":"PARTY_REF","id":{"_type":"GENERIC_ID","value":"1234","scheme":"GMC"}`, ""},
		{"relative", []string{"blood_pressure{", "subject{", `name="valueString":"Fetus"`, `relationship="valueCoding":{"code":"254"}`, "}", "any_event{", `comment="valueString":"x"`, "}", "}"},
			`"subject":{"_type":"PARTY_RELATED","name":"Fetus"`, ""},
		{"no kind of event", []string{"blood_pressure{", "any_event{", `_event_type="valueCoding":{"code":"FOLDER"}`, `comment="valueString":"x"`, "}", "}"}, "", "answer: an event is of a time or of a span"},
		{"a file for a number", []string{"blood_pressure{", "any_event{", `systolic="valueAttachment":{"contentType":"text/plain","data":"eA=="}`, "}", "}"}, "", "answer: the question takes no file"},
	} {
		made, err := f.Compose(nil, answerItems(t, f, tc.answers...), facts)
		if tc.refused != "" {
			if got := rule(err); got != tc.refused {
				t.Errorf("%s: %q", tc.name, got)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tc.name, rule(err))
			continue
		}
		if !strings.Contains(doc(made.Tree), tc.want) {
			t.Errorf("%s: no %s in\n%s", tc.name, tc.want, doc(made.Tree))
		}
		// And the same answers come out of it, and back in.
		issued := f.IssueAs(made.Tree, Issuance{Mode: Faithful})
		again, err := f.Compose(made.Tree, wire(t, issued), facts)
		if err != nil || again.Changed != 0 || doc(again.Tree) != doc(made.Tree) {
			t.Errorf("%s: not stable: %v", tc.name, err)
		}
		fresh, err := f.Compose(nil, withoutKeys(wire(t, issued)), facts)
		if err != nil || !alike(fresh.Tree, fresh.Tree.Root(), made.Tree, made.Tree.Root()) {
			t.Errorf("%s: answers alone make another: %v\n%s\n%s", tc.name, err, doc(made.Tree), doc(fresh.Tree))
		}
	}
}

// TestNullGivesWay: a value that is entered replaces the reason for none, and a
// reason that is entered replaces the value.
func TestNullGivesWay(t *testing.T) {
	f := ours(t)["Vital signs observations.v1"].form
	compose := func(base *rm.Tree, answer string) *rm.Tree {
		t.Helper()
		key := `_key="valueString":"1"`
		if base == nil {
			key = `_name="valueString":"x"`
		}
		r, err := f.Compose(base, answerItems(t, f, "body_temperature{", key, "any_event{", key, answer, "}", "}"), facts)
		if err != nil {
			t.Fatal(rule(err))
		}
		return r.Tree
	}
	const value, none = `temperature="valueQuantity":{"value":37,"unit":"Cel","code":"Cel"}`, `temperature/_null_flavour="valueCoding":{"code":"271","system":"http://openehr.org/id/openehr"}`
	null := compose(nil, none)
	whole := compose(null, value)
	if text := doc(whole); strings.Contains(text, "null_flavour") || !strings.Contains(text, `"magnitude":37`) {
		t.Errorf("%s", text)
	}
	if text := doc(compose(whole, none)); !strings.Contains(text, "null_flavour") || strings.Contains(text, "magnitude") {
		t.Errorf("%s", text)
	}
}

// TestRealTypes: what our own templates lack, on a template of all types.
func TestRealTypes(t *testing.T) {
	forms := fixtureForms(t)
	kinds := map[string]int{}
	for _, form := range forms {
		for _, i := range form.byLinkID {
			if i.Kind == Part || i.Kind == Question || i.Kind == Record || i.Kind == Attribute {
				of := i.Class
				if i.Kind == Part && i.Of != 0 {
					of = i.Of
				}
				kinds[of.Name()+" "+i.Type]++
			}
		}
	}
	for _, want := range []string{
		"DV_INTERVAL quantity", "DV_INTERVAL dateTime", "DV_PROPORTION decimal", "DV_PROPORTION quantity", "DV_MULTIMEDIA attachment", "DV_PARSABLE text", "DV_IDENTIFIER string",
		"DV_SCALE choice", "DV_URI string", "ISM_TRANSITION choice", "PARTICIPATION string", "EVENT_CONTEXT dateTime", "DV_DURATION string", "DV_ORDINAL choice",
	} {
		if kinds[want] == 0 {
			t.Errorf("no item is %s", want)
		}
	}
	for _, key := range []string{"range", "uri"} {
		found := false
		for _, form := range forms {
			text, err := json.Marshal(form.Questionnaire(Rendering{ID: "x"}))
			if err != nil {
				t.Fatal(err)
			}
			found = found || strings.Contains(string(text), `{"url":"key","valueId":"`+key+`"}`)
		}
		if !found {
			t.Errorf("no constraint %s", key)
		}
	}
}

// TestSteps: an ACTION is answered by its step alone where each ends in one
// state, and two that do not go together are refused.
func TestSteps(t *testing.T) {
	tried := 0
	for id, form := range fixtureForms(t) {
		for record, states := range form.states {
			var step, state *Item
			for _, p := range record.Children {
				switch p.Route[0].Name() {
				case "careflow_step":
					step = p
				case "current_state":
					state = p
				}
			}
			if step == nil || !state.Hidden || len(states) == 0 {
				continue
			}
			tried++
			c := &composer{form: form, b: rm.NewBuilder(rm.Limits{}, 16)}
			o := form.options(step, "")[0]
			coding := &fhir.Coding{System: form.system(step, o.terminology), Code: o.code}
			occurrences := map[*Item][]*occurrence{step: {{item: step, answers: []fhir.Answer{{ValueCoding: coding}}}}}
			c.b.Open(0, form.Template.Node(record.Node).Class)
			c.newRecords(record, []*occurrence{{item: record, children: occurrences}})
			c.b.Close()
			tree, err := c.b.Tree()
			if err != nil || len(c.issues) > 0 || !strings.Contains(doc(tree), `"code_string":"`+states[o.code]+`"`) || !strings.Contains(doc(tree), o.code) {
				t.Errorf("%s: %s: %v %v", id, record.LinkID, err, c.issues)
			}
			for _, other := range form.options(state, "") {
				if other.code != states[o.code] {
					occurrences[state] = []*occurrence{{item: state, answers: []fhir.Answer{{ValueCoding: &fhir.Coding{System: form.system(state, other.terminology), Code: other.code}}}}}
				}
			}
			if len(occurrences) == 2 {
				c = &composer{form: form, b: rm.NewBuilder(rm.Limits{}, 16)}
				c.b.Open(0, form.Template.Node(record.Node).Class)
				if c.newRecords(record, []*occurrence{{item: record, children: occurrences}}); len(c.issues) != 1 {
					t.Errorf("%s: %s: a step and another state: %v", id, record.LinkID, c.issues)
				}
			}
		}
	}
	t.Logf("%d transitions by step alone", tried)
	if tried == 0 {
		t.Error("no template fixes the states of its steps")
	}
}

// TestOurExamplesAreValidAnew: blank forms with the answers of our examples.
func TestOurExamplesAreValidAnew(t *testing.T) {
	for id, o := range ours(t) {
		for name, tree := range o.examples {
			made, err := o.form.Compose(nil, withoutKeys(wire(t, o.form.IssueAs(tree, Issuance{Mode: Compact}))), facts)
			if err != nil {
				t.Errorf("%s %s: %v", id, name, err)
				continue
			}
			if issues := validate.Check(made.Tree, o.form.Template, validate.Options{}); validate.Refused(issues) {
				t.Errorf("%s %s: %v", id, name, issues[0])
			}
		}
	}
}

// part answers one part of an ELEMENT.
func part(i *Item, a fhir.Answer) map[*Item][]*occurrence {
	return map[*Item][]*occurrence{i: {{item: i, answers: []fhir.Answer{a}}}}
}

// TestKindsOfAnswer: alternatives are told apart by what was answered; answers of
// two kinds are refused, unless the selector was changed to one.
func TestKindsOfAnswer(t *testing.T) {
	tried := 0
	for id, form := range fixtureForms(t) {
		for _, item := range form.byLinkID {
			selector := form.aside(item, 0)
			if item.Kind != Compound || selector == nil {
				continue
			}
			tried++
			first, second := partsOf(item, form.classes(selector)[0])[0], partsOf(item, form.classes(selector)[1])[0]
			c := &composer{form: form}
			one := &occurrence{item: item, children: part(first, fhir.Answer{ValueString: "x"})}
			if got, err := c.kind(item, one, rm.None); err != nil || got != first.Of {
				t.Errorf("%s: %s: %v %v", id, item.LinkID, got, err)
			}
			one.children[second] = part(second, fhir.Answer{ValueString: "y"})[second]
			if _, err := c.kind(item, one, rm.None); err == nil {
				t.Errorf("%s: %s: two kinds at once", id, item.LinkID)
			}
			one.children[selector] = part(selector, fhir.Answer{ValueCoding: &fhir.Coding{System: rmSystem, Code: second.Of.Name()}})[selector]
			if got, err := c.kind(item, one, rm.None); err != nil || got != second.Of {
				t.Errorf("%s: %s: chosen %v %v", id, item.LinkID, got, err)
			}
			delete(one.children, second)
			if _, err := c.kind(item, one, rm.None); err == nil {
				t.Errorf("%s: %s: one kind chosen, another answered", id, item.LinkID)
			}
			if got, err := c.kind(item, &occurrence{item: item}, rm.None); err != nil || got != 0 {
				t.Errorf("%s: %s: nothing answered is %v", id, item.LinkID, got)
			}
		}
	}
	t.Logf("%d alternatives", tried)
	if tried == 0 {
		t.Error("no template has alternatives")
	}
}

// TestIntervals: an interval of one end is open at the other.
func TestIntervals(t *testing.T) {
	n := fhir.Decimal("3")
	tried := 0
	for id, form := range fixtureForms(t) {
		for _, item := range form.byLinkID {
			if item.Kind != Part || item.Of.Name() != "DV_INTERVAL" || item.Route[0].Name() != "upper" || item.Type != "integer" {
				continue
			}
			tried++
			group := form.parent[item]
			c := &composer{form: form, b: rm.NewBuilder(rm.Limits{}, 16)}
			c.newElement(0, group.Node, func() error {
				return c.writeValue(group, item.Of, rm.None, map[*Item]*fhir.Answer{item: {ValueInteger: &n}}, "")
			}, group, "")
			tree, err := c.b.Tree()
			if err != nil || len(c.issues) > 0 {
				t.Fatalf("%s: %v %v", id, err, c.issues)
			}
			for _, want := range []string{`"lower_unbounded":true`, `"lower_included":false`, `"upper_unbounded":false`, `"upper_included":true`, `"magnitude":3`} {
				if !strings.Contains(doc(tree), want) {
					t.Errorf("%s: no %s in %s", id, want, doc(tree))
				}
			}
		}
	}
	if tried == 0 {
		t.Error("no template has an interval of counts")
	}
}

// TestTranslations: a template of several languages says each text in all.
func TestTranslations(t *testing.T) {
	tried := 0
	for id, form := range fixtureForms(t) {
		if len(form.Template.Languages) < 2 {
			continue
		}
		found := 0
		each(form.Questionnaire(Rendering{ID: "x"}).Item, func(i fhir.Item) {
			if i.TextElement != nil {
				found++
				if x := i.TextElement.Extension[0]; x.URL != extTranslation || x.Extension[0].ValueCode == "" || x.Extension[1].ValueString == i.Text {
					t.Errorf("%s: %s: %v", id, i.LinkID, x)
				}
			}
		})
		if found > 0 {
			tried++
		}
	}
	t.Logf("%d templates speak several languages", tried)
	if tried == 0 {
		t.Error("no template is translated")
	}
}
