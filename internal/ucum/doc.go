// Package ucum reads units of measure of the Unified Code for Units of Measure
// (case sensitive), tells which measure the same, and converts between those
// exactly.
//
// It is careful where a number would be wrong rather than absent: logarithmic
// units (B, pH) and arbitrary ones ([iU], [HPF]) are read and never converted;
// amounts of substance, equivalents and osmoles are quantities of their own,
// where UCUM makes all three plain numbers; the three temperature scales convert
// only where they stand alone. Everyday spellings such as mmHg and °C are
// understood when two units are compared and are never valid UCUM.
//
// The table is our own statement of the definitions, limited to what clinical
// archetypes and the openEHR property table use.
package ucum
