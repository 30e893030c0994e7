package authn

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"regexp"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// keyForm is quire_<env>_<id>_<secret>.
var keyForm = regexp.MustCompile(`^quire_([a-z0-9]{1,16})_([a-z0-9]{8,32})_([0-9a-f]{64})$`)

var environment = regexp.MustCompile(`^[a-z0-9]{1,16}$`)

// NewKey makes a key with a new id and secret for what of names: subject, roles,
// organisation, networks, expiry. The text is shown once and never stored. env
// tells keys of different systems apart, such as "demo" or "live".
func NewKey(env string, of cdr.APIKey) (text string, key cdr.APIKey, err error) {
	if !environment.MatchString(env) {
		return "", key, fault.New(fault.Invalid, "key-environment", "the environment of a key is 1 to 16 lower-case letters and digits")
	}
	if of.Subject == "" || of.Expires.IsZero() {
		return "", key, fault.New(fault.Invalid, "key", "a key needs a subject and an expiry")
	}
	var random [38]byte
	if _, err := rand.Read(random[:]); err != nil {
		return "", key, err
	}
	key = of
	key.ID = hex.EncodeToString(random[:6])
	text = "quire_" + env + "_" + key.ID + "_" + hex.EncodeToString(random[6:])
	sum := sha256.Sum256([]byte(text))
	key.Hash = sum[:]
	return text, key, nil
}

// keyID is the public part of a key's text, "" where it is none.
func keyID(text string) string {
	m := keyForm.FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	return m[2]
}
