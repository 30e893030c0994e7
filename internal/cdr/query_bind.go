package cdr

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/aql/declare"
	"github.com/quire-cdr/quire/internal/aql/remark"
	"github.com/quire-cdr/quire/internal/fault"
)

// QueryFacts is what follows from the text of a stored query.
type QueryFacts struct {
	// Hash is the SHA-256 of the text in hexadecimal.
	Hash string
	// Parameters are in the order of the text; nil where it is no AQL.
	Parameters []declare.Parameter
	// Warnings are what is legal and still finds nothing; told where a query is
	// stored.
	Warnings []fault.Issue
}

// Tag is the same for two readings of a stored query that are the same.
func (q StoredQuery) Tag() string {
	if q.Facts == nil {
		return ""
	}
	return q.Version + "-" + q.Facts.Hash
}

// described is a stored query with what follows from its text.
func described(q StoredQuery) StoredQuery {
	sum := sha256.Sum256([]byte(q.AQL))
	q.Facts = &QueryFacts{Hash: hex.EncodeToString(sum[:])}
	parsed, err := aql.Parse(q.AQL)
	if err != nil {
		return q
	}
	if parameters, err := declare.Of(parsed, q.AQL); err == nil {
		q.Facts.Parameters = parameters
	}
	return q
}

// examine refuses a text that is no query and remarks on one that finds nothing.
func (s *Service) examine(ctx context.Context, text string) ([]fault.Issue, error) {
	q, err := aql.Parse(text)
	if err != nil {
		return nil, err
	}
	parameters, err := declare.Of(q, text)
	if err != nil {
		return nil, err
	}
	known, err := s.knownPaths(ctx)
	if err != nil {
		return nil, err
	}
	return append(remark.Of(q, known), declare.Doubts(parameters)...), nil
}

// examining is how long templates are compiled for the examination of a query;
// those that were are kept, so that the next one has them.
const examining = 5 * time.Second

// knownPaths are the templates in use and the archetypes. A query's author is told
// of all of them: they hold no records.
func (s *Service) knownPaths(ctx context.Context) (known remark.Known, err error) {
	began := s.clock.Now()
	list, err := s.store.Templates(ctx)
	if err != nil {
		return known, err
	}
	for _, info := range list {
		if s.clock.Now().Sub(began) > examining {
			return remark.Known{Incomplete: true}, nil
		}
		t, err := s.compiled(ctx, info.ID)
		switch {
		case err == nil:
			known.Templates = append(known.Templates, t.Compiled)
		case !fault.Is(err, fault.NotFound):
			return known, err
		}
	}
	archetypes, err := s.store.Archetypes(ctx)
	for _, a := range archetypes {
		known.Archetypes = append(known.Archetypes, a.ID)
	}
	return known, err
}

// scopeParameter is bound to the EHR a query is asked about, where nothing else
// is given for it.
const scopeParameter = "ehr_id"

// bind gives the parameters their values by type: those of a stored query, of one
// asked by URL, where all is text, and of one that declares them. The parameters
// that are none of the query are told. All others are only checked.
func (r *QueryRequest) bind(q *aql.Query) ([]fault.Issue, error) {
	parameters, err := declare.Of(q, r.Text)
	if err != nil {
		return nil, err
	}
	if r.Name == "" && !r.Texts && !strings.Contains(r.Text, "@param") {
		return nil, declare.Check(parameters, r.Params)
	}
	given := r.Params
	asked := slices.ContainsFunc(parameters, func(p declare.Parameter) bool { return p.Name == scopeParameter })
	if _, ok := given[scopeParameter]; !ok && asked && r.EHR != "" {
		given = maps.Clone(given)
		if given == nil {
			given = map[string]any{}
		}
		given[scopeParameter] = r.EHR
	}
	bound, unknown, err := declare.Bind(parameters, given)
	if err != nil {
		return nil, err
	}
	r.Params = bound
	var warnings []fault.Issue
	for _, name := range unknown {
		warnings = append(warnings, fault.Issue{Path: "$" + name, Rule: "query-parameter-unknown", Message: "the query has no parameter $" + name, Warning: true})
	}
	return warnings, nil
}

// Warnings are remarks on what was asked that refuse nothing.
func (r *ResultSet) Warnings() []fault.Issue { return r.warnings }
