package conformance

import "strings"

const sets = "/ehr/{ehr}/contribution"

// lockedStatus is a status change that keeps, or lifts, the lock of an EHR.
func lockedStatus(modifiable bool) string {
	return modification("{lock}", status(set("is_modifiable", modifiable)))
}

// contributionHints are those of CONTRIBUTION and change control.
var contributionHints = []hint{
	show("K-01", post(sets, changes(creation(composition()), creation(folder("root")), creation(composition(set("category.defining_code.code_string", "999"))))).want(422),
		get("/ehr/{ehr}/directory").want(404), post("/query/aql", `{"q":"{oneof}"}`).want(200).json("rows.#", 0)),
	show("K-02", post(sets, changes()).want(422), post(sets, edited(changes(), []edit{without("versions")})).want(422)),
	show("K-03", post(sets, changes(creation(composition(), without("lifecycle_state")))).want(400)),
	show("K-04", post(sets, edited(changes(creation(composition())), []edit{without("audit.change_type")})).want(400, 422)),
	show("K-05", post(sets, changes(creation(composition(), set("lifecycle_state", object(coded("999", "none")))))).want(422),
		post(sets, changes(creation(composition(), set("commit_audit.change_type", object(coded("999", "none")))))).want(422)),
	show("K-06", post(sets, changes(creation(composition(), set("commit_audit.change_type", object(coded("251", "modification")))))).want(400)),
	show("K-07", post(sets, changes(modification("{v1}", composition(), set("commit_audit.change_type", object(coded("249", "creation")))))).want(422, 400)),
	show("K-08", get(comp+"/{v2}").want(200), post(sets, changes(modification("{v1}", composition()))).want(412), post(sets, changes(modification("{uuid}::{system}::1", composition()))).want(412)),
	show("K-09", post(sets, strings.Replace(changes(creation(composition())), `"audit":`, `"uid":{"_type":"HIER_OBJECT_ID","value":"{uuid}"},"audit":`, 1)).want(201).header("ETag", `W/"{uuid}"`),
		post(sets, strings.Replace(changes(creation(composition())), `"audit":`, `"uid":{"_type":"HIER_OBJECT_ID","value":"{uuid}"},"audit":`, 1)).want(409),
		post("/query/aql", `{"q":"{oneof}"}`).want(200).json("rows.#", 1)),
	show("K-10", post(sets, changes(deletion("{v1}"))).want(201), get(comp+"/{v1.object}").want(204)),
	show("K-11", post(sets, changes(deletion("{v1}", set("data", object(composition()))))).want(422),
		post(sets, changes(modification("{v1}", composition(), set("lifecycle_state", object(coded("523", "deleted")))))).want(400, 422)),
	show("K-12", post(sets, changes(deletion("{v1}", set("lifecycle_state", object(coded("532", "complete")))))).want(400)),
	show("K-13", post(sets, changes(creation(composition(), without("_type")))).want(201), post(sets, changes(creation(composition(), set("_type", "UPDATE_VERSION")))).want(201),
		post(sets, changes(creation(composition(), set("_type", "ELEMENT")))).want(400)),
	show("K-14", post(sets, changes(creation(composition(), set("item", map[string]any{})))).want(400)),
	show("K-15", post(sets, changes(modification("{v1}", composition(), set("other_input_version_uids", []any{object(`{"_type":"OBJECT_VERSION_ID","value":"{v1}"}`)})))).want(400)),
	show("K-16 K-17", post(sets, changes(creation(composition(), set("commit_audit", object(attestation("249", "creation"))), set("commit_audit.description", object(coded("249", "creation")))))).want(201).shown().keepAt("v1", "versions.0.id.value"),
		get("/ehr/{ehr}/versioned_composition/{v1.object}/version/{v1}").want(200).json("commit_audit._type", "ATTESTATION").json("commit_audit.description.defining_code.code_string", "249"),
		post(sets, changes(creation(composition(), set("commit_audit._type", "ELEMENT")))).want(400, 422)),
	show("K-18 K-19 E-23", post(sets, edited(changes(attested("{v1}")), []edit{set("audit.change_type", object(coded("666", "attestation")))})).shown().want(201).json("versions.0.id.value", "{v1}"),
		get("/ehr/{ehr}/versioned_composition/{v1.object}/revision_history").want(200).json("items.#", 1).json("items.0.audits.1._type", "ATTESTATION"),
		get("/ehr/{ehr}/versioned_composition/{v1.object}/version/{v1}").want(200).json("attestations.0.change_type.defining_code.code_string", "666")),
	show("K-20", post(sets, changes(attested("{v1}", without("attestations.0.reason")))).want(400, 422),
		post(sets, changes(attested("{v1}", set("attestations.0.items", []any{})))).want(400, 422)),
	show("K-21", post(sets, changes(attested("{v1}", set("attestations.0.reason", object(coded("999", "none")))))).want(422)),
	show("K-22", post(sets, changes(attested("{v1}", set("attestations.0.proof", "-----BEGIN nothing--- é")))).want(201),
		get("/ehr/{ehr}/versioned_composition/{v1.object}/version/{v1}").want(200).json("attestations.0.proof", "-----BEGIN nothing--- é")),
	show("K-23", post(sets, changes(creation(party("person")))).want(422, 400), post("/demographic/contribution", changes(creation(folder("root")))).want(422, 400)),
	show("K-24", post(sets, changes(creation(shipped("vital_signs_incomplete_set"), set("lifecycle_state", object(coded("553", "incomplete")))))).want(201),
		post(sets, changes(creation(composition(set("category.defining_code.code_string", "999")), set("lifecycle_state", object(coded("553", "incomplete")))))).want(422)),
	show("K-25", post(sets, changes(creation(shipped("emergency_care_plan_minimal", set("content", []any{}))))).want(422, 400)),
	show("K-26", post(sets, changes(modification("{v1}", composition(), set("lifecycle_state", object(coded("801", "abandoned")))))).want(422)),
	show("K-27", post(sets, changes(modification("{gone}", composition(), set("commit_audit.change_type", object(coded("816", "restoration")))))).want(201), get(comp+"/{gone.object}").want(200)),
	show("K-28", post(sets, changes(modification("{status}", status(set("is_modifiable", false))), creation(composition()))).want(201), post(sets, changes(creation(composition()))).want(409),
		post("/ehr/{locked}/contribution", changes(creation(composition()), lockedStatus(false))).want(409), get("/ehr/{locked}/ehr_status").want(200).header("ETag", `W/"{lock}"`),
		post("/ehr/{locked}/contribution", changes(creation(composition()), lockedStatus(true))).want(201)),
	show("K-29", post("/ehr/{locked}/contribution", changes(lockedStatus(false))).want(201)),
	show("K-30", post(sets, changes(modification("{dir}", folder("second")))).want(201), get("/ehr/{ehr}/directory").want(200).json("name.value", "second").keep("d2"),
		post(sets, changes(creation(folder("third")))).want(409), post(sets, changes(deletion("{d2}"))).want(201), get("/ehr/{ehr}/directory").want(204)),
	show("K-31", get("/ehr/{ehr}/contribution/{set}").want(200).json("versions.0._type", "OBJECT_REF").json("versions.0.type", "COMPOSITION").json("versions.0.namespace", "local"),
		get("/ehr/{ehr}/contribution/{set}").with("Prefer", "resolve_refs").want(200).json("versions.0.data._type", "COMPOSITION")),
	show("K-32", get("/ehr/{ehr2}/contribution/{set}").want(404)),
	show("K-33", get("/ehr/{ehr}/contribution/{set}").accept("application/xml").want(200, 406), post(sets, "<contribution/>").typed("application/xml").want(400, 415, 422)),
	show("K-34", get(sets).want(405, 404)),
	show("K-35", post(comp, composition(set("name.formatting", "font-weight : bold"), set("name.hyperlink", object(`{"_type":"DV_URI","value":"https://example.org/a"}`)))).want(201).keep("v1"),
		get(comp+"/{v1}").want(200).json("name.formatting", "font-weight : bold").json("name.hyperlink.value", "https://example.org/a")),
	show("K-36", post(comp, composition(set("name", object(`{"_type":"DV_PARAGRAPH","items":[]}`)))).want(400, 422)),
	show("K-37", post(sets, changes(creation(composition(), set("commit_audit.committer", object(`{"_type":"PARTY_IDENTIFIED"}`))))).want(400, 422),
		post(sets, changes(creation(composition(), set("commit_audit.committer.name", "")))).want(400, 422)),
	show("K-40", post(sets, changes(edited(`{"_type":"IMPORTED_VERSION"}`, nil))).want(400, 422)),
	show("K-44", get("/ehr/{ehr}/versioned_composition/{v1.object}/revision_history").want(200).json("items.#", 1), get(versionedStatus+"/revision_history").want(200).json("items.#", 1)),
}

func attestation(code, rubric string) string {
	return `{"_type":"ATTESTATION","change_type":` + coded(code, rubric) + `,"committer":{"_type":"PARTY_IDENTIFIED","name":"A. Tester"},"reason":` + coded("240", "signed") + `,"is_pending":false}`
}

// attested is a member that only attests a version.
func attested(version string, edits ...edit) string {
	return edited(`{"_type":"ORIGINAL_VERSION","commit_audit":`+audit("666", "attestation")+`,"preceding_version_uid":{"_type":"OBJECT_VERSION_ID","value":"`+version+`"},
"attestations":[`+attestation("666", "attestation")+`]}`, edits)
}
