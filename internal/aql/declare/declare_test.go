package declare_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/aql/declare"
	"github.com/quire-cdr/quire/internal/fault"
)

func of(text string) ([]declare.Parameter, error) {
	q, err := aql.Parse(text)
	if err != nil {
		return nil, err
	}
	return declare.Of(q, text)
}

const from = " FROM EHR e CONTAINS COMPOSITION c CONTAINS OBSERVATION o CONTAINS ELEMENT l"

func TestTypesByUse(t *testing.T) {
	for condition, want := range map[string]string{
		"l/value/magnitude > $x": "number",
		"l/value/units = $x":     "text",
		"l/value/precision = $x": "integer",
		"l/value > $x":           "ordered",
		"l/value = $x":           "any",
		"l/value/value = $x":     "any",
		"l/value/defining_code/code_string matches {$x, $y}":                                     "list of text, list of text",
		"l/value/defining_code/code_string matches {$x} AND l/value/magnitude > $y":              "list of text, number",
		"l/value/magnitude matches {$x} AND l/value/magnitude > $x":                              "number",
		"c/context/start_time/value >= $x":                                                       "date_time",
		"c/context/start_time >= $x":                                                             "date_time",
		"c/name/value LIKE $x":                                                                   "text",
		"c/name/value = $x AND l/value/magnitude = $x":                                           "any",
		"o/data[$x]/events/width/value < $y":                                                     "text, duration",
		"LENGTH(c/name/value) > $x":                                                              "number",
		"l/value/magnitude + $x > 3":                                                             "number",
		"e/ehr_id/value = $x AND e/time_created/value > $y":                                      "text, date_time",
		"l/value[magnitude > $x and units = $y]/units = 'mm[Hg]'":                                "number, text",
		"o/data/events[at0006 and time/value > $x]/data/items[at0001, $y]/value/magnitude = 1":   "date_time, text",
		"o/data/events/data/items[at0001 and name/value = $y]/value/numerator != $x":             "text, number",
		"NOT (EXISTS l/value AND (l/value/magnitude = $x OR e/ehr_status/is_queryable = $flag))": "number, boolean",
	} {
		got := []string{}
		parameters, err := of("SELECT c" + from + " WHERE " + condition)
		for _, p := range parameters {
			if text := string(p.Type); p.List {
				got = append(got, "list of "+text)
			} else {
				got = append(got, text)
			}
			if !p.Required || p.Declared {
				t.Errorf("%s: %+v", condition, p)
			}
		}
		if err != nil || strings.Join(got, ", ") != want {
			t.Errorf("%s: %s, want %s; %v", condition, strings.Join(got, ", "), want, err)
		}
	}
	parameters, err := of("SELECT c FROM EHR e[ehr_id/value=$ehr] CONTAINS COMPOSITION c[$archetype] WHERE c/context/start_time > $from AND c/context/start_time < $from")
	if got, err2 := json.Marshal(parameters); err != nil || err2 != nil || string(got) != `[{"name":"ehr","type":"text","list":false,"required":true,"declared":false},`+
		`{"name":"archetype","type":"text","list":false,"required":true,"declared":false},`+
		`{"name":"from","type":"date_time","list":false,"required":true,"declared":false,"paths":["c/context/start_time"]}]` {
		t.Errorf("%s, %v", got, err)
	}
}

func TestDeclarations(t *testing.T) {
	const query = "SELECT c" + from + " WHERE l/value/magnitude > $min AND l/value/value = $day AND l/value/units matches {$units}\n"
	parameters, err := of(query + "-- @param $min integer = 140 : lowest value: in mm[Hg]\r\n   -- @param day date optional\n-- @param $units list of text = {'mm[Hg]', 'k\\'Pa'}:  units")
	if err != nil {
		t.Fatal(err)
	}
	got := []string{}
	for _, p := range parameters {
		got = append(got, fmt.Sprintf("%s %s %t %t %v %q %t", p.Name, p.Type, p.List, p.Required, p.Default, p.Description, p.Declared))
	}
	want := []string{`min integer false false 140 "lowest value: in mm[Hg]" true`, `day date false false <nil> "" true`, `units text true false [mm[Hg] k'Pa] "units" true`}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for declaration, place := range map[string]string{
		"-- @param":                                     "column 4: a parameter is declared another way",
		"-- @param $min numeric":                        "the type of $min is none: expected any, text, number, integer, boolean, date, time, date_time, duration, found numeric",
		"-- @param $min number = abc":                   "the default of $min is not of its type: expected a number, found abc",
		"-- @param $min number = 1 optional":            "another way",
		"-- @param $max number":                         "$max is declared and does not stand in the query",
		"-- @param $min number\n-- @param $min number":  "line 3, column 4: $min is declared twice",
		"-- @param $min list of number":                 "a list only in MATCHES {$min}",
		"-- @param $day date = '2020-13-01'":            "not of its type",
		"-- @param $day date = {'2020-12-01'}":          "is a list",
		"-- @param $units list of text = {'mm[Hg]', 1}": "not of its type",
	} {
		_, err := of(query + declaration)
		var at *aql.Error
		f := fault.Of(err)
		if err == nil || f.Kind != fault.Invalid || f.Code != "query-declaration" || !strings.Contains(f.Message, place) || !errors.As(err, &at) || at.Line < 2 || at.Column != 4 || len(f.Issues) != 1 {
			t.Errorf("%s: %v", declaration, err)
		}
	}
	parameters, err = of(query + "-- @param $min text\n-- @param $day date\n-- not @param $units number")
	if doubts := declare.Doubts(parameters); err != nil || len(doubts) != 1 || doubts[0].Path != "$min" || !doubts[0].Warning {
		t.Errorf("%+v, %v", doubts, err)
	}
}

func TestBind(t *testing.T) {
	parameters, err := of("SELECT c" + from + " WHERE l/value/magnitude > $n AND l/value/precision = $i AND l/value/units matches {$list} AND c/name/value = $t AND " +
		"c/context/start_time > $d AND e/ehr_status/is_queryable = $b AND l/value > $o AND l/value = $any\n-- @param $i integer = 2\n-- @param $b boolean optional\n-- @param $any any = 'x'")
	if err != nil {
		t.Fatal(err)
	}
	whole := map[string]any{"n": "1", "list": "a", "t": "x", "d": "2020-01-01T10:00:00Z", "o": "x"}
	given := func(name string, value any) map[string]any {
		out := map[string]any{name: value}
		for k, v := range whole {
			if k != name {
				out[k] = v
			}
		}
		return out
	}
	for _, c := range []struct {
		name       string
		value, out any
		expected   string
	}{
		{"n", "130", json.Number("130"), ""}, {"n", "-0.50", json.Number("-0.50"), ""}, {"n", "+1e3", json.Number("1e3"), ""}, {"n", "007", json.Number("7"), ""},
		{"n", json.Number("2.5"), json.Number("2.5"), ""}, {"n", 2.5, json.Number("2.5"), ""}, {"n", nil, nil, ""},
		{"n", "abc", nil, "a number"}, {"n", "", nil, "a number"}, {"n", true, nil, "a number"}, {"n", []any{"1"}, nil, "a number"}, {"n", "1 or 1=1", nil, "a number"},
		{"i", "3", json.Number("3"), ""}, {"i", "3.0", nil, "a whole number"},
		{"t", "130", "130", ""}, {"t", json.Number("130"), nil, "a text"},
		{"b", "true", true, ""}, {"b", false, false, ""}, {"b", "yes", nil, "true or false"},
		{"d", "2020", "2020", ""}, {"d", "2020-02-30", nil, "a date and time, such as 2026-01-31T13:45:00Z"}, {"d", "today", nil, "a date and time, such as 2026-01-31T13:45:00Z"},
		{"o", "130", json.Number("130"), ""}, {"o", "P1D", "P1D", ""}, {"o", true, nil, "a number, date or time"},
		{"any", "130", "130", ""}, {"any", json.Number("130"), json.Number("130"), ""},
		{"list", []any{"a", "b"}, []any{"a", "b"}, ""}, {"list", "a", "a", ""}, {"list", []any{"a", json.Number("1")}, nil, "a list, each a text"},
	} {
		bound, unknown, err := declare.Bind(parameters, given(c.name, c.value))
		if c.expected != "" {
			if f := fault.Of(err); err == nil || f.Code != "query-parameter" || f.Kind != fault.Invalid || f.Message != "the parameter $"+c.name+" must be "+c.expected || f.Issues[0].Expected != c.expected {
				t.Errorf("%s %v: %v", c.name, c.value, err)
			}
			continue
		}
		if err != nil || len(unknown) > 0 || !reflect.DeepEqual(bound[c.name], c.out) || len(bound) != len(parameters) {
			t.Errorf("%s %v: %#v, %v, %v", c.name, c.value, bound[c.name], unknown, err)
		}
	}
	bound, unknown, err := declare.Bind(parameters, given("zz", "1"))
	if err != nil || !reflect.DeepEqual(unknown, []string{"zz"}) || bound["i"] != json.Number("2") || bound["b"] != nil || bound["any"] != "x" {
		t.Errorf("%v, %v, %v", bound, unknown, err)
	}
	_, _, err = declare.Bind(parameters, map[string]any{"n": "1", "t": "x", "o": "1"})
	if f := fault.Of(err); f.Code != "aql-parameter" || !strings.Contains(f.Message, "$list, $d has no value") || len(f.Issues) != 2 {
		t.Errorf("%v", err)
	}
}

func FuzzDeclarations(f *testing.F) {
	for _, seed := range []string{"-- @param $min integer = 140 : lowest", "-- @param x list of text = {'a', \"b\"}", "-- @param x date optional\r\n", "-- @param $x any = null", "--\t@param $x text='\\''"} {
		f.Add(seed, "140")
	}
	f.Fuzz(func(t *testing.T, comment, value string) {
		parameters, err := of("SELECT l" + from + " WHERE l/value matches {$x} AND l/value/magnitude = $min\n" + comment)
		if err != nil {
			if fault.Of(err).Kind != fault.Invalid {
				t.Fatal(err)
			}
			return
		}
		given := map[string]any{}
		for _, p := range parameters {
			given[p.Name] = value
		}
		bound, _, err := declare.Bind(parameters, given)
		if err == nil && len(bound) != len(parameters) {
			t.Fatalf("%v of %v", bound, parameters)
		}
	})
}
