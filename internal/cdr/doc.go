// Package cdr holds the use cases of the clinical data repository, one file a
// noun: authorize, validate, version, audit, store. It knows no HTTP, SQL or
// Keto; what it needs of the world are the ports it declares (ports.go), and
// adapters fill them.
package cdr
