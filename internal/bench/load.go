package bench

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/demo"
)

// Data says how much is loaded. The same seed gives the same records; the ids are
// the server's.
type Data struct {
	EHRs, Compositions int
	Seed               uint64
}

// Sampled is one of the compositions that are read while measuring.
type Sampled struct {
	EHR string `json:"ehr"`
	UID string `json:"uid"`
	// Bytes is the stored document, for the raw table.
	Bytes []byte `json:"-"`
}

// Loaded is what a load left behind.
type Loaded struct {
	EHRs         []string  `json:"ehrs"`
	Sample       []Sampled `json:"sample"`
	Compositions int       `json:"compositions"`
	// DocumentBytes is the sum of the stored documents.
	DocumentBytes int64         `json:"document_bytes"`
	Took          time.Duration `json:"took"`
}

const (
	// loaders is how many EHRs are filled at a time.
	loaders = 4
	// samples bounds how many compositions are read.
	samples = 2000
)

// shapes are the four kinds of record, in equal parts.
var shapes = []demo.Shape{demo.VitalSignsMinimal, demo.VitalSignsIncomplete, demo.VitalSignsFull, demo.VitalSignsOxygen}

// begin is the time of the first record; the others of an EHR follow by interval.
var begin = time.Date(2026, 3, 1, 6, 0, 0, 0, time.UTC)

const interval = 17 * time.Hour

// Load makes the records through the use cases. caller is who registers the
// people of an organisation; progress is told now and then.
func Load(ctx context.Context, service *cdr.Service, caller func(organisation string) cdr.Caller, d Data, progress func(done, total int)) (Loaded, error) {
	maker, err := demo.NewMaker()
	if err != nil {
		return Loaded{}, err
	}
	var (
		began = time.Now()
		out   = Loaded{EHRs: make([]string, d.EHRs), Compositions: d.Compositions}
		mu    sync.Mutex
		done  atomic.Int64
	)
	every := max(d.Compositions/samples, 1)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(loaders)
	for n, person := range demo.People(d.EHRs) {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error {
			who, random := caller(person.Organisation), demo.Random(d.Seed+uint64(n))
			ehr, err := service.CreateEHR(ctx, who, "", &cdr.Content{JSON: demo.Status(person)}, cdr.CommitInfo{})
			if err != nil {
				return fmt.Errorf("loading EHR %d: %w", n+1, err)
			}
			out.EHRs[n] = ehr.ID
			for i := n * d.Compositions / d.EHRs; i < (n+1)*d.Compositions/d.EHRs; i++ {
				at := begin.Add(time.Duration(i%64)*interval + time.Duration(n)*time.Minute)
				text, err := maker.Composition(random, shapes[random.IntN(len(shapes))], at)
				if err != nil {
					return err
				}
				stored, err := service.CreateComposition(ctx, who, ehr.ID, cdr.Content{JSON: text}, cdr.CommitInfo{})
				if err != nil {
					return fmt.Errorf("loading composition %d: %w", i+1, err)
				}
				mu.Lock()
				out.DocumentBytes += int64(len(stored.JSON))
				if i%every == 0 && len(out.Sample) < samples {
					out.Sample = append(out.Sample, Sampled{EHR: ehr.ID, UID: stored.VersionUID, Bytes: stored.JSON})
				}
				mu.Unlock()
				if now := done.Add(1); now%500 == 0 {
					progress(int(now), d.Compositions)
				}
			}
			return nil
		})
	}
	err = group.Wait()
	out.Took = time.Since(began)
	return out, err
}
