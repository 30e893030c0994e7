// Package migrations holds the database schema as embedded goose files, one
// noun a file, named by UTC time. Every table with record data carries ehr_id
// first in its primary key, so that the schema distributes by ehr_id unchanged
// (two look-ups excepted: object_home, ehr_subject). The shape and its reasons
// stand in internal/adr/0002-storage-shape.md.
package migrations

import "embed"

// FS is the migrations, in order of their file names.
//
//go:embed *.sql
var FS embed.FS
