package sdc

import (
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/fhir"
)

// Path is the AQL path of what an item answers for, from the root of the
// composition; "" for carriers and asides, which answer for nothing of their own.
func (f *Form) Path(i *Item) string {
	path := f.Template.Node(i.Node).AQLPath
	switch i.Kind {
	case Carrier, Aside:
		return ""
	case Attribute, Record:
		return strings.TrimSuffix(path, "/") + "/" + i.Attr.Name()
	case Part:
		if owner := f.parent[i]; owner.Kind == Record {
			path = f.Path(owner)
		} else {
			path += "/value"
		}
		for _, a := range i.Route {
			path += "/" + a.Name()
		}
	}
	return path
}

// At finds the item that an AQL path belongs to: the one of that path, else the
// nearest above it, at last the root. Validators name nodes by template paths or
// by those of the data; the second lack the names that the first may have.
func (f *Form) At(path string) *Item {
	for p := path; p != "" && p != "/"; p = parentPath(p) {
		if i := f.byPath[p]; i != nil {
			return i
		}
	}
	return f.Root
}

// parentPath cuts the last segment off a path; a slash within a predicate
// parts nothing.
func parentPath(path string) string {
	quoted, depth := false, 0
	cut := 0
	for n := 0; n < len(path); n++ {
		switch ch := path[n]; {
		case quoted:
			if ch == '\\' {
				n++
			} else if ch == '\'' {
				quoted = false
			}
		case ch == '\'' && depth > 0:
			quoted = true
		case ch == '[':
			depth++
		case ch == ']':
			depth--
		case ch == '/' && depth == 0:
			cut = n
		}
	}
	return path[:cut]
}

// nameless is a path without the names in its predicates.
func nameless(path string) string {
	var b strings.Builder
	quoted, depth, dropping := false, 0, false
	for n := 0; n < len(path); n++ {
		ch := path[n]
		switch {
		case quoted:
			if ch == '\\' {
				n++
			} else if ch == '\'' {
				quoted = false
			}
			continue
		case ch == '\'' && depth > 0:
			quoted = true
			continue
		case ch == '[':
			depth++
		case ch == ']':
			depth--
			dropping = false
		case depth > 0 && (ch == ',' || ch == ' '):
			dropping = true
		}
		if !dropping {
			b.WriteByte(ch)
		}
	}
	return b.String()
}

// indexPaths fills the look-up of At; where several items share a path without
// names, the first is as good as any.
func (f *Form) indexPaths() {
	f.byPath = make(map[string]*Item, len(f.byLinkID))
	var walk func(i *Item, key func(string) string)
	walk = func(i *Item, key func(string) string) {
		if path := f.Path(i); path != "" {
			if k := key(path); f.byPath[k] == nil {
				f.byPath[k] = i
			}
		}
		for _, c := range i.Children {
			walk(c, key)
		}
	}
	walk(f.Root, func(s string) string { return s })
	walk(f.Root, nameless)
}

// Expression is the FHIRPath of an item within a response, by linkIds.
func (f *Form) Expression(i *Item) string {
	var chain []string
	for ; i != nil; i = f.parent[i] {
		chain = append(chain, i.LinkID)
	}
	var b strings.Builder
	b.WriteString("QuestionnaireResponse")
	for n := len(chain) - 1; n >= 0; n-- {
		b.WriteString(".item.where(linkId='" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(chain[n]) + "')")
	}
	return b.String()
}

// Place is the FHIRPath of the one answer that a response gives to an item, of the
// item where it has several or none; "" where the item does not stand there once.
func Place(r *fhir.QuestionnaireResponse, linkID string) string {
	place, times := "", 0
	var walk func(items []fhir.ResponseItem, at string)
	walk = func(items []fhir.ResponseItem, at string) {
		for n := range items {
			here := at + ".item[" + strconv.Itoa(n) + "]"
			if items[n].LinkID == linkID {
				place = here
				if times++; len(items[n].Answer) == 1 {
					place += ".answer[0]"
				}
			}
			walk(items[n].Item, here)
		}
	}
	walk(r.Item, "QuestionnaireResponse")
	if times != 1 {
		return ""
	}
	return place
}

// Extensions beside the issues of an OperationOutcome: the linkId and the
// openEHR path they are about, and the version uid that was written.
const (
	ExtPath    = extPath
	ExtLinkID  = "https://quire-cdr.org/fhir/StructureDefinition/linkid"
	ExtVersion = "https://quire-cdr.org/fhir/StructureDefinition/openehr-version-uid"
)
