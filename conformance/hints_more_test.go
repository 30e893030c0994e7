package conformance

const (
	flat       = "application/openehr.wt.flat+json"
	structured = "application/openehr.wt.structured+json"
)

// asFlat writes the example in FLAT, as the server shows it, edited by pairs.
func asFlat(c *scene, edits ...string) string {
	text := string(c.do(get(comp + "/{v1}").accept(flat).want(200)).body)
	doc := object(text)
	delete(doc, "encounter/_uid")
	for i := 0; i+1 < len(edits); i += 2 {
		if edits[i+1] == "" {
			delete(doc, edits[i])
			continue
		}
		doc[edits[i]] = edits[i+1]
	}
	return edited("{}", []edit{func(out map[string]any) {
		for k, v := range doc {
			out[k] = v
		}
	}})
}

const template = "openehr-template-id"

// flatCase commits the example with FLAT edits.
func flatCase(ids string, want []int, edits ...string) hint {
	return hint{ids: ids, more: func(c *scene) {
		c.do(post(comp, asFlat(c, edits...)).typed(flat).with(template, vitalSigns).want(want...))
	}}
}

// simplifiedHints are those of the simplified formats.
var simplifiedHints = []hint{
	flatCase("F-01", []int{201}),
	show("F-02", post(comp, "{}").typed("application/openehr.nc.flat+json").want(415), get(comp+"/{v1}").accept("application/openehr.tds2+xml").want(406)),
	{ids: "F-03", more: func(c *scene) { c.do(post(comp, asFlat(c)).typed(flat).want(400, 422)) }},
	flatCase("F-04", []int{422}, "encounter/language|code", "", "encounter/language|terminology", ""),
	{ids: "F-05 F-06", more: func(c *scene) {
		plain := []string{"encounter/composer|name", "", "encounter/context/setting|code", "", "encounter/context/setting|value", "", "encounter/context/setting|terminology", "",
			"encounter/context/start_time", "", "encounter/language|code", "", "encounter/language|terminology", "", "encounter/territory|code", "", "encounter/territory|terminology", "",
			"ctx/language", "en", "ctx/territory", "GB"}
		c.do(post(comp, asFlat(c, append(plain, "ctx/composer_name", "A. Writer")...)).typed(flat).with(template, vitalSigns).want(201).keep("v2"))
		c.do(get(comp+"/{v2}").want(200).json("context.setting.defining_code.code_string", "238").json("composer._type", "PARTY_IDENTIFIED").json("composer.name", "A. Writer").json("context.start_time.value", "*"))
		c.do(get(comp + "/{v2}").accept(flat).want(200).holding(`"encounter/composer|name"`))
		c.do(post(comp, asFlat(c, append(plain, "ctx/composer_self", "true")...)).typed(flat).with(template, vitalSigns).want(201).keep("v3"))
		c.do(get(comp+"/{v3}").want(200).json("composer._type", "PARTY_SELF"))
	}},
	flatCase("F-08", []int{400, 422}, "encounter/category|other", "x"),
	flatCase("F-09", []int{422}, "encounter/no_such_field", "x"),
	flatCase("F-11", []int{400, 422}, "encounter/pulse_heart_beat/any_event:70000/rate|magnitude", "1"),
	{ids: "F-12 F-14", more: func(c *scene) {
		a := c.do(get(comp + "/{v1}").accept(structured).want(200))
		root, _ := a.member("encounter").(map[string]any)
		if list, is := root["language"].([]any); !is || len(list) != 1 {
			c.t.Errorf("a child of STRUCTURED is no array: %.300s", a.body)
		}
		c.do(post(comp, string(a.body)).typed(structured).with(template, vitalSigns).want(201, 409))
	}},
	{ids: "F-25 F-26", more: func(c *scene) {
		c.do(post("/demographic/contribution", "{}").typed(flat).want(415))
		c.do(post(sets, changes(creation(status()))).typed(flat).want(415, 422, 400))
	}},
}

// demographicHints are those of parties.
var demographicHints = []hint{
	show("M-01", post("/demographic/person", party("group")).want(422), get("/demographic/group/{person}").want(404)),
	show("M-02", post("/demographic/person", party("person", set("uid", object(`{"_type":"HIER_OBJECT_ID","value":"{uuid}"}`)))).shown().want(201).json("uid.value", "{tag}")),
	show("M-03", post("/demographic/person", party("person", without("archetype_details"))).want(422)),
	every("M-04", partyKinds, func(kind string) []*exchange {
		return []*exchange{post("/demographic/"+kind, party(kind, without("identities"))).want(400, 422), post("/demographic/"+kind, party(kind, set("contacts", []any{}))).shown().want(201).json("contacts", nil)}
	}),
	show("M-05 M-06", post("/demographic/person", party("person", set("relationships", []any{relationship("{uuid}", "{person.object}")}))).want(422)),
	show("M-07 M-08", put("/demographic/person/{person.object}", party("person")).match("{person}").want(204).keep("p2"), remove("/demographic/person/{person}").want(409),
		remove("/demographic/person/{p2}").want(204).keep("p3"), remove("/demographic/person/{p3}").want(400), get("/demographic/person/{person.object}").want(204),
		get("/demographic/versioned_party/{person.object}/version/{p3}").want(200).json("data", nil)),
	show("M-09", post("/demographic/person", "{}").typed(flat).want(415), get("/demographic/person/{person}").accept(flat).want(406)),
	show("M-10", get("/demographic/versioned_party/{person.object}").want(200).json("owner_id.namespace", "local").json("owner_id.type", "SYSTEM").json("owner_id.id.value", "{system}")),
	show("X-46", get("/demographic/person/{person}").with("Prefer", "return=representation, resolve_refs").want(200).json("_type", "PERSON")),
	show("M-11", get("/demographic/party_relationship/{uuid}").want(404)),
	show("M-12", post("/demographic/person", party("person")).with("openehr-audit-details", `description.value="why"`, "openehr-item-tag", `key="a"`).want(201).keep("p1"),
		get("/demographic/person/{p1.object}/tags").want(200).json("#", 1), get("/demographic/versioned_party/{p1.object}/version").want(200).json("commit_audit.description.value", "why")),
	show("M-13", post("/demographic/person", "{").want(400).header("Content-Type", "application/json; charset=utf-8")),
}

func relationship(source, target string) any {
	ref := func(id string) string {
		return `{"_type":"PARTY_REF","namespace":"local","type":"PERSON","id":{"_type":"HIER_OBJECT_ID","value":"` + id + `"}}`
	}
	return object(`{"_type":"PARTY_RELATIONSHIP","archetype_node_id":"at0010","name":{"_type":"DV_TEXT","value":"next of kin"},"source":` + ref(source) + `,"target":` + ref(target) + `}`)
}

// adminHints are those of physical deletion and of the system.
var adminHints = []hint{
	show("A-01 A-02", aValue, remove("/admin/ehr/{ehr}").want(204), remove("/admin/ehr/{ehr}").want(404), get("/ehr/{ehr}").want(404), get(comp+"/{v1}").want(404),
		put("/ehr/{ehr}", "").want(201)),
	show("A-03", aValue, put(comp+"/{v1}/tags", `[{"key":"a"}]`).want(204), get("/ehr/{ehr}/contribution/{set}").want(200), get(dir+"/{dir}").want(200), remove("/admin/ehr/{ehr}").want(204),
		put("/ehr/{ehr}", "").want(201), get(comp+"/{v1}").want(404), get("/ehr/{ehr}/contribution/{set}").want(404), get(dir).want(404), get("/ehr/{ehr}/tags").want(200).json("#", 0)),
	show("A-04", get("/ehr/{ehr2}").want(200), get("/ehr/{ehr3}").want(200), remove("/admin/ehr/all?ehr_id={ehr}&ehr_id={ehr2}&ehr_id={uuid}").want(204),
		get("/ehr/{ehr}").want(404), get("/ehr/{ehr2}").want(404), get("/ehr/{ehr3}").want(200)),
	show("A-05", remove("/admin/ehr/all?ehr_id={ehr}&ehr_id=x").want(400), get("/ehr/{ehr}").want(200)),
	show("A-08", get("/admin/ehr").want(404, 405)),
	show("Y-01 Y-02 Y-03", request("OPTIONS", "/", "").as("").want(200).header("Allow", "*").header("Content-Type", "application/json; charset=utf-8").json("solution", "*").json("endpoints", "*")),
}
