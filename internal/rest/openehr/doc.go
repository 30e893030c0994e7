// Package openehr serves the openEHR REST API (ITS-REST 1.1 with the 1.0.3
// spellings accepted): one file a noun, each a table of routes over a narrow
// interface of the use cases. Handlers read headers and format and call one use
// case; rules of the record live in cdr.
package openehr
