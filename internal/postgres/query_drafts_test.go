package postgres

import (
	"testing"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
)

// TestQueryDrafts: a query over all versions shows a draft to who may write it
// alone (DESIGN 5a rule 1).
func TestQueryDrafts(t *testing.T) {
	h := newHouse(t)
	e := h.ehr(t)
	d := h.create(t, e.ID, "vital_signs_minimal", cdr.CommitInfo{})
	draft := cdr.Incomplete
	h.create(t, e.ID, "vital_signs_minimal", cdr.CommitInfo{Lifecycle: draft})
	family := []int32{h.families[vitalSigns]}
	reads := access.Profile{Principal: "user:x", Role: "x", Readable: []string{"north"}, Templates: family}
	writes := reads
	writes.Writable, writes.WriteTemplates = []string{"north"}, family
	elsewhere := writes
	elsewhere.Writable = []string{"south"}
	another := writes
	another.WriteTemplates = nil
	for _, c := range []struct {
		name string
		p    *access.Profile
		rows int
	}{
		{"the system", access.System(), 2},
		{"may write", &writes, 2},
		{"may read", &reads, 1},
		{"may write elsewhere", &elsewhere, 1},
		{"may write another template", &another, 1},
	} {
		for _, version := range []string{"[ALL_VERSIONS]", "[commit_audit/change_type/value = 'creation']"} {
			found, err := uids(t, h.db, c.p, "SELECT v/uid/value FROM VERSION v"+version+" CONTAINS COMPOSITION c", e.ID)
			if err != nil || len(found) != c.rows || c.rows == 1 && found[0] != d.VersionUID {
				t.Errorf("%s, %s: %v, %v, want %d rows", c.name, version, found, err, c.rows)
			}
		}
	}
}
