// Package transfer is the use cases of whole records: an EHR leaves as lines of
// JSON and comes back as it was, or as one that has changed its home, or as a
// copy; two records of one person are merged; what was filed in the wrong record
// goes to the right one; a person is given what is held about them in a form a
// person can read.
//
// No row ever changes its owner. An export holds documents byte for byte, so that
// what is restored is the record and not one like it. Each act needs the
// administrative area "ehr-transfer", which gives no sight of any record beyond
// the act itself, and stands in the audit of every record it touches.
package transfer
