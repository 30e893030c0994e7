// Package template compiles an operational template into the form everything
// else reads: an immutable arena of nodes in pre-order, each with parent,
// attribute, occurrences, constraint, names and path, together with the terms
// of all languages. Validation, simplified formats, forms, examples and AQL ask
// it and rminfo, never the XML.
package template
