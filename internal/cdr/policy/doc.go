// Package policy holds who may do what as it was decided, and keeps Keto's copy
// of it true.
//
// The recorded policy stands in our database: one row a tuple. Keto answers
// profiles quickly but has no authentication, no history and no expiry, so it is
// written from the record and never the other way round. A change is judged,
// recorded and audited in one transaction; Keto is told after it, by whoever made
// the change or, where that process died, by any other. What stands in Keto and
// not in the record is drift, which Reconcile names and mends.
//
// Nobody grants what they lack. Who administers users, or is a privacy officer of
// an organisation, may give only what they hold themselves or what is theirs to
// give: an officer the rights in the own organisation, the area "sensitivity" the
// labels. And nobody's own rights grow by a change of their own.
//
// The same record answers who can act on a person's record and through what edge,
// and explains what is missing to somebody who cannot.
package policy
