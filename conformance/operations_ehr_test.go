package conformance

// The operations of the EHR API, each with what it does well and what it
// refuses.

var systemSteps = []*exchange{
	request("OPTIONS", "/", "").as("").want(200).header("Allow", "*"),
}

var ehrSteps = []*exchange{
	post("/ehr", "").want(201).header("ETag", "*").header("Location", "*"),
	post("/ehr", status()).shown().want(201).keepAt("ehr", "ehr_id.value"),
	post("/ehr", status(subject("{uuid5}", "operations"))).with("Prefer", "return=identifier").want(201).json("uid", "*"),
	post("/ehr", status(subject("{uuid5}", "operations"))).want(409),
	post("/ehr", `{"_type":"EHR_STATUS"}`).want(400),
	get("/ehr?subject_id={uuid5}&subject_namespace=operations").want(200),
	get("/ehr?subject_id={uuid6}&subject_namespace=operations").want(404),
	put("/ehr/{uuid}", "").shown().want(201).json("ehr_id.value", "{uuid}"),
	put("/ehr/{uuid}", "").want(409),
	put("/ehr/not-a-uuid", "").want(400),
	get("/ehr/{ehr}").want(200),
	get("/ehr/{uuid6}").want(404),
}

var statusSteps = []*exchange{
	get("/ehr/{ehr}/ehr_status").want(200).keep("status"),
	get("/ehr/{ehr}/ehr_status?version_at_time=2999-01-01T00:00:00Z").want(200),
	get("/ehr/{ehr}/ehr_status?version_at_time=yesterday").want(400),
	get("/ehr/{ehr}/ehr_status?version_at_time=2001-01-01T00:00:00Z").want(404),
	get("/ehr/{ehr}/ehr_status/{status}").want(200),
	get("/ehr/{ehr}/ehr_status/{status.object}::{system}::9").want(404),
	put("/ehr/{ehr}/ehr_status", status()).match("{status}").shown().want(200).keep("status2"),
	put("/ehr/{ehr}/ehr_status", status()).match("{status2}").want(204).keep("status3"),
	put("/ehr/{ehr}/ehr_status", status()).match("{status}").want(412),
	put("/ehr/{ehr}/ehr_status", `{`).match("{status3}").want(400),
	put("/ehr/{uuid6}/ehr_status", status()).match("{status}").want(404),
	get("/ehr/{ehr}/versioned_ehr_status").want(200),
	get("/ehr/{uuid6}/versioned_ehr_status").want(404),
	get("/ehr/{ehr}/versioned_ehr_status/revision_history").want(200).json("items.#", 3),
	get("/ehr/{uuid6}/versioned_ehr_status/revision_history").want(404),
	get("/ehr/{ehr}/versioned_ehr_status/version").want(200),
	get("/ehr/{ehr}/versioned_ehr_status/version?version_at_time=2999-01-01T00:00:00Z").want(200),
	get("/ehr/{ehr}/versioned_ehr_status/version?version_at_time=never").want(400),
	get("/ehr/{ehr}/versioned_ehr_status/version?version_at_time=2001-01-01T00:00:00Z").want(404),
	get("/ehr/{ehr}/versioned_ehr_status/version/{status}").want(200),
	get("/ehr/{ehr}/versioned_ehr_status/version/{v1}").want(404),
}

var compositionSteps = []*exchange{
	post("/ehr/{ehr}/composition", composition()).want(201).header("Location", "{base}/ehr/{ehr}/composition/{tag}").keep("c1"),
	post("/ehr/{ehr}/composition", composition()).shown().want(201),
	post("/ehr/{ehr}/composition", composition()).with("Prefer", "return=identifier", "openehr-item-tag", `key="flag",value="follow-up"`).want(201).json("uid", "*"),
	post("/ehr/{ehr}/composition", `{"_type":"COMPOSITION","colour":1}`).want(400),
	post("/ehr/{ehr}/composition", composition(set("archetype_details.template_id.value", "no such template"))).want(422),
	post("/ehr/{uuid6}/composition", composition()).want(404),
	get("/ehr/{ehr}/composition/{c1}").want(200),
	get("/ehr/{ehr}/composition/{c1.object}").want(200),
	get("/ehr/{ehr}/composition/{c1.object}?version_at_time=2999-01-01T00:00:00Z").want(200),
	get("/ehr/{ehr}/composition/{uuid6}").want(404),
	put("/ehr/{ehr}/composition/{c1.object}", composition()).match(`"{c1}"`).shown().want(200).keep("c2"),
	put("/ehr/{ehr}/composition/{c1.object}", composition()).match(`W/"{c2}"`).want(204).keep("c3"),
	put("/ehr/{ehr}/composition/{c1.object}", composition()).match("{c1}").want(412),
	put("/ehr/{ehr}/composition/{c1.object}", `[]`).match("{c3}").want(400),
	put("/ehr/{ehr}/composition/{uuid6}", composition()).match("{uuid6}::{system}::1").want(404),
	put("/ehr/{ehr}/composition/{c1.object}", composition(set("category.defining_code.code_string", "999"))).match("{c3}").want(422),
	get("/ehr/{ehr}/versioned_composition/{c1.object}").want(200),
	get("/ehr/{ehr}/versioned_composition/{uuid6}").want(404),
	get("/ehr/{ehr}/versioned_composition/{c1.object}/revision_history").want(200).json("items.#", 3),
	get("/ehr/{ehr}/versioned_composition/{uuid6}/revision_history").want(404),
	get("/ehr/{ehr}/versioned_composition/{c1.object}/version").want(200),
	get("/ehr/{ehr}/versioned_composition/{c1.object}/version?version_at_time=2001-01-01T00:00:00Z").want(404),
	get("/ehr/{ehr}/versioned_composition/{c1.object}/version/{c2}").want(200),
	get("/ehr/{ehr}/versioned_composition/{c1.object}/version/{status}").want(404),
	remove("/ehr/{ehr}/composition/{c1}").want(409),
	remove("/ehr/{ehr}/composition/{c3}").want(204).keep("c4"),
	remove("/ehr/{ehr}/composition/{c4}").want(400),
	remove("/ehr/{ehr}/composition/{uuid6}::{system}::1").want(404),
	get("/ehr/{ehr}/composition/{c1.object}").want(204),
	get("/ehr/{ehr}/versioned_composition/{c1.object}/version/{c4}").want(200),
}

var directorySteps = []*exchange{
	get("/ehr/{ehr}/directory").want(404),
	post("/ehr/{ehr}/directory", `{"_type":"FOLDER"}`).want(400),
	post("/ehr/{ehr}/directory", folder("root")).shown().want(201).keep("d1"),
	post("/ehr/{uuid6}/directory", folder("root")).want(404),
	get("/ehr/{ehr}/directory").want(200),
	get("/ehr/{ehr}/directory?path=episodes/winter").want(200).json("name.value", "winter"),
	get("/ehr/{ehr}/directory?path=summer").want(404),
	get("/ehr/{ehr}/directory/{d1}").want(200),
	get("/ehr/{ehr}/directory/{d1}?path=episodes").want(200),
	get("/ehr/{ehr}/directory/{d1.object}::{system}::7").want(404),
	put("/ehr/{ehr}/directory", folder("root")).match("{d1}").shown().want(200).keep("d2"),
	put("/ehr/{ehr}/directory", folder("root")).match("{d2}").want(204).keep("d3"),
	put("/ehr/{ehr}/directory", folder("root")).match("{d1}").want(412),
	put("/ehr/{ehr}/directory", `{"_type":"COMPOSITION"}`).match("{d3}").want(400),
	put("/ehr/{uuid6}/directory", folder("root")).match("{d3}").want(404),
	remove("/ehr/{ehr}/directory").want(400),
	remove("/ehr/{ehr}/directory").match("{d1}").want(412),
	remove("/ehr/{ehr}/directory").match("{d3}").want(204),
	remove("/ehr/{uuid6}/directory").match("{d3}").want(404),
	get("/ehr/{ehr}/directory").want(204),
}

var contributionSteps = []*exchange{
	post("/ehr/{ehr}/contribution", changes(creation(composition()))).shown().want(201).keep("set"),
	post("/ehr/{ehr}/contribution", changes(creation(composition()), creation(composition()))).want(201).header("Location", "*"),
	post("/ehr/{ehr}/contribution", `{"_type":"CONTRIBUTION"`).want(400),
	post("/ehr/{ehr}/contribution", edited(changes(creation(composition())), []edit{set("uid", object(`{"_type":"HIER_OBJECT_ID","value":"{set}"}`))})).want(409),
	post("/ehr/{uuid6}/contribution", changes(creation(composition()))).want(404),
	get("/ehr/{ehr}/contribution/{set}").want(200).json("versions.#", 1),
	get("/ehr/{ehr}/contribution/{uuid6}").want(404),
}

var tagSteps = []*exchange{
	put("/ehr/{ehr}/composition/{v1.object}/tags", `[{"key":"flag","value":"follow-up","target_path":"/context/start_time/value"}]`).shown().want(200),
	put("/ehr/{ehr}/composition/{v1}/tags", `[{"key":"flag"}]`).want(204),
	put("/ehr/{ehr}/composition/{v1}/tags", `{"key":"flag"}`).want(400),
	put("/ehr/{ehr}/composition/{uuid6}/tags", `[{"key":"flag"}]`).want(404),
	get("/ehr/{ehr}/composition/{v1.object}/tags").want(200).json("#", 1),
	get("/ehr/{ehr}/composition/{uuid6}/tags").want(404),
	put("/ehr/{ehr}/ehr_status/{status.object}/tags", `[{"key":"vip","value":"no"}]`).shown().want(200),
	put("/ehr/{ehr}/ehr_status/{status.object}/tags", `[{"key":42}]`).want(400),
	put("/ehr/{ehr}/ehr_status/{v1.object}/tags", `[{"key":"vip"}]`).want(404),
	get("/ehr/{ehr}/ehr_status/{status.object}/tags").want(200).json("#", 1),
	get("/ehr/{ehr}/ehr_status/{v1.object}/tags").want(404),
	get("/ehr/{ehr}/tags?tag_key=flag").want(200),
	get("/ehr/{uuid6}/tags").want(404),
	remove("/ehr/{ehr}/ehr_status/{status.object}/tags/vip").want(204),
	remove("/ehr/{ehr}/ehr_status/{status.object}/tags/vip").want(404),
	remove("/ehr/{ehr}/composition/{v1.object}/tags/flag").want(204),
	remove("/ehr/{ehr}/composition/{v1.object}/tags/flag").want(404),
}

var adminSteps = []*exchange{
	remove("/admin/ehr/{ehr}").want(204),
	remove("/admin/ehr/{ehr}").want(404),
	remove("/admin/ehr/all?ehr_id={ehr7}&ehr_id={ehr8}").want(204),
}
