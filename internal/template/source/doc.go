// Package source reads template sources. A source is YAML (templates/SOURCE.md
// describes it with a worked example) or the OET of existing tools; both are read
// into the same Source, a header and a tree of entries, with the place of each
// key for faults. Nothing is resolved against archetypes here: package build does
// that.
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
// Sources: openEHR AM 1.4 (Template.xsd, CompositionTemplate.xsd).
package source
