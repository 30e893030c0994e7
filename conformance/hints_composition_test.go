package conformance

import (
	"strconv"
	"strings"
)

// compositionHints are those of COMPOSITION.
var compositionHints = []hint{
	show("C-01", post(comp, composition()).want(201).header("Location", "{base}/ehr/{ehr}/composition/{tag}").keep("v1"), get(comp+"/{v1.object}::{system}::1").want(200)),
	show("C-03", put(comp+"/{v1.object}", composition(set("uid", map[string]any{"_type": "HIER_OBJECT_ID", "value": "{uuid}"}))).match("{v1}").want(422), get(comp+"/{v1.object}").want(200).header("ETag", `W/"{v1}"`)),
	show("C-04", put(comp+"/{v1.object}", composition(set("uid", map[string]any{"_type": "OBJECT_VERSION_ID", "value": "{v1}"}))).match("{v1}").want(204)),
	show("C-05", post(comp, composition(set("archetype_details.template_id.value", "No such template"))).want(422).holding("No such template")),
	show("C-06", put(comp+"/{v1.object}", shipped("emergency_care_plan_minimal")).match("{v1}").want(400, 422)),
	show("C-07", post(comp, shipped("emergency_care_plan_minimal")).want(201), post(comp, shipped("emergency_care_plan_minimal")).want(409)),
	show("C-08", post("/ehr/{uuid}/composition", composition()).want(404)),
	show("C-09", get(comp+"/{v1}").want(200), get(comp+"/{v1.object}").want(200).header("ETag", `W/"{v1}"`), get(comp+"/{v2}").want(200),
		get(comp+"/{v1.object}").want(200).header("ETag", `W/"{v2}"`), get(comp+"/{v1}").want(200).header("ETag", `W/"{v1}"`)),
	show("C-10 C-12", get(comp+"/{gone}").want(204), get(comp+"/{gone.object}").want(204), get(comp+"/{gone.object}?version_at_time=2999-01-01T00:00:00Z").want(204),
		get(comp+"/{dead}").want(200)),
	show("C-11", get("/ehr/{ehr}/versioned_composition/{gone.object}/version/{gone}").want(200).json("_type", "ORIGINAL_VERSION").json("data", nil).
		json("lifecycle_state.defining_code.code_string", "523").json("commit_audit.time_committed.value", "*")),
	show("C-13", get(comp+"/{v2}").want(200), remove(comp+"/{v1}").want(409).header("ETag", `W/"{v2}"`), remove(comp+"/{v2}").want(204).keep("v3"), remove(comp+"/{v3}").want(400), remove(comp+"/{uuid}::{system}::1").want(404)),
	show("C-14", get("/ehr/{ehr}/versioned_composition/{gone.object}/revision_history").want(200).json("items.#", 2).json("items.1.audits.0.change_type.defining_code.code_string", "523"),
		get("/ehr/{ehr}/versioned_composition/{gone.object}").want(200)),
	show("C-15", get(comp+"/{v1}").want(200), put("/ehr/{ehr}/ehr_status", status(set("is_modifiable", false))).match("{status}").want(204), remove(comp+"/{v1}").want(409)),
	every("C-16", []edit{
		set("category.defining_code.code_string", "999"), set("context.setting.defining_code.code_string", "999"), set("territory.code_string", "QQ"), set("language.code_string", "qq"),
	}, func(wrong edit) []*exchange { return []*exchange{post(comp, composition(wrong)).want(422)} }),
	show("C-17", post(comp, composition(set("category.value", "another word"))).want(201), post(comp, composition(set("category.value", ""))).want(400, 422)),
	show("C-18", post(comp, composition(set("links", links("https://example.org/x")))).want(422),
		post(comp, composition(set("links", links("ehr:///here")))).want(201).keep("v1"), get(comp+"/{v1}").want(200).json("links.0.target.value", "ehr:///here")),
	show("C-19", post(comp, composition(set("context.location", ""))).want(400, 422)),
	show("C-20", post(comp, composition(set("content.0.archetype_node_id", ""))).want(422)),
	show("C-21", post(comp, composition(set("feeder_audit", object(`{"_type":"FEEDER_AUDIT","originating_system_audit":{"_type":"FEEDER_AUDIT_DETAILS","system_id":"s"},"change_type":{"_type":"DV_TEXT","value":"x"}}`)))).want(400)),
	show("C-22", post(comp, composition(set("feeder_audit", object(`{"_type":"FEEDER_AUDIT","originating_system_item_ids":[{"_type":"DV_IDENTIFIER","id":"1"}],
"feeder_system_item_ids":[{"_type":"DV_IDENTIFIER","id":"2"}],"original_content":{"_type":"DV_PARSABLE","value":"raw","formalism":"text/plain"},
"originating_system_audit":{"_type":"FEEDER_AUDIT_DETAILS","system_id":"s","version_id":"9"},"feeder_system_audit":{"_type":"FEEDER_AUDIT_DETAILS","system_id":"f"}}`)))).want(201).keep("v1"),
		get(comp+"/{v1}").want(200).json("feeder_audit.originating_system_item_ids.0.id", "1").json("feeder_audit.feeder_system_item_ids.0.id", "2").
			json("feeder_audit.original_content.value", "raw").json("feeder_audit.originating_system_audit.version_id", "9").json("feeder_audit.feeder_system_audit.system_id", "f")),
	{ids: "C-27", more: func(c *scene) {
		doc := object(composition())
		content := doc["content"].([]any)
		for i := len(content); i < 300; i++ {
			content = append(content, content[i%len(content)])
		}
		doc["content"] = content
		large := edited(composition(), []edit{set("context.location", strings.Repeat("long ", 100_000)+strconv.Itoa(len(content)))})
		c.do(post(comp, large).want(201))
	}},
	show("C-28", post(comp, composition()).with("openehr-item-tag", `key="a",value="1"`, "openehr-version-item-tag", `key="b"`).want(201).keep("v1"),
		get(comp+"/{v1.object}/tags").want(200).json("#", 1).json("0.key", "a"), get(comp+"/{v1}/tags").want(200).json("#", 1).json("0.key", "b")),
	show("C-29", put(comp+"/{v1.object}", composition(set("category.defining_code.code_string", "431"), set("category.value", "persistent"), without("context"))).match("{v1}").want(400, 422)),
}
