package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"

	"github.com/quire-cdr/quire/internal/postgres/ledger"
	"github.com/quire-cdr/quire/internal/seal"
)

// keyring are the keys of an audit, the one that seals first.
type keyring []*seal.Key

func newKeyring(secrets [][]byte) (keyring, error) {
	var ring keyring
	for _, secret := range secrets {
		k, err := seal.NewKey(secret)
		if err != nil {
			return nil, err
		}
		ring = append(ring, k)
	}
	if len(ring) == 0 {
		return nil, errors.New("the audit has no key")
	}
	return ring, nil
}

// Decrypt opens what any of the keys hid.
func (r keyring) Decrypt(hidden []byte, id string) (plain []byte, err error) {
	for _, k := range r {
		if plain, err = k.Decrypt(hidden, id); err == nil {
			return plain, nil
		}
	}
	return nil, err
}

// Encrypt hides with the key that seals now.
func (r keyring) Encrypt(plain []byte, id string) []byte { return r[0].Encrypt(plain, id) }

// byID finds the keys by the names that seals give them.
func (r keyring) byID() map[string]*seal.Key {
	out := map[string]*seal.Key{}
	for _, k := range r {
		out[k.ID()] = k
	}
	return out
}

// sealing seals a server's audit and tells how far it is.
type sealing struct {
	keys   keyring
	sealer *ledger.Sealer
	dsn    string
}

func newSealing(w wiring) (s sealing, err error) {
	if s.keys, err = newKeyring(w.AuditSecrets); err != nil {
		return s, err
	}
	s.dsn = w.Direct
	c := ledger.Config{DSN: w.Direct, Key: s.keys[0], Log: w.Log}
	if w.AuditAnchor != "" {
		c.Anchor = func(made *seal.Seal) error { return appendLine(w.AuditAnchor, made) }
		// A file that cannot be written is found out now, not at the first seal.
		if err := appendLine(w.AuditAnchor, nil); err != nil {
			return s, err
		}
	}
	s.sealer = ledger.NewSealer(c)
	return s, nil
}

// Head is the newest seal.
func (s sealing) Head(ctx context.Context) (*seal.Seal, error) {
	conn, err := ledger.Connect(ctx, s.dsn)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	return ledger.Head(ctx, conn)
}

// PublicKey checks the signatures of seals.
func (s sealing) PublicKey() []byte { return s.keys[0].Public() }

// appendLine writes a value as a line at the end of a file, durably; nil only
// tries the file.
func appendLine(path string, v any) error {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if v == nil {
		return file.Close()
	}
	line, err := json.Marshal(v)
	if err == nil {
		_, err = file.Write(append(line, '\n'))
	}
	return errors.Join(err, file.Sync(), file.Close())
}
