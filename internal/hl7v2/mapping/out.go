package mapping

import (
	"strconv"
	"strings"
	"time"

	"github.com/quire-cdr/quire/internal/hl7v2"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/terminology"
)

// Identifier is one of a person's.
type Identifier struct{ ID, Assigner, Type string }

// Person is what is known of whom a message is about.
type Person struct {
	Identifiers []Identifier
	// Family, Given, Birth (ISO 8601) and Sex are "" where the record does not hold
	// them.
	Family, Given, Birth, Sex string
}

// Envelope is what stands around the content.
type Envelope struct {
	// Sender and receiver, each application and facility (MSH-3 to MSH-6).
	From, To [2]string
	// ID is MSH-10, Processing MSH-11.
	ID, Processing string
	Now            time.Time
	Person         Person
	// Committed is when the version was, VersionUID and Object what it is.
	Committed          time.Time
	VersionUID, Object string
	// Update: the version is not the first of its composition.
	Update bool
	// Document is the file an MDM brings, as base64; DocumentType such as PDF.
	Document, DocumentType string
}

// Build makes a message of a composition. ok is false for one that lacks what the
// file needs: it is no such message. The error is an *hl7v2.Error.
func (f *File) Build(t *rm.Tree, e Envelope) (m *hl7v2.Message, ok bool, err error) {
	for _, p := range f.Needs {
		if len(t.Resolve(t.Root(), p)) == 0 {
			return nil, false, nil
		}
	}
	b := &builder{file: f, tree: t, envelope: e, counts: map[string]int{}, message: &hl7v2.Message{Delimiters: hl7v2.Standard}}
	b.header()
	for n := range f.Segments {
		if err := b.segment(&f.Segments[n]); err != nil {
			return nil, true, err
		}
	}
	return b.message, true, nil
}

type builder struct {
	file     *File
	tree     *rm.Tree
	envelope Envelope
	counts   map[string]int
	message  *hl7v2.Message
}

func (b *builder) header() {
	s := hl7v2.Segment{Name: "MSH"}
	e := b.envelope
	s.Set(1, 1, 1, 1, "|")
	s.Set(2, 1, 1, 1, `^~\&`)
	for n, v := range []string{e.From[0], e.From[1], e.To[0], e.To[1]} {
		s.Set(3+n, 1, 1, 1, v)
	}
	s.Set(7, 1, 1, 1, hl7v2.Timestamp(e.Now))
	for n, part := range strings.Split(b.file.Message, "^") {
		s.Set(9, 1, n+1, 1, part)
	}
	s.Set(10, 1, 1, 1, e.ID)
	s.Set(11, 1, 1, 1, e.Processing)
	s.Set(12, 1, 1, 1, b.file.Version)
	s.Set(15, 1, 1, 1, "AL")
	b.message.Segments = append(b.message.Segments, s)
}

// person writes PID. A name the record does not hold is said to be unspecified
// (HL7 table 0200): none is made up.
func (b *builder) person() {
	s := hl7v2.Segment{Name: "PID"}
	p := b.envelope.Person
	s.Set(1, 1, 1, 1, "1")
	for n, i := range p.Identifiers {
		s.Set(3, n+1, 1, 1, i.ID)
		s.Set(3, n+1, 4, 1, i.Assigner)
		s.Set(3, n+1, 5, 1, i.Type)
	}
	if p.Family == "" && p.Given == "" {
		s.Set(5, 1, 7, 1, "U")
	} else {
		s.Set(5, 1, 1, 1, p.Family)
		s.Set(5, 1, 2, 1, p.Given)
	}
	s.Set(7, 1, 1, 1, hl7v2.DTM(p.Birth))
	s.Set(8, 1, 1, 1, p.Sex)
	b.message.Segments = append(b.message.Segments, s)
}

func (b *builder) segment(spec *Segment) error {
	if spec.Segment == "PID" {
		b.person()
		return nil
	}
	nodes := []rm.ID{b.tree.Root()}
	if spec.Each != "" {
		nodes = b.tree.Resolve(b.tree.Root(), spec.Each)
	}
	for _, at := range nodes {
		if spec.Where != "" && len(b.resolve(at, spec.Where)) == 0 {
			continue
		}
		for n := range spec.Answers {
			if err := b.answers(at, &spec.Answers[n]); err != nil {
				return err
			}
		}
		if len(spec.Fields) == 0 {
			continue
		}
		s := hl7v2.Segment{Name: spec.Segment}
		b.counts[spec.Segment]++
		for n := range spec.Fields {
			if err := b.field(&s, at, &spec.Fields[n]); err != nil {
				return err
			}
		}
		b.message.Segments = append(b.message.Segments, s)
	}
	return nil
}

func (b *builder) resolve(at rm.ID, path string) []rm.ID {
	if rest, ok := strings.CutPrefix(path, "./"); ok {
		return b.tree.Resolve(at, "/"+rest)
	}
	return b.tree.Resolve(b.tree.Root(), path)
}

func (b *builder) place(s *hl7v2.Segment, to string) hl7v2.Place {
	p, _ := hl7v2.ParsePlace(s.Name + "-" + to)
	p.Occurrence = max(b.counts[s.Name], 1)
	return p
}

func (b *builder) field(s *hl7v2.Segment, at rm.ID, f *Field) error {
	p := b.place(s, f.To)
	put := func(repetition int, parts []string) {
		if p.Component > 0 {
			s.Set(p.Field, repetition, p.Component, p.Subcomponent, parts[0])
			return
		}
		for n, part := range parts {
			if part != "" || n == 0 {
				s.Set(p.Field, repetition, n+1, 1, part)
			}
		}
	}
	switch {
	case f.Value != "":
		put(1, strings.Split(f.Value, "^"))
		return nil
	case f.From != "":
		if v := b.fact(s.Name, f.From); v != "" {
			put(1, []string{v})
			return nil
		}
	default:
		written := 0
		for _, node := range b.resolve(at, f.Path) {
			parts, err := b.written(node, f, p)
			if err != nil {
				return err
			}
			if len(parts) == 0 || parts[0] == "" && len(parts) == 1 {
				continue
			}
			written++
			put(written, parts)
			if !f.Every {
				break
			}
		}
		if written > 0 {
			return nil
		}
	}
	if f.Required {
		p.Repetition = 0
		return &hl7v2.Error{Place: p, Code: hl7v2.CodeRequired, Reason: "required", Text: "the record holds nothing for a field the message cannot be without"}
	}
	return nil
}

func (b *builder) fact(segment, name string) string {
	e := b.envelope
	switch name {
	case "count":
		return strconv.Itoa(b.counts[segment])
	case "committed":
		return hl7v2.Timestamp(e.Committed)
	case "start":
		return hl7v2.DTM(b.tree.TextAt(b.tree.Root(), rminfo.A_context, rminfo.A_start_time, rminfo.A_value))
	case "control":
		// A new order, or a change of one (HL7 table 0119).
		if e.Update {
			return "XO"
		}
		return "NW"
	case "composer":
		return b.tree.TextAt(b.tree.Root(), rminfo.A_composer, rminfo.A_name)
	case "object":
		return e.Object
	case "version":
		return e.VersionUID
	case "document":
		return e.Document
	case "documenttype":
		return e.DocumentType
	}
	return ""
}

// written spells a value as a data type.
func (b *builder) written(at rm.ID, f *Field, p hl7v2.Place) ([]string, error) {
	t := b.tree
	code := t.TextAt(at, rminfo.A_defining_code, rminfo.A_code_string)
	text := t.TextAt(at, rminfo.A_value)
	if len(f.Map) > 0 {
		key := code
		if key == "" {
			key = text
		}
		if t.Class(at) == rminfo.DV_BOOLEAN {
			key = strconv.FormatBool(t.Bool(t.Child(at, rminfo.A_value)))
		}
		target, ok := f.Map[key]
		if !ok {
			p.Repetition = 0
			return nil, &hl7v2.Error{Place: p, Code: hl7v2.CodeTable, Reason: "unmapped-code", Text: "the record's code has no counterpart in the mapping"}
		}
		return strings.Split(target, "^"), nil
	}
	if t.Kind(at) != rm.Object {
		return []string{t.Text(at)}, nil
	}
	switch f.As {
	case "TS":
		return []string{hl7v2.DTM(text)}, nil
	case "CWE":
		return b.cwe(at), nil
	case "EI":
		return []string{t.TextAt(at, rminfo.A_id), t.TextAt(at, rminfo.A_assigner)}, nil
	case "CX", "XCN":
		return []string{t.TextAt(at, rminfo.A_id), "", "", t.TextAt(at, rminfo.A_assigner), t.TextAt(at, rminfo.A_type)}, nil
	case "XON":
		return []string{text}, nil
	case "ID":
		return []string{code}, nil
	case "NM":
		return []string{t.TextAt(at, rminfo.A_magnitude)}, nil
	}
	if t.Class(at) == rminfo.DV_IDENTIFIER {
		text = t.TextAt(at, rminfo.A_id)
	}
	return []string{text}, nil
}

// cwe is code, text and coding system; a text without a code has the text alone.
func (b *builder) cwe(at rm.ID) []string {
	t := b.tree
	code := t.TextAt(at, rminfo.A_defining_code, rminfo.A_code_string)
	text := t.TextAt(at, rminfo.A_value)
	if code == "" {
		return []string{"", text}
	}
	return []string{code, text, CodingSystem(t.TextAt(at, rminfo.A_defining_code, rminfo.A_terminology_id, rminfo.A_value))}
}

// codingSystems are names of HL7 table 0396 for FHIR systems.
var codingSystems = map[string]string{
	"http://snomed.info/sct": "SCT", "http://loinc.org": "LN", "http://hl7.org/fhir/sid/icd-10": "I10", "http://unitsofmeasure.org": "UCUM", "https://dmd.nhs.uk": "DMD",
}

// CodingSystem is the name of a terminology in HL7 v2; one without a name goes by
// the last part of its address, local codes are L.
func CodingSystem(terminologyID string) string {
	if terminologyID == "local" {
		return "L"
	}
	if name := codingSystems[terminology.System(terminologyID)]; name != "" {
		return name
	}
	if i := strings.LastIndexByte(terminologyID, '/'); i >= 0 && i < len(terminologyID)-1 {
		return terminologyID[i+1:]
	}
	return terminologyID
}

// answers writes one OBX for each value of a question.
func (b *builder) answers(at rm.ID, a *Answer) error {
	for _, node := range b.resolve(at, a.Path) {
		kind, value, unit := b.observed(node)
		if len(value) == 0 {
			continue
		}
		if kind == "" {
			return &hl7v2.Error{Place: hl7v2.Place{Segment: "OBX", Occurrence: b.counts["OBX"] + 1, Field: 5}, Code: hl7v2.CodeType, Reason: "type", Text: "an answer has a type that OBX does not write"}
		}
		b.counts["OBX"]++
		s := hl7v2.Segment{Name: "OBX"}
		s.Set(1, 1, 1, 1, strconv.Itoa(b.counts["OBX"]))
		s.Set(2, 1, 1, 1, kind)
		s.Set(3, 1, 1, 1, a.Code)
		s.Set(3, 1, 2, 1, a.Text)
		s.Set(3, 1, 3, 1, a.System)
		for n, part := range value {
			s.Set(5, 1, n+1, 1, part)
		}
		if unit != "" {
			s.Set(6, 1, 1, 1, unit)
			s.Set(6, 1, 3, 1, "UCUM")
		}
		// An answer to a question of the order is no result (HL7 table 0085: O).
		s.Set(11, 1, 1, 1, "O")
		b.message.Segments = append(b.message.Segments, s)
	}
	return nil
}

// observed is a value as OBX-2, OBX-5 and OBX-6 have it.
func (b *builder) observed(at rm.ID) (kind string, value []string, unit string) {
	t := b.tree
	text := func(a rminfo.Attr) []string { return []string{t.TextAt(at, a)} }
	switch t.Class(at) {
	case rminfo.DV_CODED_TEXT:
		return "CWE", b.cwe(at), ""
	case rminfo.DV_TEXT:
		return "FT", text(rminfo.A_value), ""
	case rminfo.DV_IDENTIFIER:
		return "ST", text(rminfo.A_id), ""
	case rminfo.DV_BOOLEAN:
		if t.Bool(t.Child(at, rminfo.A_value)) {
			return "CWE", []string{"Y", "Yes", "HL70136"}, ""
		}
		return "CWE", []string{"N", "No", "HL70136"}, ""
	case rminfo.DV_QUANTITY:
		return "NM", text(rminfo.A_magnitude), t.TextAt(at, rminfo.A_units)
	case rminfo.DV_COUNT:
		return "NM", text(rminfo.A_magnitude), ""
	case rminfo.DV_PROPORTION:
		if t.TextAt(at, rminfo.A_type) == "2" {
			return "NM", text(rminfo.A_numerator), "%"
		}
		return "SN", []string{"", t.TextAt(at, rminfo.A_numerator), "/", t.TextAt(at, rminfo.A_denominator)}, ""
	case rminfo.DV_DATE, rminfo.DV_DATE_TIME:
		if dtm := hl7v2.DTM(t.TextAt(at, rminfo.A_value)); dtm != "" {
			return "DTM", []string{dtm}, ""
		}
	case rminfo.DV_DURATION:
		return "ST", text(rminfo.A_value), ""
	}
	return "", []string{""}, ""
}
