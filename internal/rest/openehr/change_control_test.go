package openehr_test

import (
	"encoding/json"
	"io/fs"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/canonxml"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/templates"
)

const vitalSigns = "Vital signs observations.v1"

func own(t *testing.T, name string) string {
	t.Helper()
	text, err := fs.ReadFile(templates.FS, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// wholeOf is a CONTRIBUTION to commit, all its classes said.
func wholeOf(members ...string) string {
	return `{"_type":"CONTRIBUTION","versions":[` + strings.Join(members, ",") + `],"audit":` + auditOf("249") + `}`
}

func auditOf(code string) string {
	return `{"_type":"AUDIT_DETAILS","change_type":` + codeOf(code) + `,"committer":{"_type":"PARTY_IDENTIFIED","name":"Dr X"}}`
}

func codeOf(code string) string {
	return `{"_type":"DV_CODED_TEXT","value":"x","defining_code":{"_type":"CODE_PHRASE","terminology_id":{"_type":"TERMINOLOGY_ID","value":"openehr"},"code_string":"` + code + `"}}`
}

func memberOf(change, preceding, data string) string {
	b := `{"_type":"ORIGINAL_VERSION","commit_audit":` + auditOf(change) + `,"lifecycle_state":` + codeOf("532")
	if preceding != "" {
		b += `,"preceding_version_uid":{"_type":"OBJECT_VERSION_ID","value":"` + preceding + `"}`
	}
	return b + `,"data":` + data + "}"
}

// asXML writes a contribution to commit as XML.
func asXML(t *testing.T, document string) string {
	t.Helper()
	tree, err := canon.ReadJSON([]byte(document), rminfo.CONTRIBUTION, canon.ReadOptions{Committal: true})
	if err != nil {
		t.Fatal(err)
	}
	text, err := canonxml.Write(nil, tree, 0, "")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func tagOf(header http.Header) string {
	return strings.Trim(strings.TrimPrefix(header.Get("ETag"), "W/"), `"`)
}

// A contribution is the same in JSON, XML, FLAT and STRUCTURED, sent and shown.
func TestContributionFormats(t *testing.T) {
	app := onDatabase(t)
	if status, text, _ := ask(t, app, "POST", "/definition/template/adl1.4", own(t, "opt/vital_signs_observations.v1.opt"), h{"Content-Type": "application/xml"}); status != http.StatusCreated {
		t.Fatal(status, text)
	}
	_, _, header := ask(t, app, "POST", "/ehr", "", h{"Prefer": "return=representation"})
	ehr := "/ehr/" + tagOf(header)
	_, _, header = ask(t, app, "GET", ehr+"/ehr_status", "", nil)
	status := memberOf("251", tagOf(header), `{"_type":"EHR_STATUS","archetype_node_id":"openEHR-EHR-EHR_STATUS.generic.v1","name":{"_type":"DV_TEXT","value":"s"},"archetype_details":{"_type":"ARCHETYPED","archetype_id":{"_type":"ARCHETYPE_ID","value":"openEHR-EHR-EHR_STATUS.generic.v1"},"rm_version":"1.1.0"},"subject":{"_type":"PARTY_SELF"},"is_queryable":true,"is_modifiable":true}`)
	body := own(t, "examples/vital_signs_minimal.json")
	inline := "return=representation, resolve_refs"

	code, inXML, header := ask(t, app, "POST", ehr+"/contribution", asXML(t, wholeOf(memberOf("249", "", body), status)), h{"Content-Type": "application/xml", "Accept": "application/xml", "Prefer": inline})
	if code != http.StatusCreated || header.Get("Content-Type") != "application/xml; charset=utf-8" {
		t.Fatal(code, inXML)
	}
	contribution := tagOf(header)
	code, again, _ := ask(t, app, "GET", ehr+"/contribution/"+contribution, "", h{"Accept": "application/xml", "Prefer": "resolve_refs"})
	if code != http.StatusOK || again != inXML {
		t.Errorf("read %d %s\ncommitted %s", code, again, inXML)
	}
	code, refs, header := ask(t, app, "GET", ehr+"/contribution/"+contribution, "", h{"Accept": "application/xml"})
	if _, err := canonxml.Read([]byte(refs), rminfo.CONTRIBUTION, canon.ReadOptions{Mandatory: true}); code != http.StatusOK || err != nil || header.Get("Quire-Disclosure") != "complete" {
		t.Errorf("%d %v %s %v", code, err, refs, header)
	}
	if code, _, _ := ask(t, app, "GET", ehr+"/contribution/"+contribution, "", h{"If-None-Match": `W/"` + contribution + `"`}); code != http.StatusNotModified {
		t.Errorf("an unchanged contribution answered %d", code)
	}
	_, inJSON, _ := ask(t, app, "GET", ehr+"/contribution/"+contribution, "", h{"Prefer": "resolve_refs"})
	tree, err := canonxml.Read([]byte(inXML), rminfo.CONTRIBUTION, canon.ReadOptions{Committal: true})
	if err != nil {
		t.Fatal(err)
	}
	stored, err := canon.ReadJSON([]byte(inJSON), rminfo.CONTRIBUTION, canon.ReadOptions{Committal: true})
	if err != nil {
		t.Fatal(err)
	}
	if written, err := canonxml.Write(nil, stored, 0, ""); err != nil || string(written) != inXML || tree.Len() != stored.Len() {
		t.Errorf("XML and JSON are of two objects: %v", err)
	}

	version := gjson.Get(inJSON, "versions.0.uid.value").String()
	object, _, _ := strings.Cut(version, "::")
	latest := version
	for _, format := range []struct{ media, has string }{{flatType, `"vital_signs`}, {structuredType, `"vital_signs`},
		{"application/openehr.wt.flat.schema+json", `"vital_signs`}} {
		t.Run(format.media, func(t *testing.T) {
			_, simple, _ := ask(t, app, "GET", ehr+"/composition/"+version, "", h{"Accept": format.media})
			for _, path := range []string{"/version?version_at_time=" + gjson.Get(inJSON, "audit.time_committed.value").String(), "/version/" + version} {
				code, text, header := ask(t, app, "GET", ehr+"/versioned_composition/"+object+path, "", h{"Accept": format.media})
				if code != http.StatusOK || header.Get("Content-Type") != format.media || header.Get("openehr-template-id") != vitalSigns ||
					gjson.Get(text, "data").Raw != simple || gjson.Get(text, "_type").String() != "ORIGINAL_VERSION" {
					t.Errorf("%s: %d %v %.400s", path, code, header, text)
				}
			}
			code, shown, header := ask(t, app, "GET", ehr+"/contribution/"+contribution, "", h{"Accept": format.media, "Prefer": "resolve_refs"})
			if code != http.StatusOK || header.Get("Content-Type") != format.media || gjson.Get(shown, "versions.0.data").Raw != simple || gjson.Get(shown, "versions.1.data._type").String() != "EHR_STATUS" {
				t.Errorf("%d %v %.600s", code, header, shown)
			}
			head := h{"Content-Type": format.media, "openehr-template-id": vitalSigns, "Prefer": inline}
			code, text, _ := ask(t, app, "POST", ehr+"/contribution", wholeOf(memberOf("251", latest, simple)), head)
			made := gjson.Get(text, "versions.0.uid.value").String()
			_, expected, _ := ask(t, app, "GET", ehr+"/composition/"+made, "", h{"Accept": format.media})
			if code != http.StatusCreated || gjson.Get(text, "versions.0.data").Raw != expected {
				t.Fatalf("%d %.800s", code, text)
			}
			latest = made
			var was, is any
			if json.Unmarshal([]byte(simple), &was) != nil || json.Unmarshal([]byte(strings.ReplaceAll(expected, made, version)), &is) != nil || !reflect.DeepEqual(was, is) {
				t.Errorf("what was read and sent is not the same: %.900s\n%.900s", expected, simple)
			}
			for name, bad := range map[string]struct {
				body   string
				header h
				status int
			}{
				"a status":    {wholeOf(status), head, 422},
				"canonical":   {wholeOf(memberOf("249", "", body)), head, 422},
				"no template": {wholeOf(memberOf("249", "", simple)), h{"Content-Type": format.media}, 422},
				"no JSON":     {"{", head, 400},
				"two":         {wholeOf() + "{}", head, 400},
				"key twice":   {wholeOf(memberOf("249", "", `{"a":1,"a":2}`)), head, 400},
				"another":     {wholeOf(memberOf("249", "", `{"other/x":1}`)), head, 422},
				"as text":     {wholeOf(memberOf("249", "", simple)), h{"Content-Type": "text/plain"}, 415},
				"not accepted": {wholeOf(memberOf("249", "", simple)), h{"Content-Type": format.media, "openehr-template-id": vitalSigns,
					"Prefer": inline, "Accept": "text/html"}, 406},
			} {
				if code, text, _ := ask(t, app, "POST", ehr+"/contribution", bad.body, bad.header); code != bad.status {
					t.Errorf("%s: %d, want %d: %.400s", name, code, bad.status, text)
				}
			}
		})
	}
	if code, text, _ := ask(t, app, "GET", ehr+"/versioned_composition/"+object+"/revision_history", "", h{"Accept": flatType}); code != http.StatusNotAcceptable {
		t.Errorf("a history as FLAT: %d %s", code, text)
	}
	code, text, header := ask(t, app, "GET", ehr+"/versioned_composition/"+object+"/revision_history", "", nil)
	if code != http.StatusOK || header.Get("Quire-Disclosure") != "complete" {
		t.Errorf("history: %d %v %s", code, header, text)
	}
	_, _, header = ask(t, app, "GET", ehr+"/versioned_composition/"+object, "", nil)
	if code, _, _ := ask(t, app, "GET", ehr+"/versioned_composition/"+object, "", h{"If-None-Match": header.Get("ETag")}); code != http.StatusNotModified {
		t.Errorf("an unchanged container answered %d", code)
	}
}

// An import says so; its versions are shown as such in every format.
func TestImportOverREST(t *testing.T) {
	app := onDatabase(t)
	if status, text, _ := ask(t, app, "POST", "/definition/template/adl1.4", own(t, "opt/vital_signs_observations.v1.opt"), h{"Content-Type": "application/xml"}); status != http.StatusCreated {
		t.Fatal(status, text)
	}
	_, _, header := ask(t, app, "POST", "/ehr", "", nil)
	ehr := "/ehr/" + tagOf(header)
	const object = "0b9c7a52-93a1-4d3c-8a43-444444444444"
	audit := strings.Replace(auditOf("249"), `"change_type"`, `"system_id":"far","time_committed":{"_type":"DV_DATE_TIME","value":"2019-05-05T05:05:05Z"},"change_type"`, 1)
	item := `{"_type":"ORIGINAL_VERSION","uid":{"_type":"OBJECT_VERSION_ID","value":"` + object + `::far::1"},"contribution":{"_type":"OBJECT_REF","id":{"_type":"HIER_OBJECT_ID","value":"` + object + `"},"namespace":"far","type":"CONTRIBUTION"},` +
		`"commit_audit":` + audit + `,"lifecycle_state":` + codeOf("532") + `,"data":` + own(t, "examples/vital_signs_minimal.json") + `}`
	body := wholeOf(`{"_type":"IMPORTED_VERSION","commit_audit":` + auditOf("249") + `,"item":` + item + `}`)
	for query, want := range map[string]int{"": 400, "?import=false": 400, "?import=perhaps": 400} {
		if code, text, _ := ask(t, app, "POST", ehr+"/contribution"+query, body, nil); code != want {
			t.Errorf("%q: %d %s", query, code, text)
		}
	}
	code, text, _ := ask(t, app, "POST", ehr+"/contribution?import=true", asXML(t, body), h{"Content-Type": "application/xml"})
	if code != http.StatusCreated {
		t.Fatal(code, text)
	}
	at := ehr + "/versioned_composition/" + object + "/version/" + object + "::far::1"
	code, text, _ = ask(t, app, "GET", at, "", h{"Accept": "application/xml"})
	tree, err := canonxml.Read([]byte(text), rminfo.IMPORTED_VERSION, canon.ReadOptions{Mandatory: true})
	if code != http.StatusOK || err != nil {
		t.Fatalf("%d %v %s", code, err, text)
	}
	if uid := tree.TextAt(0, rminfo.A_item, rminfo.A_uid, rminfo.A_value); uid != object+"::far::1" {
		t.Errorf("the item is %s", uid)
	}
	code, text, _ = ask(t, app, "GET", at, "", h{"Accept": flatType})
	if code != http.StatusOK || !json.Valid([]byte(text)) || gjson.Get(text, "item.data._type").Exists() || !gjson.Get(text, "item.data").Exists() {
		t.Errorf("%d %.500s", code, text)
	}
	code, text, _ = ask(t, app, "PUT", ehr+"/composition/"+object, own(t, "examples/vital_signs_minimal.json"), h{"If-Match": object + "::far::1"})
	if code != http.StatusConflict || !strings.Contains(text, "branch") {
		t.Errorf("%d %s", code, text)
	}
}
