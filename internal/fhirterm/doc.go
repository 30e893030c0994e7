// Package fhirterm asks a FHIR terminology server whether codes belong to value
// sets (FHIR R4, ValueSet/$validate-code and CodeSystem/$validate-code). It
// implements validate.Terminology: answers are cached, equal questions asked at
// once go out once, and everything a server can do wrong becomes "unanswered",
// never an answer. It lists value sets for queries too (ValueSet/$expand).
package fhirterm
