// Package sdc is the bridge between openEHR templates and FHIR SDC forms, as
// pure functions: a compiled template is a Questionnaire, a composition is a
// QuestionnaireResponse, and a response with the composition it was issued from
// is the next composition.
//
// A renderer destroys things on the way (extensions, offsets of times, the last
// digits of decimals). So nothing rests on what comes back alone: an answer that
// equals the issued one leaves its node untouched, an answer that differs builds
// a new node, and an answer that is absent deletes nothing unless the submit
// says so by name (DESIGN 5a rule 4). What no item can say stays with the base,
// or travels in a hidden item where there will be no base (residue.go).
//
// Items come in tiers: what people answer, what is technical and hidden, and
// what only a faithful form asks for. A mode of a form is a choice of tiers; the
// linkIds are the same in all.
package sdc
