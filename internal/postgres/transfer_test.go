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
func (h *house) lived(t testing.TB) (ehr string, kept cdr.Document) {
	t.Helper()
	ctx := context.Background()
	doc := must[cdr.Document](t)
	e := must[cdr.EHR](t)(h.CreateEHR(ctx, clinician, "", subjectStatus(uuid.Must(uuid.NewV4()).String()+marker, "urn:hospital"), cdr.CommitInfo{Description: marker}))
	tags := []cdr.Tag{{Key: marker, Value: ptr(marker), Path: "/content"}}
	kept = doc(h.CreateComposition(ctx, clinician, e.ID, example(t, "vital_signs_minimal", marked), cdr.CommitInfo{ObjectTags: &tags, VersionTags: &tags, IdempotencyKey: marker}))
	kept = doc(h.UpdateComposition(ctx, clinician, e.ID, kept.ObjectID, kept.VersionUID, example(t, "vital_signs_minimal", marked), cdr.CommitInfo{Labels: []string{"restricted"}[:0]}))
	draft := doc(h.UpdateComposition(ctx, clinician, e.ID, kept.ObjectID, kept.VersionUID, example(t, "vital_signs_minimal", marked), cdr.CommitInfo{Lifecycle: "553"}))
	gone := doc(h.CreateComposition(ctx, clinician, e.ID, example(t, "emergency_care_plan_minimal", marked), cdr.CommitInfo{}))
	doc(h.DeleteComposition(ctx, clinician, e.ID, gone.VersionUID, "", cdr.CommitInfo{Description: marker}))
	doc(h.CreateComposition(ctx, system, e.ID, example(t, "vital_signs_minimal", marked), cdr.CommitInfo{Labels: []string{"mental-health"}}))
	dir := doc(h.CreateDirectory(ctx, clinician, e.ID, folderContent(folderJSON(marker, []string{kept.ObjectID})), cdr.CommitInfo{}))
	doc(h.UpdateDirectory(ctx, clinician, e.ID, dir.VersionUID, folderContent(folderJSON(marker+"2", []string{kept.ObjectID}, folderJSON("inner", nil))), cdr.CommitInfo{}))
	status := must[cdr.Document](t)(h.Status(ctx, clinician, e.ID, cdr.VersionRef{}))
	doc(h.UpdateStatus(ctx, clinician, e.ID, status.VersionUID, cdr.Content{JSON: bytes.Replace(status.JSON, []byte(`"is_queryable":true`), []byte(`"is_queryable":false`), 1)}, cdr.CommitInfo{}))
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
	_ = draft
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
