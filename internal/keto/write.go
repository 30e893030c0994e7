package keto

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/quire-cdr/quire/internal/fault"
)

// Grant writes a tuple unless it is there, and raises the access epoch. Keto
// would store it twice, and whatever the access model does not know.
func (a *Authorizer) Grant(ctx context.Context, t Tuple) error {
	r, err := t.relation()
	if err != nil {
		return err
	}
	there, err := a.stored(ctx, r)
	if err != nil {
		return err
	}
	if len(there) > 0 {
		return nil
	}
	return a.change(ctx, []relation{r}, nil)
}

// Revoke removes a tuple, all copies of it, and raises the access epoch. A tuple
// that is not there is fault.NotFound.
func (a *Authorizer) Revoke(ctx context.Context, t Tuple) error {
	r, err := t.relation()
	if err != nil {
		return err
	}
	there, err := a.stored(ctx, r)
	if err != nil {
		return err
	}
	if len(there) == 0 {
		return fault.New(fault.NotFound, "access-tuple", "no such right was given")
	}
	return a.change(ctx, nil, []relation{r})
}

// Tuples lists what stands in one namespace, sorted; object "" means all.
func (a *Authorizer) Tuples(ctx context.Context, namespace, object string) ([]Tuple, error) {
	if _, known := model[namespace]; !known {
		return nil, fault.New(fault.Invalid, "access-namespace", "the access model has no namespace %q", namespace)
	}
	found, err := a.client.all(ctx, query{namespace: namespace, object: object})
	if err == nil {
		err = a.probe(ctx)
	}
	if err != nil {
		return nil, unavailable("the access service does not answer", err)
	}
	var list []Tuple
	for _, r := range found {
		list = append(list, Tuple{r.namespace, r.object, r.relation, r.who.String()})
	}
	slices.SortFunc(list, func(a, b Tuple) int { return compare(a.String(), b.String()) })
	return slices.Compact(list), nil
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// Policy is rights as they shall be: namespace, object, relation, subjects in
// the notation of Tuple.Subject. A relation that is named holds exactly the
// subjects listed; one that is not named is left alone.
//
//	{"Role": {"clinician": {"members": ["user:local:clinician"]}},
//	 "Organisation": {"north": {"clinicians": ["Role:clinician"]}}}
type Policy map[string]map[string]map[string][]string

// Change is what applying a policy does, or would do.
type Change struct{ Added, Removed []Tuple }

// Check names the first thing in a policy that the access model does not allow.
func (p Policy) Check() error {
	for _, namespace := range slices.Sorted(maps.Keys(p)) {
		for _, object := range slices.Sorted(maps.Keys(p[namespace])) {
			for _, name := range slices.Sorted(maps.Keys(p[namespace][object])) {
				subjects := p[namespace][object][name]
				if len(subjects) == 0 {
					// The emptied relation must exist too; any acceptable subject tells.
					if _, known := model[namespace][name]; !known {
						return fault.New(fault.Invalid, "access-relation", "%s has no relation %q", namespace, name)
					}
				}
				for _, s := range subjects {
					if err := (Tuple{namespace, object, name, s}).check(); err != nil {
						return fmt.Errorf("%s:%s#%s: %w", namespace, object, name, err)
					}
				}
			}
		}
	}
	return nil
}

// Diff tells what Apply would change.
func (a *Authorizer) Diff(ctx context.Context, p Policy) (Change, error) {
	add, remove, err := a.diff(ctx, p)
	if err != nil {
		return Change{}, err
	}
	return Change{tuples(add), tuples(remove)}, nil
}

// Apply makes the relations a policy names what it says, in one transaction of
// Keto's, and raises the access epoch if anything changed.
func (a *Authorizer) Apply(ctx context.Context, p Policy) (Change, error) {
	add, remove, err := a.diff(ctx, p)
	if err != nil {
		return Change{}, err
	}
	if len(add)+len(remove) == 0 {
		return Change{}, nil
	}
	if err := a.change(ctx, add, remove); err != nil {
		return Change{}, err
	}
	return Change{tuples(add), tuples(remove)}, nil
}

func (a *Authorizer) diff(ctx context.Context, p Policy) (add, remove []relation, err error) {
	if err := p.Check(); err != nil {
		return nil, nil, err
	}
	for _, namespace := range slices.Sorted(maps.Keys(p)) {
		for _, object := range slices.Sorted(maps.Keys(p[namespace])) {
			found, err := a.client.all(ctx, query{namespace: namespace, object: object})
			if err != nil {
				return nil, nil, unavailable("the access service does not answer", err)
			}
			for _, name := range slices.Sorted(maps.Keys(p[namespace][object])) {
				wanted := map[relation]bool{}
				for _, s := range p[namespace][object][name] {
					r, err := Tuple{namespace, object, name, s}.relation()
					if err != nil {
						return nil, nil, err
					}
					wanted[r] = true
				}
				there := map[relation]bool{}
				for _, f := range found {
					if f.object == object && f.relation == name {
						there[f] = true
					}
				}
				for r := range wanted {
					if !there[r] {
						add = append(add, r)
					}
				}
				for r := range there {
					if !wanted[r] {
						remove = append(remove, r)
					}
				}
			}
		}
	}
	// An empty list from a Keto whose database is down would add everything again.
	if err := a.probe(ctx); err != nil {
		return nil, nil, unavailable("the access service does not answer", err)
	}
	byText := func(a, b relation) int { return compare(a.tuple().String(), b.tuple().String()) }
	slices.SortFunc(add, byText)
	slices.SortFunc(remove, byText)
	return add, remove, nil
}

// stored are the copies of a tuple in a Keto that is believed.
func (a *Authorizer) stored(ctx context.Context, r relation) ([]relation, error) {
	found, err := a.client.all(ctx, query{namespace: r.namespace, object: r.object, relation: r.relation, who: &r.who})
	if err == nil {
		err = a.probe(ctx)
	}
	if err != nil {
		return nil, unavailable("the access service does not answer", err)
	}
	return found, nil
}

// change writes to Keto and then raises the epoch, so that a profile gathered
// meanwhile carries the older number and is dropped.
func (a *Authorizer) change(ctx context.Context, add, remove []relation) error {
	if err := a.client.patch(ctx, add, remove); err != nil {
		return unavailable("the access service does not answer", err)
	}
	// The change is made: a caller that gives up now must not leave old profiles in use.
	ctx = context.WithoutCancel(ctx)
	if err := a.config.Epochs.Raise(ctx); err != nil {
		return unavailable("the rights were changed, and may be felt only after a profile's life", err)
	}
	return a.Refresh(ctx)
}

func (t Tuple) relation() (relation, error) {
	if err := t.check(); err != nil {
		return relation{}, err
	}
	who, _ := parseSubject(t.Subject)
	r := relation{namespace: t.Namespace, object: t.Object, relation: t.Relation, who: who}
	if who.id == "" {
		r.whoRelation = "members"
	}
	return r, nil
}

func (r relation) tuple() Tuple { return Tuple{r.namespace, r.object, r.relation, r.who.String()} }

func tuples(list []relation) []Tuple {
	var out []Tuple
	for _, r := range list {
		out = append(out, r.tuple())
	}
	return out
}
