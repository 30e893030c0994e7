// Package validate finds everything that is wrong with a reference model object:
// against its template (existence, cardinality, occurrences, node ids, archetype
// ids, slots, value constraints) and against the reference model itself
// (mandatory attributes, invariants, terminology bindings, lexical forms). It
// never stops at the first fault.
//
// Each rule family has a file, and each rule a row in a table where that is
// possible. Rules of an issue are named so that callers can decide by prefix:
// lexical- (the text is no value of its type), rm- (the reference model),
// invariant- (an invariant of a class), terminology-, template- (structure) and
// value- (a constraint on a value).
package validate
