// Package library keeps what people write to make forms of: Questionnaires,
// ValueSets and CodeSystems of FHIR R4 that come from elsewhere, with all their
// versions and without loss. They say nothing of any person; everybody who may
// use forms reads them, and who manages templates writes them.
package library
