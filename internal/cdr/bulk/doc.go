// Package bulk is the use case of filling a record from outside: many documents,
// each the first version of its object, go in by way of the same reading,
// judging, sealing and row cutting as a commit of one, but many to a transaction
// and by COPY. Each stays a contribution of its own with its own row of audit.
//
// A load is resumable: how far it has come stands in the transaction that brought
// it there, so that a process killed at any moment leaves neither a gap nor a
// duplicate, and the next one goes on behind it. For that a source must give the
// same items in the same order again; its fingerprint says whether it does.
//
// What is wrong with a document is told and the load goes on with the next one;
// what is wrong with the load ends it.
package bulk
