// Package promote says which paths can be promoted to leaf rows and what such a
// path finds. A promoted path begins at the root of an archetype and ends at one
// data value: "data[at0001]/events[at0006]/data[at0003]/items[at0004]/value" of
// openEHR-EHR-OBSERVATION.blood_pressure.v2. Nothing here knows SQL or plans.
package promote
