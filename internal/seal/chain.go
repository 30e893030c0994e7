package seal

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"encoding/binary"
	"errors"
	"time"
)

// Seal is a link of the chain: the rows of the transactions from Lo to before Hi,
// and what came before them. As JSON it is an anchor: kept where the database's
// administrators cannot write, it shows later that nothing sealed until then was
// cut off.
type Seal struct {
	// Seq counts from 1 without gaps.
	Seq int64 `json:"seq"`
	// Lo and Hi are transaction numbers; Lo is the Hi of the seal before.
	Lo uint64 `json:"from"`
	Hi uint64 `json:"to"`
	// At is when it was sealed, in microseconds.
	At time.Time `json:"at"`
	// Events and Shown count the rows of the two tables.
	Events int64 `json:"events"`
	Shown  int64 `json:"shown"`
	// Root is that of the Tree of the rows.
	Root []byte `json:"root"`
	// Before is the Chain of the seal before, 32 zeros in the first.
	Before []byte `json:"before"`
	// Chain binds all of the above under the key.
	Chain []byte `json:"chain"`
	// Key names the key; Signature is Ed25519 over the same.
	Key       string `json:"key"`
	Signature []byte `json:"signature"`
}

// ErrBroken is a seal that does not say what was sealed.
var ErrBroken = errors.New("the seal is broken")

// statement is what a seal says, as bytes.
func (s *Seal) statement() []byte {
	b := []byte("quire audit seal 1\n")
	b = append(b, s.Before...)
	for _, n := range []uint64{uint64(s.Seq), s.Lo, s.Hi, uint64(s.At.UnixMicro()), uint64(s.Events), uint64(s.Shown)} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return append(b, s.Root...)
}

// Close completes a seal that follows the one before, nil for the first.
func (k *Key) Close(s *Seal, before *Seal) {
	s.Seq, s.Lo, s.Before = 1, 0, make([]byte, 32)
	if before != nil {
		s.Seq, s.Lo, s.Before = before.Seq+1, before.Hi, before.Chain
	}
	s.At = s.At.Truncate(time.Microsecond)
	statement := s.statement()
	s.Chain, s.Key = k.hash(statement), k.ID()
	s.Signature = ed25519.Sign(k.sign, append(statement, s.Chain...))
}

// Check judges a seal by the key and by the one before it, nil for the first.
func (k *Key) Check(s *Seal, before *Seal) error {
	if !hmac.Equal(s.Chain, k.hash(s.statement())) {
		return ErrBroken
	}
	return Follows(k.Public(), s, before)
}

// Follows judges a seal by the public key alone: its signature, and that it goes
// on from the one before. It cannot judge rows.
func Follows(public ed25519.PublicKey, s *Seal, before *Seal) error {
	seq, lo, chain := int64(1), uint64(0), make([]byte, 32)
	if before != nil {
		seq, lo, chain = before.Seq+1, before.Hi, before.Chain
	}
	if s.Seq != seq || s.Lo != lo || s.Hi <= s.Lo && s.Seq != 1 || !bytes.Equal(s.Before, chain) || !s.Signed(public) {
		return ErrBroken
	}
	return nil
}

// Signed says whether the seal carries the signature of the key.
func (s *Seal) Signed(public ed25519.PublicKey) bool {
	return len(public) == ed25519.PublicKeySize && s.Key == KeyID(public) && ed25519.Verify(public, append(s.statement(), s.Chain...), s.Signature)
}
