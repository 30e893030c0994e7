package postgres

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/aql/eval"
	"github.com/quire-cdr/quire/internal/aql/plan"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// maxHistoryRows bounds what a query over documents may give: it runs in memory.
const maxHistoryRows = 100_000

// asksHistory says whether a query ranges over superseded versions, which have
// documents and no rows.
func asksHistory(q *aql.Query) bool {
	return slices.ContainsFunc(q.Classes(), (*aql.Class).EveryVersion)
}

// history runs a query on the evaluator, with the documents the profile may see:
// one over all versions, or one that may show what directories refer to. LIMIT of the request is taken from the evaluator's rows.
func (db *DB) history(ctx context.Context, q cdr.StoreQuery, rows cdr.QueryRows) error {
	ehr := plan.FixedEHR(q.Query, q.Options.Params, q.Options.EHR)
	if ehr == "" && !q.Profile.MayQueryPopulation() {
		return populationRefused()
	}
	source := &documents{db: db, profile: q.Profile, ehr: ehr, directories: onlyDirectories(q.Query)}
	options := eval.Options{Now: q.Options.Now, Zone: q.Options.Zone, ExactArchetypes: q.Options.Exact, MaxRows: maxHistoryRows, EHR: ehr}
	if ehr == access.Demographics {
		if several := beside(q.Query.From); several != nil {
			return aql.Unsupported(several, "AND between parties where it is answered from documents")
		}
		options.EHR = ""
	}
	result, err := eval.Run(ctx, q.Query, q.Options.Params, source, options)
	if err != nil {
		return err
	}
	if err := rows.Begin(); err != nil {
		return err
	}
	found := result.Rows[min(q.Options.Offset, int64(len(result.Rows))):]
	if f := q.Options.Fetch; f >= 0 && f < int64(len(found)) {
		found = found[:f]
	}
	cells := make([][]byte, len(result.Columns))
	// Which row shows whom is not kept: all whose documents were read are audited.
	rows.Shown(source.seen)
	for _, row := range found {
		for i, v := range row {
			cells[i] = v.AppendJSON(nil)
		}
		if err := rows.Row(cells, ""); err != nil {
			return err
		}
	}
	return nil
}

// beside finds what stands side by side at the top of FROM, nil where there is one
// class.
func beside(from aql.Containment) aql.Node {
	switch c := from.(type) {
	case *aql.ContainmentSet:
		return c
	case *aql.Class:
		if c.IsVersion() && c.Contains != nil {
			return beside(c.Contains)
		}
	}
	return nil
}

// documents is the source of the evaluator: one EHR, or one party, after the
// other with the versions the profile may see.
type documents struct {
	db      *DB
	profile *access.Profile
	ehr     string
	// directories leaves compositions out.
	directories bool
	seen        []string
}

// What a FOLDER names of its EHR and the profile does not see. %s is version.
const hiddenSQL = `, case when v.kind = 3 then (select array_agg(h.vo_id::text) from object_home h
    where h.ehr_id = v.ehr_id and h.vo_id in (select m[1]::uuid from regexp_matches(v.doc, '[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}', 'g') m)
    and not exists (select 1 from %s where w.ehr_id = h.ehr_id and w.vo_id = h.vo_id and (w.is_effective or w.is_latest))) end`

// Version and ehr follow.
const documentsSQL = `select e.ehr_id::text, y.system_id, e.created, v.vo_id::text || '::' || s.system_id || '::' || v.ver, v.kind,
       v.is_latest, v.is_effective, v.contribution_id::text, v.committed, coalesce(v.preceding, ''), v.lifecycle, v.audit, v.doc`

// Each party is a record of its own without an id: no query joins two of them here.
const partiesSQL = `select v.vo_id::text, s.system_id, v.committed, v.vo_id::text || '::' || s.system_id || '::' || v.ver, v.kind,
       v.is_latest, v.is_effective, v.contribution_id::text, v.committed, coalesce(v.preceding, ''), v.lifecycle, v.audit, v.doc, null::text[]
from `

// EHRs implements eval.Source.
func (d *documents) EHRs(ctx context.Context, need eval.Need) iter.Seq2[*eval.EHR, error] {
	return func(yield func(*eval.EHR, error) bool) {
		err := d.db.with(ctx, d.db.query, d.db.queryWait, func(conn *pgx.Conn) error { return d.read(ctx, conn, need, yield) })
		if err != nil {
			yield(nil, translate(ctx, err))
		}
	}
}

// statement reads the versions, those of one EHR or party together.
func (d *documents) statement(need eval.Need) (text string, action access.Action, values []any) {
	args := &access.Args{}
	action, fixed, where := access.Query, "", " where v.kind <= 3"
	switch {
	case d.ehr == access.Demographics:
		where = " where v.kind = 4"
	case d.directories:
		where = " where v.kind in (2, 3)"
	}
	if !need.AllVersions {
		where += " and (v.is_effective or v.is_latest)"
	}
	if d.ehr != "" {
		fixed = args.Add(d.ehr) + "::uuid"
		action, where = access.Read, where+" and v.ehr_id = "+fixed
	} else {
		where += " and e.is_queryable"
	}
	scope := access.NewScope(d.profile, action, args, fixed)
	if !d.profile.All {
		// A draft is for those who may write it (DESIGN 5a rule 1).
		where += " and (v.is_effective or v.lifecycle <> " + cdr.Incomplete + " or (v.tmpl = 0 or v.tmpl = any(" + args.Add(d.profile.WriteTemplates) + "::int[])) and " +
			access.NewScope(d.profile, access.Write, args, fixed).Allows("v.ehr_id") + ")"
	}
	if d.ehr == access.Demographics {
		return partiesSQL + scope.Scan(access.Version, "v") + " join system s on s.id = v.system" + where + " order by v.vo_id, v.ver", action, args.Values
	}
	hides := ", null::text[]"
	if !d.profile.All {
		hides = fmt.Sprintf(hiddenSQL, scope.Scan(access.Version, "w"))
	}
	return documentsSQL + hides + "\nfrom " + scope.Scan(access.Version, "v") + " join " + scope.Scan(access.EHR, "e") +
		" on e.ehr_id = v.ehr_id join system s on s.id = v.system join system y on y.id = e.system" + where + " order by v.ehr_id, v.vo_id, v.ver", action, args.Values
}

func (d *documents) read(ctx context.Context, conn *pgx.Conn, need eval.Need, yield func(*eval.EHR, error) bool) error {
	text, action, values := d.statement(need)
	b := &pgx.Batch{}
	b.Queue(beginSnapshotSQL)
	begin(ctx, b, d.profile, action)
	b.Queue(text, values...)
	results := conn.SendBatch(ctx, b)
	defer func() {
		_ = results.Close()
		// Nothing was written; a connection that cannot end its transaction is
		// closed by the pool.
		_, _ = conn.Exec(ctx, "rollback")
	}()
	for range 2 {
		if _, err := results.Exec(); err != nil {
			return err
		}
	}
	rows, err := results.Query()
	if err != nil {
		return err
	}
	defer rows.Close()
	var ehr *eval.EHR
	var last string
	for rows.Next() {
		var id, system, audit string
		var created, committed time.Time
		var kind, lifecycle int16
		var doc []byte
		var hidden []string
		var v eval.Document
		if err := rows.Scan(&id, &system, &created, &v.VersionUID, &kind, &v.Latest, &v.Effective, &v.Contribution,
			&committed, &v.Preceding, &lifecycle, &audit, &doc, &hidden); err != nil {
			return err
		}
		if ehr == nil || last != id {
			if ehr != nil && !yield(ehr, nil) {
				return nil
			}
			last, ehr = id, &eval.EHR{}
			if d.ehr != access.Demographics {
				ehr.ID, ehr.SystemID, ehr.TimeCreated = id, system, millis(created)
				d.seen = append(d.seen, id)
			} else if d.seen == nil {
				d.seen = []string{access.Demographics}
			}
		}
		v.Kind = eval.DocumentKind(kind)
		code := strconv.Itoa(int(lifecycle))
		// LATEST_VERSION is what is effective to who has limits, as in SQL, and a
		// draft, which comes to those alone who may write it.
		v.Latest = v.Latest && (v.Effective || d.profile.All || code == cdr.Incomplete)
		v.Lifecycle = eval.Coded{Code: code, Text: cdr.LifecycleRubric(code)}
		if err := readAudit(&v, audit, committed); err != nil {
			return err
		}
		if doc != nil {
			if v.Tree, err = canon.ReadStored(doc); err != nil {
				return err
			}
			if v.Tree, err = cdr.NarrowedFolder(v.Tree, hidden); err != nil {
				return err
			}
		}
		ehr.Documents = append(ehr.Documents, v)
	}
	if rows.Err() == nil && ehr != nil {
		yield(ehr, nil)
	}
	return rows.Err()
}

// readAudit fills the commit audit from its canonical JSON.
func readAudit(v *eval.Document, audit string, committed time.Time) error {
	t, err := canon.ReadJSON([]byte(audit), rminfo.AUDIT_DETAILS, canon.ReadOptions{Lenient: true})
	if err != nil {
		return fault.New(fault.Internal, "stored-audit", "a stored audit cannot be read").Because(err)
	}
	root := t.Root()
	v.Audit = eval.Audit{
		SystemID: t.TextAt(root, rminfo.A_system_id), TimeCommitted: millis(committed),
		ChangeType: eval.Coded{
			Code: t.TextAt(root, rminfo.A_change_type, rminfo.A_defining_code, rminfo.A_code_string),
			Text: t.TextAt(root, rminfo.A_change_type, rminfo.A_value),
		},
		Description: t.TextAt(root, rminfo.A_description, rminfo.A_value),
	}
	return nil
}

func millis(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }
