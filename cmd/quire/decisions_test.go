package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofrs/uuid/v5"
	"github.com/tidwall/gjson"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/keto"
	"github.com/quire-cdr/quire/internal/postgres"
	"github.com/quire-cdr/quire/internal/rest"
	"github.com/quire-cdr/quire/internal/testkit"
	"github.com/quire-cdr/quire/templates"
)

// site is a whole server on a real Postgres and a real Keto, with rights and
// records that are put in behind its back.
type site struct {
	*parts
	base     string
	client   http.Client
	routes   [][2]string // method and path
	examples map[string][]byte
	moments  int
}

// stated believes who a request says it is: authentication is tested elsewhere.
type stated struct{}

func (stated) Verify(_ context.Context, c rest.Credentials) (cdr.Caller, error) {
	said := strings.Fields(c.Header("Authorization"))
	if len(said) != 3 {
		return cdr.Caller{}, fault.New(fault.Unauthenticated, "credentials", "nobody")
	}
	return cdr.Caller{Subject: said[0], Organisation: said[1], Role: strings.TrimPrefix(said[2], "-"), RequestID: c.RequestID, Purpose: c.Purpose}, nil
}

func newSite(t *testing.T) *site {
	t.Helper()
	ctx := t.Context()
	cluster := testkit.Own(t, true, false)
	keep, err := loadSecrets(cluster.Dir())
	if err != nil {
		t.Fatal(err)
	}
	_, app, err := openDatabase(ctx, cluster, keep)
	if err != nil {
		t.Fatal(err)
	}
	p, err := assemble(ctx, wiring{
		Database: postgres.Config{DSN: app}, Direct: app, KetoRead: cluster.KetoRead(), KetoWrite: cluster.KetoWrite(), Sentinel: cluster.Sentinel(),
		SystemID: "test.quire", FormSecret: []byte(keep.FormSecret), AuditSecrets: [][]byte{[]byte(keep.AuditSecret)}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	s := &site{parts: p, examples: map[string][]byte{}}
	for template, file := range map[string]string{ordinaryTemplate: "vital_signs_minimal", sealedTemplate: "referral_minimal"} {
		if s.examples[template], err = templates.FS.ReadFile("examples/" + file + ".json"); err != nil {
			t.Fatal(err)
		}
	}
	for _, label := range []string{templateLabel, versionLabel} {
		if _, err := p.policies.AddLabel(ctx, operator, label, "for-a-test"); err != nil {
			t.Fatal(err)
		}
	}
	for _, shipped := range templates.All() {
		label := map[string]string{ordinaryTemplate: "normal", sealedTemplate: templateLabel}[shipped.ID]
		if label == "" {
			continue
		}
		text, err := templates.FS.ReadFile(shipped.File)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.service.UploadTemplate(ctx, operator, text, cdr.TemplateUpload{Label: label}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.service.StoreQuery(ctx, operator, askedQuery, "1.0.0", "select c/uid/value from EHR e contains COMPOSITION c"); err != nil {
		t.Fatal(err)
	}
	var draining atomic.Bool
	l, err := p.listen(listenOptions{Listen: "127.0.0.1:0", OpsListen: "127.0.0.1:0", Verifier: stated{}, SystemID: "test.quire", Draining: whether(&draining)})
	if err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.run(running, l, &draining) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	s.base = "http://" + l.apiAddr.Addr().String()
	for _, r := range l.api.GetRoutes(true) {
		if r.Method != "HEAD" && r.Path != "/" {
			s.routes = append(s.routes, [2]string{r.Method, r.Path})
		}
	}
	return s
}

// build puts a world into the server: the policy into Keto, records and the rights
// on them into the database.
func (s *site) build(t *testing.T, rng *rand.Rand, name string) *oracleWorld {
	t.Helper()
	ctx := t.Context()
	w := randomPolicy(rng, name)
	// Labels, areas and the query are shared by all worlds: what is there stays.
	for _, tuple := range w.tuples.Tuples() {
		if err := s.authorizer.Grant(ctx, keto.Tuple(tuple)); err != nil {
			t.Fatal(err)
		}
	}
	maker := operator
	maker.Organisation = "elsewhere"
	for i := range 8 {
		status := cdr.Content{JSON: []byte(`{"_type":"EHR_STATUS","archetype_node_id":"openEHR-EHR-EHR_STATUS.generic.v1","name":{"_type":"DV_TEXT","value":"EHR status"},"subject":{"_type":"PARTY_SELF"},"is_modifiable":true,"is_queryable":` + strconv.FormatBool(i != 0) + `}`)}
		made, err := s.service.CreateEHR(ctx, maker, "", &status, cdr.CommitInfo{})
		if err != nil {
			t.Fatal(err)
		}
		e := &oracleEHR{id: made.ID, queryable: i != 0}
		w.ehrs = append(w.ehrs, e)
		for range rng.IntN(4) {
			s.add(t, e, pick(rng, []string{ordinaryTemplate, ordinaryTemplate, sealedTemplate}), rng.IntN(4) == 0)
		}
	}
	now := time.Now()
	w.randomRights(rng, now)
	event := cdr.Event{Action: "C", Outcome: "success", Principal: "system:operator"}
	for _, r := range w.relations {
		must(t, s.access.Relate(ctx, cdr.Relationship{EHR: r.ehr.id, Organisation: r.who[0], Kind: "registered", From: r.from, To: r.to}, event))
	}
	for _, r := range w.grants {
		must(t, s.access.PutGrant(ctx, cdr.Grant{EHR: r.ehr.id, Grantee: r.who[0], Write: r.write, To: r.to}, event))
	}
	for _, r := range w.restrictions {
		must(t, s.access.Restrict(ctx, cdr.Restriction{EHR: r.ehr.id, ID: uuid.Must(uuid.NewV7()).String(), AppliesTo: r.who, Reason: "objection", To: r.to}, event))
	}
	for _, r := range w.glasses {
		_, err := s.access.OpenBreakGlass(ctx, cdr.BreakGlass{EHR: r.ehr.id, ID: uuid.Must(uuid.NewV7()).String(), Principal: r.who[0], Organisation: "x", ReasonCode: "emergency", Reason: "found unconscious", Minutes: 60}, event)
		must(t, err)
	}
	must(t, s.authorizer.Refresh(ctx))
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// content is a document of a template, begun at a moment nothing else began.
func (s *site) content(t *testing.T, template string) (doc []byte, started string) {
	s.moments++
	started = time.Date(2026, 1, 1, 0, 0, s.moments, 0, time.UTC).Format("2006-01-02T15:04:05Z")
	doc, err := document(s.examples[template], started)
	must(t, err)
	return doc, started
}

func (s *site) add(t *testing.T, e *oracleEHR, template string, label bool) {
	doc, started := s.content(t, template)
	d, err := s.service.CreateComposition(t.Context(), operator, e.id, cdr.Content{JSON: doc}, labelled(label))
	must(t, err)
	e.compositions = append(e.compositions, &oracleComposition{d.ObjectID, d.VersionUID, template, label, started})
}

// ask is one request of a person.
func (s *site) ask(t *testing.T, p person, method, path string, body []byte, headers ...string) (int, []byte, http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.base+path, bytes.NewReader(body))
	must(t, err)
	if p.subject != "" {
		r.Header.Set("Authorization", p.subject+" "+p.org+" -"+p.role)
	}
	if len(body) > 0 {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := s.client.Do(r)
	must(t, err)
	text, err := io.ReadAll(answer.Body)
	must(t, err)
	_ = answer.Body.Close()
	return answer.StatusCode, text, answer.Header
}

// tagged is the version uid of an answer.
func tagged(h http.Header) string { return strings.Trim(strings.TrimPrefix(h.Get("ETag"), "W/"), `"`) }

// tally counts what was decided, and what was decided wrongly.
type tally struct{ decisions, leaks, wrong int }

func (c *tally) judge(t *testing.T, got, want bool, format string, args ...any) {
	t.Helper()
	c.decisions++
	switch {
	case got && !want:
		c.leaks++
		t.Errorf("leak: "+format, args...)
	case !got && want:
		c.wrong++
		t.Errorf("wrong denial: "+format, args...)
	}
}

// sets compares what was found with what is to be found, each object a decision.
func (c *tally) sets(t *testing.T, found []string, all map[string]bool, format string, args ...any) {
	t.Helper()
	for id, want := range all {
		c.judge(t, slices.Contains(found, id), want, format+": %s", append(slices.Clone(args), id)...)
	}
	for _, id := range found {
		if _, known := all[id]; !known {
			c.judge(t, true, false, format+": %s of another world", append(slices.Clone(args), id)...)
		}
	}
}

// TestRandomDecisions asks the whole server, over HTTP, as random people with random
// rights, and compares each answer with the oracle's. QUIRE_DECISIONS and
// QUIRE_DECISION_QUERIES say how many.
func TestRandomDecisions(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a Postgres and a Keto of its own")
	}
	number := func(name string, byDefault int) int {
		if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
			return n
		}
		return byDefault
	}
	decisions, queries := number("QUIRE_DECISIONS", 1000), number("QUIRE_DECISION_QUERIES", 100)
	seed := uint64(number("QUIRE_SEED", int(time.Now().UnixNano()&0xffffffff)))
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 11))
	s := newSite(t)
	var requests, asked tally
	n := 0
	for world := 0; (requests.decisions < decisions || n < queries) && !t.Failed(); world++ {
		w := s.build(t, rng, fmt.Sprintf("w%d", world))
		for range 300 {
			if requests.decisions < decisions {
				s.request(t, rng, w, &requests)
			}
		}
		for range 30 {
			if n < queries {
				s.query(t, rng, w, &asked)
				n++
			}
		}
	}
	s.strangers(t, s.build(t, rng, "last"))
	t.Logf("%d decisions of requests: %d leaks, %d wrong denials", requests.decisions, requests.leaks, requests.wrong)
	t.Logf("%d queries, %d decisions: %d leaks, %d wrong denials", n, asked.decisions, asked.leaks, asked.wrong)
}

const openehrRoot, fhirRoot = "/rest/openehr/v1", "/fhir/r4"

// request is one random request about one random object.
func (s *site) request(t *testing.T, rng *rand.Rand, w *oracleWorld, c *tally) {
	t.Helper()
	p, e := pick(rng, w.people), pick(rng, w.ehrs)
	at := openehrRoot + "/ehr/" + e.id
	judge := func(method, path string, body []byte, want bool, headers ...string) http.Header {
		status, text, header := s.ask(t, p, method, path, body, headers...)
		if status >= 500 {
			t.Errorf("%s %s: %d %s", method, path, status, text)
		}
		if status >= 300 && status != 403 && status != 404 {
			t.Errorf("%s %s as %v: %d %.300s", method, path, p, status, text)
		}
		c.judge(t, status < 300, want, "%s %s as %v: %d %.200s", method, path, p, status, text)
		if status >= 300 {
			return nil
		}
		return header
	}
	kind := rng.IntN(18)
	if len(e.compositions) == 0 && kind >= 6 && kind <= 13 {
		kind = rng.IntN(6)
	}
	var x *oracleComposition
	if len(e.compositions) > 0 {
		x = pick(rng, e.compositions)
	}
	version := func() string { return url.PathEscape(x.uid) }
	read := w.mayEHR(p, reading, e, false)
	switch kind {
	case 0:
		judge("GET", at, nil, read)
	case 1:
		judge("GET", at+"/ehr_status", nil, read)
	case 2:
		judge("GET", at+"/versioned_ehr_status/revision_history", nil, read)
	case 3:
		template := pick(rng, []string{ordinaryTemplate, sealedTemplate})
		doc, started := s.content(t, template)
		want := w.mayEHR(p, writing, e, false) && w.mayTemplate(p, writing, template, false)
		if made := judge("POST", at+"/composition", doc, want); made != nil {
			uid := tagged(made)
			object, _, _ := strings.Cut(uid, "::")
			e.compositions = append(e.compositions, &oracleComposition{object, uid, template, false, started})
		}
	case 4:
		judge("GET", openehrRoot+"/definition/template/adl1.4/"+url.PathEscape(ordinaryTemplate), nil, w.usesTemplate(p, ordinaryTemplate), "Accept", "application/xml")
	case 5:
		status, text, _ := s.ask(t, p, "GET", fhirRoot+"/QuestionnaireResponse?ehr="+e.id+"&_count=100", nil)
		all := map[string]bool{}
		for _, o := range e.compositions {
			all[o.object] = w.may(p, reading, e, o)
		}
		var found []string
		for _, r := range gjson.GetBytes(text, "entry.#.resource.id").Array() {
			found = append(found, r.String())
		}
		if status >= 500 {
			t.Errorf("%d %s", status, text)
		}
		c.sets(t, found, all, "search of responses as %v", p)
	case 6:
		judge("GET", at+"/composition/"+version(), nil, w.may(p, reading, e, x))
	case 7:
		judge("GET", at+"/composition/"+x.object, nil, w.may(p, reading, e, x))
	case 8:
		judge("GET", at+"/versioned_composition/"+x.object+pick(rng, []string{"", "/revision_history", "/version", "/version/" + version()}), nil, w.may(p, reading, e, x))
	case 9:
		judge("GET", fhirRoot+"/QuestionnaireResponse/"+x.object, nil, w.may(p, reading, e, x))
	case 10:
		judge("GET", at+"/composition/"+version()+"/tags", nil, w.may(p, reading, e, x))
	case 11:
		judge("PUT", at+"/composition/"+version()+"/tags", []byte(`[{"key":"seen"}]`), w.may(p, writing, e, x) && w.may(p, reading, e, x))
	case 12:
		if x.label {
			return // what an update does to labels is another test's
		}
		doc, started := s.content(t, x.template)
		if made := judge("PUT", at+"/composition/"+x.object, doc, w.may(p, writing, e, x), "If-Match", `"`+x.uid+`"`); made != nil {
			x.uid, x.started = tagged(made), started
		}
	case 13:
		if rng.IntN(3) > 0 {
			return // so that some are left
		}
		if judge("DELETE", at+"/composition/"+version(), nil, w.may(p, writing, e, x)) != nil {
			e.compositions = slices.DeleteFunc(e.compositions, func(o *oracleComposition) bool { return o == x })
		}
	case 14:
		counted := w.counted(p)
		if made := judge("POST", openehrRoot+"/ehr", nil, w.has(counted, "Organisation", p.org, "writers", "admins")); made != nil {
			e := &oracleEHR{id: tagged(made), queryable: true}
			w.ehrs, w.relations = append(w.ehrs, e), append(w.relations, oracleRight{ehr: e, who: []string{p.org}, from: time.Now()})
		}
	case 15:
		a := pick(rng, w.administration(p, e))
		judge("GET", a.path, nil, a.may)
	case 16:
		grant := "/access/v1/ehr/" + e.id + "/grants/user:local:stranger"
		if judge("PUT", grant, []byte(`{"reason":"for-a-test"}`), w.managesAccess(p, e)) != nil {
			judge("DELETE", grant+"?reason=for-a-test", nil, true)
		}
	case 17:
		body := fmt.Sprintf(`{"organisation":%q,"reasonCode":"emergency","reason":"found unconscious","minutes":60}`, p.org)
		if judge("POST", "/access/v1/ehr/"+e.id+"/break-glass", []byte(body), w.has(w.counted(p), "Organisation", p.org, "breakglassers")) != nil {
			w.glasses = append(w.glasses, oracleRight{ehr: e, who: []string{p.subject}, from: time.Now()})
		}
	}
}

// usesTemplate: whoever reads or writes by it, and who looks after templates.
func (w *oracleWorld) usesTemplate(p person, template string) bool {
	return w.mayTemplate(p, reading, template, false) || w.has(w.counted(p), "AdminArea", "templates", "admins", "viewers")
}

// query is one random query, about one record or about all.
func (s *site) query(t *testing.T, rng *rand.Rand, w *oracleWorld, c *tally) {
	t.Helper()
	p, e := pick(rng, w.people), pick(rng, w.ehrs)
	run := func(aql string, ehr string) (int, gjson.Result) {
		body, err := json.Marshal(map[string]string{"q": aql})
		must(t, err)
		path := openehrRoot + "/query/aql"
		if ehr != "" {
			path += "?ehr_id=" + ehr
		}
		status, text, _ := s.ask(t, p, "POST", path, body)
		if status != 200 && status != 403 && status != 404 {
			t.Errorf("%s as %v: %d %s", aql, p, status, text)
		}
		return status, gjson.GetBytes(text, "rows")
	}
	column := func(rows gjson.Result) (list []string) {
		for _, r := range rows.Array() {
			list = append(list, r.Get("0").String())
		}
		return list
	}
	may, byQuery := w.mayAsk(p, false)
	shown := map[string]bool{}
	newest, count := "", 0
	for _, e := range w.ehrs {
		for _, o := range e.compositions {
			shown[o.uid] = false
		}
	}
	visible := w.shown(p, byQuery)
	for _, o := range visible {
		shown[o.uid] = may
		count++
		if o.template == ordinaryTemplate {
			newest = max(newest, o.started)
		}
	}
	ehrs, empty := map[string]bool{}, map[string]bool{}
	for _, e := range w.ehrs {
		ehrs[e.id] = may && w.mayEHR(p, asking, e, byQuery)
		empty[e.id] = ehrs[e.id] && !slices.ContainsFunc(e.compositions, func(o *oracleComposition) bool { return w.mayTemplate(p, reading, o.template, o.label) })
	}
	inOne := map[string]bool{}
	for _, o := range e.compositions {
		inOne[o.uid] = w.may(p, reading, e, o)
	}
	number := func(aql string, want string) {
		status, rows := run(aql, "")
		c.judge(t, status == 200, may, "%s as %v", aql, p)
		if got := rows.Get("0.0").String(); may && got != want {
			c.decisions++
			c.leaks++
			t.Errorf("%s as %v: %s, want %s", aql, p, got, want)
		}
	}
	set := func(aql, ehr string, all map[string]bool) {
		_, rows := run(aql, ehr)
		c.sets(t, column(rows), all, "%s (%s) as %v", aql, ehr, p)
	}
	switch rng.IntN(11) {
	case 0:
		set("select c/uid/value from EHR e contains COMPOSITION c", "", shown)
	case 1:
		set("select v/uid/value from EHR e contains VERSION v contains COMPOSITION c", "", shown)
	case 2:
		number("select count(c) from EHR e contains COMPOSITION c", strconv.Itoa(count))
	case 3:
		number("select count(*) from EHR e contains COMPOSITION c contains ENTRY o where exists c/uid and e/ehr_id/value != 'x' and c/archetype_details/template_id/value = 'none'", "0")
	case 4:
		number("select max(c/context/start_time/value) from EHR e contains COMPOSITION c where c/archetype_details/template_id/value = '"+ordinaryTemplate+"'", newest)
	case 5:
		set("select e/ehr_id/value from EHR e", "", ehrs)
	case 6:
		set("select e/ehr_id/value from EHR e not contains COMPOSITION c", "", empty)
	case 7:
		set("select c/uid/value from EHR e contains COMPOSITION c", e.id, inOne)
	case 8:
		set("select c/uid/value from EHR e[ehr_id/value='"+e.id+"'] contains COMPOSITION c", "", inOne)
	case 9:
		set("select c/uid/value from EHR e contains COMPOSITION c order by c/context/start_time/value desc limit 500", "", shown)
	case 10:
		may, byQuery := w.mayAsk(p, true)
		all := map[string]bool{}
		for id := range shown {
			all[id] = false
		}
		for _, o := range w.shown(p, byQuery) {
			all[o.uid] = may
		}
		status, text, _ := s.ask(t, p, "GET", openehrRoot+"/query/"+askedQuery, nil)
		if status >= 500 {
			t.Errorf("%d %s", status, text)
		}
		c.sets(t, column(gjson.GetBytes(text, "rows")), all, "the stored query as %v", p)
	}
}

// open are the routes that answer everybody with an identity, and public those that
// need none: what they say is about the caller or the server, and about no record.
var (
	public = []string{"/forms", "/forms/:template", "/assets/:bundle/:file", "/rest/status", fhirRoot + "/metadata",
		"/.well-known/smart-configuration", fhirRoot + "/.well-known/smart-configuration"}
	open = []string{"/audit/v1/head", "/access/v1/ehr/:ehr_id/explain"}
)

// strangers asks every route of the server as nobody, and as somebody with no right
// at all, about things that exist: nothing is told of any.
func (s *site) strangers(t *testing.T, w *oracleWorld) {
	t.Helper()
	var x *oracleComposition
	var e *oracleEHR
	for _, e = range w.ehrs {
		if len(e.compositions) > 0 {
			x = e.compositions[0]
			break
		}
	}
	if x == nil {
		return
	}
	fill := strings.NewReplacer(":ehr_id", e.id, ":uid_based_id", url.PathEscape(x.uid), ":versioned_object_uid", x.object, ":version_uid", url.PathEscape(x.uid),
		":template_id", url.PathEscape(x.template), ":object", w.orgs[0], ":id", x.object, ":qualified_query_name", askedQuery, ":name", askedQuery, ":principal", w.people[0].subject)
	stranger := person{"user:local:stranger", "", "nowhere"}
	asked := 0
	for _, r := range s.routes {
		method, pattern := r[0], r[1]
		path := fill.Replace(pattern)
		var body []byte
		if method == "POST" || method == "PUT" {
			body = []byte("{}")
		}
		for _, p := range []person{{}, stranger} {
			asked++
			status, text, _ := s.ask(t, p, method, path, body)
			if status >= 500 && status != 501 {
				t.Errorf("%s %s: %d %.200s", method, pattern, status, text)
			}
			if p.subject == "" && status != 401 && !slices.Contains(public, pattern) && method != "OPTIONS" {
				t.Errorf("leak: %s %s without credentials: %d", method, pattern, status)
			}
			for what, secret := range map[string]string{"an object": x.object, "a person's right": w.people[0].subject, "an organisation": w.orgs[0], "a record": w.ehrs[len(w.ehrs)-1].id} {
				if !strings.Contains(path, secret) && bytes.Contains(text, []byte(secret)) {
					t.Errorf("leak: %s %s as %v tells of %s", method, pattern, p, what)
				}
			}
			// A list may be empty, and what is written may be nothing.
			if status < 300 && !slices.Contains(public, pattern) && !slices.Contains(open, pattern) && bytes.Contains(text, []byte(x.template)) && !strings.Contains(path, url.PathEscape(x.template)) {
				t.Errorf("leak: %s %s as %v tells of a template", method, pattern, p)
			}
			if status < 300 && p.subject != "" && (strings.Contains(pattern, ":ehr_id") || strings.Contains(pattern, ":version")) && !slices.Contains(open, pattern) && !slices.Contains(public, pattern) {
				t.Errorf("leak: %s %s as %v: %d %.200s", method, pattern, p, status, text)
			}
		}
	}
	if asked < 300 {
		t.Errorf("only %d requests of strangers", asked)
	}
	t.Logf("%d requests of strangers to %d routes", asked, len(s.routes))
}
