// Package narrow narrows data values of a template: what a source says of units,
// ranges, codes, texts and patterns is held against what the archetype says, and
// must be within it.
//
// Sources: openEHR AM 1.4 (AOM 1.4, openEHR Archetype Profile).
package narrow
