package binding

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/fhir"
)

// Binding is what a binding file says.
type Binding struct {
	// Questionnaire is the canonical address of the foreign form, without a version.
	Questionnaire string `yaml:"questionnaire"`
	// Template is the id of the template its answers fill.
	Template string `yaml:"template"`
	// Paths are beginnings of paths by name, written $name before the rest.
	Paths map[string]string `yaml:"paths,omitempty"`
	// Items are the bound questions.
	Items []Item `yaml:"items"`
	// Groups are repeating groups of the foreign form that stand for repeats of a node.
	Groups []Group `yaml:"groups,omitempty"`
	// Identifiers are questions that are answered by an identifier of the person,
	// with its system: a response about somebody else is refused by them.
	Identifiers map[string]string `yaml:"identifiers,omitempty"`
	// Constants are answers that the foreign form implies.
	Constants []Constant `yaml:"constants,omitempty"`
	// Unbound lists questions that are left unbound on purpose, and why.
	Unbound map[string]string `yaml:"unbound,omitempty"`
}

// Item binds one question.
type Item struct {
	LinkID string `yaml:"linkId"`
	// Path is the AQL path of the ELEMENT, or of an attribute within its value.
	Path string `yaml:"path"`
	// Repeat is the number of the repeat of the nearest repeating group, from 0,
	// where two questions fill two repeats of one node.
	Repeat int `yaml:"repeat,omitempty"`
	// Each gives each answer a repeat of the nearest repeating group of its own.
	Each bool `yaml:"each,omitempty"`
	// All gives the answer to every repeat of the nearest repeating group that
	// something else is answered in, such as one reason for several tests.
	All bool `yaml:"all,omitempty"`
	// With are answers that stand beside this one, in the same repeat: a code or
	// words by path.
	With map[string]string `yaml:"with,omitempty"`
	// When names a question without whose answer this one is not bound.
	When string `yaml:"when,omitempty"`
	// Values gives the template's code, text or boolean for an answer of the
	// foreign form: a code, "system|code", a text, true or false.
	Values map[string]string `yaml:"values,omitempty"`
	// Unit is that of a number without one.
	Unit string `yaml:"unit,omitempty"`
	// Units are the template's units for those of the foreign form.
	Units map[string]string `yaml:"units,omitempty"`
}

// Group binds a repeating group: its nth repeat fills the nth of the node.
type Group struct {
	LinkID string `yaml:"linkId"`
	Path   string `yaml:"path"`
}

// Constant is an answer to one node of the template.
type Constant struct {
	Path   string `yaml:"path"`
	Repeat int    `yaml:"repeat,omitempty"`
	// Value is a text, a code of the template, or a number as text.
	Value string `yaml:"value"`
	// From takes the value from the answers of a question instead, joined by commas.
	From []string `yaml:"from,omitempty"`
	// When names a question without whose answer the constant does not stand;
	// without one it stands always.
	When string `yaml:"when,omitempty"`
}

// maxFile bounds a binding file.
const maxFile = 1 << 20

// Read reads a binding file. Members it does not know are refused, and so are
// two entries for one question.
func Read(text []byte) (*Binding, error) {
	refuse := func(issues ...fault.Issue) error {
		return fault.New(fault.Invalid, "binding-unreadable", "the binding cannot be read").With(issues...)
	}
	if len(text) > maxFile {
		return nil, refuse(fault.Issue{Path: "binding", Rule: "size", Expected: fmt.Sprintf("at most %d bytes", maxFile), Message: "the file is too large"})
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	var b Binding
	if err := dec.Decode(&b); err != nil {
		return nil, refuse(fault.Issue{Path: "binding", Rule: "yaml", Message: err.Error()})
	}
	if err := dec.Decode(new(any)); !errors.Is(err, io.EOF) {
		return nil, refuse(fault.Issue{Path: "binding", Rule: "yaml", Message: "the file holds one document"})
	}
	var issues []fault.Issue
	for _, must := range []struct{ name, value string }{{"questionnaire", b.Questionnaire}, {"template", b.Template}} {
		if must.value == "" {
			issues = append(issues, fault.Issue{Path: must.name, Rule: "required", Message: "a binding names its " + must.name})
		}
	}
	seen := map[string]bool{}
	for n, i := range b.Items {
		at := fmt.Sprintf("items[%d]", n)
		if i.LinkID == "" || i.Path == "" {
			issues = append(issues, fault.Issue{Path: at, Rule: "required", Expected: "linkId and path", Message: "an entry binds a question to a path"})
		}
		if seen[i.LinkID] {
			issues = append(issues, fault.Issue{Path: at, Rule: "twice", Found: i.LinkID, Message: "the question is bound twice"})
		}
		if i.Repeat < 0 {
			issues = append(issues, fault.Issue{Path: at + ".repeat", Rule: "range", Found: fmt.Sprint(i.Repeat), Message: "repeats are counted from 0"})
		}
		seen[i.LinkID] = true
		b.Items[n].Path = b.path(i.Path)
		with := map[string]string{}
		for path, value := range i.With {
			with[b.path(path)] = value
		}
		b.Items[n].With = with
	}
	for n, g := range b.Groups {
		b.Groups[n].Path = b.path(g.Path)
	}
	for n, c := range b.Constants {
		b.Constants[n].Path = b.path(c.Path)
	}
	if len(issues) > 0 {
		return nil, refuse(issues...)
	}
	return &b, nil
}

// path puts the beginning for a $name, which may begin with another.
func (b *Binding) path(p string) string {
	for range len(b.Paths) + 1 {
		name, ok := strings.CutPrefix(p, "$")
		if !ok {
			break
		}
		name, rest, _ := strings.Cut(name, "/")
		if rest != "" {
			rest = "/" + rest
		}
		p = b.Paths[name] + rest
	}
	return p
}

// Write writes a binding as a file.
func (b *Binding) Write() ([]byte, error) {
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(b); err != nil {
		return nil, err
	}
	return out.Bytes(), enc.Close()
}

// kindOf names the value member of an answer, "" where it has none.
func kindOf(answer map[string]any) string {
	for name := range answer {
		if strings.HasPrefix(name, "value") {
			return name
		}
	}
	return ""
}

// number is a FHIR decimal of a JSON number.
func number(v any) *fhir.Decimal {
	text := fmt.Sprint(v)
	d := fhir.Decimal(text)
	return &d
}

// Shipped reads the binding files of a folder, by the addresses of their forms.
func Shipped(files fs.FS) (map[string]*Binding, error) {
	paths, err := fs.Glob(files, "bindings/*.yaml")
	if err != nil {
		return nil, err
	}
	out := map[string]*Binding{}
	for _, path := range paths {
		text, err := fs.ReadFile(files, path)
		if err != nil {
			return nil, err
		}
		b, err := Read(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		out[b.Questionnaire] = b
	}
	return out, nil
}
