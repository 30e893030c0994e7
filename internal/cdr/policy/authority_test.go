package policy

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// staff is a policy with each kind of administrator.
func staff() *memory {
	return newMemory(tuples(
		"Role:admin#members@user:a:admin", "AdminArea:users#admins@Role:admin", "AdminArea:users#viewers@user:a:clerk",
		"Role:officer#members@user:a:officer", "Organisation:north#privacy_officers@Role:officer",
		"Role:both#members@user:a:both", "AdminArea:users#admins@Role:both", "Organisation:north#privacy_officers@Role:both",
		"Role:guardian#members@user:a:guardian", "AdminArea:sensitivity#admins@Role:guardian", "AdminArea:users#admins@Role:guardian",
		"Role:clinician#members@user:a:doctor", "Organisation:north#clinicians@Role:clinician", "Sensitivity:normal#readers@Role:clinician",
		"Role:sexual#members@user:a:sexual", "Sensitivity:sealed#readers@Role:sexual",
		"Role:templates#members@user:a:templates", "AdminArea:templates#admins@Role:templates",
		"StoredQuery:q#owners@user:a:admin",
	)...)
}

func TestNobodyGrantsWhatTheyLack(t *testing.T) {
	for _, c := range []struct {
		who, give string
		refused   string // part of the message; "" is allowed
	}{
		{"doctor", "Organisation:north#clinicians@user:a:new", "does not administer"},
		{"admin", "Organisation:north#clinicians@user:a:new", "would give Organisation:north#clinicians"},
		{"admin", "Role:clinician#members@user:a:new", "would give Organisation:north#clinicians"},
		{"admin", "Role:empty#members@user:a:new", ""},
		{"admin", "Role:admin#members@user:a:new", ""},
		{"admin", "AdminArea:users#admins@user:a:new", ""},
		{"admin", "AdminArea:audit#admins@user:a:new", "would give AdminArea:audit#admins"},
		{"admin", "Sensitivity:normal#readers@Role:empty", ""},
		{"admin", "Sensitivity:sealed#readers@Role:empty", "would give Sensitivity:sealed#readers"},
		{"admin", "Role:sexual#members@user:a:new", "would give Sensitivity:sealed#readers"},
		{"admin", "StoredQuery:q#executors@user:a:new", ""},
		{"admin", "StoredQuery:r#executors@user:a:new", "would give StoredQuery:r#executors"},
		{"admin", "Team:night#members@user:a:new", ""},
		{"officer", "Organisation:north#clinicians@user:a:new", ""},
		{"officer", "Organisation:north#clinicians@user:a:officer", "nobody gives themselves"},
		{"officer", "Organisation:north#clinicians@Role:officer", "nobody gives themselves"},
		{"officer", "Organisation:south#clinicians@user:a:new", "needs the area users"},
		{"officer", "Role:clinician#members@user:a:new", "needs the area users"},
		{"both", "Role:clinician#members@user:a:new", ""},
		{"both", "Role:clinician#members@user:a:both", "nobody gives themselves"},
		{"both", "Role:clinician#members@Role:both", "nobody gives themselves"},
		{"both", "Organisation:south#clinicians@user:a:new", "would give Organisation:south#clinicians"},
		{"guardian", "Sensitivity:sealed#writers@Role:clinician", ""},
		{"guardian", "Sensitivity:sealed#readers@user:a:guardian", "nobody gives themselves"},
		{"guardian", "Role:sexual#members@user:a:new", ""},
	} {
		m := staff()
		p := policiesOn(m)
		_, err := p.Set(t.Context(), cdr.Caller{Subject: "user:a:" + c.who}, tuple(c.give), true, "test")
		switch {
		case c.refused == "" && (err != nil || m.keto[tuple(c.give)] != 1):
			t.Errorf("%s gives %s: %v", c.who, c.give, err)
		case c.refused != "" && (!fault.Is(err, fault.Forbidden) || !strings.Contains(err.Error(), c.refused)):
			t.Errorf("%s gives %s: %v", c.who, c.give, err)
		}
		if last := m.events[len(m.events)-1]; (last.Outcome == "denied") != (c.refused != "") {
			t.Errorf("%s gives %s: audited as %+v", c.who, c.give, last)
		}
	}
}

// A file is judged change by change, and no change of it is made where one is
// refused: not even a role built and then joined.
func TestFilesAreJudgedWhole(t *testing.T) {
	for _, c := range []struct{ who, file, refused string }{
		{"admin", "version: 1\nteams: {night: [user:a:new], day: [Role:clinician]}", ""},
		{"admin", "version: 1\nteams: {night: [user:a:new]}\nqueries: {}", ""},
		{"both", "version: 1\norganisations: {south: {clinicians: [Role:new]}}", "Organisation:south#clinicians"},
		{"templates", "version: 1\ntemplates: {t: sealed}", ""},
		{"templates", "version: 1\ntemplates: {u: normal}", "who takes the label sealed off"},
		{"guardian", "version: 1\ntemplates: {u: normal}", ""},
		{"admin", "version: 1\ntemplates: {t: sealed}", "needs the area templates"},
		{"guardian", "version: 1\nrules: [{label: sealed, terminology: S, codes: ['1']}]", ""},
		{"templates", "version: 1\nrules: [{label: sealed, terminology: S, codes: ['1']}]", "a new rule needs"},
		{"admin", "version: 1\nareas: {}", "nobody would administer users"},
		{"doctor", "version: 1", "does not administer"},
	} {
		m := staff()
		before := slices.Clone(m.state.Tuples)
		_, err := policiesOn(m).Apply(t.Context(), cdr.Caller{Subject: "user:a:" + c.who}, []byte(c.file), "test", false)
		if c.refused == "" && err != nil || c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused)) {
			t.Errorf("%s applies %s: %v", c.who, c.file, err)
		}
		if c.refused != "" && !slices.Equal(before, m.state.Tuples) {
			t.Errorf("%s applies %s: refused and changed", c.who, c.file)
		}
	}
}

// A change that Keto could not be told of is recorded, waits, and is told by the
// next that comes along.
func TestChangesWaitForKeto(t *testing.T) {
	m := staff()
	p, admin, given := policiesOn(m), cdr.Caller{Subject: "user:a:admin"}, tuple("Team:t#members@user:a:new")
	m.down = true
	_, err := p.Set(t.Context(), admin, given, true, "test")
	if f := fault.Of(err); f.Kind != fault.Unavailable || f.RetryAfter == 0 || !slices.Contains(m.state.Tuples, given) || m.keto[given] != 0 {
		t.Fatal(err, m.keto[given])
	}
	m.down = false
	if c, err := p.Set(t.Context(), admin, given, true, "test"); err != nil || !c.Empty() || m.keto[given] != 1 {
		t.Errorf("%+v, %v, told %d", c, err, m.keto[given])
	}
	if _, err := p.Set(t.Context(), admin, given, false, "test"); err != nil || m.keto[given] != 0 {
		t.Error(err)
	}
	if _, err := p.Set(t.Context(), admin, given, false, "test"); !fault.Is(err, fault.NotFound) {
		t.Errorf("taken twice: %v", err)
	}
	if _, err := p.Set(t.Context(), admin, given, true, "No Reason"); !fault.Is(err, fault.Invalid) {
		t.Errorf("no reason: %v", err)
	}
}

func TestDrift(t *testing.T) {
	m := staff()
	p, admin := policiesOn(m), cdr.Caller{Subject: "user:a:admin"}
	missing, foreign, unfit, repeated := tuple("Role:admin#members@user:a:admin"), tuple("Team:x#members@user:a:eve"), tuple("Organisation:north#read_any@user:a:eve"), tuple("Role:both#members@user:a:both")
	break1 := func() {
		delete(m.keto, missing)
		m.keto[foreign], m.keto[unfit], m.keto[repeated] = 1, 1, 2
	}
	is := func(d Drift, missed, other, odd, twice int) {
		t.Helper()
		if len(d.Missing) != missed || len(d.Foreign) != other || len(d.Unfit) != odd || len(d.Repeated) != twice {
			t.Errorf("%+v", d)
		}
	}
	look := func(how string) Drift {
		t.Helper()
		d, err := p.Reconcile(t.Context(), admin, how, "drift")
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	break1()
	is(look(Look), 1, 1, 1, 1)
	is(look(Mend), 1, 1, 1, 1)
	if d := look(Look); !d.Empty() {
		t.Errorf("after mending: %+v", d)
	}
	break1()
	is(look(Adopt), 1, 1, 1, 1)
	if d := look(Look); !d.Empty() || !slices.Contains(m.state.Tuples, foreign) {
		t.Errorf("after adopting: %+v", d)
	}
	// Adopting is granting.
	m.keto[tuple("Organisation:north#clinicians@user:a:eve")] = 1
	if _, err := p.Reconcile(t.Context(), admin, Adopt, "drift"); !fault.Is(err, fault.Forbidden) {
		t.Errorf("adopted what they lack: %v", err)
	}
	for who, kind := range map[string]fault.Kind{"doctor": fault.Forbidden, "officer": fault.Forbidden} {
		if _, err := p.Reconcile(t.Context(), cdr.Caller{Subject: "user:a:" + who}, Look, ""); !fault.Is(err, kind) {
			t.Errorf("%s: %v", who, err)
		}
	}
}

func TestHolders(t *testing.T) {
	g := newGraph(tuples(
		"Organisation:n#clinicians@Role:doctor", "Organisation:n#clinicians@user:a:direct", "Role:doctor#members@Role:consultant", "Role:consultant#members@Role:doctor",
		"Role:consultant#members@user:a:c", "Role:doctor#members@user:a:d",
		"Ehr:e#granted@Team:night", "Team:night#members@user:a:d", "Team:night#members@Role:consultant",
	))
	list := func(right string) string {
		var out []string
		for _, h := range g.holders(tuple(right).right()) {
			out = append(out, strings.TrimPrefix(h.subject, "user:a:")+"/"+h.role)
		}
		slices.Sort(out)
		return strings.Join(out, " ")
	}
	if got := list("Organisation:n#clinicians@"); got != "c/consultant c/doctor d/consultant d/doctor direct/" {
		t.Error(got)
	}
	if got := list("Ehr:e#granted@"); got != "c/consultant c/doctor d/ d/consultant d/doctor" {
		t.Error(got)
	}
}

func TestKeysAreOnlyForServices(t *testing.T) {
	m := staff()
	m.state.Tuples = append(m.state.Tuples, tuples("Role:feed#members@svc:engine", "Organisation:north#writers@Role:feed")...)
	p := policiesOn(m)
	made := 0
	p.Mint = func(_ string, of cdr.APIKey) (string, cdr.APIKey, error) {
		made++
		of.ID = "id"
		return "text", of, nil
	}
	p.Keys = keyring{}
	for _, c := range []struct {
		who     string
		request KeyRequest
		kind    fault.Kind
	}{
		{"both", KeyRequest{Subject: "svc:engine", Roles: []string{"feed"}, Organisation: "north", Networks: []string{"10.0.0.0/8"}}, 0},
		{"admin", KeyRequest{Subject: "svc:engine", Roles: []string{"feed"}, Organisation: "north"}, fault.Forbidden},
		{"doctor", KeyRequest{Subject: "svc:engine", Roles: []string{"feed"}, Organisation: "north"}, fault.Forbidden},
		{"both", KeyRequest{Subject: "user:a:doctor", Roles: []string{"clinician"}, Organisation: "north"}, fault.Invalid},
		{"both", KeyRequest{Subject: "svc:engine", Roles: []string{"clinician"}, Organisation: "north"}, fault.Unprocessable},
		{"both", KeyRequest{Subject: "svc:engine", Roles: []string{"feed"}, Organisation: "north", Networks: []string{"10.0.0.1/8"}}, fault.Invalid},
		{"both", KeyRequest{Subject: "svc:engine", Roles: []string{"feed"}, Organisation: "north", Days: 1000}, fault.Invalid},
		{"both", KeyRequest{Subject: "svc:engine", Roles: []string{"feed"}}, fault.Invalid},
	} {
		before := made
		text, key, err := p.MakeKey(t.Context(), cdr.Caller{Subject: "user:a:" + c.who}, c.request, "new-engine")
		if c.kind == 0 && (err != nil || text != "text" || !key.Service || key.Expires.Before(key.Created.AddDate(0, 0, 89))) {
			t.Errorf("%+v: %+v, %v", c, key, err)
		}
		if c.kind != 0 && (!fault.Is(err, c.kind) || made != before) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

type keyring struct{}

func (keyring) Keys(context.Context) ([]HeldKey, error)             { return nil, nil }
func (keyring) PutKey(context.Context, cdr.APIKey, cdr.Event) error { return nil }
func (keyring) RevokeKey(context.Context, string, cdr.Event) error  { return nil }

// What a program does with a token of scopes is no administration.
func TestScopesAdministerNothing(t *testing.T) {
	m := staff()
	service := cdr.New(cdr.Deps{Authorizer: narrowing{people{m}}, Auditor: m})
	p := &Policies{Store: m, Graph: m, Act: service.Act()}
	admin := cdr.Caller{Subject: "user:a:both"}
	if _, err := p.Set(t.Context(), admin, tuple("Team:night#members@user:a:new"), true, "test"); !fault.Is(err, fault.Forbidden) {
		t.Errorf("%v", err)
	}
	if _, err := p.Export(t.Context(), admin); !fault.Is(err, fault.Forbidden) {
		t.Errorf("%v", err)
	}
	if _, err := p.Reconcile(t.Context(), admin, Look, ""); !fault.Is(err, fault.Forbidden) {
		t.Errorf("%v", err)
	}
}

// narrowing gives everybody a token with scopes.
type narrowing struct{ people }

func (n narrowing) Profile(ctx context.Context, c cdr.Caller) (*access.Profile, error) {
	p, err := n.people.Profile(ctx, c)
	if err != nil {
		return nil, err
	}
	scopes, _ := access.ReadScopes([]string{"user/composition-*.crud"})
	return p.Narrow(scopes, nil), nil
}
