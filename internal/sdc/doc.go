// Package sdc is the bridge between openEHR templates and FHIR SDC forms, as
// pure functions: a compiled template is a Questionnaire, a composition is a
// QuestionnaireResponse, and a response with the composition it was issued from
// is the next composition.
//
// A renderer destroys things on the way (extensions, offsets of times, the last
// digits of decimals). So nothing rests on what comes back alone: an answer that
// equals the issued one leaves its node untouched, an answer that differs builds
// a new node, and an answer that is absent deletes nothing unless the submit
// says so by name (DESIGN 5a rule 4).
package sdc
