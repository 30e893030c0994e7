package cdr

import (
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/fault"
)

const object = "8849182c-82ad-4088-a07f-48ead4180515"

func TestParseVersionUID(t *testing.T) {
	cases := []struct {
		text string
		want VersionUID
		ok   bool
	}{
		{object + "::openEHRSys.example.com::1", VersionUID{object, "openEHRSys.example.com", 1}, true},
		{strings.ToUpper(object) + "::S::12", VersionUID{object, "S", 12}, true},
		{object + "::s::2.1.1", VersionUID{object, "s", 0}, true},
		{object, VersionUID{}, false},
		{object + "::s", VersionUID{}, false},
		{object + "::::1", VersionUID{}, false},
		{object + "::s::0", VersionUID{}, false},
		{object + "::s::01", VersionUID{}, false},
		{object + "::s::-1", VersionUID{}, false},
		{object + "::s::x", VersionUID{}, false},
		{object + "::s::1.", VersionUID{}, false},
		{object + "::s::99999999999999999999", VersionUID{}, false},
		{strings.ReplaceAll(object, "-", "") + "::s::1", VersionUID{}, false},
		{"{" + object + "}::s::1", VersionUID{}, false},
		{"x::s::1", VersionUID{}, false},
		{"", VersionUID{}, false},
	}
	for _, c := range cases {
		got, ok := ParseVersionUID(c.text)
		if got != c.want || ok != c.ok {
			t.Errorf("%q: %+v, %t", c.text, got, ok)
		}
	}
}

func FuzzParseVersionUID(f *testing.F) {
	f.Add(object + "::sys::1")
	f.Add(object + "::sys::1.1.1")
	f.Add("::::")
	f.Fuzz(func(t *testing.T, text string) {
		v, ok := ParseVersionUID(text)
		if !ok || v.Number == 0 {
			return
		}
		again, ok := ParseVersionUID(v.String())
		if !ok || again != v || !strings.EqualFold(v.String(), text) {
			t.Errorf("%q is read as %q", text, v)
		}
	})
}

func TestETag(t *testing.T) {
	for _, s := range []string{"u", `"u"`, `W/"u"`, ` W/"u" `} {
		if got := etag(s); got != "u" {
			t.Errorf("%q: %q", s, got)
		}
	}
}

func TestCodes(t *testing.T) {
	for text, want := range map[string]string{"": Complete, "532": Complete, "incomplete": Incomplete, "553": Incomplete} {
		if got, err := LifecycleCode(text); err != nil || got != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	if _, err := LifecycleCode("249"); !fault.Is(err, fault.Unprocessable) {
		t.Errorf("a code of another group: %v", err)
	}
	if got, err := ChangeTypeCode("", Modification); err != nil || got != Modification {
		t.Errorf("the default: %q, %v", got, err)
	}
	for state, list := range before {
		for _, from := range append([]string{state}, list...) {
			if lifecycleRubric[from] == "" {
				t.Errorf("%s may follow %q, which is no state", state, from)
			}
		}
	}
}

func TestNHSNumber(t *testing.T) {
	for number, valid := range map[string]bool{
		"9434765919": true, "9434765918": false, "943476591": false, "94347659190": false, "943476591x": false, "": false,
		// The check digit would be 10: nobody has such a number.
		"0000000060": false, "0000000000": true,
	} {
		if nhsNumber(number) != valid {
			t.Errorf("%q: %t", number, !valid)
		}
	}
	s := New(Deps{NHSNamespaces: []string{"nhs"}})
	if id, err := s.subject("nhs", "943 476-5919"); err != nil || id != "9434765919" {
		t.Errorf("%q, %v", id, err)
	}
	if _, err := s.subject("nhs", "943 476 5918"); !fault.Is(err, fault.Unprocessable) {
		t.Errorf("a wrong check digit: %v", err)
	}
	if id, err := s.subject("other", " A 1 "); err != nil || id != " A 1 " {
		t.Errorf("another namespace: %q, %v", id, err)
	}
}

func TestCommitDetails(t *testing.T) {
	s := New(Deps{SystemID: `sys"tem`})
	caller := Caller{Subject: "user:x", Name: "Dr \"X\""}
	d, err := s.created(caller, CommitInfo{Description: "a\nb"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"system_id":"sys\"tem"`, `"value":"a\nb"`, `"name":"Dr \"X\""`, `"code_string":"249"`, `"value":"user:x"`} {
		if !strings.Contains(string(d.audit), want) {
			t.Errorf("%s is not in %s", want, d.audit)
		}
	}
	cases := []struct {
		name string
		err  func() error
		kind fault.Kind
	}{
		{"a first version that is inactive", func() error { _, err := s.created(caller, CommitInfo{Lifecycle: Inactive}); return err }, fault.Unprocessable},
		{"a first version that is a deletion", func() error { _, err := s.created(caller, CommitInfo{ChangeType: ChangeDeleted}); return err }, fault.Invalid},
		{"an update that is a creation", func() error { _, err := s.modified(caller, CommitInfo{ChangeType: Creation}); return err }, fault.Unprocessable},
		{"an update that deletes", func() error { _, err := s.modified(caller, CommitInfo{Lifecycle: Deleted}); return err }, fault.Invalid},
		{"a deletion that is complete", func() error { _, err := s.removed(caller, CommitInfo{Lifecycle: Complete}); return err }, fault.Invalid},
		{"a committer that is none", func() error {
			_, err := s.created(caller, CommitInfo{Committer: []byte(`{"_type":"DV_TEXT"}`)})
			return err
		}, fault.Invalid},
		{"a committer without identity", func() error {
			_, err := s.created(caller, CommitInfo{Committer: []byte(`{"_type":"PARTY_IDENTIFIED"}`)})
			return err
		}, fault.Unprocessable},
	}
	for _, c := range cases {
		if err := c.err(); !fault.Is(err, c.kind) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
