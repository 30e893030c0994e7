// Package build makes operational templates: archetypes and a template source
// (package source) give an OPT 1.4 model. Build flattens the archetypes
// (specialisation over parent, internal references expanded), walks the entries
// over that tree and refuses whatever is not a narrowing (package narrow for data
// values). Every fault of a source is reported at once, with its line and both
// constraints. The same source and archetypes always give the same template.
//
// Sources: openEHR AM 1.4 (AOM 1.4, Template.xsd).
package build
