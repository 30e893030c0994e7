package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/quire-cdr/quire/internal/authn"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/keto"
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

// accessApply gives roles their rights in Keto.
type accessApply struct {
	Store     store  `embed:""`
	Policy    string `arg:"" type:"existingfile" help:"JSON: namespace, object, relation, list of subjects. A relation that is named holds exactly the subjects listed."`
	KetoRead  string `name:"keto-read-url" help:"Base URL of Keto's read API." env:"QUIRE_KETO_READ_URL" required:"" placeholder:"URL"`
	KetoWrite string `name:"keto-write-url" help:"Base URL of Keto's write API." env:"QUIRE_KETO_WRITE_URL" required:"" placeholder:"URL"`
	Sentinel  string `name:"keto-sentinel" help:"Object of the sentinel tuple; it is written where it is missing." env:"QUIRE_KETO_SENTINEL" required:"" placeholder:"OBJECT"`
	DryRun    bool   `help:"Say what would change and change nothing."`
}

// Run applies the policy and prints what changed.
func (c accessApply) Run(ctx context.Context) error {
	text, err := os.ReadFile(c.Policy)
	if err != nil {
		return err
	}
	var policy keto.Policy
	if err := json.Unmarshal(text, &policy); err != nil {
		return fmt.Errorf("%s: %w", c.Policy, err)
	}
	if err := policy.Check(); err != nil {
		return err
	}
	if err := keto.Probe(ctx, c.KetoRead, c.KetoWrite, c.Sentinel); err != nil {
		return err
	}
	identities, end, err := c.Store.identities(ctx)
	if err != nil {
		return err
	}
	defer end()
	authorizer := keto.New(keto.Config{ReadURL: c.KetoRead, WriteURL: c.KetoWrite, Sentinel: c.Sentinel, Epochs: identities, Families: identities})
	defer authorizer.Close()
	do := authorizer.Apply
	if c.DryRun {
		do = authorizer.Diff
	}
	change, err := do(ctx, policy)
	if err != nil {
		return err
	}
	for _, t := range change.Added {
		fmt.Println("+", t)
	}
	for _, t := range change.Removed {
		fmt.Println("-", t)
	}
	return nil
}
