// Package fhirpath reads and evaluates the part of FHIRPath (HL7 FHIRPath 2.0,
// normative; FHIR R4 additions) that forms use to fill themselves: paths, filters
// and projections, three-valued logic, arithmetic with units and dates, strings,
// conversions and variables. What is not known is an error with its position,
// never an empty answer.
//
// Resources are read as JSON without a model of their types. A choice such as
// value[x] is found by its name, and its suffix tells its type; other texts are
// taken for dates where they meet dates.
package fhirpath
