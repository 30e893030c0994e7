package conformance

import (
	"strings"
	"time"
)

const comp = "/ehr/{ehr}/composition"

// wireHints are the rules that hold for every resource.
var wireHints = []hint{
	show("X-01", post(comp, `{"_type":`).want(400), post(comp, `{"_type":"EHR_STATUS"}`).want(400)),
	show("X-02", post(comp, composition(set("category.defining_code.code_string", "999"))).want(422)),
	show("X-03", post("/ehr", status(without("is_queryable"))).want(400), post(comp, composition(without("language"))).want(400)),
	show("X-04", post(comp, composition(set("colour", "red"))).want(400), post(comp, composition(set("context.colour", "red"))).want(400)),
	show("X-05", post(comp, strings.Replace(composition(), `"territory":`, `"territory":null,"territory":`, 1)).want(400)),
	show("X-06", post(comp, composition(set("content.0", object(`{"_type":"DV_TEXT","value":"x"}`)))).want(400)),
	show("X-07", post("/ehr/{ehr}/directory", folder("root", set("details", object(`{"_type":"DV_TEXT","value":"x"}`)))).want(400, 422)),
	show("X-10", post(comp, composition(set("links", links("ehr://a b/c")))).want(422)),
	show("X-11", post(comp, composition(set("context.start_time.value", "yesterday"))).want(422),
		get("/ehr/{ehr}/ehr_status?version_at_time=yesterday").want(400)),
	show("X-12", get("/ehr/x").want(400), get("/ehr/{ehr}/contribution/x").want(400), get("/ehr/{ehr}/versioned_composition/x").want(400),
		get("/ehr/{ehr}/ehr_status/{uuid}::a").want(400)),
	show("X-13", get("/ehr/{uuid}").want(404), get("/ehr/{ehr}/contribution/{uuid}").want(404), get("/ehr/{ehr}/versioned_composition/{uuid}").want(404)),
	show("X-14", get(comp+"/{v1.object}::elsewhere::1").want(404)),
	show("X-15", get(comp+"/{status}").want(404), get("/ehr/{ehr}/ehr_status/{v1}").want(404)),
	show("X-16", get("/ehr/{ehr2}/composition/{v1}").want(404), get("/ehr/{ehr2}/versioned_ehr_status/version/{status}").want(404)),
	show("X-17", get(comp+"/{v2}").want(200), remove(comp+"/{v1}").want(409), put(comp+"/{v1.object}", composition()).match("{v1}").want(412)),
	show("X-18", remove(comp+"/{gone}").want(400)),
	show("X-19", post("/ehr/{locked}/composition", composition()).want(409)),
	show("X-20", put("/ehr/{ehr}", "").want(409)),
	show("X-21", post("/query/aql", `{"q":"{oneof}","query_parameters":{"x":"\u0000"}}`).want(200, 400), asks("SELECT c/uid/value"+within+" WHERE c/uid/value=$u", "query_parameters", `{"u":"a\u0000"}`).want(400),
		asks("SELECT c/uid/value"+within+" WHERE c/context/start_time/value > $from", "query_parameters", `{"from":"not-a-date"}`).want(400)),
	show("X-22", get("/definition/template/adl2").want(501)),
	show("X-23 X-24", get("/ehr/{ehr}").want(200).header("ETag", `W/"{ehr}"`), get(comp+"/{v1}").want(200).header("ETag", `W/"{v1}"`),
		get("/ehr/{ehr}/contribution/{set}").want(200).header("ETag", `W/"{set}"`)),
	every("X-25", []string{`"{v1}"`, `W/"{v1}"`, `{v1}`}, func(tag string) []*exchange {
		return []*exchange{post(comp, composition()).want(201).keep("v1"), put(comp+"/{v1.object}", composition()).match(tag).want(204)}
	}),
	{ids: "X-26 X-70", more: func(c *scene) {
		c.fill("{v1}")
		c.do(put(comp+"/{v1.object}", composition()).match(strings.ToUpper(c.facts["v1"])).want(204))
		c.do(get(comp + "/" + strings.ToUpper(c.facts["v1"])).want(200))
	}},
	show("X-27", get(comp+"/{v2}").want(200),
		put(comp+"/{v1.object}", composition()).match("{v1}").want(412).header("ETag", `W/"{v2}"`),
		put(comp+"/{v1.object}", composition()).match("{v1.object}::{system}::99").want(412).header("ETag", `W/"{v2}"`),
		put(comp+"/{v1.object}", composition()).match("{status}").want(412).header("ETag", `W/"{v2}"`),
		get(comp+"/{v1.object}").want(200).header("ETag", `W/"{v2}"`)),
	show("X-28", put(comp+"/{v1.object}", composition()).want(400), put("/ehr/{ehr}/ehr_status", status()).want(400),
		get("/ehr/{ehr}/directory/{dir}").want(200), put("/ehr/{ehr}/directory", folder("root")).want(400), remove("/ehr/{ehr}/directory").want(400)),
	show("X-29", remove(comp+"/{v1}").match("{v1.object}::{system}::9").want(412), get(comp+"/{v1}").want(200), remove(comp+"/{v1}").match("{v1}").want(204)),
	show("X-30", post(comp, composition()).want(201).keep("v1").header("Location", "{base}/ehr/{ehr}/composition/{tag}"),
		put(comp+"/{v1.object}", composition()).match("{v1}").want(204).keep("v2").header("Location", "{base}/ehr/{ehr}/composition/{tag}"),
		get(comp+"/{v2}").want(200).header("Location", ""), remove(comp+"/{v2}").want(204).header("Location", ""),
		post(comp, "{}").want(400).header("Location", "")),
	show("X-31", get(comp+"/{v2}").want(200), put(comp+"/{v1.object}", composition()).match("{v1}").want(412).header("ETag", "*").header("Location", ""),
		remove(comp+"/{v1}").want(409).header("ETag", "*").header("Location", "")),
	{ids: "X-32", more: func(c *scene) {
		version := c.do(get("/ehr/{ehr}/versioned_composition/{v1.object}/version/{v1}").want(200))
		text, _ := version.member("commit_audit.time_committed.value").(string)
		at, err := time.Parse(time.RFC3339Nano, text)
		read := c.do(get(comp + "/{v1}").want(200)).header.Get("Last-Modified")
		if err != nil || read != at.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT") {
			c.t.Errorf("committed at %s (%v), Last-Modified %s", text, err, read)
		}
	}},
	show("X-33", post("/ehr", "").want(201).header("Last-Modified", "*")),
	show("X-34", post("/ehr/{ehr}/contribution", changes(creation(composition()))).want(201).header("ETag", "*").header("Last-Modified", "*"),
		get("/ehr/{ehr}/contribution/{tag}").want(200).header("ETag", `W/"{tag}"`).header("Last-Modified", "*")),
	show("X-35", get(comp+"/{v1}").want(200), remove(comp+"/{v1}").want(204).header("ETag", `W/"{v1.object}::{system}::2"`).header("Last-Modified", "*"),
		remove("/ehr/{ehr}/directory").match("{dir}").want(204).header("ETag", `W/"{dir.object}::{system}::2"`).header("Last-Modified", "*")),
	show("X-36", get("/definition/template/adl1.4/Vital%20signs%20observations.v1").accept("application/xml").want(200).header("ETag", "*").header("Last-Modified", ""),
		put("/definition/query/conf::x36", oneOf).typed("text/plain").want(200).header("ETag", "").header("Last-Modified", "")),
	show("X-37", put(comp+"/{v1}/tags", `[{"key":"a"}]`).shown().want(200).header("ETag", "").header("Last-Modified", ""),
		get(comp+"/{v1}/tags").want(200).header("ETag", "").header("Last-Modified", "")),
	show("X-38 X-39", post(comp, composition()).want(201), post(comp, composition()).with("Prefer", "return=minimal").want(201)),
	show("X-40", put(comp+"/{v1.object}", composition()).match("{v1}").want(204).header("ETag", `W/"{v1.object}::{system}::2"`)),
	show("X-41", post("/ehr", "").with("Prefer", "return=minimal").want(201)),
	show("X-42", post(comp, composition()).with("Prefer", "return=identifier").want(201).json("uid", "{tag}").json("_type", nil),
		post("/ehr", "").with("Prefer", "return=identifier").want(201).json("uid", "{tag}").json("ehr_id", nil)),
	show("X-43", put(comp+"/{v1}/tags", `[]`).with("Prefer", "return=identifier").want(204).header("Preference-Applied", "return=minimal")),
	show("X-44 X-45", post(comp, composition()).with("Prefer", "return=representation, resolve_refs").want(201).json("_type", "COMPOSITION").header("Preference-Applied", "*")),
	show("X-47", post("/ehr/{ehr}/contribution", changes(creation(composition()))).typed("text/plain").want(415),
		put("/definition/query/conf::x47", `"q"`).typed("application/json").want(415),
		post("/definition/template/adl1.4", "<x/>").typed("application/json").want(415)),
	show("X-48", get(comp+"/{v1}").accept("text/csv").want(406)),
	show("X-49", get(comp+"/{v1}").want(200).header("Content-Type", "application/json; charset=utf-8"),
		post(comp, "{").want(400).header("Content-Type", "application/json; charset=utf-8")),
	show("X-50", get(comp+"/{v1}").accept("application/xml;q=0.2, application/json").want(200).header("Content-Type", "application/json; charset=utf-8"),
		get(comp+"/{v1}").accept("*/*").want(200)),
	show("X-51 X-52 X-53", get(comp+"/{v1}").accept("application/xml").want(200).holding("<composition"),
		get("/ehr/{ehr}").accept("application/xml").want(200), get("/ehr/{ehr}/versioned_composition/{v1.object}").accept("application/xml").want(200)),
	show("X-56", post("/ehr", `{}`).typed("application/openehr.wt.flat+json").want(415), get("/ehr/{ehr}/ehr_status").accept("application/openehr.wt.flat+json").want(406),
		post("/ehr/{ehr}/directory", `{}`).typed("application/openehr.wt.structured+json").want(415)),
	show("X-57", remove("/ehr").want(405).header("Allow", "GET, HEAD, POST")),
	show("X-58", request("BREW", "/ehr", "").want(405).header("Allow", "*"), request("BREW", "/tea", "").want(404)),
	show("X-59", remove("/nothing/here").want(404)),
	show("X-60", post(comp, "{}").want(400).json("message", "*").json("validationErrors", "*").json("errors", "*").json("code", 400)),
	show("X-61", get("/ehr/{ehr}").as("").want(401).header("WWW-Authenticate", "*"), remove("/admin/ehr/{ehr}").as("analyst").want(403)),
	show("X-63", remove("/admin/ehr/{ehr}").as("").want(401)),
	show("X-64 X-65", post(comp, composition(set("context.start_time.value", "2026-02-03T10:20:30,125+01:00"))).want(201).keep("v1"),
		get(comp+"/{v1}").want(200).holding("2026-02-03T10:20:30,125+01:00")),
	show("X-66", post(comp, composition(set("context.start_time.value", "2026-02-03T10:20:30+0100"))).want(201, 422)),
	show("X-68", get(comp+"/{v1.object}?version_at_time=20260101T000000").want(400), get(comp+"/{v1.object}?version_at_time=2999-01-01T00:00:00").want(200)),
	show("X-69", post("/query/aql", `{"q":"SELECT c/context/start_time/value FROM EHR e[ehr_id/value='{ehr}'] CONTAINS COMPOSITION c"}`).want(200)),
	show("X-71", post("/ehr", status(subject("{uuid}a", "conf"))).want(201), post("/ehr", status(subject("{uuid}A", "conf"))).want(201)),
	show("X-72", post(comp, composition(set("links", nil))).want(201).keep("v1"), get(comp+"/{v1}").want(200).json("links", nil)),
	show("X-73 X-74 X-75 X-76",
		post(comp, composition()).with("openehr-version", `lifecycle_state.code_string="553"`, "openehr-audit-details", `description.value="why",system_id="elsewhere"`).want(201).keep("v1"),
		get("/ehr/{ehr}/versioned_composition/{v1.object}/version/{v1}").want(200).json("lifecycle_state.defining_code.code_string", "553").
			json("commit_audit.change_type.defining_code.code_string", "249").json("commit_audit.description.value", "why").json("commit_audit.system_id", "{system}"),
		put(comp+"/{v1.object}", composition()).match("{v1}").with("openehr-audit-details", `change_type.code_string="250"`).want(204).keep("v2"),
		get("/ehr/{ehr}/versioned_composition/{v1.object}/version/{v2}").want(200).json("commit_audit.change_type.defining_code.code_string", "250"),
		remove(comp+"/{v2}").with("openehr-audit-details", `description.value="gone"`).want(204).keep("v3"),
		get("/ehr/{ehr}/versioned_composition/{v1.object}/version/{v3}").want(200).json("commit_audit.description.value", "gone"),
		post("/ehr", "").with("openehr-audit-details", `description.value="first"`).want(201).keep("ehr"),
		get("/ehr/{ehr}/versioned_ehr_status/version").want(200).json("commit_audit.description.value", "first")),
	show("X-77", remove(comp+"/{v1}").with("openehr-version", `lifecycle_state.code_string="532"`).want(400), get(comp+"/{v1}").want(200),
		remove(comp+"/{v1}").with("openehr-version", `lifecycle_state.code_string="523"`).want(204)),
	show("X-78", post(comp, composition()).with("openEHR-VERSION", `lifecycle_state.code_string="553"`, "openEHR-AUDIT_DETAILS", `description.value="old"`).want(201).keep("v1"),
		get("/ehr/{ehr}/versioned_composition/{v1.object}/version/{v1}").want(200).json("lifecycle_state.defining_code.code_string", "553").json("commit_audit.description.value", "old"),
		post("/query/aql", `{"q":"SELECT c FROM COMPOSITION c"}`).with("openEHR-EHR-id", "{ehr}").want(200)),
	show("X-79", post("/ehr/{ehr}/contribution", changes(creation(composition()))).with("openehr-audit-details", `description.value="header"`).shown().want(201).json("audit.description", nil)),
}

func links(target string) []any {
	return []any{object(`{"_type":"LINK","meaning":{"_type":"DV_TEXT","value":"follow-up"},"type":{"_type":"DV_TEXT","value":"issue"},"target":{"_type":"DV_EHR_URI","value":"` + target + `"}}`)}
}
