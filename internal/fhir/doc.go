// Package fhir holds the few FHIR R4 resources Quire speaks, as plain structs:
// Questionnaire, QuestionnaireResponse, Bundle, OperationOutcome and the like.
// Decimals keep the text they were written with, and members this package does
// not know are kept beside those it does, so that nothing is lost by passing
// through.
package fhir
