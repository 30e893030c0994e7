package bench

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
)

// print writes the tables as Markdown.
func (r *report) print(out io.Writer) error {
	var b bytes.Buffer
	compositions := r.loaded.Compositions
	fmt.Fprintf(&b, "%d EHRs and %d compositions of four shapes (%s a document), seed %d, loaded in %.0f s (%.0f compositions per second).\n",
		len(r.loaded.EHRs), compositions, bytesText(r.loaded.DocumentBytes/int64(compositions)), r.options.Seed,
		r.loaded.Took.Seconds(), float64(compositions)/r.loaded.Took.Seconds())
	rate, wait := spreadOf(r.syncRate), spreadOf(r.syncs)
	fmt.Fprintf(&b, "%d cores shared by clients, server and database; %s; PostgreSQL %s; %s.\n", r.machine.cores, runtime.Version(), r.machine.postgres, r.machine.settings)
	fmt.Fprintf(&b, "Write and sync of 8 KiB: %s ms, %s per second.\n", wait.format(2), rate.format(0))
	fmt.Fprintf(&b, "Medians of %d interleaved rounds of %v each, lowest and highest in brackets; access decisions and audit on.\n\n", r.options.Rounds, r.options.Span)

	fmt.Fprintln(&b, "| operation | clients | p50 ms | p99 ms | per second | physical limit | p50 ms | p99 ms | per second | of the limit |")
	fmt.Fprintln(&b, "|---|---:|---:|---:|---:|---|---:|---:|---:|---:|")
	refused := map[string]int{}
	for _, o := range r.operations {
		if o.limit == "" {
			continue
		}
		for _, clients := range crowds {
			ours, limit := r.results[key{o.name, clients}], r.results[key{o.limit, clients}]
			for _, round := range ours {
				refused[o.name] += round.refused
			}
			fmt.Fprintf(&b, "| %s | %d | %s | %s | %s | %s |\n", o.name, clients, columns(ours), o.limit, columns(limit), part(ours, limit).percent())
		}
	}

	for _, o := range r.operations {
		if n := refused[o.name]; n > 0 {
			fmt.Fprintf(&b, "\n%s: %d requests were refused with 503 and are not counted.\n", o.name, n)
		}
	}
	apart := make([]float64, r.options.Rounds)
	for i := range apart {
		ours, raw := r.results[key{"GET", 1}][i], r.results[key{rawRead, 1}][i]
		apart[i] = milliseconds(ours.p50-raw.p50) - r.syncs[i]
	}
	fmt.Fprintf(&b, "\nGET with one client: p50 is that of the raw read, one sync of the same round and %s ms (goal: at most 0.3).\n", spreadOf(apart).format(2))
	fmt.Fprintln(&b, "Goals at 8 clients: GET at least 40 % of the raw read, not audited 50 %; commit at least 20 % of the raw insert.")

	fmt.Fprintf(&b, "\n| on disk after the load | rows and inline | out of line | indexes | total | bytes per composition |\n|---|---:|---:|---:|---:|---:|\n")
	var all size
	for _, s := range r.sizes {
		all.heap, all.toast, all.index, all.total = all.heap+s.heap, all.toast+s.toast, all.index+s.index, all.total+s.total
		fmt.Fprintln(&b, s.row(s.table, compositions))
	}
	fmt.Fprintln(&b, all.row("all", compositions))
	fmt.Fprintf(&b, "\nResident memory of the server process: %s after the load, %s after the rounds, %s after %v idle.\n",
		bytesText(r.afterLoad), bytesText(r.afterWork), bytesText(r.afterIdle), r.options.Idle)
	_, err := out.Write(b.Bytes())
	return err
}

// columns are p50, p99 and throughput of the rounds.
func columns(rounds []result) string {
	pick := func(of func(result) float64) spread {
		values := make([]float64, len(rounds))
		for i, r := range rounds {
			values[i] = of(r)
		}
		return spreadOf(values)
	}
	p50 := pick(func(r result) float64 { return milliseconds(r.p50) })
	p99 := pick(func(r result) float64 { return milliseconds(r.p99) })
	rate := pick(func(r result) float64 { return r.perSecond })
	return p50.format(2) + " | " + p99.format(1) + " | " + rate.format(0)
}

// part is how much of the limit's throughput was reached, round by round.
func part(ours, limit []result) spread {
	values := make([]float64, len(ours))
	for i := range ours {
		values[i] = 100 * ours[i].perSecond / limit[i].perSecond
	}
	return spreadOf(values)
}

func (s spread) format(decimals int) string {
	return fmt.Sprintf("%.*f (%.*f..%.*f)", decimals, s.median, decimals, s.low, decimals, s.high)
}

func (s spread) percent() string {
	decimals := 0
	if s.median < 5 {
		decimals = 1
	}
	return fmt.Sprintf("%.*f %% (%.*f..%.*f)", decimals, s.median, decimals, s.low, decimals, s.high)
}

func (s size) row(name string, compositions int) string {
	return fmt.Sprintf("| %s | %s | %s | %s | %s | %d |", name, bytesText(s.heap), bytesText(s.toast), bytesText(s.index), bytesText(s.total), s.total/int64(compositions))
}

func bytesText(n int64) string {
	switch {
	case n >= 10<<20:
		return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d B", n)
}
