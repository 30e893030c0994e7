package main

import (
	"context"
	"time"

	"github.com/quire-cdr/quire/internal/authn"
	"github.com/quire-cdr/quire/internal/authn/oidc"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/demo"
	"github.com/quire-cdr/quire/internal/outbound"
	"github.com/quire-cdr/quire/internal/rest"
	"github.com/quire-cdr/quire/internal/rest/openehr"
)

// demoKeyLife is long for a demo and ends all the same.
const demoKeyLife = 365 * 24 * time.Hour

// issueKey makes a demo key and stores its hash.
func (p *parts) issueKey(ctx context.Context, subject, role, organisation string, service bool) (string, error) {
	text, key, err := authn.NewKey("demo", cdr.APIKey{
		Subject: subject, Roles: []string{role}, Organisation: organisation, Service: service, Demo: true,
		Created: time.Now(), Expires: time.Now().Add(demoKeyLife),
	})
	if err != nil {
		return "", err
	}
	event := cdr.Event{Action: "C", Outcome: "success", Principal: "system:quire", Role: "system", Org: organisation, Object: "api-key " + key.ID}
	return text, p.access.PutKey(ctx, key, event)
}

// The users clients of EHRbase know, of --compat ehrbase alone. Their roles are
// Keto's like everybody's.
const (
	compatUser      = "user:local:ehrbase-user"
	compatAdmin     = "user:local:ehrbase-admin"
	compatRole      = "ehrbase"
	compatAdminRole = "ehrbase-admin"

	compatOrganisation = "X99EHRBASE"
)

// compatAreas are the parts of the administration EHRbase's user has too.
var compatAreas = []string{"templates", "queries", "demographic"}

// verifier tells who is calling. open is --auth none, compat adds EHRbase's users.
func verifier(p *parts, open, compat bool, tokens *oidc.Verifier) rest.Verifier {
	c := authn.Config{Keys: p.access, Epoch: p.authorizer.Epoch, Logger: p.log}
	if tokens != nil {
		c.Tokens = tokens
	}
	if open {
		c.Open = &cdr.Caller{Subject: "user:local:anybody", Name: "anybody", Organisation: demo.Organisations[0], All: true}
	}
	if compat {
		user := func(name, password, subject, role string) authn.BasicUser {
			return authn.BasicUser{Name: name, Password: password, Roles: []string{role},
				Caller: cdr.Caller{Subject: subject, Name: name, Organisation: compatOrganisation}}
		}
		c.Basic = []authn.BasicUser{
			user("ehrbase-user", "SuperSecretPassword", compatUser, compatRole),
			user("ehrbase-admin", "EvenMoreSecretPassword", compatAdmin, compatAdminRole),
		}
	}
	return credentials{authn.New(c)}
}

// tokens verifies those of the issuers, and tells apps where they come from; both
// are nil without issuers.
func tokens(issuers []oidc.Issuer) (*oidc.Verifier, openehr.Smart) {
	if len(issuers) == 0 {
		return nil, nil
	}
	var hosts []string
	for i := range issuers {
		hosts = append(hosts, issuers[i].Hosts()...)
	}
	v := oidc.New(issuers, outbound.Client(hosts...), nil)
	if s := v.Smart(issuers); s != nil {
		return v, s
	}
	return v, nil
}

// credentials hands the credentials of a request from one adapter to the other.
type credentials struct{ verifier *authn.Verifier }

// Verify implements rest.Verifier.
func (c credentials) Verify(ctx context.Context, r rest.Credentials) (cdr.Caller, error) {
	return c.verifier.Verify(ctx, authn.Credentials{
		Authorization: r.Header("Authorization"), Role: r.Header(authn.RoleHeader),
		Source: r.Source, Purpose: r.Purpose, RequestID: r.RequestID,
	})
}
