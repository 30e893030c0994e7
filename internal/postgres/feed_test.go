package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/feed"
	"github.com/quire-cdr/quire/internal/fault"
)

var warehouse = cdr.Caller{Subject: "svc:warehouse", Organisation: "north", Role: "analyst", Service: true, Purpose: "planning"}

// receiver takes messages unless it is told to be away or to refuse an EHR.
type receiver struct {
	sync.Mutex
	away   bool
	refuse string
	tries  int
	got    []string
	ids    map[string]int
	header map[string]string
}

func (r *receiver) Fits(url string) error {
	if strings.HasPrefix(url, "https://") {
		return nil
	}
	return fault.New(fault.Invalid, "webhook-url", "no")
}

func (r *receiver) Send(_ context.Context, _ string, header map[string]string, message []byte) (int, error) {
	r.Lock()
	defer r.Unlock()
	r.tries++
	if r.away {
		return 0, errors.New("connection refused")
	}
	if r.refuse != "" && strings.Contains(string(message), r.refuse) {
		return 400, nil
	}
	r.got, r.header = append(r.got, string(message)), header
	r.ids[header["webhook-id"]]++
	return 204, nil
}

func (r *receiver) set(away bool, refuse string) {
	r.Lock()
	defer r.Unlock()
	r.away, r.refuse = away, refuse
}

// about are the version numbers told of an object, in the order they came.
func (r *receiver) about(object string) []string {
	r.Lock()
	defer r.Unlock()
	var numbers []string
	for _, m := range r.got {
		if _, rest, ok := strings.Cut(m, `"version_uid":"`+object+"::test.quire::"); ok {
			number, _, _ := strings.Cut(rest, `"`)
			numbers = append(numbers, number)
		}
	}
	return numbers
}

func (h *house) feed(to *receiver) *feed.Feed {
	both := []int32{h.families[vitalSigns], h.families[carePlan]}
	h.people[warehouse.Subject] = &access.Profile{Principal: warehouse.Subject, Role: "analyst", Queryable: []string{"north"}, Templates: both, Service: true}
	return &feed.Feed{Store: h.db, Act: h.Act(), Sender: to, Secret: []byte("0123456789abcdef0123456789abcdef"), Logger: slog.New(slog.DiscardHandler)}
}

// TestFeedHasNoGaps: a reader that follows many writers sees each version once,
// and those of one object in their order.
func TestFeedHasNoGaps(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	f := h.feed(&receiver{})
	const writers, versions = 6, 8
	var all errgroup.Group
	for range writers {
		e := h.ehr(t)
		all.Go(func() error {
			d, err := h.CreateComposition(ctx, clinician, e.ID, example(t, "vital_signs_minimal"), cdr.CommitInfo{})
			for i := 1; i < versions && err == nil; i++ {
				d, err = h.UpdateComposition(ctx, clinician, e.ID, d.ObjectID, d.VersionUID, example(t, "vital_signs_minimal"), cdr.CommitInfo{})
			}
			return err
		})
	}
	seen, numbers := map[string]bool{}, map[string]int{}
	var after feed.Place
	for deadline := time.Now().Add(30 * time.Second); len(seen) < writers*(versions+1) && time.Now().Before(deadline); {
		page, err := f.Read(ctx, warehouse, feed.Request{After: after, Limit: 5, Wait: 300 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range page.Changes {
			if seen[c.VersionUID] {
				t.Errorf("%s is told twice", c.VersionUID)
			}
			seen[c.VersionUID] = true
			uid, _ := cdr.ParseVersionUID(c.VersionUID)
			if numbers[c.Object]++; uid.Number != numbers[c.Object] {
				t.Errorf("version %d comes at place %d", uid.Number, numbers[c.Object])
			}
		}
		after = page.Next
	}
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
	if n := h.count(t, "select count(*) from version"); len(seen) != n {
		t.Errorf("%d of %d versions were told", len(seen), n)
	}
}

// TestFeedWaitsForOlderTransactions: what a running transaction may still add
// before it holds a later change back.
func TestFeedWaitsForOlderTransactions(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	f := h.feed(&receiver{})
	conn, err := pgx.Connect(ctx, h.super)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	tx, err := conn.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(ctx, "select pg_current_xact_id()"); err != nil {
		t.Fatal(err)
	}
	h.ehr(t)
	page, err := f.Read(ctx, warehouse, feed.Request{})
	if err != nil || len(page.Changes) != 0 {
		t.Fatalf("%d changes while an older transaction runs: %v", len(page.Changes), err)
	}
	if err := tx.Rollback(ctx); err != nil {
		t.Fatal(err)
	}
	// Transactions of other databases of the cluster hold the feed back as well.
	if page, err = f.Read(ctx, warehouse, feed.Request{After: page.Next, Wait: 20 * time.Second}); err != nil || len(page.Changes) != 1 {
		t.Errorf("%d changes after it: %v", len(page.Changes), err)
	}
}

func TestFeedShowsWhatTheReaderMaySee(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	f := h.feed(&receiver{})
	e := h.ehr(t)
	vital := h.create(t, e.ID, "vital_signs_minimal", cdr.CommitInfo{})
	plan := h.create(t, e.ID, "emergency_care_plan_minimal", cdr.CommitInfo{})
	h.everything(t, f, 3)
	read := func(r feed.Request) []string {
		t.Helper()
		page, err := f.Read(ctx, warehouse, r)
		if err != nil {
			t.Fatal(err)
		}
		var objects []string
		for _, c := range page.Changes {
			objects = append(objects, c.Object)
		}
		return objects
	}
	if got := read(feed.Request{Filter: feed.Filter{Kinds: []cdr.Kind{cdr.KindComposition}}}); fmt.Sprint(got) != fmt.Sprint([]string{vital.ObjectID, plan.ObjectID}) {
		t.Errorf("compositions: %v", got)
	}
	if got := read(feed.Request{Filter: feed.Filter{Templates: []string{carePlan}}}); fmt.Sprint(got) != fmt.Sprint([]string{plan.ObjectID}) {
		t.Errorf("plans: %v", got)
	}
	h.audit.events = nil
	h.people[warehouse.Subject].Templates = []int32{h.families[vitalSigns]}
	if got := read(feed.Request{Filter: feed.Filter{Kinds: []cdr.Kind{cdr.KindComposition}}}); fmt.Sprint(got) != fmt.Sprint([]string{vital.ObjectID}) {
		t.Errorf("with the rights to one template: %v", got)
	}
	if len(h.audit.events) != 1 || fmt.Sprint(h.audit.events[0].Shown) != fmt.Sprint([]string{e.ID}) {
		t.Errorf("audit: %+v", h.audit.events)
	}
	_, err := f.Read(ctx, clinician, feed.Request{})
	want(t, err, fault.Forbidden, "")
	_, err = f.Read(ctx, warehouse, feed.Request{After: feed.Place{Xact: 1 << 60}})
	want(t, err, fault.Invalid, "feed-place")

	end, err := h.db.Now(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.DeleteEHR(ctx, system, e.ID); err != nil {
		t.Fatal(err)
	}
	page, err := f.Read(ctx, warehouse, feed.Request{After: end, Wait: 20 * time.Second})
	if err != nil || len(page.Changes) != 1 || !page.Changes[0].Erased || page.Changes[0].EHR != e.ID || page.Changes[0].Object != "" {
		t.Errorf("after the erasure: %+v %v", page.Changes, err)
	}
}

// everything reads from the beginning until n changes are there: transactions of
// other databases of the cluster hold the feed back.
func (h *house) everything(t *testing.T, f *feed.Feed, n int) feed.Page {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		page, err := f.Read(context.Background(), warehouse, feed.Request{})
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Changes) >= n {
			return page
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d changes, want %d", len(page.Changes), n)
		}
	}
}

// TestFeedTellsOfAttestations: a version that is attested is told again.
func TestFeedTellsOfAttestations(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	f := h.feed(&receiver{})
	e := h.ehr(t)
	v := h.create(t, e.ID, "vital_signs_minimal", cdr.CommitInfo{})
	before := h.everything(t, f, 2)
	if before.Changes[1].Attested {
		t.Fatalf("%+v", before)
	}
	if _, err := h.CommitContribution(ctx, clinician, e.ID, contribution(attested(v.VersionUID, attesting("ATTESTATION", "666", ""), "")), "", false); err != nil {
		t.Fatal(err)
	}
	after, err := f.Read(ctx, warehouse, feed.Request{After: before.Next, Wait: 20 * time.Second})
	if err != nil || len(after.Changes) != 1 || after.Changes[0].VersionUID != v.VersionUID || !after.Changes[0].Attested {
		t.Errorf("%+v %v", after.Changes, err)
	}
}

// running sends by as many processes as asked until the test ends.
func running(t *testing.T, f *feed.Feed, processes int) {
	ctx, stop := context.WithCancel(context.Background())
	var all errgroup.Group
	for range processes {
		all.Go(func() error { return f.Run(ctx) })
	}
	t.Cleanup(func() { stop(); _ = all.Wait() })
}

func eventually(t *testing.T, within time.Duration, what string, is func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !is() {
		if time.Since(began) > within {
			t.Fatalf("not within %v: %s", within, what)
		}
		time.Sleep(10 * time.Millisecond)
	}
	return time.Since(began)
}

func TestWebhooks(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	to := &receiver{ids: map[string]int{}}
	f := h.feed(to)
	a, b := h.ehr(t), h.ehr(t)
	_, _, err := f.AddWebhook(ctx, clinician, feed.NewWebhook{URL: "https://example.org/x"})
	want(t, err, fault.Forbidden, "")
	_, _, err = f.AddWebhook(ctx, warehouse, feed.NewWebhook{URL: "http://example.org/x"})
	want(t, err, fault.Invalid, "webhook-url")
	hook, key, err := f.AddWebhook(ctx, warehouse, feed.NewWebhook{URL: "https://example.org/x"})
	if err != nil || !strings.HasPrefix(key, "whsec_") {
		t.Fatal(key, err)
	}
	running(t, f, 2)

	one := h.create(t, a.ID, "vital_signs_minimal", cdr.CommitInfo{})
	if took := eventually(t, 20*time.Second, "the first message", func() bool { return len(to.about(one.ObjectID)) == 1 }); took > time.Second {
		t.Logf("the first message took %v", took)
	}
	for _, name := range []string{"webhook-id", "webhook-timestamp", "webhook-signature"} {
		if to.header[name] == "" {
			t.Errorf("no header %s", name)
		}
	}
	update := func(ehr string, d cdr.Document, info cdr.CommitInfo) cdr.Document {
		t.Helper()
		next, err := h.UpdateComposition(ctx, clinician, ehr, d.ObjectID, d.VersionUID, example(t, "vital_signs_minimal"), info)
		if err != nil {
			t.Fatal(err)
		}
		return next
	}

	// Away: nothing is lost, and nothing is told out of order.
	to.set(true, "")
	two := update(a.ID, one, cdr.CommitInfo{})
	three := update(a.ID, two, cdr.CommitInfo{})
	eventually(t, 20*time.Second, "that it fails", func() bool {
		hooks, err := f.Webhooks(ctx, warehouse)
		return err == nil && !hooks[0].Failing.IsZero() && hooks[0].Waiting == 0
	})
	to.set(false, "")
	eventually(t, 20*time.Second, "what was missed", func() bool { return len(to.about(one.ObjectID)) == 3 })
	if got := fmt.Sprint(to.about(one.ObjectID)); got != "[1 2 3]" {
		t.Errorf("told in the order %s", got)
	}

	// One EHR is refused: its changes wait in order, others go on.
	to.set(false, a.ID)
	four := update(a.ID, three, cdr.CommitInfo{})
	other := h.create(t, b.ID, "vital_signs_minimal", cdr.CommitInfo{})
	eventually(t, 20*time.Second, "the other EHR", func() bool { return len(to.about(other.ObjectID)) == 1 })
	draft := update(a.ID, four, cdr.CommitInfo{Lifecycle: cdr.Incomplete})
	update(a.ID, draft, cdr.CommitInfo{})
	eventually(t, 20*time.Second, "two that wait", func() bool {
		hooks, err := f.Webhooks(ctx, warehouse)
		return err == nil && hooks[0].Waiting == 2
	})
	to.set(false, "")
	if err := f.ResumeWebhook(ctx, warehouse, hook.ID); err != nil {
		t.Fatal(err)
	}
	eventually(t, 20*time.Second, "what waited", func() bool { return len(to.about(one.ObjectID)) == 5 })
	if got := fmt.Sprint(to.about(one.ObjectID)); got != "[1 2 3 4 6]" {
		t.Errorf("told in the order %s; 5 is a draft", got)
	}

	// Who may no longer read is told nothing.
	h.people[warehouse.Subject] = &access.Profile{Principal: warehouse.Subject}
	hidden := h.create(t, b.ID, "vital_signs_minimal", cdr.CommitInfo{})
	eventually(t, 20*time.Second, "the refusal", func() bool {
		hooks, err := f.Webhooks(ctx, system)
		return err == nil && hooks[0].Failure != ""
	})
	if len(to.about(hidden.ObjectID)) != 0 {
		t.Error("told without the right")
	}
	for id, n := range to.ids {
		if n != 1 {
			t.Errorf("%s was told %d times", id, n)
		}
	}
	want(t, f.DeleteWebhook(ctx, outsider, hook.ID), fault.Forbidden, "")
	if err := f.DeleteWebhook(ctx, system, hook.ID); err != nil {
		t.Error(err)
	}
	want(t, f.DeleteWebhook(ctx, system, hook.ID), fault.NotFound, "webhook-unknown")
}
