package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/aql/promote"
	"github.com/quire-cdr/quire/internal/aql/row"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/postgres/dictionary"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// Leaf rows are cut from node rows by one expression, so that a commit, a build
// behind it, a rebuild and the verifier cannot differ. $1 are the numbers of the
// paths, $2 the archetype of each, $3 to $5 what package promote says of them.
// %s is node with further conditions.
const leavesSQL = `select n.ehr_id, n.vo_id, n.ver, p.path, (h.x ->> '#')::int as ord, n.num, n.tmpl, n.sens, c.class, w.n, w.s, w.k, w.u
from %s join unnest($1::int[], $2::int[], $3::text[]::jsonpath[], $4::text[], $5::text[]) p (path, arch, holder, rest, declared) on p.arch = n.arch
cross join lateral jsonb_path_query(n.data, p.holder) h (x)
cross join lateral (select h.x #> string_to_array(p.rest, '/') as v) d
cross join lateral (select coalesce(d.v ->> '_type', p.declared) as name) t
cross join lateral (select case t.name ` + "{classes}" + ` else 0 end::smallint as class) c
cross join lateral (select case
        when t.name in ('DV_QUANTITY', 'DV_COUNT') then (d.v ->> 'magnitude')::numeric
        when t.name in ('DV_ORDINAL', 'DV_SCALE') then (d.v ->> 'value')::numeric
        else (d.v ->> '_m')::numeric end as n,
    case when jsonb_typeof(d.v -> 'value') = 'string' then left(d.v ->> 'value', {prefix}) end as s,
    d.v #>> '{defining_code,code_string}' as k,
    case when t.name = 'DV_QUANTITY' then d.v ->> 'units' end as u) w
where not n.draft and (w.n is not null or w.s is not null or w.k is not null)`

var leaves = strings.NewReplacer("{classes}", classCases(), "{prefix}", fmt.Sprint(promote.Prefix)).Replace(leavesSQL)

// classCases number the classes of data values.
func classCases() string {
	var b strings.Builder
	for _, c := range rminfo.DATA_VALUE.Descendants() {
		if !c.Abstract() {
			fmt.Fprintf(&b, "when '%s' then %d ", c.Name(), c)
		}
	}
	return b.String()
}

const leafColumns = `(ehr_id, vo_id, ver, path, ord, num, tmpl, sens, class, n, s, k, u)`

var (
	insertLeavesSQL = `insert into leaf ` + leafColumns + ` ` + fmt.Sprintf(leaves, everything(access.Node, "n")) +
		` and n.ehr_id = $6 and n.vo_id = $7 and n.ver = $8`

	insertLoadedLeavesSQL = `insert into leaf ` + leafColumns + ` ` + fmt.Sprintf(leaves, everything(access.Node, "n")) +
		` and (n.ehr_id, n.vo_id, n.ver) in (select b.ehr_id, b.vo_id, 1 from bulk_version b)`

	// The versions of a batch are locked by then; some of their rows may be there.
	insertLeavesOfSQL = `insert into leaf ` + leafColumns + ` ` + fmt.Sprintf(leaves, everything(access.Node, "n")) +
		` and (n.ehr_id, n.vo_id, n.ver) in (select * from unnest($6::uuid[], $7::uuid[], $8::int[])) on conflict do nothing`

	// How many leaf rows of a version are missing, too many or other than they should be.
	compareLeavesSQL = `with want as (` + fmt.Sprintf(leaves, everything(access.Node, "n")) + ` and n.ehr_id = $6 and n.vo_id = $7 and n.ver = $8),
has as (select l.ehr_id, l.vo_id, l.ver, l.path, l.ord, l.num, l.tmpl, l.sens, l.class, l.n, l.s, l.k, l.u from ` + everything(access.Leaf, "l") + `
    where l.ehr_id = $6 and l.vo_id = $7 and l.ver = $8 and l.path = any ($9::int[]))
select (select count(*) from (table want except table has) a) + (select count(*) from (table has except table want) b)`
)

const (
	deleteVersionLeavesSQL = `delete from leaf where ehr_id = $1 and vo_id = $2 and ver = $3`

	// Leaf rows of versions that should have none.
	deleteLeafOrphansSQL = `delete from leaf l where not exists (select 1 from %s
where v.ehr_id = l.ehr_id and v.vo_id = l.vo_id and v.ver = l.ver and v.is_effective and v.doc is not null)`

	countLeafOrphansSQL = `select count(*) from %s where not exists (select 1 from %s
where v.ehr_id = l.ehr_id and v.vo_id = l.vo_id and v.ver = l.ver and v.is_effective and v.doc is not null)`

	// Rows that are added outside a commit are fenced as those of a commit are.
	fencePromotedSQL = `select refuse('epoch') from index_epoch e where e.promoted <> $1`
)

// leafArgs are the first arguments of leavesSQL: the paths that the rows of these
// archetypes have. None means that there is nothing to cut.
func leafArgs(paths []dictionary.Promoted, arch map[string]int32) (args []any, some bool) {
	var ids, archs []int32
	var holders, rests, declared []string
	for name, id := range arch {
		for _, p := range paths {
			if !p.Of(name) {
				continue
			}
			ids, archs = append(ids, p.ID), append(archs, id)
			holders, rests = append(holders, p.Holder), append(rests, strings.Join(p.Rest, "/"))
			class := ""
			if p.Declared != 0 {
				class = p.Declared.Name()
			}
			declared = append(declared, class)
		}
	}
	return []any{ids, archs, holders, rests, declared}, len(ids) > 0
}

// queueLeaves adds the leaf rows of a version whose node rows have been queued.
func queueLeaves(b *pgx.Batch, ehr, object string, ver int32, cut []row.Row, ids dictionary.IDs) {
	if len(ids.Paths) == 0 {
		return
	}
	arch := make(map[string]int32, len(cut))
	for i := range cut {
		arch[cut[i].Archetype] = ids.Arch[cut[i].Archetype]
	}
	if args, some := leafArgs(ids.Paths, arch); some {
		b.Queue(insertLeavesSQL, append(args, ehr, object, ver)...)
	}
}

// queueLoadedLeaves adds the leaf rows of the versions of a bulk load, whose node
// rows have been queued. Its versions are fenced as those of a commit are.
func queueLoadedLeaves(b *pgx.Batch, ids dictionary.IDs) {
	if args, some := leafArgs(ids.Paths, ids.Arch); some {
		b.Queue(insertLoadedLeavesSQL, args...)
	}
}

// The states of a promoted path that writers fill, and those that queries use.
var (
	filled = []string{"building", "usable"}
	usable = []string{"usable"}
)

const readPromotedSQL = `select p.id, p.archetype, p.path, p.state from promoted_path p order by p.id`

// readPromoted reads the epoch of promoted paths and those in one of the states.
func readPromoted(ctx context.Context, tx pgx.Tx, states []string) (epoch int64, paths []dictionary.Promoted, err error) {
	if err := tx.QueryRow(ctx, `select promoted from index_epoch`).Scan(&epoch); err != nil {
		return 0, nil, err
	}
	rows, err := tx.Query(ctx, readPromotedSQL)
	if err != nil {
		return 0, nil, err
	}
	var id int32
	var archetype, text, state string
	_, err = pgx.ForEachRow(rows, []any{&id, &archetype, &text, &state}, func() error {
		if !slices.Contains(states, state) {
			return nil
		}
		p, err := promote.Parse(archetype, text)
		if err != nil {
			return fault.New(fault.Internal, "index-path", "the promoted path %d cannot be read", id)
		}
		paths = append(paths, dictionary.Promoted{Path: p, ID: id})
		return nil
	})
	return epoch, paths, err
}

// promotedArgs are the first five arguments of compareLeavesSQL for all usable
// paths and archetypes, and the last one; none where nothing is promoted.
func promotedArgs(ctx context.Context, tx pgx.Tx) ([]any, error) {
	_, paths, err := readPromoted(ctx, tx, usable)
	if err != nil || len(paths) == 0 {
		return nil, err
	}
	rows, err := tx.Query(ctx, `select a.id, a.archetype_id from arch a`)
	if err != nil {
		return nil, err
	}
	arch := map[string]int32{}
	var id int32
	var name string
	if _, err := pgx.ForEachRow(rows, []any{&id, &name}, func() error { arch[name] = id; return nil }); err != nil {
		return nil, err
	}
	args, some := leafArgs(paths, arch)
	if !some {
		return nil, nil
	}
	ids := make([]int32, len(paths))
	for i, p := range paths {
		ids[i] = p.ID
	}
	return append(args, ids), nil
}
