package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

func TestCompositionLife(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	e := h.ehr(t)
	v1 := h.create(t, e.ID, "vital_signs_full", cdr.CommitInfo{Description: "first"})
	if want := v1.ObjectID + "::test.quire::1"; v1.VersionUID != want {
		t.Fatalf("uid %s, want %s", v1.VersionUID, want)
	}
	got, err := h.Composition(ctx, reader, e.ID, cdr.VersionRef{Object: v1.ObjectID})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.JSON, v1.JSON) || !got.Committed.Equal(v1.Committed) || got.Template != vitalSigns || got.Lifecycle != cdr.Complete {
		t.Fatalf("read %+v, committed %+v", got, v1)
	}
	if !bytes.Contains(got.JSON, []byte(`"uid":{"_type":"OBJECT_VERSION_ID","value":"`+v1.VersionUID+`"}`)) {
		t.Error("the stored document does not carry its version uid")
	}
	nodes := h.count(t, "select count(*) from node where vo_id = $1 and not draft", v1.ObjectID)
	if nodes == 0 {
		t.Fatal("no node rows")
	}

	v2, err := h.UpdateComposition(ctx, clinician, e.ID, v1.ObjectID, `W/"`+strings.ToUpper(v1.VersionUID)+`"`, example(t, "vital_signs_minimal"), cdr.CommitInfo{})
	if err != nil {
		t.Fatal(err)
	}
	if !v2.Committed.After(v1.Committed) {
		t.Errorf("version 2 of %s does not follow version 1 of %s", v2.Committed, v1.Committed)
	}
	if n := h.count(t, "select count(*) from node where vo_id = $1 and ver = 1", v1.ObjectID); n != 0 {
		t.Errorf("%d node rows of a superseded version", n)
	}
	old, err := h.Composition(ctx, reader, e.ID, cdr.VersionRef{VersionUID: v1.VersionUID})
	if err != nil || !bytes.Equal(old.JSON, v1.JSON) {
		t.Fatalf("the superseded version: %v", err)
	}
	at, err := h.Composition(ctx, reader, e.ID, cdr.VersionRef{Object: v1.ObjectID, At: &v1.Committed})
	if err != nil || at.VersionUID != v1.VersionUID {
		t.Fatalf("at the time of version 1: %s, %v", at.VersionUID, err)
	}
	before := v1.Committed.Add(-1)
	_, err = h.Composition(ctx, reader, e.ID, cdr.VersionRef{Object: v1.ObjectID, At: &before})
	want(t, err, fault.NotFound, "")

	_, err = h.UpdateComposition(ctx, clinician, e.ID, v1.ObjectID, v1.VersionUID, example(t, "vital_signs_minimal"), cdr.CommitInfo{})
	if f := want(t, err, fault.Precondition, "version-not-latest"); f.Current != v2.VersionUID {
		t.Errorf("the latest is said to be %q", f.Current)
	}
	_, err = h.UpdateComposition(ctx, clinician, e.ID, v1.ObjectID, v1.ObjectID+"::test.quire::99", example(t, "vital_signs_minimal"), cdr.CommitInfo{})
	want(t, err, fault.Precondition, "version-not-latest")
	_, err = h.UpdateComposition(ctx, clinician, e.ID, v1.ObjectID, v1.ObjectID+"::other.system::2", example(t, "vital_signs_minimal"), cdr.CommitInfo{})
	want(t, err, fault.Precondition, "")
	_, err = h.UpdateComposition(ctx, clinician, e.ID, v1.ObjectID, "", example(t, "vital_signs_minimal"), cdr.CommitInfo{})
	want(t, err, fault.Invalid, "if-match-missing")
	_, err = h.UpdateComposition(ctx, clinician, e.ID, v1.ObjectID, v2.VersionUID, example(t, "emergency_care_plan_minimal"), cdr.CommitInfo{})
	want(t, err, fault.Invalid, "template-changed")
	_, err = h.UpdateComposition(ctx, clinician, e.ID, "7d44b88c-4199-4bad-97dc-d78268e01398", "7d44b88c-4199-4bad-97dc-d78268e01398::test.quire::1", example(t, "vital_signs_minimal"), cdr.CommitInfo{})
	want(t, err, fault.NotFound, "")

	_, err = h.DeleteComposition(ctx, clinician, e.ID, v1.VersionUID, "", cdr.CommitInfo{})
	if f := want(t, err, fault.Conflict, "version-not-latest"); f.Current != v2.VersionUID {
		t.Errorf("the latest is said to be %q", f.Current)
	}
	_, err = h.DeleteComposition(ctx, clinician, e.ID, v2.VersionUID, v1.VersionUID, cdr.CommitInfo{})
	want(t, err, fault.Precondition, "")
	v3, err := h.DeleteComposition(ctx, clinician, e.ID, v2.VersionUID, `"`+v2.VersionUID+`"`, cdr.CommitInfo{})
	if err != nil || !v3.Deleted {
		t.Fatalf("deleting: %v", err)
	}
	_, err = h.DeleteComposition(ctx, clinician, e.ID, v3.VersionUID, "", cdr.CommitInfo{})
	want(t, err, fault.Invalid, "already-deleted")
	_, err = h.DeleteComposition(ctx, clinician, e.ID, v1.ObjectID+"::test.quire::9", "", cdr.CommitInfo{})
	want(t, err, fault.NotFound, "")
	gone, err := h.Composition(ctx, reader, e.ID, cdr.VersionRef{Object: v1.ObjectID})
	if err != nil || !gone.Deleted || gone.JSON != nil || gone.VersionUID != v3.VersionUID {
		t.Fatalf("the deleted composition: %+v, %v", gone, err)
	}
	if n := h.count(t, "select count(*) from node where vo_id = $1", v1.ObjectID); n != 0 {
		t.Errorf("%d node rows of a deleted composition", n)
	}
	if n := h.count(t, "select tmpl from version where vo_id = $1 and ver = 3", v1.ObjectID); int32(n) != h.families[vitalSigns] {
		t.Errorf("the deletion is of template family %d", n)
	}
	_, err = h.UpdateComposition(ctx, clinician, e.ID, v1.ObjectID, v3.VersionUID, example(t, "vital_signs_minimal"), cdr.CommitInfo{})
	want(t, err, fault.Invalid, "deleted")
	v4, err := h.UpdateComposition(ctx, clinician, e.ID, v1.ObjectID, v3.VersionUID, example(t, "vital_signs_minimal"), cdr.CommitInfo{ChangeType: cdr.Restoration})
	if err != nil {
		t.Fatal(err)
	}
	if now, err := h.Composition(ctx, reader, e.ID, cdr.VersionRef{Object: v1.ObjectID}); err != nil || now.VersionUID != v4.VersionUID {
		t.Fatalf("after the restoration: %v", err)
	}
	if n := h.count(t, "select count(*) from audit_event where ehr_id = $1 and outcome = 'success'", e.ID); n != 5 {
		t.Errorf("%d audit rows of writes, want 5", n)
	}
}

func TestVersionedJSON(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	e := h.ehr(t)
	v1 := h.create(t, e.ID, "vital_signs_minimal", cdr.CommitInfo{Description: `say "why"`, CommitterName: "Someone"})
	v2, err := h.DeleteComposition(ctx, clinician, e.ID, v1.VersionUID, "", cdr.CommitInfo{})
	if err != nil {
		t.Fatal(err)
	}
	versioned, err := h.VersionedComposition(ctx, reader, e.ID, v1.ObjectID)
	if err != nil {
		t.Fatal(err)
	}
	var object struct {
		Type    string `json:"_type"`
		UID     struct{ Value string }
		Owner   struct{ ID struct{ Value string } } `json:"owner_id"`
		Created struct{ Value string }              `json:"time_created"`
	}
	if err := json.Unmarshal(versioned.JSON, &object); err != nil {
		t.Fatal(err)
	}
	if object.Type != "VERSIONED_COMPOSITION" || object.UID.Value != v1.ObjectID || object.Owner.ID.Value != e.ID || object.Created.Value == "" {
		t.Errorf("%s", versioned.JSON)
	}
	one, err := h.CompositionVersion(ctx, reader, e.ID, cdr.VersionRef{VersionUID: v1.VersionUID})
	if err != nil {
		t.Fatal(err)
	}
	var version struct {
		UID   struct{ Value string }
		Audit struct {
			Time        struct{ Value string } `json:"time_committed"`
			Committer   struct{ Name string }
			Description struct{ Value string }
			Change      struct{ Value string } `json:"change_type"`
		} `json:"commit_audit"`
		State struct{ Value string } `json:"lifecycle_state"`
		Data  json.RawMessage
	}
	if err := json.Unmarshal(one.JSON, &version); err != nil {
		t.Fatal(err)
	}
	if version.UID.Value != v1.VersionUID || version.Audit.Committer.Name != "Someone" || version.Audit.Description.Value != `say "why"` ||
		version.Audit.Change.Value != "creation" || version.State.Value != "complete" || !bytes.Equal(version.Data, v1.JSON) {
		t.Errorf("%+v", version)
	}
	if want := v1.Committed.Format("2006-01-02T15:04:05.000Z07:00"); version.Audit.Time.Value != want {
		t.Errorf("time_committed %s, want %s", version.Audit.Time.Value, want)
	}
	gone, err := h.CompositionVersion(ctx, reader, e.ID, cdr.VersionRef{Object: v1.ObjectID})
	if err != nil || !gone.Deleted || bytes.Contains(gone.JSON, []byte(`"data"`)) || !bytes.Contains(gone.JSON, []byte(`"523"`)) {
		t.Errorf("the deleted version: %s, %v", gone.JSON, err)
	}
	history, err := h.CompositionHistory(ctx, reader, e.ID, v1.ObjectID)
	if err != nil {
		t.Fatal(err)
	}
	var revisions struct {
		Items []struct {
			ID struct{ Value string } `json:"version_id"`
		}
	}
	if err := json.Unmarshal(history, &revisions); err != nil {
		t.Fatal(err)
	}
	if len(revisions.Items) != 2 || revisions.Items[0].ID.Value != v1.VersionUID || revisions.Items[1].ID.Value != v2.VersionUID {
		t.Errorf("%s", history)
	}
	contribution, err := h.Contribution(ctx, reader, e.ID, v1.Contribution, false)
	if err != nil || len(contribution.Versions) != 1 || contribution.Versions[0] != v1.VersionUID || !json.Valid(contribution.JSON) {
		t.Errorf("%s, %v", contribution.JSON, err)
	}
	_, err = h.Contribution(ctx, reader, h.ehr(t).ID, v1.Contribution, false)
	want(t, err, fault.NotFound, "contribution-unknown")
}

// A draft never hides what is valid (DESIGN 5a rule 1).
func TestDraftOverComplete(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	e := h.ehr(t)
	v1 := h.create(t, e.ID, "vital_signs_full", cdr.CommitInfo{})
	effective := h.count(t, "select count(*) from node where vo_id = $1", v1.ObjectID)
	update := func(over cdr.Document, lifecycle string) (cdr.Document, error) {
		return h.UpdateComposition(ctx, clinician, e.ID, v1.ObjectID, over.VersionUID, example(t, "vital_signs_minimal"), cdr.CommitInfo{Lifecycle: lifecycle})
	}
	v2, err := update(v1, "incomplete")
	if err != nil {
		t.Fatal(err)
	}
	if n := h.count(t, "select count(*) from node where vo_id = $1 and ver = 1 and not draft", v1.ObjectID); n != effective {
		t.Errorf("%d effective rows under a draft, want %d", n, effective)
	}
	if n := h.count(t, "select count(*) from node where vo_id = $1 and ver = 2 and draft", v1.ObjectID); n == 0 {
		t.Error("no rows of the draft")
	}
	reads := []struct {
		name   string
		caller cdr.Caller
		ref    cdr.VersionRef
		want   string
	}{
		{"by object", clinician, cdr.VersionRef{Object: v1.ObjectID}, v1.VersionUID},
		{"by uid", clinician, cdr.VersionRef{VersionUID: v2.VersionUID}, v2.VersionUID},
		{"asked for", clinician, cdr.VersionRef{Object: v1.ObjectID, Lifecycle: "incomplete"}, v2.VersionUID},
		{"by uid without write right", reader, cdr.VersionRef{VersionUID: v2.VersionUID}, ""},
		{"asked for without write right", reader, cdr.VersionRef{Object: v1.ObjectID, Lifecycle: "incomplete"}, ""},
		{"at its time", clinician, cdr.VersionRef{Object: v1.ObjectID, At: &v2.Committed}, v1.VersionUID},
	}
	for _, r := range reads {
		got, err := h.Composition(ctx, r.caller, e.ID, r.ref)
		if r.want == "" {
			if !fault.Is(err, fault.NotFound) {
				t.Errorf("%s: %s, %v", r.name, got.VersionUID, err)
			}
		} else if err != nil || got.VersionUID != r.want {
			t.Errorf("%s: %s, %v, want %s", r.name, got.VersionUID, err, r.want)
		}
	}
	v3, err := update(v2, "incomplete")
	if err != nil {
		t.Fatal(err)
	}
	if n := h.count(t, "select count(*) from node where vo_id = $1 and ver = 2", v1.ObjectID); n != 0 {
		t.Errorf("%d rows of a superseded draft", n)
	}
	_, err = update(v1, "complete")
	want(t, err, fault.Precondition, "version-not-latest")
	v4, err := update(v3, "801")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := h.Composition(ctx, reader, e.ID, cdr.VersionRef{Object: v1.ObjectID}); err != nil || got.VersionUID != v1.VersionUID {
		t.Errorf("after the draft was abandoned: %s, %v", got.VersionUID, err)
	}
	_, err = update(v4, "complete")
	want(t, err, fault.Unprocessable, "lifecycle-transition")
	v5, err := update(v4, "incomplete")
	if err != nil {
		t.Fatal(err)
	}
	v6, err := update(v5, "complete")
	if err != nil {
		t.Fatal(err)
	}
	if n := h.count(t, "select count(*) from node where vo_id = $1 and ver <> 6", v1.ObjectID); n != 0 {
		t.Errorf("%d rows of superseded versions", n)
	}
	if n := h.count(t, "select count(*) from version where vo_id = $1 and is_effective and ver = 6", v1.ObjectID); n != 1 {
		t.Error("the completed version is not effective")
	}
	if got, err := h.Composition(ctx, reader, e.ID, cdr.VersionRef{Object: v1.ObjectID}); err != nil || got.VersionUID != v6.VersionUID {
		t.Errorf("after completion: %s, %v", got.VersionUID, err)
	}
	// A draft over nothing is shown to who may write.
	d, err := h.CreateComposition(ctx, clinician, e.ID, example(t, "vital_signs_minimal"), cdr.CommitInfo{Lifecycle: cdr.Incomplete})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := h.Composition(ctx, clinician, e.ID, cdr.VersionRef{Object: d.ObjectID}); err != nil || got.Lifecycle != cdr.Incomplete {
		t.Errorf("a first draft: %+v, %v", got, err)
	}
	_, err = h.Composition(ctx, reader, e.ID, cdr.VersionRef{Object: d.ObjectID})
	want(t, err, fault.NotFound, "")
}

func TestPersistentComposition(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	e := h.ehr(t)
	first := h.create(t, e.ID, "emergency_care_plan_minimal", cdr.CommitInfo{})
	_, err := h.CreateComposition(ctx, clinician, e.ID, example(t, "emergency_care_plan_full"), cdr.CommitInfo{})
	if f := want(t, err, fault.Conflict, "persistent-exists"); !strings.Contains(f.Message, first.ObjectID) {
		t.Errorf("the message does not name the existing one: %s", f.Message)
	}
	h.create(t, h.ehr(t).ID, "emergency_care_plan_minimal", cdr.CommitInfo{})
	if _, err := h.DeleteComposition(ctx, clinician, e.ID, first.VersionUID, "", cdr.CommitInfo{}); err != nil {
		t.Fatal(err)
	}
	h.create(t, e.ID, "emergency_care_plan_full", cdr.CommitInfo{})
}

func TestClientUID(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	e := h.ehr(t)
	const id = "3F2504E0-4F89-41D3-9A0C-0305E82C3301"
	named := example(t, "vital_signs_minimal", func(d map[string]any) {
		d["uid"] = map[string]any{"_type": "HIER_OBJECT_ID", "value": id}
	})
	d, err := h.CreateComposition(ctx, clinician, e.ID, named, cdr.CommitInfo{})
	if err != nil || d.ObjectID != strings.ToLower(id) {
		t.Fatalf("%s, %v", d.ObjectID, err)
	}
	_, err = h.CreateComposition(ctx, clinician, h.ehr(t).ID, named, cdr.CommitInfo{})
	want(t, err, fault.Conflict, "object-home-exists")
	other := h.create(t, e.ID, "vital_signs_minimal", cdr.CommitInfo{})
	_, err = h.UpdateComposition(ctx, clinician, e.ID, other.ObjectID, other.VersionUID, named, cdr.CommitInfo{})
	want(t, err, fault.Unprocessable, "uid-mismatch")
}

func TestIdempotency(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	e := h.ehr(t)
	info := cdr.CommitInfo{IdempotencyKey: "k1"}
	first := h.create(t, e.ID, "vital_signs_minimal", info)
	second := h.create(t, e.ID, "vital_signs_minimal", info)
	if !second.Repeated || second.VersionUID != first.VersionUID || !bytes.Equal(second.JSON, first.JSON) {
		t.Errorf("the repetition answers %+v", second)
	}
	_, err := h.CreateComposition(ctx, clinician, e.ID, example(t, "vital_signs_full"), info)
	want(t, err, fault.Unprocessable, "idempotency-key-reused")
	if n := h.count(t, "select count(*) from version where kind = 1"); n != 1 {
		t.Errorf("%d compositions", n)
	}
}

func TestInvalidComposition(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	e := h.ehr(t)
	cases := []struct {
		name string
		body cdr.Content
		kind fault.Kind
		code string
	}{
		{"no JSON", cdr.Content{JSON: []byte("{")}, fault.Invalid, "json-syntax"},
		{"unknown member", example(t, "vital_signs_minimal", func(d map[string]any) { d["foo"] = 1 }), fault.Invalid, ""},
		{"unknown template", example(t, "vital_signs_minimal", func(d map[string]any) {
			d["archetype_details"].(map[string]any)["template_id"] = map[string]any{"value": "nothing"}
		}), fault.Unprocessable, "template-unknown"},
		{"no name of a code", example(t, "vital_signs_minimal", func(d map[string]any) {
			d["category"].(map[string]any)["defining_code"].(map[string]any)["code_string"] = "999"
		}), fault.Unprocessable, "validation"},
		{"bad time", example(t, "vital_signs_minimal", func(d map[string]any) {
			d["context"].(map[string]any)["start_time"].(map[string]any)["value"] = "2020-13-01T00:00:00Z"
		}), fault.Unprocessable, "validation"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := h.CreateComposition(ctx, clinician, e.ID, c.body, cdr.CommitInfo{})
			want(t, err, c.kind, c.code)
		})
	}
	_, err := h.service(h.db, true).CreateComposition(ctx, clinician, e.ID, cases[4].body, cdr.CommitInfo{})
	want(t, err, fault.Invalid, "validation")
	_, err = h.CreateComposition(ctx, clinician, e.ID, example(t, "vital_signs_minimal"), cdr.CommitInfo{ChangeType: "251"})
	want(t, err, fault.Invalid, "change-type")
	if n := h.count(t, "select count(*) from version where kind = 1"); n != 0 {
		t.Errorf("%d compositions were stored", n)
	}
}
