// Package bench measures a running server beside the physical limit of its
// machine: the same bytes read and inserted with nothing around, through the same
// database and the same HTTP server, in rounds that take turns with the
// operations, since a shared machine is faster in one minute than in the next.
//
// The server runs in a process of its own (Load fills it, Raw is its limit), so
// that its memory and its processor time are not those of the clients. Nothing
// here asserts a time.
package bench
