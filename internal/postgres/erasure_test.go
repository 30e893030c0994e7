package postgres

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/transfer"
	"github.com/quire-cdr/quire/internal/fault"
)

func (h *house) connect(t testing.TB) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), h.super)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func (h *house) exec(t testing.TB, statement string, args ...any) error {
	t.Helper()
	_, err := h.connect(t).Exec(context.Background(), statement, args...)
	return err
}

func (h *house) text(t testing.TB, query string, args ...any) string {
	t.Helper()
	var s string
	if err := h.connect(t).QueryRow(context.Background(), query, args...).Scan(&s); err != nil {
		t.Fatal(err)
	}
	return s
}

// holding lists the tables and columns that hold a text, whatever their type.
func (h *house) holding(t testing.TB, word string) (places []string) {
	t.Helper()
	ctx, conn := context.Background(), h.connect(t)
	rows, err := conn.Query(ctx, `select c.table_name::text, c.column_name::text from information_schema.columns c
join information_schema.tables t using (table_schema, table_name) where c.table_schema = 'public' and t.table_type = 'BASE TABLE'`)
	if err != nil {
		t.Fatal(err)
	}
	columns, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct{ Table, Column string }])
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range columns {
		var n int
		// As text, as the bytes of bytea, and as JSON writes it.
		err := conn.QueryRow(ctx, fmt.Sprintf(`select count(*) from %[1]q x where x.%[2]q::text ilike $1 or x.%[2]q::text ilike $2`, c.Table, c.Column),
			"%"+word+"%", "%"+fmt.Sprintf("%x", word)+"%").Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			places = append(places, c.Table+"."+c.Column)
		}
	}
	return places
}

// After an erasure no byte of the record is left anywhere, and what is kept of it
// is the audit and a certificate.
func TestErasureLeavesNothing(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	tr := h.transfers()
	ehr, _ := h.lived(t)
	other := h.ehr(t)
	v := h.create(t, ehr, "vital_signs_minimal", cdr.CommitInfo{})
	must[transfer.Moved](t)(tr.Move(ctx, system, ehr, v.ObjectID, other.ID, "moved "+marker[:4]))
	must[any](t)(nil, tr.PutPart(ctx, system, ehr, cdr.NewUID(), 0, []byte(marker)))
	must[cdr.Hold](t)(h.PutHold(ctx, system, cdr.Hold{EHR: ehr, Reason: "inquest"}))
	must[any](t)(nil, h.exec(t, `insert into break_glass (ehr_id, id, principal, org, reason_code, reason, expires_at) values ($1, gen_random_uuid(), 'user:x', 'north', 'x', $2, now())`, ehr, marker))
	must[any](t)(nil, h.exec(t, `insert into webhook_waiting (ehr_id, webhook, xact, place) values ($1, gen_random_uuid(), pg_current_xact_id(), 1)`, ehr))
	must[any](t)(nil, h.exec(t, `insert into leaf (ehr_id, vo_id, ver, path, ord, num, tmpl, sens, class, s) values ($1, $2, 1, 1, 1, 1, 1, 0, 1, $3)`, ehr, v.ObjectID, marker))
	must[any](t)(nil, h.exec(t, `insert into exit_message (ehr_id, id, destination, xact, place, version_uid, lifecycle) values ($1, gen_random_uuid(), 'x', pg_current_xact_id(), 1, 'x::s::1', 532)`, ehr))
	must[any](t)(nil, h.exec(t, `insert into exit_received (sender, control_id, digest, ehr_id, version_uid) values ('x', '1', 'x', $1, 'x::s::1')`, ehr))
	must[any](t)(nil, h.exec(t, `insert into exit_dead (id, sender, control_id, digest, message, kind, ehr_id, reason, field, detail) values (gen_random_uuid(), 'x', '1', 'x', 'x', 'x', $1, 'x', 'x', 'x')`, ehr))
	must[any](t)(nil, h.exec(t, `insert into exit_person (ehr_id) values ($1)`, ehr))
	must[any](t)(nil, h.exec(t, `insert into exit_result (sender, filler, ehr_id, object) values ('x', '1', $1, gen_random_uuid())`, ehr))
	must[any](t)(nil, h.exec(t, `insert into destruction_request (ehr_id, object, reason, requested_by) values ($1, 'x', 'test-only', 'user:x')`, ehr))
	must[any](t)(nil, h.exec(t, `insert into ehr_link (ehr_id, id, other, kind, reason, linked_by) values ($1, gen_random_uuid(), $2, 'merged', $3, 'user:x'), ($2, gen_random_uuid(), $1, 'merged-into', $3, 'user:x')`, ehr, other.ID, marker))
	want(t, h.DeleteEHR(ctx, system, ehr), fault.Conflict, "legal-hold")
	want(t, h.PurgeComposition(ctx, system, ehr, v.ObjectID, ""), fault.Conflict, "legal-hold")
	want(t, h.PurgeContribution(ctx, system, ehr, v.Contribution, ""), fault.Conflict, "legal-hold")
	want(t, h.LiftHold(ctx, clinician, ehr), fault.Forbidden, "")
	must[any](t)(nil, h.LiftHold(ctx, system, ehr))
	want(t, h.LiftHold(ctx, system, ehr), fault.NotFound, "hold-unknown")
	must[cdr.Hold](t)(h.PutHold(ctx, system, cdr.Hold{EHR: ehr, Reason: "retention", Until: time.Now().Add(time.Hour)}))
	want(t, h.DeleteEHR(ctx, system, ehr), fault.Conflict, "legal-hold")
	must[any](t)(nil, h.exec(t, "update ehr_hold set until = now() - interval '1 second' where lifted is null"))

	places := h.holding(t, marker)
	for _, place := range []string{"version.doc", "version.audit", "contribution.audit", "node.data", "item_tag.key", "item_tag.value", "ehr_subject.subject_id",
		"idempotency.key", "ehr_grant.grantee", "ehr_restriction.applies_to", "break_glass.reason", "import_part.data", "leaf.s", "ehr_link.reason"} {
		if !strings.Contains(strings.Join(places, " ")+" ", place+" ") {
			t.Errorf("the marker was never in %s, so that its absence shows nothing", place)
		}
	}
	tables := strings.Join(h.holding(t, ehr), " ") + " "
	for _, deletion := range deletions {
		table, _, _ := strings.Cut(strings.TrimPrefix(deletion, "delete from "), " ")
		if !strings.Contains(tables, table+".ehr_id ") {
			t.Errorf("the record never had a row in %s, so that its absence shows nothing", table)
		}
	}
	export := h.export(t, tr, ehr)
	if err := h.Service.DeleteEHR(ctx, system, ehr, "erasure-request"); err != nil {
		t.Fatal(err)
	}
	if places := h.holding(t, marker); len(places) > 0 {
		t.Errorf("the marker is left in %v", places)
	}
	// The id is left where it must be: in the audit, in the certificate, and in the
	// other record's own account of where an entry came from.
	for _, place := range h.holding(t, ehr) {
		switch table, column, _ := strings.Cut(place, "."); {
		case strings.HasPrefix(table, "audit_event"), place == "erasure_certificate.ehr_id", column == "audit":
		default:
			t.Errorf("the id of the record is left in %s", place)
		}
	}
	end := bytes.LastIndex(export, []byte(`"sha256":"`)) + len(`"sha256":"`)
	if n := h.count(t, `select count(*) from erasure_certificate where ehr_id = $1 and object = '' and reason = 'erasure-request' and requested_by = 'system:quire'
		and confirmed_by = 'system:quire' and encode(sha256, 'hex') = $2 and (counts->>'versions')::int > 10`, ehr, string(export[end:end+64])); n != 1 {
		t.Error("there is no certificate with the hash of the export")
	}
	if err := func() error {
		conn, err := pgx.Connect(ctx, h.app)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close(ctx) }()
		_, err = conn.Exec(ctx, "delete from erasure_certificate")
		return err
	}(); err == nil {
		t.Error("the server may delete certificates")
	}
}

// Whatever table comes to hold rows of an EHR is emptied with it.
func TestErasureKnowsEveryTable(t *testing.T) {
	h := newHouse(t)
	// promoted_path holds the EHR at which a build goes on, for as long as it runs.
	kept := map[string]bool{"audit_query_ehr": true, "erasure_certificate": true, "promoted_path": true}
	rows, err := h.connect(t).Query(context.Background(), `select table_name::text from information_schema.columns where table_schema = 'public' and column_name = 'ehr_id'`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(tables) < 20 {
		t.Fatal(tables, err)
	}
	for _, table := range tables {
		if !kept[table] && !strings.HasPrefix(table, "audit_event") && !strings.Contains(strings.Join(deletions, ";"), "delete from "+table+" ") {
			t.Errorf("rows of %s outlive their EHR", table)
		}
	}
}

// Where two persons are asked for, one alone destroys nothing.
func TestDestructionNeedsTwoPersons(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	s := cdr.New(cdr.Deps{Store: h.db, Authorizer: h.people, Auditor: h.audit, SystemID: "test.quire", Destruction: true, TwoPersons: true})
	one, two := system, cdr.Caller{Subject: "user:second", All: true}
	e := h.ehr(t)
	v := h.create(t, e.ID, "vital_signs_minimal", cdr.CommitInfo{})
	want(t, s.DeleteEHR(ctx, one, e.ID, ""), fault.Invalid, "reason")
	want(t, s.DeleteEHRs(ctx, one, nil), fault.Conflict, "two-persons")
	for range 2 {
		waits, ok := errors.AsType[*cdr.AwaitsSecond](s.DeleteEHR(ctx, one, e.ID, "court-order"))
		if !ok || waits.RequestedBy != "system:quire" || waits.Reason != "court-order" {
			t.Fatalf("%+v", waits)
		}
	}
	if _, ok := errors.AsType[*cdr.AwaitsSecond](s.PurgeComposition(ctx, two, e.ID, v.ObjectID, "wrong-person")); !ok {
		t.Error("the request for the record confirms that for an entry")
	}
	if n := h.count(t, "select count(*) from version where ehr_id = $1", e.ID); n != 2 {
		t.Fatalf("%d versions", n)
	}
	must[any](t)(nil, s.PurgeComposition(ctx, one, e.ID, v.ObjectID, "whatever-else"))
	must[any](t)(nil, s.DeleteEHR(ctx, two, e.ID, "any-reason"))
	if n := h.count(t, `select count(*) from erasure_certificate where ehr_id = $1 and requested_by <> confirmed_by
		and (object = '' and reason = 'court-order' or object = $2 and reason = 'wrong-person')`, e.ID, v.ObjectID); n != 2 {
		t.Errorf("%d certificates of two persons", n)
	}
}

func TestSubjectAccess(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	tr := h.transfers()
	ehr, kept := h.lived(t)
	misfiled := h.create(t, ehr, "emergency_care_plan_minimal", cdr.CommitInfo{})
	must[transfer.Moved](t)(tr.Move(ctx, system, ehr, misfiled.ObjectID, h.ehr(t).ID, "another person"))
	must[any](t)(nil, h.read(t, ehr, kept.VersionUID))
	_, err := tr.SubjectAccess(ctx, clinician, ehr)
	want(t, err, fault.Forbidden, "")
	var out bytes.Buffer
	must[any](t)(nil, must[func(context.Context, io.Writer) error](t)(tr.SubjectAccess(ctx, system, ehr))(ctx, &out))
	z := must[*zip.Reader](t)(zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len())))
	files := map[string]string{}
	for _, f := range z.File {
		r := must[io.ReadCloser](t)(f.Open())
		files[f.Name] = string(must[[]byte](t)(io.ReadAll(r)))
	}
	page := files["record.html"]
	for _, part := range []string{"Temperature: <span>36.8 Cel</span>", "urn:hospital", "is modifiable: <span>yes", "A. Clinician", marker, "user:peeking", "complete, version 2", "A deletion", "2 versions of entries that were filed here by mistake"} {
		if !strings.Contains(page, part) {
			t.Errorf("the page lacks %q", part)
		}
	}
	if text := files["json/"+kept.ObjectID+".v2.json"]; !strings.Contains(text, `"_type":"ORIGINAL_VERSION"`) || !strings.Contains(text, string(kept.JSON)) {
		t.Errorf("the JSON of the version is %.300s", text)
	}
	for name := range files {
		if strings.Contains(name, misfiled.ObjectID) {
			t.Error("what is about another person is in the bundle")
		}
	}
}
