// Package embedded runs PostgreSQL and Ory Keto as child processes: for `quire up`, and for tests.
//
// It knows how to find the binaries, under which user they run, how they are started, stopped and never left behind.
// It does not speak to them: readiness is decided by probes the caller hands in, so that this package needs neither a
// Postgres driver nor a Keto client.
//
// Three rules hold everything else together:
//   - Every child is started from one goroutine locked to its thread, because the kernel's parent-death signal follows
//     the thread and not the process. Kill the parent with SIGKILL and the children still end, Postgres cleanly.
//   - Every child inherits one lock file, so that the kernel itself says when the last child of a predecessor has gone.
//   - A child never runs as root: postgres refuses to, and Keto has no need to.
//
// Linux only: parent-death signals and namespaces are Linux's.
package embedded
