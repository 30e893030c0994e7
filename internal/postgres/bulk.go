package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/aql/row"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/bulk"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/postgres/dictionary"
)

// load is a bulk.Session. COPY does not go into tables with row-level security, so
// that it fills tables of the session, from which one statement a table inserts.
type load struct {
	db          *DB
	conn        *pgxpool.Conn
	fingerprint string
	opening     string
	state       bulk.State
}

const (
	loadLockSQL = `select pg_try_advisory_lock(hashtextextended('quire bulk load ' || $1, 0))`

	loadStagesSQL = `
create temp table if not exists bulk_ehr (ehr_id uuid, system int, status_id uuid, is_queryable boolean, is_modifiable boolean, org text,
    namespace text, subject text) on commit delete rows;
create temp table if not exists bulk_version (ord int, ehr_id uuid, vo_id uuid, kind smallint, system int, is_effective boolean, lifecycle smallint,
    change_type smallint, contribution_id uuid, contributed smallint, contribution_audit text, template int, tmpl int, sens bigint, arch int,
    start_key numeric, org text, labels text[], audit text, doc text) on commit delete rows;
create temp table if not exists bulk_node (ehr_id uuid, vo_id uuid, num int, num_cap int, parent int, kind smallint, class smallint, arch int,
    shape int, tmpl int, sens bigint, draft boolean, data jsonb) on commit delete rows`

	openLoadSQL = `insert into bulk_load (fingerprint, opening) values ($1, $2) on conflict (fingerprint) do nothing`
	readLoadSQL = `select opening, position, loaded, refused, bytes, finished from bulk_load where fingerprint = $1`
	moveLoadSQL = `update bulk_load set position = position + $3, loaded = loaded + $4, refused = refused + $5, bytes = bytes + $6
where fingerprint = $1 and position = $2 and finished is null`
	endLoadSQL = `update bulk_load set finished = now() where fingerprint = $1 returning finished`
)

// OpenLoad begins a load, or takes up one that was interrupted.
func (db *DB) OpenLoad(ctx context.Context, fingerprint string, event cdr.Event) (bulk.Session, error) {
	l := &load{db: db, fingerprint: fingerprint}
	var err error
	if l.conn, err = db.work.Acquire(ctx); err != nil {
		return nil, translate(ctx, err)
	}
	if event.ID == "" {
		event.ID = cdr.NewUID()
	}
	if err = l.open(ctx, event); err != nil {
		l.Close()
		return nil, translate(ctx, err)
	}
	return l, nil
}

func (l *load) open(ctx context.Context, event cdr.Event) error {
	var alone bool
	if err := l.conn.QueryRow(ctx, loadLockSQL, l.fingerprint).Scan(&alone); err != nil {
		return err
	}
	if !alone {
		return fault.New(fault.Conflict, "load-running", "another process is at this load")
	}
	if _, err := l.conn.Exec(ctx, loadStagesSQL); err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, l.conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, openLoadSQL, l.fingerprint, event.ID); err != nil {
			return err
		}
		s := &l.state
		if err := tx.QueryRow(ctx, readLoadSQL, l.fingerprint).Scan(&l.opening, &s.Position, &s.Loaded, &s.Refused, &s.Bytes, &s.Finished); err != nil || s.Finished != nil {
			return err
		}
		_, err := tx.Exec(ctx, auditInsertSQL, auditRow(event)...)
		return err
	})
}

// Close gives the connection up, with its lock and its tables.
func (l *load) Close() {
	if l.conn == nil {
		return
	}
	conn := l.conn.Hijack()
	l.conn = nil
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	// The server notices a closed connection only later; who loads again is not kept waiting for that.
	_, _ = conn.Exec(ctx, "select pg_advisory_unlock_all()")
	_ = conn.Close(ctx)
}

// State is what is committed.
func (l *load) State() bulk.State { return l.state }

// Finish marks the end.
func (l *load) Finish(ctx context.Context, event cdr.Event) error {
	event.Opening = l.opening
	err := pgx.BeginFunc(ctx, l.conn, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, endLoadSQL, l.fingerprint).Scan(&l.state.Finished); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, auditInsertSQL, auditRow(event)...)
		return err
	})
	return translate(ctx, err)
}

// Prepare cuts the rows.
func (l *load) Prepare(c cdr.Commit) bulk.Prepared {
	v := c.Versions[0]
	return bulk.Prepared{Commit: c, Rows: l.db.cut(v.Tree, v.Template)}
}

// Commit stores a batch in one transaction.
func (l *load) Commit(ctx context.Context, batch []bulk.Prepared, items, refused int64, tell func(map[int]error)) error {
	want := dictionary.NewWanted()
	for _, p := range batch {
		want.System(p.Commit.SystemID)
		want.Rows(p.Rows.([]row.Row))
	}
	for attempt := 1; ; attempt++ {
		ids, err := l.db.intern(ctx, want)
		if err != nil {
			return err
		}
		next := l.state
		err = pgx.BeginTxFunc(ctx, l.conn, pgx.TxOptions{IsoLevel: pgx.ReadCommitted}, func(tx pgx.Tx) error {
			b := &loading{ctx: ctx, tx: tx, db: l.db, batch: batch, ids: ids, refused: map[int]error{}, there: map[int]bool{}}
			if err := b.run(); err != nil {
				return err
			}
			loaded := int64(len(batch) - len(b.refused) - len(b.there))
			refused := refused + int64(len(b.refused))
			moved, err := tx.Exec(ctx, moveLoadSQL, l.fingerprint, next.Position, items, loaded, refused, b.bytes)
			if err != nil {
				return err
			}
			if moved.RowsAffected() != 1 {
				return fault.New(fault.Conflict, "load-moved", "the load has been moved by another process")
			}
			next.Position, next.Loaded, next.Refused, next.Bytes = next.Position+items, next.Loaded+loaded, next.Refused+refused, next.Bytes+b.bytes
			tell(b.refused)
			return nil
		})
		if err == nil {
			l.state = next
			return nil
		}
		switch {
		case refusal(err) == "epoch":
			if err := l.db.reloadEpoch(ctx); err != nil {
				return err
			}
		case !transient(err) && violated(err) == "":
			return translate(ctx, err)
		}
		if attempt == maxAttempts {
			return translate(ctx, err)
		}
		if err := pause(ctx, attempt); err != nil {
			return err
		}
	}
}

// loading is one transaction.
type loading struct {
	ctx   context.Context
	tx    pgx.Tx
	db    *DB
	batch []bulk.Prepared
	ids   dictionary.IDs
	at    time.Time
	bytes int64
	// refused documents and records that are there already take no part.
	refused map[int]error
	there   map[int]bool
}

func (b *loading) run() error {
	if _, err := b.tx.Exec(b.ctx, settingsSQL, append(access.System().Settings(access.Write), "0")...); err != nil {
		return err
	}
	if err := b.tx.QueryRow(b.ctx, `select date_trunc('milliseconds', clock_timestamp())`).Scan(&b.at); err != nil {
		return err
	}
	for _, step := range []func() error{b.fence, b.records, b.objects, b.living, b.stage, b.insert} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// each gives the documents that are still in.
func (b *loading) each(do func(i int, c *cdr.Commit, v *cdr.NewVersion)) {
	for i := range b.batch {
		if b.refused[i] == nil && !b.there[i] {
			do(i, &b.batch[i].Commit, &b.batch[i].Commit.Versions[0])
		}
	}
}

const inUseSQL = `select count(*) from template t where t.id = any($1::int[]) and t.retired is null`

// fence keeps the templates as they are until the transaction ends.
func (b *loading) fence() error {
	rows := []int32{}
	b.each(func(_ int, _ *cdr.Commit, v *cdr.NewVersion) {
		if v.Template != nil && !slices.Contains(rows, v.Template.Row) {
			rows = append(rows, v.Template.Row)
		}
	})
	// One order for all, as every lock that several are taken of.
	slices.Sort(rows)
	for _, id := range rows {
		if _, err := b.tx.Exec(b.ctx, fenceSQL, id); err != nil {
			return err
		}
	}
	var n int
	if err := b.tx.QueryRow(b.ctx, inUseSQL, rows).Scan(&n); err != nil {
		return err
	}
	if n != len(rows) {
		return fault.New(fault.Conflict, "template-gone", "a template was replaced meanwhile; start the load again, it goes on where it is")
	}
	return nil
}

// %s is ehr. Writers of EHR_STATUS wait.
const loadRecordsSQL = `select e.ehr_id, e.is_modifiable from %s where e.ehr_id = any($1::uuid[]) order by e.ehr_id for key share`

// %s is ehr_subject.
const loadSubjectsSQL = `select s.namespace, s.subject_id from %s
where (s.namespace, s.subject_id) in (select * from unnest($1::text[], $2::text[]))`

// records refuses new EHRs that are there, or whose person has one, and documents
// of EHRs that are not there or not modifiable.
func (b *loading) records() error {
	ehrs, namespaces, subjects := map[string]bool{}, []string{}, []string{}
	b.each(func(_ int, c *cdr.Commit, v *cdr.NewVersion) {
		ehrs[c.EHR] = true
		if v.Status != nil && v.Status.SubjectID != "" {
			namespaces, subjects = append(namespaces, v.Status.SubjectNamespace), append(subjects, v.Status.SubjectID)
		}
	})
	modifiable, taken := map[string]bool{}, map[[2]string]bool{}
	var id, namespace, subject string
	var may bool
	rows, err := b.tx.Query(b.ctx, fmt.Sprintf(loadRecordsSQL, everything(access.EHR, "e")), keys(ehrs))
	if err != nil {
		return err
	}
	if _, err := pgx.ForEachRow(rows, []any{&id, &may}, func() error { modifiable[id] = may; return nil }); err != nil {
		return err
	}
	rows, err = b.tx.Query(b.ctx, fmt.Sprintf(loadSubjectsSQL, everything(access.Subject, "s")), namespaces, subjects)
	if err != nil {
		return err
	}
	if _, err := pgx.ForEachRow(rows, []any{&namespace, &subject}, func() error { taken[[2]string{namespace, subject}] = true; return nil }); err != nil {
		return err
	}
	b.each(func(i int, c *cdr.Commit, v *cdr.NewVersion) {
		may, exists := modifiable[c.EHR]
		switch {
		case c.Create != nil && exists && b.batch[i].Absent:
			b.there[i] = true
		case c.Create != nil && exists:
			b.refused[i] = fault.New(fault.Conflict, "ehr-exists", "an EHR with this id exists already")
		case c.Create != nil && taken[[2]string{v.Status.SubjectNamespace, v.Status.SubjectID}]:
			b.refused[i] = fault.New(fault.Conflict, "ehr-subject-exists", "an EHR of this subject exists already")
		case c.Create != nil:
			modifiable[c.EHR] = v.Status.IsModifiable
			if v.Status.SubjectID != "" {
				taken[[2]string{v.Status.SubjectNamespace, v.Status.SubjectID}] = true
			}
		case !exists:
			b.refused[i] = fault.New(fault.NotFound, "ehr-unknown", "no such EHR")
		case !may:
			b.refused[i] = refused("not-modifiable")
		}
	})
	return nil
}

const loadHomesSQL = `select h.vo_id from object_home h where h.vo_id = any($1::uuid[])`

// objects refuses uids that are in use.
func (b *loading) objects() error {
	wanted := []string{}
	b.each(func(_ int, _ *cdr.Commit, v *cdr.NewVersion) { wanted = append(wanted, v.Object) })
	taken := map[string]bool{}
	var id string
	rows, err := b.tx.Query(b.ctx, loadHomesSQL, wanted)
	if err != nil {
		return err
	}
	if _, err := pgx.ForEachRow(rows, []any{&id}, func() error { taken[id] = true; return nil }); err != nil {
		return err
	}
	b.each(func(i int, _ *cdr.Commit, v *cdr.NewVersion) {
		if taken[v.Object] {
			b.refused[i] = fault.New(fault.Conflict, "object-home-exists", "%s", conflicts["object_home_pkey"].message)
		}
		taken[v.Object] = true
	})
	return nil
}

// Who writes a persistent composition locks the EHR for update, so that this sees
// them all. %[1]s is ehr, %[2]s version.
const (
	loadPersistentLockSQL = `select e.ehr_id from %s where e.ehr_id = any($1::uuid[]) order by e.ehr_id for update`
	loadPersistentSQL     = `select p.n, v.vo_id from unnest($1::uuid[], $2::int[]) with ordinality p (ehr_id, tmpl, n)
cross join lateral (select v.vo_id from %s where v.ehr_id = p.ehr_id and v.kind = 1 and v.is_latest and v.lifecycle <> 523 and v.tmpl = p.tmpl
    and v.doc::json #>> '{category,defining_code,code_string}' = '431' limit 1) v`
)

// living refuses a second persistent composition of a template in an EHR.
func (b *loading) living() error {
	type document struct {
		ehr    string
		family int32
	}
	var places []int
	ehrs, families := []string{}, []int32{}
	b.each(func(i int, c *cdr.Commit, v *cdr.NewVersion) {
		if v.Persistent {
			places, ehrs, families = append(places, i), append(ehrs, c.EHR), append(families, v.Template.Family)
		}
	})
	if len(places) == 0 {
		return nil
	}
	if _, err := b.tx.Exec(b.ctx, fmt.Sprintf(loadPersistentLockSQL, everything(access.EHR, "e")), ehrs); err != nil {
		return err
	}
	there := map[document]string{}
	var n int
	var object string
	rows, err := b.tx.Query(b.ctx, fmt.Sprintf(loadPersistentSQL, everything(access.Version, "v")), ehrs, families)
	if err != nil {
		return err
	}
	if _, err := pgx.ForEachRow(rows, []any{&n, &object}, func() error { there[document{ehrs[n-1], families[n-1]}] = object; return nil }); err != nil {
		return err
	}
	for n, i := range places {
		d := document{ehrs[n], families[n]}
		if object := there[d]; object != "" {
			b.refused[i] = refused("persistent:" + object)
			continue
		}
		there[d] = b.batch[i].Commit.Versions[0].Object
	}
	return nil
}

func keys(set map[string]bool) []string {
	list := make([]string, 0, len(set))
	for k := range set {
		list = append(list, k)
	}
	return list
}
