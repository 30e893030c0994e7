package cdr

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/fault"
)

// rights is AccessStore, AuditStore, Authorizer and Auditor in memory: what is
// written, and by whom.
type rights struct {
	profiles map[string]*access.Profile
	ehrs     map[string][]string // organisations with a live relationship
	gates    Gates
	changes  []Event
	events   []Event
	silent   bool // the audit cannot be written
	seen     []Sighting
}

func (*rights) Refresh(context.Context) error { return nil }

func (r *rights) Profile(_ context.Context, c Caller) (*access.Profile, error) {
	p, ok := r.profiles[c.Subject]
	if !ok {
		return nil, fault.New(fault.Unavailable, "access-unavailable", "down")
	}
	own := *p
	own.Principal = c.Subject
	return &own, nil
}

func (r *rights) Record(_ context.Context, e Event) error {
	if r.silent {
		return fault.New(fault.Unavailable, "audit-unavailable", "down")
	}
	r.events = append(r.events, e)
	return nil
}

func (r *rights) EHRExists(_ context.Context, ehr string) (bool, error) {
	_, ok := r.ehrs[ehr]
	return ok, nil
}

func (r *rights) Related(_ context.Context, ehr string, orgs []string) (bool, error) {
	return slices.ContainsFunc(orgs, func(o string) bool { return slices.Contains(r.ehrs[ehr], o) }), nil
}

func (r *rights) changed(e Event) error { r.changes = append(r.changes, e); return nil }

func (r *rights) Relate(_ context.Context, _ Relationship, e Event) error { return r.changed(e) }
func (r *rights) EndRelationship(_ context.Context, _ Relationship, e Event) error {
	return r.changed(e)
}
func (r *rights) PutGrant(_ context.Context, _ Grant, e Event) error           { return r.changed(e) }
func (r *rights) EndGrant(_ context.Context, _, _ string, e Event) error       { return r.changed(e) }
func (r *rights) Restrict(_ context.Context, _ Restriction, e Event) error     { return r.changed(e) }
func (r *rights) EndRestriction(_ context.Context, _, _ string, e Event) error { return r.changed(e) }
func (r *rights) OpenBreakGlass(_ context.Context, b BreakGlass, e Event) (time.Time, error) {
	return time.Now().Add(time.Duration(b.Minutes) * time.Minute), r.changed(e)
}
func (r *rights) Gates(context.Context, *access.Profile, string) (Gates, error) { return r.gates, nil }

func (r *rights) WhoSaw(_ context.Context, _ string, before *Position, limit int) ([]Sighting, error) {
	list := r.seen
	if before != nil {
		for i, s := range list {
			if s.ID == before.ID {
				list = list[i+1:]
				break
			}
		}
	}
	return list[:min(limit, len(list))], nil
}

const (
	known   = "018f3f5c-0000-7000-8000-000000000001"
	unknown = "018f3f5c-0000-7000-8000-0000000000ff"
)

func newRights() *rights {
	return &rights{
		ehrs: map[string][]string{known: {"north"}},
		profiles: map[string]*access.Profile{
			"user:officer":  {PrivacyIn: []string{"north"}},
			"user:stranger": {PrivacyIn: []string{"south"}},
			"user:admin":    {Areas: []string{"users", "audit"}},
			"user:viewer":   {Views: []string{"audit"}},
			"user:nurse":    {Readable: []string{"north"}, Writable: []string{"north"}, BreakGlassIn: []string{"north"}},
			"user:locum":    {BreakGlassIn: []string{"north", "south"}},
			"user:outsider": {},
			"user:pinned":   {PrivacyIn: []string{"north"}, Areas: []string{"users", "audit"}, BreakGlassIn: []string{"north"}, EHR: unknown},
		},
	}
}

func (r *rights) control() *AccessControl {
	return &AccessControl{Store: r, Authorizer: r, Auditor: r}
}

// kindOf is "" for success.
func kindOf(err error) string {
	if err == nil {
		return ""
	}
	return map[fault.Kind]string{fault.Forbidden: "forbidden", fault.NotFound: "not found", fault.Invalid: "invalid", fault.Unavailable: "unavailable"}[fault.Of(err).Kind]
}

// Every act on a record's access, by everyone: who may, who is refused how, and
// that both stand in the audit.
func TestWhoMayChangeAccess(t *testing.T) {
	acts := map[string]func(*AccessControl, Caller, string) error{
		"relate": func(a *AccessControl, c Caller, ehr string) error {
			return a.Relate(t.Context(), c, Relationship{EHR: ehr, Organisation: "south", Kind: "referred"}, "referral")
		},
		"end relationship": func(a *AccessControl, c Caller, ehr string) error {
			return a.EndRelationship(t.Context(), c, Relationship{EHR: ehr, Organisation: "south", Kind: "referred"}, "discharge")
		},
		"grant": func(a *AccessControl, c Caller, ehr string) error {
			return a.Grant(t.Context(), c, Grant{EHR: ehr, Grantee: "user:local:x"}, "second-opinion")
		},
		"revoke": func(a *AccessControl, c Caller, ehr string) error {
			return a.Revoke(t.Context(), c, ehr, "user:local:x", "second-opinion")
		},
		"restrict": func(a *AccessControl, c Caller, ehr string) error {
			_, err := a.Restrict(t.Context(), c, Restriction{EHR: ehr, AppliesTo: []string{"*"}, Reason: "objection"})
			return err
		},
		"lift": func(a *AccessControl, c Caller, ehr string) error {
			return a.LiftRestriction(t.Context(), c, ehr, unknown, "objection-withdrawn")
		},
	}
	cases := []struct{ who, ehr, want string }{
		{"user:officer", known, ""}, {"user:admin", known, ""},
		{"user:stranger", known, "not found"}, {"user:stranger", unknown, "not found"}, // cannot be told apart
		{"user:officer", unknown, "not found"}, {"user:admin", unknown, "not found"},
		{"user:nurse", known, "forbidden"}, {"user:nurse", unknown, "forbidden"}, {"user:outsider", known, "forbidden"},
		{"user:viewer", known, "forbidden"}, {"user:pinned", known, "forbidden"},
		{"user:down", known, "unavailable"}, {"user:officer", "not-a-uuid", "invalid"},
	}
	for name, act := range acts {
		for _, c := range cases {
			r := newRights()
			err := act(r.control(), Caller{Subject: c.who, Source: "10.0.0.1"}, c.ehr)
			if got := kindOf(err); got != c.want {
				t.Errorf("%s by %s on %s: %q, want %q (%v)", name, c.who, c.ehr, got, c.want, err)
			}
			if made := len(r.changes) == 1; made != (c.want == "") {
				t.Errorf("%s by %s: %d changes", name, c.who, len(r.changes))
			}
			denied := c.want == "forbidden" || c.want == "not found"
			if audited := len(r.events) == 1 && r.events[0].Outcome == "denied" && r.events[0].EHR == c.ehr; audited != denied {
				t.Errorf("%s by %s on %s: audited %+v", name, c.who, c.ehr, r.events)
			}
			if denied {
				r.silent = true
				if err := act(r.control(), Caller{Subject: c.who}, c.ehr); kindOf(err) != "unavailable" {
					t.Errorf("a denial that cannot be audited: %v", err)
				}
			}
		}
	}
}

func TestAccessArguments(t *testing.T) {
	now := time.Now()
	cases := map[string]func(*AccessControl, Caller) error{
		"no reason": func(a *AccessControl, c Caller) error {
			return a.Revoke(t.Context(), c, known, "user:local:x", "")
		},
		"a sentence as reason code": func(a *AccessControl, c Caller) error {
			return a.Revoke(t.Context(), c, known, "user:local:x", "She asked for it")
		},
		"unknown relationship": func(a *AccessControl, c Caller) error {
			return a.Relate(t.Context(), c, Relationship{EHR: known, Organisation: "south", Kind: "curious"}, "referral")
		},
		"no organisation": func(a *AccessControl, c Caller) error {
			return a.Relate(t.Context(), c, Relationship{EHR: known, Kind: "referred"}, "referral")
		},
		"ends before it begins": func(a *AccessControl, c Caller) error {
			return a.Relate(t.Context(), c, Relationship{EHR: known, Organisation: "south", Kind: "referred", From: now, To: now.Add(-time.Hour)}, "referral")
		},
		"empty grantee": func(a *AccessControl, c Caller) error { return a.Grant(t.Context(), c, Grant{EHR: known}, "referral") },
		"everybody as grantee": func(a *AccessControl, c Caller) error {
			return a.Grant(t.Context(), c, Grant{EHR: known, Grantee: "*"}, "referral")
		},
		"restricts nobody": func(a *AccessControl, c Caller) error {
			_, err := a.Restrict(t.Context(), c, Restriction{EHR: known, Reason: "objection"})
			return err
		},
		"restricts an empty name": func(a *AccessControl, c Caller) error {
			_, err := a.Restrict(t.Context(), c, Restriction{EHR: known, AppliesTo: []string{"*", ""}, Reason: "objection"})
			return err
		},
	}
	for name, act := range cases {
		r := newRights()
		if err := act(r.control(), Caller{Subject: "user:admin"}); kindOf(err) != "invalid" || len(r.changes) > 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBreakGlass(t *testing.T) {
	good := BreakGlass{EHR: known, ReasonCode: "emergency", Reason: "collapsed in the street", Minutes: 30}
	with := func(change func(*BreakGlass)) BreakGlass { b := good; change(&b); return b }
	cases := []struct {
		name, who string
		b         BreakGlass
		want      string
	}{
		{"the only organisation", "user:nurse", good, ""},
		{"a named one", "user:locum", with(func(b *BreakGlass) { b.Organisation = "south" }), ""},
		{"which of two", "user:locum", good, "forbidden"},
		{"one of others", "user:nurse", with(func(b *BreakGlass) { b.Organisation = "south" }), "forbidden"},
		{"no right", "user:outsider", good, "forbidden"},
		{"no right, unknown record", "user:outsider", with(func(b *BreakGlass) { b.EHR = unknown }), "forbidden"},
		{"unknown record", "user:nurse", with(func(b *BreakGlass) { b.EHR = unknown }), "not found"},
		{"token for another record", "user:pinned", good, "forbidden"},
		{"an hour", "user:nurse", with(func(b *BreakGlass) { b.Minutes = 60 }), ""},
		{"more", "user:nurse", with(func(b *BreakGlass) { b.Minutes = 61 }), "invalid"},
		{"none", "user:nurse", with(func(b *BreakGlass) { b.Minutes = 0 }), "invalid"},
		{"less", "user:nurse", with(func(b *BreakGlass) { b.Minutes = -5 }), "invalid"},
		{"reason of blanks", "user:nurse", with(func(b *BreakGlass) { b.Reason = "  a           " }), "invalid"},
		{"endless reason", "user:nurse", with(func(b *BreakGlass) { b.Reason = strings.Repeat("a", 1001) }), "invalid"},
		{"no code", "user:nurse", with(func(b *BreakGlass) { b.ReasonCode = "" }), "invalid"},
		{"outage", "user:down", good, "unavailable"},
	}
	for _, c := range cases {
		r := newRights()
		ends, err := r.control().BreakGlass(t.Context(), Caller{Subject: c.who}, c.b)
		if got := kindOf(err); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if err == nil && (len(r.changes) != 1 || r.changes[0].Basis != "break-glass:emergency" || !ends.After(time.Now())) {
			t.Errorf("%s: %+v until %v", c.name, r.changes, ends)
		}
		for _, e := range append(r.changes, r.events...) {
			if strings.Contains(e.Basis+e.Object, "collapsed") {
				t.Errorf("%s: the reason's text stands in the audit", c.name)
			}
		}
	}
}

func TestExplain(t *testing.T) {
	find := func(x Explanation, name string) *Gate {
		for i := range x.Gates {
			if x.Gates[i].Name == name {
				return &x.Gates[i]
			}
		}
		return nil
	}
	r := newRights()
	r.gates = Gates{Read: true, ReadThrough: []string{"north"}, Grants: []string{"Team:x"}, BreakGlass: time.Now().Add(time.Minute)}
	x, err := r.control().Explain(t.Context(), Caller{Subject: "user:nurse"}, known)
	if err != nil || !x.Read || x.Write || !find(x, "organisation").Holds || !find(x, "grant").Holds || !find(x, "break-glass").Holds || !find(x, "restriction").Holds {
		t.Errorf("%+v, %v", x, err)
	}
	if len(r.events) != 1 || r.events[0].Basis != "explain" {
		t.Errorf("audited %+v", r.events)
	}
	// A restriction on a record one has no way to would tell that it exists.
	r.gates = Gates{Restricted: true}
	x, err = r.control().Explain(t.Context(), Caller{Subject: "user:nurse"}, known)
	r.gates = Gates{}
	y, _ := r.control().Explain(t.Context(), Caller{Subject: "user:nurse"}, unknown)
	if err != nil || find(x, "restriction") != nil || len(x.Gates) != len(y.Gates) {
		t.Errorf("%+v differs from %+v, %v", x, y, err)
	}
	for i := range x.Gates {
		if x.Gates[i] != y.Gates[i] || x.Gates[i].Holds || x.Gates[i].Detail == "" {
			t.Errorf("%+v differs from %+v, or says nothing", x.Gates[i], y.Gates[i])
		}
	}
	r.silent = true
	if _, err := r.control().Explain(t.Context(), Caller{Subject: "user:nurse"}, known); kindOf(err) != "unavailable" {
		t.Errorf("unaudited: %v", err)
	}
}
