package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
)

// ShortestSecret is the least entropy of a key, in bytes.
const ShortestSecret = 32

// Key is what seals an audit: one secret, from which a key each for leaves and
// chain, for signatures and for encryption is derived.
type Key struct {
	mac  []byte
	sign ed25519.PrivateKey
	box  cipher.AEAD
}

// NewKey derives a key from a secret of at least ShortestSecret bytes.
func NewKey(secret []byte) (*Key, error) {
	if len(secret) < ShortestSecret {
		return nil, errors.New("the secret of the audit has fewer than 32 bytes")
	}
	derive := func(purpose string) []byte {
		// The only error is of a length beyond 255 hashes.
		b, _ := hkdf.Key(sha256.New, secret, nil, "quire audit "+purpose, 32)
		return b
	}
	block, err := aes.NewCipher(derive("parameters"))
	if err != nil {
		return nil, err
	}
	box, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return &Key{mac: derive("chain"), sign: ed25519.NewKeyFromSeed(derive("signature")), box: box}, nil
}

// Public is the key that checks signatures.
func (k *Key) Public() ed25519.PublicKey { return k.sign.Public().(ed25519.PublicKey) }

// ID names the key in a seal: the first 8 bytes of the hash of its public half.
func (k *Key) ID() string { return KeyID(k.Public()) }

// KeyID names a public key as Key.ID does.
func KeyID(public ed25519.PublicKey) string {
	sum := sha256.Sum256(public)
	return hex.EncodeToString(sum[:8])
}

func (k *Key) hash(parts ...[]byte) []byte {
	h := hmac.New(sha256.New, k.mac)
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

// Encrypt hides a text that belongs to the audit row of the id; only Decrypt with
// the same id reads it.
func (k *Key) Encrypt(plain []byte, id string) []byte {
	nonce := make([]byte, k.box.NonceSize())
	_, _ = rand.Read(nonce) // never fails, by its documentation
	return k.box.Seal(nonce, nonce, plain, []byte(id))
}

// Decrypt reads what Encrypt wrote. It fails where key or id are others or a byte
// was changed.
func (k *Key) Decrypt(hidden []byte, id string) ([]byte, error) {
	if len(hidden) < k.box.NonceSize() {
		return nil, errors.New("the text is too short to be encrypted")
	}
	return k.box.Open(nil, hidden[:k.box.NonceSize()], hidden[k.box.NonceSize():], []byte(id))
}
