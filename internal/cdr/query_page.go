package cdr

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/quire-cdr/quire/internal/aql/plan"
	"github.com/quire-cdr/quire/internal/fault"
)

// defaultPage is how many rows a page has where none are asked for.
const defaultPage = 100

// cursorAge is how long a cursor may be used: the functions of time keep the
// moment of the first page.
const cursorAge = 24 * time.Hour

// position is where a page begins.
type position struct {
	// After and Ties are the key of the last row given, and how many rows had it.
	After string `json:"a"`
	Ties  int64  `json:"t"`
	// Given counts the rows of all pages before, within the query's LIMIT.
	Given int64     `json:"g"`
	Now   time.Time `json:"n"`
	fetch int64
}

// cursorCipher seals cursors: they hold values of the rows they stand after.
func cursorCipher(secret []byte) cipher.AEAD {
	if len(secret) == 0 {
		secret = make([]byte, 32)
		// It does not fail (crypto/rand).
		_, _ = rand.Read(secret)
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("quire query cursor"))
	block, err := aes.NewCipher(mac.Sum(nil))
	if err != nil {
		panic(err) // a key of 32 bytes is always one
	}
	sealed, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // AES has the block size of GCM
	}
	return sealed
}

// paginate reads the cursor of the request.
func (r *ResultSet) paginate() error {
	q := &r.request
	if !q.Paged || q.Explain {
		return nil
	}
	switch {
	case q.Offset > 0:
		return fault.New(fault.Invalid, "query-cursor", "a page is asked for by its cursor or by offset, not by both")
	case r.query.Top != nil:
		return fault.New(fault.Invalid, "query-cursor", "a query with TOP has no pages; write ORDER BY and LIMIT")
	}
	r.position = &position{Now: r.now}
	if q.Cursor != "" {
		if err := r.open(q.Cursor); err != nil {
			return err
		}
		r.now = r.position.Now
	}
	if q.Fetch == 0 {
		q.Fetch = defaultPage
	}
	if limit := r.limits.Rows; limit > 0 && q.Fetch > limit {
		q.Fetch = limit
	}
	r.position.fetch = q.Fetch
	return nil
}

// bound is what a cursor is good for: this query, these parameters, this caller.
func (r *ResultSet) bound() []byte {
	q := r.request
	// Parameters came as JSON, and maps are written in the order of their keys.
	text, err := json.Marshal([]any{q.Text, q.Name, q.Params, q.EHR, q.Exact, r.profile.Principal, r.profile.Role})
	if err != nil {
		return nil
	}
	sum := sha256.Sum256(text)
	return sum[:]
}

func (r *ResultSet) open(cursor string) error {
	refused := fault.New(fault.Invalid, "query-cursor", "the cursor is not one of this query, these parameters and this caller, or is older than %s", cursorAge)
	sealed, err := base64.RawURLEncoding.DecodeString(cursor)
	n := r.service.cursors.NonceSize()
	if err != nil || len(sealed) < n {
		return refused
	}
	text, err := r.service.cursors.Open(nil, sealed[:n], sealed[n:], r.bound())
	if err != nil || json.Unmarshal(text, r.position) != nil || r.service.clock.Now().Sub(r.position.Now) > cursorAge {
		return refused
	}
	return nil
}

// apply makes the store begin where the page does and end one row later.
func (p *position) apply(q *StoreQuery, out *resultWriter) {
	q.Page = &plan.Keyset{After: p.After, Skip: p.Ties}
	q.Key = out.Key
	out.most, out.cuts = p.fetch, false
	q.Options.Fetch = p.fetch + 1
	if limit := q.Query.Limit; limit != nil && p.Given > 0 {
		rest := *q.Query
		rest.Limit = nil
		q.Query = &rest
		q.Options.Fetch = min(q.Options.Fetch, limit.Count-p.Given)
	}
}

// next seals the position after the last row of the page.
func (p *position) next(o *resultWriter) (string, error) {
	after := position{After: o.last, Ties: o.ties, Given: p.Given + o.rows, Now: p.Now}
	if p.After == o.last {
		after.Ties += p.Ties
	}
	text, err := json.Marshal(after)
	if err != nil {
		return "", err
	}
	s := o.set.service.cursors
	nonce := make([]byte, s.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(s.Seal(nonce, nonce, text, o.set.bound())), nil
}
