package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/gofrs/uuid/v5"
	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// An EHR has one live directory: %[1]s is version. The row of the EHR is locked
// already.
const (
	newDirectorySQL = `with set as (
    update ehr e set directory_id = $2 where e.ehr_id = $1 and (e.directory_id is null or exists (
        select 1 from %[1]s where v.ehr_id = $1 and v.vo_id = e.directory_id and v.is_latest and v.lifecycle = 523))
    returning 1)
select refuse('directory-exists') where not exists (select 1 from set)`

	sameDirectorySQL = `select refuse('directory-past') from %[1]s where e.ehr_id = $1 and e.directory_id is distinct from $2::uuid`
)

// directory makes the first version of a FOLDER the EHR's directory; a later one
// must be of the directory the EHR has.
func (p *pipeline) directory(v cdr.NewVersion) {
	if v.Preceding == "" {
		p.Queue(fmt.Sprintf(newDirectorySQL, everything(access.Version, "v")), p.commit.EHR, v.Object)
		return
	}
	p.Queue(fmt.Sprintf(sameDirectorySQL, everything(access.EHR, "e")), p.commit.EHR, v.Object)
}

const (
	deleteItemsSQL = `delete from folder_item where ehr_id = $1 and folder_id = $2`
	insertItemsOf  = `insert into folder_item (ehr_id, folder_id, num, item_num, num_cap, item_vo)
select $1::uuid, $2::uuid, f.num, f.item_num, f.num_cap, f.item_vo
from unnest($3::int[], $4::int[], $5::int[], $6::uuid[]) as f (num, item_num, num_cap, item_vo)`
)

// folder writes what each FOLDER of the tree refers to by a versioned object's
// uid; other references cannot be joined and stay in the document.
func (p *pipeline) folder(v cdr.NewVersion) {
	if v.Kind != cdr.KindFolder || !endsEffective(v.Lifecycle) {
		return
	}
	p.Queue(deleteItemsSQL, p.commit.EHR, v.Object)
	if v.Tree == nil {
		return
	}
	var num, item, upto []int32
	var object []string
	for id := range rm.ID(v.Tree.Len()) {
		if v.Tree.Class(id) != rminfo.FOLDER {
			continue
		}
		for ref := range v.Tree.Children(id, rminfo.A_items) {
			value, _, _ := strings.Cut(v.Tree.TextAt(ref, rminfo.A_id, rminfo.A_value), "::")
			if uid, err := uuid.FromString(value); err == nil {
				num, item, upto = append(num, int32(id)), append(item, int32(ref)), append(upto, int32(v.Tree.End(id)))
				object = append(object, uid.String())
			}
		}
	}
	if len(num) > 0 {
		p.Queue(insertItemsOf, p.commit.EHR, v.Object, num, item, upto, object)
	}
}

// What of the objects is in the EHR, and whether the profile sees its current
// version: %s is version.
const sightsSQL = `select h.vo_id::text, exists (
    select 1 from %s where v.ehr_id = $1 and v.vo_id = h.vo_id and (v.is_effective or v.is_latest))
from object_home h where h.vo_id = any ($2::uuid[]) and h.ehr_id = $1`

// Sights says of the objects that are in the EHR whether the profile sees them;
// what is elsewhere or nowhere is left out.
func (db *DB) Sights(ctx context.Context, p *access.Profile, ehr string, objects []string) (map[string]bool, error) {
	seen := map[string]bool{}
	if len(objects) == 0 {
		return seen, nil
	}
	args := &access.Args{Values: []any{ehr, objects}}
	text := fmt.Sprintf(sightsSQL, access.NewScope(p, access.Read, args, "$1::uuid").Scan(access.Version, "v"))
	b := &pgx.Batch{}
	begin(ctx, b, p, access.Read)
	b.Queue(text, args.Values...).Query(func(rows pgx.Rows) error {
		var object string
		var visible bool
		_, err := pgx.ForEachRow(rows, []any{&object, &visible}, func() error {
			seen[object] = visible
			return nil
		})
		return err
	})
	err := db.with(ctx, db.record, db.wait, func(conn *pgx.Conn) error {
		return conn.SendBatch(ctx, b).Close()
	})
	return seen, translate(ctx, err)
}
