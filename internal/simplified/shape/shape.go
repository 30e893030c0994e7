package shape

import (
	"strings"

	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// Field is one attribute of a class and its key.
type Field struct {
	// Key begins with a bar for a suffix, is empty for the value without suffix,
	// and names a sub-path otherwise. NoKey marks what only Default can give.
	Key string
	// Alt are further spellings that are read.
	Alt  []string
	Attr rminfo.Attr
	// Class is built there; 0 where the value or its keys decide.
	Class rminfo.Class
	// Bound is the class of the bounds where Class is an interval.
	Bound rminfo.Class
	List  bool
	// Inline are the members of the object there, when their keys stand on the
	// level of this class.
	Inline []Field
	// Default is the text that is read when the key is absent, and not written.
	Default string
}

// NoKey is the key of fields that cannot be given.
const NoKey = "-"

// Shape is all fields of a class, inherited ones included.
type Shape struct {
	Class  rminfo.Class
	Fields []Field

	byKey map[string][]*Field
	// bySuffix are those of byKey that begin with a bar, without it, and the value
	// without suffix.
	bySuffix map[string][]*Field
	byAttr   map[rminfo.Attr][]*Field
}

// Of gives the shape of a class; it is never nil.
func Of(c rminfo.Class) *Shape { return shapes[c] }

// Lookup finds the fields that lead from the object to the one a key stands for.
func (s *Shape) Lookup(key string) []*Field { return s.byKey[key] }

// Suffix is Lookup for a suffix without its bar, "" for the value without suffix.
func (s *Shape) Suffix(suffix string) []*Field { return s.bySuffix[suffix] }

// ByAttr lists the fields of an attribute; several share one where its class
// decides the key.
func (s *Shape) ByAttr(a rminfo.Attr) []*Field { return s.byAttr[a] }

// Suffixes lists the suffixes of the class, without the bar.
func (s *Shape) Suffixes() []string {
	var out []string
	for key := range s.byKey {
		if suffix, ok := strings.CutPrefix(key, "|"); ok {
			out = append(out, suffix)
		}
	}
	return out
}

// Segments lists the sub-paths of the class.
func (s *Shape) Segments() []string {
	var out []string
	for key := range s.byKey {
		if key != "" && key[0] != '|' {
			out = append(out, key)
		}
	}
	return out
}

var shapes []*Shape

func init() {
	shapes = make([]*Shape, rminfo.Classes())
	for c := rminfo.Class(0); int(c) < rminfo.Classes(); c++ {
		s := &Shape{Class: c, byKey: map[string][]*Field{}, bySuffix: map[string][]*Field{}, byAttr: map[rminfo.Attr][]*Field{}}
		for at := c; at != 0; at = at.Parent() {
			s.Fields = append(s.Fields, table[at]...)
		}
		for i := range s.Fields {
			f := &s.Fields[i]
			s.byAttr[f.Attr] = append(s.byAttr[f.Attr], f)
			s.add(f, nil)
		}
		shapes[c] = s
	}
}

// add notes the keys of a field; the class's own come before inherited ones.
func (s *Shape) add(f *Field, above []*Field) {
	path := append(append([]*Field(nil), above...), f)
	for i := range f.Inline {
		s.add(&f.Inline[i], path)
	}
	if f.Inline != nil || f.Key == NoKey {
		return
	}
	for _, key := range append([]string{f.Key}, f.Alt...) {
		if _, taken := s.byKey[key]; !taken {
			s.byKey[key] = path
			if suffix, ok := strings.CutPrefix(key, "|"); ok || key == "" {
				s.bySuffix[suffix] = path
			}
		}
	}
}

// IDClass is the class of an identifier that is told by its form (BASE 1.1.0,
// identification): with a scheme a GENERIC_ID, with three parts an
// OBJECT_VERSION_ID, else a HIER_OBJECT_ID.
func IDClass(value string, scheme bool) rminfo.Class {
	if scheme {
		return rminfo.GENERIC_ID
	}
	if parts := strings.Split(value, "::"); len(parts) == 3 {
		return rminfo.OBJECT_VERSION_ID
	}
	return rminfo.HIER_OBJECT_ID
}
