package postgres

import (
	"context"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// episodic makes one document of a moment of what is a living document.
func episodic(d map[string]any) {
	d["category"] = map[string]any{"_type": "DV_CODED_TEXT", "value": "event", "defining_code": map[string]any{"_type": "CODE_PHRASE",
		"terminology_id": map[string]any{"_type": "TERMINOLOGY_ID", "value": "openehr"}, "code_string": "433"}}
}

// TestPersistenceStays: all versions of a composition are persistent, or none.
func TestPersistenceStays(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	// A template that allows both.
	s := h.service(h.db, true)
	source := vitalSignsOPT(t, "<code_list>433</code_list>", "<code_list>433</code_list><code_list>431</code_list>")
	if _, err := h.UploadTemplate(ctx, system, source, cdr.TemplateUpload{}); err != nil {
		t.Fatal(err)
	}
	event, living := example(t, "vital_signs_minimal"), example(t, "vital_signs_minimal", func(d map[string]any) {
		episodic(d)
		category := d["category"].(map[string]any)
		category["value"], category["defining_code"].(map[string]any)["code_string"] = "persistent", "431"
	})
	for _, c := range []struct{ first, next cdr.Content }{{event, living}, {living, event}} {
		e := h.ehr(t)
		d, err := h.CreateComposition(ctx, clinician, e.ID, c.first, cdr.CommitInfo{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = h.UpdateComposition(ctx, clinician, e.ID, d.ObjectID, d.VersionUID, c.next, cdr.CommitInfo{})
		want(t, err, fault.Invalid, "persistence-changed")
		_, err = h.CommitContribution(ctx, clinician, e.ID, contribution(member("251", "532", d.VersionUID, c.next.JSON)), "", false)
		want(t, err, fault.Invalid, "persistence-changed")
		_, err = h.JudgeUpdate(ctx, clinician, e.ID, d.ObjectID, d.VersionUID, c.next, cdr.CommitInfo{})
		want(t, err, fault.Invalid, "persistence-changed")
		if d, err = h.UpdateComposition(ctx, clinician, e.ID, d.ObjectID, d.VersionUID, c.first, cdr.CommitInfo{}); err != nil {
			t.Errorf("the same persistence: %v", err)
		}
		if _, err = s.UpdateComposition(ctx, clinician, e.ID, d.ObjectID, d.VersionUID, c.next, cdr.CommitInfo{}); err != nil {
			t.Errorf("the peer asks for no such thing: %v", err)
		}
	}
}

// TestJudgeCommit: a dry run is refused for what the commit is refused for, and
// leaves nothing.
func TestJudgeCommit(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	e := h.ehr(t)
	d := h.create(t, e.ID, "vital_signs_minimal", cdr.CommitInfo{})
	plan := h.create(t, e.ID, "emergency_care_plan_minimal", cdr.CommitInfo{})
	full, broken := example(t, "vital_signs_full"), example(t, "vital_signs_full", func(d map[string]any) { delete(d, "territory") })
	before := h.count(t, "select count(*) from version") + h.count(t, "select count(*) from contribution")

	for _, who := range []cdr.Caller{clinician, reader, outsider} {
		for _, body := range []cdr.Content{full, broken} {
			j, err := h.JudgeComposition(ctx, who, e.ID, body, cdr.CommitInfo{})
			switch {
			case who == reader:
				want(t, err, fault.Forbidden, "")
			case who == outsider:
				want(t, err, fault.NotFound, "")
			case err != nil || (j.Refusal != nil) != (body.JSON[0] == broken.JSON[0] && len(body.JSON) == len(broken.JSON)):
				t.Errorf("%s: %+v %v", who.Subject, j.Refusal, err)
			}
			_, err = h.JudgeUpdate(ctx, who, e.ID, d.ObjectID, d.VersionUID, body, cdr.CommitInfo{})
			switch {
			case who == reader:
				want(t, err, fault.Forbidden, "")
			case who == outsider:
				want(t, err, fault.NotFound, "")
			case err != nil:
				t.Errorf("%s: %v", who.Subject, err)
			}
		}
	}
	_, err := h.JudgeComposition(ctx, clinician, e.ID, example(t, "emergency_care_plan_full"), cdr.CommitInfo{})
	want(t, err, fault.Conflict, "persistent-exists")
	_, err = h.JudgeUpdate(ctx, clinician, e.ID, d.ObjectID, strings.Replace(d.VersionUID, "::1", "::7", 1), full, cdr.CommitInfo{})
	want(t, err, fault.Precondition, "version-not-latest")
	_, err = h.JudgeUpdate(ctx, clinician, e.ID, plan.ObjectID, plan.VersionUID, full, cdr.CommitInfo{})
	want(t, err, fault.Invalid, "template-changed")
	if after := h.count(t, "select count(*) from version") + h.count(t, "select count(*) from contribution"); after != before {
		t.Errorf("%d rows were written", after-before)
	}
	if got, err := h.Composition(ctx, clinician, e.ID, cdr.VersionRef{Object: d.ObjectID}); err != nil || got.VersionUID != d.VersionUID {
		t.Errorf("the version is now %s, %v", got.VersionUID, err)
	}
}

// TestMemberIsNamed: what is refused in a contribution is placed in it, as
// warnings are, and its compositions are judged by the version that is named.
func TestMemberIsNamed(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	e := h.ehr(t)
	body := example(t, "vital_signs_full")
	broken := example(t, "vital_signs_full", func(d map[string]any) { delete(d, "territory") })
	_, err := h.CommitContribution(ctx, clinician, e.ID, contribution(member("249", "532", "", body.JSON), member("249", "532", "", broken.JSON)), "", false)
	f := fault.Of(err)
	if len(f.Issues) != 1 || !strings.HasPrefix(f.Issues[0].Path, "/versions[2]/data/") || !strings.HasPrefix(f.Message, "versions[2]: ") {
		t.Errorf("the member is not named: %s %+v", f.Message, f.Issues)
	}

	first, err := h.Template(ctx, clinician, vitalSigns)
	if err != nil {
		t.Fatal(err)
	}
	old := h.create(t, e.ID, "vital_signs_full", cdr.CommitInfo{})
	if _, err := h.UploadTemplate(ctx, system, vitalSignsOPT(t, "<units>mm[Hg]</units>", "<units>kPa</units>"), cdr.TemplateUpload{Version: "9.0.0"}); err != nil {
		t.Fatal(err)
	}
	next := contribution(member("251", "532", old.VersionUID, body.JSON))
	_, err = h.CommitContribution(ctx, clinician, e.ID, next, "", false)
	want(t, err, fault.Unprocessable, "validation")
	_, err = h.CommitContributionBy(ctx, clinician, e.ID, next, "7.7.7", "", false)
	want(t, err, fault.Unprocessable, "template-version-unknown")
	made, err := h.CommitContributionBy(ctx, clinician, e.ID, next, first.Edition(), "", false)
	if err != nil {
		t.Fatal(err)
	}
	got, err := h.Composition(ctx, clinician, e.ID, cdr.VersionRef{VersionUID: made.Versions[0]})
	if err != nil || got.TemplateRow != first.Row {
		t.Errorf("judged by %d and not %d, %v", got.TemplateRow, first.Row, err)
	}
}
