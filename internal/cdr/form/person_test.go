package form_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/form"
	"github.com/quire-cdr/quire/internal/fhir"
)

// TestWrongPersonIsRefused crosses every token with every address, subject and
// contained Patient: a submit is stored only where all that is said means one
// person, and nothing of the others is written (DESIGN 5a rule 3).
func TestWrongPersonIsRefused(t *testing.T) {
	f, r, _ := newForms(t)
	one, err := f.ByTemplate(context.Background(), nurse, vitalSigns)
	if err != nil {
		t.Fatal(err)
	}
	// means is whom a part names: "" nobody, "?" somebody this server cannot tell.
	type part struct{ name, means string }
	tokens := []part{{"no token", ""}, {"token of A", ehrA}, {"token of B", ehrB}}
	addresses := []part{{"no address", ""}, {"address of A", ehrA}, {"address of B", ehrB}}
	identifier := func(system, value string) *fhir.Reference {
		return &fhir.Reference{Identifier: &fhir.Identifier{System: system, Value: value}}
	}
	subjects := []struct {
		part
		reference *fhir.Reference
	}{
		{part{"no subject", ""}, nil},
		{part{"a display alone", ""}, &fhir.Reference{Display: "A. Person"}},
		{part{"reference to A", ehrA}, &fhir.Reference{Reference: "Patient/" + ehrA}},
		{part{"reference to B", ehrB}, &fhir.Reference{Reference: "Patient/" + ehrB}},
		{part{"urn of A", ehrA}, &fhir.Reference{Reference: "urn:uuid:" + ehrA}},
		{part{"identifier of A", ehrA}, identifier("urn:ietf:rfc:3986", "urn:uuid:"+ehrA)},
		{part{"identifier of B", ehrB}, identifier("urn:ietf:rfc:3986", "urn:uuid:"+ehrB)},
		{part{"NHS number of A", ehrA}, identifier(nhs, nhsA)},
		{part{"NHS number of B", ehrB}, identifier(nhs, nhsB)},
		{part{"NHS number of nobody", "?"}, identifier(nhs, "9991234599")},
		{part{"local number", "?"}, identifier("urn:hospital", "7")},
		{part{"Patient elsewhere", "?"}, &fhir.Reference{Reference: "https://elsewhere.example/Patient/7"}},
		{part{"reference to nothing within", "?"}, &fhir.Reference{Reference: "#x"}},
		{part{"reference to A, number of B", "?"}, &fhir.Reference{Reference: "Patient/" + ehrA, Identifier: &fhir.Identifier{System: nhs, Value: nhsB}}},
	}
	patient := func(number string) []fhir.UnknownMember {
		return []fhir.UnknownMember{{Name: "contained", Value: []byte(`[{"resourceType":"Patient","identifier":[{"system":"` + nhs + `","value":"` + number + `"}]}]`)}}
	}
	contained := []struct {
		part
		members []fhir.UnknownMember
	}{
		{part{"nothing within", ""}, nil},
		{part{"Patient A within", ehrA}, patient(nhsA)},
		{part{"Patient B within", ehrB}, patient(nhsB)},
		{part{"something unreadable within", "?"}, []fhir.UnknownMember{{Name: "contained", Value: []byte(`[{"resourceType":"Patient","identifier":{}}]`)}}},
	}
	tried, stored := 0, 0
	// The subject may be the Patient within.
	within := populate(t, f, vitalSigns, ehrA)
	measure(within, "72")
	within.Subject = &fhir.Reference{Reference: "#p"}
	within.Other = []fhir.UnknownMember{{Name: "contained", Value: []byte(`[{"resourceType":"Patient","id":"p","identifier":[{"system":"` + nhs + `","value":"` + nhsA + `"}]}]`)}}
	if _, err := submit(t, f, within); err != nil {
		t.Errorf("the subject is the Patient within: %v", err)
	}
	for _, token := range tokens {
		for _, address := range addresses {
			for _, subject := range subjects {
				for _, within := range contained {
					response := one.SDC.Blank("")
					if token.means != "" {
						response = populate(t, f, vitalSigns, token.means)
					}
					measure(response, "72")
					response.Questionnaire, response.Authored = one.Canonical(base), "2026-03-02T09:00:00Z"
					response.Subject, response.Other = subject.reference, within.members

					want := token.means
					if want == "" {
						want = address.means
					}
					allowed := want != ""
					for _, p := range []part{token, address, subject.part, within.part} {
						allowed = allowed && (p.means == "" || p.means == want)
					}
					before, events := r.versions(), len(r.events)
					done, err := f.Process(context.Background(), nurse, form.Submission{Response: encoded(t, response), Person: form.Person{EHR: address.means}})
					name := fmt.Sprintf("%s, %s, %s, %s", token.name, address.name, subject.name, within.name)
					tried++
					switch {
					case allowed && (err != nil || done.Document.EHR != want || r.versions() != before+1):
						t.Errorf("%s: refused: %v", name, err)
					case allowed:
						stored++
					case err == nil || r.versions() != before:
						t.Errorf("%s: something was written", name)
					case want != "" && code(err) != "wrong-person":
						t.Errorf("%s: %v", name, err)
					case want != "" && (len(r.events) == events || r.events[events].Outcome != "denied" || r.events[events].Basis != "wrong-person"):
						t.Errorf("%s: the audit does not say so", name)
					}
				}
			}
		}
	}
	t.Logf("%d crosses, %d of one person", tried, stored)
	if stored == 0 || stored == tried {
		t.Error("the crosses prove nothing")
	}
}

// TestACrossIsInTheAuditOfBoth: who looks at either record sees the attempt.
func TestACrossIsInTheAuditOfBoth(t *testing.T) {
	f, r, _ := newForms(t)
	response := populate(t, f, vitalSigns, ehrA)
	measure(response, "72")
	_, err := f.Process(context.Background(), nurse, form.Submission{Response: encoded(t, response), Person: form.Person{EHR: ehrB}})
	if code(err) != "wrong-person" || r.versions() != 0 {
		t.Fatalf("%v", err)
	}
	seen := map[string]cdr.Event{}
	for _, e := range r.events {
		seen[e.EHR] = e
	}
	for _, ehr := range []string{ehrA, ehrB} {
		if e := seen[ehr]; e.Outcome != "denied" || e.Principal != nurse.Subject {
			t.Errorf("%s: %+v", ehr, e)
		}
	}
}
