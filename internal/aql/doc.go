// Package aql reads and writes the Archetype Query Language, QUERY Release
// 1.1.0: a hand-written lexer and Pratt parser that give a small syntax tree
// with a position on every node, a printer whose output parses to the same
// tree, and the table of functions with their arity.
//
// The tree keeps what was written. Names are resolved (case-insensitive
// variables and classes, [at0002, 'x'] as two comparisons) by methods on it, so
// that plan and eval share one reading. The package knows no reference model,
// no storage and no engine.
package aql
