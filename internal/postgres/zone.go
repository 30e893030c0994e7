package postgres

import (
	"context"
	"time"

	"github.com/quire-cdr/quire/internal/aql/row"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/rm/temporal"
)

// SettingZone is the zone in which date-times without an offset are read. It is
// kept once for the whole store, since rows are cut by it.
const SettingZone = "clinical_timezone"

const readZoneSQL = `select (select value from setting where key = $1)`

// settleZone fixes the zone of the store to the configured one, or takes the one
// it has: a process that only looks after the rows is told none.
func (db *DB) settleZone(ctx context.Context, configured *time.Location) error {
	if configured == nil {
		var name *string
		if err := db.record.QueryRow(ctx, readZoneSQL, SettingZone).Scan(&name); err != nil || name == nil {
			return translate(ctx, err)
		}
		var err error
		if db.zone, err = time.LoadLocation(*name); err != nil {
			return fault.New(fault.Internal, "clinical-timezone", "the zone %q of the store is not known to this machine", *name)
		}
		return nil
	}
	var name string
	if err := db.record.QueryRow(ctx, putSettingSQL, SettingZone, configured.String()).Scan(&name); err != nil {
		return translate(ctx, err)
	}
	if name != configured.String() {
		return fault.New(fault.Internal, "clinical-timezone", "the store reads times without an offset in %s; it cannot be opened with the clinical time zone %s", name, configured)
	}
	db.zone = configured
	return nil
}

// cut gives the rows of a version's tree in the zone of the store.
func (db *DB) cut(t *rm.Tree, tpl *cdr.Template) []row.Row { return row.CutIn(db.zone, t, names(tpl)) }

// startKey is context/start_time as seconds since 0001-01-01, null where there
// is none or it cannot be read.
func startKey(t *rm.Tree, zone *time.Location) *string {
	if t == nil {
		return nil
	}
	text := t.TextAt(t.Root(), rminfo.A_context, rminfo.A_start_time, rminfo.A_value)
	if text == "" {
		return nil
	}
	at, err := temporal.ParseDateTime(text)
	if err != nil {
		return nil
	}
	key := at.Magnitude(zone).String()
	return &key
}
