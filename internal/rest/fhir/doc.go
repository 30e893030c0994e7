// Package fhir is the FHIR R4 face of the record: forms as Questionnaires, stored
// compositions as QuestionnaireResponses, and the SDC operations between them.
// It holds headers, parameters and formats; what a form means is internal/cdr/form's.
package fhir
