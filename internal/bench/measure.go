package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// operation is something a client does again and again. It is called with the
// number of the client, and never by two with the same number at a time.
type operation struct {
	name string
	// limit names the operation that is this one's physical limit; "" where this
	// one is a limit itself.
	limit string
	do    func(ctx context.Context, client int) error
}

// result is one operation with so many clients in one round. Only answers that
// were given count; refused are those the server had no means for in time.
type result struct {
	p50, p99  time.Duration
	perSecond float64
	refused   int
	// answers is how many there were; processor is what the database worked for one,
	// 0 where that is not known.
	answers   int
	processor time.Duration
	// rows is how many an answer of a query has.
	rows int
}

// errRefused is the answer 503.
var errRefused = errors.New("the server is busy")

// measure runs clients that each begin anew when the last answer came, until the
// time is over.
func measure(ctx context.Context, o operation, clients int, span time.Duration) (result, error) {
	took, refused := make([][]time.Duration, clients), make([]int, clients)
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for client := range clients {
		group.Go(func() error {
			for sent := time.Now(); sent.Sub(began) < span; {
				err := o.do(ctx, client)
				answered := time.Now()
				switch {
				case err == nil:
					took[client] = append(took[client], answered.Sub(sent))
				case errors.Is(err, errRefused):
					refused[client]++
				default:
					return fmt.Errorf("%s: %w", o.name, err)
				}
				sent = answered
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return result{}, err
	}
	elapsed := time.Since(began)
	all := slices.Concat(took...)
	slices.Sort(all)
	r := result{perSecond: float64(len(all)) / elapsed.Seconds(), answers: len(all)}
	for _, n := range refused {
		r.refused += n
	}
	if len(all) > 0 {
		r.p50, r.p99 = quantile(all, 0.50), quantile(all, 0.99)
	}
	return r, nil
}

// quantile is the value of sorted below which so large a part lies.
func quantile[T any](sorted []T, part float64) T {
	return sorted[min(int(part*float64(len(sorted))), len(sorted)-1)]
}

// spread is a median with the smallest and the largest of its rounds.
type spread struct{ median, low, high float64 }

func spreadOf(values []float64) spread {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	median := sorted[middle]
	if len(sorted)%2 == 0 {
		median = (sorted[middle-1] + median) / 2
	}
	return spread{median, sorted[0], sorted[len(sorted)-1]}
}
