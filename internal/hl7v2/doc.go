// Package hl7v2 reads and writes HL7 version 2 messages in their encoding with
// delimiters (HL7 2.5.1 chapter 2): segments, fields, repetitions, components
// and subcomponents, escape sequences, the encoding characters a message itself
// names and the character set of MSH-18, and acknowledgements that name the field
// at fault. It knows no transport; what fields mean stands in package mapping.
package hl7v2
