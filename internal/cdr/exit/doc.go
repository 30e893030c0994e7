// Package exit is the ways out of the record and the way back in for what comes
// of them: HL7 v2 messages made of compositions by mapping files and sent to
// receivers in the order of the change feed, and results that arrive and become
// compositions.
//
// Delivery is at least once with the same MSH-10, in order within a record. A
// message that a receiver refuses, and one that arrives and cannot be stored,
// becomes a dead letter with its reason and its field; dead letters are looked at
// and tried again by people with the right to the administration, and what they
// hold is encrypted. Whom a result is about is decided by identifiers alone, never
// by making a record (DESIGN 5a rules 5 and 10).
package exit
