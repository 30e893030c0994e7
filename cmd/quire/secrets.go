package main

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// secrets are what a data directory keeps for itself, DIR/secrets.json, mode 0600.
type secrets struct {
	OwnerPassword string            `json:"owner_password"`
	AppPassword   string            `json:"app_password"`
	FormSecret    string            `json:"form_secret"`
	AuditSecret   string            `json:"audit_secret"`
	Tokens        map[string]string `json:"tokens"`
}

// loadSecrets reads them, or makes them at the first start.
func loadSecrets(dir string) (*secrets, error) {
	path := filepath.Join(dir, "secrets.json")
	text, err := os.ReadFile(path)
	if err == nil {
		s := &secrets{}
		if err := json.Unmarshal(text, s); err != nil || s.AuditSecret != "" {
			return s, err
		}
		s.AuditSecret = secret()
		return s, s.save(dir)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	s := &secrets{OwnerPassword: secret(), AppPassword: secret(), FormSecret: secret(), AuditSecret: secret(), Tokens: map[string]string{}}
	return s, s.save(dir)
}

func (s *secrets) save(dir string) error { return writeJSON(filepath.Join(dir, "secrets.json"), s) }

func secret() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails, by its documentation
	return hex.EncodeToString(b)
}

// writeJSON replaces a private file in one step, so that nobody reads half of it.
func writeJSON(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
