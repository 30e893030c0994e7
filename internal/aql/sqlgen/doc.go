// Package sqlgen turns a plan into one SQL statement over the rows that
// internal/aql/row makes. Every value that comes from a query text or a
// parameter is a bind parameter; every record table is written by
// access.Scope.Scan, so that no row outside the profile can be read.
//
// The shape of a statement: one relation per class operand (columns ehr_id,
// vo_id, ver, num, cap, row, data), joined by the containment intervals; one
// lateral item per step of a path that can lead to many nodes or into another
// row; conditions with SQL's three-valued logic; columns as JSON, so that a cell
// needs no type. Objects that only the document has in full are given by their
// number, with the document joined after LIMIT.
package sqlgen
