package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// Tags of a versioned object have target_ver 0, those of a version its number.
const (
	clearTagsSQL = `delete from item_tag where ehr_id = $1 and target_vo = $2 and target_ver = $3`

	insertTagsSQL = `insert into item_tag (ehr_id, target_vo, target_ver, key, target_path, value)
select $1::uuid, $2::uuid, $3::int, t.key, t.path, t.value from unnest($4::text[], $5::text[], $6::text[]) as t (key, path, value)`
)

// tags replaces the tags that a commit sets: those of the object, and those of
// the version it makes.
func (p *pipeline) tags(v cdr.NewVersion) {
	if v.ObjectTags != nil {
		queueTags(&p.Batch, p.commit.EHR, v.Object, 0, *v.ObjectTags)
	}
	if v.VersionTags != nil {
		queueTags(&p.Batch, p.commit.EHR, v.Object, following(v), *v.VersionTags)
	}
}

func queueTags(b *pgx.Batch, ehr, object string, number int32, tags []cdr.Tag) {
	b.Queue(clearTagsSQL, ehr, object, number)
	if len(tags) == 0 {
		return
	}
	var keys, paths []string
	var values []*string
	for _, t := range tags {
		keys, paths, values = append(keys, t.Key), append(paths, t.Path), append(values, t.Value)
	}
	b.Queue(insertTagsSQL, ehr, object, number, keys, paths, values)
}

// A tag is as visible as what it is on: %[1]s is item_tag, %[2]s version.
const tagsSQL = `select t.target_vo::text, t.target_ver, coalesce((select s.system_id from system s where s.id = v.system), ''), v.kind, t.key, t.target_path, t.value
from %[1]s join lateral (
    select v.system, v.kind from %[2]s where v.ehr_id = t.ehr_id and v.vo_id = t.target_vo
      and (v.ver = t.target_ver or t.target_ver = 0 and (v.is_effective or v.is_latest)) order by v.ver desc limit 1) v on true
where t.ehr_id = $1 and ($2::uuid is null or t.target_vo = $2 and t.target_ver = $3)
  and ($4::text is null or t.key = $4) and ($5::text is null or t.value = $5) and ($6::text is null or t.target_path = $6)
order by t.target_vo, t.target_ver, t.key collate "C", t.target_path collate "C"`

// Tags lists the tags the profile may see.
func (db *DB) Tags(ctx context.Context, p *access.Profile, q cdr.TagQuery) ([]cdr.Tag, error) {
	args := &access.Args{Values: []any{q.EHR, null(q.Target.Object), q.Target.Number, q.Key, q.Value, q.Path}}
	scope := access.NewScope(p, access.Read, args, "$1::uuid")
	text := fmt.Sprintf(tagsSQL, scope.Scan(access.ItemTag, "t"), scope.Scan(access.Version, "v"))
	var list []cdr.Tag
	b := &pgx.Batch{}
	begin(ctx, b, p, access.Read)
	b.Queue(text, args.Values...).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			var t cdr.Tag
			var kind int16
			if err := rows.Scan(&t.Target.Object, &t.Target.Number, &t.Target.System, &kind, &t.Key, &t.Path, &t.Value); err != nil {
				return err
			}
			t.Kind = cdr.Kind(kind)
			list = append(list, t)
		}
		return rows.Err()
	})
	err := db.with(ctx, db.record, db.wait, func(conn *pgx.Conn) error {
		return conn.SendBatch(ctx, b).Close()
	})
	return list, translate(ctx, err)
}

// mayTagSQL locks the EHR against its deletion and judges the writer: %[1]s is
// ehr, %[2]s the verdict about it, %[3]s the versions the writer may write. Who may
// only read what is tagged may not tag it.
const mayTagSQL = `select case when e.ehr_id is null or not %[2]s
    or not exists (select 1 from %[3]s where v.ehr_id = $1 and v.vo_id = $2 and (v.ver = $3 or $3 = 0 and v.is_latest)) then refuse('denied') when not e.is_modifiable then refuse('not-modifiable') end
from (select $1::uuid as id) i left join lateral (select * from %[1]s where e.ehr_id = i.id for key share) e on true`

// PutTags replaces the tags of one target. That it exists and is visible, the
// caller of the store has seen.
func (db *DB) PutTags(ctx context.Context, p *access.Profile, ehr string, target cdr.VersionUID, tags []cdr.Tag, audit cdr.Event) error {
	return db.changeTags(ctx, p, ehr, target, audit, func(b *pgx.Batch) {
		queueTags(b, ehr, target.Object, int32(target.Number), tags)
	})
}

const deleteTagsSQL = `with gone as (delete from item_tag where ehr_id = $1 and target_vo = $2 and target_ver = $3 and key = $4 returning 1)
select refuse('no-tag') where not exists (select 1 from gone)`

// DeleteTags removes the tags of one key from a target, whatever their paths;
// none is NotFound.
func (db *DB) DeleteTags(ctx context.Context, p *access.Profile, ehr string, target cdr.VersionUID, key string, audit cdr.Event) error {
	return db.changeTags(ctx, p, ehr, target, audit, func(b *pgx.Batch) {
		b.Queue(deleteTagsSQL, ehr, target.Object, target.Number, key)
	})
}

func (db *DB) changeTags(ctx context.Context, p *access.Profile, ehr string, target cdr.VersionUID, audit cdr.Event, change func(*pgx.Batch)) error {
	b := &pgx.Batch{}
	begin(ctx, b, p, access.Write)
	if ehr == access.Demographics {
		queuePartyGate(b, p)
	} else {
		args := &access.Args{Values: []any{ehr, target.Object, target.Number}}
		scope := access.NewScope(p, access.Write, args, "$1::uuid")
		b.Queue(fmt.Sprintf(mayTagSQL, everything(access.EHR, "e"), scope.Allows("$1::uuid"), scope.Scan(access.Version, "v")), args.Values...)
	}
	change(b)
	b.Queue(auditInsertSQL, auditRow(audit)...)
	err := db.with(ctx, db.record, db.wait, func(conn *pgx.Conn) error {
		return conn.SendBatch(ctx, b).Close()
	})
	switch reason := refusal(err); reason {
	case "":
		return translate(ctx, err)
	case "denied":
		return db.denied(ctx, cdr.Commit{Profile: p, EHR: ehr})
	case "no-tag":
		return fault.New(fault.NotFound, "tag-unknown", "there is no tag of this key")
	default:
		return refused(reason)
	}
}
