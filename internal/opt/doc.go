// Package opt reads and writes operational templates 1.4 (XML, namespaces
// http://schemas.openehr.org/v1 and v2): XML to the archetype object model and
// back. The reader is a pull reader over tokens: one pass, bounded depth and
// size, no external entities. Every fault is collected with line, column and
// element path; what each element may hold stands in tables, so that an unknown,
// missing or repeated element is a fault and never silently dropped. The writer
// follows the schema's order of elements and is deterministic.
package opt
