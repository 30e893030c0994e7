// Package archetypes holds the archetypes Quire ships with, one ADL 1.4 file
// for each, named by its archetype id.
//
// Where an archetype is well known, ours is a small edition of it: ids, node
// codes, structure and units agree with the published ones wherever both have
// a node, so that paths written for either find the same data. Nodes which the
// published editions lack carry codes from at9001 upwards, far from any code in
// use there. Lists (problems, medicines, adverse reactions) are persistent
// documents here, events there; queries over their entries are the same. The
// wording is our own throughout.
//
// No archetype holds an assumed value: what nobody recorded stays empty.
package archetypes

import "embed"

// FS holds adl/<archetype id>.adl (ADL 1.4, UTF-8).
//
//go:embed adl/*.adl
var FS embed.FS
