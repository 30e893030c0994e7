package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/valyala/fasthttp"

	"github.com/quire-cdr/quire/internal/demo"
)

// Target is a server to measure, as its process says on its standard output.
type Target struct {
	// API is the address of the server, Unaudited of one that differs by writing
	// no audit row for a read, Limit of the one of Raw, Ops of the operations
	// listener; host and port each.
	API       string `json:"api"`
	Unaudited string `json:"unaudited"`
	Limit     string `json:"limit"`
	Ops       string `json:"ops"`
	// Owner is the database's address as its owner.
	Owner string `json:"owner"`
	// Clinician, Analyst and Admin are bearer tokens.
	Clinician string `json:"clinician"`
	Analyst   string `json:"analyst"`
	Admin     string `json:"admin"`
	Loaded    Loaded `json:"loaded"`
	// Postmaster is the database's process, 0 where it is not known.
	Postmaster int `json:"postmaster"`
	// PID is the server's process.
	PID int `json:"pid"`
}

// most is the largest number of clients at a time.
const most = 8

// client is the state of one of the clients; the requests are used again, so that
// what is measured is the server.
type client struct {
	random   *rand.Rand
	request  fasthttp.Request
	response fasthttp.Response
}

// workload is the target with what is sent to it.
type workload struct {
	target  Target
	bodies  [][]byte
	clients [most]*client
	pool    *pgxpool.Pool
	hosts   map[string]*fasthttp.HostClient
}

// bodiesPerShape are made ahead, so that making them is not measured.
const bodiesPerShape = 64

func newWorkload(ctx context.Context, t Target, seed uint64) (*workload, error) {
	maker, err := demo.NewMaker()
	if err != nil {
		return nil, err
	}
	w := &workload{target: t, hosts: map[string]*fasthttp.HostClient{}}
	random := demo.Random(seed ^ 0xbe7c)
	for i := range bodiesPerShape * len(shapes) {
		at := begin.Add(time.Duration(random.IntN(64))*interval + time.Duration(random.IntN(1440))*time.Minute)
		body, err := maker.Composition(random, shapes[i%len(shapes)], at)
		if err != nil {
			return nil, err
		}
		w.bodies = append(w.bodies, body)
	}
	for i := range w.clients {
		w.clients[i] = &client{random: demo.Random(seed + 1<<32 + uint64(i))}
	}
	for _, address := range []string{t.API, t.Unaudited, t.Limit} {
		w.hosts[address] = &fasthttp.HostClient{Addr: address, MaxConns: 2 * most, ReadTimeout: time.Minute, MaxIdleConnDuration: time.Minute, MaxIdemponentCallAttempts: 1}
	}
	w.pool, err = openPool(ctx, t.Owner, most)
	return w, err
}

func (w *workload) close() {
	w.pool.Close()
	for _, h := range w.hosts {
		h.CloseIdleConnections()
	}
}

// The names of the limits.
const (
	rawInsert = "raw insert"
	rawRead   = "raw read"
	selectOne = "select 1"
)

const root = "/rest/openehr/v1"

// systolic is the path of the systolic pressure below its observation.
const systolic = "o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude"

// The AQL that is measured.
const (
	pressures = "CONTAINS COMPOSITION c CONTAINS OBSERVATION o[openEHR-EHR-OBSERVATION.blood_pressure.v2]"

	lastPressures = "SELECT " + systolic + " AS systolic, o/data[at0001]/events[at0006]/data[at0003]/items[at0005]/value/magnitude AS diastolic, " +
		"c/context/start_time/value AS time FROM EHR e[ehr_id/value=$ehr] " + pressures + " ORDER BY c/context/start_time/value DESC LIMIT 10"
	countHigh   = "SELECT COUNT(o) FROM EHR e " + pressures + " WHERE " + systolic + " >= 160"
	averageHigh = "SELECT AVG(" + systolic + ") FROM EHR e " + pressures
	newest      = "SELECT e/ehr_id/value, c/uid/value, c/context/start_time/value AS time FROM EHR e CONTAINS COMPOSITION c " +
		"ORDER BY c/context/start_time/value DESC LIMIT 50"
)

// operations are what is measured, in the order in which they take turns: each
// next to its limit.
func (w *workload) operations() []operation {
	return []operation{
		{name: "commit", limit: rawInsert, do: w.commit},
		{name: rawInsert, do: w.rawInsert},
		{name: "GET", limit: rawRead, do: w.get(w.target.API)},
		{name: rawRead, do: w.rawRead},
		{name: "GET, reads not audited", limit: rawRead, do: w.get(w.target.Unaudited)},
		{name: "AQL one EHR: last ten pressures", limit: selectOne, do: w.query(w.target.Clinician, lastPressures, true)},
		{name: selectOne, do: w.selectOne},
		{name: "AQL all: count systolic >= 160", limit: selectOne, do: w.query(w.target.Analyst, countHigh, false)},
		{name: "AQL all: average systolic", limit: selectOne, do: w.query(w.target.Analyst, averageHigh, false)},
		{name: "AQL all: 50 newest compositions", limit: selectOne, do: w.query(w.target.Analyst, newest, false)},
	}
}

func (w *workload) commit(_ context.Context, n int) error {
	c := w.clients[n]
	ehr := w.target.Loaded.EHRs[c.random.IntN(len(w.target.Loaded.EHRs))]
	c.begin("POST", w.target.Clinician, root+"/ehr/"+ehr+"/composition")
	c.request.Header.Set("Prefer", "return=minimal")
	c.request.SetBodyRaw(w.bodies[c.random.IntN(len(w.bodies))])
	return w.send(c, w.target.API, 201)
}

const rawInsertSQL = "insert into bench.inserted (doc) values ($1)"

func (w *workload) rawInsert(ctx context.Context, n int) error {
	_, err := w.pool.Exec(ctx, rawInsertSQL, w.bodies[w.clients[n].random.IntN(len(w.bodies))])
	return err
}

func (w *workload) get(address string) func(context.Context, int) error {
	return func(_ context.Context, n int) error {
		c := w.clients[n]
		s := w.target.Loaded.Sample[c.random.IntN(len(w.target.Loaded.Sample))]
		c.begin("GET", w.target.Clinician, root+"/ehr/"+s.EHR+"/composition/"+s.UID)
		return w.send(c, address, 200)
	}
}

func (w *workload) rawRead(_ context.Context, n int) error {
	c := w.clients[n]
	c.begin("GET", "", "/document/"+w.target.Loaded.Sample[c.random.IntN(len(w.target.Loaded.Sample))].UID)
	return w.send(c, w.target.Limit, 200)
}

func (w *workload) selectOne(_ context.Context, n int) error {
	c := w.clients[n]
	c.begin("GET", "", "/one")
	return w.send(c, w.target.Limit, 200)
}

func (w *workload) query(token, text string, oneEHR bool) func(context.Context, int) error {
	return func(_ context.Context, n int) error {
		c := w.clients[n]
		asked := map[string]any{"q": text}
		if oneEHR {
			asked["query_parameters"] = map[string]string{"ehr": w.target.Loaded.EHRs[c.random.IntN(len(w.target.Loaded.EHRs))]}
		}
		body, err := json.Marshal(asked)
		if err != nil {
			return err
		}
		c.begin("POST", token, root+"/query/aql")
		c.request.SetBodyRaw(body)
		return w.send(c, w.target.API, 200)
	}
}

func (c *client) begin(method, token, path string) {
	c.request.Reset()
	c.response.Reset()
	c.request.Header.SetMethod(method)
	c.request.SetRequestURI(path)
	c.request.Header.SetContentType("application/json")
	if token != "" {
		c.request.Header.Set("Authorization", "Bearer "+token)
	}
}

// send answers an error for any other status: what failed quickly must not count
// as speed.
func (w *workload) send(c *client, address string, want int) error {
	c.request.SetHost(address)
	if err := w.hosts[address].Do(&c.request, &c.response); err != nil {
		return err
	}
	switch got := c.response.StatusCode(); {
	case got == 503:
		return errRefused
	case got != want:
		return fmt.Errorf("status %d: %.300s", got, c.response.Body())
	}
	if want == 200 && len(c.response.Body()) == 0 {
		return errors.New("an empty answer")
	}
	return nil
}
