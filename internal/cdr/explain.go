package cdr

import (
	"context"

	"github.com/go-json-experiment/json"

	"github.com/quire-cdr/quire/internal/fault"
)

// QueryExplainer says how a query would be run. The Store of a Service
// implements it.
type QueryExplainer interface {
	// ExplainQuery plans a query without running it. With estimates the database's
	// plan says how many rows it expects, which tells of people the profile may
	// not count.
	ExplainQuery(ctx context.Context, q StoreQuery, estimates bool) (QueryExplanation, error)
}

// QueryExplanation is how a query would be run.
type QueryExplanation struct {
	// Plan is what the query was understood as, in words.
	Plan string `json:"plan"`
	// SQL is the statement with placeholders instead of values.
	SQL string `json:"sql"`
	// Database is the plan of the database, a line a node.
	Database []string `json:"database"`
	// Indexes are those the database uses.
	Indexes []string `json:"indexes"`
	// Rows is how many rows the database expects, for who may know it.
	Rows *int64 `json:"rows_estimated,omitempty"`
	// Promoted is the promoted path the query starts from, "" for none.
	Promoted string `json:"promoted,omitempty"`
	// Slow says in words why the query reads much, Promote which commands would
	// change that.
	Slow    []string `json:"slow"`
	Promote []string `json:"promote"`
}

// explain writes the explanation of the query instead of its rows.
func (o *resultWriter) explain(q StoreQuery) error {
	store, ok := o.set.service.store.(QueryExplainer)
	if !ok {
		return fault.New(fault.NotImplemented, "query-explain", "the store explains no queries")
	}
	e, err := store.ExplainQuery(o.ctx, q, o.set.estimates)
	if err != nil {
		return err
	}
	if o.buf, err = json.Marshal(e); err != nil {
		return err
	}
	return o.flush()
}
