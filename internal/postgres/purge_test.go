package postgres

import (
	"context"
	"testing"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

func TestPurge(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	e := h.ehr(t)
	keep := h.create(t, e.ID, "vital_signs_minimal", cdr.CommitInfo{})
	v := h.create(t, e.ID, "vital_signs_minimal", cdr.CommitInfo{IdempotencyKey: "k", ObjectTags: &[]cdr.Tag{{Key: "x"}}})
	if _, err := h.UpdateComposition(ctx, clinician, e.ID, v.ObjectID, v.VersionUID, example(t, "vital_signs_minimal"), cdr.CommitInfo{}); err != nil {
		t.Fatal(err)
	}
	dir, err := h.CreateDirectory(ctx, clinician, e.ID, folderContent(folderJSON("root", []string{v.ObjectID, keep.ObjectID})), cdr.CommitInfo{})
	if err != nil {
		t.Fatal(err)
	}
	want(t, h.PurgeComposition(ctx, clinician, e.ID, v.ObjectID, ""), fault.Forbidden, "")
	off := cdr.New(cdr.Deps{Store: h.db, Authorizer: h.people, Auditor: h.audit, SystemID: "test.quire"})
	for name, err := range map[string]error{
		"composition": off.PurgeComposition(ctx, system, e.ID, v.ObjectID, ""), "contribution": off.PurgeContribution(ctx, system, e.ID, v.Contribution, ""),
		"directory": off.PurgeDirectory(ctx, system, e.ID, dir.ObjectID, ""), "all": off.DeleteEHRs(ctx, system, nil),
		"template": off.DeleteTemplate(ctx, system, vitalSigns), "query": off.PurgeStoredQuery(ctx, system, "x", "1.0.0"),
	} {
		if !fault.Is(err, fault.MethodNotAllowed) {
			t.Errorf("%s where destruction is off: %v", name, err)
		}
	}
	want(t, h.PurgeComposition(ctx, system, e.ID, dir.ObjectID, ""), fault.NotFound, "object-unknown")
	want(t, h.PurgeContribution(ctx, system, e.ID, v.Contribution, ""), fault.Conflict, "contribution-in-history")
	want(t, h.PurgeContribution(ctx, system, e.ID, e.Status.Contribution, ""), fault.Conflict, "contribution-in-history")
	contributions := h.count(t, "select count(*) from contribution")
	if err := h.PurgeComposition(ctx, system, e.ID, v.ObjectID, ""); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"version", "node", "leaf", "object_home"} {
		if n := h.count(t, "select count(*) from "+table+" where vo_id = $1", v.ObjectID); n != 0 {
			t.Errorf("%d rows in %s", n, table)
		}
	}
	if n := h.count(t, "select (select count(*) from item_tag) + (select count(*) from idempotency) + (select count(*) from folder_item where item_vo = $1)", v.ObjectID); n != 0 {
		t.Errorf("%d rows of tags, keys and items", n)
	}
	if n := contributions - h.count(t, "select count(*) from contribution"); n != 2 {
		t.Errorf("%d contributions went, want 2", n)
	}
	if n := h.count(t, "select count(*) from audit_event where action = 'D' and object = $1", v.ObjectID); n != 1 {
		t.Errorf("%d audit rows", n)
	}
	// What is gone may be referred to as it was, and no more than that.
	if _, err := h.UpdateDirectory(ctx, clinician, e.ID, dir.VersionUID, folderContent(folderJSON("root", []string{v.ObjectID})), cdr.CommitInfo{}); err != nil {
		t.Error(err)
	}
	if err := h.PurgeDirectory(ctx, system, e.ID, dir.ObjectID, ""); err != nil {
		t.Fatal(err)
	}
	if now, err := h.EHR(ctx, reader, e.ID); err != nil || now.DirectoryID != "" {
		t.Errorf("the directory is %q, %v", now.DirectoryID, err)
	}
	if err := h.PurgeContribution(ctx, system, e.ID, keep.Contribution, ""); err != nil {
		t.Fatal(err)
	}
	want(t, h.PurgeContribution(ctx, system, e.ID, keep.Contribution, ""), fault.NotFound, "contribution-unknown")
	h.sound(t)
}

func TestDeleteEHRs(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	var ids []string
	for range 4 {
		ids = append(ids, h.ehr(t).ID)
	}
	want(t, h.DeleteEHRs(ctx, system, []string{ids[0], "x"}), fault.Invalid, "malformed-ehr-id")
	if n := h.count(t, "select count(*) from ehr"); n != 4 {
		t.Fatalf("%d EHRs left", n)
	}
	if err := h.DeleteEHRs(ctx, system, []string{ids[0], "00000000-0000-4000-8000-000000000000"}); err != nil {
		t.Fatal(err)
	}
	if n := h.count(t, "select count(*) from ehr"); n != 3 {
		t.Fatalf("%d EHRs left", n)
	}
	for range 2 {
		if err := h.DeleteEHRs(ctx, system, nil); err != nil {
			t.Fatal(err)
		}
	}
	if n := h.count(t, "select (select count(*) from ehr) + (select count(*) from version) + (select count(*) from object_home)"); n != 0 {
		t.Errorf("%d rows left", n)
	}
}

func TestDeleteTemplate(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	h.people["user:tpl"] = &access.Profile{Principal: "user:tpl", Areas: []string{"templates"}}
	keeper := cdr.Caller{Subject: "user:tpl"}
	e := h.ehr(t)
	h.create(t, e.ID, "vital_signs_minimal", cdr.CommitInfo{})
	want(t, h.DeleteTemplate(ctx, keeper, vitalSigns), fault.Conflict, "template-in-use")
	used, err := h.Template(ctx, keeper, vitalSigns)
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.ReplaceTemplate(ctx, keeper, carePlan, []byte(used.OPT))
	want(t, err, fault.Invalid, "template-id")
	_, err = h.ReplaceTemplate(ctx, keeper, vitalSigns, append([]byte(used.OPT), '\n'))
	want(t, err, fault.Conflict, "template-in-use")
	plan, err := h.Template(ctx, keeper, carePlan)
	if err != nil {
		t.Fatal(err)
	}
	changed, err := h.ReplaceTemplate(ctx, keeper, carePlan, append([]byte(plan.OPT), '\n'))
	if err != nil || changed.OPT != plan.OPT+"\n" || changed.Family != plan.Family {
		t.Fatalf("%v", err)
	}
	if err := h.DeleteTemplate(ctx, keeper, carePlan); err != nil {
		t.Fatal(err)
	}
	_, err = h.CreateComposition(ctx, clinician, e.ID, example(t, "emergency_care_plan_minimal"), cdr.CommitInfo{})
	want(t, err, fault.Unprocessable, "template-unknown")
	if _, err := h.UploadTemplate(ctx, keeper, []byte(plan.OPT), cdr.TemplateUpload{}); err != nil {
		t.Fatal(err)
	}
	n, err := h.DeleteTemplates(ctx, keeper)
	want(t, err, fault.Conflict, "template-in-use")
	if n != 1 {
		t.Errorf("%d templates went before the one in use", n)
	}
}
