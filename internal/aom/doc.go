// Package aom holds the archetype object model 1.4 and the operational template
// as plain data: what an OPT or an ADL 1.4 archetype says, nothing derived.
// Every constraint class is carried, whether or not a validator enforces it, so
// that reading, writing and compiling lose nothing. Numbers and dates keep
// their text; conversion is the reader's business.
//
// Source: openEHR AM 1.4 (AOM 1.4, Archetype Profile) and the Template schema.
package aom
