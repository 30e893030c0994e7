package sdc

import (
	"encoding/json"
	"fmt"
	"regexp"
	"testing"

	"github.com/quire-cdr/quire/internal/fhir"
)

// The invariants of Questionnaire that a generated one can break (FHIR R4,
// Questionnaire, Constraints), and those of SDC's base profile.
var (
	fhirID   = regexp.MustCompile(`^[A-Za-z0-9\-.]{1,64}$`)
	fhirName = regexp.MustCompile(`^[A-Z]([A-Za-z0-9_]){0,254}$`)
)

var itemTypes = map[string]bool{"group": true, "display": true, "boolean": true, "decimal": true, "integer": true, "date": true, "dateTime": true, "time": true,
	"string": true, "text": true, "url": true, "choice": true, "open-choice": true, "attachment": true, "reference": true, "quantity": true}

func broken(q *fhir.Questionnaire) []string {
	var out []string
	say := func(rule, format string, args ...any) { out = append(out, rule+": "+fmt.Sprintf(format, args...)) }
	if !fhirName.MatchString(q.Name) {
		say("que-0", "name %q", q.Name)
	}
	if !fhirID.MatchString(q.ID) {
		say("id", "%q", q.ID)
	}
	sets := map[string]bool{}
	for _, set := range q.Contained {
		if sets["#"+set.ID] || set.Expansion == nil || len(set.Expansion.Contains) == 0 {
			say("contained", "%s twice or without codes", set.ID)
		}
		if set.Meta != nil || len(set.URL) == 0 {
			say("dom-4", "%s", set.ID)
		}
		sets["#"+set.ID] = true
	}
	types := map[string]string{}
	used := map[string]bool{}
	var collect func(items []fhir.Item)
	collect = func(items []fhir.Item) {
		for _, i := range items {
			if types[i.LinkID] != "" {
				say("que-2", "linkId %s twice", i.LinkID)
			}
			types[i.LinkID] = i.Type
			collect(i.Item)
		}
	}
	collect(q.Item)
	var walk func(items []fhir.Item)
	walk = func(items []fhir.Item) {
		for _, i := range items {
			choice := i.Type == "choice" || i.Type == "open-choice"
			if !itemTypes[i.Type] {
				say("type", "%s is %q", i.LinkID, i.Type)
			}
			if i.LinkID == "" || len(i.LinkID) > 255*4 {
				say("linkId", "%q", i.LinkID)
			}
			if i.Text == "" && len(i.Item) != 1 {
				say("text", "%s has none", i.LinkID)
			}
			if i.Type == "group" && len(i.Item) == 0 {
				say("que-1", "group %s has no items", i.LinkID)
			}
			if i.Type == "display" && (len(i.Item) > 0 || len(i.Code) > 0 || i.Required || i.Repeats) {
				say("que-1, que-3, que-6", "display %s", i.LinkID)
			}
			if len(i.AnswerOption) > 0 && i.AnswerValueSet != "" {
				say("que-4", "%s has options and a value set", i.LinkID)
			}
			if (len(i.AnswerOption) > 0 || i.AnswerValueSet != "") && !choice {
				say("que-5", "%s is %s and has options", i.LinkID, i.Type)
			}
			if i.Type == "choice" && len(i.AnswerOption) == 0 && i.AnswerValueSet == "" {
				say("choice", "%s has nothing to choose from", i.LinkID)
			}
			if i.AnswerValueSet != "" {
				if i.AnswerValueSet[0] == '#' && !sets[i.AnswerValueSet] {
					say("dom-3", "%s refers to %s", i.LinkID, i.AnswerValueSet)
				}
				used[i.AnswerValueSet] = true
			}
			seen := map[string]bool{}
			for _, o := range i.AnswerOption {
				key := o.ValueString
				if c := o.ValueCoding; c != nil {
					key = c.System + "|" + c.Code
					if c.Code == "" && c.Display == "" || c.Code != "" && c.System == "" {
						say("sdc-base-1", "%s has the option %v", i.LinkID, *c)
					}
				}
				if key == "" || seen[key] {
					say("option", "%s has %q twice or empty", i.LinkID, key)
				}
				seen[key] = true
			}
			for _, e := range i.EnableWhen {
				if types[e.Question] == "" || types[e.Question] == "group" {
					say("enableWhen", "%s depends on %s", i.LinkID, e.Question)
				}
				if e.Operator == "exists" && e.AnswerBoolean == nil {
					say("que-7", "%s", i.LinkID)
				}
				if e.AnswerBoolean == nil && e.AnswerCoding == nil {
					say("enableWhen", "%s has no answer", i.LinkID)
				}
			}
			for _, x := range i.Extension {
				if text, _ := json.Marshal(x); len(x.Extension) == 0 && string(text) == fmt.Sprintf(`{"url":%q}`, x.URL) {
					say("ext-1", "%s of %s is empty", x.URL, i.LinkID)
				}
			}
			walk(i.Item)
		}
	}
	walk(q.Item)
	for id := range sets {
		if !used[id] {
			say("dom-3", "%s is contained and not used", id)
		}
	}
	return out
}

func TestInvariants(t *testing.T) {
	forms := fixtureForms(t)
	for id, o := range ours(t) {
		forms[id] = o.form
	}
	for id, form := range forms {
		links := map[string]string{}
		for _, mode := range []Mode{Faithful, FormMode, Compact} {
			for _, lang := range form.Template.Languages {
				q := form.Questionnaire(Rendering{ID: QuestionnaireID(id, "1"), URL: "https://example.org/Questionnaire/x", Version: "1", Mode: mode, Language: lang})
				for _, fault := range broken(q) {
					t.Errorf("%s, %s: %s", id, mode, fault)
				}
				each(q.Item, func(i fhir.Item) {
					if mode == Faithful {
						links[i.LinkID] = i.Type
					} else if links[i.LinkID] != i.Type {
						t.Errorf("%s: %s is %q in %s, %q in %s", id, i.LinkID, i.Type, mode, links[i.LinkID], Faithful)
					}
				})
			}
		}
	}
	t.Logf("%d templates in three modes keep the invariants", len(forms))
	if len(forms) < 70 {
		t.Errorf("only %d templates", len(forms))
	}
}

func each(items []fhir.Item, do func(fhir.Item)) {
	for _, i := range items {
		do(i)
		each(i.Item, do)
	}
}

// TestTheInvariantsCanBreak: the check finds what it is for.
func TestTheInvariantsCanBreak(t *testing.T) {
	q := &fhir.Questionnaire{ID: "a b", Name: "1", Item: []fhir.Item{
		{LinkID: "a", Type: "group", Text: "a"}, {LinkID: "a", Type: "string", Text: "a", AnswerOption: []fhir.AnswerOption{{ValueString: "x"}}},
		{LinkID: "b", Type: "choice", Text: "b"}, {LinkID: "c", Type: "choice", Text: "c", AnswerValueSet: "#none"},
	}}
	if found := broken(q); len(found) != 7 {
		t.Errorf("%q", found)
	}
}
