package conformance

const dir = "/ehr/{ehr}/directory"

func item(namespace, kind, id string) edit {
	return set("items", []any{object(`{"_type":"OBJECT_REF","namespace":"` + namespace + `","type":"VERSIONED_COMPOSITION","id":{"_type":"` + kind + `","value":"` + id + `"}}`)})
}

// tree is an ITEM_TREE with an item, or none.
func tree(item string) any {
	return object(`{"_type":"ITEM_TREE","archetype_node_id":"at0001","name":{"_type":"DV_TEXT","value":"d"},"items":[` + item + `]}`)
}

// directoryHints are those of DIRECTORY.
var directoryHints = []hint{
	show("D-01", get(dir+"/{dir}").want(200), post(dir, folder("root")).want(409), remove(dir).match("{dir}").want(204), post(dir, folder("again")).want(201), get(dir).want(200).json("name.value", "again")),
	show("D-02", get(dir).want(404), get(dir+"?version_at_time=2999-01-01T00:00:00Z").want(404)),
	show("D-03", remove(dir).match("{dir}").want(204).keep("d2"), get(dir).want(204), get(dir+"?version_at_time=2999-01-01T00:00:00Z").want(204), get(dir+"/{d2}").want(204)),
	show("D-04", put(dir, folder("root")).want(404), put(dir, folder("root")).match("{uuid}::{system}::1").want(404), remove(dir).want(404), remove(dir).match("{uuid}::{system}::1").want(404)),
	show("D-05", get(dir+"/{dir}").want(200), put(dir, folder("root")).want(400), remove(dir).want(400), remove(dir).match("{dir.object}::{system}::9").want(412).header("ETag", `W/"{dir}"`)),
	show("D-06", post(dir, folder("root", set("uid", object(`{"_type":"HIER_OBJECT_ID","value":"{uuid}"}`)))).want(201), get(dir+"/{uuid}::{system}::1").want(404)),
	show("D-07", get(dir+"/{dir}").want(200), get(dir+"?path=/episodes//winter").want(200).json("name.value", "winter"), get(dir+"?path=root/episodes").want(404), get(dir+"?path=episodes/spring").want(404)),
	show("D-08", get(dir+"/{dir}").want(200), get(dir+"?path=/folders%5Bepisodes%5D").want(404, 400), get(dir+"?path=episodes(1)").want(404, 400)),
	show("D-09", post(dir, folder("root", item("local", "HIER_OBJECT_ID", "{v1.object}"), set("folders.0.items", []any{object(`{"_type":"OBJECT_REF","namespace":"local","type":"VERSIONED_COMPOSITION","id":{"_type":"HIER_OBJECT_ID","value":"{v1.object}"}}`)}))).want(201),
		get(dir).want(200).json("items.0.id.value", "{v1.object}").json("folders.0.items.0.id.value", "{v1.object}")),
	show("D-10", post(dir, folder("root", item("elsewhere", "GENERIC_ID", "x"), set("items.0.id.scheme", "s"))).want(201).keep("dir"), get(dir).want(200).json("items.0.id.scheme", "s"),
		put(dir, folder("root", item("local", "OBJECT_VERSION_ID", "{v1}"))).match("{dir}").want(204), get(dir).want(200).json("items.0.id.value", "{v1}")),
	show("D-11", post(dir, folder("root", set("items", []any{object(composition())}))).want(400, 422)),
	show("D-12", post(dir, folder("root", item("local", "HIER_OBJECT_ID", "{uuid}"))).want(422), post(dir, folder("root", item("unknown", "HIER_OBJECT_ID", "{uuid}"))).want(201)),
	show("D-13", post(dir, folder("root", set("links", links("ehr:///a")), without("links.0.meaning"))).want(400, 422)),
	show("D-14", post(dir, folder("root", set("details", tree("")))).want(201), get(dir).want(200).json("details.name.value", "d")),
	show("X-09", post(dir, folder("root", set("details", tree(`{"_type":"CLUSTER","archetype_node_id":"at0002","name":{"_type":"DV_TEXT","value":"c"},"items":[]}`)))).want(400, 422),
		post(dir, folder("root", set("details", tree("")))).want(201)),
	show("D-15", get("/ehr/{ehr}/versioned_directory").want(404)),
	show("D-16 D-17", put(dir, folder("root")).match("{dir}").want(204).keep("d2").header("Location", "{base}/ehr/{ehr}/directory/{tag}"),
		put(dir, folder("root")).match("{d2}").shown().want(200).keep("d3").header("Location", "{base}/ehr/{ehr}/directory/{tag}"), get(dir+"/{d2}").want(200).json("_type", "FOLDER")),
	show("D-18", get("/demographic/directory").want(404)),
}

// tagHints are those of ITEM_TAG.
var tagHints = []hint{
	show("T-01 T-02", put(comp+"/{v1.object}/tags", `[{"key":"a"}]`).want(204), put(comp+"/{v1}/tags", `[{"key":"b"}]`).want(204),
		get(comp+"/{v1.object}/tags").want(200).json("#", 1).json("0.key", "a"), get(comp+"/{v1}/tags").want(200).json("#", 1).json("0.key", "b")),
	show("T-03", put(comp+"/{v1}/tags", `[{"key":"a"},{"key":"a","target_path":"/context"},{"key":"b"}]`).want(204), put(comp+"/{v1}/tags", `[{"key":"a"},{"key":"a","target_path":"/context"}]`).want(204),
		remove(comp+"/{v1}/tags/a").want(204), get(comp+"/{v1}/tags").want(200).json("#", 0), remove(comp+"/{v1}/tags/a").want(404), put(comp+"/{v1}/tags", `[{"key":"z"}]`).want(204),
		put(comp+"/{v1}/tags", `[]`).want(204), get(comp+"/{v1}/tags").want(200).json("#", 0)),
	show("T-04 T-05", put(comp+"/{v1}/tags", `[{"key":"a","value":"1"},{"key":"a","value":"2","target_path":""}]`).want(204), get(comp+"/{v1}/tags").want(200).json("#", 1).json("0.value", "2").json("0.target_path", nil)),
	show("T-06", put(comp+"/{v1}/tags", `[{"key":""}]`).want(422), put(comp+"/{v1}/tags", `[{"key":" a"}]`).want(422), put(comp+"/{v1}/tags", `[{"key":"a","value":""}]`).want(422),
		put(comp+"/{v1}/tags", `{}`).want(400), put(comp+"/{v1}/tags", `[{"key":1}]`).want(400), put(comp+"/{v1}/tags", `[{"key":"a","value":42}]`).want(400),
		put(comp+"/{v1}/tags", `[{"key":"a","owner_id":"x"}]`).want(400), get(comp+"/{v1}/tags").want(200).json("#", 0)),
	show("T-07 T-08", put(comp+"/{v1.object}/tags", `[{"key":"c"}]`).want(204), put(comp+"/{v1}/tags", `[{"key":"v"}]`).want(204),
		get("/ehr/{ehr}/versioned_composition/{v1.object}/revision_history").want(200).json("items.#", 1), get(comp+"/{v2}").want(200),
		get(comp+"/{v1.object}/tags").want(200).json("#", 1), get(comp+"/{v1}/tags").want(200).json("#", 1), get(comp+"/{v2}/tags").want(200).json("#", 0)),
	show("T-09", put(comp+"/{v1.object}", composition()).match("{v1}").with("openehr-item-tag", `key="a"`, "openehr-version-item-tag", `key="b"`).want(204).keep("v2"),
		get(comp+"/{v1.object}/tags").want(200).json("0.key", "a"), get(comp+"/{v2}/tags").want(200).json("0.key", "b")),
	show("T-10 T-11", post(comp, composition()).with("openehr-item-tag", `value="x"`).want(400), post("/query/aql", `{"q":"{oneof}"}`).want(200).json("rows.#", 0),
		post(comp, composition()).with("openehr-item-tag", `key="a",target_path="/content[a;b]";key="b"`).want(201).keep("v1"), get(comp+"/{v1.object}/tags").want(200).json("#", 2),
		put(comp+"/{v1.object}", composition()).match("{v1}").with("openehr-item-tag", "").want(204), get(comp+"/{v1.object}/tags").want(200).json("#", 0)),
	show("T-12", get(comp+"/{status.object}/tags").want(404), put(comp+"/{status.object}/tags", `[]`).want(404), remove(comp+"/{status.object}/tags/a").want(404)),
	show("T-13", put(comp+"/{v1}/tags", `[{"key":"a","value":"1"},{"key":"A","value":"1","target_path":"/context"}]`).want(204), get("/ehr/{ehr}/tags?tag_key=a").want(200).json("#", 1),
		get("/ehr/{ehr}/tags?tag_key=A&tag_value=2").want(200).json("#", 0), get("/ehr/{ehr}/tags?tag_target_path=/context").want(200).json("#", 1)),
	show("T-14", put(comp+"/{v1}/tags", `[{"key":"a"}]`).want(204), get(comp+"/{v1}/tags").want(200).json("0._type", "ITEM_TAG").json("0.target.value", "{v1}").json("0.owner_id.id.value", "{ehr}").json("0.owner_id.type", "EHR")),
	show("T-15", get("/demographic/tags").want(200)),
	show("T-16", get("/ehr/{ehr}/tags").accept("application/xml").want(406)),
}
