package form

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/quire-cdr/quire/internal/fault"
)

// claims is what a token says of the response it stands in. They are signed and
// not hidden: the response around them says as much.
type claims struct {
	EHR      string `json:"e"`
	Template string `json:"t"`
	// Content is the hash of the template the form was made of.
	Content string `json:"c"`
	// Base is the version the response was issued from, "" for a blank form.
	Base      string `json:"b,omitempty"`
	Principal string `json:"p"`
	// Issued is in seconds since 1970.
	Issued int64 `json:"i"`
	// Copies are the entries that filled a blank form.
	Copies []copied `json:"s,omitempty"`
	// Nonce makes a blank form count once, however often it is sent.
	Nonce string `json:"n"`
}

const (
	tokenVersion = "q1"
	// tokenLife is how long a form may stay open.
	tokenLife = 24 * time.Hour
	// clockSkew is what the clocks of two processes may differ by.
	clockSkew = 5 * time.Minute
)

// sign writes a token: a version, the claims and their HMAC-SHA256.
func (f *Forms) sign(c claims) (string, error) {
	nonce := make([]byte, 12)
	if _, err := rand.Read(nonce); err != nil {
		return "", err
	}
	c.Nonce, c.Issued = base64.RawURLEncoding.EncodeToString(nonce), f.Clock.Now().Unix()
	text, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	signed := tokenVersion + "." + base64.RawURLEncoding.EncodeToString(text)
	return signed + "." + base64.RawURLEncoding.EncodeToString(f.mac(signed)), nil
}

func (f *Forms) mac(signed string) []byte {
	m := hmac.New(sha256.New, f.Secret)
	m.Write([]byte("quire form token\n" + signed))
	return m.Sum(nil)
}

// verify reads a token; one that is not ours or is over is a Conflict.
func (f *Forms) verify(token string) (claims, error) {
	forged := fault.New(fault.Conflict, "token-invalid", "the token of the response is none this server has signed; ask for the form again")
	var c claims
	dot := strings.LastIndexByte(token, '.')
	if dot < 0 || !strings.HasPrefix(token, tokenVersion+".") {
		return c, forged
	}
	signature, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
	if err != nil || !hmac.Equal(signature, f.mac(token[:dot])) {
		return c, forged
	}
	text, err := base64.RawURLEncoding.DecodeString(token[len(tokenVersion)+1 : dot])
	if err != nil || json.Unmarshal(text, &c) != nil {
		return c, forged
	}
	age := f.Clock.Now().Sub(time.Unix(c.Issued, 0))
	if age > tokenLife || age < -clockSkew {
		return c, fault.New(fault.Conflict, "token-expired", "the form was issued more than %d hours ago; ask for it again", int(tokenLife.Hours()))
	}
	return c, nil
}
