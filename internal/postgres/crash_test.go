package postgres

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// Connections die at any moment of a commit. Whatever was answered with success
// is there, once; whatever was refused is not; nothing is half there.
func TestCommitSurvivesLostConnections(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	const writers, rounds = 3, 40
	ehrs := make([]string, writers)
	for i := range ehrs {
		ehrs[i] = h.ehr(t).ID
	}
	body := example(t, "vital_signs_minimal")
	killing, stop := context.WithCancel(ctx)
	var killer, work sync.WaitGroup
	killer.Go(func() {
		conn, err := pgx.Connect(ctx, h.super)
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.Close(ctx) }()
		for killing.Err() == nil {
			if _, err := conn.Exec(ctx, "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'quire_app' and datname = current_database() order by random() limit 1"); err != nil {
				t.Error(err)
				return
			}
			time.Sleep(25 * time.Millisecond)
		}
	})
	made, failed := make([][]string, writers), make([]int, writers)
	for w := range writers {
		work.Go(func() {
			last := ""
			for range rounds {
				var d cdr.Document
				var err error
				if last == "" {
					d, err = h.CreateComposition(ctx, clinician, ehrs[w], body, cdr.CommitInfo{})
				} else {
					v, _ := cdr.ParseVersionUID(last)
					d, err = h.UpdateComposition(ctx, clinician, ehrs[w], v.Object, last, body, cdr.CommitInfo{})
				}
				if err != nil {
					failed[w]++
					if !fault.Is(err, fault.Unavailable) {
						t.Error(err)
					}
					continue
				}
				last = d.VersionUID
				made[w] = append(made[w], d.VersionUID)
			}
		})
	}
	work.Wait()
	stop()
	killer.Wait()
	for w, ehr := range ehrs {
		t.Logf("writer %d: %d made, %d refused", w, len(made[w]), failed[w])
		if n := h.count(t, "select count(*) from version where ehr_id = $1 and kind = 1", ehr); n != len(made[w]) {
			t.Errorf("%d versions are there, %d were answered with success", n, len(made[w]))
		}
		if len(made[w]) == 0 {
			t.Error("nothing was committed at all")
		}
	}
	if n := h.count(t, `select count(*) from contribution c where not exists (select 1 from version v where v.ehr_id = c.ehr_id and v.contribution_id = c.contribution_id)
or not exists (select 1 from audit_event a where a.ehr_id = c.ehr_id and a.outcome = 'success')`); n != 0 {
		t.Errorf("%d contributions are half there", n)
	}
	h.sound(t)
}
