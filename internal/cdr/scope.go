package cdr

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/fault"
)

// Scoped narrows what another authorizer gives by the scopes of the caller's
// token (SMART on openEHR): the effective right is scope and role.
type Scoped struct {
	Authorizer
	// Templates lists the templates, whose ids scopes name.
	Templates func(ctx context.Context) ([]TemplateInfo, error)

	known atomic.Pointer[families]
}

// families names the template families as they were in an epoch.
type families struct {
	epoch int64
	ids   map[int32]string
}

// Profile implements Authorizer.
func (s *Scoped) Profile(ctx context.Context, caller Caller) (*access.Profile, error) {
	p, err := s.Authorizer.Profile(ctx, caller)
	if err != nil || caller.Scopes == nil {
		return p, err
	}
	known := s.known.Load()
	if known == nil || known.epoch != p.Epoch {
		list, err := s.Templates(ctx)
		if err != nil {
			return nil, err
		}
		known = &families{p.Epoch, make(map[int32]string, len(list))}
		for _, t := range list {
			known.ids[t.Family] = t.ID
		}
		s.known.Store(known)
	}
	return p.Narrow(caller.Scopes, known.ids), nil
}

// inScope refuses what the scopes of the caller's token have no letter for, the
// same whether the thing exists or not.
func (s *Service) inScope(ctx context.Context, caller Caller, p *access.Profile, noun access.Noun, letter byte, id string) error {
	if noun == access.Queries && allowsQuery(p, letter, id) || noun != access.Queries && p.Allows(noun, letter, id) {
		return nil
	}
	return s.outOfScope(ctx, caller, p, noun, letter)
}

// inScopeOfSome refuses what no scope of the caller's token has the letter for.
func (s *Service) inScopeOfSome(ctx context.Context, caller Caller, p *access.Profile, noun access.Noun, letter byte) error {
	if p.AllowsSome(noun, letter) {
		return nil
	}
	return s.outOfScope(ctx, caller, p, noun, letter)
}

var scopeActions = map[byte]string{'c': "C", 'r': "R", 'u': "U", 'd': "D", 's': "E"}

func (s *Service) outOfScope(ctx context.Context, caller Caller, p *access.Profile, noun access.Noun, letter byte) error {
	if err := s.deny(ctx, caller, p, Event{Action: scopeActions[letter], Object: "scope " + string(noun)}); !fault.Is(err, fault.Forbidden) {
		return err
	}
	return scopeMissing(noun, string(letter))
}

func scopeMissing(noun access.Noun, letters string) error {
	return fault.New(fault.Forbidden, "insufficient-scope", "no scope of the token allows this: it needs one such as user/%s-<id>.%s", noun, letters)
}

// allowsQuery is Allows for a query's name; one of our own namespace is also meant
// by its name alone.
func allowsQuery(p *access.Profile, letter byte, name string) bool {
	short, ours := strings.CutPrefix(name, defaultNamespace+"::")
	return p.Allows(access.Queries, letter, name) || ours && p.Allows(access.Queries, letter, short)
}

// changing is the profile of a commit, narrowed to the letters of scopes that its
// compositions need.
func changing(p *access.Profile, versions []NewVersion, attested []Attested) (*access.Profile, error) {
	if !p.Narrowed() {
		return p, nil
	}
	letters := map[byte]bool{}
	for i := range versions {
		v := &versions[i]
		switch {
		case v.Kind != KindComposition:
		case v.Lifecycle == Deleted:
			letters['d'] = true
		case v.Preceding == "":
			letters['c'] = true
		default:
			letters['u'] = true
		}
	}
	for i := range attested {
		letters['u'] = letters['u'] || attested[i].Kind == KindComposition
	}
	var all []byte
	for _, letter := range []byte("cud") {
		if letters[letter] {
			all = append(all, letter)
		}
	}
	n := p.Changing(string(all))
	if len(all) > 0 && len(n.WriteTemplates) == 0 {
		return nil, scopeMissing(access.Compositions, string(all))
	}
	for i := range versions {
		t := versions[i].Template
		if versions[i].Kind == KindComposition && t != nil && !slices.Contains(n.WriteTemplates, t.Family) {
			return nil, scopeMissing(access.Compositions, string(all))
		}
	}
	return n, nil
}
