package adl

import (
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// once is what occurrences and existence are when nothing is said (ADL 1.4,
// cADL 5.3).
var once = aom.Multiplicity{Min: 1, Max: 1}

// object reads one object below an attribute of the class, "" when the class or
// the attribute is unknown to the reference model.
func (p *parser) object(attributeType string) aom.Object {
	defer p.nest()()
	p.skip()
	at := p.pos
	var o aom.Object
	switch w := p.seeWord(); {
	case w == "":
		o = p.leaf(attributeType)
	case strings.EqualFold(w, "allow_archetype"):
		p.pos += len(w)
		o = p.slot()
	case strings.EqualFold(w, "use_node"):
		p.pos += len(w)
		o = p.internalRef()
	case strings.EqualFold(w, "use_archetype"):
		p.pos += len(w)
		o = p.archetypeRoot()
	case p.leafWord(w):
		o = p.leaf(attributeType)
	case w[0] >= 'A' && w[0] <= 'Z':
		o = p.typed()
	default:
		p.fail("an object")
	}
	o.Base().Line, _ = p.place(at)
	p.places[o] = at
	return o
}

// leafWord says whether a word begins a primitive value: True, False, a date
// pattern or a duration. Durations and type names share their first letter.
func (p *parser) leafWord(w string) bool {
	if strings.EqualFold(w, "true") || strings.EqualFold(w, "false") {
		return true
	}
	token := p.text[p.pos : p.pos+temporalToken(p.text[p.pos:])]
	return isDuration(token) || isDurationPattern(token) || isTemporalPattern(token)
}

// typed reads TYPE[code] occurrences matches { ... } and TYPE < ODIN >.
func (p *parser) typed() aom.Object {
	name := p.typeName()
	if p.peek() == '<' {
		return p.domain(name)
	}
	o := &aom.ComplexObject{ObjectBase: p.base(name)}
	if !p.matches() {
		return o
	}
	p.expect("{")
	if !p.accept("*") {
		for p.peek() != '}' {
			o.Attributes = append(o.Attributes, p.attribute(o.TypeName))
		}
	}
	p.expect("}")
	return o
}

// typeName reads a class with its parameters. Domain types stand before a < of
// their own, so C_ names have none.
func (p *parser) typeName() string {
	start := p.pos
	w := p.word("a type name")
	if strings.HasPrefix(w, "C_") || p.ahead(0) != '<' {
		return w
	}
	level := 0
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; {
		case c == '<':
			level++
		case c == '>':
			level--
		case !letter(c) && !digit(c) && c != '_' && c != ',' && c != ' ':
			p.fail("'>'")
		}
		p.pos++
		if level == 0 {
			return strings.ReplaceAll(p.text[start:p.pos], " ", "")
		}
	}
	p.fail("'>'")
	return ""
}

// base reads what follows a type name: code and occurrences.
func (p *parser) base(typeName string) aom.ObjectBase { return p.baseOr(typeName, once) }

// baseOr is base with the occurrences that stand when nothing is said.
func (p *parser) baseOr(typeName string, unsaid aom.Multiplicity) aom.ObjectBase {
	b := aom.ObjectBase{TypeName: typeName, Occurrences: unsaid}
	if p.accept("[") {
		b.NodeID = strings.TrimSpace(p.until("]\n"))
		p.expect("]")
	}
	p.occurrences(&b)
	return b
}

func (p *parser) occurrences(b *aom.ObjectBase) {
	if p.keyword("occurrences") {
		b.Occurrences = p.braced()
	}
}

// matches accepts the operator in its three spellings.
func (p *parser) matches() bool { return p.keyword("matches", "is_in") || p.accept("∈") }

// braced reads matches {multiplicity}.
func (p *parser) braced() aom.Multiplicity {
	if !p.matches() {
		p.fail("matches")
	}
	p.expect("{")
	m := p.multiplicity()
	p.expect("}")
	return m
}

// multiplicity reads n, n..m, n..* or *.
func (p *parser) multiplicity() aom.Multiplicity {
	if p.accept("*") {
		return aom.Multiplicity{Max: aom.Unbounded}
	}
	p.skip()
	at := p.pos
	n := p.count()
	m := aom.Multiplicity{Min: n, Max: n}
	if p.accept("..") {
		if p.accept("*") {
			m.Max = aom.Unbounded
		} else {
			p.skip()
			m.Max = p.count()
		}
	}
	if m.Max != aom.Unbounded && m.Max < m.Min {
		p.fault(at, p.rule, "/"+p.section, "lower <= upper", p.text[at:p.pos], "the bounds are the wrong way round")
	}
	return m
}

func (p *parser) count() int {
	n, err := strconv.Atoi(p.take(digit))
	if err != nil {
		p.fail("a count")
	}
	return n
}

// attribute reads name existence cardinality matches { ... } of a class.
func (p *parser) attribute(class string) *aom.Attribute {
	defer p.nest()()
	p.skip()
	at := p.pos
	a := &aom.Attribute{Name: p.word("an attribute"), Existence: once}
	typeName, container := attributeOf(class, a.Name)
	a.Multiple = container
	if container {
		a.Cardinality.Interval.Max = aom.Unbounded
	}
	for said := true; said; {
		switch {
		case p.keyword("existence"):
			a.Existence = p.braced()
		case p.keyword("cardinality"):
			a.Multiple, a.Cardinality = true, p.cardinality()
		default:
			said = false
		}
	}
	if !p.matches() {
		p.fail("matches")
	}
	p.expect("{")
	if !p.accept("*") {
		for p.peek() != '}' {
			a.Children = append(a.Children, p.object(typeName))
		}
		if len(a.Children) == 0 {
			p.fail("an object or *")
		}
	}
	p.expect("}")
	p.places[a] = at
	return a
}

// cardinality reads matches {n..m; ordered; unique}. Nothing said means a list:
// ordered, not unique.
func (p *parser) cardinality() aom.Cardinality {
	if !p.matches() {
		p.fail("matches")
	}
	p.expect("{")
	c := aom.Cardinality{Interval: p.multiplicity(), Ordered: true}
	for p.accept(";") {
		switch {
		case p.keyword("ordered"):
		case p.keyword("unordered"):
			c.Ordered = false
		case p.keyword("unique"):
			c.Unique = true
		case p.keyword("non_unique"):
		default:
			p.fail("ordered, unordered or unique")
		}
	}
	p.expect("}")
	return c
}

// attributeOf asks the reference model; "" and false for what it does not know.
func attributeOf(class, attribute string) (typeName string, container bool) {
	if a, ok := modelAttribute(class, attribute); ok {
		return a.Type.Name(), a.Container
	}
	return "", false
}

func modelAttribute(class, attribute string) (rminfo.Attribute, bool) {
	c, ok := modelClass(class)
	if !ok {
		return rminfo.Attribute{}, false
	}
	attr, ok := rminfo.AttrByName(attribute)
	if !ok {
		return rminfo.Attribute{}, false
	}
	return c.Attribute(attr)
}

// modelClass finds a class without its parameters.
func modelClass(name string) (rminfo.Class, bool) {
	name, _, _ = strings.Cut(name, "<")
	return rminfo.ClassByName(name)
}

func (p *parser) slot() *aom.Slot {
	p.skip()
	o := &aom.Slot{ObjectBase: p.base(p.typeName())}
	if !p.matches() {
		return o
	}
	p.expect("{")
	if !p.accept("*") {
		for p.peek() != '}' {
			switch {
			case p.keyword("include"):
				o.Includes = p.assertions()
			case p.keyword("exclude"):
				o.Excludes = p.assertions()
			default:
				p.fail("include or exclude")
			}
		}
	}
	p.expect("}")
	return o
}

// assertions reads them up to the next keyword of the slot, or its end.
func (p *parser) assertions() []aom.Assertion {
	var out []aom.Assertion
	for p.peek() != '}' {
		if w := p.seeWord(); strings.EqualFold(w, "exclude") || strings.EqualFold(w, "include") {
			break
		}
		out = append(out, p.assertion())
	}
	return out
}

// internalRef reads use_node. Without occurrences of its own it has those of its
// target: the zero Multiplicity says so.
func (p *parser) internalRef() *aom.InternalRef {
	p.skip()
	o := &aom.InternalRef{ObjectBase: p.baseOr(p.typeName(), aom.Multiplicity{})}
	p.skip()
	o.TargetPath = p.path()
	return o
}

// archetypeRoot reads use_archetype TYPE[code, archetype id], which later
// editions of ADL 1.4 tools write.
func (p *parser) archetypeRoot() *aom.ArchetypeRoot {
	p.skip()
	at := p.pos
	o := &aom.ArchetypeRoot{}
	o.ObjectBase = p.base(p.typeName())
	id, archetype, both := strings.Cut(o.NodeID, ",")
	if !both {
		id, archetype = "", id
	}
	o.NodeID, o.ArchetypeID = strings.TrimSpace(id), strings.TrimSpace(archetype)
	if !ValidID(o.ArchetypeID) {
		p.fault(at, "VDFAI", "/definition", "an archetype id", o.ArchetypeID, "%q is not an archetype id", o.ArchetypeID)
	}
	return o
}

// path reads an archetype path. What stands in brackets is part of it, blanks
// included.
func (p *parser) path() string {
	start := p.pos
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; {
		case c == '[':
			p.until("]\n")
			if p.ahead(0) != ']' {
				p.fail("']'")
			}
			p.pos++
		case letter(c), digit(c), c == '_', c == '/':
			p.pos++
		default:
			return p.text[start:p.pos]
		}
	}
	return p.text[start:p.pos]
}
