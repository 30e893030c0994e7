package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/aql/row"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/transfer"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/postgres/dictionary"
	"github.com/quire-cdr/quire/internal/rm/canon"
)

// importBatch is how many statements, and importBytes how much of documents,
// travel together.
const (
	importBatch = 200
	importBytes = 4 << 20
)

// importer is one import under way.
type importer struct {
	db  *DB
	ctx context.Context
	tx  pgx.Tx
	in  transfer.Incoming
	b   pgx.Batch
	// waiting is how much of documents is in the batch.
	waiting int
	// last is the contribution of the versions that follow, as exported, and came
	// the one of its coming here, for a copy.
	last   *transfer.Contribution
	came   string
	copied int
	status *cdr.StatusFacts
}

// Import stores a record in one transaction. What it cannot know before, that
// the ids are free, the keys of the tables say.
func (db *DB) Import(ctx context.Context, in transfer.Incoming) error {
	err := db.inTransaction(ctx, db.work, access.System(), access.Write, func(tx pgx.Tx) error {
		i := &importer{db: db, ctx: ctx, tx: tx, in: in}
		return i.run()
	})
	if key := violated(err); key != "" {
		return conflict(key, err)
	}
	return translate(ctx, err)
}

const (
	importEHRSQL = `insert into ehr (ehr_id, system, created, status_id, directory_id, is_queryable, is_modifiable)
values ($1, $2, $3, $4, $5::uuid, true, true)`

	importStatusSQL = `update ehr set is_queryable = $2, is_modifiable = $3 where ehr_id = $1`

	// Numbers without a gap, one latest and it the highest, at most one effective
	// and none of a deletion: what the marks of a whole history are. %s is version.
	importSoundSQL = `select count(*) from (select v.vo_id from %s where v.ehr_id = $1 group by v.vo_id
having count(*) filter (where v.is_latest) <> 1 or max(v.ver) filter (where v.is_latest) <> max(v.ver)
    or max(v.ver) <> count(*) + min(v.ver) - 1 or min(v.ver) <> 1 and bool_or(v.imported is null)
    or count(*) filter (where v.is_effective and (v.lifecycle <> 532 or v.doc is null)) > 0) broken`

	importHomesSQL = `insert into object_home (vo_id, ehr_id, kind)
select v.vo_id, v.ehr_id, v.kind from %s where v.ehr_id = $1 and v.is_latest`
)

func (i *importer) run() error {
	h, in := i.in.Header, i.in
	want := dictionary.NewWanted()
	want.System(h.EHRSystem)
	want.System(in.SystemID)
	ids, err := i.db.intern(i.ctx, want)
	if err != nil {
		return err
	}
	if _, err := i.tx.Exec(i.ctx, importEHRSQL, h.EHR, ids.System[h.EHRSystem], h.Created, h.StatusID, null(h.Directory)); err != nil {
		return err
	}
	if err := in.Lines(i.line); err != nil {
		return err
	}
	if in.Mode != transfer.Restore && in.Organisation != "" {
		i.b.Queue(insertOrganisationSQL, h.EHR, in.Organisation)
	}
	if i.status == nil {
		return fault.New(fault.Invalid, "export-status", "the export has no effective EHR_STATUS")
	}
	i.b.Queue(importStatusSQL, h.EHR, i.status.IsQueryable, i.status.IsModifiable)
	i.b.Queue(fmt.Sprintf(importHomesSQL, everything(access.Version, "v")), h.EHR)
	i.b.Queue(auditInsertSQL, auditRow(in.Event)...)
	if err := i.flush(); err != nil {
		return err
	}
	var broken int
	if err := i.tx.QueryRow(i.ctx, fmt.Sprintf(importSoundSQL, everything(access.Version, "v")), h.EHR).Scan(&broken); err != nil {
		return err
	}
	if broken > 0 {
		return fault.New(fault.Invalid, "export-history", "%d objects of the export have no whole history: numbers from 1 without a gap, the highest the latest", broken)
	}
	return nil
}

func (i *importer) line(l transfer.Line) error {
	switch {
	case l.Contribution != nil:
		return i.contribution(l.Contribution)
	case l.Version != nil:
		return i.version(l.Version)
	case l.Row != nil:
		return i.row(l.Row)
	}
	return nil
}

func (i *importer) queue(size int, statement string, args ...any) error {
	i.b.Queue(statement, args...)
	return i.queued(size)
}

// queued sends what waits where it has become much.
func (i *importer) queued(size int) error {
	if i.waiting += size; i.b.Len() >= importBatch || i.waiting >= importBytes {
		return i.flush()
	}
	return nil
}

func (i *importer) flush() error {
	if i.b.Len() == 0 {
		return nil
	}
	err := i.tx.SendBatch(i.ctx, &i.b).Close()
	i.b, i.waiting = pgx.Batch{}, 0
	return err
}

const (
	importContributionSQL = `insert into contribution (ehr_id, contribution_id, system, committed, change_type, audit, attested, attested_ver)
values ($1, $2, $3, $4, $5, $6, $7::uuid[], $8::int[])`

	// The copies of one record come one after the other, as their originals did.
	importCopySQL = `insert into contribution (ehr_id, contribution_id, system, committed, change_type, audit)
values ($1, $2, $3, date_trunc('milliseconds', now()) + make_interval(secs => $5::int / 1000.0), 249, $4)`
)

func (i *importer) contribution(c *transfer.Contribution) error {
	i.last, i.came = c, ""
	if i.in.Mode == transfer.Copy {
		return nil
	}
	ids, err := i.interned(func(w *dictionary.Wanted) { w.System(c.System) })
	if err != nil {
		return err
	}
	var attested []string
	var numbers []int32
	for _, a := range c.Attested {
		attested, numbers = append(attested, a.Object), append(numbers, a.Number)
	}
	return i.queue(len(c.Audit), importContributionSQL, i.in.Header.EHR, c.ID, ids.System[c.System], c.Committed, c.Change, string(c.Audit), attested, numbers)
}

// copy makes a version one that was imported: it keeps its uid and its content,
// its own contribution and audit are those of its coming here, and what it was
// stands in its item (RM Common, Copying).
func (i *importer) copy(v *transfer.Version, ids dictionary.IDs) error {
	v.Imported = i.in.Item(i.last, v)
	v.Audit, v.Attestations, v.Signature, v.Change = i.in.Audit, nil, "", number(cdr.Creation)
	if i.came != "" {
		v.Contribution = i.came
		return nil
	}
	i.came, i.copied = cdr.NewUID(), i.copied+1
	v.Contribution = i.came
	return i.queue(len(v.Audit), importCopySQL, i.in.Header.EHR, i.came, ids.System[i.in.SystemID], string(i.in.Audit), i.copied)
}

func (i *importer) interned(fill func(*dictionary.Wanted)) (dictionary.IDs, error) {
	want := dictionary.NewWanted()
	fill(want)
	return i.db.intern(i.ctx, want)
}

const importVersionSQL = `insert into version (ehr_id, vo_id, ver, kind, system, is_latest, is_effective, lifecycle,
    change_type, contribution_id, committed, template, tmpl, sens, arch, start_key, recording_org, labels, preceding,
    other_inputs, signature, audit, attestations, doc, imported)
select $1::uuid, $2::uuid, $3::int, $4::smallint, $5::int, $6::boolean, $7::boolean, $8::smallint, $9::smallint, $10::uuid, c.committed,
    $11::int, $12::int, $13::bigint, $14::int, $15::text::numeric, $16::text, $17::text[], $18::text, $19::text[], $20::text, $21::text, $22::text, $23::text, $25::text
from index_epoch e, %s where c.ehr_id = $1 and c.contribution_id = $10 and (e.promoted = $24::bigint or refuse('epoch'))`

func (i *importer) version(v *transfer.Version) error {
	if i.last == nil || i.last.ID != v.Contribution {
		return fault.New(fault.Invalid, "export-form", "a version stands elsewhere than behind its contribution")
	}
	n := cdr.NewVersion{Kind: cdr.Kind(v.Kind), Object: v.Object, Doc: v.Doc, Lifecycle: strconv.Itoa(int(v.Lifecycle))}
	if v.Number > 1 {
		// Numbers follow from what is followed.
		n.Preceding = cdr.VersionUID{Object: v.Object, System: v.System, Number: v.Number - 1}.String()
	}
	n.Template = i.in.Templates[v.Template]
	var cut []row.Row
	if len(v.Doc) > 0 {
		tree, err := canon.ReadStored(v.Doc)
		if err != nil {
			return err
		}
		n.Tree = tree
		if v.Latest || v.Effective {
			cut = i.db.cut(tree, n.Template)
		}
		v.Archetype = tree.ArchetypeNodeID(tree.Root())
	}
	if n.Kind == cdr.KindStatus && v.Effective {
		var err error
		if i.status, err = i.in.Status(v.Doc); err != nil {
			return err
		}
	}
	ids, err := i.interned(func(w *dictionary.Wanted) {
		w.System(v.System)
		w.System(i.in.SystemID)
		w.Rows(cut)
		if v.Archetype != "" {
			w.Archetype(v.Archetype)
		}
	})
	if err != nil {
		return err
	}
	if i.in.Mode == transfer.Copy {
		if err := i.copy(v, ids); err != nil {
			return err
		}
	}
	var template, family int32
	if n.Template != nil {
		template, family = n.Template.Row, n.Template.Family
	}
	var sens uint64
	for _, label := range v.Labels {
		sens |= i.in.Labels[label]
	}
	var doc *string
	if len(v.Doc) > 0 {
		text := string(v.Doc)
		doc = &text
	}
	labels := v.Labels
	if labels == nil {
		labels = []string{}
	}
	err = i.queue(len(v.Doc), fmt.Sprintf(importVersionSQL, everything(access.Contribution, "c")), i.in.Header.EHR, v.Object, v.Number, v.Kind,
		ids.System[v.System], v.Latest, v.Effective, v.Lifecycle, v.Change, v.Contribution, template, family, int64(sens), ids.Arch[v.Archetype],
		startKey(n.Tree, ids.Zone), null(v.Organisation), labels, null(v.Preceding), v.OtherInputs, null(v.Signature), string(v.Audit),
		null(string(v.Attestations)), doc, ids.Promoted, null(string(v.Imported)))
	if err != nil || len(cut) == 0 {
		return err
	}
	// The rows of what is current come from the cutter that commits use.
	p := &pipeline{commit: cdr.Commit{EHR: i.in.Header.EHR}, ids: ids}
	p.nodes(n, cut)
	p.folder(n)
	i.b.QueuedQueries = append(i.b.QueuedQueries, p.QueuedQueries...)
	return i.queued(len(v.Doc))
}

func (i *importer) row(r *transfer.Row) error {
	for _, t := range sideTables {
		if t.name != r.Table {
			continue
		}
		if i.in.Mode.StaysBehind(t.name) {
			return nil
		}
		data := "$2::json"
		if t.younger != "" {
			data = "('" + t.younger + "'::jsonb || $2::jsonb)::json"
		}
		return i.queue(len(r.Data), "insert into "+t.name+" select (json_populate_record(null::"+t.name+", "+data+")).* where ($2::json)->>'ehr_id' = $1", i.in.Header.EHR, string(r.Data))
	}
	return fault.New(fault.Invalid, "export-form", "the export has rows of a table %q that this version does not know", r.Table)
}

const (
	takenObjectsSQL  = `select vo_id::text from object_home where vo_id = any ($1::uuid[]) order by 1 limit 20`
	takenSubjectsSQL = `select s.namespace from %s, unnest($1::text[], $2::text[]) w (namespace, id) where s.namespace = w.namespace and s.subject_id = w.id`
	takenEHRSQL      = `select exists (select 1 from %s where e.ehr_id = $1)`
)

// Taken says what of an incoming record exists here already.
func (db *DB) Taken(ctx context.Context, h transfer.Header, objects []string, subjects [][2]string) ([]string, error) {
	var taken []string
	err := db.inTransaction(ctx, db.record, access.System(), access.Read, func(tx pgx.Tx) error {
		var there bool
		if err := tx.QueryRow(ctx, fmt.Sprintf(takenEHRSQL, everything(access.EHR, "e")), h.EHR).Scan(&there); err != nil {
			return err
		}
		if there {
			taken = append(taken, "the EHR "+h.EHR)
		}
		collect := func(word, statement string, args ...any) error {
			rows, err := tx.Query(ctx, statement, args...)
			if err != nil {
				return err
			}
			var text string
			_, err = pgx.ForEachRow(rows, []any{&text}, func() error {
				taken = append(taken, word+text)
				return nil
			})
			return err
		}
		if err := collect("the object ", takenObjectsSQL, objects); err != nil {
			return err
		}
		var namespaces, ids []string
		for _, s := range subjects {
			namespaces, ids = append(namespaces, s[0]), append(ids, s[1])
		}
		return collect("the subject, by its identifier in ", fmt.Sprintf(takenSubjectsSQL, everything(access.Subject, "s")), namespaces, ids)
	})
	return taken, translate(ctx, err)
}

const (
	putPartSQL = `insert into import_part (ehr_id, upload, n, sent_by, data) values ($1, $2, $3, $4, $5)
on conflict (ehr_id, upload, n) do update set data = excluded.data where import_part.sent_by = excluded.sent_by`

	dropPartsSQL = `delete from import_part where ehr_id = $1 and upload = $2`

	// Those nobody came back for.
	dropOldPartsSQL = `delete from import_part where created < clock_timestamp() - interval '1 day'`

	partSQL = `select data from import_part where ehr_id = $1 and upload = $2 and n = $3 and sent_by = $4`
)

// PutPart keeps one piece of an import for a day.
func (db *DB) PutPart(ctx context.Context, p transfer.Part) error {
	err := db.with(ctx, db.record, db.wait, func(conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, dropOldPartsSQL); err != nil {
			return err
		}
		_, err := conn.Exec(ctx, putPartSQL, p.EHR, p.Upload, p.N, p.Sender, p.Data)
		return err
	})
	return translate(ctx, err)
}

// DropParts forgets the pieces of an import.
func (db *DB) DropParts(ctx context.Context, ehr, upload string) error {
	err := db.with(ctx, db.record, db.wait, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, dropPartsSQL, ehr, upload)
		return err
	})
	return translate(ctx, err)
}

// Parts reads the pieces of an import in order, one at a time.
func (db *DB) Parts(ctx context.Context, ehr, upload, sender string) io.Reader {
	return &partReader{db: db, ctx: ctx, ehr: ehr, upload: upload, sender: sender}
}

type partReader struct {
	db                  *DB
	ctx                 context.Context
	ehr, upload, sender string
	n                   int
	rest                []byte
}

// Read gives what is left of the piece in hand.
func (r *partReader) Read(to []byte) (int, error) {
	for len(r.rest) == 0 {
		err := r.db.with(r.ctx, r.db.record, r.db.wait, func(conn *pgx.Conn) error {
			return conn.QueryRow(r.ctx, partSQL, r.ehr, r.upload, r.n, r.sender).Scan(&r.rest)
		})
		if errors.Is(err, pgx.ErrNoRows) {
			return 0, io.EOF
		}
		if err != nil {
			return 0, translate(r.ctx, err)
		}
		r.n++
	}
	n := copy(to, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}
