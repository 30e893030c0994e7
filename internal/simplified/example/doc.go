// Package example invents documents that fit a template: for clients that want
// to see one, and for tests that want many. A document is a tree of items, made
// from the web template alone; nothing in it is clinical.
package example
