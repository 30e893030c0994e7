// Package temporal reads the partial ISO 8601 dates, times, date-times and
// durations of openEHR (BASE, Foundation Types, primitive time types)
// and turns them into something that can be ordered.
//
// A value keeps its text: String returns exactly what was parsed. A partial
// value is an interval: 2019-05 means every instant of that month, so Interval
// returns [lo, hi). A complete value is a point and has the smallest interval
// there is, one nanosecond (one day for a Date). Equality with a partial
// literal is lo <= x < hi; before and after use the bounds.
//
// Accepted beyond plain ISO 8601 complete forms:
//   - dates YYYY, YYYY-MM, YYYYMM, years 0000 to 9999, proleptic Gregorian;
//   - times with or without the leading T, down to the hour;
//   - a bare date, partial or not, as a partial date-time;
//   - a fraction of a second after "." or ",", any number of digits, of which
//     nine count; hours and minutes have no fractions in openEHR;
//   - zones Z, ±hh, ±hhmm and ±hh:mm from -12:00 to +14:00, on partial times
//     as well, in either style whatever the style of the time; -00:00 is UTC;
//   - durations with a leading sign and with W beside other units. Only
//     seconds may have a fraction.
//
// Rejected: 24:00, second 60, days the calendar does not have, lower-case
// designators, a basic date with an extended time or the reverse, P and PT
// with nothing after them.
//
// Errors are constants that name the rule and never quote the text, which may
// be clinical content.
package temporal
