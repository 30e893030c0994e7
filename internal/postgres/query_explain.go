package postgres

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/aql/plan"
	"github.com/quire-cdr/quire/internal/aql/sqlgen"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/promotion"
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
	e := cdr.QueryExplanation{Database: []string{}, Indexes: []string{}, Slow: []string{}, Promote: []string{}}
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
	if notInSQL(err) {
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
		e.Indexes = indexesOf(lines)
		if estimates && len(lines) > 0 {
			e.Rows = rowsOf(lines[0])
		}
		for _, line := range lines {
			if isPlanNode(line) || len(e.Database) == 0 {
				e.Database = append(e.Database, line)
			}
		}
		return err
	})
	err = db.with(ctx, db.query, db.queryWait, func(conn *pgx.Conn) error { return conn.SendBatch(ctx, b).Close() })
	judge(&e, p, s)
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

// indexesOf are the indexes that lines of EXPLAIN name, each once.
func indexesOf(lines []string) []string {
	found := []string{}
	for _, line := range lines {
		if m := indexUsed.FindStringSubmatch(line); m != nil && !slices.Contains(found, m[1]+m[2]) {
			found = append(found, m[1]+m[2])
		}
	}
	return found
}

var (
	indexUsed = regexp.MustCompile(`Index (?:Only )?Scan (?:Backward )?using (\w+)|Bitmap Index Scan on (\w+)`)
	rowsAsked = regexp.MustCompile(`rows=(\d+)`)
	readWhole = regexp.MustCompile(`Seq Scan on (version|node|leaf)\b`)
)

// rowsOf is the estimate in the first line of EXPLAIN.
func rowsOf(line string) *int64 {
	m := rowsAsked.FindStringSubmatch(line)
	if m == nil {
		return nil
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return nil
	}
	return &n
}

// judge says what the query starts from, why it reads much, and what would help.
func judge(e *cdr.QueryExplanation, p *plan.Plan, s *sqlgen.Statement) {
	if l := s.Promoted; l != nil {
		e.Promoted = promotion.Place{Archetype: l.Archetype, Path: l.Text}.String()
		e.Plan += "starts from the promoted path " + e.Promoted + "\n"
		if s.Ordered {
			e.Plan += "reads in its order and stops at the last row asked for\n"
		}
	}
	if p.EHR != "" {
		return
	}
	for _, line := range e.Database {
		if m := readWhole.FindStringSubmatch(line); m != nil {
			if text := "all rows of " + m[1] + " are read"; !slices.Contains(e.Slow, text) {
				e.Slow = append(e.Slow, text)
			}
		}
	}
	if s.Promoted == nil && !s.Ordered {
		switch {
		case len(p.Conjuncts()) > 0:
			e.Slow = append(e.Slow, "no condition is on a promoted path: every node of the archetypes is opened to judge it")
		case len(p.Order) > 0 && p.Limit >= 0:
			e.Slow = append(e.Slow, "all rows are found and sorted before the first are given")
			if l := missingFirst(p); l != nil {
				e.Slow = append(e.Slow, "rows without a value come first in this order, and the promoted path "+promotion.Place{Archetype: l.Archetype, Path: l.Text}.String()+
					" has none of them: with NULLS LAST, or a condition on the path, it is read in its order")
			}
		default:
			e.Slow = append(e.Slow, "the query has no condition: it reads all that the caller may see of its classes")
		}
		for _, at := range places(p) {
			e.Promote = append(e.Promote, at.Command())
		}
	}
}

// missingFirst is the promoted path a query is sorted by where what has no value
// comes first, nil where there is none.
func missingFirst(p *plan.Plan) *plan.Leaf {
	k := p.Order[0]
	by := k.Value
	if k.Column > 0 {
		by = p.Columns[k.Column-1].Value
	}
	if r, ok := by.(*plan.Ref); ok && k.Nulls.First(k.Descending) {
		return p.Dictionary.Leaf(r)
	}
	return nil
}
