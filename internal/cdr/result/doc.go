// Package result writes the answer of an AQL query piece by piece: as the
// RESULT_SET of the REST API (ITS-REST 1.1, Query), as CSV (RFC 4180), as lines
// of JSON and as Parquet. An encoder is told the columns, then each row, then
// what is known only at the end; it keeps no row.
package result
