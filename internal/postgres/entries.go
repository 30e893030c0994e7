package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
)

// The effective compositions of one EHR that hold an entry of some archetypes: of
// each archetype the newest by their start, else by their commit, and as many
// again of those that are agreed lists. %[1]s is node, %[2]s and %[3]s version.
// The seconds added to a commit are those from year 1 to 1970. The limits and
// the offset keep every look-up one by its index, whatever the statistics say.
const entriesSQL = `with wanted as materialized (
  select a.id, w.wanted from unnest($2::text[], $3::text[]) w(wanted, specialised) join arch a
    on a.archetype_id = w.wanted or a.archetype_id like w.specialised),
lists as materialized (select a.id from arch a where a.archetype_id = any($4::text[])),
held as materialized (
  select distinct w.wanted, n.vo_id, n.ver from wanted w cross join lateral (
    select n.vo_id, n.ver from %[1]s where n.arch = w.id and n.ehr_id = $1 and not n.draft offset 0) n),
ranked as (
  select h.wanted, h.vo_id, h.ver, o.key,
         row_number() over (partition by h.wanted, o.list order by o.key desc, h.vo_id) as place
  from held h join lateral (
    select coalesce(v.start_key, extract(epoch from v.committed) + 62135596800) as key,
           v.arch in (select l.id from lists l) as list
    from %[2]s where v.ehr_id = $1 and v.vo_id = h.vo_id and v.ver = h.ver and v.is_effective and v.kind = 1
    limit 1) o on true),
chosen as (
  select vo_id, ver, max(key) as key, array_agg(wanted) as holds,
         array_agg(wanted) filter (where place = $5) as full
  from ranked where place <= $5 group by vo_id, ver)
select ` + versionColumns + `, v.doc, c.key - 62135596800, c.holds, coalesce(c.full, '{}')
from chosen c join lateral (select v.* from %[3]s where v.ehr_id = $1 and v.vo_id = c.vo_id and v.ver = c.ver limit 1) v on true ` + versionJoins + `
order by c.key desc, v.vo_id`

// Entries reads the newest effective compositions of one EHR that hold entries of
// some archetypes or of their specialisations, in one round trip: of each
// archetype so many, newest first.
func (db *DB) Entries(ctx context.Context, p *access.Profile, q cdr.EntryQuery) ([]cdr.Holding, error) {
	args := &access.Args{Values: []any{q.EHR, q.Archetypes, q.Specialised, q.Lists, q.Newest}}
	scope := access.NewScope(p, access.Read, args, "$1::uuid")
	text := fmt.Sprintf(entriesSQL, scope.Scan(access.Node, "n"), scope.Scan(access.Version, "v"), scope.Scan(access.Version, "v"))
	var list []cdr.Holding
	b := &pgx.Batch{}
	begin(ctx, b, p, access.Read)
	b.Queue(text, args.Values...).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			var h cdr.Holding
			var start float64
			if err := scanVersion(rows, &h.Version, &h.Doc, &start, &h.Holds, &h.Full); err != nil {
				return err
			}
			h.Start = int64(start)
			list = append(list, h)
		}
		return rows.Err()
	})
	err := db.with(ctx, db.record, db.wait, func(conn *pgx.Conn) error {
		return conn.SendBatch(ctx, b).Close()
	})
	return list, translate(ctx, err)
}
