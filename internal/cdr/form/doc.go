// Package form is the use cases of forms: a template as a Questionnaire, a stored
// composition as a QuestionnaireResponse, and a submitted response as the next
// composition. It stands on the use cases of cdr and commits through them alone,
// so that a form can do nothing its filler could not do by a composition.
//
// A form is bound to one person (DESIGN 5a rule 3). Every response that leaves
// carries a signed token, and a submit whose token, address, subject and
// identifiers do not all mean the same person writes nothing.
package form
