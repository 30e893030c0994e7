package postgres

import (
	"context"
	"io/fs"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/templates"
)

func vitalSignsOPT(t testing.TB, change ...string) []byte {
	t.Helper()
	text, err := fs.ReadFile(templates.FS, "opt/vital_signs_observations.v1.opt")
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.NewReplacer(change...).Replace(string(text))
	if len(change) > 0 && changed == string(text) {
		t.Fatalf("nothing was changed by %q", change)
	}
	return []byte(changed)
}

// TestTemplateVersions follows a template through its life: replaced while
// nothing uses it, then only followed by newer versions.
func TestTemplateVersions(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	upload := func(source []byte, version string) (*cdr.Template, error) {
		return h.UploadTemplate(ctx, system, source, cdr.TemplateUpload{Version: version})
	}
	// mm[Hg] becomes a unit that no stored composition has.
	other := vitalSignsOPT(t, "<units>mm[Hg]</units>", "<units>kPa</units>")
	_, err := upload(vitalSignsOPT(t), "")
	want(t, err, fault.Conflict, "template-exists")
	if _, err := upload(other, ""); err != nil {
		t.Fatalf("an unused template is replaced: %v", err)
	}
	first, err := upload(vitalSignsOPT(t), "1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	e := h.ehr(t)
	old := h.create(t, e.ID, "vital_signs_full", cdr.CommitInfo{})
	if old.TemplateEdition != first.Edition() {
		t.Errorf("judged by %q, want %q", old.TemplateEdition, first.Edition())
	}

	f := want(t, second(upload(other, first.Version)), fault.Conflict, "template-used")
	if len(f.Issues) == 0 || !strings.Contains(f.Message, "newer version") {
		t.Errorf("the refusal does not say what differs: %+v", f)
	}
	want(t, second(upload(other, "two")), fault.Invalid, "template-version")

	impact, err := h.JudgeTemplate(ctx, system, other, cdr.TemplateUpload{Version: "9.0.0"})
	if err != nil || impact.Outcome != "version" || impact.Effect != "breaking" || impact.Stored.Checked != 1 || impact.Stored.Breaking != 1 ||
		!impact.Stored.Complete || len(impact.Stored.Compositions) != 1 || impact.Stored.Compositions[0].VersionUID != old.VersionUID {
		t.Errorf("impact: %+v %v", impact, err)
	}
	// Who keeps templates and sees no record is told the number, and no record.
	keeper := cdr.Caller{Subject: "user:keeper", Role: "formbuilder"}
	for _, queryable := range [][]string{nil, {"south"}} {
		h.people[keeper.Subject] = &access.Profile{Principal: keeper.Subject, Areas: []string{"templates"}, Queryable: queryable}
		impact, err := h.JudgeTemplate(ctx, keeper, other, cdr.TemplateUpload{Version: "9.0.0"})
		if err != nil || impact.Stored.Checked != 1 || impact.Stored.Breaking != 1 || len(impact.Stored.Compositions) != 0 {
			t.Errorf("told to a keeper with the population %v: %+v %v", queryable, impact.Stored, err)
		}
	}
	if impact, err := h.JudgeTemplate(ctx, system, other, cdr.TemplateUpload{Version: "0.0.1"}); err != nil || impact.Outcome != "refused" {
		t.Errorf("an older version: %+v %v", impact.Outcome, err)
	}
	if impact, err := h.JudgeTemplate(ctx, system, vitalSignsOPT(t), cdr.TemplateUpload{}); err != nil || impact.Outcome != "identical" {
		t.Errorf("the same: %+v %v", impact.Outcome, err)
	}
	_, err = h.JudgeTemplate(ctx, clinician, other, cdr.TemplateUpload{})
	want(t, err, fault.Forbidden, "")

	next, err := upload(other, "9.0.0")
	if err != nil || next.Family != first.Family || next.Row == first.Row {
		t.Fatalf("a newer version: %+v %v", next, err)
	}
	list, err := h.TemplateVersions(ctx, clinician, vitalSigns)
	if err != nil || len(list) != 2 || list[0].Version != "9.0.0" || !list[0].Retired.IsZero() || list[1].Retired.IsZero() || list[1].Row != first.Row {
		t.Errorf("versions: %+v %v", list, err)
	}

	// The newest judges; the old one does where it is named.
	_, err = h.UpdateComposition(ctx, clinician, e.ID, old.ObjectID, old.VersionUID, example(t, "vital_signs_full"), cdr.CommitInfo{})
	want(t, err, fault.Unprocessable, "validation")
	_, err = h.UpdateComposition(ctx, clinician, e.ID, old.ObjectID, old.VersionUID, example(t, "vital_signs_full"), cdr.CommitInfo{TemplateVersion: "3.2.1"})
	want(t, err, fault.Unprocessable, "template-version-unknown")
	again, err := h.UpdateComposition(ctx, clinician, e.ID, old.ObjectID, old.VersionUID, example(t, "vital_signs_full"), cdr.CommitInfo{TemplateVersion: first.Edition()})
	if err != nil || again.TemplateEdition != first.Edition() {
		t.Fatalf("by the version it names: %+v %v", again.TemplateEdition, err)
	}
	shown, err := h.Composition(ctx, reader, e.ID, cdr.VersionRef{VersionUID: again.VersionUID})
	if err != nil {
		t.Fatal(err)
	}
	by, err := h.TemplateOf(ctx, reader, shown)
	if err != nil || by.Row != first.Row {
		t.Errorf("read by %+v %v", by, err)
	}

	// The one in use is not, but an older one is.
	want(t, h.DeleteTemplate(ctx, system, vitalSigns), fault.Conflict, "template-in-use")

	// Another process still has the old version in its cache.
	late := h.service(h.open(t), false)
	if _, err := late.Template(ctx, clinician, vitalSigns); err != nil {
		t.Fatal(err)
	}
	if _, err := upload(vitalSignsOPT(t, "<units>mm[Hg]</units>", "<units>Pa</units>"), "9.1.0"); err != nil {
		t.Fatal(err)
	}
	_, err = late.CreateComposition(ctx, clinician, e.ID, example(t, "vital_signs_minimal"), cdr.CommitInfo{})
	want(t, err, fault.Conflict, "template-gone")
	if _, err = late.CreateComposition(ctx, clinician, e.ID, example(t, "vital_signs_minimal"), cdr.CommitInfo{}); fault.Of(err).Code == "template-gone" {
		t.Error("the old version is still believed")
	}
}

func second[T any](_ T, err error) error { return err }

// TestTemplateIsNotReplacedUnderACommit: a commit that is under way keeps its
// template.
func TestTemplateIsNotReplacedUnderACommit(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	e := h.ehr(t)
	other := vitalSignsOPT(t, "<units>mm[Hg]</units>", "<units>kPa</units>")
	done := make(chan error, 1)
	go func() {
		_, err := h.UploadTemplate(ctx, system, other, cdr.TemplateUpload{})
		done <- err
	}()
	_, committed := h.CreateComposition(ctx, clinician, e.ID, example(t, "vital_signs_full"), cdr.CommitInfo{})
	replaced := <-done
	if (committed == nil) == (replaced == nil) {
		t.Errorf("committed: %v, replaced: %v; exactly one of them may be", committed, replaced)
	}
	if n := h.count(t, "select count(*) from version v where kind = 1 and not exists (select from template t where t.id = v.template)"); n != 0 {
		t.Errorf("%d versions without their template", n)
	}
}

// later is a clock that a test moves.
type later struct{ by time.Duration }

func (l *later) Now() time.Time { return time.Now().Add(l.by) }

// TestCompiledTemplateStays: one that is still in use is compiled once, and one
// that is not is seen after a minute.
func TestCompiledTemplateStays(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	clock := &later{}
	s := cdr.New(cdr.Deps{Store: h.db, Authorizer: h.people, Auditor: h.audit, SystemID: "test.quire", Clock: clock})
	first, err := s.Template(ctx, clinician, vitalSigns)
	if err != nil {
		t.Fatal(err)
	}
	clock.by = 2 * time.Minute
	if again, err := s.Template(ctx, clinician, vitalSigns); err != nil || again.Compiled != first.Compiled {
		t.Errorf("compiled again: %v", err)
	}
	if _, err := h.UploadTemplate(ctx, system, vitalSignsOPT(t, "<units>mm[Hg]</units>", "<units>kPa</units>"), cdr.TemplateUpload{}); err != nil {
		t.Fatal(err)
	}
	clock.by = 4 * time.Minute
	if now, err := s.Template(ctx, clinician, vitalSigns); err != nil || now.Row == first.Row {
		t.Errorf("the old content is still believed: %v", err)
	}
}

// largeOPT is an OPT of 4 MB: one entry again and again, each time of another archetype.
func largeOPT(t testing.TB, id string) string {
	text := string(vitalSignsOPT(t, "Vital signs observations.v1", id))
	const name, open, end = "openEHR-EHR-OBSERVATION.blood_pressure.v2", `<children xsi:type="C_ARCHETYPE_ROOT">`, "</children>"
	content := strings.Index(text, "<rm_attribute_name>content")
	from := content + strings.Index(text[content:], open)
	indent := text[strings.LastIndexByte(text[:from], '\n')+1 : from]
	to := from + strings.Index(text[from:], "\n"+indent+end) + len("\n"+indent+end)
	var b strings.Builder
	b.WriteString(text[:to])
	for i := 0; b.Len()+len(text)-to < 4<<20; i++ {
		b.WriteString(strings.ReplaceAll(text[from:to], name, strings.Replace(name, ".v2", "-x"+strconv.Itoa(i)+".v2", 1)))
	}
	b.WriteString(text[to:])
	return b.String()
}

// TestLargeTemplate: an OPT of 4 MB is stored, compiled, and comes back.
func TestLargeTemplate(t *testing.T) {
	h, ctx, text := newHouse(t), context.Background(), largeOPT(t, "Large.v1")
	if _, err := h.UploadTemplate(ctx, system, []byte(text), cdr.TemplateUpload{}); err != nil {
		t.Fatal(err)
	}
	stored, err := h.Template(ctx, system, "Large.v1")
	if err != nil {
		t.Fatal(err)
	}
	if stored.OPT != text {
		t.Errorf("%d bytes came back of %d, or others", len(stored.OPT), len(text))
	}
}

// BenchmarkLargeTemplate: the goal is a second for 4 MB.
func BenchmarkLargeTemplate(b *testing.B) {
	h, ctx := newHouse(b), context.Background()
	for i := range b.N {
		text := []byte(largeOPT(b, "Large"+strconv.Itoa(i)+".v1"))
		b.SetBytes(int64(len(text)))
		if _, err := h.UploadTemplate(ctx, system, text, cdr.TemplateUpload{}); err != nil {
			b.Fatal(err)
		}
	}
}
