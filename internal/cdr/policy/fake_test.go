package policy

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// relations of the access model, as far as these tests need them.
var relations = map[string][]string{
	"Role": {"members"}, "Team": {"members"},
	"Organisation": {"admins", "breakglassers", "clinicians", "open_access", "privacy_officers", "researchers", "writers"},
	"Sensitivity":  {"readers", "writers"}, "AdminArea": {"admins", "viewers"}, "StoredQuery": {"executors", "owners"},
}

type model struct{}

func (model) Relations(namespace string) []string { return relations[namespace] }

func (model) Fits(t Tuple) error {
	kind, name, ok := strings.Cut(t.Subject, ":")
	if !ok || name == "" || strings.ContainsAny(t.Subject+t.Object, " #@\n\t") || t.Object == "" || !slices.Contains([]string{"user", "svc", "Role", "Team"}, kind) {
		return fault.New(fault.Invalid, "access-subject", "a subject is written user:<issuer>:<id>, svc:<client>, Role:<name> or Team:<name>")
	}
	if !slices.Contains(relations[t.Namespace], t.Relation) || kind == "Team" && t.Namespace != "Sensitivity" {
		return fault.New(fault.Invalid, "access-relation", "%s does not accept a %s", t.right(), kind)
	}
	return nil
}

// memory is a store and a Keto.
type memory struct {
	model
	mu     sync.Mutex
	state  State
	events []cdr.Event
	// pending is what Keto was not told, keto what it holds; down makes it fail.
	pending map[Tuple]bool
	keto    map[Tuple]int
	down    bool
}

func newMemory(tuples ...Tuple) *memory {
	m := &memory{state: State{Tuples: tuples, Labels: []string{"normal", "sealed"}, Templates: map[string]string{"t": "normal", "u": "sealed"}}, pending: map[Tuple]bool{}, keto: map[Tuple]int{}}
	for _, t := range tuples {
		m.keto[t] = 1
	}
	return m
}

func (m *memory) Policy(context.Context) (State, error) { return m.state, nil }

func (m *memory) ChangePolicy(_ context.Context, decide func(State) (Change, []cdr.Event, error)) error {
	c, events, err := decide(m.state)
	if err != nil {
		return err
	}
	m.state.Tuples = c.on(m.state.Tuples)
	m.state.Labels = append(m.state.Labels, c.Labels...)
	for template, label := range c.Templates {
		m.state.Templates[template] = label
	}
	m.state.Rules = append(slices.DeleteFunc(m.state.Rules, func(r Rule) bool { return slices.Contains(c.EndedRules, r) }), c.AddedRules...)
	for _, t := range c.Added {
		m.pending[t] = true
	}
	for _, t := range c.Removed {
		m.pending[t] = false
	}
	m.events = append(m.events, events...)
	return nil
}

func (m *memory) TellPolicy(_ context.Context, tell func(add, remove []Tuple) error) error {
	var add, remove []Tuple
	for t, wanted := range m.pending {
		if wanted {
			add = append(add, t)
		} else {
			remove = append(remove, t)
		}
	}
	if len(add)+len(remove) == 0 {
		return nil
	}
	if err := tell(add, remove); err != nil {
		return err
	}
	clear(m.pending)
	return nil
}

func (m *memory) Write(_ context.Context, add, remove []Tuple) error {
	if m.down {
		return fault.New(fault.Unavailable, "access-unavailable", "down")
	}
	for _, t := range remove {
		delete(m.keto, t)
	}
	for _, t := range add {
		m.keto[t] = 1
	}
	return nil
}

func (m *memory) Stored(context.Context) ([]Tuple, error) {
	var list []Tuple
	for t, n := range m.keto {
		for range n {
			list = append(list, t)
		}
	}
	return list, nil
}

func (m *memory) Record(_ context.Context, e cdr.Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.events = append(m.events, e)
	return nil
}

// people gives a caller what the recorded policy gives it.
type people struct{ of *memory }

func (people) Refresh(context.Context) error { return nil }

func (p people) Profile(_ context.Context, c cdr.Caller) (*access.Profile, error) {
	out := &access.Profile{Principal: c.Subject, Role: c.Role, EHR: c.EHR}
	for r := range newGraph(p.of.state.Tuples).closure(c.Subject) {
		switch {
		case r.members():
			out.Groups = append(out.Groups, r.set())
		case r.Namespace == "AdminArea" && r.Relation == "admins":
			out.Areas = append(out.Areas, r.Object)
		case r.Namespace == "AdminArea":
			out.Views = append(out.Views, r.Object)
		case r.Namespace == "Organisation" && r.Relation == "privacy_officers":
			out.PrivacyIn = append(out.PrivacyIn, r.Object)
		}
	}
	return out, nil
}

func policiesOn(m *memory) *Policies {
	service := cdr.New(cdr.Deps{Authorizer: people{m}, Auditor: m})
	return &Policies{Store: m, Graph: m, Act: service.Act()}
}

// tuple reads Keto's notation.
func tuple(text string) Tuple {
	namespace, rest, _ := strings.Cut(text, ":")
	object, rest, _ := strings.Cut(rest, "#")
	relation, subject, _ := strings.Cut(rest, "@")
	return Tuple{namespace, object, relation, subject}
}

func tuples(texts ...string) []Tuple {
	var out []Tuple
	for _, text := range texts {
		out = append(out, tuple(text))
	}
	return out
}
