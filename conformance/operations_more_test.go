package conformance

import (
	"os"
	"path/filepath"
	"strings"
)

// ourTemplate is a template the repository ships, under another id.
func ourTemplate(id string) string {
	text, err := os.ReadFile(filepath.Join("..", "templates", "opt", "vital_signs_observations.v1.opt"))
	if err != nil {
		panic(err)
	}
	return strings.ReplaceAll(string(text), vitalSigns, id)
}

// oneOf is a query fixed to one EHR.
const oneOf = `SELECT c/uid/value AS uid FROM EHR e[ehr_id/value='{ehr}'] CONTAINS COMPOSITION c`

var definitionSteps = []*exchange{
	post("/definition/template/adl1.4", ourTemplate("{uuid}")).typed("application/xml").want(201).header("ETag", "*"),
	post("/definition/template/adl1.4", ourTemplate("{uuid7}")).typed("application/xml").with("Prefer", "return=identifier").want(201),
	post("/definition/template/adl1.4", ourTemplate("{uuid}")).typed("application/xml").want(409),
	post("/definition/template/adl1.4", "<template").typed("application/xml").want(400),
	get("/definition/template/adl1.4").want(200),
	get("/definition/template/adl1.4/{uuid}").accept("application/xml").want(200),
	get("/definition/template/adl1.4/{uuid}").accept("application/openehr.wt+json").want(200),
	get("/definition/template/adl1.4/{uuid6}").accept("application/xml").want(404),
	get("/definition/template/adl1.4/{uuid}").accept("text/csv").want(406),
	get("/definition/template/adl1.4/{uuid}/example").want(200),
	get("/definition/template/adl1.4/{uuid}/example?type=output&detail_level=complete").want(200),
	get("/definition/template/adl1.4/{uuid}/example?type=other").want(400),
	get("/definition/template/adl1.4/{uuid6}/example").want(404),
	get("/definition/template/adl1.4/{uuid}/example").accept("text/csv").want(406),
	post("/definition/template/adl2", "archetype (adl_version=2.0.6)").typed("text/plain").want(501).holding("ADL 2"),
	get("/definition/template/adl2").want(501).holding("ADL 2"),
	get("/definition/template/adl2/{uuid}").want(501).holding("ADL 2"),
	get("/definition/template/adl2/{uuid}/example").want(501).holding("ADL 2"),
	get("/definition/template/adl2/{uuid}/1.0.0").want(501).holding("ADL 2"),
	put("/definition/query/org.example::all", oneOf).typed("text/plain").want(200).header("Location", "*"),
	put("/definition/query/org.example::all", "SELECT").typed("text/plain").want(400),
	put("/definition/query/org.example::{uuid}/1.2.3", oneOf).typed("text/plain").want(200),
	put("/definition/query/org.example::{uuid}/1.2.3", oneOf).typed("text/plain").want(409),
	put("/definition/query/org.example::{uuid}/1.2", oneOf).typed("text/plain").want(400),
	get("/definition/query/org.example::all").want(200),
	get("/definition/query/org.example::{uuid}/1.2.3").want(200),
	get("/definition/query/org.example::{uuid}/7.0.0").want(404),
}

var querySteps = []*exchange{
	get("/query/aql?q={asked}&fetch=1&offset=0").want(200).json("rows.#", 1),
	get("/query/aql?q=SELECT").want(400),
	post("/query/aql", `{"q":"{oneof}","fetch":2}`).want(200),
	post("/query/aql", `{"q":"SELECT","fetch":2}`).want(400),
	get("/query/org.example::all").want(200),
	get("/query/org.example::all?offset=-1").want(400),
	get("/query/org.example::{uuid6}").want(404),
	post("/query/org.example::all", `{"offset":0,"fetch":1,"query_parameters":{}}`).want(200),
	post("/query/org.example::all", `{"fetch":"one"}`).want(400),
	post("/query/org.example::{uuid6}", `{}`).want(404),
	get("/query/org.example::{uuid}/1.2.3").want(200),
	get("/query/org.example::{uuid}/1.2.3?ehr_id={ehr}").want(200),
	get("/query/org.example::{uuid}/1.2.3?fetch=x").want(400),
	get("/query/org.example::{uuid}/4.0.0").want(404),
	post("/query/org.example::{uuid}/1.2.3", `{"offset":1,"fetch":1,"query_parameters":{}}`).want(200),
	post("/query/org.example::{uuid}/1.2.3", `{"q":"SELECT e FROM EHR e"}`).want(400),
	post("/query/org.example::{uuid}/4.0.0", `{}`).want(404),
}

// partyKinds are the five of the demographic API, by path, class and archetype.
var partyKinds = []string{"agent", "group", "organisation", "person", "role"}

// party is a PARTY of a kind, edited.
func party(kind string, edits ...edit) string {
	archetype := "openEHR-DEMOGRAPHIC-" + strings.ToUpper(kind) + "." + kind + ".v1"
	text := `{"_type":"` + strings.ToUpper(kind) + `","archetype_node_id":"` + archetype + `","name":{"_type":"DV_TEXT","value":"` + kind + `"},
"archetype_details":{"archetype_id":{"_type":"ARCHETYPE_ID","value":"` + archetype + `"},"rm_version":"1.1.0"},
"identities":[{"_type":"PARTY_IDENTITY","archetype_node_id":"at0001","name":{"_type":"DV_TEXT","value":"legal name"},
"details":{"_type":"ITEM_TREE","archetype_node_id":"at0002","name":{"_type":"DV_TEXT","value":"tree"},
"items":[{"_type":"ELEMENT","archetype_node_id":"at0003","name":{"_type":"DV_TEXT","value":"name"},"value":{"_type":"DV_TEXT","value":"Example"}}]}}]}`
	if kind == "role" {
		edits = append([]edit{set("performer", object(`{"_type":"PARTY_REF","namespace":"local","type":"PERSON","id":{"_type":"HIER_OBJECT_ID","value":"{person.object}"}}`))}, edits...)
	}
	return edited(text, edits)
}

// partySteps drives the operations of one kind of party.
func partySteps(kind string) []*exchange {
	at, p := "/demographic/"+kind, kind[:2]
	return []*exchange{
		post(at, party(kind)).shown().want(201).keep(p + "1"),
		post(at, `{"_type":`).want(400),
		post(at, party(kind, without("archetype_details"))).want(422),
		get(at + "/{" + p + "1}").want(200),
		get(at + "/{" + p + "1.object}?version_at_time=2999-01-01T00:00:00Z").want(200),
		get(at + "/{uuid6}").want(404),
		put(at+"/{"+p+"1.object}", party(kind)).match("{" + p + "1}").shown().want(200).keep(p + "2"),
		put(at+"/{"+p+"1.object}", party(kind)).match("{" + p + "2}").want(204).keep(p + "3"),
		put(at+"/{"+p+"1.object}", party(kind)).match("{" + p + "1}").want(412),
		put(at+"/{"+p+"1.object}", party(kind, without("archetype_details"))).match("{" + p + "3}").want(422),
		put(at+"/{uuid6}", party(kind)).match("{uuid6}::{system}::1").want(404),
		put(at+"/{"+p+"1.object}/tags", `[{"key":"flag","value":"follow-up"}]`).shown().want(200),
		put(at+"/{"+p+"1}/tags", `[{"key":"flag"}]`).want(204),
		put(at+"/{"+p+"1}/tags", `7`).want(400),
		put(at+"/{uuid6}/tags", `[]`).want(404),
		get(at+"/{"+p+"1.object}/tags").want(200).json("#", 1),
		get(at + "/{uuid6}/tags").want(404),
		remove(at + "/{" + p + "1.object}/tags/flag").want(204),
		remove(at + "/{" + p + "1.object}/tags/flag").want(404),
		remove(at + "/{" + p + "1}").want(409),
		remove(at + "/{" + p + "3}").want(204).keep(p + "4"),
		remove(at + "/{" + p + "4}").want(400),
		remove(at + "/{uuid6}::{system}::1").want(404),
		get(at + "/{" + p + "1.object}").want(204),
	}
}

var demographicSteps = []*exchange{
	get("/demographic/versioned_party/{person.object}").want(200),
	get("/demographic/versioned_party/{uuid6}").want(404),
	get("/demographic/versioned_party/{person.object}/revision_history").want(200).json("items.#", 1),
	get("/demographic/versioned_party/{uuid6}/revision_history").want(404),
	get("/demographic/versioned_party/{person.object}/version").want(200),
	get("/demographic/versioned_party/{person.object}/version?version_at_time=2001-01-01T00:00:00Z").want(404),
	get("/demographic/versioned_party/{person.object}/version/{person}").want(200),
	get("/demographic/versioned_party/{person.object}/version/{person.object}::{system}::9").want(404),
	post("/demographic/contribution", changes(creation(party("person")))).shown().want(201).keep("partyset"),
	post("/demographic/contribution", `{"versions":`).want(400),
	get("/demographic/contribution/{partyset}").want(200),
	get("/demographic/contribution/{uuid6}").want(404),
	get("/demographic/tags").want(200),
	get("/demographic/tags?tag_key=flag").want(200),
}
