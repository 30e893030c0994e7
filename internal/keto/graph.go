package keto

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/cdr/policy"
	"github.com/quire-cdr/quire/internal/fault"
)

// Graph is Keto as the copy of the recorded policy; it implements policy.Graph.
type Graph struct{ *Authorizer }

// patchSize is how many tuples one transaction of Keto's changes.
const patchSize = 500

// Relations lists what objects of a namespace may have.
func (Graph) Relations(namespace string) []string {
	return slices.Sorted(maps.Keys(model[namespace]))
}

// Fits names what of a tuple the access model does not allow.
func (g Graph) Fits(t policy.Tuple) error {
	if t.Namespace == "AdminArea" && t.Object == g.config.Sentinel {
		return fault.New(fault.Invalid, "access-sentinel", "the sentinel is no part of the policy")
	}
	return Tuple(t).check()
}

// Write makes tuples be there once and others not, and raises the access epoch.
// What is gone already and what is there already is left: Keto would store it
// twice.
func (g Graph) Write(ctx context.Context, add, remove []policy.Tuple) error {
	wanted := map[relation]bool{}
	places := map[query]bool{}
	for _, list := range [][]policy.Tuple{remove, add} {
		for _, t := range list {
			r := stored(t)
			wanted[r] = false
			places[query{namespace: t.Namespace, object: t.Object}] = true
		}
	}
	for _, t := range add {
		wanted[stored(t)] = true
	}
	there := map[relation]int{}
	for place := range places {
		found, err := g.client.all(ctx, place)
		if err != nil {
			return unavailable("the access service does not answer", err)
		}
		for _, r := range found {
			there[r]++
		}
	}
	// An empty list may come of a Keto whose database is down.
	if err := g.probe(ctx); err != nil {
		return unavailable("the access service does not answer", err)
	}
	var insert, drop []relation
	for r, want := range wanted {
		switch n := there[r]; {
		case want && n == 0:
			insert = append(insert, r)
		case want && n > 1: // all copies go, one comes back
			drop, insert = append(drop, r), append(insert, r)
		case !want && n > 0:
			drop = append(drop, r)
		}
	}
	// What is taken away goes first: a process that dies between leaves less.
	for chunk := range slices.Chunk(drop, patchSize) {
		if err := g.client.patch(ctx, nil, chunk); err != nil {
			return unavailable("the access service does not answer", err)
		}
	}
	for chunk := range slices.Chunk(insert, patchSize) {
		if err := g.client.patch(ctx, chunk, nil); err != nil {
			return unavailable("the access service does not answer", err)
		}
	}
	return g.change(ctx, nil, nil)
}

// stored is a tuple as Keto has it, be it allowed by the model or not.
func stored(t policy.Tuple) relation {
	r := relation{namespace: t.Namespace, object: t.Object, relation: t.Relation}
	set, relation, other := strings.Cut(t.Subject, "#")
	who, ok := parseSubject(set)
	if !ok || other && who.id != "" {
		r.who = subject{id: t.Subject}
		return r
	}
	if r.who = who; who.id == "" {
		r.whoRelation = "members"
		if other {
			r.whoRelation = relation
		}
	}
	return r
}

// Stored lists every tuple of the model's namespaces, as often as it is there,
// without the sentinel.
func (g Graph) Stored(ctx context.Context) ([]policy.Tuple, error) {
	var list []policy.Tuple
	for _, namespace := range slices.Sorted(maps.Keys(model)) {
		found, err := g.client.all(ctx, query{namespace: namespace})
		if err != nil {
			return nil, unavailable("the access service does not answer", err)
		}
		for _, r := range found {
			if r.namespace == "AdminArea" && r.object == g.config.Sentinel {
				continue
			}
			t := policy.Tuple(r.tuple())
			if r.who.id == "" && r.whoRelation != "members" {
				t.Subject += "#" + r.whoRelation // no subject of ours, and told as it is
			}
			list = append(list, t)
		}
	}
	if err := g.probe(ctx); err != nil {
		return nil, unavailable("the access service does not answer", err)
	}
	return list, nil
}

// Tuples are the rights of a policy one by one, as they are recorded.
func (p Policy) Tuples() []policy.Tuple {
	var list []policy.Tuple
	for namespace, objects := range p {
		for object, relations := range objects {
			for relation, subjects := range relations {
				for _, s := range subjects {
					list = append(list, policy.Tuple{Namespace: namespace, Object: object, Relation: relation, Subject: s})
				}
			}
		}
	}
	return list
}
