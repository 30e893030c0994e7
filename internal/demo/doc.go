// Package demo makes synthetic people and records: for `quire up`, which shows
// the server with something in it, and for the benchmark, which needs many. The
// same seed gives the same records. Nobody in it exists; NHS numbers are of the
// range that is reserved for tests (they begin with 999).
package demo
