package plan

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"strings"
)

// mostRepeats is how often the database repeats at most.
const mostRepeats = 255

// databaseRegex writes a regular expression for the database with what both
// dialects have alone, so that both find the same: characters by their numbers,
// sets by ranges, groups that keep nothing. A point is any character.
func databaseRegex(pattern string) (string, error) {
	re, err := syntax.Parse(pattern, syntax.Perl|syntax.DotNL)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if err := writeRegex(&b, re); err != nil {
		return "", err
	}
	return b.String(), nil
}

func writeRegex(b *strings.Builder, re *syntax.Regexp) error {
	group := func(then string) error {
		b.WriteString("(?:")
		err := writeRegex(b, re.Sub[0])
		b.WriteString(")" + then)
		return err
	}
	switch re.Op {
	case syntax.OpEmptyMatch:
		b.WriteString("(?:)")
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			if re.Flags&syntax.FoldCase != 0 {
				return errors.New("letters without regard to case")
			}
			b.WriteString(character(r))
		}
	case syntax.OpCharClass:
		if len(re.Rune) == 0 {
			return errors.New("a set of no characters")
		}
		b.WriteByte('[')
		for i := 0; i < len(re.Rune); i += 2 {
			// No text has the character 0.
			b.WriteString(character(max(re.Rune[i], 1)) + "-" + character(max(re.Rune[i+1], 1)))
		}
		b.WriteByte(']')
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteByte('.')
	case syntax.OpBeginText:
		b.WriteByte('^')
	case syntax.OpEndText:
		b.WriteByte('$')
	case syntax.OpCapture:
		return group("")
	case syntax.OpStar:
		return group("*")
	case syntax.OpPlus:
		return group("+")
	case syntax.OpQuest:
		return group("?")
	case syntax.OpRepeat:
		if re.Min > mostRepeats || re.Max > mostRepeats {
			return fmt.Errorf("more than %d repeats", mostRepeats)
		}
		switch re.Max {
		case re.Min:
			return group(fmt.Sprintf("{%d}", re.Min))
		case -1:
			return group(fmt.Sprintf("{%d,}", re.Min))
		}
		return group(fmt.Sprintf("{%d,%d}", re.Min, re.Max))
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			if err := writeRegex(b, sub); err != nil {
				return err
			}
		}
	case syntax.OpAlternate:
		b.WriteString("(?:")
		for i, sub := range re.Sub {
			if i > 0 {
				b.WriteByte('|')
			}
			if err := writeRegex(b, sub); err != nil {
				return err
			}
		}
		b.WriteByte(')')
	default:
		return errors.New(re.Op.String())
	}
	return nil
}

// character is one character by its number, or a letter or digit itself.
func character(r rune) string {
	switch {
	case r >= '0' && r <= '9', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z':
		return string(r)
	case r <= 0xffff:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}
