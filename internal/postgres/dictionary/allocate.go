package dictionary

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/aql/row"
)

// Allocation is what one transaction read back or made.
type Allocation struct {
	arch, system map[string]int32
	shape        map[Hash]int32
	wide         map[string]wideShape
	inWide       map[Hash]string
	// grown says that something was new, so that readers must replan.
	grown bool
}

func newAllocation() *Allocation {
	return &Allocation{
		arch: map[string]int32{}, system: map[string]int32{}, shape: map[Hash]int32{},
		wide: map[string]wideShape{}, inWide: map[Hash]string{},
	}
}

// Each pair inserts what is new and then reads all, in that order: an insert
// that waited for another transaction's did nothing, and the read after it sees
// what that one committed. Keys are sorted, so that no two wait for each other.
const (
	insertSystemSQL = `insert into system (system_id) select unnest($1::text[]) on conflict do nothing`
	readSystemSQL   = `select system_id, id from system where system_id = any($1::text[])`
	insertArchSQL   = `insert into arch (archetype_id) select unnest($1::text[]) on conflict do nothing`
	readArchSQL     = `select archetype_id, id from arch where archetype_id = any($1::text[])`
	countShapesSQL  = `select arch, count(*) from shape where arch = any($1::int[]) group by arch`
	insertShapeSQL  = `insert into shape (arch, hash, format)
select * from unnest($1::int[], $2::bytea[]), (select $3::smallint) f on conflict do nothing returning id, hash`
	readShapeSQL = `select hash, id from shape where hash = any($1::bytea[])`
	growEpochSQL = `update index_epoch set dictionary = dictionary + 1`
)

// Allocate reads back or makes what is missing. The transaction must be READ
// COMMITTED and short; Keep the result once it has committed.
func (d *Dictionary) Allocate(ctx context.Context, tx pgx.Tx, missing *Wanted) (*Allocation, error) {
	a := newAllocation()
	return a, a.run(ctx, tx, missing, d.Limit)
}

// Fill adds what was allocated to what was known.
func (a *Allocation) Fill(known IDs) {
	for k, id := range a.arch {
		known.Arch[k] = id
	}
	for k, id := range a.system {
		known.System[k] = id
	}
	for h, id := range a.shape {
		known.Shape[h] = id
	}
	for h, archetype := range a.inWide {
		known.Shape[h] = a.wide[archetype].id
	}
}

func (a *Allocation) run(ctx context.Context, tx pgx.Tx, missing *Wanted, limit int) error {
	if err := a.names(ctx, tx, insertSystemSQL, readSystemSQL, missing.system, a.system); err != nil {
		return err
	}
	if err := a.names(ctx, tx, insertArchSQL, readArchSQL, missing.arch, a.arch); err != nil {
		return err
	}
	if err := a.shapes(ctx, tx, missing.rows, limit); err != nil {
		return err
	}
	if a.grown {
		_, err := tx.Exec(ctx, growEpochSQL)
		return err
	}
	return nil
}

// names allocates one dictionary of texts.
func (a *Allocation) names(ctx context.Context, tx pgx.Tx, insert, read string, want map[string]bool, into map[string]int32) error {
	if len(want) == 0 {
		return nil
	}
	keys := make([]string, 0, len(want))
	for k := range want {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	tag, err := tx.Exec(ctx, insert, keys)
	if err != nil {
		return err
	}
	a.grown = a.grown || tag.RowsAffected() > 0
	rows, err := tx.Query(ctx, read, keys)
	if err != nil {
		return err
	}
	var key string
	var id int32
	_, err = pgx.ForEachRow(rows, []any{&key, &id}, func() error {
		into[key] = id
		return nil
	})
	return err
}

// shapes allocates those of archetypes that have room, and widens the others.
func (a *Allocation) shapes(ctx context.Context, tx pgx.Tx, want map[Hash]row.Row, limit int) error {
	if len(want) == 0 {
		return nil
	}
	hashes := make([]Hash, 0, len(want))
	for h := range want {
		hashes = append(hashes, h)
	}
	slices.SortFunc(hashes, func(x, y Hash) int { return slices.Compare(x[:], y[:]) })
	if err := a.readShapes(ctx, tx, hashes); err != nil {
		return err
	}
	counts, err := a.countShapes(ctx, tx, want)
	if err != nil {
		return err
	}
	var archs []int32
	var fresh [][]byte
	for _, h := range hashes {
		if _, ok := a.shape[h]; ok {
			continue
		}
		arch := a.arch[want[h].Archetype]
		if counts[arch] >= limit {
			a.inWide[h] = want[h].Archetype
			continue
		}
		counts[arch]++
		archs, fresh = append(archs, arch), append(fresh, h[:])
	}
	if err := a.insertShapes(ctx, tx, want, archs, fresh); err != nil {
		return err
	}
	if err := a.readShapes(ctx, tx, hashes); err != nil {
		return err
	}
	return a.widen(ctx, tx, want)
}

func (a *Allocation) countShapes(ctx context.Context, tx pgx.Tx, want map[Hash]row.Row) (map[int32]int, error) {
	var archs []int32
	for _, r := range want {
		archs = append(archs, a.arch[r.Archetype])
	}
	counts := map[int32]int{}
	rows, err := tx.Query(ctx, countShapesSQL, archs)
	if err != nil {
		return nil, err
	}
	var arch int32
	var n int
	_, err = pgx.ForEachRow(rows, []any{&arch, &n}, func() error {
		counts[arch] = n
		return nil
	})
	return counts, err
}

// insertShapes adds new shapes with their items; the items of a shape are
// written by whoever wrote the shape.
func (a *Allocation) insertShapes(ctx context.Context, tx pgx.Tx, want map[Hash]row.Row, archs []int32, hashes [][]byte) error {
	if len(hashes) == 0 {
		return nil
	}
	rows, err := tx.Query(ctx, insertShapeSQL, archs, hashes, row.Format)
	if err != nil {
		return err
	}
	var items shapeItems
	var id int32
	var hash []byte
	_, err = pgx.ForEachRow(rows, []any{&id, &hash}, func() error {
		a.grown = true
		for ord, it := range want[Hash(hash)].Shape.Items {
			items.add(id, ord, it)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return items.insert(ctx, tx)
}

func (a *Allocation) readShapes(ctx context.Context, tx pgx.Tx, hashes []Hash) error {
	var missing [][]byte
	for _, h := range hashes {
		if _, ok := a.shape[h]; !ok && a.inWide[h] == "" {
			missing = append(missing, h[:])
		}
	}
	if len(missing) == 0 {
		return nil
	}
	rows, err := tx.Query(ctx, readShapeSQL, missing)
	if err != nil {
		return err
	}
	var hash []byte
	var id int32
	_, err = pgx.ForEachRow(rows, []any{&hash, &id}, func() error {
		a.shape[Hash(hash)] = id
		return nil
	})
	return err
}

// shapeItems are rows of shape_item to insert together.
type shapeItems struct {
	shape                    []int32
	ord, class               []int16
	path, jpath, code, named []string
	repeats                  []bool
}

func (s *shapeItems) add(shape int32, ord int, it row.Item) {
	s.shape = append(s.shape, shape)
	s.ord = append(s.ord, int16(ord))
	s.class = append(s.class, int16(it.Class))
	s.path = append(s.path, it.Path)
	s.jpath = append(s.jpath, it.JPath)
	s.code = append(s.code, it.Code)
	s.named = append(s.named, it.Name)
	s.repeats = append(s.repeats, it.Repeats)
}

const insertItemsSQL = `insert into shape_item (shape, ord, path, jpath, class, code, name, repeats)
select shape, ord, path, jpath::jsonpath, class, code, name, repeats
from unnest($1::int[], $2::smallint[], $3::text[], $4::text[], $5::smallint[], $6::text[], $7::text[], $8::boolean[])
  as t (shape, ord, path, jpath, class, code, name, repeats)`

func (s *shapeItems) insert(ctx context.Context, tx pgx.Tx) error {
	if len(s.shape) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, insertItemsSQL, s.shape, s.ord, s.path, s.jpath, s.class, s.code, s.named, s.repeats)
	return err
}

const (
	insertWideSQL = `insert into shape (arch, hash, wide, format) values ($1, $2, true, $3) on conflict do nothing`
	// Whoever widens holds the row, so that two do not number items alike.
	lockWideSQL  = `select id from shape where hash = $1 for update`
	wideItemsSQL = `select path, name, class, ord from shape_item where shape = $1`
)

// widen adds the items of shapes that found no room to the wide shape of their
// archetype.
func (a *Allocation) widen(ctx context.Context, tx pgx.Tx, want map[Hash]row.Row) error {
	archetypes := map[string]bool{}
	for _, archetype := range a.inWide {
		archetypes[archetype] = true
	}
	for _, archetype := range sortedKeys(archetypes) {
		arch := a.arch[archetype]
		hash := wideHash(arch)
		tag, err := tx.Exec(ctx, insertWideSQL, arch, hash[:], row.Format)
		if err != nil {
			return err
		}
		a.grown = a.grown || tag.RowsAffected() > 0
		wide, next, err := readWide(ctx, tx, hash)
		if err != nil {
			return err
		}
		var fresh shapeItems
		for h, in := range a.inWide {
			if in != archetype {
				continue
			}
			for _, it := range want[h].Shape.Items {
				if !wide.items[keyOf(it)] {
					wide.items[keyOf(it)] = true
					fresh.add(wide.id, next, it)
					next++
				}
			}
		}
		a.grown = a.grown || len(fresh.shape) > 0
		if err := fresh.insert(ctx, tx); err != nil {
			return err
		}
		a.wide[archetype] = wide
	}
	return nil
}

func readWide(ctx context.Context, tx pgx.Tx, hash Hash) (wideShape, int, error) {
	wide := wideShape{items: map[itemKey]bool{}}
	if err := tx.QueryRow(ctx, lockWideSQL, hash[:]).Scan(&wide.id); err != nil {
		return wide, 0, err
	}
	rows, err := tx.Query(ctx, wideItemsSQL, wide.id)
	if err != nil {
		return wide, 0, err
	}
	var key itemKey
	var ord, next int
	_, err = pgx.ForEachRow(rows, []any{&key.path, &key.name, &key.class, &ord}, func() error {
		wide.items[key] = true
		next = max(next, ord+1)
		return nil
	})
	return wide, next, err
}

// wideHash is the hash of an archetype's wide shape: of a text no shape has.
func wideHash(arch int32) Hash {
	return sha256.Sum256(binary.BigEndian.AppendUint32([]byte("wide "), uint32(arch)))
}

func sortedKeys(set map[string]bool) []string {
	keys := make([]string, 0, len(set))
	for k := range set {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
