// Package authn tells who is calling: bearer API keys, tokens of OpenID Connect
// issuers (package oidc), and basic users for clients of other servers. It yields a cdr.Caller and decides nothing about
// rights.
//
// A key is quire_<env>_<id>_<secret> with 32 random bytes of secret. Only its
// SHA-256 is kept: against a random secret a slow hash would defend nothing and
// cost every request. Verified keys are kept for a minute and dropped when the
// access epoch moves, so that a withdrawn key ends at once.
package authn
