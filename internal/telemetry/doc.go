// Package telemetry makes the log and the metrics. Both carry route patterns,
// never paths, query strings, AQL or arguments: what describes a person must not
// leave through a side door.
package telemetry
