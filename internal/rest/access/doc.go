// Package access serves /access/v1: relationships of organisations, grants and
// emergency access to single records, and the explanation of a decision.
package access
