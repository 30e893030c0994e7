// Package api gives tests of the HTTP API what all of them need: a database of
// their own, a caller who may do everything, and a way to ask.
package api
