package archetypes

import "embed"

// FHIR holds fhir/<name>.yaml: what entries of an archetype become in FHIR, as
// package extract reads it.
//
//go:embed fhir/*.yaml
var FHIR embed.FS
