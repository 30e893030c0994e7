package cdr

import (
	"net/netip"
	"time"
)

// APIKey is a local identity: a random secret of which only the hash is kept.
type APIKey struct {
	// ID is the public part of the key.
	ID string
	// Hash is the SHA-256 of the whole key as its holder sends it.
	Hash []byte
	// Subject is who the holder is, such as "user:local:clinician" or "svc:engine".
	Subject string
	// Roles are those the holder may select; the first is the default.
	Roles []string
	// Organisation is the holder's home.
	Organisation string
	Service      bool
	// Demo marks the keys that `up` prints.
	Demo bool
	// Networks the key may be used from; none means any.
	Networks []netip.Prefix
	Created  time.Time
	Expires  time.Time
	// Revoked is zero while the key is good.
	Revoked time.Time
}
