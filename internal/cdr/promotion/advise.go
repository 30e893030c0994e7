package promotion

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/quire-cdr/quire/internal/aql/promote"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// Advise names the paths that stored queries and slow queries ask for, those of
// most runs first, and the slow queries themselves.
func (s *Promotions) Advise(ctx context.Context, caller cdr.Caller) ([]Advice, []Slow, error) {
	if _, err := s.Act.Begin(ctx, caller, Area, cdr.Event{Action: "R", Object: "index advice"}); err != nil {
		return nil, nil, err
	}
	wanted := map[Place]*Advice{}
	cost := map[Place]int64{}
	note := func(p Place, because string, weight int64) {
		a := wanted[p]
		if a == nil {
			a = &Advice{Place: p, Command: p.Command()}
			wanted[p] = a
		}
		a.Because = append(a.Because, because)
		cost[p] += weight
	}
	queries, err := s.newest(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, q := range queries {
		places, err := s.Store.Candidates(ctx, q.AQL)
		if err != nil {
			return nil, nil, err
		}
		for _, p := range places {
			note(p, "the stored query "+q.Name+"/"+q.Version, 1)
		}
	}
	slow := s.Store.SlowQueries()
	promoted, err := s.Store.Promoted(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, q := range slow {
		for _, p := range q.Places {
			if slices.ContainsFunc(promoted, func(l Path) bool { return l.Archetype == p.Archetype && l.Path == p.Path }) {
				continue
			}
			note(p, fmt.Sprintf("%d slow runs, %d ms in all", q.Runs, q.TotalMS), q.TotalMS)
		}
	}
	list := make([]Advice, 0, len(wanted))
	for _, a := range wanted {
		list = append(list, *a)
	}
	slices.SortFunc(list, func(a, b Advice) int {
		return cmp.Or(cmp.Compare(cost[b.Place], cost[a.Place]), cmp.Compare(a.Archetype+a.Path, b.Archetype+b.Path))
	})
	return list, slow, nil
}

// newest are the newest versions of all stored queries.
func (s *Promotions) newest(ctx context.Context) ([]cdr.StoredQuery, error) {
	all, err := s.Store.StoredQueries(ctx, "")
	if err != nil {
		return nil, err
	}
	last := map[string]cdr.StoredQuery{}
	for _, q := range all {
		if known, ok := last[q.Name]; !ok || known.Saved.Before(q.Saved) {
			last[q.Name] = q
		}
	}
	list := make([]cdr.StoredQuery, 0, len(last))
	for _, q := range last {
		list = append(list, q)
	}
	slices.SortFunc(list, func(a, b cdr.StoredQuery) int { return a.Saved.Compare(b.Saved) })
	return list, nil
}

// automaticPause is how often stored queries are looked at.
const automaticPause = time.Minute

// Run promotes what stored queries ask for until ctx ends: the paths that the
// newest version of a query about a population compares with a constant or
// parameter, or takes the first rows in the order of, oldest query first, up to
// Automatic paths. A path that was dropped is not promoted again by itself.
func (s *Promotions) Run(ctx context.Context, failed func(error)) error {
	if s.Automatic <= 0 {
		return nil
	}
	timer := time.NewTimer(automaticPause / 12)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		if err := s.Automate(ctx); err != nil && ctx.Err() == nil {
			failed(err)
		}
		timer.Reset(automaticPause)
	}
}

// Automate is one round of Run.
func (s *Promotions) Automate(ctx context.Context) error {
	queries, err := s.newest(ctx)
	if err != nil {
		return err
	}
	for _, q := range queries {
		places, err := s.Store.Candidates(ctx, q.AQL)
		if err != nil {
			return err
		}
		for _, at := range places {
			path, err := promote.Parse(at.Archetype, at.Path)
			if err != nil {
				continue
			}
			if _, err := s.Store.Promote(ctx, path, ByStoredQuery, s.Automatic); err != nil && !fault.Is(err, fault.Conflict) {
				return err
			}
		}
	}
	return nil
}
