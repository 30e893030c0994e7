package conformance

import (
	"encoding/json"
	"strings"
	"testing"
)

// construct is one construct of AQL in a query about one record, and the rows
// that answer it: "" where there is to be any row, else their JSON. Where code
// is set the query is refused with it.
type construct struct {
	does, query, rows, code string
}

const pressure = `OBSERVATION o[openEHR-EHR-OBSERVATION.blood_pressure.v2]`

// language is each construct of AQL 1.1 once: what runs, and what is refused.
var language = []construct{
	{"a path", `SELECT o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude FROM ` + pressure, `[[128.0]]`, ""},
	{"a path without node ids", `SELECT o/data/events/data/items/value/magnitude FROM ` + pressure, `[[128.0],[76.0]]`, ""},
	{"a whole object", `SELECT l/value FROM ELEMENT l[at0005, 'Diastolic']`, `[[{"_type":"DV_QUANTITY","magnitude":76,"precision":0,"units":"mm[Hg]"}]]`, ""},
	{"a whole composition", `SELECT c FROM COMPOSITION c`, "", ""},
	{"a whole EHR", `SELECT e FROM EHR e`, "", ""},
	{"a whole VERSION", `SELECT v FROM EHR e CONTAINS VERSION v CONTAINS COMPOSITION c`, "", ""},
	{"attributes of EHR", `SELECT e/ehr_id/value, e/ehr_status/is_queryable, e/directory/name/value FROM EHR e`, `[["{ehr}",true,"root"]]`, ""},
	{"attributes of VERSION", `SELECT v/uid/value, v/commit_audit/change_type/value, v/lifecycle_state/value FROM EHR e CONTAINS VERSION v CONTAINS COMPOSITION c`, `[["{v2}","modification","complete"]]`, ""},
	{"literals", `SELECT 1, 1.50, 'x', true, NULL, '2024-05' FROM EHR e`, `[[1,1.50,"x",true,null,"2024-05"]]`, ""},
	{"arithmetic", `SELECT 1 + 2 * 3 - 8 / 4 FROM EHR e`, `[[5.0]]`, ""},
	{"aliases, DISTINCT, order by an alias", `SELECT DISTINCT o/data/events/data/items/value/units AS u FROM OBSERVATION o WHERE EXISTS o/data/events/data/items/value/units ORDER BY u`, `[["/min"],["Cel"],["mm[Hg]"]]`, ""},
	{"functions of text", `SELECT LENGTH('abc'), CONTAINS('abc', 'b'), POSITION('b', 'abc'), SUBSTRING('abc', 2, 1), CONCAT('a', 'b'), CONCAT_WS('-', 'a', 'b') FROM EHR e`, `[[3,true,2,"b","ab","a-b"]]`, ""},
	{"functions of numbers", `SELECT ABS(-1), MOD(5, 3), CEIL(1.2), FLOOR(1.7), ROUND(1.25, 1) FROM EHR e`, "", ""},
	{"functions of time", `SELECT CURRENT_DATE(), CURRENT_TIME(), CURRENT_DATE_TIME(), NOW(), CURRENT_TIMEZONE() FROM EHR e`, "", ""},
	{"aggregates", `SELECT COUNT(*), COUNT(DISTINCT o/name/value), MIN(o/name/value), MAX(o/name/value) FROM OBSERVATION o`, `[[7,7,"ACVPU scale","Respiration"]]`, ""},
	{"SUM and AVG", `SELECT SUM(l/value/magnitude), AVG(l/value/magnitude) FROM ` + pressure + ` CONTAINS ELEMENT l`, `[[204.0,102.0]]`, ""},
	{"an aggregate beside a column", `SELECT c/name/value, COUNT(o) FROM COMPOSITION c CONTAINS OBSERVATION o`, `[["Vital signs observations",7]]`, ""},
	{"TOP", `SELECT TOP 2 o/name/value FROM OBSERVATION o ORDER BY o/name/value`, `[["ACVPU scale"],["Blood pressure"]]`, ""},
	{"TOP BACKWARD", `SELECT TOP 1 BACKWARD o/name/value FROM OBSERVATION o ORDER BY o/name/value`, `[["Respiration"]]`, ""},
	{"LIMIT and OFFSET", `SELECT o/name/value FROM OBSERVATION o ORDER BY o/name/value DESC LIMIT 1 OFFSET 1`, `[["Pulse/Heart beat"]]`, ""},
	{"abstract classes", `SELECT COUNT(x) FROM ENTRY x`, `[[7]]`, ""},
	{"LOCATABLE", `SELECT COUNT(x) > 20 FROM LOCATABLE x`, "", "aql-syntax"},
	{"classes in any case", `select c/name/value from composition c`, `[["Vital signs observations"]]`, ""},
	{"specialisation and the long form", `SELECT o/name/value FROM OBSERVATION o[archetype_node_id = 'openEHR-EHR-OBSERVATION.pulse.v2']`, `[["Pulse/Heart beat"]]`, ""},
	{"FOLDER", `SELECT f/name/value FROM EHR e CONTAINS FOLDER f ORDER BY f/name/value`, `[["episodes"],["root"],["winter"]]`, ""},
	{"FOLDER CONTAINS", `SELECT f/name/value, c/uid/value FROM EHR e CONTAINS FOLDER f CONTAINS COMPOSITION c`, `[["root","{v2}"]]`, ""},
	{"EHR_STATUS", `SELECT s/is_modifiable FROM EHR e CONTAINS EHR_STATUS s`, `[[true]]`, ""},
	{"VERSION[LATEST_VERSION]", `SELECT c/uid/value FROM EHR e CONTAINS VERSION v[LATEST_VERSION] CONTAINS COMPOSITION c`, `[["{v2}"]]`, ""},
	{"VERSION[ALL_VERSIONS]", `SELECT c/uid/value FROM EHR e CONTAINS VERSION v[ALL_VERSIONS] CONTAINS COMPOSITION c ORDER BY v/commit_audit/time_committed`, `[["{v1}"],["{v2}"]]`, ""},
	{"VERSION with a predicate", `SELECT c/uid/value FROM EHR e CONTAINS VERSION v[commit_audit/time_committed/value > '2000-01-01'] CONTAINS COMPOSITION c ORDER BY c/uid/value`, `[["{v1}"],["{v2}"]]`, ""},
	{"VERSION over AND and OR", `SELECT s/is_queryable FROM EHR e CONTAINS VERSION v CONTAINS (EHR_STATUS s OR FOLDER f)`, "", ""},
	{"CONTAINS with AND, OR and parentheses", `SELECT c/uid/value FROM COMPOSITION c CONTAINS (` + pressure + ` AND (EVALUATION x OR OBSERVATION y[openEHR-EHR-OBSERVATION.pulse.v2]))`, `[["{v2}"]]`, ""},
	{"NOT CONTAINS", `SELECT c/uid/value FROM COMPOSITION c NOT CONTAINS EVALUATION x`, `[["{v2}"]]`, ""},
	{"NOT CONTAINS finds none", `SELECT c/uid/value FROM COMPOSITION c NOT CONTAINS ELEMENT x`, `[]`, ""},
	{"data values in FROM", `SELECT COUNT(q) FROM ` + pressure + ` CONTAINS DV_QUANTITY q`, `[[2]]`, ""},
	{"FEEDER_AUDIT in FROM", `SELECT a/originating_system_audit/system_id FROM COMPOSITION c CONTAINS FEEDER_AUDIT a`, `[["ward"]]`, ""},
	{"a class without a variable", `SELECT c/uid/value FROM EHR CONTAINS COMPOSITION c CONTAINS OBSERVATION`, "", ""},
	{"a predicate by node id", `SELECT l/value/magnitude FROM ` + pressure + ` CONTAINS ELEMENT l[at0004]`, `[[128.0]]`, ""},
	{"... by name", `SELECT l/value/magnitude FROM ELEMENT l[at0004, 'Systolic']`, `[[128.0]]`, ""},
	{"... by a name in a parameter", `SELECT l/value/magnitude FROM ELEMENT l[at0004, $name]`, `[[128.0]]`, ""},
	{"... by a coded name", `SELECT l/value FROM ELEMENT l[at0004, local::at0005|x|]`, `[]`, ""},
	{"... in a parameter", `SELECT l/value/magnitude FROM ` + pressure + ` CONTAINS ELEMENT l[$node]`, `[[128.0]]`, ""},
	{"... by an archetype in a parameter", `SELECT o/name/value FROM OBSERVATION o[$archetype]`, `[["Blood pressure"]]`, ""},
	{"... full boolean", `SELECT l/name/value FROM ELEMENT l[at0004 AND name/value = 'x' OR (at0005 AND value/magnitude > 1)]`, `[["Diastolic"]]`, ""},
	{"... standard", `SELECT l/name/value FROM ELEMENT l[value/magnitude >= 128]`, `[["Systolic"]]`, ""},
	{"... by a regular expression", `SELECT l/name/value FROM ELEMENT l[name/value matches {/Dias.*/}]`, `[["Diastolic"]]`, ""},
	{"path against path", `SELECT l/value/magnitude FROM ELEMENT l WHERE l/value/magnitude > l/value/precision AND l/name/value = 'Systolic'`, `[[128.0]]`, ""},
	{"EXISTS, NOT and parentheses", `SELECT o/name/value FROM OBSERVATION o WHERE NOT (EXISTS o/data/events/state OR EXISTS o/protocol) ORDER BY o/name/value LIMIT 1`, `[["ACVPU scale"]]`, ""},
	{"LIKE", `SELECT l/name/value FROM ELEMENT l WHERE l/name/value LIKE 'S?sto*'`, `[["Systolic"]]`, ""},
	{"LIKE with an escape", `SELECT l/name/value FROM ELEMENT l WHERE l/name/value LIKE 'Air or oxygen\\?'`, `[["Air or oxygen?"]]`, ""},
	{"MATCHES numbers", `SELECT l/name/value FROM ELEMENT l WHERE l/value/magnitude MATCHES {1, 76.0, 3}`, `[["Diastolic"]]`, ""},
	{"MATCHES an array parameter", `SELECT l/name/value FROM ELEMENT l WHERE l/name/value MATCHES {$names} ORDER BY l/name/value`, `[["Diastolic"],["Systolic"]]`, ""},
	{"TERMINOLOGY", `SELECT c/name/value FROM COMPOSITION c WHERE c/context/setting/defining_code/code_string MATCHES TERMINOLOGY('expand', 'openehr', 'setting')`, `[["Vital signs observations"]]`, ""},
	{"MATCHES a URI without a terminology server", `SELECT l/name/value FROM ELEMENT l WHERE l/value/defining_code/code_string MATCHES {terminology://x.test/y}`, "", "aql-terminology"},
	{"absent and present", `SELECT COUNT(l) FROM ELEMENT l WHERE l/null_flavour = NULL AND l/value != NULL`, "", ""},
	{"a function in WHERE", `SELECT l/name/value FROM ELEMENT l WHERE LENGTH(l/name/value) > 20 AND l/name/value != 'x'`, `[["Location of measurement"]]`, ""},
	{"ORDER BY what is not selected, with NULLS", `SELECT o/name/value FROM OBSERVATION o ORDER BY o/protocol/name/value DESC NULLS LAST, LENGTH(o/name/value) LIMIT 1`, `[["Body temperature"]]`, ""},
	{"every attribute of a LOCATABLE", `SELECT c/feeder_audit/originating_system_audit/system_id, c/links/meaning/value, c/uid/value, c/archetype_details/template_id/value, c/language/code_string, c/composer/name, c/context/health_care_facility/name, c/category/value
FROM COMPOSITION c WHERE c/feeder_audit/originating_system_audit/system_id = 'ward' AND c/links/type/value = 'issue' AND NOT EXISTS c/context/other_context ORDER BY c/links/meaning/value`,
		`[["ward","follow up","{v2}","Vital signs observations.v1","en","Demo Nurse One","Demo Hospital, Ward A","event"]]`, ""},
	{"comments", "SELECT c/uid/value -- which one\nFROM COMPOSITION c --", `[["{v2}"]]`, ""},
	{"OR at the top of FROM", `SELECT c/uid/value FROM EHR e CONTAINS (COMPOSITION c OR FOLDER f[openEHR-EHR-FOLDER.none.v1])`, `[["{v2}"]]`, ""},
	{"a literal alone on the left", `SELECT c FROM COMPOSITION c WHERE 1 = 1`, "", "aql-syntax"},
	{"TOP beside LIMIT", `SELECT TOP 1 c FROM COMPOSITION c LIMIT 1`, "", "aql-syntax"},
	{"a second EHR", `SELECT e FROM EHR e CONTAINS COMPOSITION c AND EHR f`, "", "aql-unsupported"},
	{"an unknown function", `SELECT VENDOR(c/name/value) FROM COMPOSITION c`, "", "aql-unsupported"},
	{"an unknown attribute", `SELECT c/nothing FROM COMPOSITION c`, "", "aql-unknown-attribute"},
	{"an unknown class", `SELECT c FROM BANANA c`, "", "aql-unknown-class"},
	{"an unknown variable", `SELECT d/uid FROM COMPOSITION c`, "", "aql-syntax"},
	{"a block of cADL", `SELECT l FROM ELEMENT l WHERE l/value/magnitude MATCHES {|5.0..6.0|}`, "", "aql-syntax"},
	{"an operator of SQL", `SELECT c FROM COMPOSITION c WHERE c/name/value <> 'x'`, "", "aql-syntax"},
}

// TestLanguage asks each construct of AQL about one record.
func TestLanguage(t *testing.T) {
	c := newScene(t, running(t))
	c.facts["v1"] = c.do(post("/ehr/{ehr}/composition", shipped("vital_signs_full")).want(201, 204)).uid(t)
	c.facts["v2"] = c.do(put("/ehr/{ehr}/composition/{v1.object}", shipped("vital_signs_full",
		set("feeder_audit", object(`{"_type":"FEEDER_AUDIT","originating_system_audit":{"_type":"FEEDER_AUDIT_DETAILS","system_id":"ward"}}`)),
		set("links", []any{object(`{"_type":"LINK","meaning":{"_type":"DV_TEXT","value":"follow up"},"type":{"_type":"DV_TEXT","value":"issue"},"target":{"_type":"DV_EHR_URI","value":"ehr://x"}}`)}))).
		match("{v1}").want(200, 204)).uid(t)
	c.do(post("/ehr/{ehr}/directory", folder("root", set("items", []any{object(`{"_type":"OBJECT_REF","namespace":"local","type":"VERSIONED_COMPOSITION","id":{"_type":"HIER_OBJECT_ID","value":"` + c.fill("{v1.object}") + `"}}`)}))).want(201, 204))
	values := map[string]any{"name": "Systolic", "names": []string{"Systolic", "Diastolic"}, "node": "at0004", "archetype": "openEHR-EHR-OBSERVATION.blood_pressure.v2"}
	for _, l := range language {
		t.Run(l.does, func(t *testing.T) {
			used := map[string]any{}
			for name, v := range values {
				if strings.Contains(l.query, "$"+name+"]") || strings.Contains(l.query, "$"+name+"}") {
					used[name] = v
				}
			}
			body, err := json.Marshal(map[string]any{"q": l.query, "query_parameters": used, "ehr_id": c.fill("{ehr}")})
			if err != nil {
				t.Fatal(err)
			}
			wanted := 200
			if l.code != "" {
				wanted = 400
			}
			a := c.s.call(t, "clinician", "POST", c.s.OpenEHR+"/query/aql", body).want(t, wanted)
			var got struct {
				Rows   json.RawMessage `json:"rows"`
				Code   string          `json:"code"`
				Issues []struct{ Rule string }
			}
			if err := json.Unmarshal(a.body, &got); err != nil && l.code == "" {
				t.Fatal(err)
			}
			switch {
			case l.code != "":
				if !strings.Contains(string(a.body), `"`+l.code+`"`) {
					t.Errorf("refused by %s, wanted %s", a.body, l.code)
				}
			case l.rows == "":
				if string(got.Rows) == "[]" {
					t.Error("no rows")
				}
			case string(got.Rows) != c.fill(l.rows):
				t.Errorf("%s\ngot  %s\nwant %s", l.query, got.Rows, c.fill(l.rows))
			}
		})
	}
}

// TestLanguageOfParties asks about the demographic part.
func TestLanguageOfParties(t *testing.T) {
	c := newScene(t, running(t))
	uid := c.fill("{person}")
	for _, l := range []construct{
		{"one person", `SELECT p/uid/value, p/identities/name/value FROM PERSON p WHERE p/uid/value = '{person}'`, "", ""},
		{"any party", `SELECT p/uid/value FROM PARTY p WHERE p/uid/value = '{person}' ORDER BY p/name/value LIMIT 1`, `[["{person}"]]`, ""},
		{"a party that contains", `SELECT COUNT(DISTINCT p/uid/value) FROM PERSON p CONTAINS PARTY_IDENTITY i WHERE p/uid/value = '{person}'`, `[[1]]`, ""},
		{"a version", `SELECT v/uid/value FROM VERSION v CONTAINS PERSON p WHERE p/uid/value = '{person}'`, `[["{person}"]]`, ""},
		{"all versions of parties", `SELECT COUNT(p) FROM VERSION v[ALL_VERSIONS] CONTAINS PERSON p WHERE p/uid/value = '{person}'`, `[[1]]`, ""},
		{"parties beside records", `SELECT p FROM EHR e CONTAINS COMPOSITION c AND PERSON p`, "", "aql-unsupported"},
	} {
		t.Run(l.does, func(t *testing.T) {
			a := aql(t, c.s, "admin", strings.ReplaceAll(l.query, "{person}", uid), nil)
			if l.code != "" {
				if a.want(t, 400); !strings.Contains(string(a.body), `"`+l.code+`"`) {
					t.Errorf("refused by %s", a.body)
				}
				return
			}
			rows, err := json.Marshal(a.want(t, 200).json(t)["rows"])
			if err != nil || string(rows) == "[]" || l.rows != "" && string(rows) != strings.ReplaceAll(l.rows, "{person}", uid) {
				t.Errorf("%s\ngot  %s\nwant %s", l.query, rows, l.rows)
			}
		})
	}
}
