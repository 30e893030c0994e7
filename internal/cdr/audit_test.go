package cdr

import (
	"fmt"
	"testing"
	"time"
)

func TestWhoSaw(t *testing.T) {
	trail := func(r *rights) *AuditTrail {
		return &AuditTrail{Store: r, Access: r, Authorizer: r, Auditor: r}
	}
	at := func(who string) Caller {
		c := Caller{Subject: who, Organisation: "north"}
		if who == "user:elsewhere" {
			c = Caller{Subject: "user:viewer", Organisation: "south"}
		}
		return c
	}
	cases := []struct{ who, ehr, want string }{
		{"user:officer", known, ""}, {"user:admin", known, ""}, {"user:viewer", known, ""}, {"user:elsewhere", known, "not found"},
		{"user:stranger", known, "not found"}, {"user:stranger", unknown, "not found"}, {"user:viewer", unknown, "not found"},
		{"user:nurse", known, "forbidden"}, {"user:outsider", known, "forbidden"}, {"user:pinned", known, "forbidden"},
		{"user:down", known, "unavailable"}, {"user:viewer", "x", "invalid"},
	}
	for _, c := range cases {
		r := newRights()
		for i := range 5 {
			r.seen = append(r.seen, Sighting{ID: fmt.Sprintf("018f3f5c-0000-7000-8000-00000000000%d", i), At: time.Now()})
		}
		page, err := trail(r).WhoSaw(t.Context(), at(c.who), c.ehr, AuditPage{})
		if got := kindOf(err); got != c.want {
			t.Errorf("%s on %s: %q, want %q", c.who, c.ehr, got, c.want)
		}
		if err == nil && (len(page.List) != 5 || page.Next != "" || len(r.events) != 1 || *r.events[0].Rows != 5) {
			t.Errorf("%s: %+v, audited %+v", c.who, page, r.events)
		}
		if err != nil && len(page.List) > 0 {
			t.Errorf("%s was refused and shown %d rows", c.who, len(page.List))
		}
	}

	r := newRights()
	for i := range 7 {
		r.seen = append(r.seen, Sighting{ID: fmt.Sprintf("018f3f5c-0000-7000-8000-00000000000%d", i), At: time.Now()})
	}
	count, token := 0, ""
	for range 10 {
		page, err := trail(r).WhoSaw(t.Context(), at("user:viewer"), known, AuditPage{After: token, Limit: 3})
		if err != nil {
			t.Fatal(err)
		}
		count += len(page.List)
		if token = page.Next; token == "" {
			break
		}
	}
	if count != 7 {
		t.Errorf("%d rows over all pages", count)
	}
	for _, bad := range []AuditPage{{After: "x"}, {After: "MTIz"}, {Limit: 501}, {Limit: -1}} {
		if _, err := trail(r).WhoSaw(t.Context(), at("user:viewer"), known, bad); kindOf(err) != "invalid" {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	r.silent = true
	if page, err := trail(r).WhoSaw(t.Context(), at("user:viewer"), known, AuditPage{}); kindOf(err) != "unavailable" || len(page.List) > 0 {
		t.Errorf("unaudited: %+v, %v", page, err)
	}
}

func FuzzParsePosition(f *testing.F) {
	f.Add(Position{time.UnixMicro(1700000000123456), known}.String())
	f.Add("")
	f.Add("MTIzLmFiYw")
	f.Fuzz(func(t *testing.T, token string) {
		p, err := parsePosition(token)
		if err != nil || p == nil {
			return
		}
		again, err := parsePosition(p.String())
		if err != nil || *again != *p {
			t.Errorf("%q: %v became %v, %v", token, p, again, err)
		}
	})
}
