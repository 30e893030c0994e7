package keto

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/quire-cdr/quire/internal/access"
)

const (
	maxLookups = 200
	maxNames   = 4096 // groups or families of one profile (DESIGN 4.5)
	// atOnce bounds the look-ups of one profile that run together.
	atOnce = 6
)

// errTooWide means a profile that cannot be gathered within the limits: deny and
// alarm, since part of a profile could miss what narrows it.
var errTooWide = errors.New("the access profile is over the limit")

// Families tells which template families carry which sensitivity label, and the
// bit of each label (0 for the ordinary one). Implemented on Postgres.
type Families interface {
	Families(ctx context.Context) (byLabel map[string][]int32, bits map[string]uint64, err error)
}

// confers is which list of the profile a relation adds its object to. Roles,
// teams and labels are followed, not listed.
var confers = map[string]map[string]func(*access.Profile) []*[]string{
	"Organisation": {
		"clinicians":       func(p *access.Profile) []*[]string { return []*[]string{&p.Readable} },
		"open_access":      func(p *access.Profile) []*[]string { return []*[]string{&p.Readable} },
		"writers":          func(p *access.Profile) []*[]string { return []*[]string{&p.Writable, &p.CreateIn} },
		"admins":           func(p *access.Profile) []*[]string { return []*[]string{&p.CreateIn} },
		"privacy_officers": func(p *access.Profile) []*[]string { return []*[]string{&p.PrivacyIn} },
		"breakglassers":    func(p *access.Profile) []*[]string { return []*[]string{&p.BreakGlassIn} },
		"researchers":      func(p *access.Profile) []*[]string { return []*[]string{&p.Queryable} },
	},
	"StoredQuery": {
		"executors": func(p *access.Profile) []*[]string { return []*[]string{&p.StoredQueries} },
		"owners":    func(p *access.Profile) []*[]string { return []*[]string{&p.StoredQueries} },
	},
	"AdminArea": {
		"admins":  func(p *access.Profile) []*[]string { return []*[]string{&p.Areas, &p.Views} },
		"viewers": func(p *access.Profile) []*[]string { return []*[]string{&p.Views} },
	},
}

// gathering is one profile in the making.
type gathering struct {
	client  *client
	lookups atomic.Int64

	mu      sync.Mutex
	profile access.Profile
	// reads and writes are the labels found.
	reads, writes map[string]bool
}

// gather builds the profile of a principal in a role from what Keto says now.
func gather(ctx context.Context, c *client, families Families, principal, role string) (*access.Profile, error) {
	g := &gathering{client: c, reads: map[string]bool{}, writes: map[string]bool{}}
	g.profile.Principal, g.profile.Role = principal, role
	person := subject{id: principal}
	roles, teams, err := g.take(ctx, []subject{person})
	if err != nil {
		return nil, err
	}
	counting := teams
	if role != "" {
		held, err := g.holds(ctx, roles, role)
		if err != nil {
			return nil, err
		}
		if held {
			counting = append(counting, subject{namespace: "Role", object: role})
		}
	}
	g.profile.Groups = []string{principal}
	seen := map[subject]bool{}
	for len(counting) > 0 {
		var fresh []subject
		for _, s := range counting {
			if !seen[s] { // roles may contain one another in a ring
				seen[s] = true
				fresh = append(fresh, s)
				g.profile.Groups = append(g.profile.Groups, s.String())
			}
		}
		if len(g.profile.Groups) > maxNames {
			return nil, errTooWide
		}
		moreRoles, moreTeams, err := g.take(ctx, fresh)
		if err != nil {
			return nil, err
		}
		counting = append(moreRoles, moreTeams...)
	}
	byLabel, bits, err := families.Families(ctx)
	if err != nil {
		return nil, err
	}
	p := &g.profile
	p.Templates, p.Labels = resolve(g.reads, byLabel, bits)
	p.WriteTemplates, p.WriteLabels = resolve(g.writes, byLabel, bits)
	for _, list := range []*[]string{&p.Readable, &p.Writable, &p.Queryable, &p.Groups, &p.Areas, &p.Views, &p.CreateIn, &p.BreakGlassIn, &p.PrivacyIn, &p.StoredQueries} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
		if len(*list) > maxNames {
			return nil, errTooWide
		}
	}
	if len(p.Templates) > maxNames || len(p.WriteTemplates) > maxNames {
		return nil, errTooWide
	}
	return p, nil
}

// holds says whether the principal, directly in the given roles, holds the
// wanted one: itself or through roles that contain them.
func (g *gathering) holds(ctx context.Context, roles []subject, want string) (bool, error) {
	seen := map[subject]bool{}
	for len(roles) > 0 {
		var next []subject
		for _, r := range roles {
			if r.object == want {
				return true, nil
			}
			if seen[r] {
				continue
			}
			seen[r] = true
			found, err := g.find(ctx, "Role", r)
			if err != nil {
				return false, err
			}
			for _, f := range found {
				if accepts(f.namespace, f.relation, aRole) {
					next = append(next, subject{namespace: "Role", object: f.object})
				}
			}
		}
		roles = next
	}
	return false, nil
}

// take looks up everything that names the subjects, adds the rights to the
// profile and returns the roles and teams they are members of.
func (g *gathering) take(ctx context.Context, who []subject) (roles, teams []subject, err error) {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, s := range who {
		for _, namespace := range profiled[s.kind()] {
			group.Go(func() error {
				found, err := g.find(ctx, namespace, s)
				if err != nil {
					return err
				}
				g.mu.Lock()
				defer g.mu.Unlock()
				for _, f := range found {
					if !accepts(f.namespace, f.relation, s.kind()) {
						continue // not of the model: somebody wrote round the API
					}
					switch f.namespace {
					case "Role":
						roles = append(roles, subject{namespace: "Role", object: f.object})
					case "Team":
						teams = append(teams, subject{namespace: "Team", object: f.object})
					case "Sensitivity":
						// Who may write a label's content may read it.
						g.reads[f.object] = true
						if f.relation == "writers" {
							g.writes[f.object] = true
						}
					default:
						if lists := confers[f.namespace][f.relation]; lists != nil {
							for _, list := range lists(&g.profile) {
								*list = append(*list, f.object)
							}
						}
					}
				}
				return nil
			})
		}
	}
	return roles, teams, group.Wait()
}

// find is a reverse look-up; each page counts.
func (g *gathering) find(ctx context.Context, namespace string, who subject) ([]relation, error) {
	var found []relation
	for token := ""; ; {
		if g.lookups.Add(1) > maxLookups {
			return nil, errTooWide
		}
		some, next, err := g.client.page(ctx, query{namespace: namespace, who: &who}, token)
		if err != nil {
			return nil, err
		}
		found = append(found, some...)
		if next == "" {
			return found, nil
		}
		token = next
	}
}

// resolve turns labels into the families that carry them and their bits.
func resolve(labels map[string]bool, byLabel map[string][]int32, bits map[string]uint64) (families []int32, set uint64) {
	for label := range labels {
		families = append(families, byLabel[label]...)
		set |= bits[label]
	}
	slices.Sort(families)
	return slices.Compact(families), set
}
