// Package testkit gives tests a real Postgres and a real Keto.
//
// A test asks for what it needs: Database for a fresh database cloned from a migrated template, Keto for a running Keto,
// Own for a pair it may stop and kill. Under `make test` one Postgres and one Keto serve all packages; their addresses
// come by environment variables from the runner in testkit/run. A bare `go test ./x` starts its own on first use.
// What is missing on the machine fails the test with the command to run; nothing is skipped.
//
// A package that uses it ends its tests through Main:
//
//	func TestMain(m *testing.M) { testkit.Main(m) }
package testkit
