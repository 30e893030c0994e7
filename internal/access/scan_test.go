package access

import (
	"reflect"
	"regexp"
	"strings"
	"testing"
)

var nurse = &Profile{
	Principal: "user:local:nurse", Role: "nurse", Readable: []string{"north", "south"}, Writable: []string{"north"}, Queryable: []string{"east"},
	Groups: []string{"Team:night", "user:local:nurse"}, Templates: []int32{1, 2, 7}, WriteTemplates: []int32{1}, Labels: 1 << 2, WriteLabels: 1 << 3,
}

func with(p *Profile, change func(*Profile)) *Profile {
	c := *p
	change(&c)
	return &c
}

func TestScanText(t *testing.T) {
	cases := []struct {
		name     string
		profile  *Profile
		action   Action
		table    Table
		ehr      string
		has, not []string
	}{
		{"the system sees plain tables", System(), Read, Version, "", []string{"version v"}, []string{"select", "where"}},
		{"a labelled table", nurse, Read, Version, "", []string{"(select t.* from version t where ", ") v", "t.tmpl = any(", "t.sens & ", "ehr_organisation", "ehr_grant", "break_glass", "ehr_restriction"}, []string{"may_write", "is_queryable"}},
		{"an unlabelled table", nurse, Read, Contribution, "", []string{"from contribution t", "ehr_organisation"}, []string{"t.tmpl", "t.sens"}},
		{"writing needs a grant to write", nurse, Write, Version, "", []string{"x.may_write"}, []string{"is_queryable"}},
		{"a population: only organisations, only queryable", nurse, Query, Node, "", []string{"ehr_organisation", "x.is_queryable", "ehr_restriction"}, []string{"ehr_grant", "break_glass"}},
		{"one EHR is judged once", nurse, Read, Version, "$9::uuid", []string{"t.ehr_id = $9::uuid", "(select (("}, []string{"x.ehr_id = t.ehr_id"}},
		{"a pinned token", with(nurse, func(p *Profile) { p.EHR = "e" }), Read, EHR, "", []string{"t.ehr_id = $"}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			args := &Args{}
			sql := NewScope(c.profile, c.action, args, c.ehr).Scan(c.table, "v")
			for _, want := range c.has {
				if !strings.Contains(sql, want) {
					t.Errorf("no %q in %s", want, sql)
				}
			}
			for _, not := range c.not {
				if strings.Contains(sql, not) {
					t.Errorf("%q in %s", not, sql)
				}
			}
			used := map[string]bool{}
			for _, p := range regexp.MustCompile(`\$\d+`).FindAllString(sql, -1) {
				used[p] = true
			}
			if c.ehr != "" {
				delete(used, "$9")
			}
			if len(used) != len(args.Values) {
				t.Errorf("%d placeholders for %d arguments", len(used), len(args.Values))
			}
		})
	}
}

// No value of a profile ever stands in the text.
func TestScanTextCarriesNoValues(t *testing.T) {
	evil := `x'); drop table version; --`
	p := &Profile{Principal: evil, Role: evil, Readable: []string{evil}, Writable: []string{evil}, Queryable: []string{evil}, Groups: []string{evil}, EHR: evil, Purpose: evil}
	for _, action := range []Action{Read, Write, Query} {
		for _, ehr := range []string{"", "$9"} {
			s := NewScope(p, action, &Args{}, ehr)
			if sql := s.Scan(Version, "v") + s.Scan(EHR, "e") + s.Allows("$9"); strings.Contains(sql, "drop") {
				t.Error(sql)
			}
		}
	}
}

// The tables of one statement share their arguments.
func TestScanSharesArguments(t *testing.T) {
	args := &Args{}
	s := NewScope(nurse, Read, args, "")
	s.Scan(Version, "v")
	once := len(args.Values)
	s.Scan(Node, "n")
	s.Scan(Leaf, "l")
	if len(args.Values) != once {
		t.Errorf("%d arguments for one table, %d for three", once, len(args.Values))
	}
}

// The lists a scope is made of are not written to: profiles are shared.
func TestScanLeavesProfileAlone(t *testing.T) {
	groups := make([]string, 1, 4)
	groups[0] = "Team:night"
	p := &Profile{Principal: "user:a:b", Groups: groups}
	NewScope(p, Read, &Args{}, "").Scan(Version, "v")
	if got := groups[:2][1]; got != "" {
		t.Errorf("the scan wrote %q behind the groups", got)
	}
}

func TestSettings(t *testing.T) {
	cases := []struct {
		profile *Profile
		action  Action
		want    []any
	}{
		{&Profile{}, Read, []any{"off", "{}", "0", ""}},
		{System(), Read, []any{"on", "{}", "0", ""}},
		{nurse, Read, []any{"off", "{1,2,7}", "4", ""}},
		{nurse, Query, []any{"off", "{1,2,7}", "4", ""}},
		{nurse, Write, []any{"off", "{1}", "8", ""}},
		{&Profile{Labels: ^uint64(0), EHR: "e"}, Read, []any{"off", "{}", "9223372036854775807", "e"}},
	}
	for _, c := range cases {
		if got := c.profile.Settings(c.action); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%+v action %d: %v, want %v", c.profile, c.action, got, c.want)
		}
	}
}
