// Package conformance holds black-box suites: they speak HTTP to a running
// server and know nothing of its inside. With QUIRE_ACCESS naming the access.json
// of a running `quire up` they run against that; else they build the server,
// start it on a fresh data directory and stop it again. Known differences from
// the specifications are numbered in README.md of this folder.
package conformance
