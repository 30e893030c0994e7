package conformance

import "strings"

const versionedStatus = "/ehr/{ehr}/versioned_ehr_status"

// ehrHints are those of EHR and EHR_STATUS.
var ehrHints = []hint{
	show("E-01", post("/ehr", "").want(201).keep("ehr"), get("/ehr/{ehr}/ehr_status").want(200).json("is_modifiable", true).json("is_queryable", true).json("subject._type", "PARTY_SELF")),
	show("E-02", put("/ehr/{uuid}", "").shown().want(201).json("ehr_id.value", "{uuid}").json("system_id.value", "{system}")),
	show("E-03", put("/ehr/1.2.840.113554", "").want(400)),
	show("E-04", put("/ehr/{ehr}", "").want(409)),
	show("E-05 E-06 E-07", post("/ehr", status(subject("{uuid}", "conf"))).want(201), post("/ehr", status(subject("{uuid}", "conf"))).want(409),
		post("/ehr", strings.Replace(status(subject("{uuid}", "conf")), "PERSON", "ORGANISATION", 1)).want(409),
		put("/ehr/{uuid2}", status(subject("{uuid}", "conf"))).want(409)),
	show("E-08", get("/ehr?subject_id={uuid}&subject_namespace=conf").want(404), post("/ehr", status(subject("{uuid}", "conf"))).want(201).keep("ehr"),
		get("/ehr?subject_id={uuid}&subject_namespace=conf").want(200).json("ehr_id.value", "{ehr}")),
	show("E-09", get("/ehr/{ehr}").want(200).json("ehr_status.type", "VERSIONED_EHR_STATUS").json("ehr_status.id.value", "{status.object}")),
	show("E-10", get(versionedStatus+"/version").want(200).json("contribution.id.value", "*").json("commit_audit.change_type.defining_code.code_string", "249")),
	show("E-11", put("/ehr/{uuid}", status(without("is_modifiable"))).want(400), get("/ehr/{uuid}").want(404), put("/ehr/{uuid}", status(without("subject"))).want(400), get("/ehr/{uuid}").want(404)),
	show("E-12", put("/ehr/{ehr}/ehr_status", status(set("is_queryable", false))).match("{status}").want(204), get("/ehr/{ehr}/ehr_status").want(200).json("is_queryable", false),
		put("/ehr/{ehr}/ehr_status/is_queryable", "true").want(404, 405)),
	show("E-13", put("/ehr/{ehr}/ehr_status", status(set("uid", map[string]any{"_type": "OBJECT_VERSION_ID", "value": "{status}"}))).match("{status}").want(204).header("ETag", `W/"{status.object}::{system}::2"`)),
	show("E-14", get("/ehr/{locked}/ehr_status").want(200).keep("lock"), put("/ehr/{locked}/ehr_status", status()).match("{lock}").want(204), post("/ehr/{locked}/composition", composition()).want(201)),
	show("E-15", post("/ehr", status(set("archetype_details", object(`{"archetype_id":{"value":"openEHR-EHR-EHR_STATUS.generic.v1"},"rm_version":""}`)))).want(422)),
	show("E-16", post("/ehr", status(set("archetype_details", object(`{"archetype_id":{"value":"openEHR-EHR-EHR_STATUS.other.v1"},"rm_version":"1.1.0"}`)))).want(422),
		post("/ehr/{ehr}/directory", folder("root", set("archetype_details", object(`{"archetype_id":{"value":"openEHR-EHR-FOLDER.other.v1"},"rm_version":"1.1.0"}`)))).want(422),
		post(comp, composition(set("archetype_node_id", "openEHR-EHR-COMPOSITION.other.v1"))).want(422)),
	show("E-17", post("/ehr", status(set("archetype_node_id", "at0001"), set("archetype_details", object(`{"archetype_id":{"value":"openEHR-EHR-EHR_STATUS.generic.v1"},"rm_version":"1.1.0"}`)))).want(422),
		post("/ehr", status()).want(201)),
	show("E-18", get("/ehr/{ehr}/ehr_status?version_at_time=2001-01-01T00:00:00Z").want(404), get("/ehr/{ehr}/ehr_status?version_at_time=2999-01-01T00:00:00Z").want(200), get("/ehr/{ehr}/ehr_status").want(200)),
	{ids: "E-19", more: func(c *scene) {
		first := c.do(get(versionedStatus + "/version/{status}").want(200)).member("commit_audit.time_committed.value").(string)
		c.do(put("/ehr/{ehr}/ehr_status", status()).match("{status}").want(204).keep("status2"))
		second := c.do(get(versionedStatus + "/version/{status2}").want(200)).member("commit_audit.time_committed.value").(string)
		c.do(get("/ehr/{ehr}/ehr_status?version_at_time="+strings.Replace(first, "+", "%2B", 1)).want(200).header("ETag", `W/"{status}"`))
		c.do(get("/ehr/{ehr}/ehr_status?version_at_time="+strings.Replace(second, "+", "%2B", 1)).want(200).header("ETag", `W/"{status2}"`))
	}},
	show("E-21", get(versionedStatus).want(200).json("uid.value", "{status.object}").json("owner_id.namespace", "local").json("owner_id.type", "EHR").json("owner_id.id.value", "{ehr}").json("time_created.value", "*")),
	show("E-22", put("/ehr/{ehr}/ehr_status", status()).match("{status}").want(204).keep("status2"),
		get(versionedStatus+"/revision_history").want(200).json("items.0.version_id.value", "{status}").json("items.1.version_id.value", "{status2}")),
	show("E-24", get("/ehr/{ehr}/ehr_status").want(200).json("uid.value", "{status}")),
	show("E-25", get(versionedStatus+"/version").want(200).json("lifecycle_state._type", "DV_CODED_TEXT").json("lifecycle_state.value", "complete").json("lifecycle_state.defining_code.terminology_id.value", "openehr")),
	show("E-26", put("/ehr/{ehr}/ehr_status", status()).match("{status}").with("openehr-version", `lifecycle_state.code_string="553"`).want(204, 400, 422)),
}
