// Package canonxml reads and writes the canonical XML of openEHR reference model
// objects (ITS-XML): the namespaces v1 and v2 and none are read, v1 is written,
// extended by what RM 1.1.0 has and the v1 schemas lack, since nothing is ever
// dropped to fit a schema. Classes, mandatory members and numbers are judged by
// package canon, so that a defect has the same rule and path in XML and JSON.
//
// From XML to a tree and back, and from JSON to XML and back, an object keeps its
// content. XML cannot say, and so what may change, is:
//
//   - the order of members: it is that of the schema's sequence, with the items
//     of each list in their order;
//   - whether a class that its place implies was written: from XML to JSON
//     `_type` is always there, from JSON to XML xsi:type is where the schema
//     needs it;
//   - an empty list, which canon drops too.
//
// Reading is freer than the schema where nothing is lost: elements in any order,
// xsi:type anywhere and with any prefix. White space around numbers and truth
// values goes, and xs:double's own forms become JSON's: +1 is 1, .5 is 0.5, 007
// is 7, 1. is 1. All other text is kept as it stands.
//
// There is no document type, so no entity beyond the five and nothing external;
// depth, size, attributes and namespaces are bounded.
package canonxml
