// Package eval runs AQL over trees in memory, the plainest way that is right: a
// loop over EHRs, over bindings, over rows. It is the oracle the SQL engine is
// compared with, and the engine of VERSION[ALL_VERSIONS], whose documents have
// no rows.
//
// What AQL 1.1.0 leaves open is decided as follows.
//
//   - A binding lies within one EHR. OR in FROM takes every combination of the
//     sides that match; the variables of a side that does not are null.
//   - Every path of SELECT, WHERE and ORDER BY iterates over what it finds, and
//     rows multiply; equal beginnings of paths share one iteration. A path that
//     finds nothing gives null and keeps the row. Lists that follow one another
//     with no path parting between them are one iteration: of three events of
//     which two have a diastolic value, its path alone gives two rows, and beside
//     the path of the systolic value three. A single attribute that is missing
//     is null and drops nothing. EXISTS does not iterate: what its path has
//     beyond the iterations of other paths is searched.
//   - Conditions have three values; what compares with a missing value, or with
//     one of another type, is unknown. `= NULL` and `!= NULL` test for absence.
//   - An object compares and sorts when it is DV_ORDERED: by magnitude, quotient,
//     value or instant. Two quantities of different units compare when
//     package ucum lists both and they measure the same.
//   - The value of a DV_DATE, DV_TIME, DV_DATE_TIME or DV_DURATION compares as
//     such, partial values and literals as intervals.
//   - A version uid equals a text that leaves parts out: the object id alone, or
//     with empty parts between its "::".
//   - at-codes under CONTAINS are those of the archetype of the left side.
package eval
