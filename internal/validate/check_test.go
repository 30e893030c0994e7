package validate_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/internal/validate"
)

var (
	once     = aom.Multiplicity{Min: 1, Max: 1}
	optional = aom.Multiplicity{Min: 0, Max: 1}
	many     = aom.Multiplicity{Min: 0, Max: aom.Unbounded}
	some     = aom.Multiplicity{Min: 1, Max: aom.Unbounded}
)

func object(class, code string, occurrences aom.Multiplicity, attrs ...*aom.Attribute) *aom.ComplexObject {
	return &aom.ComplexObject{ObjectBase: aom.ObjectBase{TypeName: class, NodeID: code, Occurrences: occurrences}, Attributes: attrs}
}

func single(name string, existence aom.Multiplicity, children ...aom.Object) *aom.Attribute {
	return &aom.Attribute{Name: name, Existence: existence, Children: children}
}

func multiple(name string, cardinality aom.Multiplicity, children ...aom.Object) *aom.Attribute {
	return &aom.Attribute{Name: name, Existence: once, Multiple: true, Cardinality: aom.Cardinality{Interval: cardinality}, Children: children}
}

func primitive(item aom.Primitive) *aom.PrimitiveObject {
	return &aom.PrimitiveObject{ObjectBase: aom.ObjectBase{TypeName: "STRING", Occurrences: once}, Item: item}
}

func named(name string) *aom.Attribute {
	return single("name", once, object("DV_TEXT", "", once, single("value", once, primitive(&aom.String{List: []string{name}}))))
}

func limits(lower, upper string) *aom.Interval {
	return &aom.Interval{Lower: lower, Upper: upper, LowerIncluded: true, UpperIncluded: true}
}

func localCodes(codes ...string) *aom.ComplexObject {
	return object("DV_CODED_TEXT", "", once, single("defining_code", once,
		&aom.CodePhrase{ObjectBase: aom.ObjectBase{TypeName: "CODE_PHRASE", Occurrences: once}, Terminology: "local", Codes: codes}))
}

func terms(pairs ...string) []aom.Term {
	var out []aom.Term
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, aom.Term{Code: pairs[i], Items: []aom.KeyValue{{Key: "text", Value: pairs[i+1]}}})
	}
	return out
}

// visit is a template with one of each: alternatives, clones, codes, ordinals, a
// slot, and bounds on all of them.
func visit(t testing.TB) *template.Compiled {
	t.Helper()
	tree := object("ITEM_TREE", "at0003", once, multiple("items", some,
		object("ELEMENT", "at0004", once, single("value", once,
			&aom.Quantity{ObjectBase: aom.ObjectBase{TypeName: "DV_QUANTITY", Occurrences: once}, Items: []aom.QuantityItem{
				{Units: "Cel", Magnitude: limits("30", "45"), Precision: limits("0", "1")},
				{Units: "[degF]", Magnitude: limits("86", "113")},
			}},
			object("DV_TEXT", "", once, single("value", once, primitive(&aom.String{Pattern: "not .*", HasPattern: true}))))),
		object("ELEMENT", "at0005", optional, single("value", once, localCodes("at0010", "at0011"))),
		object("ELEMENT", "at0006", optional, named("Left"), single("value", once, object("DV_COUNT", "", once, single("magnitude", once, primitive(&aom.Integer{Range: limits("0", "5")}))))),
		object("ELEMENT", "at0006", optional, named("Right"), single("value", once, object("DV_COUNT", "", once, single("magnitude", once, primitive(&aom.Integer{List: []string{"6", "7"}}))))),
		object("ELEMENT", "at0007", optional, single("value", once, &aom.Ordinal{ObjectBase: aom.ObjectBase{TypeName: "DV_ORDINAL", Occurrences: once},
			Items: []aom.OrdinalItem{{Value: "0", Symbol: aom.Code{Terminology: "local", Code: "at0020"}}, {Value: "1", Symbol: aom.Code{Terminology: "local", Code: "at0021"}}}})),
		object("ELEMENT", "at0008", many, single("value", once, object("DV_DATE_TIME", "", once, single("value", once, primitive(&aom.DateTime{Pattern: "yyyy-mm-ddTHH:??:XX"}))))),
	))
	warmth := &aom.ArchetypeRoot{
		ArchetypeID: "openEHR-EHR-OBSERVATION.warmth.v1",
		Terms:       terms("at0004", "Warmth", "at0005", "Place", "at0010", "Ear", "at0011", "Brow", "at0020", "Calm", "at0021", "Uneasy"),
		ComplexObject: *object("OBSERVATION", "at0000", aom.Multiplicity{Min: 1, Max: 2},
			single("data", once, object("HISTORY", "at0001", once,
				multiple("events", some, object("EVENT", "at0002", aom.Multiplicity{Max: 3}, single("data", once, tree))))),
			single("protocol", aom.Multiplicity{}),
		),
	}
	slot := &aom.Slot{ObjectBase: aom.ObjectBase{TypeName: "EVALUATION", NodeID: "at0009", Occurrences: many}, Includes: []aom.Assertion{{
		Expression: &aom.Expression{Kind: aom.Binary, Operator: aom.OperatorMatches, Left: &aom.Expression{Text: "archetype_id/value"},
			Right: &aom.Expression{Constraint: &aom.String{Pattern: `openEHR-EHR-EVALUATION\.note(-[a-z]+)*\.v1`, HasPattern: true}}},
	}}}
	c, err := template.Compile(&aom.OperationalTemplate{
		TemplateID: "Visit", Language: aom.Code{Code: "en"},
		Definition: &aom.ArchetypeRoot{
			ArchetypeID:   "openEHR-EHR-COMPOSITION.visit.v1",
			ComplexObject: *object("COMPOSITION", "at0000", once, multiple("content", aom.Multiplicity{Min: 1, Max: 3}, warmth, slot)),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// visitDocument is valid against visit.
const visitDocument = `{"_type": "COMPOSITION", "name": {"value": "Visit"}, "archetype_node_id": "openEHR-EHR-COMPOSITION.visit.v1",
 "archetype_details": {"archetype_id": {"value": "openEHR-EHR-COMPOSITION.visit.v1"}, "template_id": {"value": "Visit"}, "rm_version": "1.1.0"},
 "language": {"terminology_id": {"value": "ISO_639-1"}, "code_string": "en"}, "territory": {"terminology_id": {"value": "ISO_3166-1"}, "code_string": "GB"},
 "category": {"value": "event", "defining_code": {"terminology_id": {"value": "openehr"}, "code_string": "433"}},
 "composer": {"_type": "PARTY_IDENTIFIED", "name": "A nurse"},
 "content": [{"_type": "OBSERVATION", "name": {"value": "Warmth"}, "archetype_node_id": "openEHR-EHR-OBSERVATION.warmth.v1",
  "archetype_details": {"archetype_id": {"value": "openEHR-EHR-OBSERVATION.warmth.v1"}, "rm_version": "1.1.0"},
  "language": {"terminology_id": {"value": "ISO_639-1"}, "code_string": "en"}, "encoding": {"terminology_id": {"value": "IANA_character-sets"}, "code_string": "UTF-8"},
  "subject": {"_type": "PARTY_SELF"},
  "data": {"name": {"value": "History"}, "archetype_node_id": "at0001", "origin": {"value": "2026-03-01T10:00:00Z"}, "events": [
   {"_type": "POINT_EVENT", "name": {"value": "Any event"}, "archetype_node_id": "at0002", "time": {"value": "2026-03-01T10:00:00Z"},
    "data": {"_type": "ITEM_TREE", "name": {"value": "Tree"}, "archetype_node_id": "at0003", "items": [
     {"_type": "ELEMENT", "name": {"value": "Warmth"}, "archetype_node_id": "at0004", "value": {"_type": "DV_QUANTITY", "magnitude": 37.50, "units": "Cel"}},
     {"_type": "ELEMENT", "name": {"value": "Place"}, "archetype_node_id": "at0005", "value": {"_type": "DV_CODED_TEXT", "value": "Ear", "defining_code": {"terminology_id": {"value": "local"}, "code_string": "at0010"}}},
     {"_type": "ELEMENT", "name": {"value": "Left"}, "archetype_node_id": "at0006", "value": {"_type": "DV_COUNT", "magnitude": 5}},
     {"_type": "ELEMENT", "name": {"value": "Right"}, "archetype_node_id": "at0006", "value": {"_type": "DV_COUNT", "magnitude": 6}},
     {"_type": "ELEMENT", "name": {"value": "Mood"}, "archetype_node_id": "at0007", "value": {"_type": "DV_ORDINAL", "value": 1, "symbol": {"value": "Uneasy", "defining_code": {"terminology_id": {"value": "local"}, "code_string": "at0021"}}}},
     {"_type": "ELEMENT", "name": {"value": "Since"}, "archetype_node_id": "at0008", "value": {"_type": "DV_DATE_TIME", "value": "2026-03-01T10:30"}}
    ]}}]}}]}`

func parse(t testing.TB, text []byte) *rm.Tree {
	t.Helper()
	tree, err := canon.ReadJSON(text, rminfo.COMPOSITION, canon.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

const (
	obs   = "/content/0"
	items = obs + "/data/events/0/data/items"
	tree  = "/content[openEHR-EHR-OBSERVATION.warmth.v1]/data[at0001]/events[at0002]/data[at0003]"
)

func TestEachFaultIsNamedAtItsPlace(t *testing.T) {
	tpl := visit(t)
	for _, tc := range []struct {
		name, patch string
		// want are rule and path of each issue that refuses, in order.
		want []string
	}{
		{"valid", `[]`, nil},
		{"fahrenheit", `[{"op":"replace","path":"` + items + `/0/value/units","value":"[degF]"},{"op":"replace","path":"` + items + `/0/value/magnitude","value":99.123}]`, nil},
		{"other alternative", `[{"op":"replace","path":"` + items + `/0/value","value":{"_type":"DV_TEXT","value":"not measured"}}]`, nil},
		{"subtype of an alternative", `[{"op":"replace","path":"` + items + `/0/value","value":{"_type":"DV_CODED_TEXT","value":"not done","defining_code":{"terminology_id":{"value":"local"},"code_string":"at0099"}}}]`, nil},
		{"specialised code of a value", `[{"op":"replace","path":"` + items + `/1/value/defining_code/code_string","value":"at0010.1"}]`, nil},
		{"specialised node", `[{"op":"replace","path":"` + items + `/1/archetype_node_id","value":"at0005.1"}]`, nil},
		{"null flavour instead of a value", `[{"op":"remove","path":"` + items + `/0/value"},{"op":"add","path":"` + items + `/0/null_flavour","value":{"value":"unknown","defining_code":{"terminology_id":{"value":"openehr"},"code_string":"253"}}}]`, nil},
		{"interval event for EVENT", `[{"op":"replace","path":"` + obs + `/data/events/0/_type","value":"INTERVAL_EVENT"},{"op":"add","path":"` + obs + `/data/events/0/width","value":{"value":"PT5M"}},{"op":"add","path":"` + obs + `/data/events/0/math_function","value":{"value":"mean","defining_code":{"terminology_id":{"value":"openehr"},"code_string":"146"}}}]`, nil},

		{"magnitude out of range", `[{"op":"replace","path":"` + items + `/0/value/magnitude","value":45.1}]`, []string{"value-range " + tree + "/items[at0004]/value/magnitude"}},
		{"unknown units", `[{"op":"replace","path":"` + items + `/0/value/units","value":"K"}]`, []string{"value-units " + tree + "/items[at0004]/value/units"}},
		{"too precise", `[{"op":"replace","path":"` + items + `/0/value/magnitude","value":37.55}]`, []string{"value-precision " + tree + "/items[at0004]/value/magnitude"}},
		{"no alternative", `[{"op":"replace","path":"` + items + `/0/value","value":{"_type":"DV_COUNT","magnitude":3}}]`, []string{"template-value-type " + tree + "/items[at0004]/value"}},
		{"nearest alternative", `[{"op":"replace","path":"` + items + `/0/value","value":{"_type":"DV_TEXT","value":"warm"}}]`, []string{"value-pattern " + tree + "/items[at0004]/value/value"}},
		{"code", `[{"op":"replace","path":"` + items + `/1/value/defining_code/code_string","value":"at0012"}]`, []string{"value-code " + tree + "/items[at0005]/value/defining_code"}},
		{"terminology", `[{"op":"replace","path":"` + items + `/1/value/defining_code/terminology_id/value","value":"SNOMED-CT"}]`, []string{"value-terminology " + tree + "/items[at0005]/value/defining_code"}},
		{"range of the first clone", `[{"op":"replace","path":"` + items + `/2/value/magnitude","value":6}]`, []string{"value-range " + tree + "/items[at0006, 1]/value/magnitude"}},
		{"list of the second clone", `[{"op":"replace","path":"` + items + `/3/value/magnitude","value":5}]`, []string{"value-list " + tree + "/items[at0006, 2]/value/magnitude"}},
		{"clone of no name", `[{"op":"replace","path":"` + items + `/3/name/value","value":"Middle"}]`, []string{"value-list " + tree + "/items[at0006, 2]/name/value"}},
		{"ordinal value", `[{"op":"replace","path":"` + items + `/4/value/value","value":0}]`, []string{"value-ordinal " + tree + "/items[at0007]/value"}},
		{"ordinal text", `[{"op":"replace","path":"` + items + `/4/value/symbol/value","value":"Calm"}]`, []string{"value-ordinal-text " + tree + "/items[at0007]/value/symbol/value"}},
		{"date too precise", `[{"op":"replace","path":"` + items + `/5/value/value","value":"2026-03-01T10:30:00"}]`, []string{"value-fields " + tree + "/items[at0008]/value/value"}},
		{"date too vague", `[{"op":"replace","path":"` + items + `/5/value/value","value":"2026-03-01"}]`, []string{"value-fields " + tree + "/items[at0008]/value/value"}},
		{"no date", `[{"op":"replace","path":"` + items + `/5/value/value","value":"2026-13-01"}]`, []string{"lexical-date-time " + tree + "/items[at0008]/value/value"}},
		{"both value and null flavour", `[{"op":"add","path":"` + items + `/0/null_flavour","value":{"value":"unknown","defining_code":{"terminology_id":{"value":"openehr"},"code_string":"253"}}}]`, []string{"invariant-ELEMENT.Inv_null_flavour_indicated " + tree + "/items[at0004]/null_flavour"}},
		{"unknown null flavour", `[{"op":"remove","path":"` + items + `/0/value"},{"op":"add","path":"` + items + `/0/null_flavour","value":{"value":"x","defining_code":{"terminology_id":{"value":"openehr"},"code_string":"433"}}}]`, []string{"terminology-null_flavours " + tree + "/items[at0004]/null_flavour/defining_code"}},

		{"element missing", `[{"op":"remove","path":"` + items + `/0"}]`, []string{"template-occurrences " + tree + "/items[at0004]"}},
		{"element twice", `[{"op":"add","path":"` + items + `/2","value":{"_type":"ELEMENT","name":{"value":"Place"},"archetype_node_id":"at0005","value":{"_type":"DV_CODED_TEXT","value":"Brow","defining_code":{"terminology_id":{"value":"local"},"code_string":"at0011"}}}}]`, []string{"template-occurrences " + tree + "/items[at0005]"}},
		{"unknown node", `[{"op":"replace","path":"` + items + `/1/archetype_node_id","value":"at0055"}]`, []string{"template-node " + tree + "/items[at0055]"}},
		{"wrong structure", `[{"op":"replace","path":"` + obs + `/data/events/0/data/_type","value":"ITEM_LIST"}]`, []string{"template-type " + tree}},
		{"wrong structure code", `[{"op":"replace","path":"` + obs + `/data/events/0/data/archetype_node_id","value":"at0033"}]`, []string{"template-node /content[openEHR-EHR-OBSERVATION.warmth.v1]/data[at0001]/events[at0002]/data[at0033]"}},
		{"removed attribute", `[{"op":"add","path":"` + obs + `/protocol","value":{"_type":"ITEM_TREE","name":{"value":"x"},"archetype_node_id":"at0030"}}]`, []string{"template-existence /content[openEHR-EHR-OBSERVATION.warmth.v1]/protocol[at0030]"}},
		{"content missing", `[{"op":"remove","path":"/content"}]`, []string{"template-cardinality /content", "template-occurrences /content[openEHR-EHR-OBSERVATION.warmth.v1]"}},
		{"archetype not in the template", `[{"op":"replace","path":"` + obs + `/archetype_node_id","value":"openEHR-EHR-OBSERVATION.cold.v1"},{"op":"remove","path":"` + obs + `/archetype_details"}]`, []string{"template-occurrences /content[openEHR-EHR-OBSERVATION.warmth.v1]", "template-archetype /content[openEHR-EHR-OBSERVATION.cold.v1]"}},
		{"another template", `[{"op":"replace","path":"/archetype_details/template_id/value","value":"Other"}]`, []string{"template-id /"}},
		{"another root", `[{"op":"replace","path":"/archetype_node_id","value":"openEHR-EHR-COMPOSITION.other.v1"},{"op":"remove","path":"/archetype_details"}]`, []string{"template-archetype /"}},

		{"category", `[{"op":"replace","path":"/category/defining_code/code_string","value":"999"}]`, []string{"terminology-composition_category /category/defining_code"}},
		{"territory", `[{"op":"replace","path":"/territory/code_string","value":"QQ"}]`, []string{"terminology-countries /territory"}},
		{"composer of nothing", `[{"op":"remove","path":"/composer/name"}]`, []string{"invariant-PARTY_IDENTIFIED.Basic_validity /composer"}},
		{"composer missing", `[{"op":"remove","path":"/composer"}]`, []string{"rm-existence /composer"}},
		{"details of another archetype", `[{"op":"replace","path":"` + obs + `/archetype_details/archetype_id/value","value":"openEHR-EHR-OBSERVATION.cold.v1"}]`, []string{"invariant-LOCATABLE.Archetyped_valid /content[openEHR-EHR-OBSERVATION.warmth.v1]/archetype_details/archetype_id/value"}},
		{"three faults", `[{"op":"remove","path":"/composer"},{"op":"replace","path":"` + items + `/0/value/magnitude","value":99},{"op":"replace","path":"` + items + `/5/value/value","value":"soon"}]`,
			[]string{"rm-existence /composer", "value-range " + tree + "/items[at0004]/value/magnitude", "lexical-date-time " + tree + "/items[at0008]/value/value"}},
	} {
		var steps []patchStep
		if err := json.Unmarshal([]byte(tc.patch), &steps); err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		document := encode(t, applyPatch(t, decode(t, []byte(visitDocument)), steps))
		issues := validate.Check(parse(t, document), tpl, validate.Options{})
		var got []string
		for _, issue := range issues {
			if !issue.Warning {
				got = append(got, issue.Rule+" "+issue.Path)
			}
			if issue.Message == "" || issue.AQLPath == "" || issue.Archetype == "" {
				t.Errorf("%s: an issue says too little: %+v", tc.name, issue)
			}
		}
		if strings.Join(got, "\n") != strings.Join(tc.want, "\n") {
			t.Errorf("%s:\ngot  %s\nwant %s", tc.name, strings.Join(got, "\n     "), strings.Join(tc.want, "\n     "))
		}
		if validate.Refused(issues) != (len(tc.want) > 0) {
			t.Errorf("%s: refused is %v", tc.name, validate.Refused(issues))
		}
	}
}

func TestSlotsTakeWhatTheyAdmit(t *testing.T) {
	tpl := visit(t)
	entry := `{"_type":"EVALUATION","name":{"value":"Note"},"archetype_node_id":"ID","archetype_details":{"archetype_id":{"value":"ID"},"rm_version":"1.1.0"},
	 "language":{"terminology_id":{"value":"ISO_639-1"},"code_string":"en"},"encoding":{"terminology_id":{"value":"IANA_character-sets"},"code_string":"UTF-8"},
	 "subject":{"_type":"PARTY_SELF"},"data":{"_type":"ITEM_TREE","name":{"value":"x"},"archetype_node_id":"at0001","items":[{"_type":"ELEMENT","name":{"value":"free"},"archetype_node_id":"at0002","value":{"_type":"DV_TEXT","value":"x"}}]}}`
	for id, refused := range map[string]bool{
		"openEHR-EHR-EVALUATION.note.v1": false, "openEHR-EHR-EVALUATION.note-long.v1": false, "openEHR-EHR-EVALUATION.other.v1": true,
	} {
		patch := []patchStep{{Op: "add", Path: "/content/1", Value: json.RawMessage(strings.ReplaceAll(entry, "ID", id))}}
		document := encode(t, applyPatch(t, decode(t, []byte(visitDocument)), patch))
		if issues := validate.Check(parse(t, document), tpl, validate.Options{}); validate.Refused(issues) != refused {
			t.Errorf("%s: %s", id, brief(issues))
		}
	}
}

func TestIncompleteRelaxesLowerBoundsOnly(t *testing.T) {
	tpl := visit(t)
	for _, tc := range []struct {
		patch   string
		refused bool
	}{
		{`[{"op":"remove","path":"/content"}]`, false},
		{`[{"op":"remove","path":"` + items + `/0"}]`, false},
		{`[{"op":"remove","path":"` + items + `/0/value"}]`, false},
		{`[{"op":"remove","path":"` + obs + `/data"}]`, false},
		{`[{"op":"replace","path":"` + items + `/0/value/magnitude","value":99}]`, true},
		{`[{"op":"replace","path":"` + items + `/0/value","value":{"_type":"DV_COUNT","magnitude":3}}]`, true},
		{`[{"op":"remove","path":"/composer"}]`, true},
		{`[{"op":"replace","path":"` + items + `/5/value/value","value":"soon"}]`, true},
	} {
		var steps []patchStep
		if err := json.Unmarshal([]byte(tc.patch), &steps); err != nil {
			t.Fatal(err)
		}
		tree := parse(t, encode(t, applyPatch(t, decode(t, []byte(visitDocument)), steps)))
		if !validate.Refused(validate.Check(tree, tpl, validate.Options{})) {
			t.Errorf("%s passes when complete", tc.patch)
		}
		if issues := validate.Check(tree, tpl, validate.Options{Incomplete: true}); validate.Refused(issues) != tc.refused {
			t.Errorf("%s when incomplete:\n%s", tc.patch, brief(issues))
		}
	}
}

func TestManyFaultsAreBounded(t *testing.T) {
	element := `{"_type":"ELEMENT","name":{"value":""},"archetype_node_id":"at0099"}`
	list := strings.Repeat(element+",", 5000) + element
	document := strings.Replace(visitDocument, `"items": [`, `"items": [`+list+`,`, 1)
	if got := len(validate.Check(parse(t, []byte(document)), visit(t), validate.Options{})); got != validate.MaxIssues {
		t.Errorf("%d issues", got)
	}
}
