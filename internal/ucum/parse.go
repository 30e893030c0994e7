package ucum

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// Error says where a text stops being UCUM.
type Error struct {
	// Offset is in bytes, from 0.
	Offset int
	Reason string
}

// Error gives reason and column.
func (e *Error) Error() string {
	return fmt.Sprintf("column %d: %s", e.Offset+1, e.Reason)
}

// Limits of a unit: the longest in use has some 40 characters.
const (
	maxText  = 200
	maxDepth = 20
	maxPower = 100
)

// Parse reads a unit by the grammar of UCUM, case sensitive. The empty text is
// no unit; the unit of plain numbers is "1".
func Parse(text string) (Unit, error) { return read(text, false) }

// System is the URI that names UCUM as a system of units.
const System = "http://unitsofmeasure.org"

// Valid says whether the text is a unit of UCUM that this table knows. Units of
// every day are answered without being read.
func Valid(text string) bool {
	if _, ok := common[text]; ok {
		return true
	}
	_, err := Parse(text)
	return err == nil
}

// common are the units most measurements have; a test holds them to Parse.
var common = func() map[string]struct{} {
	set := map[string]struct{}{}
	for _, unit := range strings.Fields(`1 % /min 1/min /s /h /d mm[Hg] kPa cm[H2O] Cel [degF] K kg g mg ug ng pg [lb_av] [oz_av]
		m cm mm um nm [in_i] [ft_i] m2 cm2 mm2 kg/m2 l L dl dL ml mL ul uL fl fL cm3 mm3 s ms min h d wk mo a
		mmol/l mmol/L umol/l umol/L nmol/l nmol/L pmol/l pmol/L mol/l mg/dl mg/dL g/dl g/dL g/l g/L mg/l mg/L ug/l ug/L ng/ml ng/mL
		10*9/l 10*9/L 10*12/l 10*12/L 10*3/ul 10*3/uL 10*6/uL /ul U/l U/L [iU]/l [iU]/L m[iU]/l m[iU]/L
		l/min L/min ml/min mL/min ml/h mL/h ml/s l/s Hz V mV uV J kJ kcal cal W dB deg rad mmol mol umol nmol eq meq [iU]`) {
		set[unit] = struct{}{}
	}
	return set
}()

// parser reads terms; lenient ones know the everyday spellings too.
type parser struct {
	text    string
	pos     int
	depth   int
	lenient bool
	// terms counts what was multiplied: a temperature scale stands alone.
	terms int
}

func read(text string, lenient bool) (Unit, error) {
	if lenient {
		text = plain.Replace(text)
	}
	p := &parser{text: text, lenient: lenient}
	switch {
	case text == "":
		return Unit{}, p.fail("a unit is missing")
	case len(text) > maxText:
		return Unit{}, p.fail("the unit is too long")
	}
	u, err := p.term()
	if err != nil {
		return Unit{}, err
	}
	if p.pos < len(text) {
		return Unit{}, p.fail("a dot, a slash or the end is missing")
	}
	if u.scale != nil && p.terms > 1 {
		u.scale, u.fixed = nil, true
	}
	return u, nil
}

func (p *parser) fail(reason string) error { return &Error{p.pos, reason} }

func (p *parser) see(c byte) bool { return p.pos < len(p.text) && p.text[p.pos] == c }

func (p *parser) accept(c byte) bool {
	if p.see(c) {
		p.pos++
		return true
	}
	return false
}

// term reads components from left to right; a slash divides by the next
// component only.
func (p *parser) term() (Unit, error) {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxDepth {
		return Unit{}, p.fail("too many parentheses")
	}
	out := one()
	divide := p.accept('/')
	if divide {
		p.terms++
	}
	for {
		u, err := p.component()
		if err != nil {
			return Unit{}, err
		}
		if divide {
			u = power(u, -1)
		}
		out = times(out, u)
		for _, e := range out.dimension {
			if abs(e) > maxPower {
				return Unit{}, p.fail("the powers are too high")
			}
		}
		switch {
		case p.accept('.'):
			// By the grammar 1.73 is 1 times 73, which nobody means.
			if p.decimals() {
				return Unit{}, p.fail("numbers have no decimals; 1.73 is written 173.10*-2")
			}
			divide = false
		case p.accept('/'):
			divide = true
		default:
			return out, nil
		}
	}
}

// decimals says whether the dot just read stands between two plain numbers.
func (p *parser) decimals() bool {
	if p.pos < 2 || !digit(p.text[p.pos-2]) {
		return false
	}
	start := p.pos - 2
	for start > 0 && digit(p.text[start-1]) {
		start--
	}
	end := p.pos
	for end < len(p.text) && digit(p.text[end]) {
		end++
	}
	alone := start == 0 || strings.IndexByte("./(", p.text[start-1]) >= 0
	return alone && end > p.pos && (end == len(p.text) || p.text[end] != '*' && p.text[end] != '^')
}

// component reads a number, a unit with its exponent, a term in parentheses or
// an annotation.
func (p *parser) component() (Unit, error) {
	var u Unit
	var err error
	switch {
	case p.accept('('):
		if u, err = p.term(); err != nil {
			return Unit{}, err
		}
		if !p.accept(')') {
			return Unit{}, p.fail("a closing parenthesis is missing")
		}
	case p.see('{'):
		return one(), p.annotation()
	default:
		if u, err = p.simple(); err != nil {
			return Unit{}, err
		}
	}
	if p.see('{') {
		return u, p.annotation()
	}
	return u, nil
}

func (p *parser) annotation() error {
	start := p.pos
	end := strings.IndexByte(p.text[p.pos:], '}')
	if end < 0 {
		return p.fail("the annotation has no end")
	}
	for _, c := range p.text[p.pos+1 : p.pos+end] {
		if c == '{' || !p.lenient && (c < '!' || c > '~') {
			p.pos = start
			return p.fail("an annotation holds ASCII without blanks")
		}
	}
	p.pos += end + 1
	return nil
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func (p *parser) simple() (Unit, error) {
	p.terms++
	start := p.pos
	number := p.digits()
	if number != "" && (p.accept('*') || p.accept('^')) {
		if number != "10" {
			return Unit{}, p.fail("only 10 has powers")
		}
		return p.exponent(Unit{factor: big.NewRat(10, 1)})
	}
	if number != "" {
		if len(number) > 30 {
			return Unit{}, p.fail("the number is too long")
		}
		u := one()
		u.factor.SetString(number)
		if u.factor.Sign() == 0 {
			p.pos = start
			return Unit{}, p.fail("zero is no factor")
		}
		return u, nil
	}
	code, err := p.code()
	if err != nil {
		return Unit{}, err
	}
	u, ok := lookup(code)
	if !ok && p.lenient {
		u, ok = everyday(code)
	}
	if !ok {
		p.pos = start
		return Unit{}, p.fail("unknown unit " + strconv.Quote(code))
	}
	return p.exponent(u)
}

// code reads a symbol: square brackets hold anything, outside them digits and
// the signs of the grammar end it.
func (p *parser) code() (string, error) {
	start := p.pos
	inside := false
	for ; p.pos < len(p.text); p.pos++ {
		c := p.text[p.pos]
		switch {
		case c == '[':
			inside = true
			continue
		case c == ']':
			inside = false
			continue
		case inside && c > ' ' && c < 0x7f:
			continue
		}
		if digit(c) || strings.IndexByte("./(){}+- *^", c) >= 0 || c < ' ' {
			break
		}
	}
	if inside {
		return "", p.fail("a closing bracket is missing")
	}
	if p.pos == start {
		return "", p.fail("a unit is missing")
	}
	return p.text[start:p.pos], nil
}

func (p *parser) digits() string {
	start := p.pos
	for p.pos < len(p.text) && digit(p.text[p.pos]) {
		p.pos++
	}
	return p.text[start:p.pos]
}

// exponent raises a unit to the power that follows, if one does.
func (p *parser) exponent(u Unit) (Unit, error) {
	start, negative := p.pos, false
	if p.see('+') || p.see('-') {
		negative = p.text[p.pos] == '-'
		p.pos++
	}
	number := p.digits()
	if number == "" {
		if p.pos > start {
			return Unit{}, p.fail("an exponent is missing")
		}
		return u, nil
	}
	n, err := strconv.Atoi(number)
	if err != nil || n > maxPower {
		return Unit{}, p.fail("the exponent is too high")
	}
	if negative {
		n = -n
	}
	return power(u, n), nil
}

func one() Unit { return Unit{factor: big.NewRat(1, 1)} }

// times multiplies. A temperature scale keeps itself only beside nothing, which
// the caller's count of terms tells.
func times(u, v Unit) Unit {
	out := Unit{factor: new(big.Rat).Mul(u.factor, v.factor), pi: u.pi + v.pi, fixed: u.fixed || v.fixed, scale: u.scale}
	if v.scale != nil {
		out.scale = v.scale
	}
	for i := range out.dimension {
		out.dimension[i] = u.dimension[i] + v.dimension[i]
	}
	return out
}

func power(u Unit, n int) Unit {
	out := Unit{factor: big.NewRat(1, 1), pi: u.pi * n, fixed: u.fixed || u.scale != nil && n != 1, scale: u.scale}
	if n != 1 {
		out.scale = nil
	}
	for i := range out.dimension {
		out.dimension[i] = u.dimension[i] * n
	}
	e := big.NewInt(int64(abs(n)))
	num, den := new(big.Int).Exp(u.factor.Num(), e, nil), new(big.Int).Exp(u.factor.Denom(), e, nil)
	if n < 0 {
		num, den = den, num
	}
	out.factor.SetFrac(num, den)
	return out
}
