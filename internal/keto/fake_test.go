package keto

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeKeto answers like Keto and can be broken in the ways Keto, and networks, break.
type fakeKeto struct {
	*httptest.Server
	mu      sync.Mutex
	tuples  []Tuple
	mode    string
	lookups int
	hold    chan struct{} // requests wait for it in mode "hang"
	rng     *rand.Rand    // of mode "mix"
	rarely  int           // one request in so many breaks
}

func newFake(t *testing.T) *fakeKeto {
	f := &fakeKeto{hold: make(chan struct{})}
	f.tuples = []Tuple{{"AdminArea", "sentinel", "viewers", "quire-sentinel"}}
	f.Server = newServer(f)
	t.Cleanup(func() { close(f.hold); f.Server.Close() })
	return f
}

func newServer(f *fakeKeto) *httptest.Server { return httptest.NewServer(http.HandlerFunc(f.serve)) }

// modes are the ways to break; "" works.
var modes = []string{"500", "cut", "half", "empty", "other", "html", "redirect", "nocheck", "yes", "cutlist", "foreign", "drop"}

func (f *fakeKeto) random() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.rng.IntN(f.rarely) > 0 {
		return ""
	}
	return modes[f.rng.IntN(len(modes))]
}

func (f *fakeKeto) add(tuples ...Tuple) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tuples = append(f.tuples, tuples...)
}

func (f *fakeKeto) set(mode string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mode = mode
}

func (f *fakeKeto) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lookups
}

func (f *fakeKeto) serve(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	mode, tuples := f.mode, slices.Clone(f.tuples)
	q := r.URL.Query()
	isCheck := strings.HasSuffix(r.URL.Path, "/check/openapi")
	if !isCheck && q.Get("object") != "sentinel" {
		f.lookups++
	}
	f.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if mode == "mix" { // each request breaks in its own way, or not
		mode = f.random()
	}
	switch mode {
	case "hang":
		select {
		case <-f.hold:
		case <-r.Context().Done():
		}
		return
	case "drop":
		panic(http.ErrAbortHandler)
	case "500":
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = w.Write([]byte(`{"error":{"code":500,"message":"pq: down"}}`))
		return
	case "cut":
		w.Header().Set("Content-Length", "4000")
		_, _ = w.Write([]byte(`{"relation_tuples":[`))
		return
	case "half":
		_, _ = w.Write([]byte(`{"relation_tuples":[{"namespace":"Org`))
		return
	case "empty":
		return
	case "other":
		_, _ = w.Write([]byte(`{"status":"ok"}`))
		return
	case "html":
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(`<html>maintenance</html>`))
		return
	case "redirect":
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
		return
	case "no": // what Keto says when its database is down
		if isCheck {
			_, _ = w.Write([]byte(`{"allowed":false}`))
		} else {
			_, _ = w.Write([]byte(`{"relation_tuples":[],"next_page_token":""}`))
		}
		return
	case "nocheck": // the same for one query of a check; a look-up then fails (TestLookupsFailWithTheirDatabase)
		if isCheck {
			_, _ = w.Write([]byte(`{"allowed":false}`))
			return
		}
	case "yes": // another server that likes everybody
		if isCheck {
			_, _ = w.Write([]byte(`{"allowed":true}`))
			return
		}
	case "cutlist": // only look-ups break
		if !isCheck {
			_, _ = w.Write([]byte(`{"relation_tuples":[`))
			return
		}
	case "foreign": // an answer to another question
		if !isCheck {
			_, _ = w.Write([]byte(`{"relation_tuples":[{"namespace":"Organisation","object":"north","relation":"clinicians","subject_id":"user:x:somebody"}],"next_page_token":""}`))
			return
		}
	}
	if isCheck {
		allowed := slices.Contains(tuples, Tuple{q.Get("namespace"), q.Get("object"), "viewers", q.Get("subject_id")})
		_ = json.NewEncoder(w).Encode(map[string]bool{"allowed": allowed})
		return
	}
	type set struct {
		Namespace string `json:"namespace"`
		Object    string `json:"object"`
		Relation  string `json:"relation"`
	}
	type tuple struct {
		set
		ID  string `json:"subject_id,omitempty"`
		Set *set   `json:"subject_set,omitempty"`
	}
	list := []tuple{}
	for _, t := range tuples {
		who := q.Get("subject_id")
		if s := q.Get("subject_set.namespace"); s != "" {
			who = s + ":" + q.Get("subject_set.object")
		}
		if t.Namespace != q.Get("namespace") || who != "" && who != t.Subject || q.Has("object") && q.Get("object") != t.Object || q.Has("relation") && q.Get("relation") != t.Relation {
			continue
		}
		out := tuple{set: set{t.Namespace, t.Object, t.Relation}}
		if kind, name, _ := strings.Cut(t.Subject, ":"); kind == "Role" || kind == "Team" {
			out.Set = &set{kind, name, "members"}
		} else {
			out.ID = t.Subject
		}
		list = append(list, out)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"relation_tuples": list, "next_page_token": ""})
}

// fakeDB is the database's part: epoch and families.
type fakeDB struct {
	mu    sync.Mutex
	epoch int64
	fail  bool
	poke  chan struct{}
}

func newDB() *fakeDB { return &fakeDB{epoch: 1, poke: make(chan struct{}, 8)} }

func (d *fakeDB) Epoch(context.Context) (int64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail {
		return 0, errors.New("no database")
	}
	return d.epoch, nil
}

func (d *fakeDB) Raise(context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail {
		return errors.New("no database")
	}
	d.epoch++
	select {
	case d.poke <- struct{}{}:
	default:
	}
	return nil
}

func (d *fakeDB) Listen(ctx context.Context, changed func()) error {
	changed()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-d.poke:
			changed()
		}
	}
}

func (d *fakeDB) down(fail bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fail = fail
}

func (d *fakeDB) Families(context.Context) (map[string][]int32, map[string]uint64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail {
		return nil, nil, errors.New("no database")
	}
	return map[string][]int32{"normal": {1, 2}, "sexual-health": {7}}, map[string]uint64{"normal": 0, "sexual-health": 2, "safeguarding": 4}, nil
}

func authorizer(t *testing.T, url string, db *fakeDB, change func(*Config)) *Authorizer {
	t.Helper()
	c := Config{ReadURL: url, WriteURL: url, Sentinel: "sentinel", Epochs: db, Families: db, Logger: slog.New(slog.DiscardHandler),
		// Ample where the machine is busy; tests that need them short set them.
		Timeout: 2 * time.Second, Cold: 5 * time.Second}
	if change != nil {
		change(&c)
	}
	a := New(c)
	t.Cleanup(a.Close)
	return a
}

// running runs the Authorizer until the test's end.
func running(t *testing.T, a *Authorizer) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}
