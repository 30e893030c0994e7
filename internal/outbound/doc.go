// Package outbound makes the HTTP client for everything this server asks of
// other systems. It speaks to the hosts it was given and to no other, follows
// no redirect, and bounds the waiting for connection and header; the deadline
// of a request is its context's.
package outbound
