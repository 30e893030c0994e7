// Package seal makes the audit tamper-evident and keeps what it must hold but
// nobody may read: pure functions over bytes. Rows of the audit become keyed
// leaves of a Merkle tree, a tree's root becomes a link of a keyed chain, and
// each link is signed, so that who has the database but not the key can neither
// change, remove, add nor reorder sealed rows unseen; who has the public key
// alone can check that a chain goes on from a head seen earlier.
//
// Parameters of queries are encrypted to the same key and bound to the audit row
// they belong to.
package seal
