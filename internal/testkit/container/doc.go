// Package container starts a Postgres in a container for a test run on a machine without Postgres binaries. It stands apart
// because testcontainers brings a large tree of dependencies: only the test runner imports it.
package container
