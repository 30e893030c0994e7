package adl

import (
	"io"
	"strings"
	"unicode/utf8"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/fault"
)

// Read reads and checks one archetype. The error is a *fault.Error of kind
// Invalid with every fault found; warnings are not among them: Check gives both.
func Read(in io.Reader) (*Archetype, error) {
	text, err := io.ReadAll(io.LimitReader(in, maxBytes+1))
	if err != nil {
		return nil, err
	}
	p := &parser{places: map[any]int{}}
	a := p.parse(string(text))
	if len(p.faults) == 0 {
		for _, issue := range p.check(a) {
			if !issue.Warning {
				p.faults = append(p.faults, issue)
			}
		}
	}
	if len(p.faults) > 0 {
		for i := range p.faults {
			p.faults[i].Archetype = a.ID
		}
		return nil, fault.New(fault.Invalid, "archetype-invalid", "the archetype cannot be read").With(p.faults...)
	}
	return a, nil
}

// parser reads the sections. places remembers where each node of the definition
// stands, for the checks that follow.
type parser struct {
	*source
	places map[any]int
}

// section of an archetype, in their order.
var sections = []struct {
	words []string
	// rule is the code a fault of syntax in the section has; mandatory sections
	// report it when they are absent.
	rule      string
	mandatory bool
}{
	{[]string{"archetype"}, "VARID", true},
	{[]string{"specialise", "specialize"}, "VARID", false},
	{[]string{"concept"}, "VARCN", true},
	{[]string{"language"}, "VDEOL", true},
	{[]string{"description"}, "adl-description", false},
	{[]string{"definition"}, "VARDF", true},
	{[]string{"invariant", "rules"}, "VARDF", false},
	{[]string{"ontology"}, "VARON", true},
	{[]string{"annotations"}, "adl-annotations", false},
	{[]string{"revision_history"}, "adl-revision-history", false},
}

func (p *parser) parse(text string) *Archetype {
	a := &Archetype{}
	p.source = newSource(strings.TrimPrefix(text, "\ufeff"))
	p.section, p.rule = "archetype", "VARID"
	if len(text) > maxBytes {
		p.fault(0, "adl-text", "", "at most 16 MB", "", "the archetype is larger than 16 MB")
		return a
	}
	if i := badUTF8(p.text); i >= 0 {
		p.fault(i, "adl-text", "", "UTF-8", "", "the text is not UTF-8")
		return a
	}
	next := 0
	seen := make([]bool, len(sections))
	for !p.end() {
		w := p.seeWord()
		i := sectionOf(w)
		switch {
		case i < 0:
			p.fault(p.pos, "adl-section", "", "a section", p.glimpse(p.pos), "no section begins with %s", p.glimpse(p.pos))
			p.recover(-1)
			continue
		case seen[i]:
			p.fault(p.pos, "adl-section", "", "", w, "the section %s stands there twice", w)
		case i < next:
			p.fault(p.pos, "adl-section", "", "", w, "the section %s stands too late", w)
		}
		seen[i] = true
		next = max(next, i)
		p.pos += len(w)
		p.run(i, a)
	}
	for i, s := range sections {
		if s.mandatory && !seen[i] {
			p.fault(len(p.text), s.rule, "", s.words[0], "", "the section %s is missing", s.words[0])
		}
	}
	a.Ontology.ArchetypeID = a.ID
	return a
}

// run reads one section; after a fault of syntax it goes to the next.
func (p *parser) run(i int, a *Archetype) {
	p.section, p.rule, p.depth = sections[i].words[0], sections[i].rule, 0
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(bailout); !ok {
				panic(r)
			}
			p.recover(i)
		}
	}()
	[...]func(*parser, *Archetype){
		(*parser).header, (*parser).parent, (*parser).concept, (*parser).language, (*parser).description,
		(*parser).definition, (*parser).invariants, (*parser).ontology, (*parser).annotations, (*parser).revisionHistory,
	}[i](p, a)
}

func sectionOf(w string) int {
	for i, s := range sections {
		for _, name := range s.words {
			if w == name {
				return i
			}
		}
	}
	return -1
}

// recover moves to the next line which begins with the name of a section after
// the given one, at its very left.
func (p *parser) recover(after int) {
	for {
		end := strings.IndexByte(p.text[p.pos:], '\n')
		if end < 0 {
			p.pos = len(p.text)
			return
		}
		p.pos += end + 1
		line, _, _ := strings.Cut(p.text[p.pos:], "\n")
		line, _, _ = strings.Cut(line, "--")
		if sectionOf(strings.TrimRight(line, " \t\r")) > after {
			return
		}
	}
}

func badUTF8(text string) int {
	if utf8.ValidString(text) {
		return -1
	}
	for i, r := range text {
		if r == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD") {
			return i
		}
	}
	return -1
}

func (p *parser) header(a *Archetype) {
	if p.accept("(") {
		for !p.accept(")") {
			p.skip()
			key := p.take(func(c byte) bool { return letter(c) || digit(c) || c == '_' })
			if key == "" {
				p.fail("metadata of the archetype")
			}
			val := ""
			if p.accept("=") {
				p.skip()
				if p.peek() == '"' {
					val = p.quoted()
				} else {
					val = strings.TrimSpace(p.until(";)\n"))
				}
			}
			p.metadata(a, key, val)
			p.accept(";")
		}
	}
	p.skip()
	at := p.pos
	a.ID = p.id()
	if !ValidID(a.ID) {
		p.fault(at, "VARID", "/archetype", "an archetype id", a.ID, "%q is not an archetype id", a.ID)
	}
}

func (p *parser) metadata(a *Archetype, key, val string) {
	yes, no := true, false
	switch key {
	case "adl_version":
		a.ADLVersion = val
		if !strings.HasPrefix(val, "1.4") {
			p.fault(p.pos, "VARAV", "/archetype", "1.4", val, "the archetype says ADL %s; ADL 1.4 is read", val)
		}
	case "uid":
		a.UID = val
	case "controlled":
		a.Controlled = &yes
	case "uncontrolled":
		a.Controlled = &no
	default:
		a.Metadata = append(a.Metadata, aom.KeyValue{Key: key, Value: val})
	}
}

func (p *parser) id() string {
	p.skip()
	id := p.take(func(c byte) bool { return c > ' ' && c != '[' && c != '(' })
	if id == "" {
		p.fail("an archetype id")
	}
	return id
}

func (p *parser) parent(a *Archetype) {
	p.skip()
	at := p.pos
	a.ParentID = p.id()
	if !ValidID(a.ParentID) {
		p.fault(at, "VARID", "/specialise", "an archetype id", a.ParentID, "%q is not an archetype id", a.ParentID)
	}
}

func (p *parser) concept(a *Archetype) {
	p.expect("[")
	a.Concept = strings.TrimSpace(p.until("]\n"))
	p.expect("]")
}

func (p *parser) definition(a *Archetype) {
	p.skip()
	at := p.pos
	o, ok := p.object("").(*aom.ComplexObject)
	if !ok {
		p.failAt(at, "a complex object")
	}
	a.Definition = o
}

func (p *parser) invariants(a *Archetype) {
	for !p.end() && sectionOf(p.seeWord()) < 0 {
		a.Invariants = append(a.Invariants, p.assertion())
	}
}

// revisionHistory keeps the text: nothing in it constrains data.
func (p *parser) revisionHistory(a *Archetype) {
	p.skip()
	start := p.pos
	p.odinMembers()
	a.RevisionHistory = strings.TrimSpace(p.text[start:p.pos])
}
