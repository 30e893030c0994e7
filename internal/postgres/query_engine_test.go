package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/uuid/v5"
	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/aql/aqltest"
	"github.com/quire-cdr/quire/internal/aql/eval"
	"github.com/quire-cdr/quire/internal/aql/plan"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/testkit"
	"github.com/quire-cdr/quire/migrations"
)

// queryNow is the instant of all test queries.
var queryNow = time.Date(2024, 11, 22, 10, 30, 5, 250e6, time.UTC)

// engine is the database as an engine of aqltest. What it is given goes into the
// evaluator's memory too, so that both hold the same versions with the same uids.
type engine struct {
	t      *testing.T
	db     *DB
	super  *pgx.Conn
	memory aqltest.Memory
	made   map[string]bool
	owner  map[string]string
}

func newEngine(t *testing.T) *engine {
	t.Helper()
	ctx := context.Background()
	dsn := testkit.Database(t, migrations.FS, Prepare)
	db, err := Open(ctx, Config{DSN: testkit.Login(t, dsn, AppRole), Wait: time.Minute, QueryWait: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	super, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = super.Close(ctx) })
	return &engine{t: t, db: db, super: super, memory: aqltest.Memory{Options: eval.Options{Now: queryNow}}, made: map[string]bool{}, owner: map[string]string{}}
}

// reset deletes everything; what was learnt of archetypes and shapes stays.
func (e *engine) reset(ctx context.Context) error {
	for ehr := range e.made {
		if err := e.db.DeleteEHR(ctx, cdr.Erasure{EHR: ehr, Reason: "test", RequestedBy: "test", ConfirmedBy: "test"}, cdr.Event{Action: "D", Outcome: "success", Principal: "test", Role: "test", EHR: ehr}); err != nil {
			return err
		}
	}
	e.memory = aqltest.Memory{Options: e.memory.Options}
	e.made, e.owner = map[string]bool{}, map[string]string{}
	return nil
}

// Load commits a document as a complete version.
func (e *engine) Load(ctx context.Context, ehr string, doc []byte) error {
	_, err := e.commit(ctx, ehr, "", doc)
	return err
}

func (e *engine) commit(ctx context.Context, ehr, object string, doc []byte) (string, error) {
	return e.version(ctx, ehr, object, doc, true)
}

// version commits a version that is complete or a draft.
func (e *engine) version(ctx context.Context, ehr, object string, doc []byte, complete bool) (string, error) {
	if object == "" {
		object = e.object(ehr, doc)
	}
	uid, err := e.memory.Commit(ehr, object, doc, complete)
	if err != nil {
		return "", err
	}
	documents := e.memory.EHR(ehr).Documents
	return uid, e.store(ctx, ehr, &documents[len(documents)-1])
}

// object is the object id of a document, another one where a different EHR has it:
// the evaluator does not mind, the database does.
func (e *engine) object(ehr string, doc []byte) string {
	var head struct{ UID struct{ Value string } }
	if json.Unmarshal(doc, &head) != nil || head.UID.Value == "" {
		return ""
	}
	object, _, _ := strings.Cut(head.UID.Value, "::")
	if owner, ok := e.owner[object]; ok && owner != ehr {
		return aqltest.EHRID(ehr + object)
	}
	e.owner[object] = ehr
	return object
}

func (e *engine) remove(ctx context.Context, ehr, uid string) error {
	e.memory.Delete(ehr, uid)
	documents := e.memory.EHR(ehr).Documents
	return e.store(ctx, ehr, &documents[len(documents)-1])
}

var kindOf = map[eval.DocumentKind]cdr.Kind{eval.Composition: cdr.KindComposition, eval.EHRStatus: cdr.KindStatus, eval.Folder: cdr.KindFolder}

// store commits what the memory has made, with its times.
func (e *engine) store(ctx context.Context, ehr string, d *eval.Document) error {
	object, _, _ := strings.Cut(d.VersionUID, "::")
	audit := fmt.Sprintf(`{"_type":"AUDIT_DETAILS","system_id":%q,"change_type":{"_type":"DV_CODED_TEXT","value":%q,"defining_code":{"_type":"CODE_PHRASE","terminology_id":{"_type":"TERMINOLOGY_ID","value":"openehr"},"code_string":%q,"preferred_term":%q}}}`,
		aqltest.SystemID, d.Audit.ChangeType.Text, d.Audit.ChangeType.Code, d.Audit.ChangeType.Text)
	v := cdr.NewVersion{Kind: kindOf[d.Kind], Object: object, Preceding: d.Preceding, Lifecycle: d.Lifecycle.Code,
		ChangeType: d.Audit.ChangeType.Code, Tree: d.Tree, AuditDetails: []byte(audit)}
	if d.Tree != nil {
		v.Doc = canon.WriteJSON(nil, d.Tree, d.Tree.Root())
	}
	if v.Kind == cdr.KindStatus {
		root := d.Tree.Root()
		v.Status = &cdr.StatusFacts{IsQueryable: d.Tree.TextAt(root, rminfo.A_is_queryable) != "false", IsModifiable: true}
	}
	c := cdr.Commit{Profile: access.System(), EHR: ehr, ID: d.Contribution, SystemID: aqltest.SystemID, ChangeType: v.ChangeType,
		AuditDetails: v.AuditDetails, Versions: []cdr.NewVersion{v},
		Event: cdr.Event{Action: "C", Outcome: "success", Principal: "test", Role: "test"}}
	if !e.made[ehr] {
		e.made[ehr] = true
		c.Create = &cdr.NewEHR{StatusID: uuid.Must(uuid.NewV7()).String()}
	}
	if _, err := e.db.Commit(ctx, c); err != nil {
		return err
	}
	for _, fix := range []struct {
		sql  string
		args []any
	}{
		{"update ehr set created = '2024-01-01T00:00:00Z' where ehr_id = $1", []any{ehr}},
		{"update version set committed = $3 where ehr_id = $1 and contribution_id = $2", []any{ehr, d.Contribution, d.Audit.TimeCommitted}},
		{"update ehr e set status_id = $2 where ehr_id = $1 and $3", []any{ehr, object, v.Kind == cdr.KindStatus}},
		{"update ehr e set directory_id = $2 where ehr_id = $1 and $3", []any{ehr, object, v.Kind == cdr.KindFolder}},
	} {
		if _, err := e.super.Exec(ctx, fix.sql, fix.args...); err != nil {
			return err
		}
	}
	return nil
}

// Query runs a query on the database as the system.
func (e *engine) Query(ctx context.Context, text string, params map[string]any) ([]string, [][]any, error) {
	return e.ask(ctx, access.System(), text, params)
}

func (e *engine) ask(ctx context.Context, p *access.Profile, text string, params map[string]any) ([]string, [][]any, error) {
	q, err := aql.Parse(text)
	if err != nil {
		return nil, nil, err
	}
	if q, err = aql.Resolve(ctx, q, params, aqltest.Terms{}); err != nil {
		return nil, nil, err
	}
	rows := &testRows{rows: [][]any{}}
	err = e.db.Query(ctx, cdr.StoreQuery{Profile: p, Query: q, Options: plan.Options{Params: params, Fetch: -1, Now: queryNow}}, rows)
	if err != nil {
		return nil, nil, err
	}
	columns := make([]string, len(q.Select))
	for i, c := range q.Select {
		if columns[i] = c.Alias; c.Alias == "" {
			columns[i] = "#" + strconv.Itoa(i)
		}
	}
	return columns, rows.rows, nil
}

// testRows keeps rows as encoding/json reads them.
type testRows struct {
	rows  [][]any
	shown []string
	units []string
}

func (r *testRows) Begin() error                     { return nil }
func (r *testRows) Shown(ehrs []string)              { r.shown = append(r.shown, ehrs...) }
func (r *testRows) Units(column int, units []string) { r.units = append(r.units, units...) }

func (r *testRows) Row(cells [][]byte, ehr string) error {
	row := make([]any, len(cells))
	for i, c := range cells {
		d := json.NewDecoder(bytes.NewReader(c))
		d.UseNumber()
		if err := d.Decode(&row[i]); err != nil {
			return fmt.Errorf("cell %s: %w", c, err)
		}
	}
	r.rows = append(r.rows, row)
	r.shown = append(r.shown, ehr)
	return nil
}
