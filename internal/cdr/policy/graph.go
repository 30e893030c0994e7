package policy

import "slices"

// graph answers questions about a set of tuples.
type graph struct {
	bySubject map[string][]Tuple
	byRight   map[Right][]string
}

func newGraph(tuples []Tuple) *graph {
	g := &graph{bySubject: map[string][]Tuple{}, byRight: map[Right][]string{}}
	for _, t := range tuples {
		g.bySubject[t.Subject] = append(g.bySubject[t.Subject], t)
		g.byRight[t.right()] = append(g.byRight[t.right()], t.Subject)
	}
	return g
}

// closure is everything the subjects have, directly and through the roles and
// teams that hold them, with the tuple that confers each. Roles may contain one
// another in a ring.
func (g *graph) closure(subjects ...string) map[Right]Tuple {
	found := map[Right]Tuple{}
	for queue := slices.Clone(subjects); len(queue) > 0; queue = queue[1:] {
		for _, t := range g.bySubject[queue[0]] {
			r := t.right()
			if _, seen := found[r]; seen {
				continue
			}
			found[r] = t
			if r.members() {
				queue = append(queue, r.set())
			}
		}
	}
	return found
}

// holder is somebody who has a right, and by which tuples.
type holder struct {
	subject string // user:... or svc:...
	// role is the role the holder must have selected, "" where none is needed: a
	// right given to a person or a team counts in every role.
	role string
	path []Tuple
}

// holders are all who have a right to an object. A right that comes through roles
// counts while one of them is selected, so that a person may stand here several
// times, once for each role that leads to it; of the paths to each, one is told.
func (g *graph) holders(r Right) []holder {
	type key struct{ subject, role string }
	var out []holder
	seen := map[key]bool{}
	add := func(subject, role string, path []Tuple) {
		if k := (key{subject, role}); !seen[k] {
			seen[k] = true
			out = append(out, holder{subject, role, path})
		}
	}
	for _, s := range g.below(r) {
		if s.right.Namespace == "Role" && s.right != r {
			for _, inner := range g.below(s.right) {
				for _, who := range g.persons(inner.right) {
					add(who.Subject, s.right.Object, slices.Concat(s.path, inner.path, []Tuple{who}))
				}
			}
			continue
		}
		for _, who := range g.persons(s.right) {
			add(who.Subject, "", slices.Concat(s.path, []Tuple{who}))
		}
	}
	return out
}

// step is a set of subjects that reaches a right, by the tuples between.
type step struct {
	right Right
	path  []Tuple
}

// below are the right itself and all roles and teams that reach it, the nearest
// first, each by a shortest path.
func (g *graph) below(r Right) []step {
	out := []step{{right: r}}
	seen := map[Right]bool{r: true}
	for i := 0; i < len(out); i++ {
		here := out[i]
		for _, s := range g.byRight[here.right] {
			kind, name, isSet := setOf(s)
			next := Right{kind, name, "members"}
			if isSet && !seen[next] {
				seen[next] = true
				out = append(out, step{next, slices.Concat(here.path, []Tuple{{here.right.Namespace, here.right.Object, here.right.Relation, s}})})
			}
		}
	}
	return out
}

// persons are the tuples that give the right to a person or a program itself.
func (g *graph) persons(r Right) []Tuple {
	var out []Tuple
	for _, s := range g.byRight[r] {
		if _, _, isSet := setOf(s); !isSet {
			out = append(out, Tuple{r.Namespace, r.Object, r.Relation, s})
		}
	}
	return out
}

// setOf reads a subject that means the members of a role or a team.
func setOf(subject string) (kind, name string, ok bool) {
	for _, kind := range []string{"Role", "Team"} {
		if rest, found := cutPrefix(subject, kind+":"); found {
			return kind, rest, true
		}
	}
	return "", "", false
}

func cutPrefix(s, prefix string) (string, bool) {
	if len(s) > len(prefix) && s[:len(prefix)] == prefix {
		return s[len(prefix):], true
	}
	return s, false
}
