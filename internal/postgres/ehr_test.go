package postgres

import (
	"context"
	"fmt"
	"testing"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// statusJSON is an EHR_STATUS of a subject; "" has none.
func statusJSON(subject string, queryable, modifiable bool) cdr.Content {
	ref := ""
	if subject != "" {
		ref = fmt.Sprintf(`,"external_ref":{"_type":"PARTY_REF","namespace":"demo","type":"PERSON","id":{"_type":"GENERIC_ID","value":%q,"scheme":"demo"}}`, subject)
	}
	return cdr.Content{JSON: fmt.Appendf(nil, `{"_type":"EHR_STATUS","archetype_node_id":"openEHR-EHR-EHR_STATUS.generic.v1",`+
		`"name":{"_type":"DV_TEXT","value":"EHR Status"},"subject":{"_type":"PARTY_SELF"%s},"is_queryable":%t,"is_modifiable":%t}`,
		ref, queryable, modifiable)}
}

func TestEHR(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	const id = "7d44b88c-4199-4bad-97dc-d78268e01398"
	status := statusJSON("p-1", true, true)
	e, err := h.CreateEHR(ctx, clinician, id, &status, cdr.CommitInfo{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := h.EHR(ctx, reader, id)
	if err != nil {
		t.Fatal(err)
	}
	if got.ID != id || got.SystemID != "test.quire" || !got.Created.Equal(e.Created) || got.StatusID != e.StatusID ||
		got.Status.VersionUID != e.Status.VersionUID || !got.IsModifiable || !got.IsQueryable {
		t.Errorf("read %+v, made %+v", got, e)
	}
	if by, err := h.EHRBySubject(ctx, reader, "demo", "p-1"); err != nil || by.ID != id {
		t.Errorf("by subject: %s, %v", by.ID, err)
	}
	_, err = h.EHRBySubject(ctx, reader, "demo", "p-2")
	want(t, err, fault.NotFound, "ehr-unknown")
	_, err = h.EHRBySubject(ctx, outsider, "demo", "p-1")
	want(t, err, fault.NotFound, "ehr-unknown")

	_, err = h.CreateEHR(ctx, clinician, id, nil, cdr.CommitInfo{})
	want(t, err, fault.Conflict, "ehr-exists")
	_, err = h.CreateEHR(ctx, clinician, "", &status, cdr.CommitInfo{})
	want(t, err, fault.Conflict, "ehr-subject-exists")
	_, err = h.CreateEHR(ctx, reader, "", nil, cdr.CommitInfo{})
	want(t, err, fault.Forbidden, "")
	_, err = h.CreateEHR(ctx, clinician, "not-a-uuid", nil, cdr.CommitInfo{})
	want(t, err, fault.Invalid, "malformed-ehr-id")
	_, err = h.EHR(ctx, outsider, id)
	want(t, err, fault.NotFound, "ehr-unknown")
	bad := cdr.Content{JSON: []byte(`{"_type":"EHR_STATUS","archetype_node_id":"openEHR-EHR-EHR_STATUS.generic.v1","name":{"_type":"DV_TEXT","value":"x"},"subject":{"_type":"PARTY_SELF"}}`)}
	_, err = h.CreateEHR(ctx, clinician, "", &bad, cdr.CommitInfo{})
	want(t, err, fault.Invalid, "")
	if n := h.count(t, "select count(*) from ehr"); n != 1 {
		t.Errorf("%d EHRs, want 1", n)
	}
}

func TestStatus(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	first := statusJSON("p-1", true, true)
	e, err := h.CreateEHR(ctx, clinician, "", &first, cdr.CommitInfo{})
	if err != nil {
		t.Fatal(err)
	}
	d := h.create(t, e.ID, "vital_signs_minimal", cdr.CommitInfo{})
	v2, err := h.UpdateStatus(ctx, clinician, e.ID, e.Status.VersionUID, statusJSON("p-2", true, false), cdr.CommitInfo{})
	if err != nil {
		t.Fatal(err)
	}
	for name, do := range map[string]func() error{
		"create": func() error {
			_, err := h.CreateComposition(ctx, clinician, e.ID, example(t, "vital_signs_minimal"), cdr.CommitInfo{})
			return err
		},
		"update": func() error {
			_, err := h.UpdateComposition(ctx, clinician, e.ID, d.ObjectID, d.VersionUID, example(t, "vital_signs_minimal"), cdr.CommitInfo{})
			return err
		},
		"delete": func() error {
			_, err := h.DeleteComposition(ctx, clinician, e.ID, d.VersionUID, "", cdr.CommitInfo{})
			return err
		},
	} {
		f := want(t, do(), fault.Conflict, "not-modifiable")
		if f.Message != "the EHR does not allow modification" {
			t.Errorf("%s: %s", name, f.Message)
		}
	}
	if _, err := h.EHRBySubject(ctx, reader, "demo", "p-2"); err != nil {
		t.Error("the subject did not move with the status:", err)
	}
	again := statusJSON("p-1", true, true)
	if _, err := h.CreateEHR(ctx, clinician, "", &again, cdr.CommitInfo{}); err != nil {
		t.Error("the subject that was given up is not free:", err)
	}
	_, err = h.UpdateStatus(ctx, clinician, e.ID, v2.VersionUID, statusJSON("p-1", true, true), cdr.CommitInfo{})
	want(t, err, fault.Conflict, "ehr-subject-exists")
	f := want(t, func() error {
		_, err := h.UpdateStatus(ctx, clinician, e.ID, e.Status.VersionUID, statusJSON("p-2", true, true), cdr.CommitInfo{})
		return err
	}(), fault.Precondition, "version-not-latest")
	if f.Current != v2.VersionUID {
		t.Errorf("the latest is said to be %s", f.Current)
	}
	if _, err := h.UpdateStatus(ctx, clinician, e.ID, v2.VersionUID, statusJSON("p-2", true, true), cdr.CommitInfo{}); err != nil {
		t.Fatal(err)
	}
	h.create(t, e.ID, "vital_signs_minimal", cdr.CommitInfo{})
	history, err := h.VersionedStatus(ctx, reader, e.ID)
	if err != nil || history.ObjectID != e.StatusID {
		t.Errorf("%s, %v", history.JSON, err)
	}
	// A version of another kind is not there.
	_, err = h.Status(ctx, reader, e.ID, cdr.VersionRef{VersionUID: d.VersionUID})
	want(t, err, fault.NotFound, "")
	_, err = h.Composition(ctx, reader, e.ID, cdr.VersionRef{VersionUID: v2.VersionUID})
	want(t, err, fault.NotFound, "")
	if got, err := h.Status(ctx, reader, e.ID, cdr.VersionRef{At: &v2.Committed}); err != nil || got.VersionUID != v2.VersionUID {
		t.Errorf("at its time: %s, %v", got.VersionUID, err)
	}
	_, err = h.UpdateStatus(ctx, reader, e.ID, v2.VersionUID, statusJSON("p-2", true, true), cdr.CommitInfo{})
	want(t, err, fault.Forbidden, "forbidden")
}

func TestDeleteEHR(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	kept := h.ehr(t)
	h.create(t, kept.ID, "vital_signs_minimal", cdr.CommitInfo{})
	e := h.ehr(t)
	h.create(t, e.ID, "vital_signs_full", cdr.CommitInfo{})
	want(t, h.DeleteEHR(ctx, clinician, e.ID), fault.Forbidden, "")
	if err := h.DeleteEHR(ctx, system, e.ID); err != nil {
		t.Fatal(err)
	}
	want(t, h.DeleteEHR(ctx, system, e.ID), fault.NotFound, "ehr-unknown")
	for _, table := range []string{"ehr", "version", "node", "contribution", "object_home", "ehr_organisation"} {
		if n := h.count(t, "select count(*) from "+table+" where ehr_id = $1", e.ID); n != 0 {
			t.Errorf("%d rows left in %s", n, table)
		}
		if n := h.count(t, "select count(*) from "+table+" where ehr_id = $1", kept.ID); n == 0 {
			t.Errorf("%s of another EHR is empty", table)
		}
	}
	if n := h.count(t, "select count(*) from audit_event where ehr_id = $1 and action = 'D'", e.ID); n == 0 {
		t.Error("the deletion is not in the audit")
	}
	if _, err := h.CreateEHR(ctx, clinician, e.ID, nil, cdr.CommitInfo{}); err != nil {
		t.Error("the id cannot be used again:", err)
	}
}
