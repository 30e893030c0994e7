// Package fault is the leaf every other package imports: what can go wrong, as
// plain data. A kind decides the HTTP status in one table (internal/rest), the
// issues name every fault of an input at once, and an error that is no *Error
// is internal: its text is logged and never shown.
package fault
