package canon

import (
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// resolve gives every node its class, from the root down, and checks it against
// what the class of its holder declares. Holders come before what they hold, so
// one pass over the nodes in their order is enough.
func (r *reader) resolve(want rminfo.Class, opts ReadOptions) *rm.Tree {
	t := r.b.Draft()
	r.root(t, want)
	for id := rm.ID(1); int(id) < t.Len(); id++ {
		holder := t.Parent(id)
		class := t.Class(holder)
		if class == 0 || r.marks[holder]&refused != 0 {
			if t.Class(id) == 0 {
				r.marks[id] |= refused
			}
			continue
		}
		a, ok := class.Attribute(t.Attr(id))
		if !ok {
			switch {
			case opts.IgnoreUnknown:
				r.strange = append(r.strange, id)
			case r.marks[id]&later == 0:
				r.found.add(holder, unknownMember, t.Attr(id).Name())
			}
			r.marks[id] |= refused
			continue
		}
		if a.Container != (r.marks[id]&inList != 0) {
			switch {
			case a.Container:
				r.found.add(id, listExpected, a.Attr.Name())
			case r.marks[id]&later == 0:
				r.found.add(id, listUnexpected, a.Attr.Name())
			}
		}
		if t.Kind(id) == rm.Object {
			r.held(t, id, a.Type, opts)
		} else {
			r.scalar(t, id, a.Type)
		}
	}
	if opts.Mandatory {
		r.mandatory(t)
	}
	return t
}

func (r *reader) root(t *rm.Tree, want rminfo.Class) {
	c := t.Class(0)
	switch {
	case r.marks[0]&refused != 0:
	case c == 0 && (want == 0 || want.Abstract() || want.Scalar() != rminfo.NotScalar):
		r.found.add(0, missingClass, want.Name())
		r.marks[0] |= refused
	case c == 0:
		r.b.SetClass(0, want)
	case want != 0 && !c.IsA(want):
		r.found.add(0, foreignClass, want.Name())
		r.marks[0] |= refused
	}
}

func (r *reader) held(t *rm.Tree, id rm.ID, declared rminfo.Class, opts ReadOptions) {
	c := t.Class(id)
	switch {
	case r.marks[id]&refused != 0:
		return
	case declared.Scalar() != rminfo.NotScalar:
		r.found.add(id, scalarKind, declared.Name())
	case c == 0:
		if c = infer(t, id, declared, opts); c != 0 {
			r.b.SetClass(id, c)
			return
		}
		r.found.add(id, missingClass, declared.Name())
	case c.IsA(declared), opts.Committal && t.Attr(id) == rminfo.A_versions && c.IsA(rminfo.VERSION):
		return
	default:
		r.found.add(id, foreignClass, declared.Name())
	}
	r.marks[id] |= refused
}

// infer finds the class of an object that names none; 0 where it must.
func infer(t *rm.Tree, id rm.ID, declared rminfo.Class, opts ReadOptions) rminfo.Class {
	switch {
	case !declared.Abstract():
		return declared
	case declared == rminfo.UID_BASED_ID || declared == rminfo.OBJECT_ID:
		return inferID(t, id, declared)
	case declared == rminfo.PARTY_PROXY && opts.Lenient && t.First(id) == rm.None:
		return rminfo.PARTY_SELF
	}
	return 0
}

// inferID tells the classes of identifier apart by their lexical forms (BASE
// 1.1.0, Identification).
func inferID(t *rm.Tree, id rm.ID, declared rminfo.Class) rminfo.Class {
	value := t.TextAt(id, rminfo.A_value)
	switch {
	case value == "":
		return 0
	case declared == rminfo.OBJECT_ID && t.Child(id, rminfo.A_scheme) != rm.None:
		return rminfo.GENERIC_ID
	case strings.Count(value, "::") == 2:
		return rminfo.OBJECT_VERSION_ID
	}
	return rminfo.HIER_OBJECT_ID
}

// scalar checks how a primitive is written and gives it its class.
func (r *reader) scalar(t *rm.Tree, id rm.ID, declared rminfo.Class) {
	kind := t.Kind(id)
	ok := false
	switch declared.Scalar() {
	case rminfo.Text:
		ok = kind == rm.String
	case rminfo.Bool:
		ok = kind == rm.Boolean
	case rminfo.Number:
		if kind == rm.String && isNumber(t.Text(id)) {
			if why := badNumber(t.Text(id)); why != "" {
				r.found.add(id, numberRange, why)
			}
			kind = rm.Number
		}
		if ok = kind == rm.Number; ok && declared != rminfo.Real && badNumber(t.Text(id)) == "" && !isInteger(t.Text(id), declared) {
			r.found.add(id, numberForm, declared.Name())
		}
	}
	if !ok {
		r.found.add(id, scalarKind, declared.Name())
		return
	}
	r.b.SetScalar(id, kind, declared)
}

// mandatory reports absent mandatory attributes. Absent lists are none: an
// empty list may be left out (ITS-REST, JSON format).
func (r *reader) mandatory(t *rm.Tree) {
	for id := rm.ID(0); int(id) < t.Len(); id++ {
		if t.Kind(id) != rm.Object || t.Class(id) == 0 || r.marks[id]&refused != 0 {
			continue
		}
		var have members
		for c := range t.All(id) {
			have.add(t.Attr(c))
		}
		for _, a := range t.Class(id).Attributes() {
			if a.Mandatory && !a.Container && !have.has(a.Attr) {
				r.found.add(id, missingMember, a.Attr.Name())
			}
		}
	}
}

func (m *members) has(a rminfo.Attr) bool { return m[a>>6]&(1<<(a&63)) != 0 }

// isNumber says whether s is a JSON number (RFC 8259, 6).
func isNumber(s string) bool {
	s = strings.TrimPrefix(s, "-")
	whole, rest := digits(s)
	if whole == "" || len(whole) > 1 && whole[0] == '0' {
		return false
	}
	if frac, ok := strings.CutPrefix(rest, "."); ok {
		var d string
		if d, rest = digits(frac); d == "" {
			return false
		}
	}
	if rest != "" && (rest[0] == 'e' || rest[0] == 'E') {
		rest = rest[1:]
		if rest != "" && (rest[0] == '+' || rest[0] == '-') {
			rest = rest[1:]
		}
		var d string
		if d, rest = digits(rest); d == "" {
			return false
		}
	}
	return rest == ""
}

func digits(s string) (head, rest string) {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return s[:n], s[n:]
}

// The bounds of a number: what a double and PostgreSQL's numeric both take.
const (
	maxDigits   = 40
	maxExponent = 308
)

// badNumber says what of a JSON number passes the bounds, "" for nothing.
func badNumber(s string) string {
	at := strings.IndexAny(s, "eE")
	mantissa := s
	if at >= 0 {
		mantissa = s[:at]
		if e, err := strconv.Atoi(s[at+1:]); err != nil || e > maxExponent || e < -maxExponent {
			return "exponent"
		}
	}
	n := 0
	for i := range len(mantissa) {
		if c := mantissa[i]; c >= '0' && c <= '9' {
			n++
		}
	}
	if n > maxDigits {
		return "digits"
	}
	if at >= 0 {
		if _, err := strconv.ParseFloat(s, 64); err != nil {
			return "exponent"
		}
	}
	return ""
}

// isInteger says whether a JSON number is an integer that its class can hold.
func isInteger(s string, class rminfo.Class) bool {
	bits := 64
	if class == rminfo.Integer {
		bits = 32
	}
	_, err := strconv.ParseInt(s, 10, bits)
	return err == nil
}
