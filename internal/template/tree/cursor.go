package tree

import (
	"regexp"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/template"
)

// Stop is one step of a way through the tree: an attribute and the object in it.
// The root has no attribute; the end of a path to an attribute has no object.
type Stop struct {
	Attribute *aom.Attribute
	Object    aom.Object
	// Owner is the object the attribute belongs to.
	Owner aom.Object
}

// Cursor is a way from the root to a place.
type Cursor []Stop

// Last is the place itself.
func (c Cursor) Last() Stop { return c[len(c)-1] }

// To goes one step on: an attribute of the owner and the object in it.
func (c Cursor) To(a *aom.Attribute, o, owner aom.Object) Cursor {
	return append(c[:len(c):len(c)], Stop{a, o, owner})
}

// Archetype is the archetype root the place belongs to.
func (c Cursor) Archetype() *aom.ArchetypeRoot {
	for i := len(c) - 1; i >= 0; i-- {
		if root, ok := c[i].Object.(*aom.ArchetypeRoot); ok {
			return root
		}
	}
	return nil
}

// Path writes the way, names included where they are fixed.
func (c Cursor) Path() string {
	var b strings.Builder
	for _, s := range c[1:] {
		b.WriteString("/" + s.Attribute.Name + Predicate(s.Object))
	}
	if b.Len() == 0 {
		return "/"
	}
	return b.String()
}

// Predicate is what a path says in brackets to single an object out, "" when the
// object has no code.
func Predicate(o aom.Object) string {
	if o == nil {
		return ""
	}
	code := Identity(o)
	if code == "" {
		return ""
	}
	if name := FixedName(o); name != "" {
		return "[" + code + " and name/value=" + template.Quote(name) + "]"
	}
	return "[" + code + "]"
}

// Identity is what a predicate names: the archetype id where one begins, else
// the code.
func Identity(o aom.Object) string {
	if root, ok := o.(*aom.ArchetypeRoot); ok {
		return root.ArchetypeID
	}
	return o.Base().NodeID
}

var atCode = regexp.MustCompile(`^at[0-9]+(\.[0-9]+)*$`)

// IsCode says whether a text is a code of a node.
func IsCode(text string) bool { return atCode.MatchString(text) }
