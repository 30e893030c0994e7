// Package row cuts a reference model tree into the rows that AQL reads: one row
// per archetype-rooted node, with the subtree down to the next archetype roots
// as compact JSON, and with its shape, the set of inner paths by which the
// database finds an ELEMENT or a POINT_EVENT without opening a row.
//
// The JSON is for queries only and can be rebuilt from the documents at any
// time. It has the members of the canonical form, but:
//
//   - a LOCATABLE that is no archetype root stands under "attr[code]", a list
//     where the reference model declares a container;
//   - an archetype root is left out: it has a row of its own, whose "@" names
//     the attribute that holds it and whose Parent is the number of the holder;
//   - LOCATABLE and other PATHABLE objects carry their pre-order number "#" and
//     that of their last descendant "$", by which they are cut from the document;
//   - "_type" is left out where the declared class is concrete and equal;
//   - a temporal value, a duration and a proportion carry "_m", the magnitude to
//     compare by, and "_x", the exclusive end, where the value is partial.
package row
