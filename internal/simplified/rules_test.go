package simplified_test

import (
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/simplified"
	"github.com/quire-cdr/quire/internal/validate"
)

const head = `{"ctx/language": "en", "ctx/territory": "GB", "ctx/composer_name": "A", "ctx/time": "2021-02-03T04:05:06Z", `

// TestDefaults: what a document leaves out and the specification or the template
// gives.
func TestDefaults(t *testing.T) {
	tpl := everyType(t)
	for _, c := range []struct{ name, sent, key, value string }{
		{"category of the template", `"every_type/reading:0/device": "d"`, "every_type/category|code", `"433"`},
		{"category of the context", `"ctx/category": "event", "every_type/reading:0/device": "d"`, "every_type/category|value", `"event"`},
		{"setting", `"every_type/reading:0/device": "d"`, "every_type/context/setting|code", `"238"`},
		{"start", `"every_type/reading:0/device": "d"`, "every_type/context/start_time", `"2021-02-03T04:05:06Z"`},
		{"language of an entry", `"every_type/reading:0/device": "d"`, "every_type/reading:0/language|code", `"en"`},
		{"encoding", `"every_type/reading:0/device": "d"`, "every_type/reading:0/encoding|code", `"UTF-8"`},
		{"time of an event", eventText, "every_type/reading:0/any_event:0/time2", `"2021-02-03T04:05:06Z"`},
		{"narrative", `"every_type/order:0/request:0/service": "s"`, "every_type/order:0/narrative", `"Human readable instruction narrative"`},
		{"narrative of the context", `"ctx/instruction_narrative": "n", "every_type/order:0/request:0/service": "s"`, "every_type/order:0/narrative", `"n"`},
		{"timing of the context", `"ctx/activity_timing": "R2", "every_type/order:0/request:0/service": "s"`, "every_type/order:0/request:0/timing", `"R2"`},
		{"time of an action", `"ctx/action_time": "2020", "every_type/deed/what": "w"`, "every_type/deed/time", `"2020"`},
		{"state of the context", `"ctx/action_ism_transition_current_state": "completed", "every_type/deed/what": "w"`, "every_type/deed/ism_transition/current_state|code", `"532"`},
		{"state of the step", `"every_type/deed/ism_transition/careflow_step|code": "at0004"`, "every_type/deed/ism_transition/current_state|code", `"526"`},
		{"scheme by its other name", `"ctx/id_schema": "s", "ctx/composer_id": "7", "every_type/reading:0/device": "d"`, "every_type/composer|id_scheme", `"s"`},
		{"facility by its other name", `"ctx/healthcare_facility|name": "W", "every_type/reading:0/device": "d"`, "every_type/context/_health_care_facility|name", `"W"`},
		{"context with an underscore", `"ctx/_end_time": "2022", "every_type/reading:0/device": "d"`, "every_type/context/_end_time", `"2022"`},
		{"fields of a form", `"ctx/generic_fields": {"/label": [], "/text": ["x"]}, "every_type/reading:0/device": "d"`, "every_type/_feeder_audit/original_content", `"{\"/label\":[],\"/text\":[\"x\"]}"`},
		{"system of the form", `"ctx/generic_fields": {}, "every_type/reading:0/device": "d"`, "every_type/_feeder_audit/originating_system_audit|system_id", `"FormRenderer"`},
	} {
		tree, err := tpl.Read([]byte(head+c.sent+"}"), simplified.Flat, now)
		if err != nil {
			t.Errorf("%s: %s", c.name, report(err))
			continue
		}
		text, err := tpl.Write(tree, simplified.Flat)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), `"`+c.key+`":`+c.value) {
			t.Errorf("%s: no %s: %s in %s", c.name, c.key, c.value, text)
		}
		if diff := through(t, tpl, tree); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

const eventText = `"every_type/reading:0/any_event:0/text": "x"`

// TestFaults: each with its key, its AQL path and what was expected.
func TestFaults(t *testing.T) {
	tpl := everyType(t)
	const at = "every_type/reading:0/any_event:0/"
	for _, c := range []struct {
		sent, key, rule, expected string
		kind                      fault.Kind
	}{
		{`"every_type/raeding:0/device": "d"`, "every_type/raeding:0/device", "key-unknown", "every_type/reading:0/device", fault.Unprocessable},
		{`"` + at + `two_units|magnitud": 1`, at + "two_units|magnitud", "suffix-unknown", "two_units|magnitude", fault.Unprocessable},
		{`"` + at + `text:1": "x"`, at + "text:1", "index", "index 0", fault.Unprocessable},
		{`"` + at + `count": "x"`, at + "count", "type", "a whole number", fault.Unprocessable},
		{`"` + at + `count": 1.5`, at + "count", "type", "a whole number", fault.Unprocessable},
		{`"` + at + `boolean": "yes"`, at + "boolean", "type", "true or false", fault.Unprocessable},
		{`"` + at + `coded|code": "at0099"`, at + "coded|code", "code", "at0030 (Red)", fault.Unprocessable},
		{`"` + at + `coded|other": "x"`, at + "coded|other", "other-closed", "one of the template's codes", fault.Unprocessable},
		{`"` + at + `coded_or_text|other": "x", "` + at + `coded_or_text|code": "at0030"`, at + "coded_or_text|other", "other-alone", "|other without", fault.Invalid},
		{`"` + at + `two_units|magnitude": 1`, at + "two_units|unit", "missing", "mm[Hg], kPa", fault.Unprocessable},
		{`"` + at + `ordinal|ordinal": 7`, at + "ordinal", "code", "at0040 (0)", fault.Unprocessable},
		{`"` + at + `text": "x", "` + at + `text|value": "y"`, at + "text|value", "key-duplicate", "one value", fault.Invalid},
		{`"` + at + `text": "x", "` + at + `text|raw": {"_type": "DV_TEXT", "value": "x"}`, at + "text|raw", "raw-alone", "no key beside it", fault.Invalid},
		{`"` + at + `text|raw": {"value": "x"}`, at + "text|raw", "raw-type", "_type", fault.Unprocessable},
		{`"` + at + `proportion|numerator": 1, "` + at + `proportion|denominator": 2, "` + at + `proportion": 3`, at + "proportion", "proportion-quotient", "quotient", fault.Invalid},
		{`"` + at + `text|raw": {"_type": "DV_TXT", "value": "x"}`, at + "text|raw", "class-not-allowed", "DV_TEXT", fault.Unprocessable},
		{`"` + at + `choice/text_value": "x", "` + at + `choice/boolean_value": true`, at + "choice/boolean_value", "key-duplicate", "one of " + at + "choice/text_value", fault.Invalid},
		{`"` + at + `choice/text_value|raw": {"_type": "DV_TEXT", "value": "x"}, "` + at + `choice/boolean_value": true`, at + "choice/boolean_value", "key-duplicate", "one of", fault.Invalid},
		{`"` + at + `choice": "x"`, at + "choice", "suffix-unknown", at + "choice/text_value", fault.Unprocessable},
		{`"` + at + `multimedia|mediatype": "image/png", "` + at + `multimedia|data": "!!!"`, at + "multimedia|data", "type", "base64", fault.Unprocessable},
		{`"every_type/deed:0/ism_transition/current_state|code": "999"`, "every_type/deed:0/ism_transition/current_state|code", "code", "532 (completed)", fault.Unprocessable},
		{`"every_type/reading:x/any_event:0/text": "x"`, "every_type/reading:x/any_event:0/text", "key-syntax", "name:0", fault.Invalid},
		{`"` + at + `text": "x", "every_type/reading/any_event/text": "y"`, "every_type/reading:0/any_event:0/text", "key-duplicate", "one value", fault.Invalid},
		{`"` + at + `count": ["x"]`, at + "count", "key-value", "a string, number or boolean", fault.Invalid},
		{`"ctx/zzzzzzzzzz": "x", ` + eventText, "ctx/zzzzzzzzzz", "key-unknown", "ctx/language", fault.Unprocessable},
		{`"ctx/id_scheme": "a", "ctx/id_schema": "b", ` + eventText, "ctx/id_schema", "key-duplicate", "ctx/id_scheme", fault.Invalid},
		{`"ctx/generic_fields": "x", ` + eventText, "ctx/generic_fields", "type", "a JSON object", fault.Unprocessable},
		{`"ctx/generic_fields": {}, "every_type/_feeder_audit/original_content": "x", ` + eventText, "ctx/generic_fields", "key-duplicate", "one original content", fault.Invalid},
	} {
		_, err := tpl.Read([]byte(head+c.sent+"}"), simplified.Flat, now)
		found := false
		for _, i := range fault.Of(err).Issues {
			found = found || i.FlatKey == c.key && i.Rule == c.rule && strings.Contains(i.Expected, c.expected)
			if !strings.HasPrefix(i.AQLPath, "/") {
				t.Errorf("%s: the AQL path is %q", c.sent, i.AQLPath)
			}
		}
		if err == nil || !found || fault.Of(err).Kind != c.kind {
			t.Errorf("%s: %v", c.sent, err)
			if err != nil {
				t.Log(report(err))
			}
		}
	}
}

// TestPlaces: a fault of a key that could not be read has the path of the deepest
// node it names, and one of the context the path that its key fills.
func TestPlaces(t *testing.T) {
	tpl := everyType(t)
	for key, want := range map[string]string{
		"every_type/reading/any_event/text:-1": "/content[openEHR-EHR-OBSERVATION.every_type.v1]/data[at0001]/events[at0002]/data[at0003]/items[at0017]/value",
		"every_type/reading:x/nothing":         "/content[openEHR-EHR-OBSERVATION.every_type.v1]",
		"every_type:x/nothing":                 "/", "nothing:x": "/", "ctx/setting:x": "/context/setting", "ctx/_end_time:x": "/context/end_time",
		"ctx/composer_name:x": "/composer", "ctx/provider_name:x": "/",
	} {
		_, err := tpl.Read([]byte(`{"`+key+`": 1}`), simplified.Flat, now)
		if issues := fault.Of(err).Issues; len(issues) != 1 || issues[0].AQLPath != want {
			t.Errorf("%s: %+v", key, issues)
		}
	}
}

// TestAllAtOnce: every fault of a document is reported, those of the validator
// with their keys too.
func TestAllAtOnce(t *testing.T) {
	tpl := everyType(t)
	const values = `"every_type/reading:0/any_event:0/two_units|magnitude": 5000, "every_type/reading:0/any_event:0/two_units|unit": "kPa", "every_type/reading:0/any_event:0/date": "2021-02-33", `
	_, mixed := tpl.Read([]byte(head+values+`"every_type/reading:0/any_event:0/coded|code": "at0099", "every_type/b": 2}`), simplified.Flat, now)
	told := map[string]int{}
	for _, i := range fault.Of(mixed).Issues {
		told[i.FlatKey+" "+i.Rule]++
	}
	if want := map[string]int{
		"every_type/b key-unknown": 1, "every_type/reading:0/any_event:0/coded|code code": 1,
		"every_type/reading:0/any_event:0/two_units|magnitude value-range": 1, "every_type/reading:0/any_event:0/date lexical-date": 1,
	}; !maps.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
	_, err := tpl.Read([]byte(head+`"every_type/a": 1, "every_type/b": 2, "every_type/reading:0/any_event:0/count": "x"}`), simplified.Flat, now)
	if n := len(fault.Of(err).Issues); n != 3 {
		t.Errorf("%d issues: %v", n, err)
	}
	tree, err := tpl.Read([]byte(head+`"every_type/reading:0/any_event:0/two_units|magnitude": 5000, "every_type/reading:0/any_event:0/two_units|unit": "kPa", "every_type/reading:0/any_event:0/date": "2021-02-33"}`), simplified.Flat, now)
	if err != nil {
		t.Fatal(report(err))
	}
	issues := validate.Check(tree, tpl.Web.Template, validate.Options{})
	tpl.Explain(tree, issues)
	keys := ""
	for _, i := range issues {
		keys += i.FlatKey + " "
	}
	for _, want := range [...]string{"every_type/reading:0/any_event:0/two_units|magnitude", "every_type/reading:0/any_event:0/date"} {
		if !strings.Contains(keys, want) {
			t.Errorf("no %s in %s", want, keys)
		}
	}
}

// TestManyUnknownKeys: looking for what was meant is bounded, whatever is sent.
func TestManyUnknownKeys(t *testing.T) {
	tpl := everyType(t)
	var b strings.Builder
	b.WriteString(`{"ctx/language": "en"`)
	for i := range 500 {
		b.WriteString(`, "every_type/` + strings.Repeat("long", 20) + strconv.Itoa(i) + `/` + strings.Repeat("x", 10*i) + `a": 1`)
	}
	began := time.Now()
	_, err := tpl.Read([]byte(b.String()+"}"), simplified.Flat, now)
	if n := len(fault.Of(err).Issues); n < 500 {
		t.Errorf("%d issues", n)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %s", took)
	}
}

// TestManyItems: a long list takes time in proportion.
func TestManyItems(t *testing.T) {
	tpl := everyType(t)
	const count = 20_000
	var b strings.Builder
	b.WriteString(strings.TrimSuffix(head, ", "))
	for i := range count {
		b.WriteString(`, "every_type/reading:0/any_event:0/group:` + strconv.Itoa(count-1-i) + `/leaf:0": "x"`)
	}
	began := time.Now()
	tree, err := tpl.Read([]byte(b.String()+"}"), simplified.Flat, now)
	if err != nil {
		t.Fatal(report(err))
	}
	for _, f := range [...]simplified.Format{simplified.Flat, simplified.Structured} {
		if _, err := tpl.Write(tree, f); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %s", took)
	}
}
