package postgres

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
)

// BenchmarkCommit is a whole create: read, validate, seal, cut, commit.
func BenchmarkCommit(b *testing.B) {
	h, ctx := newHouse(b), context.Background()
	e := h.ehr(b)
	body := example(b, "vital_signs_full")
	for b.Loop() {
		if _, err := h.CreateComposition(ctx, clinician, e.ID, body, cdr.CommitInfo{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkUpdate is a new version over the latest.
func BenchmarkUpdate(b *testing.B) {
	h, ctx := newHouse(b), context.Background()
	e := h.ehr(b)
	body := example(b, "vital_signs_full")
	last := h.create(b, e.ID, "vital_signs_full", cdr.CommitInfo{})
	for b.Loop() {
		var err error
		if last, err = h.UpdateComposition(ctx, clinician, e.ID, last.ObjectID, last.VersionUID, body, cdr.CommitInfo{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkGet is one read by version uid with the access predicate; RawGet is
// the physical limit, the same bytes by primary key.
func BenchmarkGet(b *testing.B) {
	h, ctx := newHouse(b), context.Background()
	e := h.ehr(b)
	d := h.create(b, e.ID, "vital_signs_full", cdr.CommitInfo{})
	for name, ref := range map[string]cdr.VersionRef{"uid": {VersionUID: d.VersionUID}, "object": {Object: d.ObjectID}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := h.Composition(ctx, reader, e.ID, ref); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("raw", func(b *testing.B) {
		err := h.db.with(ctx, h.db.record, time.Second, func(conn *pgx.Conn) error {
			if _, err := conn.Exec(ctx, "select set_config('quire.all', 'on', false)"); err != nil {
				return err
			}
			text := "select v.doc from " + everything(access.Version, "v") + " where v.ehr_id = $1 and v.vo_id = $2 and v.ver = $3"
			for b.Loop() {
				var doc []byte
				if err := conn.QueryRow(ctx, text, e.ID, d.ObjectID, 1).Scan(&doc); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	})
}
