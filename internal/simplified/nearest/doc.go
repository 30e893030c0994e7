// Package nearest finds the names that a misspelt one was meant to be, by edit
// distance.
package nearest
