package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// versionColumns are read by scanVersion. v is a version, s its system, f its
// template family.
const versionColumns = `v.ehr_id, v.vo_id, v.ver, v.kind, s.system_id, v.lifecycle, v.change_type, v.contribution_id,
       v.committed, coalesce(v.preceding, ''), v.other_inputs, coalesce(v.signature, ''), v.audit, v.attestations, v.imported,
       coalesce(f.template_id, ''), v.tmpl, v.template, v.is_latest, v.is_effective`

const versionJoins = `join system s on s.id = v.system left join template_family f on f.id = v.tmpl`

// The reads of one version: by its uid, the one to show for an object, and the
// one extant at a time. %[1]s is version, %[2]s what picks the object.
const (
	versionByUIDSQL = `select ` + versionColumns + `, v.doc
from %[1]s ` + versionJoins + `
where v.ehr_id = $1 and v.vo_id = $2 and v.ver = $3 and lower(s.system_id) = lower($4) and v.kind = $5`

	versionNowSQL = `select ` + versionColumns + `, v.doc
from %[1]s ` + versionJoins + `
where v.ehr_id = $1 and %[2]s and (v.is_effective or v.is_latest) and v.kind = $3
order by v.is_effective desc limit 1`

	versionLatestSQL = `select ` + versionColumns + `, v.doc
from %[1]s ` + versionJoins + `
where v.ehr_id = $1 and %[2]s and v.is_latest and v.kind = $3`

	// Where nothing is effective and the latest is a draft: what was there before
	// it, if anything ever was.
	versionBeforeDraftSQL = `select ` + versionColumns + `, v.doc
from %[1]s ` + versionJoins + `
where v.ehr_id = $1 and %[2]s and v.kind = $3 and v.lifecycle <> 553
order by v.ver desc limit 1`

	// A version is extant from its own commit, inclusive, to the next one's. $5
	// lets drafts count.
	versionAtSQL = `select ` + versionColumns + `, v.doc
from %[1]s ` + versionJoins + `
where v.ehr_id = $1 and %[2]s and v.kind = $3 and v.committed <= $4 and ($5::boolean or v.lifecycle <> 553)
order by v.committed desc limit 1`
)

// The object of a reference is named, or is the only one of its kind.
const byObject = `v.vo_id = $2::uuid`

// Version reads one version in one round trip. A draft is shown by its uid or
// when it is asked for, and only to who may write (DESIGN 5a rule 1).
func (db *DB) Version(ctx context.Context, p *access.Profile, ehr string, kind cdr.Kind, ref cdr.VersionRef) (cdr.Version, error) {
	v, err := db.version(ctx, p, ehr, kind, ref)
	if err != nil || v.Lifecycle != cdr.Incomplete {
		return v, err
	}
	may, err := db.mayWrite(ctx, p, ehr, v.Family)
	if err == nil && !may {
		err = unknownVersion()
	}
	if err != nil {
		return cdr.Version{}, err
	}
	return v, nil
}

func (db *DB) version(ctx context.Context, p *access.Profile, ehr string, kind cdr.Kind, ref cdr.VersionRef) (cdr.Version, error) {
	drafts := ref.Lifecycle == "incomplete" || ref.Lifecycle == cdr.Incomplete
	switch {
	case ref.VersionUID != "":
		uid, ok := cdr.ParseVersionUID(ref.VersionUID)
		if !ok {
			return cdr.Version{}, unknownVersion()
		}
		return db.one(ctx, p, ehr, versionByUIDSQL, "", uid.Object, uid.Number, uid.System, int16(kind))
	case ref.At != nil:
		return db.one(ctx, p, ehr, versionAtSQL, ref.Object, int16(kind), *ref.At, drafts)
	case drafts:
		return db.one(ctx, p, ehr, versionLatestSQL, ref.Object, int16(kind))
	}
	v, err := db.one(ctx, p, ehr, versionNowSQL, ref.Object, int16(kind))
	if err == nil && v.Lifecycle == cdr.Incomplete {
		before, err := db.one(ctx, p, ehr, versionBeforeDraftSQL, ref.Object, int16(kind))
		if err == nil || !fault.Is(err, fault.NotFound) {
			return before, err
		}
	}
	return v, err
}

const mayWriteSQL = `select %s`

// mayWrite says whether the profile may write in the EHR and the template
// family; asked for drafts only, so that every other read is spared the gate.
func (db *DB) mayWrite(ctx context.Context, p *access.Profile, ehr string, family int32) (bool, error) {
	if p.All {
		return true, nil
	}
	if family != 0 && !slices.Contains(p.WriteTemplates, family) {
		return false, nil
	}
	args := &access.Args{Values: []any{ehr}}
	gate := access.NewScope(p, access.Write, args, "$1::uuid").Allows("$1::uuid")
	var may bool
	err := db.with(ctx, db.record, db.wait, func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, fmt.Sprintf(mayWriteSQL, gate), args.Values...).Scan(&may)
	})
	return may, translate(ctx, err)
}

func unknownVersion() error {
	return fault.New(fault.NotFound, "version-unknown", "no such version")
}

// onlyObject picks the object of which an EHR has one, its status or directory.
// An EHR whose directory was deleted may have got another, so that at a time in
// the past any of them is meant: no two were there at once.
func onlyObject(scope *access.Scope, statement string, kind any) string {
	column := "status_id"
	if kind == int16(cdr.KindFolder) {
		if column = "directory_id"; statement == versionAtSQL {
			return "$2::uuid is null"
		}
	}
	return "v.vo_id = (select e." + column + " from " + scope.Scan(access.EHR, "e") + " where e.ehr_id = $1 and $2::uuid is null)"
}

// one runs a point read. byUID statements have the object in rest; for all
// others object is the second argument, "" for the EHR_STATUS of the EHR.
func (db *DB) one(ctx context.Context, p *access.Profile, ehr, statement, object string, rest ...any) (cdr.Version, error) {
	args := &access.Args{Values: []any{ehr}}
	var by string
	if statement != versionByUIDSQL {
		args.Values = append(args.Values, null(object))
		by = byObject
	}
	args.Values = append(args.Values, rest...)
	scope := access.NewScope(p, access.Read, args, "$1::uuid")
	versions := scope.Scan(access.Version, "v")
	if by != "" && object == "" {
		by = onlyObject(scope, statement, rest[0])
	}
	text := fmt.Sprintf(statement, versions, by)

	var v cdr.Version
	b := &pgx.Batch{}
	begin(ctx, b, p, access.Read)
	b.Queue(text, args.Values...).QueryRow(func(row pgx.Row) error {
		return scanVersion(row, &v, &v.Doc)
	})
	err := db.with(ctx, db.record, db.wait, func(conn *pgx.Conn) error {
		return conn.SendBatch(ctx, b).Close()
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return v, unknownVersion()
	}
	return v, translate(ctx, err)
}

// scanVersion reads versionColumns and what follows them.
func scanVersion(row pgx.Row, v *cdr.Version, more ...any) error {
	var kind, lifecycle, change int16
	var system string
	to := append([]any{&v.EHR, &v.Object, &v.Number, &kind, &system, &lifecycle, &change, &v.Contribution,
		&v.Committed, &v.Preceding, &v.OtherInputs, &v.Signature, &v.AuditDetails, &v.Attestations, &v.Imported,
		&v.Template, &v.Family, &v.TemplateRow, &v.Latest, &v.Effective}, more...)
	if err := row.Scan(to...); err != nil {
		return err
	}
	v.Kind = cdr.Kind(kind)
	v.Lifecycle, v.ChangeType = strconv.Itoa(int(lifecycle)), strconv.Itoa(int(change))
	v.Committed = v.Committed.In(time.UTC)
	v.UID = cdr.VersionUID{Object: v.Object, System: system, Number: v.Number}.String()
	return nil
}

const historySQL = `select ` + versionColumns + `
from %s ` + versionJoins + `
where v.ehr_id = $1 and v.vo_id = $2 and v.kind = $3
order by v.ver`

// History reads the versions of an object without their content, oldest first.
// For EHR_STATUS the object may be "".
func (db *DB) History(ctx context.Context, p *access.Profile, ehr string, kind cdr.Kind, object string) ([]cdr.Version, error) {
	if object == "" {
		e, err := db.EHR(ctx, p, ehr)
		if err != nil {
			return nil, err
		}
		object = e.StatusID
	}
	args := &access.Args{Values: []any{ehr, object, int16(kind)}}
	text := fmt.Sprintf(historySQL, access.NewScope(p, access.Read, args, "$1::uuid").Scan(access.Version, "v"))
	list, err := db.list(ctx, p, text, args.Values)
	if err == nil && len(list) == 0 {
		return nil, fault.New(fault.NotFound, "object-unknown", "no such object")
	}
	return list, err
}

// list reads versions without content.
func (db *DB) list(ctx context.Context, p *access.Profile, text string, args []any) ([]cdr.Version, error) {
	var list []cdr.Version
	b := &pgx.Batch{}
	begin(ctx, b, p, access.Read)
	b.Queue(text, args...).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			var v cdr.Version
			if err := scanVersion(rows, &v); err != nil {
				return err
			}
			list = append(list, v)
		}
		return rows.Err()
	})
	err := db.with(ctx, db.record, db.wait, func(conn *pgx.Conn) error {
		return conn.SendBatch(ctx, b).Close()
	})
	return list, translate(ctx, err)
}

const (
	contributionSQL = `select c.contribution_id, c.committed, c.audit from %s where c.ehr_id = $1 and c.contribution_id = $2`

	// $3 says whether the documents are read too.
	contributionVersionsSQL = `select ` + versionColumns + `, case when $3::boolean then v.doc end
from %s ` + versionJoins + `
where v.ehr_id = $1 and v.contribution_id = $2
order by v.position`

	// Versions that the contribution attested and did not make.
	contributionAttestedSQL = `select ` + versionColumns + `, case when $3::boolean then v.doc end
from %s cross join lateral unnest(c.attested, c.attested_ver) with ordinality a (vo_id, ver, n)
join %s on v.ehr_id = c.ehr_id and v.vo_id = a.vo_id and v.ver = a.ver ` + versionJoins + `
where c.ehr_id = $1 and c.contribution_id = $2
order by a.n`
)

// Contribution reads a contribution and the versions of it the profile may see.
func (db *DB) Contribution(ctx context.Context, p *access.Profile, ehr, id string, content bool) (cdr.StoredContribution, error) {
	var c cdr.StoredContribution
	head := &access.Args{Values: []any{ehr, id}}
	headSQL := fmt.Sprintf(contributionSQL, access.NewScope(p, access.Read, head, "$1::uuid").Scan(access.Contribution, "c"))
	body := &access.Args{Values: []any{ehr, id, content}}
	bodySQL := fmt.Sprintf(contributionVersionsSQL, access.NewScope(p, access.Read, body, "$1::uuid").Scan(access.Version, "v"))
	attested := &access.Args{Values: []any{ehr, id, content}}
	attestedScope := access.NewScope(p, access.Read, attested, "$1::uuid")
	b := &pgx.Batch{}
	begin(ctx, b, p, access.Read)
	b.Queue(headSQL, head.Values...).QueryRow(func(row pgx.Row) error {
		return row.Scan(&c.ID, &c.Committed, &c.AuditDetails)
	})
	keep := func(rows pgx.Rows) error {
		for rows.Next() {
			var v cdr.Version
			if err := scanVersion(rows, &v, &v.Doc); err != nil {
				return err
			}
			c.Versions = append(c.Versions, v)
		}
		return rows.Err()
	}
	b.Queue(bodySQL, body.Values...).Query(keep)
	b.Queue(fmt.Sprintf(contributionAttestedSQL, attestedScope.Scan(access.Contribution, "c"), attestedScope.Scan(access.Version, "v")), attested.Values...).Query(keep)
	err := db.with(ctx, db.record, db.wait, func(conn *pgx.Conn) error {
		return conn.SendBatch(ctx, b).Close()
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return c, fault.New(fault.NotFound, "contribution-unknown", "no such contribution")
	}
	return c, translate(ctx, err)
}
