package policy

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// A link is a key for one record, for a home or a hospice that has no identities
// here: a service account of its own that holds the role "link" and was given
// that record to read, until the link ends. What links may see of a record is what
// the policy gives that role: labels, and nothing else.
const (
	linkRole    = "link"
	linkSubject = "svc:link-"
	// KindLink is the kind of grant a link stands on.
	KindLink = "link"

	longestLink = 180 * 24 * time.Hour
)

// isLink says that a tuple belongs to a link: it comes and goes with it, and is no
// matter of files.
func (t Tuple) isLink() bool { return strings.HasPrefix(t.Subject, linkSubject) }

// LinkStore keeps links.
type LinkStore interface {
	// OpenLink stores key, grant and tuple in one transaction.
	OpenLink(ctx context.Context, k cdr.APIKey, g cdr.Grant, t Tuple, audit cdr.Event) error
	// CloseLink ends all of them; NotFound where the record has no such link.
	CloseLink(ctx context.Context, ehr string, t Tuple, audit cdr.Event) error
	// SweepLinks takes away the tuples of links that have ended.
	SweepLinks(ctx context.Context, prefix string) error
}

// Link is what somebody outside is handed, once.
type Link struct {
	ID, Key string
	Ends    time.Time
}

// OpenLink makes a link to a record, for who manages access to it.
func (p *Policies) OpenLink(ctx context.Context, caller cdr.Caller, ehr string, ends time.Time, networks []string, reason string) (Link, error) {
	if err := cdr.ValidReason(reason); err != nil {
		return Link{}, err
	}
	if left := time.Until(ends); left <= 0 || left > longestLink {
		return Link{}, fault.New(fault.Invalid, "link-ends", "a link ends within %d days", int(longestLink.Hours()/24))
	}
	var nets []netip.Prefix
	for _, text := range networks {
		network, err := netip.ParsePrefix(text)
		if err != nil || network != network.Masked() || len(networks) > mostNetworks {
			return Link{}, fault.New(fault.Invalid, "key-networks", "a network is written as 10.1.0.0/16, without bits after the prefix")
		}
		nets = append(nets, network)
	}
	event, err := p.Control.Over(ctx, caller, ehr, "C", "link:"+reason)
	if err != nil {
		return Link{}, err
	}
	profile, err := p.Act.Administrator(ctx, caller)
	if err != nil {
		return Link{}, err
	}
	now, err := p.Store.Policy(ctx)
	if err != nil {
		return Link{}, err
	}
	g := newGraph(now.Tuples)
	held := g.closure(append([]string{profile.Principal}, profile.Groups...)...)
	rights := g.closure("Role:" + linkRole)
	if len(rights) == 0 {
		return Link{}, fault.New(fault.Conflict, "link-role", "the policy gives the role %q no label, so that a link would show nothing", linkRole)
	}
	for r := range rights {
		if r.Namespace != "Sensitivity" || r.Relation != "readers" {
			return Link{}, fault.New(fault.Conflict, "link-role", "the policy gives the role %q more than labels to read: %s; no link is made", linkRole, r)
		}
		if !profile.All && !(authority{profile, now}).mayGive(r, held) {
			return Link{}, p.denied(ctx, caller, profile, reason, fault.New(fault.Forbidden, "policy-lacking", "a link would give %s, which this identity neither has nor may give", r))
		}
	}
	text, key, err := p.Mint(linkRole, cdr.APIKey{Subject: linkSubject, Roles: []string{linkRole}, Service: true, Networks: nets, Created: time.Now(), Expires: ends})
	if err != nil {
		return Link{}, err
	}
	key.Subject = linkSubject + key.ID
	event.Object = key.Subject
	err = p.Records.OpenLink(ctx, key, cdr.Grant{EHR: ehr, Grantee: key.Subject, Kind: KindLink, To: ends}, Tuple{"Role", linkRole, "members", key.Subject}, event)
	if err != nil {
		return Link{}, err
	}
	return Link{ID: key.ID, Key: text, Ends: ends}, p.tell(ctx)
}

// CloseLink ends a link now.
func (p *Policies) CloseLink(ctx context.Context, caller cdr.Caller, ehr, id, reason string) error {
	if err := cdr.ValidReason(reason); err != nil {
		return err
	}
	event, err := p.Control.Over(ctx, caller, ehr, "D", "link:"+reason)
	if err != nil {
		return err
	}
	event.Object = linkSubject + id
	if err := p.Records.CloseLink(ctx, ehr, Tuple{"Role", linkRole, "members", linkSubject + id}, event); err != nil {
		return err
	}
	return p.tell(ctx)
}
