// Package binding lets a form that was not made from a template fill one. A
// binding says, for each question of a foreign FHIR Questionnaire, which node of
// a template its answers belong to, with the codes, units and constants that
// differ.
//
// Nothing of a response is lost. Answers that no item takes stand in a generic
// archetype where the template has room for it (room.go, kept.go), and a form that
// nothing binds has all its answers there (generic.go). What the composition says
// whole is read back from it; the rest of the response (codes the template does
// not have, extensions, the order and nesting of the foreign form) is kept beside
// it, as the original content of the composition's feeder audit (RM 1.1.0, Common,
// FEEDER_AUDIT.original_content). The response that comes out equals the one that
// went in, and follows what was changed in the composition since.
package binding
