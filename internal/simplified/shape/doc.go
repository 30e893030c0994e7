// Package shape says how reference model objects are spelled in simplified
// formats: which key suffix or sub-path stands for which attribute. One table
// serves both directions, so that whatever is written can be read.
//
// Source: ITS-REST 1.1 Simplified Formats, the tables of each class; where the
// text is silent or contradicts itself, the spelling clients use. What no key
// stands for is written as _<attribute>|raw with canonical JSON.
package shape
