package conformance

import (
	"encoding/json"
	"fmt"
	"net/url"
)

// asks posts a query of one EHR as the body of query/aql.
func asks(text string, more ...string) *exchange {
	body := map[string]any{"q": text}
	for i := 0; i+1 < len(more); i += 2 {
		var v any
		if json.Unmarshal([]byte(more[i+1]), &v) != nil {
			panic("the test's own JSON: " + more[i+1])
		}
		body[more[i]] = v
	}
	out, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return post("/query/aql", string(out))
}

// within is FROM one EHR.
const within = ` FROM EHR e[ehr_id/value='{ehr}'] CONTAINS COMPOSITION c`

// rows wants rows, as JSON text.
func (e *exchange) rows(want string) *exchange {
	var v any
	if json.Unmarshal([]byte(want), &v) != nil {
		panic("the test's own JSON: " + want)
	}
	return e.want(200).json("rows", fmt.Sprint(v))
}

var aValue = get(comp + "/{v1}").want(200)

// queryHints are those of query execution and AQL.
var queryHints = []hint{
	show("Q-01", aValue, post("/query/aql", `{"q":"SELECT c/uid/value FROM EHR e CONTAINS COMPOSITION c","ehr_id":"{ehr}"}`).want(200).json("rows.#", 1),
		get("/query/aql?q=SELECT%20c%2Fuid%2Fvalue%20FROM%20EHR%20e%20CONTAINS%20COMPOSITION%20c&ehr_id={ehr}").want(200).json("rows.#", 1),
		get("/query/aql?q=SELECT%20c%2Fuid%2Fvalue%20FROM%20EHR%20e%20CONTAINS%20COMPOSITION%20c").with("openehr-ehr-id", "{ehr}").want(200).json("rows.#", 1),
		put(queries+"/conf::{uuid}", "SELECT c/uid/value FROM EHR e CONTAINS COMPOSITION c").typed("text/plain").want(200),
		get("/query/conf::{uuid}?ehr_id={ehr}").want(200).json("rows.#", 1), post("/query/conf::{uuid}", "{}").with("openehr-ehr-id", "{ehr}").want(200).json("rows.#", 1)),
	show("Q-02", asks("SELECT c/uid/value"+within, "ehr_id", `"{ehr}"`).with("openehr-ehr-id", "{ehr}").want(200), asks("SELECT c/uid/value"+within, "ehr_id", `"{ehr}"`).with("openehr-ehr-id", "{ehr2}").want(400)),
	show("Q-03", asks("SELECT c FROM EHR e CONTAINS COMPOSITION c", "ehr_id", `"{uuid}"`).want(404)),
	show("Q-04", aValue, asks("SELECT c/uid/value"+within, "ehr_id", `"{ehr2}"`).rows(`[]`)),
	show("Q-05", aValue, post("/query/aql?fetch=1", `{"q":"{oneof}","fetch":1}`).want(200), post("/query/aql?fetch=1", `{"q":"{oneof}","fetch":2}`).want(400), post("/query/aql?fetch=1&offset=0", `{"q":"{oneof}"}`).want(200)),
	show("Q-06", aValue, asks("SELECT c/uid/value FROM EHR e[ehr_id/value=$ehr_id] CONTAINS COMPOSITION c", "query_parameters", `{"ehr_id":"{ehr}"}`).want(200).json("rows.#", 1)),
	{ids: "Q-07", more: func(c *scene) {
		c.fill("{v1}")
		c.do(get("/query/aql?q="+url.QueryEscape("SELECT c/uid/value FROM EHR e[ehr_id/value=$mine] CONTAINS COMPOSITION c")+"&mine={ehr}").want(200).json("rows.#", 1))
	}},
	show("Q-08 Q-16", put(queries+"/conf::{uuid}", oneOf).typed("text/plain").want(200), post("/query/conf::{uuid}", `{}`).want(200), get("/query/conf::{uuid}").want(200),
		get("/query/conf::{uuid}/1").want(200), get("/query/conf::{uuid}/2").want(404), get("/query/conf::{uuid}/x").want(404)),
	show("Q-09", aValue, get(comp+"/{v2}").want(200), post(comp, composition()).want(201), post(comp, composition()).want(201), asks(oneOf+" LIMIT 2", "fetch", "5").want(200).json("rows.#", 2),
		asks(oneOf+" LIMIT 2", "fetch", "5", "offset", "1").want(200).json("rows.#", 1), asks("SELECT TOP 2 c/uid/value"+within, "fetch", "1").want(400)),
	show("Q-10 Q-11 Q-35", aValue, asks("SELECT c/uid/value"+within).rows(`[["{v1}"]]`).json("columns.0.name", "#0"),
		asks("SELECT c/uid/value"+within+" WHERE c/uid/value=$u", "query_parameters", `{"u":"{v1}"}`).want(200).json("rows.#", 1).json("meta._created", "*")),
	show("Q-12", asks(oneOf).want(200).header("ETag", "")),
	show("Q-13", asks(oneOf).accept("application/xml").want(406)),
	show("Q-14", asks("SELECT FROM").want(400)),
	show("Q-15", asks("SELECT c/uid/value FROM COMPOSITION c WHERE c/context/start_time/value > $from", "query_parameters", `{"from":"not-a-date"}`).want(400),
		asks("SELECT c/uid/value"+within+" WHERE c/context/start_time/value > $from", "query_parameters", `{"from":"2024-05"}`).want(200)),
	show("Q-17", asks("SELECT COUNT(c/uid/value)"+within).rows(`[[0]]`), asks("SELECT MIN(c/context/start_time/value), MAX(c/context/start_time/value)"+within).want(200).json("rows.#", 1).json("rows.0.0", nil)),
	show("Q-18", aValue, asks("SELECT SUM(c/uid/value)"+within).want(400, 200)),
	show("Q-19", aValue, asks("SELECT MAX(c/context/start_time/value)"+within).want(200).json("rows.0.0", "*")),
	show("Q-20", get(comp+"/{v2}").want(200), asks("SELECT v/uid/value FROM EHR e[ehr_id/value='{ehr}'] CONTAINS VERSION v[ALL_VERSIONS] CONTAINS COMPOSITION c").want(200).json("rows.#", 2),
		asks("SELECT v/uid/value FROM EHR e[ehr_id/value='{ehr}'] CONTAINS VERSION v[LATEST_VERSION] CONTAINS COMPOSITION c").rows(`[["{v2}"]]`)),
	show("Q-21", get(comp+"/{v2}").want(200), asks("SELECT v/uid/value FROM EHR e[ehr_id/value='{ehr}'] CONTAINS VERSION v[commit_audit/change_type/value='creation'] CONTAINS COMPOSITION c").rows(`[["{v1}"]]`)),
	show("Q-23", aValue, asks("SELECT c/uid/value"+within+"[openEHR-EHR-COMPOSITION.none.v1]").rows(`[]`)),
	show("Q-24", aValue, asks("SELECT c/category[at0002, openehr::433|anything|]/value"+within).want(200, 400)),
	show("Q-25", post(comp, composition(set("links", append(links("ehr:///a"), links("ehr:///b")...)))).want(201), asks("SELECT c/uid/value"+within+" WHERE c/links/target/value='ehr:///b'").want(200).json("rows.#", 1)),
	show("Q-26", aValue, asks("SELECT c/uid/value"+within+" WHERE EXISTS c/links").rows(`[]`), asks("SELECT c/uid/value"+within+" WHERE NOT EXISTS c/links").rows(`[["{v1}"]]`)),
	show("Q-27", aValue, asks("SELECT c/uid/value FROM EHR e[ehr_id/value='{ehr}'] CONTAINS COMPOSITION c NOT CONTAINS EVALUATION x").rows(`[["{v1}"]]`)),
	show("Q-29", aValue, asks("SELECT c/uid/value FROM EHR e[ehr_id/value='{ehr}'] CONTAINS COMPOSITION c CONTAINS COMPOSITION d").want(200, 400)),
	show("Q-30", aValue, post(comp, composition()).want(201), asks("SELECT DISTINCT c/category/value"+within+" LIMIT 5").want(200).json("rows.#", 1)),
	show("Q-31", aValue, asks("SELECT c/uid/value"+within+" ORDER BY c/context/start_time/value, c/uid/value DESC").rows(`[["{v1}"]]`)),
	show("Q-32", aValue, asks("SELECT c/uid/value"+within+" WHERE c/category/value LIKE 'e?ent'").rows(`[["{v1}"]]`), asks("SELECT c/uid/value"+within+" WHERE c/category/value LIKE 'e\\\\?ent'").rows(`[]`)),
	show("Q-33", aValue, asks("SELECT SUBSTRING(c/category/value,1,2)"+within).rows(`[["ev"]]`), asks("SELECT c/uid/value"+within+" WHERE NOW() > '2001-01-01T00:00:00Z'").want(200, 400)),
	show("Q-34", aValue, asks("SELECT true, NULL, 1, c/uid/value"+within).want(200).json("rows.0.0", true).json("rows.0.1", nil).json("rows.0.2", 1)),
	show("Q-36 Q-37 Q-38", asks("SELECT c/uid/value"+within+" LIMIT 1 ORDER BY c/uid/value").want(400, 200)),
	show("Q-39", asks("SELECT e/ehr_id/value FROM EHR e LIMIT 1").as("analyst").want(200)),
}
