// Package rminfo is the one table of what the openEHR reference model 1.1.0
// allows: its classes, their inheritance, their attributes with type and
// multiplicity. Parsers, validator, paths and codecs all ask it; nobody keeps a
// list of their own. The table is generated from rm.model, which states the
// facts in a readable form. Names are spelled as the specification spells them:
// rminfo.DV_QUANTITY, rminfo.A_magnitude.
package rminfo

//go:generate go run ./gen
