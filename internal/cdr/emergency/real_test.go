package emergency_test

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofrs/uuid/v5"
	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/emergency"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/postgres"
	"github.com/quire-cdr/quire/internal/testkit"
	"github.com/quire-cdr/quire/migrations"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// people gives each subject its profile.
type people map[string]*access.Profile

func (people) Refresh(context.Context) error { return nil }

func (p people) Profile(_ context.Context, c cdr.Caller) (*access.Profile, error) {
	if found, ok := p[c.Subject]; ok {
		return found, nil
	}
	return &access.Profile{Principal: c.Subject}, nil
}

// staff: two doctors who may break glass, one of whom is privacy officer of north,
// an officer of south, and the administration of users.
var staff = people{
	"doctor":  {Principal: "user:a:doctor", Role: "doctor", BreakGlassIn: []string{"north"}, Templates: []int32{1}},
	"officer": {Principal: "user:a:officer", Role: "doctor", BreakGlassIn: []string{"north"}, PrivacyIn: []string{"north"}},
	"second":  {Principal: "user:a:second", PrivacyIn: []string{"north"}},
	"south":   {Principal: "user:a:south", PrivacyIn: []string{"south"}},
	"admin":   {Principal: "user:a:admin", Areas: []string{"users"}},
}

type ward struct {
	*emergency.Emergencies
	control *cdr.AccessControl
	rights  *postgres.Access
	super   *pgx.Conn
	ehr     string
}

func newWard(t *testing.T) *ward {
	t.Helper()
	super := testkit.Database(t, migrations.FS, postgres.Prepare)
	dsn := testkit.Login(t, super, postgres.AppRole)
	db, err := postgres.Open(t.Context(), postgres.Config{DSN: dsn, Record: 4, Query: 1, Work: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	w := &ward{ehr: newID()}
	if w.rights, err = postgres.NewAccess(t.Context(), db, dsn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.rights.Close)
	if w.super, err = pgx.Connect(t.Context(), super); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.super.Close(context.Background()) })
	service := cdr.New(cdr.Deps{Store: db, Authorizer: staff, Auditor: w.rights})
	w.control = &cdr.AccessControl{Store: w.rights, Authorizer: staff, Auditor: w.rights}
	w.Emergencies = &emergency.Emergencies{Store: w.rights, Act: service.Act(), Log: func(string) {}}
	w.exec(t, "insert into ehr values ($1, 1, now(), $1, null, true, true)", w.ehr)
	return w
}

func (w *ward) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	if _, err := w.super.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

func (w *ward) break1(t *testing.T, who string) {
	t.Helper()
	_, err := w.control.BreakGlass(t.Context(), as(who), cdr.BreakGlass{EHR: w.ehr, ReasonCode: "emergency", Reason: "found collapsed at home", Minutes: 15})
	if err != nil {
		t.Fatal(err)
	}
}

func (w *ward) reads(t *testing.T, who string) bool {
	t.Helper()
	g, err := w.rights.Gates(t.Context(), staff[who], w.ehr)
	if err != nil {
		t.Fatal(err)
	}
	return g.Read
}

func as(who string) cdr.Caller { return cdr.Caller{Subject: who} }

func newID() string { return uuid.Must(uuid.NewV7()).String() }

// Who broke glass stands in the queue until somebody else has reviewed it.
func TestReview(t *testing.T) {
	w := newWard(t)
	w.break1(t, "doctor")
	w.break1(t, "officer")
	queue := func(who string, q emergency.Queue) []emergency.Access {
		t.Helper()
		list, err := w.Queue(t.Context(), as(who), q)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	for who, n := range map[string]int{"second": 2, "admin": 2, "south": 0} {
		if list := queue(who, emergency.Queue{}); len(list) != n {
			t.Errorf("%s sees %d, want %d", who, len(list), n)
		}
	}
	if _, err := w.Queue(t.Context(), as("doctor"), emergency.Queue{}); !fault.Is(err, fault.Forbidden) {
		t.Errorf("a doctor reads the queue: %v", err)
	}
	list := queue("second", emergency.Queue{EHR: w.ehr})
	first, own := list[0], list[1]
	if first.Principal != "user:a:doctor" || first.Role != "doctor" || first.Reason != "found collapsed at home" || first.Events != 1 {
		t.Errorf("%+v", first)
	}
	review := func(who string, a emergency.Access, outcome string) error {
		return w.Review(t.Context(), as(who), w.ehr, a.ID, outcome)
	}
	for _, c := range []struct {
		who     string
		of      emergency.Access
		outcome string
		kind    fault.Kind
	}{
		{"officer", own, "justified", fault.Forbidden},
		{"south", first, "justified", fault.NotFound},
		{"doctor", first, "justified", fault.Forbidden},
		{"second", first, "fine", fault.Invalid},
		{"second", emergency.Access{ID: newID()}, "justified", fault.NotFound},
	} {
		if err := review(c.who, c.of, c.outcome); !fault.Is(err, c.kind) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if !w.reads(t, "doctor") {
		t.Error("the glass is not broken")
	}
	if err := review("second", first, "not-justified"); err != nil {
		t.Fatal(err)
	}
	if w.reads(t, "doctor") {
		t.Error("a review leaves the access open")
	}
	if err := review("admin", first, "justified"); !fault.Is(err, fault.Conflict) {
		t.Errorf("reviewed twice: %v", err)
	}
	if list := queue("second", emergency.Queue{}); len(list) != 1 {
		t.Errorf("%d are left", len(list))
	}
	if list := queue("second", emergency.Queue{All: true}); len(list) != 2 || list[0].Outcome != "not-justified" || list[0].Reviewer != "user:a:second" || list[0].Reviewed.IsZero() {
		t.Errorf("%+v", list)
	}
	if err := w.End(t.Context(), as("south"), w.ehr, own.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("ended from elsewhere: %v", err)
	}
	if err := w.End(t.Context(), as("officer"), w.ehr, own.ID); err != nil || w.reads(t, "officer") {
		t.Errorf("ended by oneself: %v", err)
	}
	if err := w.End(t.Context(), as("officer"), w.ehr, own.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("ended twice: %v", err)
	}
	var rows int
	if err := w.super.QueryRow(t.Context(), "select count(*) from audit_event where basis in ('break-glass-review:not-justified', 'break-glass:ended') and outcome = 'success'").Scan(&rows); err != nil || rows != 2 {
		t.Errorf("%d audit rows for 2 changes, %v", rows, err)
	}
}

// post is a receiver of alerts.
type post struct {
	mu   sync.Mutex
	got  []string
	fail bool
}

func (p *post) Send(_ context.Context, url string, _ map[string]string, message []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fail {
		return 0, errors.New("no route")
	}
	p.got = append(p.got, url+" "+string(message))
	return 204, nil
}

// An alert is sent once, without the reason's text, and again where it failed.
func TestAlert(t *testing.T) {
	w := newWard(t)
	receiver := &post{fail: true}
	w.Sender, w.Address = receiver, "https://alerts.example.org/glass"
	w.break1(t, "doctor")
	if err := w.Alert(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v", err)
	}
	receiver.fail = false
	if err := w.Alert(t.Context()); err != nil || len(receiver.got) != 0 {
		t.Errorf("tried again at once: %v, %v", receiver.got, err)
	}
	w.exec(t, "update break_glass set alert_next = clock_timestamp()")
	for range 2 {
		if err := w.Alert(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(receiver.got) != 1 || strings.Contains(receiver.got[0], "collapsed") {
		t.Fatal(receiver.got)
	}
	address, text, _ := strings.Cut(receiver.got[0], " ")
	var told map[string]string
	if err := json.Unmarshal([]byte(text), &told); err != nil || address != w.Address || told["ehrId"] != w.ehr || told["reasonCode"] != "emergency" || told["principal"] != "user:a:doctor" {
		t.Errorf("%s, %v", text, err)
	}
	if list, err := w.Queue(t.Context(), as("admin"), emergency.Queue{}); err != nil || list[0].Alerted.IsZero() {
		t.Errorf("%+v, %v", list, err)
	}
}

// At the very end of the access: what was served was served before it. And a
// sealed version never is.
func TestNothingIsServedAfterExpiry(t *testing.T) {
	w := newWard(t)
	id := newID()
	for object, sens := range map[string]int{id: 0, newID(): 1 << 2} {
		w.exec(t, `insert into version (ehr_id, vo_id, ver, kind, system, is_latest, is_effective, lifecycle, change_type, contribution_id, committed, template, tmpl, sens, arch, audit)
			values ($1, $2, 1, 1, 1, true, true, 532, 249, $2, now(), 1, 1, $3, 1, '{}')`, w.ehr, object, sens)
	}
	glass := newID()
	w.exec(t, "insert into break_glass (ehr_id, id, principal, org, reason_code, reason, expires_at) values ($1, $2, 'user:a:doctor', 'north', 'c', 'r', now())", w.ehr, glass)
	args := &access.Args{}
	scope := access.NewScope(staff["doctor"], access.Read, args, args.Add(w.ehr)+"::uuid")
	// The moment before is of a statement before; the one of the answer is not.
	sql := "select coalesce(array_agg(v.vo_id::text), '{}') from " + scope.Scan(access.Version, "v")
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	served, refused, late := 0, 0, 0
	for range 1000 {
		var b pgx.Batch
		b.Queue("update break_glass set expires_at = clock_timestamp() + $3 * interval '1 microsecond' where ehr_id = $1 and id = $2", w.ehr, glass, rng.IntN(1500))
		if err := w.super.SendBatch(t.Context(), &b).Close(); err != nil {
			t.Fatal(err)
		}
		var past bool
		if err := w.super.QueryRow(t.Context(), "select clock_timestamp() >= expires_at from break_glass where id = $1", glass).Scan(&past); err != nil {
			t.Fatal(err)
		}
		var found []string
		if err := w.super.QueryRow(t.Context(), sql, args.Values...).Scan(&found); err != nil {
			t.Fatal(err)
		}
		switch {
		case len(found) > 0 && past:
			late++
		case len(found) > 0:
			served++
			if !slices.Equal(found, []string{id}) {
				t.Fatalf("%v were served, among them what is sealed", found)
			}
		default:
			refused++
		}
	}
	t.Logf("%d served before the end, %d refused, %d served after it", served, refused, late)
	if late > 0 || refused == 0 {
		t.Errorf("%d served after the end, %d refused", late, refused)
	}
	w.exec(t, "update break_glass set expires_at = clock_timestamp() + interval '1 hour'")
	var found []string
	if err := w.super.QueryRow(t.Context(), sql, args.Values...).Scan(&found); err != nil || !slices.Equal(found, []string{id}) {
		t.Errorf("while open: %v, %v", found, err)
	}
}
