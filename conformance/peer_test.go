package conformance

import (
	"strings"
	"testing"
)

// peerHints are what clients of EHRbase rely on, one a line of the notes on its
// behaviour, against a server in its manners.
var peerHints = []struct {
	does  string
	steps []*exchange
	more  func(c *scene)
}{
	{does: "base path, users and challenge", steps: []*exchange{
		post("/ehr", "").with("Authorization", peerAdmin).want(201),
		get("/ehr/{ehr}").with("Authorization", basic("ehrbase-user", "wrong")).want(401).header("WWW-Authenticate", `Bearer realm="quire", Basic realm="quire"`),
		remove("/admin/ehr/{ehr}").want(403)}},
	{does: "physical deletes of the administrator", more: func(c *scene) {
		c.fill("{v1}{dir}{set}")
		c.header = []string{"Authorization", peerAdmin}
		admin := c.s.Admin
		c.run(remove(admin+"/ehr/{ehr}/composition/{v1.object}").want(204), remove(admin+"/ehr/{ehr}/contribution/{set}").want(204),
			remove(admin+"/ehr/{ehr}/directory/{dir.object}").want(204), remove(admin+"/ehr/{ehr}").want(204), get("/ehr/{ehr}").want(404))
	}},
	{does: "templates of the administrator: 422 in use, 200 else", more: func(c *scene) {
		c.do(post(opts, ourTemplate("{uuid}")).typed("application/xml").want(201, 204))
		at := c.s.Admin + "/template/{uuid}"
		c.do(remove(at).want(403))
		c.do(put(at, ourTemplate("{uuid}")).typed("application/xml").want(403))
		c.do(remove(c.s.Admin + "/template/all").want(403))
		c.do(post(comp, composition(set("archetype_details.template_id.value", "{uuid}"))).want(201, 204).keep("v1"))
		c.header = []string{"Authorization", peerAdmin}
		c.do(remove(at).want(422))
		c.do(put(at, strings.Replace(ourTemplate("{uuid}"), "<concept>", "<concept> ", 1)).typed("application/xml").want(422).holding("is used by"))
		c.do(remove(c.s.Admin + "/ehr/{ehr}").want(204))
		c.do(put(at, ourTemplate("{uuid}")).typed("application/xml").want(200))
		c.do(remove(at).want(200))
		c.do(get(opts + "/{uuid}").accept("application/xml").want(404))
	}},
	{does: "stored queries of the administrator", more: func(c *scene) {
		c.do(put("/definition/query/peer::{uuid}/1.0.0", oneOf).typed("text/plain").want(200))
		c.do(remove(c.s.Admin + "/query/peer::{uuid}/1.0.0").want(403))
		c.header = []string{"Authorization", peerAdmin}
		c.do(remove(c.s.Admin+"/query/peer::{uuid}/1.0.0").want(200, 204))
		c.do(get("/definition/query/peer::{uuid}/1.0.0").want(404))
	}},
	{does: "format and templateId as query parameters, _uid in the answer", more: func(c *scene) {
		text := asFlat(c)
		at := comp + "?format=FLAT&templateId=Vital%20signs%20observations.v1"
		c.do(post(at, text).shown().want(201).holding(`/_uid"`))
		c.do(post(comp, text).typed("application/openehr.wt.flat.schema+json").with("openEHR-TEMPLATE_ID", vitalSigns).shown().want(201).holding(`/_uid"`))
		structuredText := string(c.do(get(comp + "/{v1}").accept("application/openehr.wt.structured.schema+json").want(200)).body)
		if !strings.Contains(structuredText, `"_uid":["`) {
			c.t.Errorf("no _uid in STRUCTURED: %.200s", structuredText)
		}
		c.do(get(ours + "/example?format=FLAT").want(200).holding("|"))
		c.do(get(ours).accept("application/openehr.wt+json").want(200).json("templateId", vitalSigns))
	}},
	{does: "If-Match bare or quoted, ETag quoted and strong", steps: []*exchange{
		put(comp+"/{v1.object}", composition()).match("{v1}").want(200, 204).header("ETag", `"{v1.object}::{system}::2"`).keep("v2"),
		put(comp+"/{v1.object}", composition()).match(`"{v2}"`).want(200, 204)}},
	{does: "openEHR-VERSION in the old spelling, Prefer", steps: []*exchange{
		post(comp, composition()).with("openEHR-VERSION.lifecycle_state", "complete", "openEHR-TEMPLATE_ID", vitalSigns).shown().want(201).json("_type", "COMPOSITION")}},
	{does: "template upload: 201 then 409 with its text, 415 for wrong types", steps: []*exchange{
		post(opts, ourTemplate("{uuid}")).typed("application/xml").want(200, 201, 204),
		post(opts, ourTemplate("{uuid}")).typed("application/xml").want(409).holding("Operational template with this template ID already exists: {uuid}"),
		post(opts, ourTemplate("{uuid2}")).typed("application/json").want(415).json("error", "Unsupported Media Type"),
		post(opts, ourTemplate("{uuid2}")).typed("application/xml").shown().accept("text/csv").want(415).json("error", "Unsupported Media Type")}},
	{does: "error bodies and their texts", steps: []*exchange{
		post(sets, changes()).want(400).holding("Versions must not be empty"),
		post("/ehr/{locked}/composition", composition()).want(409).holding("does not allow modification"),
		get(comp+"/{v1}x").want(404, 400),
		post(dir, folder("root")).want(201, 204),
		post(dir, folder("root")).want(409).holding("FOLDER with uid ").holding(" already exist."),
		post(comp, composition(set("category.defining_code.code_string", "999"))).want(422).json("error", "Unprocessable Entity").json("message", "*"),
		asks("SELECT c FROM EHR e CONTAINS COMPOSITION c WHERE c/name/value LIKE 'a\\\\x'").want(400, 200)}},
	{does: "unparseable 400, violated 422, unknown template 422, in a contribution 400", steps: []*exchange{
		post(comp, composition(set("context.start_time.value", "yesterday"))).want(400),
		post(comp, composition(set("archetype_details.template_id.value", "none"))).want(422),
		post(sets, changes(creation(composition(set("archetype_details.template_id.value", "none"))))).want(400)}},
	{does: "EHR_STATUS without its flags 400, empty subject 201", steps: []*exchange{
		post("/ehr", status(without("is_modifiable"))).want(400), post("/ehr", status(without("is_queryable"))).want(400), post("/ehr", status(without("subject"))).want(400),
		post("/ehr", status(set("subject", map[string]any{}))).want(201)}},
	{does: "numbers as strings", steps: []*exchange{
		post(comp, strings.Replace(shipped("vital_signs_full"), `"magnitude":128`, `"magnitude":"128"`, 1)).want(201, 204)}},
	{does: "a client's composition uid is kept", steps: []*exchange{
		post(comp, composition(set("uid", map[string]any{"_type": "OBJECT_VERSION_ID", "value": "{uuid}::{system}::1"}))).want(201, 204).header("ETag", `"{uuid}::{system}::1"`)}},
	{does: "Location honours X-Forwarded", steps: []*exchange{
		post("/ehr", "").with("X-Forwarded-Host", "cdr.example.org", "X-Forwarded-Proto", "https", "X-Forwarded-Port", "8443").want(201).keep("ehr").header("Location", "https://cdr.example.org:8443/ehrbase/rest/openehr/v1/ehr/{tag}")}},
	{does: "a deleted version is 204", steps: []*exchange{get(comp + "/{gone}").want(204)}},
	{does: "AQL result as the suite reads it", steps: []*exchange{
		get(comp + "/{v1}").want(200),
		asks(" SELECT  c/uid/value, COUNT(c/uid/value)"+within+" LIMIT 1").want(200).json("q", " SELECT  c/uid/value, COUNT(c/uid/value)"+within+" LIMIT 1").json("columns.0.name", "#0").json("columns.1.name", "#1").
			json("columns.1.path", nil).json("meta._type", "RESULTSET").json("meta._schema_version", "*").json("meta._created", "*").json("meta._generator", "*").json("meta._executed_aql", "*").json("meta.resultsize", 1).json("meta._href", nil),
		get("/query/aql?q={asked}").want(200).json("meta._href", "*")}},
}

// TestPeerBehaviour runs them.
func TestPeerBehaviour(t *testing.T) {
	for _, h := range peerHints {
		t.Run(h.does, func(t *testing.T) {
			c := peerScene(t)
			c.run(h.steps...)
			if h.more != nil {
				h.more(c)
			}
		})
	}
}

// TestDeletionOfAll empties the server in EHRbase's manners: no filter means all
// EHRs, and none is left to delete.
func TestDeletionOfAll(t *testing.T) {
	c := peerScene(t)
	c.fill("{v1}")
	c.do(remove("/admin/ehr/all").want(403))
	c.header = []string{"Authorization", peerAdmin}
	c.do(remove("/admin/ehr/all").want(204))
	c.do(get("/ehr/{ehr}").want(404))
	c.do(remove("/admin/ehr/all").want(204))
}
