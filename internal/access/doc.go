// Package access holds what a principal may see, as plain data, and the one
// function that writes a record table's name into SQL. The decision is made
// elsewhere (Ory Keto answers, internal/keto gathers); here it becomes a
// predicate, so that no row is ever read first and hidden later.
package access
