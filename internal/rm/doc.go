// Package rm holds openEHR reference model objects in memory: one compact,
// immutable tree per object. A node is 24 bytes and knows its class, attribute,
// parent and extent; children follow their parent in document order, so that
// the node id is the pre-order number the database uses for containment. What a
// class or attribute means is asked of rminfo; there are no per-class structs.
package rm
