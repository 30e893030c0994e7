package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/aql/row"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/postgres/dictionary"
)

// abandonSQL ends a pipeline that has met its conditions, and takes it back.
const abandonSQL = `select refuse('judged')`

// JudgeCommit runs the conditions of a commit as the commit itself does, under
// the same locks, and takes all of it back. Rows for queries are not made: no
// condition asks for them.
func (db *DB) JudgeCommit(ctx context.Context, c cdr.Commit) error {
	want := dictionary.NewWanted()
	want.System(c.SystemID)
	for _, v := range c.Versions {
		if v.Tree != nil {
			want.Archetype(v.Tree.ArchetypeNodeID(v.Tree.Root()))
		}
	}
	for attempt := 1; ; attempt++ {
		ids, err := db.intern(ctx, want)
		if err != nil {
			return err
		}
		p := compose(ctx, c, make([][]row.Row, len(c.Versions)), ids)
		p.Queue(abandonSQL)
		err = db.with(ctx, db.record, db.wait, func(conn *pgx.Conn) error {
			return conn.SendBatch(ctx, &p.Batch).Close()
		})
		if refusal(err) == "judged" {
			return nil
		}
		again, _, final := db.failed(ctx, c, err)
		if !again || attempt == maxAttempts {
			return final
		}
		if err := pause(ctx, attempt); err != nil {
			return err
		}
	}
}
