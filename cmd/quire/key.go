package main

import (
	"context"
	"fmt"
	"time"

	"github.com/quire-cdr/quire/internal/authn"
	"github.com/quire-cdr/quire/internal/cdr"
)

// accessKey makes the first identities of a production server; it needs the
// database and not the server, since there is nobody yet who could ask it.
type accessKey struct {
	Store        store    `embed:""`
	Subject      string   `arg:"" help:"Who: user:... or svc:... as in the access policy."`
	Role         []string `help:"Roles the holder may select; the first is the default." required:""`
	Organisation string   `help:"Home organisation; the EHRs the holder creates are registered with it." required:""`
	Service      bool     `help:"A service account."`
	Days         int      `help:"How long the key is good." default:"90"`
	Env          string   `help:"Part of the key's text that tells systems apart." default:"live"`
}

// Run prints the key once; only its hash is stored.
func (c accessKey) Run(ctx context.Context) error {
	if c.Days < 1 || c.Days > 3660 {
		return fmt.Errorf("a key is good for 1 to 3660 days")
	}
	identities, end, err := c.Store.identities(ctx)
	if err != nil {
		return err
	}
	defer end()
	text, key, err := authn.NewKey(c.Env, cdr.APIKey{
		Subject: c.Subject, Roles: c.Role, Organisation: c.Organisation, Service: c.Service,
		Created: time.Now(), Expires: time.Now().AddDate(0, 0, c.Days),
	})
	if err != nil {
		return err
	}
	event := cdr.Event{Action: "C", Outcome: "success", Principal: "system:operator", Role: "operator", Org: c.Organisation, Object: "api-key " + key.ID}
	if err := identities.PutKey(ctx, key, event); err != nil {
		return err
	}
	fmt.Println(text)
	return nil
}
