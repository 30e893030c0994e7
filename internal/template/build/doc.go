// Package build makes operational templates: archetypes and a template source
// give an OPT 1.4 model. A source is YAML (templates/SOURCE.md describes it with
// a worked example) or the OET of existing tools; both are read into the same
// Source, a header and a tree of entries. Build flattens the archetypes
// (specialisation over parent, internal references expanded), walks the entries
// over that tree and refuses whatever is not a narrowing. Every fault of a source
// is reported at once, with its line and both constraints. The same source and
// archetypes always give the same template.
//
// Entries, in short:
//
//   - include: openEHR-EHR-OBSERVATION.blood_pressure.v2
//     in: /content
//     occurrences: 0..1
//     nodes:
//   - {node: Systolic, occurrences: 1, units: {"mm[Hg]": {range: 0..<300}}}
//   - {node: at0033, remove: true}
//
// Sources: openEHR AM 1.4 (AOM 1.4, Template.xsd, CompositionTemplate.xsd).
package build
