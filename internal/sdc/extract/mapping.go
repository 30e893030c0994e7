package extract

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"sort"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Mapping says what the entries of an archetype become.
type Mapping struct {
	Archetype string `yaml:"archetype"`
	// Resource is the FHIR type; Profile its meta.profile.
	Resource string `yaml:"resource"`
	Profile  string `yaml:"profile"`
	// Refuse is why entries of the archetype never become a resource.
	Refuse string `yaml:"refuse"`
	// Each is the path within the entry of what becomes one resource each; "" is the
	// entry itself.
	Each string `yaml:"each"`
	// Observations: the elements with term bindings become Observations; Fields then
	// hold only what stands in each of them.
	Observations bool `yaml:"observations"`
	// Fixed are members with the same value in every resource. None may say
	// anything about the person.
	Fixed map[string]any `yaml:"fixed"`
	// Fields are asked in order; of several for one member the first with a value
	// wins.
	Fields []Field `yaml:"fields"`
}

// Field fills one member of a resource.
type Field struct {
	// To is the member, such as code or reaction[].description; [] adds to a list.
	To string `yaml:"to"`
	// Path is that of the value within the entry, or from the part of Each where it
	// begins with "./", or within the composition where it begins with "/../".
	Path string `yaml:"path"`
	// As is how the value is written: concept, concepts (of every value), text,
	// texts, date, code, identifier, annotation, exists (the code of "present" where
	// there is a value), state (of an ISM_TRANSITION), orderstate (of the latest step
	// of the order).
	As string `yaml:"as"`
	// Map gives codes to write for codes of the record. A code that is not listed is
	// refused, with the entry.
	Map map[string]string `yaml:"map"`
	// System is the code system of mapped codes.
	System string `yaml:"system"`
	// Displays are the texts of mapped codes.
	Displays map[string]string `yaml:"displays"`
	// Required refuses the entry where there is no value.
	Required bool `yaml:"required"`
	// Absent is the data-absent-reason where there is no value.
	Absent string `yaml:"absent"`
	// Default is the code where there is no value: of the status of a message,
	// never of a finding.
	Default string `yaml:"default"`
}

var kinds = map[string]bool{"concept": true, "concepts": true, "text": true, "texts": true, "date": true, "code": true, "identifier": true, "annotation": true, "state": true, "orderstate": true, "exists": true}

// Mappings are those of all archetypes.
type Mappings map[string]*Mapping

// ReadMappings reads *.yaml of a directory.
func ReadMappings(files fs.FS, dir string) (Mappings, error) {
	names, err := fs.Glob(files, path.Join(dir, "*.yaml"))
	if err != nil {
		return nil, err
	}
	sort.Strings(names)
	all := Mappings{}
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		m, err := ReadMapping(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if all[m.Archetype] != nil {
			return nil, fmt.Errorf("%s: the archetype %s is mapped twice", name, m.Archetype)
		}
		all[m.Archetype] = m
	}
	return all, nil
}

// ReadMapping reads one mapping. Members nobody knows are refused.
func ReadMapping(text []byte) (*Mapping, error) {
	m := &Mapping{}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(m); err != nil {
		return nil, fmt.Errorf("no mapping: %w", err)
	}
	switch {
	case !strings.HasPrefix(m.Archetype, "openEHR-EHR-"):
		return nil, fmt.Errorf("archetype is the id of an archetype, not %q", m.Archetype)
	case (m.Refuse == "") == (m.Resource == ""):
		return nil, fmt.Errorf("%s: a mapping has either resource or refuse", m.Archetype)
	}
	for n, f := range m.Fields {
		if f.To == "" || !kinds[f.As] || f.Path == "" && f.As != "state" {
			return nil, fmt.Errorf("%s: field %d needs to, path and a known as", m.Archetype, n+1)
		}
	}
	return m, nil
}

// of finds the mapping of an archetype: that of its id, of the id it specialises,
// or of another minor release.
func (all Mappings) of(archetype string) *Mapping {
	if m := all[archetype]; m != nil {
		return m
	}
	// openEHR-EHR-OBSERVATION.laboratory_test_result-mine.v1 is a laboratory_test_result.
	head, rest, ok := strings.Cut(archetype, ".")
	concept, version, ok2 := strings.Cut(rest, ".")
	for ok && ok2 {
		i := strings.LastIndexByte(concept, '-')
		if i < 0 {
			return nil
		}
		concept = concept[:i]
		if m := all[head+"."+concept+"."+version]; m != nil {
			return m
		}
	}
	return nil
}
