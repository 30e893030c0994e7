package mapping

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"sort"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/quire-cdr/quire/internal/hl7v2"
)

// File is one mapping file. Out holds Segments, in holds Values and Results.
type File struct {
	// Name is the file's, without its ending.
	Name string `yaml:"-"`
	// Template is the template id, Message the type as in MSH-9, such as
	// OML^O21^OML_O21, Version MSH-12.
	Template string `yaml:"template"`
	Message  string `yaml:"message"`
	Version  string `yaml:"version"`
	// Direction is out or in.
	Direction string `yaml:"direction"`

	// Needs lists paths: a composition without any of them is not this message's
	// business and is passed over, not refused.
	Needs    []string  `yaml:"needs"`
	Segments []Segment `yaml:"segments"`

	// Order is where a result names the order it answers; Filler what it is known by
	// at the sender, so that a correction becomes a new version.
	Order  string `yaml:"order"`
	Filler string `yaml:"filler"`
	// OrderPath is the AQL path of the order's number within an order composition's
	// INSTRUCTION, and OrderArchetype that archetype.
	OrderArchetype string `yaml:"order_archetype"`
	OrderPath      string `yaml:"order_path"`
	// OrderRequired refuses results whose order this record does not hold.
	OrderRequired bool     `yaml:"order_required"`
	Values        []Value  `yaml:"values"`
	Results       []Result `yaml:"results"`
	// StatusField of the message and of results must hold one of their codes.
	Statuses map[string][]string `yaml:"statuses"`
}

// Segment is one segment, or one for each node at Each.
type Segment struct {
	Segment string  `yaml:"segment"`
	Each    string  `yaml:"each"`
	Fields  []Field `yaml:"fields"`
	// Answers make one OBX for each answer of a question.
	Answers []Answer `yaml:"answers"`
	// Where is a path that must be there; without it the segment is left out.
	Where string `yaml:"where"`
}

// Field fills one field or a part of it.
type Field struct {
	// To is field, field.component or field.component.subcomponent.
	To string `yaml:"to"`
	// One of: Value is a constant; From a fact of the message (count, committed,
	// control, start, composer, object, version, document, documenttype); Path a path of the composition,
	// from the node of Each where it begins with "./".
	Value string `yaml:"value"`
	From  string `yaml:"from"`
	Path  string `yaml:"path"`
	// As is the data type: ST, FT, ID, TS, CWE, EI, CX, NM, XCN, XON. Without it ST.
	As string `yaml:"as"`
	// Map turns codes, or texts, into others; one that is not listed is refused.
	Map      map[string]string `yaml:"map"`
	Required bool              `yaml:"required"`
	// Every writes all values as repetitions.
	Every bool `yaml:"every"`
}

// Answer is a question asked at order entry: code, text and system for OBX-3, the
// path of the answer for OBX-5.
type Answer struct {
	Code   string `yaml:"code"`
	Text   string `yaml:"text"`
	System string `yaml:"system"`
	Path   string `yaml:"path"`
}

// Value fills a FLAT key from a field.
type Value struct {
	Key string `yaml:"key"`
	// From are places; the first that is not empty counts.
	From []string `yaml:"from"`
	// Value is a constant; When makes it, or the field, count only where that place
	// is not empty.
	Value string `yaml:"value"`
	When  string `yaml:"when"`
	// As is text (the default), time, number, code (with Map) or concept, which
	// writes |code, |value and |terminology where the field has a code.
	As       string            `yaml:"as"`
	Map      map[string]string `yaml:"map"`
	Required bool              `yaml:"required"`
}

// Result says what OBX (or NTE) segments become. The first rule that fits takes a
// segment.
type Result struct {
	Segment string `yaml:"segment"`
	// Where lists what fields may hold, such as OBX-2: [ED].
	Where map[string][]string `yaml:"where"`
	// Values have keys with {n}, which counts the segments this rule took.
	Values []Value `yaml:"values"`
	// Join writes the texts of all its segments into one key, with line ends.
	Join string `yaml:"join"`
}

// Set is all mapping files.
type Set []*File

// Read reads *.yaml of a directory.
func Read(files fs.FS, dir string) (Set, error) {
	names, err := fs.Glob(files, path.Join(dir, "*.yaml"))
	if err != nil {
		return nil, err
	}
	sort.Strings(names)
	var all Set
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		f, err := ReadFile(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		f.Name = strings.TrimSuffix(path.Base(name), ".yaml")
		all = append(all, f)
	}
	return all, nil
}

// ReadFile reads one file. Members nobody knows, and places that are none, are
// refused.
func ReadFile(text []byte) (*File, error) {
	f := &File{}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(f); err != nil {
		return nil, fmt.Errorf("no mapping: %w", err)
	}
	switch {
	case f.Template == "" || strings.Count(f.Message, "^") == 0:
		return nil, fmt.Errorf("a mapping names its template and its message, such as OML^O21^OML_O21")
	case f.Direction != "in" && f.Direction != "out":
		return nil, fmt.Errorf("direction is in or out")
	}
	for _, s := range f.Segments {
		if _, ok := hl7v2.ParsePlace(s.Segment); !ok || len(s.Segment) != 3 {
			return nil, fmt.Errorf("%q is no segment", s.Segment)
		}
		for _, field := range s.Fields {
			if _, ok := hl7v2.ParsePlace(s.Segment + "-" + field.To); !ok {
				return nil, fmt.Errorf("%s-%s is no field", s.Segment, field.To)
			}
			if !types[field.As] {
				return nil, fmt.Errorf("%s-%s: no data type %q is written here", s.Segment, field.To, field.As)
			}
		}
	}
	places := []string{}
	for _, v := range f.Values {
		places = append(places, v.From...)
	}
	for _, r := range f.Results {
		if r.Segment != "OBX" && r.Segment != "NTE" {
			return nil, fmt.Errorf("results are taken from OBX and NTE, not %q", r.Segment)
		}
		for _, v := range r.Values {
			places = append(places, v.From...)
		}
		for p := range r.Where {
			places = append(places, p)
		}
	}
	for p := range f.Statuses {
		places = append(places, p)
	}
	if f.Direction == "in" {
		places = append(places, f.Order, f.Filler)
	}
	for _, p := range places {
		if _, ok := hl7v2.ParsePlace(p); !ok {
			return nil, fmt.Errorf("%q is no place of a message, such as OBR-4.1", p)
		}
	}
	return f, nil
}

var types = map[string]bool{"": true, "ST": true, "FT": true, "ID": true, "TS": true, "CWE": true, "EI": true, "CX": true, "NM": true, "XCN": true, "XON": true, "HD": true}

// Named is a file by its name, nil where there is none.
func (s Set) Named(name string) *File {
	for _, f := range s {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// In is the file that takes messages of a type, nil for none.
func (s Set) In(kind string) *File {
	for _, f := range s {
		if f.Direction == "in" && (f.Message == kind || strings.HasPrefix(f.Message, kind+"^")) {
			return f
		}
	}
	return nil
}

// WantsDocument says whether messages of the file bring the version as a file.
func (f *File) WantsDocument() bool {
	for _, s := range f.Segments {
		for _, field := range s.Fields {
			if field.From == "document" {
				return true
			}
		}
	}
	return false
}
