// Package ledger seals the audit, reads sealed rows back and proves that nobody
// changed them (internal/seal says how). Rows are not chained when they are
// inserted: a commit would wait for the commit before it. A sealer follows a few
// seconds behind, takes the rows of all transactions that have ended, and appends
// one link. Which rows a link covers follows from the numbers of their
// transactions alone, so that a row which commits late is in no link until it has.
package ledger
