// Package webtemplate derives the web template 2.3 from a compiled template:
// the tree form builders read, whose ids are the segments of FLAT and STRUCTURED
// keys. Levels that carry no meaning of their own (histories, item structures,
// single events, elements with one data type) are collapsed, and what the
// reference model demands besides is added as in-context nodes.
//
// Source: ITS-REST 1.1 Simplified Formats; the shape of the JSON is the one that
// form builders know, which the specification leaves open.
package webtemplate
