package bench

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"time"
)

// PrintWorkloads writes the table of all sizes, smallest first, as Markdown.
func PrintWorkloads(out io.Writer, sizes []*Workloads) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%d cores shared by clients, server and database; %s. Through HTTP, one client, access decisions and audit on; p50 (p99) in ms, and after / the processor time of the database for one answer, which others on the machine change least.\n\n", runtime.NumCPU(), runtime.Version())
	for _, w := range sizes {
		loaded := "loaded before"
		if w.Took > 0 {
			loaded = fmt.Sprintf("loaded in bulk in %.0f s (%.0f a second)", w.Took.Seconds(), float64(w.Compositions)/w.Took.Seconds())
		}
		fmt.Fprintf(&b, "%d EHRs and %d compositions, %s; load average of the machine %s before and %s after.\n", w.EHRs, w.Compositions, loaded, w.LoadBefore, w.LoadAfter)
	}
	fmt.Fprint(&b, "\n| query | rows |")
	for _, w := range sizes {
		fmt.Fprintf(&b, " %d |", w.Compositions)
	}
	fmt.Fprint(&b, " growth | goal | met |\n|---|---:|")
	for range sizes {
		fmt.Fprint(&b, "---:|")
	}
	fmt.Fprintln(&b, "---:|---:|---|")
	first, last := sizes[0], sizes[len(sizes)-1]
	for i, q := range queries {
		fmt.Fprintf(&b, "| %s | %d |", q.name, last.Results[i].rows)
		for _, w := range sizes {
			fmt.Fprintf(&b, " %.1f (%.1f)%s |", milliseconds(w.Results[i].p50), milliseconds(w.Results[i].p99), worked(w.Results[i]))
		}
		fmt.Fprintf(&b, " %s | %s | %s |\n", growth(first, last, i), goalText(q), met(q, first, last, i))
	}
	fmt.Fprint(&b, "\nGrowth is the last time over the first; data grew ")
	fmt.Fprintf(&b, "%.0f-fold.\n", float64(last.Compositions)/float64(first.Compositions))
	fmt.Fprintln(&b, "\n| GET, 4 clients | compositions | p50 ms | p99 ms | per second |\n|---|---:|---:|---:|---:|")
	for _, w := range sizes {
		for _, row := range []struct {
			name string
			r    result
		}{{"alone", w.Quiet}, {"with 8 hostile queries", w.Hostile}} {
			fmt.Fprintf(&b, "| %s | %d | %.2f | %.1f | %.0f |\n", row.name, w.Compositions, milliseconds(row.r.p50), milliseconds(row.r.p99), row.r.perSecond)
		}
		fmt.Fprintf(&b, "| p99 hostile over alone: %s | %d | | %.1f | |\n", within(w), w.Compositions, ratio(w.Hostile.p99, w.Quiet.p99))
	}
	_, err := out.Write(b.Bytes())
	return err
}

func ratio(a, b time.Duration) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

func growth(first, last *Workloads, i int) string {
	if first == last {
		return ""
	}
	return fmt.Sprintf("%.1f", ratio(last.Results[i].p50, first.Results[i].p50))
}

func goalText(q query) string {
	growth := "linear"
	if q.flat {
		growth = "flat"
	}
	if q.goal == 0 {
		return growth
	}
	return fmt.Sprintf("< %v, %s", q.goal, growth)
}

// Growth is judged with room for the noise of a shared machine: a quarter more than
// the data for linear, and twice for flat. What takes less than a millisecond more
// has not grown.
func met(q query, first, last *Workloads, i int) string {
	now, before := last.Results[i].p50, first.Results[i].p50
	if q.goal > 0 && now >= q.goal {
		return "**no**"
	}
	most := 1.25 * float64(last.Compositions) / float64(first.Compositions)
	if q.flat {
		most = 2
	}
	if first != last && now-before > time.Millisecond && ratio(now, before) > most {
		return "**no** (growth)"
	}
	return "yes"
}

// mostSlowed is how much slower the slowest GET may be beside hostile queries.
const mostSlowed = 3

func within(w *Workloads) string {
	if ratio(w.Hostile.p99, w.Quiet.p99) > mostSlowed {
		return "goal at most 3, **no**"
	}
	return "goal at most 3, yes"
}

func worked(r result) string {
	if r.processor == 0 {
		return ""
	}
	return fmt.Sprintf(" / %.1f", milliseconds(r.processor))
}
