// Package oidc verifies bearer tokens of OpenID Connect issuers: JWTs signed by a
// key that the issuer publishes (OpenID Connect Discovery 1.0, RFC 7517), for this
// audience, by an algorithm on the issuer's list, within their time. What a token
// claims becomes roles only through the rules that are configured for its issuer;
// a claim that no rule names confers nothing.
package oidc
