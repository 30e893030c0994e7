package adl

import (
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
)

// leaf reads a primitive or a term, inline.
func (p *parser) leaf(attributeType string) aom.Object {
	switch c := p.peek(); {
	case c == '[':
		return p.term()
	case c == '(':
		p.pos++
		name := strings.TrimSpace(p.until(")\n"))
		p.expect(")")
		return p.domain(name)
	case c == '"':
		return primitive("STRING", p.stringList())
	case c == '/', c == '^':
		return primitive("STRING", p.pattern(c))
	case c == '|':
		return p.ranged(attributeType)
	}
	switch w := p.seeWord(); {
	case strings.EqualFold(w, "true"), strings.EqualFold(w, "false"):
		return primitive("BOOLEAN", p.booleans())
	}
	return p.plain(attributeType)
}

func primitive(typeName string, item aom.Primitive) *aom.PrimitiveObject {
	return &aom.PrimitiveObject{ObjectBase: aom.ObjectBase{TypeName: typeName, Occurrences: once}, Item: item}
}

func (p *parser) stringList() *aom.String {
	s := &aom.String{List: []string{p.quoted()}}
	for p.accept(",") {
		if p.accept("...") {
			s.ListOpen = true
			break
		}
		p.skip()
		s.List = append(s.List, p.quoted())
	}
	if p.accept(";") {
		p.skip()
		v := p.quoted()
		s.Assumed = &v
	}
	return s
}

// pattern reads /regex/ or ^regex^; a backslash keeps the delimiter.
func (p *parser) pattern(delimiter byte) *aom.String {
	start := p.pos
	p.pos++
	s := &aom.String{HasPattern: true}
	var b strings.Builder
	for c := p.ahead(0); c != delimiter; c = p.ahead(0) {
		if c == 0 || c == '\n' {
			p.failAt(start, "a closing "+string(delimiter))
		}
		if c == '\\' && p.ahead(1) != 0 && p.ahead(1) != '\n' {
			p.pos++
			if p.ahead(0) != delimiter {
				b.WriteByte('\\')
			}
			c = p.ahead(0)
		}
		b.WriteByte(c)
		p.pos++
	}
	p.pos++
	s.Pattern = b.String()
	if p.accept(";") {
		p.skip()
		v := p.quoted()
		s.Assumed = &v
	}
	return s
}

func (p *parser) booleans() *aom.Boolean {
	b := &aom.Boolean{}
	for {
		if p.truth() {
			b.TrueValid = true
		} else {
			b.FalseValid = true
		}
		if !p.accept(",") {
			break
		}
	}
	if p.accept(";") {
		v := p.truth()
		b.Assumed = &v
	}
	return b
}

func (p *parser) truth() bool {
	switch {
	case p.keyword("true"):
		return true
	case p.keyword("false"):
		return false
	}
	p.fail("True or False")
	return false
}

// ranged reads an interval and its assumed value.
func (p *parser) ranged(attributeType string) aom.Object {
	at := p.pos
	i := p.interval()
	kind := realScalar
	lower, upper := scalarOf(i.Lower), scalarOf(i.Upper)
	switch {
	case i.LowerUnbounded && i.UpperUnbounded:
		p.failAt(at, "a bound")
	case i.LowerUnbounded:
		kind = upper
	case i.UpperUnbounded || lower == upper:
		kind = lower
	case lower > realScalar || upper > realScalar:
		p.failAt(at, "two bounds of one kind")
	}
	return p.scalars(kind, attributeType, nil, i, "")
}

// plain reads numbers, ordinals, dates, times, durations, and patterns of the
// temporal ones.
func (p *parser) plain(attributeType string) aom.Object {
	at := p.pos
	first := p.token("a value")
	switch {
	case scalarOf(first) != noScalar:
	case datePatternForm.MatchString(first):
		return p.scalars(dateScalar, attributeType, nil, nil, first)
	case timePatternForm.MatchString(first):
		return p.scalars(timeScalar, attributeType, nil, nil, first)
	case isDateTimePattern(first):
		return p.scalars(dateTimeScalar, attributeType, nil, nil, first)
	case isDurationPattern(first):
		var bounds *aom.Interval
		if p.accept("/") {
			bounds = p.interval()
			if b := bounds.Lower + bounds.Upper; !strings.Contains(b, "P") {
				p.failAt(at, "durations as bounds")
			}
		}
		return p.scalars(durationScalar, attributeType, nil, bounds, first)
	default:
		p.failAt(at, "a value")
	}
	kind := scalarOf(first)
	if p.peek() == '|' && kind <= realScalar {
		return p.ordinals(first)
	}
	if kind > realScalar {
		point := &aom.Interval{Lower: first, Upper: first, LowerIncluded: true, UpperIncluded: true}
		return p.scalars(kind, attributeType, nil, point, "")
	}
	values := []string{first}
	for p.accept(",") {
		if p.accept("...") {
			break
		}
		at := p.pos
		v := p.token("a number")
		if !isNumber(v) {
			p.failAt(at, "a number")
		}
		kind = max(kind, scalarOf(v))
		values = append(values, v)
	}
	return p.scalars(kind, attributeType, values, nil, "")
}

// scalars builds the primitive of a kind and reads its assumed value. Whole
// numbers on a real attribute are reals.
func (p *parser) scalars(kind scalar, attributeType string, values []string, bounds *aom.Interval, pattern string) aom.Object {
	var assumed *string
	if p.accept(";") {
		at := p.pos
		v := p.token("an assumed value")
		if got := scalarOf(v); got != kind && (got > realScalar || kind > realScalar) || got == noScalar {
			p.failAt(at, "an assumed value of the kind that is constrained")
		}
		assumed = &v
	}
	if kind == integerScalar && (attributeType == "Real" || attributeType == "Double") {
		kind = realScalar
	}
	switch kind {
	case integerScalar:
		return primitive("INTEGER", &aom.Integer{List: values, Range: bounds, Assumed: assumed})
	case realScalar:
		return primitive("REAL", &aom.Real{List: values, Range: bounds, Assumed: assumed})
	case dateScalar:
		return primitive("DATE", &aom.Date{Pattern: pattern, Range: bounds, Assumed: assumed})
	case timeScalar:
		return primitive("TIME", &aom.Time{Pattern: pattern, Range: bounds, Assumed: assumed})
	case dateTimeScalar:
		return primitive("DATE_TIME", &aom.DateTime{Pattern: pattern, Range: bounds, Assumed: assumed})
	}
	return primitive("DURATION", &aom.Duration{Pattern: pattern, Range: bounds, Assumed: assumed})
}

// term reads [terminology::code, code; assumed], [acNNNN] and [atNNNN]. Comments
// may stand after each code.
func (p *parser) term() aom.Object {
	p.expect("[")
	p.skip()
	start := p.pos
	terminology := strings.TrimSpace(p.until(":]\n,;"))
	base := aom.ObjectBase{TypeName: "CODE_PHRASE", Occurrences: once}
	if !strings.HasPrefix(p.text[p.pos:], "::") {
		if !codeForm.MatchString(terminology) {
			p.failAt(start, "terminology::code, or a code of this archetype")
		}
		p.expect("]")
		if strings.HasPrefix(terminology, "ac") {
			return &aom.ConstraintRef{ObjectBase: base, Reference: terminology}
		}
		return &aom.CodePhrase{ObjectBase: base, Terminology: "local", Codes: []string{terminology}}
	}
	p.pos += 2
	if terminology == "" {
		p.failAt(start, "a terminology")
	}
	o := &aom.CodePhrase{ObjectBase: base, Terminology: terminology}
	for p.peek() != ']' && p.peek() != ';' {
		o.Codes = append(o.Codes, p.codeText())
		if !p.accept(",") {
			break
		}
	}
	if p.accept(";") {
		p.skip()
		o.Assumed = &aom.Code{Terminology: terminology, Code: p.codeText()}
	}
	p.expect("]")
	return o
}

func (p *parser) codeText() string {
	p.skip()
	c := p.take(func(c byte) bool { return c > ' ' && c != ',' && c != ';' && c != ']' && c != '[' })
	if c == "" {
		p.fail("a code")
	}
	return c
}

// ordinals reads value|[terminology::code], ...; assumed. Values with decimals
// make it the DV_SCALE of RM 1.1.0.
func (p *parser) ordinals(first string) aom.Object {
	var items []aom.OrdinalItem
	real := false
	for v := first; ; v = p.token("a number") {
		if !isNumber(v) {
			p.fail("a number")
		}
		real = real || scalarOf(v) == realScalar
		p.expect("|")
		at := p.pos
		code, ok := p.term().(*aom.CodePhrase)
		if !ok || len(code.Codes) != 1 || code.Assumed != nil {
			p.failAt(at, "the one code of an ordinal")
		}
		items = append(items, aom.OrdinalItem{Value: v, Symbol: aom.Code{Terminology: code.Terminology, Code: code.Codes[0]}})
		if !p.accept(",") {
			break
		}
	}
	var assumed *aom.Value
	if p.accept(";") {
		assumed = ordinalValue(items, p.token("a number"))
	}
	if real {
		return &aom.Scale{ObjectBase: aom.ObjectBase{TypeName: "DV_SCALE", Occurrences: once}, Items: items, Assumed: assumed}
	}
	return &aom.Ordinal{ObjectBase: aom.ObjectBase{TypeName: "DV_ORDINAL", Occurrences: once}, Items: items, Assumed: assumed}
}

// ordinalValue is the assumed value as the DV_ORDINAL it stands for: the symbol
// is that of the item with the value.
func ordinalValue(items []aom.OrdinalItem, text string) *aom.Value {
	v := &aom.Value{Members: []aom.Member{{Name: "value", Value: &aom.Value{Text: text}}}}
	for _, item := range items {
		if item.Value == text {
			v.Members = append(v.Members, aom.Member{Name: "symbol", Value: &aom.Value{Members: []aom.Member{
				{Name: "value", Value: &aom.Value{}}, {Name: "defining_code", Value: codeValue(item.Symbol)}}}})
			break
		}
	}
	return v
}

func codeValue(c aom.Code) *aom.Value {
	return &aom.Value{Members: []aom.Member{
		{Name: "terminology_id", Value: &aom.Value{Members: []aom.Member{{Name: "value", Value: &aom.Value{Text: c.Terminology}}}}},
		{Name: "code_string", Value: &aom.Value{Text: c.Code}}}}
}
