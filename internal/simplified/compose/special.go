package compose

import (
	"slices"
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/simplified/syntax"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/internal/terminology"
)

// specials take keys that stand for no single attribute; false leaves the key to
// the table.
var specials map[rminfo.Class]func(*composer, *object, *syntax.Item, syntax.Value) bool

func init() {
	specials = map[rminfo.Class]func(*composer, *object, *syntax.Item, syntax.Value) bool{
		rminfo.DV_CODED_TEXT: (*composer).bareCode,
		rminfo.DV_STATE:      (*composer).bareCode,
		rminfo.DV_ORDINAL:    (*composer).bareOrdinal,
		rminfo.DV_SCALE:      (*composer).bareOrdinal,
		rminfo.DV_DURATION:   (*composer).durationPart,
		rminfo.DV_PROPORTION: (*composer).bareProportion,
		rminfo.PARTICIPATION: (*composer).participationKey,
	}
}

// bareCode reads a coded text without suffix: a code, code::label or
// terminology::code::label, or the label where no code is so called.
func (c *composer) bareCode(o *object, it *syntax.Item, v syntax.Value) bool {
	if v.Suffix != "" {
		return false
	}
	if o.class == rminfo.DV_STATE {
		o = o.one(rminfo.A_value, rminfo.DV_CODED_TEXT)
	}
	if o.at(rminfo.A_defining_code).scalar(rminfo.A_code_string) != "" || o.has(rminfo.A_value) {
		c.invalid = true
		c.issue(o.web, it.Key(), "key-duplicate", "one value", "two", "the code is given with and without suffix")
		return true
	}
	parts := strings.Split(v.Text, "::")
	code := o.one(rminfo.A_defining_code, rminfo.CODE_PHRASE)
	switch len(parts) {
	case 1:
		code.text(rminfo.A_code_string, v.Text)
	case 2:
		code.text(rminfo.A_code_string, parts[0])
		o.text(rminfo.A_value, parts[1])
	default:
		code.one(rminfo.A_terminology_id, rminfo.TERMINOLOGY_ID).text(rminfo.A_value, parts[0])
		code.text(rminfo.A_code_string, parts[1])
		o.text(rminfo.A_value, strings.Join(parts[2:], "::"))
	}
	return true
}

// bareOrdinal reads an ordinal without suffix: its code or its number.
func (c *composer) bareOrdinal(o *object, it *syntax.Item, v syntax.Value) bool {
	if v.Suffix != "" {
		return false
	}
	if v.Kind == syntax.Number || isNumber(v.Text, rminfo.Real) {
		if o.has(rminfo.A_value) {
			return c.twice(o, it)
		}
		o.number(rminfo.A_value, v.Text)
		return true
	}
	code := o.one(rminfo.A_symbol, rminfo.DV_CODED_TEXT).one(rminfo.A_defining_code, rminfo.CODE_PHRASE)
	if code.has(rminfo.A_code_string) {
		return c.twice(o, it)
	}
	text, _, _ := strings.Cut(v.Text, "::")
	code.text(rminfo.A_code_string, text)
	return true
}

func (c *composer) twice(o *object, it *syntax.Item) bool {
	c.invalid = true
	c.issue(o.web, it.Key(), "key-duplicate", "one value", "two", "the value is given with and without suffix")
	return true
}

// durationParts are the suffixes of a duration's fields in their ISO order.
var durationParts = []string{"year", "month", "week", "day", "hour", "minute", "second"}

// isDurationPart tells the fields of a duration, which some clients write as
// sub-paths.
func isDurationPart(it *syntax.Item) bool {
	return slices.Contains(durationParts, it.Segment) && len(it.Values) == 1 && it.Values[0].Suffix == "" && len(it.Children) == 0
}

// durationFields is an item of a duration with its fields as suffixes.
func durationFields(it *syntax.Item) *syntax.Item {
	if !slices.ContainsFunc(it.Children, isDurationPart) {
		return it
	}
	out := it.Twin()
	out.Values = slices.Clone(it.Values)
	for _, child := range it.Children {
		_, given := out.Value(child.Segment)
		if isDurationPart(child) && !given {
			out.Set(child.Segment, child.Values[0].Kind, child.Values[0].Text)
		} else {
			out.Children = append(out.Children, child)
		}
	}
	return out
}

// durationPart collects the fields; the text is written when all are known.
func (c *composer) durationPart(o *object, it *syntax.Item, v syntax.Value) bool {
	at := -1
	for i, part := range durationParts {
		if v.Suffix == part {
			at = i
		}
	}
	if at < 0 {
		return false
	}
	if _, bare := it.Value(""); bare {
		return c.twice(o, it)
	}
	if !isNumber(v.Text, rminfo.Integer) && (at < 6 || !isNumber(v.Text, rminfo.Real)) {
		c.issue(o.web, it.KeyOf(v.Suffix), "type", "a whole number", kindOf(v), "a number is needed here")
		return true
	}
	if o.has(rminfo.A_value) {
		return true // the first field has written them all
	}
	var b strings.Builder
	b.WriteByte('P')
	clock := false
	for i, part := range durationParts {
		field, ok := it.Value(part)
		if !ok || strings.Trim(field.Text, "0.") == "" {
			continue
		}
		if i >= 4 && !clock {
			clock = true
			b.WriteByte('T')
		}
		b.WriteString(field.Text)
		b.WriteByte("YMWDHMS"[i])
	}
	text := b.String()
	if text == "P" {
		text = "PT0S"
	}
	o.text(rminfo.A_value, text)
	return true
}

// bareProportion reads the value without suffix: beside a numerator it only
// repeats the quotient, alone it is the numerator of what the template fixes.
func (c *composer) bareProportion(o *object, it *syntax.Item, v syntax.Value) bool {
	if v.Suffix != "" {
		return false
	}
	if !isNumber(v.Text, rminfo.Real) {
		c.issue(o.web, it.Key(), "type", "a number", kindOf(v), "a number is needed here")
		return true
	}
	numerator, hasNumerator := it.Value("numerator")
	denominator, hasDenominator := it.Value("denominator")
	if !hasNumerator {
		o.number(rminfo.A_numerator, v.Text)
		return true
	}
	if hasDenominator && !isQuotient(v.Text, numerator.Text, denominator.Text) {
		c.invalid = true
		c.issue(o.web, it.Key(), "proportion-quotient", "the quotient of |numerator and |denominator", "another number", "the value contradicts its numerator and denominator")
	}
	return true
}

// isQuotient allows for what is lost in single precision.
func isQuotient(quotient, numerator, denominator string) bool {
	q, err1 := strconv.ParseFloat(quotient, 64)
	n, err2 := strconv.ParseFloat(numerator, 64)
	d, err3 := strconv.ParseFloat(denominator, 64)
	if err1 != nil || err2 != nil || err3 != nil || d == 0 {
		return err2 != nil || err3 != nil || d == 0
	}
	diff := q - n/d
	limit := 1e-4 * (1 + max(q, -q))
	return diff < limit && diff > -limit
}

// participationKey reads the mode, a word of the openEHR terminology, and the
// old spelling of identifiers.
func (c *composer) participationKey(o *object, it *syntax.Item, v syntax.Value) bool {
	if v.Suffix == "mode" {
		if mode := c.mode(o, it, v); mode != nil {
			o.put(rminfo.A_mode, mode)
		}
		return true
	}
	field, ok := strings.CutPrefix(v.Suffix, "identifiers_")
	if !ok {
		return false
	}
	field, digits, _ := strings.Cut(field, ":")
	index, err := strconv.Atoi(digits)
	attr, known := map[string]rminfo.Attr{"id": rminfo.A_id, "issuer": rminfo.A_issuer, "assigner": rminfo.A_assigner, "type": rminfo.A_type}[field]
	if !known || digits != "" && (err != nil || index < 0) {
		return false
	}
	performer := o.one(rminfo.A_performer, rminfo.PARTY_IDENTIFIED)
	for i := range performer.kids {
		if k := &performer.kids[i]; k.attr == rminfo.A_identifiers && k.index == int32(index) {
			c.scalar(k.obj, attr, rminfo.String, it, v)
			return true
		}
	}
	id := performer.put(rminfo.A_identifiers, &object{class: rminfo.DV_IDENTIFIER, index: index, node: template.NoNode, web: o.web, item: it})
	c.scalar(id, attr, rminfo.String, it, v)
	return true
}

func (c *composer) mode(o *object, it *syntax.Item, v syntax.Value) *object {
	for _, concept := range terminology.Concepts(terminology.ParticipationMode) {
		if strings.EqualFold(concept.Rubric, v.Text) || concept.Code == v.Text {
			return c.codedText(concept.Rubric, terminology.ID, concept.Code)
		}
	}
	c.issue(o.web, it.KeyOf(v.Suffix), "code", "a participation mode of the openEHR terminology, such as face-to-face communication", "another word", "the mode is not known")
	return nil
}

// codedText makes a DV_CODED_TEXT.
func (c *composer) codedText(value, terminologyID, code string) *object {
	o := c.plain(rminfo.DV_CODED_TEXT)
	o.text(rminfo.A_value, value)
	phrase := o.one(rminfo.A_defining_code, rminfo.CODE_PHRASE)
	phrase.one(rminfo.A_terminology_id, rminfo.TERMINOLOGY_ID).text(rminfo.A_value, terminologyID)
	phrase.text(rminfo.A_code_string, code)
	return o
}

func (c *composer) codePhrase(terminologyID, code string) *object {
	o := c.plain(rminfo.CODE_PHRASE)
	o.one(rminfo.A_terminology_id, rminfo.TERMINOLOGY_ID).text(rminfo.A_value, terminologyID)
	return o.text(rminfo.A_code_string, code)
}

func (c *composer) simple(class rminfo.Class, value string) *object {
	return c.plain(class).text(rminfo.A_value, value)
}

// plain makes an object that no template constrains.
func (c *composer) plain(class rminfo.Class) *object {
	o := c.room.object()
	o.class, o.node = class, template.NoNode
	return o
}
