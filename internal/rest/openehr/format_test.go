package openehr_test

import (
	"strings"
	"testing"
)

// The fake's document in XML, without the declaration.
const (
	spaces = ` xmlns="http://schemas.openehr.org/v1" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"`
	inXML  = `<composition` + spaces + `><name><value>a &lt; 1.50</value></name></composition>`
)

// What a commit sends, whole.
const (
	phrase     = `<terminology_id><value>t</value></terminology_id><code_string>c</code_string>`
	phraseJSON = `{"_type":"CODE_PHRASE","terminology_id":{"_type":"TERMINOLOGY_ID","value":"t"},"code_string":"c"}`
	whole      = `<composition` + spaces + ` archetype_node_id="a.b.c"><name><value>n</value></name><language>` + phrase + `</language><territory>` + phrase + `</territory>` +
		`<category><value>v</value><defining_code>` + phrase + `</defining_code></category><composer xsi:type="PARTY_SELF"/></composition>`
	wholeJSON = `{"_type":"COMPOSITION","archetype_node_id":"a.b.c","name":{"_type":"DV_TEXT","value":"n"},"language":` + phraseJSON + `,"territory":` + phraseJSON +
		`,"category":{"_type":"DV_CODED_TEXT","value":"v","defining_code":` + phraseJSON + `},"composer":{"_type":"PARTY_SELF"}}`
	statusXML = `<ehr_status archetype_node_id="a"><name><value>n</value></name><subject/><is_queryable>1</is_queryable><is_modifiable>false</is_modifiable></ehr_status>`
	statusOut = `{"_type":"EHR_STATUS","archetype_node_id":"a","name":{"_type":"DV_TEXT","value":"n"},"subject":{"_type":"PARTY_SELF"},"is_queryable":true,"is_modifiable":false}`
)

// TestReadsInXML: every object of the record has a document.
func TestReadsInXML(t *testing.T) {
	ehr := "/ehr/" + ehrID
	versioned := ehr + "/versioned_composition/" + object
	var exchanges []exchange
	for path, text := range map[string]string{
		ehr: `<ehr` + spaces + `><system_id><value>sys.example</value></system_id><ehr_id><value>` + ehrID + `</value></ehr_id><time_created><value>2026-01-02T03:04:05.678Z</value></time_created>` +
			`<ehr_status><id xsi:type="HIER_OBJECT_ID"><value>` + object + `</value></id><namespace>local</namespace><type>VERSIONED_EHR_STATUS</type></ehr_status></ehr>`,
		"/ehr?subject_id=1%2B2&subject_namespace=n%20s": `<ehr` + spaces,
		ehr + "/ehr_status":                             inXML,
		ehr + "/ehr_status/" + first:                    inXML,
		ehr + "/versioned_ehr_status":                   `<versioned_ehr_status` + spaces + `/>`,
		ehr + "/versioned_ehr_status/revision_history":  `<revision_history` + spaces + `/>`,
		ehr + "/versioned_ehr_status/version":           inXML,
		ehr + "/composition/" + object:                  inXML,
		ehr + "/composition/" + second:                  inXML,
		versioned:                                       `<versioned_composition` + spaces + `/>`,
		versioned + "/revision_history":                 `<revision_history` + spaces + `/>`,
		versioned + "/version":                          `<version` + spaces + ` xsi:type="ORIGINAL_VERSION"/>`,
		versioned + "/version/" + first:                 `<version` + spaces + ` xsi:type="ORIGINAL_VERSION"/>`,
		ehr + "/contribution/" + unknown:                `<contribution` + spaces + `/>`,
	} {
		exchanges = append(exchanges,
			exchange{name: path, method: "GET", path: path, headers: h{"Accept": "application/xml"}, status: 200,
				text: `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + text, want: h{"Content-Type": "application/xml; charset=utf-8"}},
			exchange{name: path + ", as EHRbase", compat: true, method: "GET", path: path, headers: h{"Accept": "text/xml"}, status: 200,
				text: text, want: h{"Content-Type": "text/xml; charset=utf-8"}})
	}
	run(t, exchanges)
}

// TestFormatOfAnswers: q-values decide, JSON without them; errors are XML only
// for a client that takes nothing else.
func TestFormatOfAnswers(t *testing.T) {
	at := "/ehr/" + ehrID + "/composition/"
	const json, xml = "application/json; charset=utf-8", "application/xml; charset=utf-8"
	notFound := `<error><error>Not Found</error><message>no such object</message><code>404</code><errors><value>no such object</value><defining_code>` +
		`<terminology_id><value>quire</value></terminology_id><code_string>object</code_string></defining_code></errors></error>`
	run(t, []exchange{
		{name: "no preference", method: "GET", path: at + object, status: 200, text: document, want: h{"Content-Type": json}},
		{name: "anything", method: "GET", path: at + object, headers: h{"Accept": "*/*"}, status: 200, text: document, want: h{"Content-Type": json}},
		{name: "rather XML", method: "GET", path: at + object, headers: h{"Accept": "application/json;q=0.8, application/xml"}, status: 200, text: inXML, want: h{"Content-Type": xml}},
		{name: "rather JSON", method: "GET", path: at + object, headers: h{"Accept": "application/xml;q=0.8, application/json"}, status: 200, text: document, want: h{"Content-Type": json}},
		{name: "no JSON", method: "GET", path: at + object, headers: h{"Accept": "application/json;q=0, application/*"}, status: 200, text: inXML, want: h{"Content-Type": xml}},
		{name: "neither", method: "GET", path: at + object, headers: h{"Accept": "text/html"}, status: 406, want: h{"Content-Type": json}},
		{name: "head", method: "HEAD", path: at + object, headers: h{"Accept": "application/xml"}, status: 200, want: h{"Content-Type": xml}},
		{name: "deleted", method: "GET", path: at + deleted, headers: h{"Accept": "application/xml"}, status: 204},
		{name: "unchanged", method: "GET", path: at + object, headers: h{"Accept": "application/xml", "If-None-Match": second}, status: 304},
		{name: "error in XML", method: "GET", path: at + unknown, headers: h{"Accept": "application/xml"}, status: 404, text: notFound, want: h{"Content-Type": xml}},
		{name: "error in JSON where it is taken", method: "GET", path: at + unknown, headers: h{"Accept": "application/xml, application/json;q=0.1"}, status: 404,
			text: `"message":"no such object"`, want: h{"Content-Type": json}},
		{name: "error of a resource without XML", method: "GET", path: "/query/aql?q=S", headers: h{"Accept": "text/xml"}, status: 406,
			text: `<code_string>accept</code_string>`, want: h{"Content-Type": "text/xml; charset=utf-8"}},
		{name: "error of an unknown path", method: "GET", path: "/nothing", headers: h{"Accept": "application/xml"}, status: 404, text: `<error>Not Found</error>`, want: h{"Content-Type": xml}},
		{name: "identifier has no XML", method: "POST", path: "/ehr/" + ehrID + "/composition", body: document, headers: h{"Accept": "application/xml", "Prefer": "return=identifier"}, status: 406},
		{name: "EHR made, in XML", method: "POST", path: "/ehr", headers: h{"Accept": "application/xml", "Prefer": "return=representation"}, status: 201, text: `<ehr` + spaces, want: h{"Content-Type": xml}},
	})
}

func TestWritesInXML(t *testing.T) {
	at := "/ehr/" + ehrID + "/composition"
	sent := func(want string) func(*testing.T, *fake) {
		return func(t *testing.T, f *fake) {
			got := f.content
			if f.status != nil {
				got = *f.status
			}
			if string(got.JSON) != want {
				t.Errorf("content %s, want %s", got.JSON, want)
			}
		}
	}
	xml := h{"Content-Type": "application/xml"}
	run(t, []exchange{
		{name: "composition", method: "POST", path: at, body: whole, headers: xml, status: 201, check: sent(wholeJSON)},
		{name: "text/xml, charset", method: "POST", path: at, body: whole, headers: h{"Content-Type": "text/xml; charset=UTF-8"}, status: 201, check: sent(wholeJSON)},
		{name: "another charset", method: "POST", path: at, body: whole, headers: h{"Content-Type": "application/xml; charset=iso-8859-1"}, status: 415},
		{name: "v2", method: "POST", path: at, body: strings.Replace(whole, "/v1", "/v2", 1), headers: xml, status: 201, check: sent(wholeJSON)},
		{name: "XML in, XML out", method: "PUT", path: at + "/" + object, body: whole, status: 200, text: inXML, check: sent(wholeJSON),
			headers: h{"Content-Type": "application/xml", "Accept": "application/xml", "If-Match": second, "Prefer": "return=representation"}},
		{name: "XML in, JSON out", method: "POST", path: at, body: whole, headers: h{"Content-Type": "application/xml", "Prefer": "return=representation"}, status: 201, text: document},
		{name: "what is missing", method: "POST", path: at, body: inXML, headers: xml, status: 400, text: `"code_string":"xml-member-missing"`},
		{name: "what a draft lacks", method: "POST", path: at, body: inXML, headers: h{"Content-Type": "application/xml", "openehr-version": `lifecycle_state="incomplete"`}, status: 201,
			check: sent(document)},
		{name: "status", method: "PUT", path: "/ehr/" + ehrID + "/ehr_status", body: statusXML, headers: h{"Content-Type": "application/xml", "If-Match": second}, status: 204, check: sent(statusOut)},
		{name: "EHR with status", method: "POST", path: "/ehr", body: statusXML, headers: xml, status: 201, check: sent(statusOut)},
		{name: "JSON called XML", method: "POST", path: at, body: document, headers: xml, status: 400, text: `"code_string":"xml-syntax"`},
		{name: "external entity", method: "POST", path: at, body: `<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]>` + inXML, headers: xml, status: 400, text: "document type"},
		{name: "unknown element", method: "POST", path: at, body: `<composition><nam/></composition>`, headers: h{"Content-Type": "application/xml", "Accept": "application/xml"}, status: 400,
			text: `<issues><path>/nam</path><aqlPath>/nam</aqlPath><flatKey></flatKey><archetype></archetype><rule>member-unknown</rule><expected>name</expected><found>nam</found>`},
		{name: "unknown element, as EHRbase", compat: true, method: "POST", path: at, body: `<composition><nam/></composition>`, headers: xml, status: 204, check: sent(`{"_type":"COMPOSITION"}`)},
		{name: "subject of no type, as EHRbase", compat: true, method: "POST", path: at, body: `<composition><composer/></composition>`, headers: xml, status: 204,
			check: sent(`{"_type":"COMPOSITION","composer":{"_type":"PARTY_SELF"}}`)},
	})
}
