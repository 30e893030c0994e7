// Package diff compares two versions of an operational template and says of each
// change whether data that fitted the old one always fit the new one.
//
// It is the question of AOM conformance turned round: a change is compatible
// where the new constraint allows all that the old one did. What is breaking by
// that rule need not break any stored composition; whether it does, only the
// compositions can tell.
package diff
