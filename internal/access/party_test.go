package access

import (
	"strings"
	"testing"
)

func TestPartyRights(t *testing.T) {
	cases := []struct {
		name        string
		profile     *Profile
		read, write bool
	}{
		{"nobody", &Profile{}, false, false},
		{"rights of nobody", &Profile{Areas: []string{"demographic"}}, false, false},
		{"a nurse", nurse, false, false},
		{"a viewer", with(nurse, func(p *Profile) { p.Views = []string{"demographic"} }), true, false},
		{"a user of the area", with(nurse, func(p *Profile) { p.Areas = []string{"demographic"} }), true, true},
		{"another area", with(nurse, func(p *Profile) { p.Areas = []string{"users"} }), false, false},
		{"a pinned token", with(nurse, func(p *Profile) { p.Areas, p.EHR = []string{"demographic"}, "e" }), false, false},
		{"the system", System(), true, true},
	}
	for _, c := range cases {
		if read, write := c.profile.MayReadParties(), c.profile.MayWriteParties(); read != c.read || write != c.write {
			t.Errorf("%s: read %t, write %t", c.name, read, write)
		}
		if c.profile.All {
			continue
		}
		for action, open := range map[Action]bool{Read: c.read, Write: c.write, Query: false} {
			sql := NewScope(c.profile, action, &Args{}, "$1::uuid").Allows("$1::uuid")
			if got := strings.Contains(sql, Demographics); got != open {
				t.Errorf("%s, action %d: the gate of the parties' owner is open: %t\n%s", c.name, action, got, sql)
			}
		}
	}
}
