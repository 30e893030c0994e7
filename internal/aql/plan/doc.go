// Package plan turns an AQL query into a plan: which relations are joined how,
// which steps of paths are shared, what is compared with what as which type.
// It resolves names, parameters, archetypes with their specialisations and
// at-codes against a snapshot of the dictionary, and refuses what the database
// cannot answer, with the place in the text. Nothing here knows SQL; the printed
// plan is what tests and `quire aql explain` look at.
package plan
