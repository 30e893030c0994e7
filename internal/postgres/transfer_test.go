package postgres

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"github.com/gofrs/uuid/v5"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/transfer"
	"github.com/quire-cdr/quire/internal/fault"
)

// marker is a text that stands in a record wherever a client can put one.
const marker = "xyzzy-marker-42"

func (h *house) transfers() *transfer.Transfers {
	return h.transfersOf("test.quire")
}

func (h *house) transfersOf(system string) *transfer.Transfers {
	service := cdr.New(cdr.Deps{Store: h.db, Authorizer: h.people, Auditor: h.audit, SystemID: system, Destruction: true})
	return &transfer.Transfers{Store: h.db, Act: service.Act(), Trail: &Access{db: h.db}, SystemID: system}
}

// marked puts the marker into the composer's name.
func marked(doc map[string]any) {
	doc["composer"] = map[string]any{"_type": "PARTY_IDENTIFIED", "name": marker}
}

func subjectStatus(id, namespace string) *cdr.Content {
	return &cdr.Content{JSON: []byte(`{"_type":"EHR_STATUS","archetype_node_id":"openEHR-EHR-EHR_STATUS.generic.v1",` +
		`"name":{"_type":"DV_TEXT","value":"EHR Status"},"archetype_details":{"_type":"ARCHETYPED","archetype_id":{"_type":"ARCHETYPE_ID","value":"openEHR-EHR-EHR_STATUS.generic.v1"},"rm_version":"1.1.0"},` +
		`"subject":{"_type":"PARTY_SELF","external_ref":{"_type":"PARTY_REF","namespace":"` + namespace + `","type":"PERSON","id":{"_type":"GENERIC_ID","scheme":"x","value":"` + id + `"}}},` +
		`"is_queryable":true,"is_modifiable":true}`)}
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatalf("%v %+v", err, fault.Of(err).Issues)
		}
		return v
	}
}

// lived is an EHR with everything a record can have.
func (h *house) lived(t *testing.T) (ehr string, kept cdr.Document) {
	t.Helper()
	ctx := context.Background()
	doc := must[cdr.Document](t)
	e := must[cdr.EHR](t)(h.CreateEHR(ctx, clinician, "", subjectStatus(uuid.Must(uuid.NewV4()).String()+marker, "urn:hospital"), cdr.CommitInfo{Description: marker}))
	tags := []cdr.Tag{{Key: marker, Value: ptr(marker), Path: "/content"}}
	kept = doc(h.CreateComposition(ctx, clinician, e.ID, example(t, "vital_signs_minimal", marked), cdr.CommitInfo{ObjectTags: &tags, VersionTags: &tags, IdempotencyKey: marker}))
	kept = doc(h.UpdateComposition(ctx, clinician, e.ID, kept.ObjectID, kept.VersionUID, example(t, "vital_signs_minimal", marked), cdr.CommitInfo{}))
	doc(h.UpdateComposition(ctx, clinician, e.ID, kept.ObjectID, kept.VersionUID, example(t, "vital_signs_minimal", marked), cdr.CommitInfo{Lifecycle: "553"}))
	gone := doc(h.CreateComposition(ctx, clinician, e.ID, example(t, "emergency_care_plan_minimal", marked), cdr.CommitInfo{}))
	doc(h.DeleteComposition(ctx, clinician, e.ID, gone.VersionUID, "", cdr.CommitInfo{Description: marker}))
	doc(h.CreateComposition(ctx, system, e.ID, example(t, "vital_signs_minimal", marked), cdr.CommitInfo{Labels: []string{"mental-health"}}))
	dir := doc(h.CreateDirectory(ctx, clinician, e.ID, folderContent(folderJSON(marker, []string{kept.ObjectID})), cdr.CommitInfo{}))
	doc(h.UpdateDirectory(ctx, clinician, e.ID, dir.VersionUID, folderContent(folderJSON(marker+"2", []string{kept.ObjectID}, folderJSON("inner", nil))), cdr.CommitInfo{}))
	status := must[cdr.Document](t)(h.Status(ctx, clinician, e.ID, cdr.VersionRef{}))
	doc(h.UpdateStatus(ctx, clinician, e.ID, status.VersionUID, cdr.Content{JSON: bytes.Replace(status.JSON, []byte(`"is_queryable":true`), []byte(`"is_queryable":false`), 1)}, cdr.CommitInfo{}))
	view := must[cdr.ContributionView](t)
	view(h.CommitContribution(ctx, clinician, e.ID, contribution(attested(kept.VersionUID, attesting("ATTESTATION", "666", `,"description":{"value":"`+marker+`"}`), "")), "", false))
	object := uuid.Must(uuid.NewV4()).String()
	far := foreign(t, object, 3, object+"::Far.System::2", `,"signature":"`+marker+`"`, example(t, "vital_signs_minimal", marked).JSON)
	view(h.ImportContribution(ctx, clinician, e.ID, contribution(far), "", false))
	a := &Access{db: h.db}
	event := cdr.Event{Action: "U", Outcome: "success", EHR: e.ID, Principal: "user:test"}
	for _, err := range []error{
		a.Relate(ctx, cdr.Relationship{EHR: e.ID, Organisation: "east", Kind: "referred"}, event),
		a.PutGrant(ctx, cdr.Grant{EHR: e.ID, Grantee: "user:" + marker, Write: true}, event),
		a.Restrict(ctx, cdr.Restriction{EHR: e.ID, ID: uuid.Must(uuid.NewV4()).String(), AppliesTo: []string{"user:" + marker}, Reason: "objection"}, event),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return e.ID, kept
}

func ptr[T any](v T) *T { return &v }

func (h *house) export(t testing.TB, tr *transfer.Transfers, ehr string) []byte {
	t.Helper()
	var b bytes.Buffer
	write := must[func(context.Context, io.Writer) error](t)(tr.Export(context.Background(), system, ehr))
	if err := write(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func from(export []byte) func(context.Context) io.Reader {
	return func(context.Context) io.Reader { return bytes.NewReader(export) }
}

func TestRestoreGivesTheRecordBack(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	tr := h.transfers()
	ehr, kept := h.lived(t)
	before := h.export(t, tr, ehr)
	if n := bytes.Count(before, []byte{'\n'}); n < 20 || !bytes.Contains(before, []byte(marker)) {
		t.Fatalf("the export has %d lines", n)
	}
	_, err := tr.Import(ctx, system, transfer.Request{Mode: transfer.Restore, Open: from(before)})
	want(t, err, fault.Conflict, "taken")
	_, err = tr.Export(ctx, clinician, ehr)
	want(t, err, fault.Forbidden, "")
	nodes := h.count(t, "select count(*) from node where ehr_id = $1", ehr)
	if err := h.DeleteEHR(ctx, system, ehr); err != nil {
		t.Fatal(err)
	}
	dry := must[transfer.Report](t)(tr.Import(ctx, system, transfer.Request{Mode: transfer.Restore, DryRun: true, Open: from(before)}))
	if n := h.count(t, "select count(*) from ehr"); n != 0 || dry.Counts.Versions < 9 {
		t.Fatalf("a dry run left %d EHRs, report %+v", n, dry)
	}
	for name, damage := range map[string][]byte{
		"export-truncated": before[:len(before)/2],
		"export-damaged":   bytes.Replace(before, []byte("inner"), []byte("inned"), 1),
		"export-more":      append(bytes.Clone(before), before...),
	} {
		_, err := tr.Import(ctx, system, transfer.Request{Mode: transfer.Restore, Open: from(damage)})
		if f := fault.Of(err); f.Code != name {
			t.Errorf("%s: %v", name, err)
		}
	}
	must[transfer.Report](t)(tr.Import(ctx, system, transfer.Request{Mode: transfer.Restore, Open: from(before)}))
	after := h.export(t, tr, ehr)
	if !bytes.Equal(before, after) {
		a, b := strings.Split(string(before), "\n"), strings.Split(string(after), "\n")
		for i := range a {
			if i >= len(b) || a[i] != b[i] {
				t.Fatalf("line %d was\n%.400s\nand is\n%.400s", i, a[i], b[min(i, len(b)-1)])
			}
		}
	}
	if n := h.count(t, "select count(*) from node where ehr_id = $1", ehr); n != nodes {
		t.Errorf("%d rows, want %d", n, nodes)
	}
	h.sound(t)
	// It is the record: read, listed, and goes on.
	got := must[cdr.Document](t)(h.Composition(ctx, clinician, ehr, cdr.VersionRef{Object: kept.ObjectID}))
	if !bytes.Equal(got.JSON, kept.JSON) || got.VersionUID != kept.VersionUID || !got.Committed.Equal(kept.Committed) {
		t.Errorf("the composition is %s of %s", got.VersionUID, got.Committed)
	}
	draft := must[cdr.Document](t)(h.Composition(ctx, clinician, ehr, cdr.VersionRef{Object: kept.ObjectID, Lifecycle: "553"}))
	next := must[cdr.Document](t)(h.UpdateComposition(ctx, clinician, ehr, kept.ObjectID, draft.VersionUID, example(t, "vital_signs_minimal"), cdr.CommitInfo{}))
	if !strings.HasSuffix(next.VersionUID, "::test.quire::4") {
		t.Errorf("the next version is %s", next.VersionUID)
	}
	h.sound(t)
}

// A restore that ends in the middle leaves nothing.
func TestKilledImportLeavesNothing(t *testing.T) {
	h := newHouse(t)
	tr := h.transfers()
	ehr, _ := h.lived(t)
	export := h.export(t, tr, ehr)
	if err := h.DeleteEHR(context.Background(), system, ehr); err != nil {
		t.Fatal(err)
	}
	lines := bytes.Count(export, []byte{'\n'})
	for _, at := range []int{1, lines / 3, lines / 2, lines - 2} {
		ctx, cancel := context.WithCancel(context.Background())
		opened := 0
		_, err := tr.Import(ctx, system, transfer.Request{Mode: transfer.Restore, Open: func(context.Context) io.Reader {
			if opened++; opened == 1 {
				return bytes.NewReader(export)
			}
			return &dying{Reader: bytes.NewReader(export), lines: at, kill: cancel}
		}})
		cancel()
		if err == nil {
			t.Fatalf("an import killed at line %d of %d ended well", at, lines)
		}
		if n := h.count(t, "select (select count(*) from ehr) + (select count(*) from version) + (select count(*) from contribution) + (select count(*) from object_home) + (select count(*) from node) + (select count(*) from ehr_subject) + (select count(*) from item_tag)"); n != 0 {
			t.Errorf("killed at line %d: %d rows are left", at, n)
		}
	}
	must[transfer.Report](t)(tr.Import(context.Background(), system, transfer.Request{Mode: transfer.Restore, Open: from(export)}))
	if !bytes.Equal(export, h.export(t, tr, ehr)) {
		t.Error("the record is another")
	}
}

// dying ends the request's context after some lines, as a stopped server does.
type dying struct {
	*bytes.Reader
	lines int
	kill  func()
}

func (d *dying) Read(p []byte) (int, error) {
	n, err := d.Reader.Read(p[:min(len(p), 64)])
	if d.lines -= bytes.Count(p[:n], []byte{'\n'}); d.lines < 0 {
		d.kill()
	}
	return n, err
}

// A record that moves keeps its history with the system ids it has, and goes on
// with those of its new home; a copy does not go on at all.
func TestMoveAndCopyToAnotherSystem(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	here := h.transfers()
	ehr, kept := h.lived(t)
	export := h.export(t, here, ehr)
	there := newHouse(t)
	other := there.transfersOf("elsewhere.org")
	service := cdr.New(cdr.Deps{Store: there.db, Authorizer: there.people, Auditor: there.audit, SystemID: "elsewhere.org", Destruction: true})
	_, err := other.Import(ctx, system, transfer.Request{Mode: transfer.Restore, Open: from(export)})
	want(t, err, fault.Conflict, "not-ours")
	_, err = here.Import(ctx, system, transfer.Request{Mode: transfer.Copy, Open: from(export)})
	want(t, err, fault.Conflict, "ours")
	report := must[transfer.Report](t)(other.Import(ctx, system, transfer.Request{Mode: transfer.Relocate, Open: from(export)}))
	if report.Left["ehr_grant"] != 1 || report.Left["ehr_organisation"] != 2 || report.From != "test.quire" {
		t.Errorf("report %+v", report)
	}
	there.sound(t)
	got := must[cdr.Document](t)(service.Composition(ctx, clinician, ehr, cdr.VersionRef{Object: kept.ObjectID}))
	if got.VersionUID != kept.VersionUID || !bytes.Equal(got.JSON, kept.JSON) {
		t.Errorf("the composition is %s", got.VersionUID)
	}
	draft := must[cdr.Document](t)(service.Composition(ctx, clinician, ehr, cdr.VersionRef{Object: kept.ObjectID, Lifecycle: "553"}))
	next := must[cdr.Document](t)(service.UpdateComposition(ctx, clinician, ehr, kept.ObjectID, draft.VersionUID, example(t, "vital_signs_minimal"), cdr.CommitInfo{}))
	if next.VersionUID != kept.ObjectID+"::elsewhere.org::4" || !next.Committed.After(draft.Committed) {
		t.Errorf("the trunk goes on with %s", next.VersionUID)
	}
	back := there.export(t, other, ehr)
	if err := h.DeleteEHR(ctx, system, ehr); err != nil {
		t.Fatal(err)
	}
	// Home again, with the version made elsewhere.
	must[transfer.Report](t)(here.Import(ctx, system, transfer.Request{Mode: transfer.Relocate, Open: from(back)}))
	if got := must[cdr.Document](t)(h.Composition(ctx, clinician, ehr, cdr.VersionRef{Object: kept.ObjectID})); got.VersionUID != next.VersionUID {
		t.Errorf("it came home as %s", got.VersionUID)
	}
	h.sound(t)

	must[any](t)(nil, service.DeleteEHR(ctx, system, ehr, "moved-back"))
	must[transfer.Report](t)(other.Import(ctx, system, transfer.Request{Mode: transfer.Copy, Open: from(export)}))
	there.sound(t)
	copied := must[cdr.Document](t)(service.CompositionVersion(ctx, clinician, ehr, cdr.VersionRef{VersionUID: kept.VersionUID}))
	for _, part := range []string{`"_type":"IMPORTED_VERSION"`, `"_type":"ORIGINAL_VERSION"`, kept.VersionUID, kept.Contribution} {
		if !bytes.Contains(copied.JSON, []byte(part)) {
			t.Errorf("the copy lacks %s: %.600s", part, copied.JSON)
		}
	}
	_, err = service.UpdateComposition(ctx, clinician, ehr, kept.ObjectID, draft.VersionUID, example(t, "vital_signs_minimal"), cdr.CommitInfo{})
	want(t, err, fault.Conflict, "imported")
	if again := there.export(t, other, ehr); !bytes.Contains(again, []byte(`"imported":{"_type":"ORIGINAL_VERSION"`)) {
		t.Error("the export of a copy does not say what it is")
	}
}

// What cannot come in is said precisely.
func TestImportRefusals(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	tr := h.transfers()
	ehr, _ := h.lived(t)
	export := h.export(t, tr, ehr)
	if err := h.DeleteEHR(ctx, system, ehr); err != nil {
		t.Fatal(err)
	}
	other := newHouse(t)
	must[int](t)(other.DeleteTemplates(ctx, system))
	_, err := other.transfers().Import(ctx, system, transfer.Request{Mode: transfer.Restore, DryRun: true, Open: from(export)})
	if f := want(t, err, fault.Conflict, "templates-missing"); len(f.Issues) != 2 || f.Issues[0].Path != carePlan || len(f.Issues[0].Expected) != 64 {
		t.Errorf("%+v", f.Issues)
	}
	subject := bytes.Index(export, []byte(`"subject_id":"`)) + len(`"subject_id":"`)
	id := string(export[subject : subject+bytes.IndexByte(export[subject:], '"')])
	must[cdr.EHR](t)(h.CreateEHR(ctx, clinician, "", subjectStatus(id, "urn:hospital"), cdr.CommitInfo{}))
	_, err = tr.Import(ctx, system, transfer.Request{Mode: transfer.Restore, Open: from(export)})
	if f := want(t, err, fault.Conflict, "taken"); len(f.Issues) != 1 || strings.Contains(f.Issues[0].Message, marker) {
		t.Errorf("%+v", f.Issues)
	}
}

func TestMergeAndUndo(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	tr := h.transfers()
	make := func(id, namespace string) cdr.EHR {
		return must[cdr.EHR](t)(h.CreateEHR(ctx, clinician, "", subjectStatus(id, namespace), cdr.CommitInfo{}))
	}
	const nhs = "https://fhir.nhs.uk/Id/nhs-number"
	a, b, c := make("9434765919", nhs), make("77", "urn:hospital"), make("4010232137", nhs)
	one, two := h.create(t, a.ID, "emergency_care_plan_minimal", cdr.CommitInfo{}), h.create(t, b.ID, "emergency_care_plan_minimal", cdr.CommitInfo{})
	_, err := tr.Merge(ctx, system, a.ID, c.ID, "same person")
	want(t, err, fault.Conflict, "identifiers-differ")
	_, err = tr.Merge(ctx, clinician, a.ID, b.ID, "same person")
	want(t, err, fault.Forbidden, "")
	before := h.text(t, "select string_agg(vo_id::text || ver || ehr_id::text, ',' order by vo_id, ver) from version where kind = 1")
	done := must[transfer.Merged](t)(tr.Merge(ctx, system, a.ID, b.ID, "same person, registered twice"))
	if len(done.Twice) != 1 || done.Twice[0].Target != one.VersionUID || done.Twice[0].Source != two.VersionUID {
		t.Errorf("to reconcile: %+v", done.Twice)
	}
	if now := h.text(t, "select string_agg(vo_id::text || ver || ehr_id::text, ',' order by vo_id, ver) from version where kind = 1"); now != before {
		t.Error("a row changed its owner")
	}
	_, err = h.CreateComposition(ctx, clinician, b.ID, example(t, "vital_signs_minimal"), cdr.CommitInfo{})
	want(t, err, fault.Conflict, "not-modifiable")
	target, source := must[cdr.EHR](t)(h.EHR(ctx, clinician, a.ID)), must[cdr.EHR](t)(h.EHR(ctx, clinician, b.ID))
	if len(target.Merged) != 1 || target.Merged[0] != b.ID || source.MergedInto != a.ID || source.IsModifiable {
		t.Errorf("target %+v, source %+v", target, source)
	}
	_, err = tr.Merge(ctx, system, c.ID, b.ID, "once more")
	want(t, err, fault.Conflict, "merged-already")
	undone := must[transfer.Merged](t)(tr.Unmerge(ctx, system, a.ID, b.ID))
	if source := must[cdr.EHR](t)(h.EHR(ctx, clinician, b.ID)); source.MergedInto != "" || !source.IsModifiable || source.Status.VersionUID != undone.Status {
		t.Errorf("the source is %+v", source)
	}
	_, err = tr.Unmerge(ctx, system, a.ID, b.ID)
	want(t, err, fault.NotFound, "merge-unknown")
	h.create(t, b.ID, "vital_signs_minimal", cdr.CommitInfo{})
	h.sound(t)
}

func TestMisfiledEntryMovesAndComesBack(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	tr := h.transfers()
	wrong, right := h.ehr(t), h.ehr(t)
	v := h.create(t, wrong.ID, "vital_signs_minimal", cdr.CommitInfo{})
	_, err := tr.Move(ctx, clinician, wrong.ID, v.ObjectID, right.ID, "the wrong person")
	want(t, err, fault.Forbidden, "")
	// The fake auditor keeps no row.
	must[any](t)(nil, h.read(t, wrong.ID, v.VersionUID))
	moved := must[transfer.Moved](t)(tr.Move(ctx, system, wrong.ID, v.ObjectID, right.ID, "the wrong person"))
	if len(moved.Readers) != 1 || moved.Readers[0].Principal != "user:peeking" {
		t.Errorf("readers %+v", moved.Readers)
	}
	got := must[cdr.Document](t)(h.Composition(ctx, clinician, right.ID, cdr.VersionRef{VersionUID: moved.VersionUID}))
	if got.Template != vitalSigns || got.Deleted {
		t.Errorf("there it is %+v", got)
	}
	for _, ref := range []cdr.VersionRef{{Object: v.ObjectID}, {VersionUID: v.VersionUID}, {VersionUID: moved.Deletion}} {
		_, err := h.Composition(ctx, clinician, wrong.ID, ref)
		want(t, err, fault.NotFound, "")
		must[cdr.Document](t)(h.Composition(ctx, system, wrong.ID, ref))
	}
	h.sound(t)
	_, err = tr.Move(ctx, system, wrong.ID, v.ObjectID, right.ID, "once more")
	want(t, err, fault.Invalid, "already-deleted")
	if n := h.count(t, "select count(*) from audit_event where basis = 'move-to' and principal = 'system:quire' and ehr_id in ($1, $2)", wrong.ID, right.ID); n != 2 {
		t.Errorf("%d audit rows of the move", n)
	}
	back := must[transfer.Moved](t)(tr.Unmove(ctx, system, wrong.ID, v.ObjectID, "it was right"))
	here := must[cdr.Document](t)(h.Composition(ctx, clinician, wrong.ID, cdr.VersionRef{Object: v.ObjectID}))
	if here.VersionUID != back.VersionUID || !strings.HasSuffix(here.VersionUID, "::3") {
		t.Errorf("it came back as %s", here.VersionUID)
	}
	must[cdr.Document](t)(h.Composition(ctx, clinician, wrong.ID, cdr.VersionRef{VersionUID: v.VersionUID}))
	_, err = h.Composition(ctx, clinician, right.ID, cdr.VersionRef{VersionUID: moved.VersionUID})
	want(t, err, fault.NotFound, "")
	_, err = tr.Unmove(ctx, system, wrong.ID, v.ObjectID, "once more")
	want(t, err, fault.NotFound, "move-unknown")
	// What was changed there since is not taken back.
	again := must[transfer.Moved](t)(tr.Move(ctx, system, wrong.ID, v.ObjectID, right.ID, "the wrong person after all"))
	object, _, _ := strings.Cut(again.VersionUID, "::")
	must[cdr.Document](t)(h.UpdateComposition(ctx, clinician, right.ID, object, again.VersionUID, example(t, "vital_signs_minimal"), cdr.CommitInfo{}))
	_, err = tr.Unmove(ctx, system, wrong.ID, v.ObjectID, "too late")
	want(t, err, fault.Conflict, "changed-since")
	h.sound(t)
}

// A misfiled entry stays what it was judged by, though its template has a newer
// version by now.
func TestMisfiledEntryKeepsItsVersionOfTheTemplate(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	tr := h.transfers()
	wrong, right := h.ehr(t), h.ehr(t)
	v := h.create(t, wrong.ID, "vital_signs_full", cdr.CommitInfo{})
	was := must[cdr.Document](t)(h.Composition(ctx, clinician, wrong.ID, cdr.VersionRef{VersionUID: v.VersionUID}))
	must[*cdr.Template](t)(h.UploadTemplate(ctx, system, vitalSignsOPT(t, "<units>mm[Hg]</units>", "<units>Pa</units>"), cdr.TemplateUpload{Version: "9.0.0"}))
	moved := must[transfer.Moved](t)(tr.Move(ctx, system, wrong.ID, v.ObjectID, right.ID, "the wrong person"))
	there := must[cdr.Document](t)(h.Composition(ctx, clinician, right.ID, cdr.VersionRef{VersionUID: moved.VersionUID}))
	if was.TemplateRow == 0 || there.TemplateRow != was.TemplateRow {
		t.Errorf("moved as of template row %d, it was %d", there.TemplateRow, was.TemplateRow)
	}
	must[transfer.Moved](t)(tr.Unmove(ctx, system, wrong.ID, v.ObjectID, "it was right"))
	here := must[cdr.Document](t)(h.Composition(ctx, clinician, wrong.ID, cdr.VersionRef{Object: v.ObjectID}))
	if here.TemplateRow != was.TemplateRow {
		t.Errorf("brought back as of template row %d, it was %d", here.TemplateRow, was.TemplateRow)
	}
	h.sound(t)
}

// Where one side of a move cannot be done, the other is not done either.
func TestHalfAMoveIsNone(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	tr := h.transfers()
	wrong, right := h.ehr(t), h.ehr(t)
	v := h.create(t, wrong.ID, "vital_signs_minimal", cdr.CommitInfo{})
	closed := bytes.Replace(right.Status.JSON, []byte(`"is_modifiable":true`), []byte(`"is_modifiable":false`), 1)
	must[cdr.Document](t)(h.UpdateStatus(ctx, clinician, right.ID, right.Status.VersionUID, cdr.Content{JSON: closed}, cdr.CommitInfo{}))
	before := h.export(t, tr, wrong.ID)
	_, err := tr.Move(ctx, system, wrong.ID, v.ObjectID, right.ID, "the wrong person")
	want(t, err, fault.Conflict, "not-modifiable")
	_, err = tr.Move(ctx, system, wrong.ID, v.ObjectID, cdr.NewUID(), "nobody")
	want(t, err, fault.NotFound, "ehr-unknown")
	draft := must[cdr.Document](t)(h.UpdateComposition(ctx, clinician, wrong.ID, v.ObjectID, v.VersionUID, example(t, "vital_signs_minimal"), cdr.CommitInfo{Lifecycle: "553"}))
	_, err = tr.Move(ctx, system, wrong.ID, v.ObjectID, h.ehr(t).ID, "the wrong person")
	if f := want(t, err, fault.Conflict, "draft-open"); f.Current != draft.VersionUID {
		t.Errorf("the draft is %s", f.Current)
	}
	plan, other := h.create(t, wrong.ID, "emergency_care_plan_minimal", cdr.CommitInfo{}), h.ehr(t)
	h.create(t, other.ID, "emergency_care_plan_minimal", cdr.CommitInfo{})
	_, err = tr.Move(ctx, system, wrong.ID, plan.ObjectID, other.ID, "the wrong person")
	want(t, err, fault.Conflict, "persistent-exists")
	if after := h.export(t, tr, wrong.ID); bytes.Count(after, []byte{'\n'}) != bytes.Count(before, []byte{'\n'})+5 || bytes.Contains(after, []byte("misfiled")) {
		t.Errorf("half a move is left: %s", after)
	}
	h.sound(t)
}

// A record that came in pieces comes in as one; they are gone afterwards.
func TestImportInPieces(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	tr := h.transfers()
	ehr, _ := h.lived(t)
	export := h.export(t, tr, ehr)
	if err := h.DeleteEHR(ctx, system, ehr); err != nil {
		t.Fatal(err)
	}
	upload := cdr.NewUID()
	for n := 0; n*7001 < len(export); n++ {
		piece := export[n*7001 : min(len(export), (n+1)*7001)]
		// Sent again, as after a lost answer.
		for range 2 {
			must[any](t)(nil, tr.PutPart(ctx, system, ehr, upload, n, piece))
		}
	}
	other := cdr.Caller{Subject: "user:other", All: true}
	open := must[func(context.Context) io.Reader](t)(tr.Uploaded(ctx, other, ehr, upload))
	_, err := tr.Import(ctx, other, transfer.Request{Mode: transfer.Restore, Open: open})
	want(t, err, fault.Invalid, "export-truncated")
	open = must[func(context.Context) io.Reader](t)(tr.Uploaded(ctx, system, ehr, upload))
	must[transfer.Report](t)(tr.Import(ctx, system, transfer.Request{Mode: transfer.Restore, Open: open}))
	must[any](t)(nil, tr.Forget(ctx, ehr, upload))
	if !bytes.Equal(export, h.export(t, tr, ehr)) || h.count(t, "select count(*) from import_part") != 0 {
		t.Error("the record or its pieces are not as they should be")
	}
}

// read writes the audit row of a reading.
func (h *house) read(t testing.TB, ehr, object string) error {
	t.Helper()
	return h.exec(t, `insert into audit_event (id, action, outcome, principal, role, ehr_id, object) values (gen_random_uuid(), 'R', 'success', 'user:peeking', 'clinician', $1, $2)`, ehr, object)
}
