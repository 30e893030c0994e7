package canonxml

import (
	"bytes"
	"strings"

	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// The namespaces of canonical XML: V1 is what tools write and read, V2 what
// ITS-XML 2.0.0 proposes.
const (
	V1 = "http://schemas.openehr.org/v1"
	V2 = "http://schemas.openehr.org/v2"

	schemaInstance = "http://www.w3.org/2001/XMLSchema-instance"
)

// maxNamespaces bounds the namespaces in scope, which are searched for each name.
const maxNamespaces = 64

// space is what a namespace means here.
type space uint8

const (
	openEHR space = iota // V1, V2 or none
	instance
	builtIn // xml: and xmlns
	foreign
)

// binding is a namespace declared by the element at a depth.
type binding struct {
	prefix []byte
	space  space
	depth  int
}

// bind notes the namespaces that the start tag declares.
func (r *reader) bind() error {
	depth := len(r.s.open)
	for len(r.bound) > 0 && r.bound[len(r.bound)-1].depth >= depth {
		r.bound = r.bound[:len(r.bound)-1]
	}
	for _, a := range r.s.attrs {
		if !bytes.HasPrefix(a.name, []byte("xmlns")) {
			continue
		}
		prefix := a.name[len("xmlns"):]
		if len(prefix) > 0 {
			if prefix[0] != ':' {
				continue
			}
			prefix = prefix[1:]
		}
		b := binding{prefix: prefix, depth: depth, space: foreign}
		switch string(a.value) {
		case V1, V2:
			b.space = openEHR
		case schemaInstance:
			b.space = instance
		case "":
			if b.space = openEHR; len(prefix) > 0 {
				return r.s.fail(r.s.at, "a prefix is bound to no namespace")
			}
		}
		if len(r.bound) == maxNamespaces {
			return r.s.fail(r.s.at, "more than %d namespaces are in scope", maxNamespaces)
		}
		r.bound = append(r.bound, b)
	}
	return nil
}

// expand splits a name and says what its prefix means. An attribute without one
// has no namespace.
func (r *reader) expand(name []byte, isAttribute bool) (space, []byte, error) {
	prefix, local, qualified := bytes.Cut(name, []byte(":"))
	switch {
	case !qualified && string(name) == "xmlns", qualified && (string(prefix) == "xml" || string(prefix) == "xmlns"):
		return builtIn, local, nil
	case !qualified && isAttribute:
		return openEHR, name, nil
	case !qualified:
		prefix, local = nil, name
	}
	for i := len(r.bound) - 1; i >= 0; i-- {
		if bytes.Equal(r.bound[i].prefix, prefix) {
			return r.bound[i].space, local, nil
		}
	}
	if qualified {
		return foreign, local, r.s.fail(r.s.at, "the prefix %q is not declared", prefix)
	}
	return openEHR, local, nil
}

// RootName is the name of the element that holds an object by itself: that of
// the schemas for a VERSION, else the class in small letters, since most classes
// have no document of their own.
func RootName(class rminfo.Class) string {
	if class.IsA(rminfo.VERSION) {
		return "version"
	}
	return strings.ToLower(class.Name())
}

// mayBeRoot says whether an element of this name may hold a class: it names the
// class, one it inherits from or one that inherits from it, or is the schemas'
// element for any LOCATABLE.
func mayBeRoot(name []byte, want rminfo.Class) bool {
	c, ok := rminfo.ClassByBytes(bytes.ToUpper(name))
	switch {
	case string(name) == "items":
		return want == 0 || want.Locatable()
	case !ok || c.Scalar() != rminfo.NotScalar:
		return false
	}
	return want == 0 || want.IsA(c) || c.IsA(want)
}

// workFlowID is what the v1 schema calls ENTRY.workflow_id.
const workFlowID = "work_flow_id"

func attrByName(name []byte) (rminfo.Attr, bool) {
	if string(name) == workFlowID {
		return rminfo.A_workflow_id, true
	}
	return rminfo.AttrByBytes(name)
}
