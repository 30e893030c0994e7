// Package decompose spells a composition as the items of simplified formats: one
// walk over the tree beside the web template. Every value is written at its own
// path, context included.
//
// What no key can express (a class, a name of a collapsed level, content in a
// slot) is written as canonical JSON at the nearest node that has a key, under
// the suffix raw, so that reading the result gives the same composition. Not
// written, since the template gives it back: archetype_node_id and
// archetype_details.
package decompose
