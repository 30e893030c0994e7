package policy

import (
	"cmp"
	"slices"
	"strings"
)

// Tuple says that a subject has a relation to an object. Subject is
// "user:<issuer>:<id>", "svc:<client>", "Role:<name>" or "Team:<name>"; the
// latter two mean their members.
type Tuple struct {
	Namespace, Object, Relation, Subject string
}

// String writes the tuple in Keto's notation.
func (t Tuple) String() string { return t.right().String() + "@" + t.Subject }

func (t Tuple) right() Right { return Right{t.Namespace, t.Object, t.Relation} }

// Right is what a tuple confers on its subject.
type Right struct{ Namespace, Object, Relation string }

func (r Right) String() string { return r.Namespace + ":" + r.Object + "#" + r.Relation }

// members says whether the right is to be counted among a role or a team, which
// confers what they have.
func (r Right) members() bool { return r.Namespace == "Role" || r.Namespace == "Team" }

// set is how the members of the object are written as a subject.
func (r Right) set() string { return r.Namespace + ":" + r.Object }

func compareTuples(a, b Tuple) int {
	return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Object, b.Object),
		strings.Compare(a.Relation, b.Relation), strings.Compare(a.Subject, b.Subject))
}

// tidy sorts tuples and drops repetitions.
func tidy(list []Tuple) []Tuple {
	slices.SortFunc(list, compareTuples)
	return slices.Compact(list)
}

// Noun is a part of the policy as people write it.
type Noun struct {
	// Name is the section of the file and the segment of the path, Namespace the
	// access model's.
	Name, Namespace string
	// Members says that objects have but one relation, which is not written.
	Members bool
}

// Nouns are the parts of the policy that are tuples, in the order of the file.
var Nouns = []Noun{
	{"roles", "Role", true},
	{"teams", "Team", true},
	{"organisations", "Organisation", false},
	{"sensitivity", "Sensitivity", false},
	{"areas", "AdminArea", false},
	{"queries", "StoredQuery", false},
}

// NounOf finds a noun by the name in the file.
func NounOf(name string) (Noun, bool) {
	i := slices.IndexFunc(Nouns, func(n Noun) bool { return n.Name == name })
	if i < 0 {
		return Noun{}, false
	}
	return Nouns[i], true
}

// Rule seals each composition that names a code.
type Rule struct{ Label, Terminology, Code string }

func compareRules(a, b Rule) int {
	return cmp.Or(strings.Compare(a.Label, b.Label), strings.Compare(a.Terminology, b.Terminology), strings.Compare(a.Code, b.Code))
}
