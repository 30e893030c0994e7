package bench

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/quire-cdr/quire/internal/demo"
)

// A query is one row of the table of workloads. The names are those of the
// measured storage experiment, with the values that our records have.
type query struct {
	name, text string
	// oneEHR gives it $ehr and the clinician's token, else it is the analyst's.
	oneEHR bool
	// goal is the median it must stay under at the largest size; 0 is none.
	goal time.Duration
	// flat says that its time must not grow with the data, else no worse than they.
	flat bool
}

// The other paths that are measured; systolic is in workload.go.
const (
	diastolic = "o/data[at0001]/events[at0006]/data[at0003]/items[at0005]/value/magnitude"
	rate      = "p/data[at0002]/events[at0003]/data[at0001]/items[at0004]/value/magnitude"
	flow      = "x/items[at0051]/value/magnitude"

	highest = "SELECT e/ehr_id/value, " + systolic + " AS systolic FROM EHR e " + pressures + " WHERE " + systolic + " >= 160 ORDER BY " + systolic + " DESC LIMIT 50"
)

// unpromoted are the queries while no path has leaf rows.
var unpromoted = []query{
	{name: "Q1 one EHR: last ten pressures", text: lastPressures, oneEHR: true, goal: 2 * time.Millisecond, flat: true},
	{name: "Q2 count of systolic >= 160", text: countHigh},
	{name: "Q3 average systolic", text: averageHigh, goal: 2500 * time.Millisecond},
	{name: "Q4 containment: pressure and pulse, counted", goal: 200 * time.Millisecond,
		text: "SELECT COUNT(c) FROM EHR e CONTAINS COMPOSITION c CONTAINS (OBSERVATION o[openEHR-EHR-OBSERVATION.blood_pressure.v2] AND OBSERVATION p[openEHR-EHR-OBSERVATION.pulse.v2])"},
	{name: "Q4 containment: pressure, counted", goal: 200 * time.Millisecond,
		text: "SELECT COUNT(o) FROM EHR e " + pressures},
	{name: "Q5 nested cluster: coded text and number", goal: 2500 * time.Millisecond,
		text: "SELECT c/uid/value, " + flow + " FROM EHR e CONTAINS COMPOSITION c CONTAINS OBSERVATION o[openEHR-EHR-OBSERVATION.pulse_oximetry.v1] " +
			"CONTAINS CLUSTER x[openEHR-EHR-CLUSTER.inspired_oxygen.v1] WHERE x/items[at9001]/value/value = 'Oxygen' AND " + flow + " > 1.5"},
	{name: "Q5 the same of one value in twenty", goal: 2500 * time.Millisecond,
		text: "SELECT c/uid/value, " + rate + " FROM EHR e CONTAINS COMPOSITION c CONTAINS OBSERVATION p[openEHR-EHR-OBSERVATION.pulse.v2] " +
			"WHERE p/data[at0002]/events[at0003]/data[at0001]/items[at0004]/name/value = 'Rate' AND " + rate + " > 116"},
	{name: "Q6 whole compositions of one EHR", oneEHR: true, flat: true,
		text: "SELECT c FROM EHR e[ehr_id/value=$ehr] CONTAINS COMPOSITION c"},
	{name: "Q7 ELEMENT by its name, counted",
		text: "SELECT COUNT(el) FROM EHR e CONTAINS COMPOSITION c CONTAINS ELEMENT el WHERE el/name/value = 'Flow rate'"},
	{name: "Q8 fifty newest compositions", text: newest, flat: true},
	{name: "Q9 filter and sort, first 50", text: highest},
}

// promoted are those that leaf rows answer.
var promoted = []query{
	{name: "Q2 promoted", text: countHigh},
	{name: "Q3 promoted", text: averageHigh},
	{name: "Q9 promoted: filter and sort, first 50", text: highest, goal: 10 * time.Millisecond, flat: true},
}

// hostile compares two unpromoted paths of all pairs of compositions of a record.
const hostile = "SELECT COUNT(o) FROM EHR e CONTAINS (COMPOSITION c CONTAINS OBSERVATION o[openEHR-EHR-OBSERVATION.blood_pressure.v2] AND " +
	"COMPOSITION d CONTAINS OBSERVATION p[openEHR-EHR-OBSERVATION.pulse.v2]) WHERE " + diastolic + " < " + rate

// WorkloadOptions say how the workloads are measured.
type WorkloadOptions struct {
	// Span is how long a query is repeated in a round, at least once; of the medians
	// of all rounds the middle one counts.
	Span     time.Duration
	Rounds   int
	Seed     uint64
	Progress io.Writer
}

// Workloads are the results of one size of the data.
type Workloads struct {
	EHRs, Compositions int
	// Took is how long loading took, 0 for data that were there.
	Took time.Duration
	// LoadBefore and LoadAfter are what the machine had to do: its load average.
	LoadBefore, LoadAfter string
	Results               []result
	Quiet, Hostile        result
	// Others are what became of the hostile queries.
	Others result
}

// queries are all that are measured.
var queries = slices.Concat(unpromoted, promoted)

// The path that is promoted.
const (
	promotedArchetype = "openEHR-EHR-OBSERVATION.blood_pressure.v2"
	promotedPath      = "data[at0001]/events[at0006]/data[at0003]/items[at0004]/value"
)

// RunWorkloads measures one target.
func RunWorkloads(ctx context.Context, t Target, o WorkloadOptions) (*Workloads, error) {
	w, err := newWorkload(ctx, t, o.Seed)
	if err != nil {
		return nil, err
	}
	defer w.close()
	// As autovacuum has done after a while.
	for _, table := range append([]string{"ehr", "ehr_organisation"}, measuredTables...) {
		if _, err := w.pool.Exec(ctx, "vacuum analyze "+table); err != nil {
			return nil, err
		}
	}
	out := &Workloads{EHRs: len(t.Loaded.EHRs), Compositions: t.Loaded.Compositions, Took: t.Loaded.Took, LoadBefore: loadAverage()}
	// As before anybody promoted it, and as before it was measured.
	if err := w.demote(ctx); err != nil {
		return nil, err
	}
	if out.Results, err = w.rounds(ctx, unpromoted, o); err != nil {
		return nil, err
	}
	fmt.Fprintln(o.Progress, "promoting", promotedPath)
	if err := w.promote(ctx); err != nil {
		return nil, err
	}
	if _, err := w.pool.Exec(ctx, "vacuum analyze leaf"); err != nil {
		return nil, err
	}
	more, err := w.rounds(ctx, promoted, o)
	if err != nil {
		return nil, err
	}
	out.Results = append(out.Results, more...)
	if err := w.demote(ctx); err != nil {
		return nil, err
	}
	fmt.Fprintln(o.Progress, "GET beside hostile queries")
	err = w.besiege(ctx, out, max(2*o.Span, longestSiege))
	out.LoadAfter = loadAverage()
	return out, err
}

// longestSiege is how long GET is measured at least: hostile queries take long.
const longestSiege = 5 * time.Second

// rounds asks each query in turn, round after round, and takes of each the round
// in the middle.
func (w *workload) rounds(ctx context.Context, list []query, o WorkloadOptions) ([]result, error) {
	all := make([][]result, len(list))
	for range max(o.Rounds, 1) {
		for i, q := range list {
			got, err := w.repeat(ctx, q, o.Span)
			if err != nil {
				return nil, err
			}
			fmt.Fprintf(o.Progress, "%s: %.1f ms\n", q.name, milliseconds(got.p50))
			all[i] = append(all[i], got)
		}
	}
	middle := make([]result, len(list))
	for i, rounds := range all {
		slices.SortFunc(rounds, func(a, b result) int { return cmp.Compare(a.p50, b.p50) })
		middle[i] = rounds[len(rounds)/2]
	}
	return middle, nil
}

// loadAverage is what the system says of the last minute, "unknown" where it does not.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if first, _, ok := strings.Cut(string(text), " "); err == nil && ok {
		return first
	}
	return "unknown"
}

// demote drops the path, whether or not it is promoted.
func (w *workload) demote(ctx context.Context) error {
	c := w.clients[0]
	list := func() error {
		c.begin("GET", w.target.Admin, "/rest/admin/index")
		return w.send(c, w.target.API, 200)
	}
	if err := list(); err != nil {
		return err
	}
	if !bytes.Contains(c.response.Body(), []byte(promotedPath)) {
		return nil
	}
	c.begin("DELETE", w.target.Admin, "/rest/admin/index?archetype_id="+promotedArchetype+"&path="+url.QueryEscape(promotedPath))
	if err := w.send(c, w.target.API, 202); err != nil {
		return err
	}
	for {
		if err := list(); err != nil || !bytes.Contains(c.response.Body(), []byte(promotedPath)) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// promote promotes the path and returns when queries use it.
func (w *workload) promote(ctx context.Context) error {
	c := w.clients[0]
	c.begin("POST", w.target.Admin, "/rest/admin/index")
	c.request.SetBodyRaw([]byte(`{"archetype_id":"` + promotedArchetype + `","path":"` + promotedPath + `"}`))
	for want := 202; ; want = 200 {
		if err := w.send(c, w.target.API, want); err != nil {
			return err
		}
		if bytes.Contains(c.response.Body(), []byte(`"state":"usable"`)) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
		c.begin("GET", w.target.Admin, "/rest/admin/index")
	}
}

func (w *workload) repeat(ctx context.Context, q query, span time.Duration) (result, error) {
	token := w.target.Analyst
	if q.oneEHR {
		token = w.target.Clinician
	}
	do := w.query(token, q.text, q.oneEHR)
	// The first plans and warms.
	if err := do(ctx, 0); err != nil {
		return result{}, fmt.Errorf("%s: %w", q.name, err)
	}
	rows := bytes.Count(w.clients[0].response.Body(), []byte(`],[`)) + 1
	before, known := databaseTime(w.target.Postmaster)
	got, err := measure(ctx, operation{name: q.name, do: do}, 1, span)
	got.rows = rows
	if after, still := databaseTime(w.target.Postmaster); known && still && got.answers > 0 {
		got.processor = (after - before) / time.Duration(got.answers)
	}
	return got, err
}

// besiege measures GET of four clients, alone and while eight others keep asking
// for a cross join of two paths that have no index.
func (w *workload) besiege(ctx context.Context, out *Workloads, span time.Duration) error {
	get := operation{name: "GET", do: w.get(w.target.API)}
	if _, err := measure(ctx, get, 4, span/2); err != nil {
		return err
	}
	var err error
	if out.Quiet, err = measure(ctx, get, 4, span); err != nil {
		return err
	}
	group, inner := errgroup.WithContext(ctx)
	attackers := w.attackers()
	group.Go(func() (err error) {
		out.Others, err = measure(inner, operation{name: "hostile query", do: attackers}, most, span+2*time.Second)
		return err
	})
	group.Go(func() (err error) {
		time.Sleep(time.Second)
		out.Hostile, err = measure(inner, get, 4, span)
		return err
	})
	return group.Wait()
}

// attackers have connections and requests of their own. That the server gives a
// query up is an answer too.
func (w *workload) attackers() func(context.Context, int) error {
	var own [most]*client
	for i := range own {
		own[i] = &client{random: demo.Random(uint64(i))}
	}
	body := []byte(`{"q":"` + hostile + `"}`)
	return func(_ context.Context, n int) error {
		c := own[n]
		c.begin("POST", w.target.Analyst, root+"/query/aql")
		c.request.SetBodyRaw(body)
		err := w.send(c, w.target.API, 200)
		if status := c.response.StatusCode(); err != nil && (status == 408 || status == 400) {
			return errRefused
		}
		return err
	}
}

const sampleSQL = `select v.ehr_id::text, v.vo_id::text || '::' || s.system_id || '::' || v.ver, v.doc
from version v join system s on s.id = v.system where v.kind = 1 and v.is_latest order by md5(v.vo_id::text) limit $1`

// SampleOf reads compositions to GET as the database's owner, and what all take.
func SampleOf(ctx context.Context, ownerDSN string) (sample []Sampled, total int64, err error) {
	conn, err := pgx.Connect(ctx, ownerDSN)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	if sample, err = sampleOf(ctx, conn); err != nil {
		return nil, 0, err
	}
	return sample, total, conn.QueryRow(ctx, "select coalesce(sum(length(doc)), 0) from version where kind = 1").Scan(&total)
}

func sampleOf(ctx context.Context, conn *pgx.Conn) ([]Sampled, error) {
	rows, err := conn.Query(ctx, sampleSQL, samples)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(r pgx.CollectableRow) (s Sampled, err error) {
		var doc string
		err = r.Scan(&s.EHR, &s.UID, &doc)
		s.Bytes = []byte(doc)
		return s, err
	})
}

const (
	loadedEHRsSQL = `select v.ehr_id::text from version v where v.kind = 1 and v.is_latest group by v.ehr_id order by md5(v.ehr_id::text)`
	loadedSQL     = `select count(*) from version where kind = 1 and is_latest`
)

// LoadedOf reads what a server holds that was loaded before.
func LoadedOf(ctx context.Context, ownerDSN string) (out Loaded, err error) {
	conn, err := pgx.Connect(ctx, ownerDSN)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	rows, err := conn.Query(ctx, loadedEHRsSQL)
	if err != nil {
		return out, err
	}
	if out.EHRs, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
		return out, err
	}
	if len(out.EHRs) == 0 {
		return out, errors.New("the server holds no compositions")
	}
	if err = conn.QueryRow(ctx, loadedSQL).Scan(&out.Compositions); err != nil {
		return out, err
	}
	out.Sample, err = sampleOf(ctx, conn)
	return out, err
}
