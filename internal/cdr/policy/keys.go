package policy

import (
	"context"
	"net/netip"
	"regexp"
	"slices"
	"time"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// KeyStore keeps API keys.
type KeyStore interface {
	// Keys lists those that are not withdrawn, by subject; expired ones too. Their
	// hashes are left out.
	Keys(ctx context.Context) ([]HeldKey, error)
	PutKey(ctx context.Context, k cdr.APIKey, audit cdr.Event) error
	RevokeKey(ctx context.Context, id string, audit cdr.Event) error
}

// HeldKey is a key and when it was used last, zero for never.
type HeldKey struct {
	cdr.APIKey
	Used time.Time
}

// Mint makes a key with a new id and secret; the text is never stored.
type Mint func(env string, of cdr.APIKey) (text string, key cdr.APIKey, err error)

// KeyRequest asks for a key of a service account.
type KeyRequest struct {
	// Subject is svc:<client>.
	Subject      string
	Roles        []string
	Organisation string
	// Networks the key may be used from; none means any.
	Networks []string
	Days     int
	// Env is a part of the key's text that tells systems apart; "" is live.
	Env string
}

const (
	longestKey   = 400 // days
	defaultDays  = 90
	mostNetworks = 100
)

var serviceSubject = regexp.MustCompile(`^svc:[^\s#@]{1,200}$`)

// MakeKey makes a key for a service account and gives its text, once. Keys of
// people are made by who holds the database: through this one an administrator
// would become anybody. Who makes a key gets what the account may do, so that all
// of it must be the caller's to give.
func (p *Policies) MakeKey(ctx context.Context, caller cdr.Caller, r KeyRequest, reason string) (text string, key cdr.APIKey, err error) {
	if err := cdr.ValidReason(reason); err != nil {
		return "", key, err
	}
	if r.Days == 0 {
		r.Days = defaultDays
	}
	if r.Env == "" {
		r.Env = "live"
	}
	switch {
	case !serviceSubject.MatchString(r.Subject):
		return "", key, fault.New(fault.Invalid, "key-subject", "a key is made for a service account, svc:<client>; those of people by the command quire access key")
	case r.Days < 1 || r.Days > longestKey:
		return "", key, fault.New(fault.Invalid, "key-days", "a key is good for 1 to %d days", longestKey)
	case len(r.Roles) == 0 || r.Organisation == "":
		return "", key, fault.New(fault.Invalid, "key", "a key names its roles and its organisation")
	case len(r.Networks) > mostNetworks:
		return "", key, fault.New(fault.Invalid, "key-networks", "a key names at most %d networks", mostNetworks)
	}
	of := cdr.APIKey{Subject: r.Subject, Roles: r.Roles, Organisation: r.Organisation, Service: true, Created: time.Now(), Expires: time.Now().AddDate(0, 0, r.Days)}
	for _, text := range r.Networks {
		network, err := netip.ParsePrefix(text)
		if err != nil || network != network.Masked() {
			return "", key, fault.New(fault.Invalid, "key-networks", "a network is written as 10.1.0.0/16, without bits after the prefix")
		}
		of.Networks = append(of.Networks, network)
	}
	profile, err := p.Act.Administrator(ctx, caller)
	if err != nil {
		return "", key, err
	}
	event := p.Act.Event(caller, profile, cdr.Event{Action: "C", Object: "api-key " + r.Subject, Basis: "key:" + reason})
	if !profile.MayUse(areaUsers) || profile.EHR != "" {
		return "", key, p.Act.Deny(ctx, caller, profile, event)
	}
	now, err := p.Store.Policy(ctx)
	if err != nil {
		return "", key, err
	}
	rights := newGraph(now.Tuples).closure(r.Subject)
	for _, role := range r.Roles {
		if _, held := rights[Right{"Role", role, "members"}]; !held {
			return "", key, fault.New(fault.Unprocessable, "key-role", "%s does not hold the role %q; give it first", r.Subject, role)
		}
	}
	if !profile.All {
		a := authority{profile, now}
		held := newGraph(now.Tuples).closure(append([]string{profile.Principal}, profile.Groups...)...)
		for right := range rights {
			if !right.members() && !a.mayGive(right, held) {
				return "", key, p.denied(ctx, caller, profile, reason, fault.New(fault.Forbidden, "policy-lacking", "the key would give %s, which this identity neither has nor may give", right))
			}
		}
	}
	if text, key, err = p.Mint(r.Env, of); err != nil {
		return "", key, err
	}
	event.Object = "api-key " + key.ID + " " + r.Subject
	return text, key, p.Keys.PutKey(ctx, key, event)
}

// RevokeKey withdraws a key now.
func (p *Policies) RevokeKey(ctx context.Context, caller cdr.Caller, id, reason string) error {
	if err := cdr.ValidReason(reason); err != nil {
		return err
	}
	profile, err := p.Act.Administrator(ctx, caller)
	if err != nil {
		return err
	}
	event := p.Act.Event(caller, profile, cdr.Event{Action: "D", Object: "api-key " + id, Basis: "key:" + reason})
	if !profile.MayUse(areaUsers) || profile.EHR != "" {
		return p.Act.Deny(ctx, caller, profile, event)
	}
	if err := p.Keys.RevokeKey(ctx, id, event); err != nil {
		return err
	}
	return p.Control.Authorizer.Refresh(ctx)
}

// ListKeys lists the keys that are not withdrawn, for who may look at users.
func (p *Policies) ListKeys(ctx context.Context, caller cdr.Caller) ([]HeldKey, error) {
	profile, err := p.Act.Administrator(ctx, caller)
	if err != nil {
		return nil, err
	}
	event := cdr.Event{Action: "R", Object: "api-keys"}
	if !profile.MayView(areaUsers) || profile.EHR != "" {
		return nil, p.Act.Deny(ctx, caller, profile, event)
	}
	list, err := p.Keys.Keys(ctx)
	if err != nil {
		return nil, err
	}
	return slices.Clip(list), p.Act.Record(ctx, p.Act.Event(caller, profile, event))
}
