// Package tree is what is common to all who work on the definition of an archetype
// or a template: making, copying and naming its nodes, and ways through it.
//
// Sources: openEHR AM 1.4 (AOM 1.4).
package tree
