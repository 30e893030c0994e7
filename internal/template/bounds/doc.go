// Package bounds compares intervals and patterns of constraints as values and
// not as texts: which of two allows more.
package bounds
