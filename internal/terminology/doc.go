// Package terminology knows the openEHR terminology 3.1.0: which code stands in
// which group and what it is called, the code sets the reference model refers
// to, and which units measure which property. The tables are generated from the
// published XML and committed; nothing is read at run time.
//
// A code is always asked by group: 523 and 253 stand in several, and 532 has
// another rubric in each of its two.
//
// The tables hold codes and English rubrics of the openEHR Terminology,
// copyright openEHR Foundation, CC BY-SA 3.0.
package terminology

//go:generate go run ./gen
