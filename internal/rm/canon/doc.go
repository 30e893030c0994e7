// Package canon reads and writes the canonical JSON of openEHR reference model
// objects (ITS-JSON, RM 1.1.0): a stream of tokens into a tree and back, in time
// linear in the text, with no value of Go's own types between.
//
// What is sent is kept: member order, the text of numbers, dates and strings,
// the flags of intervals. The closed list of what changes:
//
//   - members that are null, and lists that are empty, are dropped, in every
//     class: XML cannot tell an empty list from none, and the invariants that let
//     a list be absent and not empty (LOCATABLE Links_valid) hold of what is kept;
//   - a generic suffix of a class is stripped: DV_INTERVAL<DV_QUANTITY>;
//   - a number sent as a string becomes a number with the same digits;
//   - a missing class is inferred, and `_type` is written first: where it was
//     sent, and where the place does not imply it;
//   - insignificant white space and needless escapes go, a byte order mark too.
//
// A class is inferred from the declared type of the attribute where that is
// concrete (DV_TEXT in a slot for DV_TEXT, PARTY_SELF in EHR_STATUS.subject).
// Two abstract types are inferred from the text, since their forms are disjoint:
// UID_BASED_ID and OBJECT_ID are an OBJECT_VERSION_ID when the value has three
// parts between "::", a GENERIC_ID when a scheme stands beside the value, and a
// HIER_OBJECT_ID otherwise. Everything else abstract must name its class.
package canon
