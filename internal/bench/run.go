package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// Options say how long is measured.
type Options struct {
	// Rounds is how often everything takes its turn, Span how long a turn is.
	Rounds int
	Span   time.Duration
	// Idle is how long the server rests before its memory is looked at again.
	Idle time.Duration
	Seed uint64
	// Dir is a folder on the disk of the database, for measuring its sync.
	Dir string
	// Profiles is a folder for processor profiles of the server, one an
	// operation, taken after everything was measured; "" takes none.
	Profiles string
	// Progress is told what goes on.
	Progress io.Writer
}

// crowds are the numbers of clients.
var crowds = []int{1, most}

// key names a series of results.
type key struct {
	name    string
	clients int
}

// report is everything that was measured.
type report struct {
	machine    machine
	options    Options
	loaded     Loaded
	results    map[key][]result
	syncs      []float64 // p50 of each round in ms
	syncRate   []float64
	sizes      []size
	afterLoad  int64
	afterWork  int64
	afterIdle  int64
	operations []operation
}

// Run measures a target and prints the tables.
func Run(ctx context.Context, t Target, o Options, out io.Writer) error {
	w, err := newWorkload(ctx, t, o.Seed)
	if err != nil {
		return err
	}
	defer w.close()
	r := report{options: o, loaded: t.Loaded, results: map[key][]result{}, operations: w.operations()}
	if r.afterLoad, err = resident(t.PID); err != nil {
		return err
	}
	if r.machine, err = machineOf(ctx, w.pool); err != nil {
		return err
	}
	if r.sizes, err = sizes(ctx, w.pool); err != nil {
		return err
	}
	if err := r.measure(ctx); err != nil {
		return err
	}
	if r.afterWork, err = resident(t.PID); err != nil {
		return err
	}
	fmt.Fprintf(o.Progress, "idle for %v\n", o.Idle)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(o.Idle):
	}
	if r.afterIdle, err = resident(t.PID); err != nil {
		return err
	}
	if err := r.print(out); err != nil || o.Profiles == "" {
		return err
	}
	return r.profile(ctx, t)
}

// measure runs the rounds. Everything has run once before the first.
func (r *report) measure(ctx context.Context) error {
	for _, o := range r.operations {
		if _, err := measure(ctx, o, most, r.options.Span/4); err != nil {
			return err
		}
	}
	for round := range r.options.Rounds {
		fmt.Fprintf(r.options.Progress, "round %d of %d\n", round+1, r.options.Rounds)
		p50, rate, err := syncs(r.options.Dir, r.options.Span/2)
		if err != nil {
			return err
		}
		r.syncs, r.syncRate = append(r.syncs, milliseconds(p50)), append(r.syncRate, rate)
		for _, clients := range crowds {
			for _, o := range r.operations {
				got, err := measure(ctx, o, clients, r.options.Span)
				if err != nil {
					return err
				}
				k := key{o.name, clients}
				r.results[k] = append(r.results[k], got)
			}
		}
	}
	return nil
}

// profileSpan is how long an operation runs for its profile.
const profileSpan = 5 * time.Second

// profile keeps where the server's processor time goes, operation by operation.
func (r *report) profile(ctx context.Context, t Target) error {
	if err := os.MkdirAll(r.options.Profiles, 0o755); err != nil {
		return err
	}
	for _, o := range r.operations {
		name := strings.Trim(regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(o.name), "-"), "-") + ".pprof"
		fmt.Fprintln(r.options.Progress, "profile", name)
		group, ctx := errgroup.WithContext(ctx)
		group.Go(func() error {
			_, err := measure(ctx, o, most, profileSpan+time.Second)
			return err
		})
		group.Go(func() error {
			address := fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", t.Ops, int(profileSpan.Seconds()))
			return save(ctx, address, filepath.Join(r.options.Profiles, name))
		})
		if err := group.Wait(); err != nil {
			return err
		}
	}
	return nil
}

func save(ctx context.Context, address, path string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the profile of %s: status %d", filepath.Base(path), response.StatusCode)
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if _, err = io.Copy(f, response.Body); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}

func milliseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }
