package fhir

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/fault"
)

func TestResponseKeepsWhatItWasGiven(t *testing.T) {
	const text = `{"resourceType":"QuestionnaireResponse","id":"a","status":"completed","item":[{"linkId":"g","item":[` +
		`{"linkId":"q","answer":[{"valueQuantity":{"value":1.50,"unit":"kg"}},{"valueDecimal":0.10}]}]}],"encounter":{"reference":"Encounter/1"}}`
	r, err := ReadResponse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if string(out) != text {
		t.Errorf("got\n%s\nwant\n%s", out, text)
	}
}

func TestResponseRefusesWhatItCannotStore(t *testing.T) {
	for _, tc := range []struct{ name, text, path string }{
		{"unknown answer value", `{"resourceType":"QuestionnaireResponse","status":"completed","item":[{"linkId":"q","answer":[{"valueReference":{}}]}]}`, "QuestionnaireResponse.item[0].answer[0].valueReference"},
		{"two values", `{"resourceType":"QuestionnaireResponse","status":"completed","item":[{"linkId":"q","answer":[{"valueString":"a","valueDate":"2020"}]}]}`, "QuestionnaireResponse.item[0].answer[0]"},
		{"another resource", `{"resourceType":"Patient"}`, "QuestionnaireResponse.resourceType"},
		{"no object", `[]`, "QuestionnaireResponse"},
		{"cut off", `{"resourceType":"QuestionnaireResponse","item":[{`, "QuestionnaireResponse"},
		{"U+0000", `{"resourceType":"QuestionnaireResponse","status":"completed","item":[{"linkId":"q","answer":[{"valueString":"a\u0000"}]}]}`, "QuestionnaireResponse"},
		{"half a surrogate pair", `{"resourceType":"QuestionnaireResponse","status":"completed","item":[{"linkId":"q","answer":[{"valueString":"\ud800"}]}]}`, "QuestionnaireResponse"},
		{"twice", `{"resourceType":"QuestionnaireResponse","status":"completed","status":"amended"}`, "QuestionnaireResponse"},
	} {
		_, err := ReadResponse([]byte(tc.text))
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		if issues := fault.Of(err).Issues; len(issues) != 1 || issues[0].Path != tc.path {
			t.Errorf("%s: issues %+v, want one at %s", tc.name, issues, tc.path)
		}
	}
}

func TestDecimalsAreNumbers(t *testing.T) {
	if _, err := json.Marshal(Decimal(`"x"`)); err == nil {
		t.Error("a string was written as a decimal")
	}
	var d Decimal
	if err := json.Unmarshal([]byte(`"1"`), &d); err == nil {
		t.Error("a string was read as a decimal")
	}
}

func FuzzReadResponse(f *testing.F) {
	f.Add(`{"resourceType":"QuestionnaireResponse","status":"completed","item":[{"linkId":"q","answer":[{"valueString":"a"}]}]}`)
	f.Add(strings.Repeat(`{"item":[`, 100))
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ReadResponse([]byte(text))
		if err != nil {
			return
		}
		out, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ReadResponse(out)
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if same, _ := json.Marshal(again); string(same) != string(out) {
			t.Errorf("%s\n%s", out, same)
		}
	})
}
