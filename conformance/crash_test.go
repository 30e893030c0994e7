package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"golang.org/x/sync/errgroup"
)

var (
	crashOperations = flag.Int("crash.ops", 1_000, "operations of the crash suite")
	crashObjects    = flag.Int("crash.objects", 30, "versioned objects of the crash suite")
	crashKills      = flag.Int("crash.kills", 2, "how often the crash suite kills the database, then the server, in turn")
	crashSeed       = flag.Uint64("crash.seed", 0, "seed of the crash suite; 0 takes one from the clock")
)

// crashClients write and read at the same time.
const crashClients = 32

// TestNothingAcknowledgedIsLost runs random reads, updates and deletions by many
// clients on few objects while the database and the server are killed and come
// back. What the clients saw must be explained by one order of the operations
// (linearizability), every acknowledged version must be there with its content,
// and version numbers have no gap.
func TestNothingAcknowledgedIsLost(t *testing.T) {
	if *crashSeed == 0 {
		*crashSeed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d: %d operations on %d objects", *crashSeed, *crashOperations, *crashObjects)
	data := tempDir(t)
	defer os.RemoveAll(data)
	h := &house{t: t, data: data, began: time.Now()}
	h.at.Store(start(t, data))
	defer func() { h.at.Load().stop(t) }()
	objects := h.furnish(*crashObjects)

	histories := make([][]porcupine.Operation, crashClients)
	var clients errgroup.Group
	for id := range crashClients {
		clients.Go(func() error {
			r := rand.New(rand.NewPCG(*crashSeed, uint64(id)))
			c := &client{house: h, id: id, random: r, seen: map[int]seen{}}
			for h.goesOn() {
				if err := c.step(objects); err != nil {
					return err
				}
			}
			histories[id] = c.history
			return nil
		})
	}
	for kill := range *crashKills {
		h.waitFor((kill + 1) * *crashOperations / (*crashKills + 1))
		what, killed := "database", time.Now()
		if kill%2 == 0 {
			h.killDatabase()
		} else {
			what = "server"
			h.killServer()
		}
		s := h.at.Load()
		recovers(t, s, s.OpenEHR+"/ehr/"+objects[0].ehr, time.Minute)
		t.Logf("the %s was killed after %d answers; records are read again after %v", what, h.count.Load(), time.Since(killed).Round(time.Millisecond))
	}
	if err := clients.Wait(); err != nil {
		t.Fatal(err)
	}
	s := h.at.Load()
	recovers(t, s, s.OpenEHR+"/ehr/"+objects[0].ehr, 30*time.Second)

	var all []porcupine.Operation
	acknowledged, unknown, refused := 0, 0, 0
	for _, history := range histories {
		for _, op := range history {
			switch out := op.Output.(effect); {
			case op.Input.(intent).verb == reading:
			case out.outcome == done:
				acknowledged++
			case out.outcome == open:
				unknown++
			default:
				refused++
			}
		}
		all = append(all, history...)
	}
	last := &client{house: h, id: crashClients, seen: map[int]seen{}}
	for i := range objects {
		if err := last.read(objects, i); err != nil {
			t.Fatal(err)
		}
	}
	all = append(all, last.history...)
	t.Logf("%d operations in %v: %d writes acknowledged, %d refused as stale, %d without an answer", len(all),
		time.Since(h.began).Round(time.Second), acknowledged, refused, unknown)
	if acknowledged == 0 || refused == 0 {
		t.Error("the run shows nothing: no write was acknowledged or none was refused")
	}
	model := registers.ToModel()
	switch result, info := porcupine.CheckOperationsVerbose(model, all, 2*time.Minute); result {
	case porcupine.Illegal:
		path := filepath.Join(os.TempDir(), "quire-crash-history.html")
		_ = porcupine.VisualizePath(model, info, path)
		t.Errorf("no order of the operations explains what the clients saw; see %s", path)
	case porcupine.Unknown:
		t.Error("the history could not be checked within two minutes")
	}
	h.everyVersionIsThere(objects, all)
	h.indexIsWhole()
}

// register is a versioned object under test; every EHR has one of each kind.
type register struct {
	kind, ehr, id string
	first         seen
	body          []byte
	marker        []string // where in the body the client's mark stands
}

// path reads the object or, with a version uid, that version.
func (o register) path(uid string) string {
	switch {
	case o.kind == "composition" && uid == "":
		return "/ehr/" + o.ehr + "/composition/" + o.id
	case uid == "":
		return "/ehr/" + o.ehr + "/" + o.kind
	default:
		return "/ehr/" + o.ehr + "/" + o.kind + "/" + uid
	}
}

// marked is the body with a mark of its own.
func (o register) marked(mark string) []byte {
	var v map[string]any
	if err := json.Unmarshal(o.body, &v); err != nil {
		panic(err)
	}
	delete(v, "uid")
	inner := v
	for _, name := range o.marker[:len(o.marker)-1] {
		inner = inner[name].(map[string]any)
	}
	inner[o.marker[len(o.marker)-1]] = mark
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

// mark reads back what marked wrote.
func (o register) mark(body []byte) string {
	var v any
	if json.Unmarshal(body, &v) != nil {
		return ""
	}
	path := make([]any, len(o.marker))
	for i, name := range o.marker {
		path[i] = name
	}
	text, _ := at(v, path...).(string)
	return text
}

type verb uint8

const (
	reading verb = iota
	updating
	removing
)

type outcome uint8

const (
	done    outcome = iota // acknowledged
	refused                // another version was the latest
	open                   // no answer, or one that leaves it open
)

// intent is what a client asked, effect what it was told.
type intent struct {
	object   int
	verb     verb
	expected int
	mark     string
	initial  seen
}

type effect struct {
	outcome outcome
	seen    seen
}

// seen is a version: its number and the mark in it.
type seen struct {
	version int
	uid     string
	mark    string
	gone    bool
}

// state of the model: version 0 is before the first operation is applied.
type state struct {
	version int
	mark    string
	gone    bool
}

// registers is the specification: an object is a register whose writes name the
// version they replace (ITS-REST 1.1, If-Match).
var registers = porcupine.NondeterministicModel{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		by := map[int][]porcupine.Operation{}
		for _, op := range history {
			by[op.Input.(intent).object] = append(by[op.Input.(intent).object], op)
		}
		var parts [][]porcupine.Operation
		for _, part := range by {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() []any { return []any{state{}} },
	Step: func(from, input, output any) []any {
		s, in, out := from.(state), input.(intent), output.(effect)
		if s.version == 0 {
			s = state{version: 1, mark: in.initial.mark}
		}
		applies := !s.gone && s.version == in.expected
		after := state{version: s.version + 1, mark: in.mark, gone: in.verb == removing}
		switch {
		case in.verb == reading && out.seen.gone:
			if s.gone {
				return []any{s}
			}
		case in.verb == reading:
			if !s.gone && s.version == out.seen.version && s.mark == out.seen.mark {
				return []any{s}
			}
		case out.outcome == done:
			if applies && out.seen.version == after.version {
				return []any{after}
			}
		case out.outcome == refused:
			if !applies {
				return []any{s}
			}
		case applies:
			return []any{s, after}
		default:
			return []any{s}
		}
		return nil
	},
	Equal: func(a, b any) bool { return a == b },
}

// house is the server under test, which may be another process at any time.
type house struct {
	t     *testing.T
	data  string
	began time.Time
	at    atomic.Pointer[target]
	count atomic.Int64
}

func (h *house) now() int64 { return int64(time.Since(h.began)) }

// goesOn counts what was answered: while the server is away nothing is.
func (h *house) goesOn() bool { return h.count.Load() < int64(*crashOperations) }

// furnish makes the objects: compositions, and the status and directory of their
// EHRs.
func (h *house) furnish(n int) []register {
	h.t.Helper()
	s := h.at.Load()
	composition := example(h.t, "vital_signs_minimal")
	var objects []register
	for len(objects) < n {
		ehr := newEHR(h.t, s)
		base := s.OpenEHR + "/ehr/" + ehr
		status := s.call(h.t, "clinician", "GET", base+"/ehr_status", nil).want(h.t, 200)
		objects = append(objects, register{kind: "ehr_status", ehr: ehr, body: status.body, marker: []string{"name", "value"}, first: version(h.t, status)})
		folder := []byte(`{"_type":"FOLDER","archetype_node_id":"openEHR-EHR-FOLDER.generic.v1","name":{"_type":"DV_TEXT","value":"first"}}`)
		made := s.call(h.t, "clinician", "POST", base+"/directory", folder).want(h.t, 201)
		objects = append(objects, register{kind: "directory", ehr: ehr, body: folder, marker: []string{"name", "value"}, first: version(h.t, made)})
		for range 8 {
			made := s.call(h.t, "clinician", "POST", base+"/composition", composition).want(h.t, 201)
			objects = append(objects, register{kind: "composition", ehr: ehr, body: composition, marker: []string{"composer", "name"}, first: version(h.t, made)})
		}
	}
	for i := range objects {
		o := &objects[i]
		o.id, _, _ = strings.Cut(o.first.uid, "::")
		o.first.mark = o.mark(o.body)
	}
	return objects
}

func version(t testing.TB, a answer) seen {
	t.Helper()
	return seenOf(a.uid(t))
}

func seenOf(uid string) seen {
	s := seen{uid: uid}
	_, _ = fmt.Sscanf(uid[strings.LastIndexByte(uid, ':')+1:], "%d", &s.version)
	return s
}

func (h *house) waitFor(n int) {
	for h.count.Load() < int64(n) {
		time.Sleep(5 * time.Millisecond)
	}
}

func (h *house) killDatabase() {
	if err := syscall.Kill(h.at.Load().child(h.t, "postgres"), syscall.SIGKILL); err != nil {
		h.t.Error(err)
	}
}

func (h *house) killServer() {
	s := h.at.Load()
	if err := s.process.Process.Kill(); err != nil {
		h.t.Error(err)
	}
	<-s.ended
	h.at.Store(start(h.t, h.data))
}

// client is one of many; seen is what it last knew of each object.
type client struct {
	house   *house
	id      int
	random  *rand.Rand
	marks   int
	seen    map[int]seen
	history []porcupine.Operation
}

// step does one operation. Few objects are hot, so that writers meet.
func (c *client) step(objects []register) error {
	i := c.random.IntN(len(objects))
	if c.random.IntN(4) == 0 {
		i = c.random.IntN(1 + len(objects)/10)
	}
	known, ok := c.seen[i]
	if known.gone {
		return nil
	}
	switch r := c.random.IntN(100); {
	case !ok || r < 45:
		return c.read(objects, i)
	case r < 99 || objects[i].kind != "composition":
		c.marks++
		return c.write(objects, i, intent{verb: updating, mark: fmt.Sprintf("c%d-%d", c.id, c.marks)})
	default:
		return c.write(objects, i, intent{verb: removing})
	}
}

func (c *client) read(objects []register, i int) error {
	o := objects[i]
	s := c.house.at.Load()
	called := c.house.now()
	a, err := s.try("clinician", "GET", s.OpenEHR+o.path(""), nil)
	out := effect{}
	switch {
	case err != nil || a.status == 503:
		time.Sleep(20 * time.Millisecond)
		return nil
	case a.status == 200:
		out.seen = seenOf(strings.Trim(strings.TrimPrefix(a.header.Get("ETag"), "W/"), `"`))
		out.seen.mark = o.mark(a.body)
	case a.status == 204 || a.status == 404:
		out.seen.gone = true
	default:
		return fmt.Errorf("reading: %d %.300s", a.status, a.body)
	}
	c.seen[i] = out.seen
	c.record(i, intent{verb: reading, initial: o.first}, out, called, c.house.now())
	return nil
}

func (c *client) write(objects []register, i int, in intent) error {
	o, known := objects[i], c.seen[i]
	in.expected, in.initial = known.version, o.first
	s := c.house.at.Load()
	method, path := http.MethodPut, o.path("")
	var body []byte
	if in.verb == removing {
		method, path = http.MethodDelete, o.path(known.uid)
	} else {
		body = o.marked(in.mark)
	}
	called := c.house.now()
	a, err := s.try("clinician", method, s.OpenEHR+path, body, "If-Match", `W/"`+known.uid+`"`)
	returned := c.house.now()
	var out effect
	var refusedDial *net.OpError
	switch {
	case errors.As(err, &refusedDial) && refusedDial.Op == "dial":
		time.Sleep(20 * time.Millisecond)
		return nil
	case err != nil || a.status == 503:
		// It may have happened, and may be seen to have happened at any later time.
		out.outcome, returned = open, int64(time.Hour)
		delete(c.seen, i)
		time.Sleep(200 * time.Millisecond)
	case a.status == 200 || a.status == 204:
		out.seen = seenOf(strings.Trim(strings.TrimPrefix(a.header.Get("ETag"), "W/"), `"`))
		out.seen.mark, out.seen.gone = in.mark, in.verb == removing
		c.seen[i] = out.seen
	case a.status == 400 || a.status == 404 || a.status == 409 || a.status == 412:
		out.outcome = refused
		delete(c.seen, i)
	default:
		return fmt.Errorf("%s: %d %.300s", method, a.status, a.body)
	}
	c.record(i, in, out, called, returned)
	return nil
}

func (c *client) record(i int, in intent, out effect, called, returned int64) {
	in.object = i
	if out.outcome != open {
		c.house.count.Add(1)
	}
	c.history = append(c.history, porcupine.Operation{ClientId: c.id, Input: in, Call: called, Output: out, Return: returned})
}

// everyVersionIsThere reads each acknowledged version again, and the numbers of
// all versions.
func (h *house) everyVersionIsThere(objects []register, all []porcupine.Operation) {
	s := h.at.Load()
	written := map[int]map[int]seen{}
	for _, op := range all {
		in, out := op.Input.(intent), op.Output.(effect)
		if in.verb == reading || out.outcome != done {
			continue
		}
		if written[in.object] == nil {
			written[in.object] = map[int]seen{}
		}
		written[in.object][out.seen.version] = out.seen
	}
	for i, o := range objects {
		versioned := "/versioned_" + o.kind
		if o.kind == "composition" {
			versioned += "/" + o.id
		}
		if o.kind != "directory" {
			history := s.call(h.t, "clinician", "GET", s.OpenEHR+"/ehr/"+o.ehr+versioned+"/revision_history", nil).want(h.t, 200)
			items, _ := at(history.json(h.t), "items").([]any)
			for n, item := range items {
				uid, _ := at(item, "version_id", "value").(string)
				if seenOf(uid).version != n+1 {
					h.t.Errorf("version %d stands at place %d of the history of %s", seenOf(uid).version, n+1, o.kind)
				}
			}
			for number := range written[i] {
				if number > len(items) {
					h.t.Errorf("acknowledged version %d of a %s is not in its history of %d", number, o.kind, len(items))
				}
			}
		}
		for number, v := range written[i] {
			if v.gone {
				continue
			}
			a := s.call(h.t, "clinician", "GET", s.OpenEHR+o.path(v.uid), nil)
			if a.status != 200 || o.mark(a.body) != v.mark {
				h.t.Errorf("acknowledged version %d of a %s: %d, mark %q, was %q", number, o.kind, a.status, o.mark(a.body), v.mark)
			}
		}
	}
}

// indexIsWhole rebuilds the rows of queries from the documents and compares.
func (h *house) indexIsWhole() {
	cmd := exec.Command(quire(h.t), "verify", "--data", h.data)
	if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte(" 0 differ")) {
		h.t.Errorf("quire verify: %v\n%s", err, out)
	}
}
