package postgres

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// What is invisible is not there; what is visible and not writable is refused.
func TestAccess(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	e := h.ehr(t)
	v := h.create(t, e.ID, "vital_signs_minimal", cdr.CommitInfo{})
	plan := h.create(t, e.ID, "emergency_care_plan_minimal", cdr.CommitInfo{})
	sealed := h.createAs(t, system, e.ID, "vital_signs_full", cdr.CommitInfo{Labels: []string{"safeguarding"}})
	ref := func(d cdr.Document) cdr.VersionRef { return cdr.VersionRef{Object: d.ObjectID} }

	reads := []struct {
		name   string
		caller cdr.Caller
		doc    cdr.Document
		seen   bool
	}{
		{"own organisation", reader, v, true},
		{"another organisation", outsider, v, false},
		{"a person without a role", cdr.Caller{Subject: "user:nobody"}, v, false},
		{"another template", vitals, plan, false},
		{"own template", vitals, v, true},
		{"a label", reader, sealed, false},
		{"a label, everything allowed", system, sealed, true},
	}
	for _, r := range reads {
		_, err := h.Composition(ctx, r.caller, e.ID, ref(r.doc))
		if r.seen && err != nil || !r.seen && !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: %v, seen %t", r.name, err, r.seen)
		}
		history, err := h.VersionedComposition(ctx, r.caller, e.ID, r.doc.ObjectID)
		if r.seen && err != nil || !r.seen && !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: the history: %s, %v", r.name, history.JSON, err)
		}
	}
	denied := 0
	for _, event := range h.audit.events {
		if event.Outcome == "denied" {
			denied++
		}
	}
	if denied != 8 {
		t.Errorf("%d denials in the audit, want 8", denied)
	}

	body := example(t, "vital_signs_minimal")
	_, err := h.CreateComposition(ctx, outsider, e.ID, body, cdr.CommitInfo{})
	want(t, err, fault.NotFound, "ehr-unknown")
	_, err = h.CreateComposition(ctx, vitals, e.ID, example(t, "emergency_care_plan_minimal"), cdr.CommitInfo{})
	want(t, err, fault.Forbidden, "template-forbidden")
	_, err = h.CreateComposition(ctx, clinician, e.ID, body, cdr.CommitInfo{Labels: []string{"safeguarding"}})
	want(t, err, fault.Forbidden, "label-forbidden")
	_, err = h.UpdateComposition(ctx, outsider, e.ID, v.ObjectID, v.VersionUID, body, cdr.CommitInfo{})
	want(t, err, fault.NotFound, "")
	_, err = h.DeleteComposition(ctx, vitals, e.ID, plan.VersionUID, "", cdr.CommitInfo{})
	want(t, err, fault.NotFound, "")
	_, err = h.UpdateComposition(ctx, clinician, e.ID, sealed.ObjectID, sealed.VersionUID, body, cdr.CommitInfo{})
	want(t, err, fault.NotFound, "")

	// A reader who may also see but not write.
	h.people[reader.Subject].WriteTemplates = h.people[reader.Subject].Templates
	_, err = h.CreateComposition(ctx, reader, e.ID, body, cdr.CommitInfo{})
	want(t, err, fault.Forbidden, "forbidden")

	// Labels stay when a version follows.
	next, err := h.UpdateComposition(ctx, system, e.ID, sealed.ObjectID, sealed.VersionUID, body, cdr.CommitInfo{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.Composition(ctx, reader, e.ID, cdr.VersionRef{VersionUID: next.VersionUID})
	want(t, err, fault.NotFound, "")
	if n := h.count(t, "select count(*) from node where vo_id = $1 and sens = 0", sealed.ObjectID); n != 0 {
		t.Errorf("%d rows lost their label", n)
	}
	contribution, err := h.Contribution(ctx, reader, e.ID, next.Contribution, false)
	if err != nil || len(contribution.Versions) != 0 {
		t.Errorf("a contribution names what is sealed: %v, %v", contribution.Versions, err)
	}

	// What expires is judged by the clock of the statement.
	h.superuser(t, "update ehr_organisation set valid_to = clock_timestamp() where ehr_id = $1", e.ID)
	_, err = h.Composition(ctx, reader, e.ID, ref(v))
	want(t, err, fault.NotFound, "")
	h.superuser(t, "insert into break_glass (ehr_id, id, principal, org, reason_code, reason, expires_at) values ($1, gen_random_uuid(), $2, 'north', 'x', 'x', clock_timestamp() + interval '1 hour')", e.ID, reader.Subject)
	if _, err := h.Composition(ctx, reader, e.ID, ref(v)); err != nil {
		t.Error("break-glass does not open:", err)
	}
	h.superuser(t, "insert into ehr_restriction (ehr_id, id, applies_to, reason) values ($1, gen_random_uuid(), $2, 'x')", e.ID, []string{reader.Subject})
	_, err = h.Composition(ctx, reader, e.ID, ref(v))
	want(t, err, fault.NotFound, "")
}

func (h *house) createAs(t testing.TB, caller cdr.Caller, ehr, name string, info cdr.CommitInfo) cdr.Document {
	t.Helper()
	d, err := h.CreateComposition(context.Background(), caller, ehr, example(t, name), info)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// The second barrier holds whatever the statement says.
func TestRowLevelSecurity(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	e, other := h.ehr(t), h.ehr(t)
	h.create(t, e.ID, "vital_signs_minimal", cdr.CommitInfo{})
	h.create(t, other.ID, "vital_signs_minimal", cdr.CommitInfo{})
	h.create(t, e.ID, "emergency_care_plan_minimal", cdr.CommitInfo{})
	h.createAs(t, system, e.ID, "vital_signs_full", cdr.CommitInfo{Labels: []string{"safeguarding"}})
	conn, err := pgx.Connect(ctx, h.app)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	for _, table := range []string{"version", "node", "contribution", "ehr"} {
		var n int
		if err := conn.QueryRow(ctx, "select count(*) from "+table).Scan(&n); err == nil {
			t.Errorf("%s is readable without settings: %d rows", table, n)
		}
	}
	vitalsOnly := &access.Profile{Templates: []int32{h.families[vitalSigns]}}
	pinned := &access.Profile{Templates: []int32{h.families[vitalSigns]}, EHR: other.ID}
	labelled := &access.Profile{Templates: []int32{h.families[vitalSigns]}, Labels: 1 << 2}
	none := &access.Profile{}
	cases := []struct {
		name    string
		profile *access.Profile
		want    int
	}{{"one template", vitalsOnly, 2}, {"pinned", pinned, 1}, {"with the label", labelled, 3}, {"nothing", none, 0}, {"system", access.System(), 4}}
	for _, c := range cases {
		var n int
		err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, access.SettingsSQL, c.profile.Settings(access.Read)...); err != nil {
				return err
			}
			return tx.QueryRow(ctx, "select count(*) from version where kind = 1").Scan(&n)
		})
		if err != nil || n != c.want {
			t.Errorf("%s: %d versions, %v, want %d", c.name, n, err, c.want)
		}
	}
	// The settings ended with the transaction.
	if err := conn.QueryRow(ctx, "select count(*) from version").Scan(new(int)); err == nil {
		t.Error("the settings outlive their transaction")
	}
	for _, statement := range []string{
		"update audit_event set principal = 'x'", "delete from audit_event", "truncate audit_event",
		"alter table version disable row level security", "set role quire_owner", "create table x (id int)",
	} {
		if _, err := conn.Exec(ctx, statement); err == nil {
			t.Errorf("the application may %q", statement)
		}
	}
}

var (
	recordRead  = regexp.MustCompile(`(?i)(\b(from|join|using)|,)\s+(only\s+)?(public\.)?"?(ehr|ehr_subject|version|node|leaf|contribution|folder_item|item_tag)"?(\s|$|\))`)
	deleteFrom  = regexp.MustCompile(`(?i)\bdelete\s+$`)
	afterFrom   = regexp.MustCompile(`(?i)\bfrom\b`)
	firstOfList = regexp.MustCompile(`^,`)
)

// namesRecordTable finds a record table after FROM or JOIN, save as the target
// of a delete.
func namesRecordTable(text string) string {
	for _, at := range recordRead.FindAllStringIndex(text, -1) {
		word := text[at[0]:at[1]]
		if firstOfList.MatchString(word) && !afterFrom.MatchString(text[:at[0]]) {
			continue
		}
		if !deleteFrom.MatchString(text[:at[0]]) {
			return strings.TrimSpace(word)
		}
	}
	return ""
}

func TestNamesRecordTable(t *testing.T) {
	for text, found := range map[string]bool{
		"select 1 from ehr": true, "select 1 from ehr e": true, "select 1\nFROM\n  version v": true, "x join node n on": true,
		"select 1 from system s, version v": true, "(select 1 from leaf)": true, "delete from x using node n": true,
		`from "version" v`: true, "from only version": true, "from public.node": true,
		"delete from node where": false, "update version set": false, "insert into ehr (ehr_id)": false,
		"select 1 from ehr_organisation": false, "select v.ehr_id, ehr from x": false, "from versions v": false, "from %s where": false,
	} {
		if got := namesRecordTable(text) != ""; got != found {
			t.Errorf("%q: %t", text, got)
		}
	}
}

// No statement names a record table after FROM or JOIN: access.Scope.Scan does.
func TestOnlyScanNamesRecordTables(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				text, err := strconv.Unquote(lit.Value)
				if err != nil {
					t.Fatal(err)
				}
				seen++
				if word := namesRecordTable(text); word != "" {
					t.Errorf("%s: %q stands outside access.Scan", name, word)
				}
			}
			return true
		})
	}
	if seen < 100 {
		t.Fatalf("only %d texts were read", seen)
	}
}

// Outages are told apart from faults and never show the server's words.
func TestOutages(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	e := h.ehr(t)
	d := h.create(t, e.ID, "vital_signs_minimal", cdr.CommitInfo{})
	ref := cdr.VersionRef{Object: d.ObjectID}

	t.Run("refused", func(t *testing.T) {
		_, err := Open(ctx, Config{DSN: "postgres://quire_app@127.0.0.1:1/quire"})
		if f := want(t, err, fault.Unavailable, "database"); f.RetryAfter == 0 {
			t.Error("no Retry-After")
		}
	})
	t.Run("killed", func(t *testing.T) {
		h.superuser(t, "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'quire_app' and datname = current_database()")
		if _, err := h.Composition(ctx, reader, e.ID, ref); err != nil {
			want(t, err, fault.Unavailable, "")
		}
		if _, err := h.Composition(ctx, reader, e.ID, ref); err != nil && !fault.Is(err, fault.Unavailable) {
			t.Error(err)
		}
	})
	t.Run("busy", func(t *testing.T) {
		db, err := Open(ctx, Config{DSN: h.app, Record: 1, Wait: 50 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		held, err := db.record.Acquire(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer held.Release()
		_, err = h.service(db, false).Composition(ctx, reader, e.ID, ref)
		if f := want(t, err, fault.Unavailable, "database-busy"); f.RetryAfter == 0 {
			t.Error("no Retry-After")
		}
	})
	t.Run("deadline", func(t *testing.T) {
		short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		defer cancel()
		err := h.db.inTransaction(short, h.db.record, access.System(), access.Read, func(tx pgx.Tx) error {
			_, err := tx.Exec(short, "select pg_sleep(5)")
			return err
		})
		want(t, translate(short, err), fault.Timeout, "timeout")
	})
	t.Run("lost commit", func(t *testing.T) {
		c := cdr.Commit{EHR: e.ID, ID: d.Contribution}
		done, found := h.db.resolve(c)
		if !found || !done.Committed.Equal(d.Committed) {
			t.Errorf("a commit that happened is not found: %+v", done)
		}
		c.ID = e.ID
		if _, found := h.db.resolve(c); found {
			t.Error("a commit that did not happen is found")
		}
	})
	t.Run("a character no text may hold", func(t *testing.T) {
		err := h.db.with(ctx, h.db.record, time.Second, func(conn *pgx.Conn) error {
			return conn.QueryRow(ctx, "select $1::text", "a\x00b").Scan(new(string))
		})
		want(t, translate(ctx, err), fault.Invalid, "character")
	})
	t.Run("redacted", func(t *testing.T) {
		err := h.db.with(ctx, h.db.record, time.Second, func(conn *pgx.Conn) error {
			_, err := conn.Exec(ctx, "select 'secret-of-a-patient'::int")
			return err
		})
		f := fault.Of(translate(ctx, err))
		if strings.Contains(f.Error(), "secret-of-a-patient") || f.Kind != fault.Internal {
			t.Error(f)
		}
		if errors.Unwrap(f) == nil {
			t.Error("the log gets no cause")
		}
	})
}

func TestSchema(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	if err := CheckSchema(ctx, h.app); err != nil {
		t.Error(err)
	}
	h.superuser(t, "delete from goose_db_version where version_id = (select max(version_id) from goose_db_version)")
	want(t, CheckSchema(ctx, h.app), fault.Unavailable, "schema")
}
