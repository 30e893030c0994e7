package keto

import (
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/fault"
)

// The types of subject the access model knows, as written in it.
const (
	aUser    = "User"
	aService = "ServiceAccount"
	aRole    = "Role#members"
	aTeam    = "Team#members"
	aLabel   = "Sensitivity"
)

// model is deploy/keto/namespaces.keto.ts as a table: namespace, relation,
// subject types. A test holds it against the file. Permits are not in it, so
// that nothing can be written on a permit's name.
var model = map[string]map[string][]string{
	"Role": {"members": {aUser, aService, aRole}},
	"Team": {"members": {aUser, aRole}},
	"Organisation": {
		"clinicians":       {aUser, aRole},
		"open_access":      {aUser, aService, aRole},
		"writers":          {aUser, aService, aRole},
		"admins":           {aUser, aRole},
		"privacy_officers": {aUser, aRole},
		"breakglassers":    {aUser, aRole},
		"researchers":      {aUser, aService, aRole},
	},
	"Ehr": {
		"readers": {aUser, aService, aRole, aTeam},
		"writers": {aUser, aService, aRole, aTeam},
		"subject": {aUser},
		"proxies": {aUser},
	},
	"Sensitivity": {
		"readers": {aUser, aService, aRole, aTeam},
		"writers": {aUser, aService, aRole, aTeam},
	},
	"Template":    {"sensitivity": {aLabel}, "managers": {aUser, aRole}},
	"StoredQuery": {"executors": {aUser, aService, aRole}, "owners": {aUser, aRole}},
	"AdminArea":   {"admins": {aUser, aService, aRole}, "viewers": {aUser, aService, aRole}},
}

// elsewhere are the parts of the model whose truth stands in Quire's database,
// and where.
var elsewhere = map[string]string{
	"Ehr":      "grants on one record end, so they are rows of ehr_grant",
	"Template": "the label of a template is template_family.label",
}

// profiled are the namespaces a profile is gathered from, by the type of subject
// they accept. Each pair costs one look-up.
var profiled = func() map[string][]string {
	byType := map[string][]string{}
	for namespace, relations := range model {
		if elsewhere[namespace] != "" {
			continue
		}
		for _, types := range relations {
			for _, t := range types {
				if !slices.Contains(byType[t], namespace) {
					byType[t] = append(byType[t], namespace)
				}
			}
		}
	}
	for _, namespaces := range byType {
		slices.Sort(namespaces)
	}
	return byType
}()

// Tuple says that a subject has a relation to an object. Subject is
// "user:<issuer>:<id>", "svc:<client>", "Role:<name>" or "Team:<name>"; the
// latter two mean their members.
type Tuple struct {
	Namespace, Object, Relation, Subject string
}

// String writes the tuple in Keto's notation.
func (t Tuple) String() string {
	return t.Namespace + ":" + t.Object + "#" + t.Relation + "@" + t.Subject
}

// subject is who a look-up is about: a plain id, or the members of a set.
type subject struct {
	id        string // "user:..." or "svc:...", "" for a set
	namespace string // "Role" or "Team"
	object    string
}

// parseSubject reads the notation of Tuple.Subject.
func parseSubject(s string) (subject, bool) {
	kind, rest, ok := strings.Cut(s, ":")
	if !ok || !plain(rest) {
		return subject{}, false
	}
	switch kind {
	case "user", "svc":
		return subject{id: s}, true
	case "Role", "Team":
		return subject{namespace: kind, object: rest}, true
	}
	return subject{}, false
}

// kind is the subject's type in the access model.
func (s subject) kind() string {
	switch {
	case strings.HasPrefix(s.id, "user:"):
		return aUser
	case strings.HasPrefix(s.id, "svc:"):
		return aService
	case s.id != "":
		return ""
	}
	return s.namespace + "#members"
}

func (s subject) String() string {
	if s.id != "" {
		return s.id
	}
	return s.namespace + ":" + s.object
}

// plain says whether a name is fit for a tuple: printable, short, and without
// the signs of Keto's notation.
func plain(name string) bool {
	if name == "" || len(name) > 200 {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == '#' || r == '@' || r == 0x7f })
}

// accepts says whether the model lets a subject of this type stand in the relation.
func accepts(namespace, relation, subjectType string) bool {
	return slices.Contains(model[namespace][relation], subjectType)
}

// check refuses a tuple the access model does not allow, which Keto would store.
func (t Tuple) check() error {
	relations, known := model[t.Namespace]
	if !known {
		return fault.New(fault.Invalid, "access-namespace", "the access model has no namespace %q", t.Namespace)
	}
	if where := elsewhere[t.Namespace]; where != "" {
		return fault.New(fault.Invalid, "access-elsewhere", "%s is not written to Keto: %s", t.Namespace, where)
	}
	if _, known := relations[t.Relation]; !known {
		return fault.New(fault.Invalid, "access-relation", "%s has no relation %q; permits cannot be written", t.Namespace, t.Relation)
	}
	if !plain(t.Object) {
		return fault.New(fault.Invalid, "access-object", "the name of the %s is empty, too long, or holds a blank, # or @", t.Namespace)
	}
	who, ok := parseSubject(t.Subject)
	if !ok {
		return fault.New(fault.Invalid, "access-subject", "a subject is written user:<issuer>:<id>, svc:<client>, Role:<name> or Team:<name>")
	}
	if !accepts(t.Namespace, t.Relation, who.kind()) {
		return fault.New(fault.Invalid, "access-subject", "%s#%s does not accept a %s", t.Namespace, t.Relation, who.kind())
	}
	if who.namespace == t.Namespace && who.object == t.Object {
		return fault.New(fault.Invalid, "access-subject", "a %s cannot contain itself", t.Namespace)
	}
	return nil
}
