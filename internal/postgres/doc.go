// Package postgres keeps the record in PostgreSQL 15 or later: the Store of the
// use cases on pgx, one file a noun, each statement a named constant beside the
// Go that runs it. Record tables are named only by access.Scope.Scan, so that no
// statement reads what a profile may not see; row-level security stands behind
// it as a second barrier, set by the first statement of each batch.
//
// A commit and a point read are one round trip each: pgx sends the statements
// as one pipeline, which the server runs as one transaction; refuse() aborts it.
package postgres
