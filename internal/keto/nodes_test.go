package keto_test

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/keto"
	"github.com/quire-cdr/quire/internal/postgres"
	"github.com/quire-cdr/quire/internal/testkit"
	"github.com/quire-cdr/quire/migrations"
)

// node is one process of several on one database and one Keto.
func node(t *testing.T, dsn string, server testkit.KetoServer, deaf bool) *keto.Authorizer {
	t.Helper()
	db, err := postgres.Open(t.Context(), postgres.Config{DSN: dsn, Record: 2, Query: 1, Work: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	rights, err := postgres.NewAccess(t.Context(), db, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(rights.Close)
	var epochs keto.Epochs = rights
	if deaf {
		epochs = mute{rights}
	}
	a := keto.New(keto.Config{ReadURL: server.ReadURL, WriteURL: server.WriteURL, Sentinel: server.Sentinel, Epochs: epochs, Families: rights,
		Timeout: 2 * time.Second, Cold: 5 * time.Second, Logger: slog.New(slog.DiscardHandler)})
	t.Cleanup(a.Close)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return a
}

// mute is a database whose notifications do not arrive.
type mute struct{ keto.Epochs }

func (mute) Listen(ctx context.Context, _ func()) error { <-ctx.Done(); return ctx.Err() }

// A right withdrawn at one node is refused at the others: by notification within
// a second, and by polls where notifications are cut.
func TestRevocationReachesOtherNodes(t *testing.T) {
	server := testkit.Keto(t)
	dsn := testkit.Login(t, testkit.Database(t, migrations.FS, postgres.Prepare), postgres.AppRole)
	writer, listener, deaf := node(t, dsn, server, false), node(t, dsn, server, false), node(t, dsn, server, true)
	caller := cdr.Caller{Subject: "user:" + server.Prefix + "nurse"}
	right := keto.Tuple{Namespace: "Organisation", Object: server.Prefix + "north", Relation: "clinicians", Subject: caller.Subject}
	sees := func(a *keto.Authorizer) bool {
		p, err := a.Profile(t.Context(), caller)
		if err != nil {
			t.Error(err)
			return false
		}
		return len(p.Readable) > 0
	}
	until := func(a *keto.Authorizer, want bool) time.Duration {
		begun := time.Now()
		for sees(a) != want {
			if time.Since(begun) > 5*time.Second {
				t.Error("never felt")
				break
			}
			time.Sleep(time.Millisecond)
		}
		return time.Since(begun)
	}
	var heard, polled []time.Duration
	for range 4 {
		if err := writer.Grant(t.Context(), right); err != nil {
			t.Fatal(err)
		}
		if !sees(writer) {
			t.Error("the node that grants does not feel it at once")
		}
		until(listener, true)
		until(deaf, true)
		if err := writer.Revoke(t.Context(), right); err != nil {
			t.Fatal(err)
		}
		if sees(writer) {
			t.Error("the node that revokes still allows")
		}
		var both sync.WaitGroup
		both.Go(func() { heard = append(heard, until(listener, false)) })
		both.Go(func() { polled = append(polled, until(deaf, false)) })
		both.Wait()
	}
	slices.Sort(heard)
	slices.Sort(polled)
	t.Logf("felt by notification: median %v, worst %v; by polls: median %v, worst %v", heard[2], heard[3], polled[2], polled[3])
	if heard[3] > time.Second {
		t.Errorf("by notification: %v", heard[3])
	}
	if polled[3] > 3*time.Second {
		t.Errorf("by polls: %v", polled[3])
	}
}
