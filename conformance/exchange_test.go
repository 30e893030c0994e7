package conformance

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gofrs/uuid/v5"
)

// exchange is one request and what its answer must be. Paths stand after the
// openEHR base; {name} in path, headers, body and wants is a fact of the scene.
type exchange struct {
	method, path string
	who          string
	text         string
	sent         []string
	statuses     []int
	headers      [][2]string
	members      []member
	holds        []string
	kept         string
	keptFrom     string
}

type member struct {
	path  string
	value any
}

func request(method, path, body string) *exchange {
	return &exchange{method: method, path: path, text: body, who: usually(path)}
}

// usually is who may do what stands at a path, of the demo's identities.
func usually(path string) string {
	if strings.HasPrefix(path, "/definition") || strings.HasPrefix(path, "/admin") || strings.HasPrefix(path, "/demographic") {
		return "admin"
	}
	return "clinician"
}

func get(path string) *exchange                { return request("GET", path, "") }
func remove(path string) *exchange             { return request("DELETE", path, "") }
func post(path, body string) *exchange         { return request("POST", path, body) }
func put(path, body string) *exchange          { return request("PUT", path, body) }
func (e *exchange) as(who string) *exchange    { e.who = who; return e }
func (e *exchange) want(s ...int) *exchange    { e.statuses = s; return e }
func (e *exchange) with(h ...string) *exchange { e.sent = append(e.sent, h...); return e }
func (e *exchange) match(tag string) *exchange { return e.with("If-Match", tag) }
func (e *exchange) keep(name string) *exchange { e.kept = name; return e }
func (e *exchange) shown() *exchange           { return e.with("Prefer", "return=representation") }
func (e *exchange) holding(s string) *exchange { e.holds = append(e.holds, s); return e }
func (e *exchange) accept(s string) *exchange  { return e.with("Accept", s) }
func (e *exchange) typed(s string) *exchange   { return e.with("Content-Type", s) }
func (e *exchange) keepAt(name, path string) *exchange {
	e.kept, e.keptFrom = name, path
	return e
}

// header wants a header of the answer: its value, "" for absent, "*" for any.
func (e *exchange) header(name, value string) *exchange {
	e.headers = append(e.headers, [2]string{name, value})
	return e
}

// json wants a member of the answer at a dotted path; nil is absent. A number
// after the last point of a list is a position, # its length.
func (e *exchange) json(path string, value any) *exchange {
	e.members = append(e.members, member{path, value})
	return e
}

// scene is what a run of exchanges shares: a server and the facts made so far.
type scene struct {
	t      testing.TB
	s      *target
	base   string
	facts  map[string]string
	header []string // of every request
	who    string   // replaces everybody
	saw    func(e *exchange, target string, sent []byte, headers []string, a answer)
}

func newScene(t testing.TB, s *target) *scene {
	return &scene{t: t, s: s, base: s.OpenEHR, facts: map[string]string{}}
}

var hole = regexp.MustCompile(`\{([a-z][a-z0-9]*)(\.object)?\}`)

// fill replaces {name} by the fact, made where it can be; {name.object} is the
// container of a version uid.
func (c *scene) fill(text string) string {
	c.t.Helper()
	return hole.ReplaceAllStringFunc(text, func(found string) string {
		parts := hole.FindStringSubmatch(found)
		value, known := c.facts[parts[1]]
		if !known {
			how, can := makers[strings.TrimRight(parts[1], "0123456789")]
			if exact, ok := makers[parts[1]]; ok {
				how, can = exact, true
			}
			if !can {
				return found
			}
			value = how(c)
			c.facts[parts[1]] = value
		}
		if parts[2] != "" {
			value, _, _ = strings.Cut(value, "::")
		}
		return value
	})
}

// makers make facts when they are first asked for. A name with a number behind
// is another fact of its kind, except where the numbered one has a maker.
var makers map[string]func(c *scene) string

func init() { makers = facts }

var facts = map[string]func(c *scene) string{
	"base":  func(c *scene) string { return c.base },
	"oneof": func(c *scene) string { return c.fill(oneOf) },
	"asked": func(c *scene) string { return url.QueryEscape(c.fill(oneOf)) },
	"person": func(c *scene) string {
		c.do(post("/demographic/person", party("person")).want(201, 204).keep("person"))
		return c.facts["person"]
	},
	"uuid":   func(*scene) string { return uuid.Must(uuid.NewV4()).String() },
	"system": func(c *scene) string { return strings.Split(c.fill("{status}"), "::")[1] },
	"ehr": func(c *scene) string {
		return c.do(post("/ehr", "").want(201)).uid(c.t)
	},
	"status": func(c *scene) string { return c.do(get("/ehr/{ehr}/ehr_status").want(200)).uid(c.t) },
	"v1": func(c *scene) string {
		return c.do(post("/ehr/{ehr}/composition", composition()).want(201, 204)).uid(c.t)
	},
	"v2": func(c *scene) string {
		return c.do(put("/ehr/{ehr}/composition/{v1.object}", composition()).match("{v1}").want(200, 204)).uid(c.t)
	},
	"gone": func(c *scene) string {
		c.facts["dead"] = c.do(post("/ehr/{ehr}/composition", composition()).want(201, 204)).uid(c.t)
		return c.do(remove("/ehr/{ehr}/composition/{dead}").want(204)).uid(c.t)
	},
	"dir": func(c *scene) string {
		return c.do(post("/ehr/{ehr}/directory", folder("root")).want(201, 204)).uid(c.t)
	},
	"set": func(c *scene) string {
		return c.do(post("/ehr/{ehr}/contribution", changes(creation(composition()))).want(201, 204)).uid(c.t)
	},
	"locked": func(c *scene) string {
		id := c.do(post("/ehr", "").want(201)).uid(c.t)
		tag := c.do(get("/ehr/" + id + "/ehr_status").want(200)).uid(c.t)
		c.facts["lock"] = c.do(put("/ehr/"+id+"/ehr_status", status(set("is_modifiable", false))).match(tag).want(200, 204)).uid(c.t)
		return id
	},
}

// do runs one exchange and checks what it wants.
func (c *scene) do(e *exchange) answer {
	c.t.Helper()
	target := c.fill(e.path)
	if !strings.HasPrefix(target, "http") {
		target = c.base + target
	}
	var body []byte
	if e.text != "" {
		body = []byte(c.fill(e.text))
	}
	headers := slices.Clone(c.header)
	for _, h := range e.sent {
		headers = append(headers, c.fill(h))
	}
	who := e.who
	if c.who != "" && who != "" {
		who = c.who
	}
	if c.s.Tokens[who] == "" {
		who = ""
	}
	a := c.s.call(c.t, who, e.method, target, body, headers...)
	if c.saw != nil {
		c.saw(e, target, body, headers, a)
	}
	if tag := a.header.Get("ETag"); tag != "" {
		c.facts["tag"] = a.uid(c.t)
	}
	at := e.method + " " + e.path
	if len(e.statuses) > 0 && !slices.Contains(e.statuses, a.status) {
		c.t.Errorf("%s: status %d, want %v: %.400s", at, a.status, e.statuses, a.body)
	}
	for _, h := range e.headers {
		got, want := a.header.Get(h[0]), c.fill(h[1])
		if want == "*" && got == "" || want != "*" && got != want {
			c.t.Errorf("%s: header %s is %q, want %q", at, h[0], got, want)
		}
	}
	for _, m := range e.members {
		if s, ok := m.value.(string); ok {
			m.value = c.fill(s)
		}
		if got := a.member(m.path); !same(got, m.value) {
			c.t.Errorf("%s: %s is %v, want %v: %.300s", at, m.path, got, m.value, a.body)
		}
	}
	for _, h := range e.holds {
		if h = c.fill(h); !strings.Contains(string(a.body), h) {
			c.t.Errorf("%s: no %q in %.400s", at, h, a.body)
		}
	}
	switch {
	case e.kept != "" && e.keptFrom != "":
		c.facts[e.kept] = fmt.Sprint(a.member(e.keptFrom))
	case e.kept != "" && a.header.Get("ETag") != "":
		c.facts[e.kept] = a.uid(c.t)
	case e.kept != "":
		c.t.Errorf("%s: no ETag to keep; status %d", at, a.status)
	}
	return a
}

func (c *scene) run(steps ...*exchange) {
	c.t.Helper()
	for _, e := range steps {
		c.do(e)
	}
}

// same compares a member with a want; "*" is anything that is there.
func same(got, want any) bool {
	if want == "*" {
		return got != nil
	}
	if got == nil || want == nil {
		return got == want
	}
	return fmt.Sprint(got) == fmt.Sprint(want)
}

// member is the value at a dotted path of the body.
func (a answer) member(path string) any {
	var v any
	if json.Unmarshal(a.body, &v) != nil {
		return nil
	}
	if path == "" {
		return v
	}
	for _, step := range strings.Split(path, ".") {
		list, isList := v.([]any)
		if isList && step == "#" {
			return len(list)
		}
		if i, err := strconv.Atoi(step); err == nil && isList {
			v = at(v, i)
			continue
		}
		v = at(v, step)
	}
	return v
}

// edit changes a document.
type edit func(doc map[string]any)

// set puts a value at a dotted path; numbers are positions. without removes it.
func set(path string, value any) edit {
	return func(doc map[string]any) {
		parent, last := into(doc, path)
		switch parent := parent.(type) {
		case map[string]any:
			parent[last] = value
		case []any:
			i, _ := strconv.Atoi(last)
			parent[i] = value
		}
	}
}

func without(path string) edit {
	return func(doc map[string]any) {
		if parent, last := into(doc, path); parent != nil {
			delete(parent.(map[string]any), last)
		}
	}
}

func into(doc map[string]any, path string) (any, string) {
	steps := strings.Split(path, ".")
	var v any = doc
	for _, step := range steps[:len(steps)-1] {
		if i, err := strconv.Atoi(step); err == nil {
			v = at(v, i)
			continue
		}
		v = at(v, step)
	}
	return v, steps[len(steps)-1]
}

// object reads JSON of the tests' own making.
func object(text string) map[string]any {
	var v map[string]any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		panic(fmt.Sprintf("the test's own JSON: %v: %.200s", err, text))
	}
	return v
}

func edited(text string, edits []edit) string {
	doc := object(text)
	for _, e := range edits {
		e(doc)
	}
	out, err := json.Marshal(doc)
	if err != nil {
		panic(err)
	}
	return string(out)
}

// composition is the shipped example, edited.
func composition(edits ...edit) string { return shipped("vital_signs_minimal", edits...) }

func shipped(name string, edits ...edit) string {
	text, err := os.ReadFile(filepath.Join("..", "templates", "examples", name+".json"))
	if err != nil {
		panic(err)
	}
	return edited(string(text), append([]edit{untyped}, edits...))
}

// untyped takes _type from every archetype_details: the OpenAPI files know it
// there no more than the model needs it.
func untyped(doc map[string]any) {
	for name, value := range doc {
		list, isList := value.([]any)
		if !isList {
			list = []any{value}
		}
		for _, v := range list {
			child, is := v.(map[string]any)
			if !is {
				continue
			}
			if name == "archetype_details" {
				delete(child, "_type")
			}
			untyped(child)
		}
	}
}

// status is an EHR_STATUS, folder a FOLDER, edited.
func status(edits ...edit) string {
	return edited(`{"_type":"EHR_STATUS","archetype_node_id":"openEHR-EHR-EHR_STATUS.generic.v1","name":{"_type":"DV_TEXT","value":"EHR status"},
"subject":{"_type":"PARTY_SELF"},"is_queryable":true,"is_modifiable":true}`, edits)
}

func subject(id, namespace string) edit {
	return set("subject", object(`{"_type":"PARTY_SELF","external_ref":{"_type":"PARTY_REF","namespace":"`+namespace+`","type":"PERSON",
"id":{"_type":"GENERIC_ID","value":"`+id+`","scheme":"test"}}}`))
}

func folder(name string, edits ...edit) string {
	return edited(`{"_type":"FOLDER","archetype_node_id":"openEHR-EHR-FOLDER.generic.v1","name":{"_type":"DV_TEXT","value":"`+name+`"},
"folders":[{"_type":"FOLDER","archetype_node_id":"openEHR-EHR-FOLDER.episode_of_care.v1","name":{"_type":"DV_TEXT","value":"episodes"},
"folders":[{"_type":"FOLDER","archetype_node_id":"openEHR-EHR-FOLDER.episode_of_care.v1","name":{"_type":"DV_TEXT","value":"winter"}}]}]}`, edits)
}

// changes is a contribution of some members.
func changes(members ...string) string {
	return `{"_type":"CONTRIBUTION","audit":` + audit("249", "creation") + `,"versions":[` + strings.Join(members, ",") + `]}`
}

func audit(code, rubric string) string {
	return `{"_type":"AUDIT_DETAILS","change_type":` + coded(code, rubric) + `,"committer":{"_type":"PARTY_IDENTIFIED","name":"A. Tester"}}`
}

func coded(code, rubric string) string {
	return `{"_type":"DV_CODED_TEXT","value":"` + rubric + `","defining_code":{"_type":"CODE_PHRASE","terminology_id":{"_type":"TERMINOLOGY_ID","value":"openehr"},"code_string":"` + code + `"}}`
}

// creation, modification and deletion are members of a contribution.
func creation(data string, edits ...edit) string {
	return edited(`{"_type":"ORIGINAL_VERSION","commit_audit":`+audit("249", "creation")+`,"lifecycle_state":`+coded("532", "complete")+`,"data":`+data+`}`, edits)
}

func modification(preceding, data string, edits ...edit) string {
	return edited(`{"_type":"ORIGINAL_VERSION","commit_audit":`+audit("251", "modification")+`,"lifecycle_state":`+coded("532", "complete")+
		`,"preceding_version_uid":{"_type":"OBJECT_VERSION_ID","value":"`+preceding+`"},"data":`+data+`}`, edits)
}

func deletion(preceding string, edits ...edit) string {
	return edited(`{"_type":"ORIGINAL_VERSION","commit_audit":`+audit("523", "deleted")+`,"lifecycle_state":`+coded("523", "deleted")+
		`,"preceding_version_uid":{"_type":"OBJECT_VERSION_ID","value":"`+preceding+`"}}`, edits)
}

// sharedFile finds a file of the material beside the repository, or skips.
func sharedFile(t testing.TB, path ...string) string {
	t.Helper()
	name := filepath.Join(append([]string{root(t), "..", "shared"}, path...)...)
	if _, err := os.Stat(name); err != nil {
		t.Skipf("%s is not beside this checkout: it is not ours to copy", filepath.Join(path...))
	}
	return name
}
