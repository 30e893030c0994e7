package postgres

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/aql/plan"
	"github.com/quire-cdr/quire/internal/aql/promote"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/promotion"
	"github.com/quire-cdr/quire/internal/fault"
)

const (
	// slowAfter is from when a run is kept as slow.
	slowAfter = 200 * time.Millisecond
	// slowKept is how many slow queries are kept.
	slowKept = 200
)

// slowQueries are the slow queries of this process: hashes, places in archetypes
// and times, no text and no values.
type slowQueries struct {
	mu   sync.Mutex
	seen map[string]*promotion.Slow
}

// note keeps a run of a query that was planned as p.
func (s *slowQueries) note(q cdr.StoreQuery, p *plan.Plan, took time.Duration) {
	if took < slowAfter || p.EHR != "" {
		return
	}
	sum := sha256.Sum256([]byte(q.Query.String()))
	hash := hex.EncodeToString(sum[:])
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen == nil {
		s.seen = map[string]*promotion.Slow{}
	}
	known := s.seen[hash]
	if known == nil {
		if len(s.seen) >= slowKept {
			s.forget()
		}
		known = &promotion.Slow{Hash: hash, Shape: shapeOf(p)}
		s.seen[hash] = known
	}
	ms := took.Milliseconds()
	known.Runs++
	known.TotalMS += ms
	known.LongestMS = max(known.LongestMS, ms)
	known.Last, known.Places = time.Now(), places(p)
}

// forget drops the one of the least time.
func (s *slowQueries) forget() {
	least := ""
	for hash, q := range s.seen {
		if least == "" || q.TotalMS < s.seen[least].TotalMS {
			least = hash
		}
	}
	delete(s.seen, least)
}

// SlowQueries are the slow queries of this process, those of most time first.
func (db *DB) SlowQueries() []promotion.Slow {
	db.slow.mu.Lock()
	defer db.slow.mu.Unlock()
	list := make([]promotion.Slow, 0, len(db.slow.seen))
	for _, q := range db.slow.seen {
		list = append(list, *q)
	}
	slices.SortFunc(list, func(a, b promotion.Slow) int { return cmp.Compare(b.TotalMS, a.TotalMS) })
	return list
}

// shapeOf says what a query ranges over and does, by names of the dictionary.
func shapeOf(p *plan.Plan) string {
	var words []string
	for _, s := range p.Sources {
		word := s.Name
		if s.Archetypes != nil && len(s.Archetypes) < 4 {
			if name := archetypeOf(p.Dictionary, s.Archetypes); name != "" {
				word += "[" + name + "]"
			}
		}
		words = append(words, word)
	}
	text := strings.Join(words, ", ")
	if n := len(p.Conjuncts()); n > 0 {
		text += fmt.Sprintf(" where %d conditions", n)
	}
	if len(p.Order) > 0 {
		text += " sorted"
	}
	if p.Group {
		text += " grouped"
	}
	if p.Limit >= 0 {
		text += fmt.Sprintf(" first %d", p.Limit)
	}
	return text
}

// archetypeOf is the archetype that all of some specialise.
func archetypeOf(d *plan.Dictionary, archetypes []int32) string {
	var names []string
	for name, id := range d.Archetypes {
		if slices.Contains(archetypes, id) {
			names = append(names, name)
		}
	}
	for _, general := range names {
		if !slices.ContainsFunc(names, func(n string) bool { return !aql.Specialises(n, general) }) {
			return general
		}
	}
	return ""
}

// places are the paths that a plan about a population would gain by: what is
// compared with a constant, and what the first rows are sorted by.
func places(p *plan.Plan) []promotion.Place {
	if p.EHR != "" {
		return nil
	}
	var found []promotion.Place
	note := func(v plan.Value) {
		r, ok := v.(*plan.Ref)
		if !ok || !p.Always(r.Source) {
			return
		}
		c, ok := p.Dictionary.Candidate(r)
		if !ok || p.Dictionary.Leaf(r) != nil {
			return
		}
		at := promotion.Place{Archetype: archetypeOf(p.Dictionary, c.Archetypes), Path: c.Text}
		if at.Archetype == "" || slices.Contains(found, at) {
			return
		}
		// Not all that a query can compare can be promoted: links, for one.
		if _, err := promote.Parse(at.Archetype, at.Path); err == nil {
			found = append(found, at)
		}
	}
	for _, e := range p.Conjuncts() {
		switch e := e.(type) {
		case *plan.Compare:
			_, left := e.Left.(plan.Literal)
			_, right := e.Right.(plan.Literal)
			if e.Op != aql.Ne && left != right {
				note(e.Left)
				note(e.Right)
			}
		case *plan.In:
			note(e.Operand)
		case *plan.Like:
			note(e.Operand)
		}
	}
	// Without a condition an index of values helps where those without come last.
	if p.Limit >= 0 && len(p.Order) > 0 && (len(p.Conjuncts()) > 0 || !p.Order[0].Nulls.First(p.Order[0].Descending)) {
		v := p.Order[0].Value
		if c := p.Order[0].Column; c > 0 {
			v = p.Columns[c-1].Value
		}
		note(v)
	}
	return found
}

// anyone is a value for parameters of queries that are planned and not run.
const anyone = "00000000-0000-4000-8000-000000000000"

// Candidates gives the paths that an AQL text about a population would gain by.
// Text that is no AQL, or that the database does not answer, gains by none.
func (db *DB) Candidates(ctx context.Context, text string) ([]promotion.Place, error) {
	q, err := aql.Parse(text)
	if err != nil {
		return nil, nil
	}
	dict, err := db.freshDictionary(ctx)
	if err != nil {
		return nil, err
	}
	params := map[string]any{}
	for _, name := range q.Params() {
		params[name] = anyone
	}
	p, err := plan.Build(q, plan.Options{Dictionary: dict, Params: params, Fetch: -1, Now: time.Now(), Zone: db.zone})
	if fault.Is(err, fault.Invalid) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return places(p), nil
}
