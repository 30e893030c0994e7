// Package issuer is an OpenID Connect issuer for tests: it publishes its keys,
// signs any claims, changes its keys, and can be away.
package issuer
