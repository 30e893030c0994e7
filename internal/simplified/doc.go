// Package simplified is the door to the simplified formats: FLAT and STRUCTURED
// documents become compositions and back, by the web template of their template.
//
//	webtemplate  the tree of keys
//	syntax       JSON of both formats as one tree of items
//	shape        the keys of each class of the reference model
//	compose      items to composition
//	decompose    composition to items
//
// Source: ITS-REST 1.1 Simplified Formats; DIALECTS.md says where others differ.
package simplified
