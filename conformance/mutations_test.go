package conformance

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"
)

// Of the random suites: how many requests without QUIRE_REQUESTS, how long one
// may take, and how many clients send them.
const (
	fewMutations   = 200
	mutationLimit  = 15 * time.Second
	mutationClient = 4
)

// sample is a request that is well formed before it is mutated.
type sample struct {
	method, path, body string
	header             [2]string
}

func samples(c *scene) []sample {
	c.fill("{v2}{status}{dir}{set}")
	c.do(put("/ehr/{ehr}/composition/{v1.object}/tags", `[{"key":"a","value":"b"}]`).want(204))
	c.do(put("/definition/query/mutated::all/1.0.0", oneOf).typed("text/plain").want(200, 409))
	json, xml, text := [2]string{"Content-Type", "application/json"}, [2]string{"Content-Type", "application/xml"}, [2]string{"Content-Type", "text/plain"}
	match := func(tag string) [2]string { return [2]string{"If-Match", c.fill(tag)} }
	all := []sample{
		{"POST", comp, composition(), json}, {"POST", comp, shipped("vital_signs_full"), json}, {"POST", comp, asFlat(c), [2]string{"Content-Type", flat}},
		{"POST", comp, string(c.do(get(comp + "/{v2}").accept("application/xml")).body), xml},
		{"POST", comp, string(c.do(get(comp + "/{v2}").accept(structured)).body), [2]string{"Content-Type", structured}},
		{"PUT", comp + "/{v1.object}", composition(), match("{v2}")}, {"DELETE", comp + "/{v2}", "", match("{v2}")}, {"GET", comp + "/{v2}", "", [2]string{"Accept", "application/xml"}},
		{"GET", "/ehr/{ehr}/versioned_composition/{v1.object}/version?version_at_time=2026-01-01T00:00:00Z", "", [2]string{"Accept", "application/json"}},
		{"POST", sets, changes(creation(composition()), modification("{status}", status())), json}, {"POST", sets, changes(deletion("{v2}")), json}, {"GET", "/ehr/{ehr}/contribution/{set}", "", [2]string{"Prefer", "resolve_refs"}},
		{"PUT", "/ehr/{ehr}/ehr_status", status(), match("{status}")}, {"PUT", dir, folder("root"), match("{dir}")}, {"DELETE", dir, "", match("{dir}")}, {"GET", dir + "?path=episodes/winter", "", [2]string{"Accept", "*/*"}},
		{"PUT", comp + "/{v1.object}/tags", `[{"key":"a","value":"b","target_path":"/context"}]`, json}, {"POST", comp, composition(), [2]string{"openehr-item-tag", `key="a",value="b"`}},
		{"POST", comp, composition(), [2]string{"openehr-audit-details", `description.value="x",change_type.code_string="249"`}},
		{"POST", "/query/aql", `{"q":"` + strings.ReplaceAll(oneOf, `"`, `\"`) + ` WHERE c/context/start_time/value > $t ORDER BY c/uid/value LIMIT 3","query_parameters":{"t":"2026-01-01"},"fetch":2}`, json},
		{"GET", "/query/aql?q={asked}&fetch=3&offset=1&ehr_id={ehr}", "", [2]string{"Accept", "application/json"}}, {"GET", "/query/mutated::all/1.0.0?ehr_id={ehr}", "", [2]string{"Accept", "application/json"}},
		{"PUT", "/definition/query/mutated::{uuid}/1.0.0", oneOf, text}, {"POST", opts, ourTemplate("{uuid}"), xml}, {"GET", ours + "/example?type=input", "", [2]string{"Accept", flat}},
	}
	for i := range all {
		all[i].path, all[i].body = c.fill(all[i].path), c.fill(all[i].body)
	}
	return all
}

// TestMutatedRequests sends mutated requests: none may fail the server, take
// part of a write, or hang. QUIRE_REQUESTS says how many, QUIRE_SEED repeats.
func TestMutatedRequests(t *testing.T) {
	count, seed := fewMutations, uint64(time.Now().UnixNano())
	if text := os.Getenv("QUIRE_REQUESTS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		count = n
	}
	if text := os.Getenv("QUIRE_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	t.Logf("%d mutated requests, seed %d", count, seed)
	db := database(t, running(t))
	var mu sync.Mutex
	statuses := map[int]int{}
	group, ctx := errgroup.WithContext(context.Background())
	for client := range mutationClient {
		m := mutator{db: db, r: rand.New(rand.NewPCG(seed, uint64(client)))}
		token, admin := running(t).Tokens["clinician"], running(t).Tokens["admin"]
		group.Go(func() error {
			for i := range count / mutationClient {
				if ctx.Err() != nil {
					return nil
				}
				if i%100 == 0 {
					// A record of its own for each client, so that what it counts is its
					// doing; a new one now and then, since what is written makes the
					// samples stale.
					m.c = newScene(t, running(t))
					m.samples = samples(m.c)
				}
				request, what := m.next()
				before, err := m.written(ctx)
				if err != nil {
					return err
				}
				if strings.Contains(request.path, "/definition/") {
					request.token = admin
				} else {
					request.token = token
				}
				status, err := m.send(ctx, request)
				// A busy machine asks to be asked again; whoever never gets an answer fails.
				for again := 0; err == nil && status == http.StatusServiceUnavailable && again < 40; again++ {
					time.Sleep(250 * time.Millisecond)
					status, err = m.send(ctx, request)
				}
				if err != nil {
					return fmt.Errorf("seed %d, client %d, request %d (%s): %w", seed, client, i, what, err)
				}
				mu.Lock()
				statuses[status]++
				mu.Unlock()
				if status >= 500 {
					t.Errorf("seed %d, client %d, request %d: status %d for %s", seed, client, i, status, what)
				}
				if status < 400 {
					continue
				}
				after, err := m.written(ctx)
				if err != nil {
					return err
				}
				if after != before {
					t.Errorf("seed %d, client %d, request %d: status %d, and %s became %s: %s", seed, client, i, status, before, after, what)
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
	t.Logf("answers by status: %v", statuses)
}

// mutation is a request as bytes.
type mutation struct {
	method, path string
	body         []byte
	header       http.Header
	token        string
}

type mutator struct {
	c       *scene
	db      *pgxpool.Pool
	r       *rand.Rand
	samples []sample
}

// next takes a sample and changes one to three things of it.
func (m *mutator) next() (mutation, string) {
	s := m.samples[m.r.IntN(len(m.samples))]
	out := mutation{method: s.method, path: s.path, body: []byte(s.body), header: http.Header{}}
	out.header.Set("Content-Type", "application/json")
	out.header.Set(s.header[0], s.header[1])
	what := []string{s.method + " " + s.path}
	for range 1 + m.r.IntN(3) {
		how := mutations[m.r.IntN(len(mutations))]
		what = append(what, how.name)
		how.do(m, &out)
	}
	return out, strings.Join(what, ", ")
}

// odd are texts that have hurt servers.
var odd = []string{
	"", " ", "null", "0", "-1", "1e999", "99999999999999999999", "true", "%", "%00", "%zz", "..%2f..", "'", `"`, "\\", "*", ";", "::", "::::1", "a::b::c",
	"é", "\u202e", "\U0001F600", strings.Repeat("a", 5000), "2026-02-30T25:61:00Z", "W/", "W/\"\"", "<x/>", "${a}", "$", "../../etc", "NaN", "\x00", "\xff\xfe", "{}", "[]", "--", "/*",
}

func (m *mutator) odd() string { return odd[m.r.IntN(len(odd))] }

var mutatedHeaders = []string{
	"Accept", "Accept-Encoding", "Content-Type", "Content-Encoding", "If-Match", "If-None-Match", "Prefer", "openehr-version", "openehr-audit-details", "openehr-item-tag",
	"openehr-version-item-tag", "openehr-template-id", "openehr-ehr-id", "Idempotency-Key", "X-Request-Id", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-For", "Range", "Accept-Language", "Quire-Purpose", "Transfer-Codings",
}

var mutations = []struct {
	name string
	do   func(m *mutator, r *mutation)
}{
	{"a header odd", func(m *mutator, r *mutation) {
		r.header.Set(mutatedHeaders[m.r.IntN(len(mutatedHeaders))], clean(m.odd()))
	}},
	{"a header in bytes", func(m *mutator, r *mutation) {
		name := mutatedHeaders[m.r.IntN(len(mutatedHeaders))]
		r.header.Set(name, clean(string(m.spoil([]byte(r.header.Get(name)+"x")))))
	}},
	{"another method", func(m *mutator, r *mutation) {
		r.method = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"}[m.r.IntN(8)]
	}},
	{"a path segment odd", func(m *mutator, r *mutation) {
		path, query, asked := strings.Cut(r.path, "?")
		parts := strings.Split(path, "/")
		parts[m.r.IntN(len(parts))] = escaped(m.odd())
		r.path = strings.Join(parts, "/")
		if asked {
			r.path += "?" + query
		}
	}},
	{"a query parameter odd", func(m *mutator, r *mutation) {
		names := []string{"version_at_time", "path", "fetch", "offset", "ehr_id", "q", "format", "lifecycle", "templateId", "tag_key", "query_parameters", "template_id", "version"}
		sign := "?"
		if strings.Contains(r.path, "?") {
			sign = "&"
		}
		r.path += sign + names[m.r.IntN(len(names))] + "=" + escaped(m.odd())
	}},
	{"body in bytes", func(m *mutator, r *mutation) { r.body = m.spoil(r.body) }},
	{"body cut", func(m *mutator, r *mutation) {
		if len(r.body) > 0 {
			r.body = r.body[:m.r.IntN(len(r.body))]
		}
	}},
	{"a member odd", func(m *mutator, r *mutation) { m.member(r, func() any { return m.odd() }) }},
	{"a member of another type", func(m *mutator, r *mutation) {
		m.member(r, func() any { return []any{nil, true, -1.5, []any{}, map[string]any{}, []any{nil}}[m.r.IntN(6)] })
	}},
	{"members nested deep", func(m *mutator, r *mutation) {
		m.member(r, func() any { return json.RawMessage(strings.Repeat("[", 3000) + strings.Repeat("]", 3000)) })
	}},
	{"body said to be packed", func(m *mutator, r *mutation) {
		r.header.Set("Content-Encoding", []string{"gzip", "zstd", "br", "deflate"}[m.r.IntN(4)])
	}},
	{"body packed and spoilt", func(m *mutator, r *mutation) {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = w.Write(r.body)
		_ = w.Close()
		r.body = b.Bytes()
		if m.r.IntN(2) == 0 {
			r.body = m.spoil(r.body)
		}
		r.header.Set("Content-Encoding", "gzip")
	}},
	{"body in UTF-16", func(_ *mutator, r *mutation) {
		out := []byte{0xff, 0xfe}
		for _, b := range r.body {
			out = append(out, b, 0)
		}
		r.body = out
	}},
}

// spoil changes a few bytes.
func (m *mutator) spoil(text []byte) []byte {
	out := bytes.Clone(text)
	for range 1 + m.r.IntN(4) {
		if len(out) == 0 {
			return out
		}
		at := m.r.IntN(len(out))
		switch m.r.IntN(3) {
		case 0:
			out[at] = byte(m.r.IntN(256))
		case 1:
			out = append(out[:at], out[at+1:]...)
		default:
			out = append(out[:at], append([]byte{byte(m.r.IntN(256))}, out[at:]...)...)
		}
	}
	return out
}

// member replaces one value anywhere in a JSON body.
func (m *mutator) member(r *mutation, by func() any) {
	var doc any
	if json.Unmarshal(r.body, &doc) != nil {
		return
	}
	var places []func(any)
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for _, name := range slices.Sorted(maps.Keys(v)) {
				places = append(places, func(by any) { v[name] = by })
				walk(v[name])
			}
		case []any:
			for i := range v {
				places = append(places, func(by any) { v[i] = by })
				walk(v[i])
			}
		}
	}
	walk(doc)
	if len(places) == 0 {
		return
	}
	places[m.r.IntN(len(places))](by())
	if text, err := json.Marshal(doc); err == nil {
		r.body = text
	}
}

// clean leaves out what the client itself would refuse to send in a header.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, text)
}

// escaped leaves a percent sign as it is, so that broken escapes go out too.
func escaped(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"<>\^{|}#?`, c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

var errHangs = errors.New("no answer before the deadline")

// send gives the status; the URL is put together by hand, since broken ones
// belong to it.
func (m *mutator) send(ctx context.Context, r mutation) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, mutationLimit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, r.method, m.c.base, bytes.NewReader(r.body))
	if err != nil {
		return 0, err
	}
	path, query, _ := strings.Cut(r.path, "?")
	request.URL.Opaque = "//" + request.URL.Host + request.URL.Path + path
	request.URL.RawQuery = query
	for name, values := range r.header {
		request.Header[name] = values
	}
	request.Header.Set("Authorization", "Bearer "+r.token)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			return 0, errHangs
		}
		return 0, err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode, err
}

// written counts what stands in the record.
func (m *mutator) written(ctx context.Context) (string, error) {
	var versions, contributions, tags int
	err := m.db.QueryRow(ctx, `select (select count(*) from version where ehr_id = $1), (select count(*) from contribution where ehr_id = $1),
		(select count(*) from item_tag where ehr_id = $1)`, m.c.facts["ehr"]).Scan(&versions, &contributions, &tags)
	return fmt.Sprintf("%d versions, %d contributions, %d tags", versions, contributions, tags), err
}

// database opens the one of a server on this machine.
func database(t *testing.T, s *target) *pgxpool.Pool {
	t.Helper()
	dir := s.data
	if dir == "" {
		dir = filepath.Dir(os.Getenv("QUIRE_ACCESS"))
	}
	text, err := os.ReadFile(filepath.Join(dir, "database.json"))
	if err != nil {
		t.Skip("the server's database is not on this machine: what a refused request left behind cannot be counted")
	}
	var dsn struct{ Owner string }
	if err := json.Unmarshal(text, &dsn); err != nil {
		t.Fatal(err)
	}
	pool, err := pgxpool.New(t.Context(), dsn.Owner)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}
