// Package keto turns a verified caller into what it may see, by asking Ory Keto.
// It is the only package that knows Keto's client.
//
// Keto is not asked once a request. A profile is gathered by reverse look-up
// (which relations name this person, this role, this team), kept for at most ten
// seconds, dropped at once when the access epoch moves, and compiled into every
// SQL statement by internal/access.
//
// What was measured of Keto, and shapes this package:
//   - A check answers "no" with status 200 when Keto's database is down. So no
//     answer is believed before the sentinel, a tuple known to be there, has been
//     seen after it; a missing sentinel is an outage (503) and never a denial.
//   - Keto accepts tuples for relations nobody declared, subjects of the wrong
//     type, and duplicates. So writes go through Grant, Revoke and Apply, which
//     hold them against a table of the access model, and reading ignores whatever
//     the table does not know.
//   - Keto knows no time. Grants on single records, which end, are therefore rows
//     of Quire's database (ehr_grant) and never tuples; the same holds for
//     break-glass, restrictions and relationships of organisations.
//   - The sensitivity of a template is template_family.label, a column that
//     cannot be null; which labels a role reads is Keto's. Tuples on
//     Template#sensitivity would say it twice and are refused.
//
// A right given to a person directly counts in every role the person selects; a
// right given to a role counts only while that role, or one it is contained in,
// is the selected one.
package keto
