package simplified

import (
	"strings"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/simplified/compose"
	"github.com/quire-cdr/quire/internal/simplified/decompose"
	"github.com/quire-cdr/quire/internal/simplified/syntax"
	"github.com/quire-cdr/quire/internal/simplified/webtemplate"
	"github.com/quire-cdr/quire/internal/template"
)

// Format is one of the simplified formats.
type Format uint8

// The formats.
const (
	Flat Format = iota + 1
	Structured
)

// FormatOf finds a format by its name, as ?format= and the command line give it.
func FormatOf(name string) (Format, bool) {
	switch strings.ToUpper(name) {
	case "FLAT":
		return Flat, true
	case "STRUCTURED":
		return Structured, true
	}
	return 0, false
}

// Template is a template made ready for simplified formats. It is immutable and
// safe for concurrent readers.
type Template struct{ Web *webtemplate.WebTemplate }

// Compile derives the web template.
func Compile(t *template.Compiled) *Template { return &Template{webtemplate.Build(t)} }

// Read makes the composition of a document. now is the time, as ISO 8601, of what
// the document gives none. The error is a *fault.Error with every fault, each
// with its FLAT key and AQL path: Invalid for what is no document, Unprocessable
// for what the template does not take; with these come the values beside them
// that are wrong. A composition without such faults is not validated.
func (t *Template) Read(data []byte, f Format, now string) (*rm.Tree, error) {
	var items *syntax.Item
	var err error
	if f == Structured {
		items, err = syntax.ReadStructured(data)
	} else {
		items, err = syntax.ReadFlat(data)
	}
	if err != nil {
		return nil, t.placed(err)
	}
	tree, err := compose.Compose(t.Web, items, compose.Options{Now: now})
	if err != nil {
		return nil, t.placed(t.judged(err, tree))
	}
	return tree, nil
}

// Write spells a composition of the template. One of another template is
// Unprocessable.
func (t *Template) Write(tree *rm.Tree, f Format) ([]byte, error) {
	if err := decompose.MatchesTemplate(t.Web.Template, tree); err != nil {
		return nil, err
	}
	items := decompose.Decompose(t.Web, tree)
	if f == Structured {
		return syntax.WriteStructured(items), nil
	}
	return syntax.WriteFlat(items), nil
}

// Explain adds the FLAT key to issues that a validator found in a composition
// that Read made.
func (t *Template) Explain(tree *rm.Tree, issues []fault.Issue) {
	var keys []decompose.Key
	for i := range issues {
		if issues[i].FlatKey != "" || !strings.HasPrefix(issues[i].Path, "/") {
			continue
		}
		if keys == nil {
			keys = decompose.Keys(t.Web, tree)
		}
		// What is missing has no node: the nearest above it answers.
		for path := issues[i].Path; path != ""; path = path[:strings.LastIndexByte(path, '/')] {
			if found := tree.Resolve(tree.Root(), path); len(found) > 0 {
				issues[i].FlatKey = keyOf(tree, keys, found[0])
				break
			}
		}
	}
}

// keyOf is the key of the node, of the nearest above it that has one.
func keyOf(tree *rm.Tree, keys []decompose.Key, id rm.ID) string {
	for ; id != rm.None; id = tree.Parent(id) {
		for _, k := range keys {
			if k.Node != id {
				continue
			}
			if len(k.Item.Values) > 0 && tree.Kind(id) != rm.Object {
				for _, v := range k.Item.Values {
					if v.Text == tree.Text(id) {
						return k.Item.KeyOf(v.Suffix)
					}
				}
			}
			return k.Item.Key()
		}
	}
	return ""
}
