package postgres

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// What EXPLAIN stands with before a statement.
const (
	explainSQL      = `explain `
	explainShapeSQL = `explain (costs off) `
)

// ExplainQuery plans a query as Query does and asks the database for its plan
// of the same statement with the same values. Of the database's lines those are
// left out that show values: conditions, keys and the like.
func (db *DB) ExplainQuery(ctx context.Context, q cdr.StoreQuery, estimates bool) (cdr.QueryExplanation, error) {
	q.Options.Zone = db.zone
	e := cdr.QueryExplanation{Database: []string{}}
	switch {
	case asksHistory(q.Query):
		e.Plan = "all versions: the documents the caller may see are read and the query is evaluated on them\n"
		return e, nil
	case onDocuments(q.Query, q.Profile.All):
		e.Plan = "directories: documents are read, what the caller may not see is taken out, and the query is evaluated on them\n"
		return e, nil
	}
	dict, err := db.freshDictionary(ctx)
	if err != nil {
		return e, err
	}
	p, s, err := planned(q, dict)
	if notInSQL(q, err) {
		e.Plan = "documents: rows cannot answer this (" + fault.Of(err).Message + "); the documents the caller may see are read and the query is evaluated on them\n"
		return e, nil
	}
	if err != nil {
		return e, err
	}
	e.Plan, e.SQL = p.String(), s.SQL
	command := explainShapeSQL
	if estimates {
		command = explainSQL
	}
	b := &pgx.Batch{}
	b.Queue(planningSQL, planning(ctx, q.Profile, actionOf(p), s)...)
	b.Queue(command+s.SQL, s.Args...).Query(func(rows pgx.Rows) error {
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		for _, line := range lines {
			if isPlanNode(line) || len(e.Database) == 0 {
				e.Database = append(e.Database, line)
			}
		}
		return err
	})
	err = db.with(ctx, db.query, db.queryWait, func(conn *pgx.Conn) error { return conn.SendBatch(ctx, b).Close() })
	return e, translate(ctx, err)
}

// isPlanNode says whether a line of EXPLAIN names a node or a part of the plan;
// all other lines are "what: value".
func isPlanNode(line string) bool {
	text := strings.TrimSpace(line)
	for _, start := range []string{"->  ", "CTE ", "InitPlan ", "SubPlan "} {
		if strings.HasPrefix(text, start) {
			return true
		}
	}
	return false
}
