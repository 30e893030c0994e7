// Package compose makes a composition of the items of a simplified document and
// a web template: one walk over the items, each placed by the template node its
// key names, then what the document leaves out is filled in from its context
// (ctx), the template and the specification's defaults.
//
// Nothing is dropped: a key that names nothing is refused with the nearest keys
// that name something, and all faults are reported at once.
package compose
