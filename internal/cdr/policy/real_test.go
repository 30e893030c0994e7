package policy_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/uuid/v5"
	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/authn"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/policy"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/keto"
	"github.com/quire-cdr/quire/internal/postgres"
	"github.com/quire-cdr/quire/internal/testkit"
	"github.com/quire-cdr/quire/migrations"
)

func TestMain(m *testing.M) { testkit.Main(m) }

var operator = cdr.Caller{Subject: "system:operator", Role: "operator", All: true}

// site is one process on a real Postgres and a real Keto. Names in Keto carry the
// test's prefix, as one Keto serves all tests.
type site struct {
	*policy.Policies
	rights     *postgres.Access
	authorizer *keto.Authorizer
	control    *cdr.AccessControl
	super      *pgx.Conn
	dsn        string
	prefix     string
}

// own is a Keto of which one sees only what is one's own.
type own struct {
	keto.Graph
	prefix string
}

func (o own) Stored(ctx context.Context) ([]policy.Tuple, error) {
	all, err := o.Graph.Stored(ctx)
	return slices.DeleteFunc(all, func(t policy.Tuple) bool { return !strings.Contains(t.String(), o.prefix) }), err
}

func newSite(t *testing.T) *site {
	t.Helper()
	super := testkit.Database(t, migrations.FS, postgres.Prepare)
	return joined(t, testkit.Login(t, super, postgres.AppRole), super, testkit.Keto(t))
}

// joined is a further process of the same system.
func joined(t *testing.T, dsn, super string, server testkit.KetoServer) *site {
	t.Helper()
	db, err := postgres.Open(t.Context(), postgres.Config{DSN: dsn, Record: 4, Query: 1, Work: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	s := &site{prefix: server.Prefix, dsn: dsn}
	if s.rights, err = postgres.NewAccess(t.Context(), db, dsn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.rights.Close)
	s.authorizer = keto.New(keto.Config{ReadURL: server.ReadURL, WriteURL: server.WriteURL, Sentinel: server.Sentinel, Epochs: s.rights, Families: s.rights,
		Timeout: 2 * time.Second, Cold: 10 * time.Second, Logger: slog.New(slog.DiscardHandler)})
	t.Cleanup(s.authorizer.Close)
	service := cdr.New(cdr.Deps{Store: db, Authorizer: s.authorizer, Auditor: s.rights})
	s.control = &cdr.AccessControl{Store: s.rights, Authorizer: s.authorizer, Auditor: s.rights}
	s.Policies = &policy.Policies{Store: s.rights, Graph: own{keto.Graph{Authorizer: s.authorizer}, s.prefix}, Act: service.Act(), Control: s.control,
		Records: s.rights, Keys: s.rights, Mint: authn.NewKey, Logger: slog.New(slog.DiscardHandler)}
	if super != "" {
		if s.super, err = pgx.Connect(t.Context(), super); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.super.Close(context.Background()) })
	}
	return s
}

func (s *site) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	if _, err := s.super.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

func (s *site) number(t *testing.T, sql string, args ...any) (n int) {
	t.Helper()
	if err := s.super.QueryRow(t.Context(), sql, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func (s *site) apply(t *testing.T, text string) policy.Change {
	t.Helper()
	c, err := s.Apply(t.Context(), operator, []byte(strings.ReplaceAll(text, "$", s.prefix)), "test", false)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return c
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

// Recorded, audited, told to Keto, felt by profiles, exported and applied again,
// and drift mended.
func TestPolicyOnPostgresAndKeto(t *testing.T) {
	s := newSite(t)
	const file = `version: 1
roles:
  $admin: [user:$:admin]
  $clinician: [user:$:doctor]
organisations:
  $north: {clinicians: [Role:$clinician], writers: [Role:$clinician, svc:$engine], privacy_officers: [Role:$admin]}
sensitivity:
  normal: {readers: [Role:$clinician], writers: [Role:$clinician]}
  rare: {}
areas:
  $users: {admins: [Role:$admin]}
`
	if c := s.apply(t, file); len(c.Added) != 9 || len(c.Labels) != 1 {
		t.Fatalf("%+v", c)
	}
	if n := s.number(t, "select count(*) from audit_event where basis = 'policy:test' and outcome = 'success'"); n != 10 {
		t.Errorf("%d audit rows for 10 changes", n)
	}
	if n := s.number(t, "select count(*) from policy_pending"); n != 0 {
		t.Errorf("%d changes are untold", n)
	}
	if c := s.apply(t, file); !c.Empty() {
		t.Errorf("a second application changes %+v", c)
	}
	text, err := s.Export(t.Context(), operator)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := s.Apply(t.Context(), operator, text, "test", true); err != nil || !c.Empty() {
		t.Errorf("%+v, %v\n%s", c, err, text)
	}
	doctor := cdr.Caller{Subject: "user:" + s.prefix + ":doctor", Role: s.prefix + "clinician"}
	reads := func() bool {
		t.Helper()
		p, err := s.authorizer.Profile(t.Context(), doctor)
		if err != nil {
			t.Fatal(err)
		}
		return slices.Equal(p.Readable, []string{s.prefix + "north"})
	}
	if !reads() {
		t.Error("what was applied is not felt")
	}
	member := policy.Tuple{Namespace: "Role", Object: s.prefix + "clinician", Relation: "members", Subject: doctor.Subject}
	if _, err := s.Set(t.Context(), operator, member, false, "left-the-trust"); err != nil || reads() {
		t.Error("what was taken is still felt", err)
	}
	// Written around us, and cut by hand: both are found and mended.
	graph := keto.Graph{Authorizer: s.authorizer}
	lost := policy.Tuple{Namespace: "Organisation", Object: s.prefix + "north", Relation: "privacy_officers", Subject: "Role:" + s.prefix + "admin"}
	if err := graph.Write(t.Context(), []policy.Tuple{member}, []policy.Tuple{lost}); err != nil {
		t.Fatal(err)
	}
	if !reads() {
		t.Error("the tuple was not written around us")
	}
	d, err := s.Reconcile(t.Context(), operator, policy.Mend, "drift")
	if err != nil || !slices.Equal(d.Foreign, []policy.Tuple{member}) || !slices.Equal(d.Missing, []policy.Tuple{lost}) || len(d.Unfit)+len(d.Repeated) != 0 {
		t.Errorf("%+v, %v", d, err)
	}
	if d, err := s.Reconcile(t.Context(), operator, policy.Look, ""); err != nil || !d.Empty() || reads() {
		t.Errorf("after mending: %+v, %v", d, err)
	}
}

// A key works until it is withdrawn, is shown once and stored as a hash.
func TestServiceKeys(t *testing.T) {
	s := newSite(t)
	s.apply(t, "version: 1\nroles: {$feed: [svc:$engine]}\norganisations: {$north: {writers: [Role:$feed]}}")
	text, key, err := s.MakeKey(t.Context(), operator, policy.KeyRequest{Subject: "svc:" + s.prefix + "engine", Roles: []string{s.prefix + "feed"}, Organisation: "north", Networks: []string{"10.0.0.0/8"}, Days: 1}, "new-engine")
	if err != nil || !strings.HasPrefix(text, "quire_live_"+key.ID) {
		t.Fatal(text, err)
	}
	if n := s.number(t, "select count(*) from api_key where id = $1 and position($2 in encode(hash, 'escape')) = 0 and cidrs = '{10.0.0.0/8}'", key.ID, text); n != 1 {
		t.Error("the key is not stored as it should be")
	}
	if list, err := s.ListKeys(t.Context(), operator); err != nil || len(list) != 1 || list[0].ID != key.ID || list[0].Hash != nil {
		t.Errorf("%+v, %v", list, err)
	}
	if err := s.RevokeKey(t.Context(), operator, key.ID, "engine-replaced"); err != nil {
		t.Fatal(err)
	}
	if list, err := s.ListKeys(t.Context(), operator); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	if err := s.RevokeKey(t.Context(), operator, key.ID, "engine-replaced"); !fault.Is(err, fault.NotFound) {
		t.Errorf("withdrawn twice: %v", err)
	}
}

// What one process leaves untold another one tells.
func TestUntoldChangesAreTold(t *testing.T) {
	s := newSite(t)
	given := policy.Tuple{Namespace: "Team", Object: s.prefix + "night", Relation: "members", Subject: "user:a:b"}
	err := s.rights.ChangePolicy(t.Context(), func(policy.State) (policy.Change, []cdr.Event, error) {
		return policy.Change{Added: []policy.Tuple{given}}, []cdr.Event{{Action: "C", Outcome: "success", Principal: "p", Basis: "b"}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	failing := fault.New(fault.Unavailable, "x", "y")
	if err := s.rights.TellPolicy(t.Context(), func(_, _ []policy.Tuple) error { return failing }); !fault.Is(err, fault.Unavailable) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	for begun := time.Now(); s.number(t, "select count(*) from policy_pending") > 0; time.Sleep(20 * time.Millisecond) {
		if time.Since(begun) > 20*time.Second {
			t.Fatal("never told")
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if list, err := s.authorizer.Tuples(t.Context(), "Team", s.prefix+"night"); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
}

// A link shows one record until it ends, and is no part of files.
func TestLinks(t *testing.T) {
	s := newSite(t)
	s.apply(t, "version: 1\nroles: {$office: [user:$:office]}")
	ehr, other := newID(), newID()
	for _, id := range []string{ehr, other} {
		s.exec(t, "insert into ehr values ($1, 1, now(), $1, null, true, true)", id)
	}
	open := func(ends time.Duration) (policy.Link, error) {
		return s.OpenLink(t.Context(), operator, ehr, time.Now().Add(ends), nil, "hospice-care")
	}
	if _, err := open(time.Hour); !fault.Is(err, fault.Conflict) {
		t.Errorf("a link that shows nothing: %v", err)
	}
	// One Keto serves all tests: what others' links may see is not told to it.
	s.exec(t, "insert into policy_tuple values ('Sensitivity', 'normal', 'readers', 'Role:link', 'test', 'test')")
	for _, ends := range []time.Duration{-time.Hour, 1000 * 24 * time.Hour} {
		if _, err := open(ends); !fault.Is(err, fault.Invalid) {
			t.Errorf("a link for %v: %v", ends, err)
		}
	}
	link, err := open(time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	subject := "svc:link-" + link.ID
	reads := func(record string) bool {
		t.Helper()
		p, err := s.authorizer.Profile(t.Context(), cdr.Caller{Subject: subject, Role: "link"})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(p.Groups, "Role:link") || len(p.Readable)+len(p.Areas) > 0 {
			t.Errorf("%+v", p)
		}
		g, err := s.rights.Gates(t.Context(), p, record)
		if err != nil || g.Write {
			t.Errorf("%+v, %v", g, err)
		}
		return g.Read
	}
	if !reads(ehr) || reads(other) {
		t.Error("a link shows its record and no other")
	}
	if text, err := s.Export(t.Context(), operator); err != nil || strings.Contains(string(text), link.ID) {
		t.Errorf("%v, %s", err, text)
	}
	s.apply(t, "version: 1\nroles: {$office: []}")
	if !reads(ehr) {
		t.Error("a file took a link away")
	}
	if _, err := s.Set(t.Context(), operator, policy.Tuple{Namespace: "Role", Object: s.prefix + "office", Relation: "members", Subject: subject}, true, "test"); !fault.Is(err, fault.Invalid) {
		t.Errorf("a link was given more: %v", err)
	}
	if w, err := s.Overview(t.Context(), operator, ehr); err != nil || len(w.Grants) != 1 || w.Grants[0].Kind != policy.KindLink {
		t.Errorf("%+v, %v", w, err)
	}
	if err := s.CloseLink(t.Context(), operator, other, link.ID, "moved-home"); !fault.Is(err, fault.NotFound) {
		t.Errorf("closed from another record: %v", err)
	}
	if err := s.CloseLink(t.Context(), operator, ehr, link.ID, "moved-home"); err != nil {
		t.Fatal(err)
	}
	if n := s.number(t, "select count(*) from api_key where id = $1 and revoked_at is not null", link.ID); n != 1 {
		t.Error("the key is still good")
	}
	if n := s.number(t, "select count(*) from policy_tuple where subject = $1", subject) + s.number(t, "select count(*) from ehr_grant where grantee = $1 and valid_to > clock_timestamp()", subject); n != 0 {
		t.Error("the link is still there")
	}
	// One that ended by itself is swept.
	if link, err = open(time.Hour); err != nil {
		t.Fatal(err)
	}
	s.exec(t, "update api_key set expires_at = clock_timestamp() where id = $1", link.ID)
	if err := s.rights.SweepLinks(t.Context(), "svc:link-"); err != nil {
		t.Fatal(err)
	}
	if n := s.number(t, "select count(*) from policy_pending where subject = $1 and not wanted", "svc:link-"+link.ID); n != 1 {
		t.Error("what ended is not swept")
	}
}

// Taken at one process, refused at another within a second: the policy's own half
// of what internal/keto measures.
func TestChangesReachOtherProcesses(t *testing.T) {
	super := testkit.Database(t, migrations.FS, postgres.Prepare)
	dsn, server := testkit.Login(t, super, postgres.AppRole), testkit.Keto(t)
	one, two := joined(t, dsn, super, server), joined(t, dsn, "", server)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- two.authorizer.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	member := policy.Tuple{Namespace: "Organisation", Object: one.prefix + "north", Relation: "clinicians", Subject: "user:" + one.prefix + ":doctor"}
	worst := time.Duration(0)
	for i := range 6 {
		if _, err := one.Set(t.Context(), operator, member, i%2 == 0, "rota"); err != nil {
			t.Fatal(err)
		}
		for begun := time.Now(); ; time.Sleep(time.Millisecond) {
			p, err := two.authorizer.Profile(t.Context(), cdr.Caller{Subject: member.Subject})
			if err == nil && len(p.Readable) == (i+1)%2 {
				worst = max(worst, time.Since(begun))
				break
			}
			if time.Since(begun) > 10*time.Second {
				t.Fatalf("change %d was never felt: %v", i, err)
			}
		}
	}
	t.Logf("felt after %v at worst", worst)
}

// Who-can and explain say what the statements do: for random policies and records,
// every principal, role, action and version. QUIRE_WHO_ROUNDS makes it larger.
func TestWhoCanAgreesWithDecisions(t *testing.T) {
	s := newSite(t)
	rounds := 3
	if text := os.Getenv("QUIRE_WHO_ROUNDS"); text != "" {
		rounds, _ = strconv.Atoi(text)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	s.apply(t, "version: 1\nsensitivity: {rare: {}}")
	for i, label := range []string{"normal", "rare", "safeguarding"} {
		s.exec(t, "insert into template_family (template_id, label) values ($1, $2)", fmt.Sprint("t", i), label)
	}
	decisions, wrong := 0, 0
	for range rounds {
		w := randomRecord(t, s, rng)
		for _, q := range w.questions {
			list, err := s.WhoCan(t.Context(), operator, q)
			if err != nil {
				t.Fatal(err)
			}
			for _, who := range w.principals {
				for _, role := range w.roles {
					p, err := s.authorizer.Profile(t.Context(), cdr.Caller{Subject: who, Role: role})
					if err != nil {
						t.Fatal(err)
					}
					want := s.decides(t, p, q)
					x, err := s.ExplainOther(t.Context(), operator, q, who, role)
					if err != nil {
						t.Fatal(err)
					}
					listed := slices.ContainsFunc(list, func(a policy.Able) bool { return a.Subject == who && (a.Role == role || a.Role == "") })
					exact := slices.ContainsFunc(list, func(a policy.Able) bool { return a.Subject == who && a.Role == role })
					decisions++
					if (x.Read || x.Write) != want || want && !listed || exact && !want {
						wrong++
						t.Errorf("%s as %q, %+v: decided %v, explained %+v, listed %v", who, role, q, want, x, list)
					}
				}
			}
		}
	}
	t.Logf("%d decisions, %d wrong", decisions, wrong)
}

// decides asks the statement itself.
func (s *site) decides(t *testing.T, p *access.Profile, q policy.Question) bool {
	t.Helper()
	if q.Version == "" {
		g, err := s.rights.Gates(t.Context(), p, q.EHR)
		if err != nil {
			t.Fatal(err)
		}
		return g.Read && !q.Write || g.Write && q.Write
	}
	args, action := &access.Args{}, access.Read
	if q.Write {
		action = access.Write
	}
	scope := access.NewScope(p, action, args, args.Add(q.EHR)+"::uuid")
	var n int
	sql := "select count(*) from " + scope.Scan(access.Version, "v") + " where v.vo_id = " + args.Add(q.Version)
	if err := s.super.QueryRow(t.Context(), sql, args.Values...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n > 0
}

type record struct {
	principals, roles []string
	questions         []policy.Question
}

func randomRecord(t *testing.T, s *site, rng *rand.Rand) record {
	t.Helper()
	pick := func(list []string) string { return list[rng.IntN(len(list))] }
	var w record
	var roles, teams, orgs []string
	for i := range 3 {
		roles, teams, orgs = append(roles, fmt.Sprint(s.prefix, "r", i)), append(teams, fmt.Sprint(s.prefix, "t", i)), append(orgs, fmt.Sprint(s.prefix, "o", i))
	}
	for i := range 3 {
		w.principals = append(w.principals, fmt.Sprint("user:", s.prefix, ":u", i))
	}
	w.principals = append(w.principals, "svc:"+s.prefix+"s")
	w.roles = append([]string{""}, roles...)
	subject := func() string {
		switch rng.IntN(4) {
		case 0:
			return pick(w.principals)
		case 1:
			return "Team:" + pick(teams)
		}
		return "Role:" + pick(roles)
	}
	var list []policy.Tuple
	put := func(namespace, object, relation, subject string) {
		one := policy.Tuple{Namespace: namespace, Object: object, Relation: relation, Subject: subject}
		if s.Graph.Fits(one) == nil && !slices.Contains(list, one) {
			list = append(list, one)
		}
	}
	for range 5 {
		put("Role", pick(roles), "members", pick(w.principals))
	}
	for range 3 {
		put("Role", pick(roles), "members", "Role:"+pick(roles))
		put("Team", pick(teams), "members", subject())
	}
	for range 5 {
		put("Organisation", pick(orgs), pick([]string{"clinicians", "open_access", "writers"}), subject())
	}
	for range 6 {
		put("Sensitivity", pick([]string{"normal", "rare", "safeguarding"}), pick([]string{"readers", "writers"}), subject())
	}
	_, err := s.Apply(t.Context(), operator, printed(list), "test", false)
	if err != nil {
		t.Fatal(err)
	}
	ehr := newID()
	s.exec(t, "insert into ehr values ($1, 1, now(), $1, null, true, true)", ehr)
	hours := []string{"-2 hours", "-1 hour", "1 hour"}
	for range 2 {
		s.exec(t, "insert into ehr_organisation values ($1, $2, 'referred', now() + $3::interval, now() + $4::interval) on conflict do nothing", ehr, pick(orgs), pick(hours), pick(hours))
	}
	for range 2 {
		s.exec(t, "insert into ehr_grant values ($1, $2, $3, now() - interval '1 hour', now() + $4::interval) on conflict do nothing", ehr, subject(), rng.IntN(2) == 0, pick(hours[1:]))
	}
	if rng.IntN(2) == 0 {
		names := []string{subject()}
		if rng.IntN(3) == 0 {
			names = []string{"*"}
		}
		s.exec(t, "insert into ehr_restriction values ($1, $2, $3, 'objection', now() - interval '1 hour', null, $4)", ehr, newID(), names, []string{subject()})
	}
	s.exec(t, "insert into break_glass (ehr_id, id, principal, org, reason_code, reason, expires_at) values ($1, $2, $3, 'o', 'c', 'r', now() + $4::interval)", ehr, newID(), pick(w.principals), pick(hours))
	w.questions = []policy.Question{{EHR: ehr}, {EHR: ehr, Write: true}}
	for i := range 2 {
		id := newID()
		label := pick([]string{"rare", "safeguarding"})
		s.exec(t, `insert into version (ehr_id, vo_id, ver, kind, system, is_latest, is_effective, lifecycle, change_type, contribution_id, committed, template, tmpl, sens, labels, arch, audit)
			select $1, $2, 1, 1, 1, true, true, 532, 249, $2, now(), 1, f.id, case when $4 then 1::bigint << l.bit else 0 end, case when $4 then array[l.name] else '{}' end, 1, '{}'
			from template_family f, sensitivity_label l where f.template_id = $3 and l.name = $5`, ehr, id, pick([]string{"t0", "t1"}), i == 0, label)
		w.questions = append(w.questions, policy.Question{EHR: ehr, Version: id, Write: rng.IntN(2) == 0})
	}
	return w
}

// printed is a file with a section for each noun.
func printed(list []policy.Tuple) []byte {
	d := &policy.Document{Sections: map[string]bool{}, Tuples: list}
	for _, n := range policy.Nouns {
		d.Sections[n.Namespace] = true
	}
	text, err := d.Print()
	if err != nil {
		panic(err)
	}
	return text
}

// The example in deploy fits the access model.
func TestExamplePolicy(t *testing.T) {
	text, err := os.ReadFile("../../../deploy/keto/policy.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	a := keto.New(keto.Config{Sentinel: "sentinel"})
	defer a.Close()
	doc, err := policy.Parse(text, keto.Graph{Authorizer: a})
	if err != nil {
		t.Fatalf("%v: %+v", err, fault.Of(err).Issues)
	}
	if len(doc.Tuples) < 20 || len(doc.Rules) != 1 {
		t.Errorf("%d tuples, %d rules", len(doc.Tuples), len(doc.Rules))
	}
}
