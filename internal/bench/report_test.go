package bench

import (
	"flag"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files")

// A report of known results, so that a column that moves is seen.
func TestReport(t *testing.T) {
	w := workload{}
	r := report{
		machine: machine{cores: 2, postgres: "15.1", settings: "fsync=on"},
		options: Options{Rounds: 3, Span: time.Second, Idle: 20 * time.Second, Seed: 1},
		loaded:  Loaded{EHRs: make([]string, 20), Compositions: 200, DocumentBytes: 200 * 9000, Took: 4 * time.Second},
		results: map[key][]result{}, syncs: []float64{0.1, 0.2, 0.3}, syncRate: []float64{9000, 5000, 3000},
		sizes:     []size{{"version", 1 << 20, 2 << 20, 1 << 19, 7 << 19}, {"node", 20 << 20, 0, 1 << 20, 21 << 20}},
		afterLoad: 80 << 20, afterWork: 50 << 20, afterIdle: 45 << 20, operations: w.operations(),
	}
	for n, o := range r.operations {
		for _, clients := range crowds {
			for round := range r.options.Rounds {
				p50 := time.Duration((n+1)*(round+1)*clients) * 100 * time.Microsecond
				r.results[key{o.name, clients}] = append(r.results[key{o.name, clients}], result{p50: p50, p99: 3 * p50, perSecond: float64(clients) / p50.Seconds()})
			}
		}
	}
	r.results[key{"GET", 8}][1].refused = 3
	var b strings.Builder
	if err := r.print(&b); err != nil {
		t.Fatal(err)
	}
	got := strings.ReplaceAll(b.String(), runtime.Version(), "go")
	const golden = "testdata/report.md"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the report differs from %s; -update writes it:\n%s", golden, got)
	}
}

// Every limit must itself be measured, or its columns would be empty.
func TestLimitsAreMeasured(t *testing.T) {
	w := workload{}
	names := map[string]bool{}
	for _, o := range w.operations() {
		if names[o.name] {
			t.Errorf("%q is there twice", o.name)
		}
		names[o.name] = true
	}
	for _, o := range w.operations() {
		if o.limit != "" && !names[o.limit] {
			t.Errorf("%q has the limit %q, which nobody measures", o.name, o.limit)
		}
	}
}

func TestResidentOfThisProcess(t *testing.T) {
	if n, err := resident(os.Getpid()); err != nil || n < 1<<20 {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := resident(0); err == nil {
		t.Error("process 0 has memory")
	}
}

func TestSyncs(t *testing.T) {
	p50, rate, err := syncs(t.TempDir(), 20*time.Millisecond)
	if err != nil || p50 <= 0 || rate <= 0 {
		t.Errorf("%v, %v, %v", p50, rate, err)
	}
}
