package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

type servedTag struct {
	Type   string  `json:"_type"`
	Key    string  `json:"key"`
	Value  *string `json:"value"`
	Path   string  `json:"target_path"`
	Target struct {
		Type  string `json:"_type"`
		Value string `json:"value"`
	} `json:"target"`
}

func tags(t testing.TB, text []byte, err error) []servedTag {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var list []servedTag
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

func TestItemTags(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	e := h.ehr(t)
	urgent := "urgent"
	v := h.create(t, e.ID, "vital_signs_minimal", cdr.CommitInfo{
		ObjectTags:  &[]cdr.Tag{{Key: "triage", Value: &urgent}, {Key: "triage", Path: "/content"}},
		VersionTags: &[]cdr.Tag{{Key: "checked"}},
	})
	plan := h.create(t, e.ID, "emergency_care_plan_minimal", cdr.CommitInfo{ObjectTags: &[]cdr.Tag{{Key: "secret"}}})
	object, version := cdr.VersionRef{Object: v.ObjectID}, cdr.VersionRef{VersionUID: v.VersionUID}
	get := func(ref cdr.VersionRef) []servedTag {
		t.Helper()
		text, err := h.ItemTags(ctx, reader, e.ID, cdr.KindComposition, ref)
		return tags(t, text, err)
	}
	if got := get(object); len(got) != 2 || got[0].Target.Type != "HIER_OBJECT_ID" || got[0].Target.Value != v.ObjectID || *got[0].Value != urgent || got[1].Path != "/content" {
		t.Errorf("%+v", got)
	}
	if got := get(version); len(got) != 1 || got[0].Target.Value != v.VersionUID || got[0].Value != nil {
		t.Errorf("%+v", got)
	}
	// A new version begins without tags of its own; the others stay.
	next, err := h.UpdateComposition(ctx, clinician, e.ID, v.ObjectID, v.VersionUID, example(t, "vital_signs_minimal"), cdr.CommitInfo{})
	if err != nil {
		t.Fatal(err)
	}
	if a, b, c := get(object), get(version), get(cdr.VersionRef{VersionUID: next.VersionUID}); len(a) != 2 || len(b) != 1 || len(c) != 0 {
		t.Errorf("after an update %d, %d, %d", len(a), len(b), len(c))
	}
	before := h.count(t, "select count(*) from version") + h.count(t, "select count(*) from contribution")
	put, err := h.PutItemTags(ctx, clinician, e.ID, cdr.KindComposition, object, []cdr.Tag{{Key: "a"}, {Key: "a", Path: "/x"}, {Key: "a", Value: &urgent}})
	if got := tags(t, put, err); len(got) != 2 || got[0].Value == nil {
		t.Errorf("%s", put)
	}
	if after := h.count(t, "select count(*) from version") + h.count(t, "select count(*) from contribution"); after != before {
		t.Error("tagging makes a version or a contribution")
	}
	if _, err := h.PutItemTags(ctx, clinician, e.ID, cdr.KindStatus, cdr.VersionRef{Object: e.StatusID}, []cdr.Tag{{Key: "a", Value: &urgent}}); err != nil {
		t.Fatal(err)
	}
	key, path := "a", "/x"
	for _, c := range []struct {
		name   string
		caller cdr.Caller
		q      cdr.TagQuery
		want   int
	}{
		{"all", reader, cdr.TagQuery{EHR: e.ID}, 5},
		{"all but what is invisible", vitals, cdr.TagQuery{EHR: e.ID}, 4},
		{"by key", reader, cdr.TagQuery{EHR: e.ID, Key: &key}, 3},
		{"by key and value", reader, cdr.TagQuery{EHR: e.ID, Key: &key, Value: &urgent}, 2},
		{"by path", reader, cdr.TagQuery{EHR: e.ID, Path: &path}, 1},
	} {
		text, err := h.Tags(ctx, c.caller, c.q)
		if got := tags(t, text, err); len(got) != c.want {
			t.Errorf("%s: %d, want %d: %s", c.name, len(got), c.want, text)
		}
	}
	_, err = h.Tags(ctx, outsider, cdr.TagQuery{EHR: e.ID})
	want(t, err, fault.NotFound, "")
	_, err = h.ItemTags(ctx, vitals, e.ID, cdr.KindComposition, cdr.VersionRef{Object: plan.ObjectID})
	want(t, err, fault.NotFound, "")
	_, err = h.PutItemTags(ctx, reader, e.ID, cdr.KindComposition, object, nil)
	want(t, err, fault.Forbidden, "")
	_, err = h.PutItemTags(ctx, clinician, e.ID, cdr.KindStatus, object, nil)
	want(t, err, fault.NotFound, "")
	_, err = h.PutItemTags(ctx, clinician, e.ID, cdr.KindComposition, object, []cdr.Tag{{Key: " a"}})
	want(t, err, fault.Unprocessable, "tag-key")
	if err := h.DeleteItemTags(ctx, clinician, e.ID, cdr.KindComposition, object, "a"); err != nil {
		t.Fatal(err)
	}
	want(t, h.DeleteItemTags(ctx, clinician, e.ID, cdr.KindComposition, object, "a"), fault.NotFound, "tag-unknown")
	empty, err := h.PutItemTags(ctx, clinician, e.ID, cdr.KindComposition, version, nil)
	if err != nil || !bytes.Equal(empty, []byte("[]")) {
		t.Errorf("%s, %v", empty, err)
	}
}
