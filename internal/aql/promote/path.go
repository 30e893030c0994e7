package promote

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/aql/row"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// Prefix is how many characters of a text a leaf row has.
const Prefix = 64

// Path is a path that can be promoted.
type Path struct {
	// Archetype is the id of the archetype the path begins at the root of. Rows of
	// archetypes that specialise it have the path too.
	Archetype string
	// Text is the path in its one form: node ids, no names, up to the data value.
	Text string
	// Holder is the jsonpath of the numbered objects that hold the values, in a row
	// as package row writes it; Rest are the keys from such an object to the value.
	Holder string
	Rest   []string
	// Declared is the class of the value where the reference model names a concrete
	// one, else 0; Classes are all it may be.
	Declared rminfo.Class
	Classes  []rminfo.Class
}

// Parse reads a path relative to the root of an archetype. What stands behind the
// data value (value/magnitude) is cut off. A path that cannot be promoted is
// Invalid and says why.
func Parse(archetype, text string) (Path, error) {
	p := Path{Archetype: archetype}
	_, rest, _ := strings.Cut(archetype, "-EHR-")
	name, _, _ := strings.Cut(rest, ".")
	class, ok := rminfo.ClassByName(name)
	if !ok || !strings.Contains(rest, ".v") {
		return p, fault.New(fault.Invalid, "index-archetype", "%q is no archetype id, such as openEHR-EHR-OBSERVATION.blood_pressure.v2", archetype)
	}
	q, err := aql.Parse("SELECT x/" + strings.Trim(text, "/") + " FROM " + name + " x")
	if err != nil {
		return p, fault.New(fault.Invalid, "index-path", "%q is no path: %s", text, fault.Of(err).Message)
	}
	expr, ok := q.Select[0].Expr.(*aql.PathExpr)
	if !ok || len(expr.Path.Segments) == 0 {
		return p, fault.New(fault.Invalid, "index-path", "%q is no path", text)
	}
	return p.walk(class, expr.Path.Segments)
}

// walk types the segments up to the data value.
func (p Path) walk(root rminfo.Class, segments []aql.Segment) (Path, error) {
	classes := []rminfo.Class{root}
	var words []string
	holder := "lax $"
	p.Holder = holder
	for i := range segments {
		seg := &segments[i]
		code := ""
		if seg.Predicate != nil {
			id, ok := seg.Predicate.(*aql.NodeID)
			if !ok || id.Kind == aql.NodeParam || id.Name != nil || strings.Contains(id.ID, "-") {
				return p, fault.New(fault.Invalid, "index-path", "%s: only a node id, as in items[at0004], can stand in brackets; a path into another archetype is promoted from that archetype", seg.Name)
			}
			code = id.ID
		}
		next, container, declared := below(classes, seg.Name)
		if len(next) == 0 {
			return p, fault.New(fault.Invalid, "index-path-unknown", "%s has no attribute %s; it has %s", strings.Join(named(classes), " or "), seg.Name, attributesOf(classes))
		}
		key := seg.Name
		if code != "" {
			key += "[" + code + "]"
		}
		words = append(words, key)
		located := slices.ContainsFunc(next, rminfo.Class.Locatable)
		values := !slices.ContainsFunc(next, func(c rminfo.Class) bool { return !c.IsA(rminfo.DATA_VALUE) })
		switch {
		case located && code == "":
			return p, fault.New(fault.Invalid, "index-path", "%s leads to several nodes: name one, as in %s[at0004]", seg.Name, seg.Name)
		case !located && code != "":
			return p, fault.New(fault.Invalid, "index-path", "%s has no node ids", seg.Name)
		case values && !container:
			p.Text, p.Rest = strings.Join(words, "/"), append(p.Rest, key)
			p.Classes, p.Declared = next, declared
			return p, p.tail(next, segments[i+1:])
		}
		quoted, _ := jsontext.AppendQuote(nil, key)
		holder += "." + string(quoted)
		if container {
			holder += "[*]"
		}
		if numbered := !slices.ContainsFunc(next, func(c rminfo.Class) bool { return !row.Numbered(c) }); numbered {
			p.Holder, p.Rest = holder, nil
		} else if p.Rest = append(p.Rest, key); container {
			return p, fault.New(fault.Invalid, "index-path", "%s is a list of what has no node ids; values in it cannot be promoted", seg.Name)
		}
		classes = next
	}
	return p, fault.New(fault.Invalid, "index-path", "the path ends at %s and must end at a data value, as in items[at0004]/value", strings.Join(named(classes), " or "))
}

// tail checks what follows the data value: an attribute of it.
func (p Path) tail(classes []rminfo.Class, segments []aql.Segment) error {
	for i := range segments {
		next, _, _ := below(classes, segments[i].Name)
		if len(next) == 0 {
			return fault.New(fault.Invalid, "index-path-unknown", "no data value at %s has an attribute %s; promote %s", p.Text, segments[i].Name, p.Text)
		}
		classes = next
	}
	return nil
}

// below gives the concrete classes an attribute leads to.
func below(classes []rminfo.Class, name string) (next []rminfo.Class, container bool, declared rminfo.Class) {
	attr, ok := rminfo.AttrByName(name)
	if !ok {
		return nil, false, 0
	}
	for _, c := range classes {
		a, has := c.Attribute(attr)
		if !has {
			continue
		}
		container = container || a.Container
		if !a.Type.Abstract() && declared == 0 {
			declared = a.Type
		}
		for _, d := range a.Type.Descendants() {
			if !d.Abstract() && !slices.Contains(next, d) {
				next = append(next, d)
			}
		}
	}
	return next, container, declared
}

func named(classes []rminfo.Class) []string {
	names := make([]string, 0, 4)
	for _, c := range classes {
		if len(names) == 4 {
			return append(names, "...")
		}
		names = append(names, c.Name())
	}
	return names
}

func attributesOf(classes []rminfo.Class) string {
	var names []string
	for _, c := range classes {
		for _, a := range c.Attributes() {
			if n := a.Attr.Name(); !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// Object is the path of the objects that hold the values, "" for the root, as
// the dictionary of shapes has it.
func (p Path) Object() string {
	return strings.TrimSuffix(strings.TrimSuffix(p.Text, strings.Join(p.Rest, "/")), "/")
}

// Of says whether rows of an archetype have the path.
func (p Path) Of(archetype string) bool { return aql.Specialises(archetype, p.Archetype) }
