package validate

import (
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/terminology"
)

// selfRelationship is the code of the group subject relationship that says there
// is none: the subject of the record itself.
const selfRelationship = "0"

// subject: ENTRY.Subject_validity. Who is the subject of the record is a
// PARTY_SELF, and no relative of the relationship "self".
func (c *checker) subject(id rm.ID) {
	at := c.tree.Find(id, rminfo.A_subject, rminfo.A_relationship, rminfo.A_defining_code)
	if c.tree.TextAt(at, rminfo.A_code_string) == selfRelationship && terminology.IsOpenEHR(c.tree.TextAt(at, rminfo.A_terminology_id, rminfo.A_value)) {
		c.broken(at, "ENTRY", "Subject_validity", "PARTY_SELF, or another relationship", selfRelationship)
	}
}

// partyIdentified: PARTY_IDENTIFIED.Basic_validity and Name_valid.
func (c *checker) partyIdentified(id rm.ID) {
	name := c.tree.Child(id, rminfo.A_name)
	if name != rm.None && c.tree.Text(name) == "" {
		c.broken(name, "PARTY_IDENTIFIED", "Name_valid", "text", "")
	}
	if c.tree.Class(id) == rminfo.PARTY_RELATED {
		return // a relative may be known by the relationship alone
	}
	if name == rm.None && c.tree.Child(id, rminfo.A_identifiers) == rm.None && c.tree.Child(id, rminfo.A_external_ref) == rm.None {
		c.broken(id, "PARTY_IDENTIFIED", "Basic_validity", "a name, identifiers or external_ref", "none")
	}
}

// namespace: the form of OBJECT_REF.namespace (BASE 1.1.0, Base Types). Systems
// write object identifiers and other words here, so it is a warning.
func (c *checker) namespace(id rm.ID) {
	at := c.tree.Child(id, rminfo.A_namespace)
	text := c.tree.Text(at)
	if text == "" {
		return
	}
	valid := isLetter(text[0])
	for i := 1; i < len(text) && valid; i++ {
		switch ch := text[i]; {
		case isLetter(ch), isDigit(ch):
		default:
			switch ch {
			case '_', '.', ':', '/', '&', '?', '=', '+', '-':
			default:
				valid = false
			}
		}
	}
	if !valid {
		c.warn(at, "OBJECT_REF", "Namespace_valid", "a letter, then letters, digits and _.:/&?=+-", text)
	}
}
