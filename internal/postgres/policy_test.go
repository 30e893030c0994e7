package postgres

import (
	"context"
	"testing"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/policy"
	"github.com/quire-cdr/quire/internal/fault"
)

// A code of a rule seals what holds it, for everybody who may not read the label
// and for who committed it; a code of another terminology does not.
func TestCodesSeal(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	e := h.ehr(t)
	h.superuser(t, "insert into label_rule values ('sexual-health', 'ISO_639-1', 'zz'), ('sexual-health', 'SNOMED-CT', 'en')")
	before := h.create(t, e.ID, "vital_signs_minimal", cdr.CommitInfo{})
	h.superuser(t, "insert into label_rule values ('sexual-health', 'iso 639-1(2002)', 'en')")
	// Another process has not read the rules yet.
	s := h.service(h.open(t), false)
	sealed, err := s.CreateComposition(ctx, clinician, e.ID, example(t, "vital_signs_minimal"), cdr.CommitInfo{})
	if err != nil {
		t.Fatal(err)
	}
	for object, seen := range map[string]bool{before.ObjectID: true, sealed.ObjectID: false} {
		for _, who := range []cdr.Caller{clinician, reader} {
			_, err := h.Composition(ctx, who, e.ID, cdr.VersionRef{Object: object})
			if seen && err != nil || !seen && !fault.Is(err, fault.NotFound) {
				t.Errorf("%s: %v, seen %t", who.Subject, err, seen)
			}
		}
	}
	if n := h.count(t, "select count(*) from node where sens = 2 and vo_id = $1", sealed.ObjectID); n == 0 {
		t.Error("the rows are not sealed")
	}
	// An update that brings the code in is sealed too, and nobody who cannot see a
	// version writes over it by naming the code.
	next, err := s.UpdateComposition(ctx, clinician, e.ID, before.ObjectID, before.VersionUID, example(t, "vital_signs_minimal"), cdr.CommitInfo{})
	if err != nil {
		t.Fatal(err)
	}
	if n := h.count(t, "select count(*) from node where sens = 2 and vo_id = $1", next.ObjectID); n == 0 {
		t.Error("the rows of an update are not sealed")
	}
	_, err = s.UpdateComposition(ctx, clinician, e.ID, sealed.ObjectID, sealed.VersionUID, example(t, "vital_signs_minimal"), cdr.CommitInfo{})
	if err == nil {
		t.Error("what cannot be seen was written over")
	}
	h.people[reader.Subject].Labels = 2
	if _, err := h.Composition(ctx, reader, e.ID, cdr.VersionRef{Object: sealed.ObjectID}); err != nil {
		t.Errorf("who reads the label: %v", err)
	}
}

// A label set later seals every version and row, stays over an update, and comes
// off again.
func TestSealLater(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	a := accessOn(t, h.app)
	p := &policy.Policies{Store: a, Records: a, Act: h.Act(), Control: &cdr.AccessControl{Store: a, Authorizer: h.people, Auditor: h.audit}}
	e := h.ehr(t)
	d := h.create(t, e.ID, "vital_signs_minimal", cdr.CommitInfo{})
	officer := cdr.Caller{Subject: "user:officer"}
	h.people[officer.Subject] = &access.Profile{Principal: officer.Subject, PrivacyIn: []string{"north"}}
	sees := func(want bool) {
		t.Helper()
		_, err := h.Composition(ctx, reader, e.ID, cdr.VersionRef{Object: d.ObjectID})
		if want && err != nil || !want && !fault.Is(err, fault.NotFound) {
			t.Errorf("%v, seen %t", err, want)
		}
		if n := h.count(t, "select count(*) from node where vo_id = $1 and sens <> 0", d.ObjectID); (n > 0) == want {
			t.Errorf("%d sealed rows, seen %t", n, want)
		}
	}
	sees(true)
	for _, c := range []struct {
		who   cdr.Caller
		label string
		kind  fault.Kind
	}{{reader, "restricted", fault.NotFound}, {outsider, "restricted", fault.NotFound}, {clinician, "normal", fault.Invalid}, {clinician, "none", fault.Invalid}} {
		if err := p.Seal(ctx, c.who, e.ID, d.ObjectID, c.label, "test"); !fault.Is(err, c.kind) {
			t.Errorf("%s, %s: %v", c.who.Subject, c.label, err)
		}
	}
	if err := p.Seal(ctx, clinician, e.ID, d.ObjectID, "restricted", "family-reads-here"); err != nil {
		t.Fatal(err)
	}
	sees(false)
	if err := p.Seal(ctx, clinician, e.ID, d.ObjectID, "safeguarding", "test"); !fault.Is(err, fault.NotFound) {
		t.Errorf("who cannot see it any more: %v", err)
	}
	next, err := h.UpdateComposition(ctx, system, e.ID, d.ObjectID, d.VersionUID, example(t, "vital_signs_minimal"), cdr.CommitInfo{})
	if err != nil {
		t.Fatal(err)
	}
	sees(false)
	if labels, err := a.Seals(ctx, e.ID, next.VersionUID); err != nil || len(labels) != 2 || labels[0] != "normal" || labels[1] != "restricted" {
		t.Errorf("%v, %v", labels, err)
	}
	if err := p.Unseal(ctx, officer, e.ID, d.ObjectID, "restricted", "test"); !fault.Is(err, fault.Forbidden) {
		t.Errorf("who cannot read the label: %v", err)
	}
	h.people[officer.Subject].Areas = []string{"sensitivity"}
	if err := p.Unseal(ctx, officer, e.ID, d.ObjectID, "normal", "test"); !fault.Is(err, fault.Conflict) {
		t.Errorf("the template's label: %v", err)
	}
	if err := p.Unseal(ctx, officer, e.ID, d.ObjectID, "restricted", "resolved"); err != nil {
		t.Fatal(err)
	}
	sees(true)
	if err := p.Unseal(ctx, officer, e.ID, d.ObjectID, "restricted", "resolved"); !fault.Is(err, fault.NotFound) {
		t.Errorf("taken off twice: %v", err)
	}
}

// Rows of an export that is older than their tables come in.
func TestOlderRowsComeIn(t *testing.T) {
	h := newHouse(t)
	conn := connected(t, h.super)
	older := map[string]string{
		"ehr_grant":       `{"ehr_id": "7d44b88c-4199-4bad-97dc-d78268e01398", "grantee": "user:a:b", "may_write": false, "valid_from": "2026-01-01T00:00:00Z"}`,
		"ehr_restriction": `{"ehr_id": "7d44b88c-4199-4bad-97dc-d78268e01398", "id": "7d44b88c-4199-4bad-97dc-d78268e01399", "applies_to": ["*"], "reason": "r", "valid_from": "2026-01-01T00:00:00Z"}`,
	}
	for _, table := range sideTables {
		if table.younger == "" {
			continue
		}
		sql := "insert into " + table.name + " select (json_populate_record(null::" + table.name + ", ('" + table.younger + "'::jsonb || $1::jsonb)::json)).*"
		if _, err := conn.Exec(t.Context(), sql, older[table.name]); err != nil {
			t.Errorf("%s: %v", table.name, err)
		}
	}
	if n := h.count(t, "select (select count(*) from ehr_grant where kind = 'staff') + (select count(*) from ehr_restriction where spares = '{}')"); n != 2 {
		t.Errorf("%d rows", n)
	}
}
