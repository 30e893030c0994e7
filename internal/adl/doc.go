// Package adl reads, checks and prints archetypes in ADL 1.4: ODIN for what
// describes them, cADL for the definition, assertions for slots and invariants.
// The definition is built of the constraint classes of package aom, so that a
// template compiler meets the same types whether they come from an archetype or
// from an operational template. The parser is written by hand over a cursor; it
// stops at the first fault of syntax in a section, goes on with the next
// section, and then checks whatever was read. Every fault carries line, column,
// path and the validity code of the specification.
//
// Source: openEHR AM 1.4 (ADL 1.4, AOM 1.4). Codes that only AOM 2 names, such
// as VCARM and VOBAV, are used for the rules that ADL 1.4 states without a code.
package adl
