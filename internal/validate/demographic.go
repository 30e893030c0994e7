package validate

import (
	"strings"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// Relationships checks PARTY.Relationships_validity (RM 1.1.0, Demographic,
// PARTY): every relationship a party holds has that party as its source. object
// is the uuid of the party's versioned object, which the party itself need not
// say.
func Relationships(tree *rm.Tree, object string) []fault.Issue {
	c := &checker{tree: tree}
	for relationship := range tree.Children(tree.Root(), rminfo.A_relationships) {
		at := tree.Find(relationship, rminfo.A_source, rminfo.A_id, rminfo.A_value)
		if at == rm.None {
			continue // that the source is missing is reported as such
		}
		source, _, _ := strings.Cut(tree.Text(at), "::")
		if !strings.EqualFold(source, object) {
			c.broken(at, "PARTY", "Relationships_validity", object, tree.Text(at))
		}
	}
	return c.issues()
}

// partyRoot: a party is always the root of an archetype, and as such has
// details.
func (c *checker) partyRoot(id rm.ID) {
	if c.tree.Child(id, rminfo.A_archetype_details) == rm.None && !c.opts.Incomplete {
		c.broken(id, c.tree.Class(id).Name(), "Is_archetype_root", "archetype_details", "none")
	}
}

// performer: who plays a ROLE is an ACTOR. A name that is no class of the
// reference model says nothing; another class says that it is none.
func (c *checker) performer(id rm.ID) {
	at := c.tree.Find(id, rminfo.A_performer, rminfo.A_type)
	if at == rm.None {
		return
	}
	class, known := rminfo.ClassByName(c.tree.Text(at))
	if known && class != rminfo.PARTY && !class.IsA(rminfo.ACTOR) {
		c.broken(at, "ROLE", "Performer_valid", "PARTY, ACTOR or a class of it", c.tree.Text(at))
	}
}

// relationship: both ends of a PARTY_RELATIONSHIP are parties.
func (c *checker) relationship(id rm.ID) {
	for _, end := range []rminfo.Attr{rminfo.A_source, rminfo.A_target} {
		at := c.tree.Find(id, end, rminfo.A_type)
		if at == rm.None {
			continue
		}
		class, known := rminfo.ClassByName(c.tree.Text(at))
		if known && !class.IsA(rminfo.PARTY) {
			c.broken(at, "PARTY_RELATIONSHIP", strings.ToUpper(end.Name()[:1])+end.Name()[1:]+"_valid", "PARTY or a class of it", c.tree.Text(at))
		}
	}
}
