package conformance

const (
	opts = "/definition/template/adl1.4"
	ours = opts + "/Vital%20signs%20observations.v1"
)

// templateHints are those of templates.
var templateHints = []hint{
	show("P-01", post(opts, ourTemplate("{uuid}")).typed("text/plain").want(415), post(opts, ourTemplate("{uuid}")).typed("application/xml").want(201)),
	show("P-02 P-03", post(opts, "<template").typed("application/xml").want(400), post(opts, "").typed("application/xml").want(400), post(opts, "<template/>").typed("application/xml").want(400, 422)),
	show("P-04 P-05", post(opts, ourTemplate("{uuid}")).typed("application/xml").want(201), post(opts, ourTemplate("{uuid}")).typed("application/xml").want(409),
		post(opts, ourTemplate("{uuid2}")).typed("application/xml").with("Prefer", "return=identifier").want(201).json("uid", "*")),
	{ids: "P-06", more: func(c *scene) {
		c.do(post(opts, ourTemplate("{uuid}")).typed("application/xml").want(201))
		if got := c.do(get(opts + "/{uuid}").accept("application/xml").want(200)); string(got.body) != c.fill(ourTemplate("{uuid}")) {
			c.t.Error("the template read back is not what was uploaded")
		}
	}},
	show("P-07 P-19", get(ours).accept("application/openehr.wt+json").want(200).header("Content-Type", "application/openehr.wt+json").json("templateId", vitalSigns).json("tree", "*").json("defaultLanguage", "*").json("languages", "*").json("version", "*"),
		get(ours).accept("application/json").want(200, 406)),
	show("P-08", get(ours).accept("application/openehr.wt.flat+json").want(406)),
	show("P-09", post(opts, ourTemplate("{uuid}.v1")).typed("application/xml").want(201), post(opts, ourTemplate("{uuid}.v2")).typed("application/xml").want(201),
		get(opts+"?template_id={uuid}*").want(200).json("#", 1).json("0.template_id", "{uuid}.v2"), get(opts+"?template_id={uuid}*&version=*").want(200).json("#", 2),
		get(opts+"?template_id={uuid}*&version=1").want(200).json("#", 1).json("0.template_id", "{uuid}.v1")),
	show("P-10", get(opts+"?template_id=Vital*&concept=*").want(200).json("0.template_id", vitalSigns), get(opts+"?template_id=Vital").want(200).json("#", 0), get(opts+"?offset=100000").want(200).json("#", 0)),
	show("P-11", get(opts+"/Vital%20signs%20observations").accept("application/xml").want(404, 200)),
	show("P-12", get(ours+"/example?type=output&detail_level=complete").want(200), get(ours+"/example?type=other").want(400), get(ours+"/example?detail_level=loud").want(400)),
	{ids: "P-13", more: func(c *scene) {
		c.do(post(comp, string(c.do(get(ours+"/example").want(200)).body)).want(201))
	}},
	show("P-14", get(ours+"/example").accept("application/openehr.wt+json").want(406)),
	show("P-17", remove(ours).want(405)),
	show("P-18", post(opts, "<template xmlns=\"http://schemas.openehr.org/v1\"><language><terminology_id><value>ISO_639-1</value></terminology_id><code_string>en</code_string></language></template>").typed("application/xml").want(422)),
}

const queries = "/definition/query"

// storedQueryHints are those of stored queries.
var storedQueryHints = []hint{
	show("S-01", put(queries+"/conf::{uuid}", oneOf).typed("text/plain").want(200).header("Location", "{base}/definition/query/conf::{uuid}/1.0.0"),
		put(queries+"/conf::{uuid}/2.0.0", oneOf).typed("text/plain").want(200), put(queries+"/conf::{uuid}", oneOf+" ").typed("text/plain").want(200).header("Location", "{base}/definition/query/conf::{uuid}/1.0.0")),
	show("S-02", put(queries+"/conf::a{uuid}/1.0.0", oneOf).typed("text/plain").want(200).header("Location", "*"), put(queries+"/conf::a{uuid}/1.0.0", oneOf).typed("text/plain").want(409),
		put(queries+"/CONF::A{uuid}/1.0.0", oneOf).typed("text/plain").want(409)),
	every("S-03", []string{"1", "1.0", "1.0.0-rc.1", "new"}, func(v string) []*exchange {
		return []*exchange{put(queries+"/conf::{uuid}/"+v, oneOf).typed("text/plain").want(400), get(queries + "/conf::{uuid}/" + v).want(404)}
	}),
	show("S-04", put(queries+"/aql", oneOf).typed("text/plain").want(400), put(queries+"/AQL/1.0.0", oneOf).typed("text/plain").want(400), get(queries+"/aql/1.0.0").want(404)),
	show("S-05", put(queries+"/conf::{uuid}", "SELECT").typed("text/plain").want(400), put(queries+"/conf::{uuid}?query_type=SQL", oneOf).typed("text/plain").want(400)),
	show("S-06", put(queries+"/conf::{uuid}", `"q"`).typed("application/json").want(415), get(queries+"/conf::{uuid}/1.0.0").want(404)),
	show("S-07", put(queries+"/a.b{uuid}", oneOf).typed("text/plain").want(200), get(queries+"/misc::a.b{uuid}/1.0.0").want(200)),
	show("S-08", put(queries+"/conf::{uuid}", oneOf+"  ").typed("text/plain").want(200), get(queries+"/conf::{uuid}/1.0.0").want(200).json("q", oneOf+"  ").json("type", "AQL")),
	show("S-09", put(queries+"/conf::{uuid}b/1.0.0", oneOf).typed("text/plain").want(200), put(queries+"/conf::{uuid}a/10.0.0", oneOf).typed("text/plain").want(200), put(queries+"/conf::{uuid}a/9.0.0", oneOf).typed("text/plain").want(200),
		get(queries+"/conf::{uuid}").want(200).json("#", 3).json("0.version", "9.0.0").json("1.version", "10.0.0").json("2.version", "1.0.0"), get(queries+"/conf::{uuid}none").want(200).json("#", 0)),
	show("S-10", put(queries+"/conf::{uuid}/1.2.3", oneOf).typed("text/plain").want(200), put(queries+"/conf::{uuid}/1.10.0", oneOf).typed("text/plain").want(200),
		get(queries+"/conf::{uuid}/1").want(200).json("version", "1.10.0").header("Location", ""), get(queries+"/conf::{uuid}/1.2").want(200).json("version", "1.2.3"),
		get(queries+"/conf::{uuid}/1.2.3").accept("application/xml").want(406)),
	show("S-11", remove(queries+"/conf::{uuid}").want(405, 404)),
}
