// Package syntax reads and writes the two spellings of simplified formats, FLAT
// and STRUCTURED, as one tree of items: segments with indices, values by suffix.
// It knows JSON and keys, and nothing of templates.
//
// Source: ITS-REST 1.1 Simplified Formats, sections on paths and on the
// structured format.
package syntax
