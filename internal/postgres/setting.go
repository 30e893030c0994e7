package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
)

// Settings that are kept once for the whole system.
const (
	// SettingSystemID is this system's id as it stands in version uids.
	SettingSystemID = "system_id"
	// SettingDemo is "on" where demo people were loaded; serve refuses such data.
	SettingDemo = "demo"
)

// Setting reads a setting, "" where it was never put.
func (db *DB) Setting(ctx context.Context, key string) (string, error) {
	var value string
	err := db.with(ctx, db.work, db.wait, func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, "select value from setting where key = $1", key).Scan(&value)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	return value, translate(ctx, err)
}

const putSettingSQL = `insert into setting (key, value) values ($1, $2)
on conflict (key) do update set value = setting.value returning value`

// PutSetting stores a setting unless it has a value, and returns the one in force.
func (db *DB) PutSetting(ctx context.Context, key, value string) (string, error) {
	var stored string
	err := db.with(ctx, db.work, db.wait, func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, putSettingSQL, key, value).Scan(&stored)
	})
	return stored, translate(ctx, err)
}
