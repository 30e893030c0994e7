package declare

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/fault"
)

const (
	literalPattern = `'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|[A-Za-z]+`
	literalsInList = `\{\s*(?:` + literalPattern + `)(?:\s*,\s*(?:` + literalPattern + `))*\s*\}`
)

var (
	written = regexp.MustCompile(`^\s*--\s+@param\b(.*)$`)
	form    = regexp.MustCompile(`^\s+\$?([A-Za-z][A-Za-z0-9_]*)\s+(list\s+of\s+)?([a-z_]+)(?:\s+(optional)|\s*=\s*(` + literalsInList + `|` + literalPattern + `))?\s*(?::\s*(.*?))?\s*$`)
	literal = regexp.MustCompile(literalPattern)
)

// declaration is a parameter as its author declared it, and where.
type declaration struct {
	Parameter
	line, column int
}

func (d declaration) refused(message, expected, found string) error {
	e := &aql.Error{Line: d.line, Column: d.column, Message: message, Expected: expected, Found: found}
	return fault.New(fault.Invalid, "query-declaration", "AQL: %s", e.Error()).Because(e).With(
		fault.Issue{Path: d.place(), Rule: "query-declaration", Expected: expected, Found: found, Message: message})
}

func (d declaration) place() string {
	return "line " + strconv.Itoa(d.line) + ", column " + strconv.Itoa(d.column)
}

// declarations reads the comments that declare parameters.
func declarations(text string) ([]declaration, error) {
	if !strings.Contains(text, "@param") {
		return nil, nil
	}
	var all []declaration
	number := 0
	for line := range strings.SplitSeq(text, "\n") {
		number++
		at := written.FindStringSubmatchIndex(line)
		if at == nil {
			continue
		}
		d := declaration{line: number, column: utf8.RuneCountInString(line[:strings.Index(line, "@param")]) + 1}
		parts := form.FindStringSubmatch(strings.TrimRight(line[at[2]:at[3]], "\r"))
		if parts == nil {
			return nil, d.refused("a parameter is declared another way", "@param $name [list of] TYPE [= DEFAULT | optional] [: description]", "")
		}
		d.Name, d.List, d.Type, d.Description = parts[1], parts[2] != "", Type(parts[3]), parts[6]
		d.Required = parts[4] == "" && parts[5] == ""
		if !slices.Contains(declarable, d.Type) {
			names := make([]string, len(declarable))
			for i, t := range declarable {
				names[i] = string(t)
			}
			return nil, d.refused("the type of $"+d.Name+" is none", strings.Join(names, ", "), parts[3])
		}
		if err := d.defaultOf(parts[5]); err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, nil
}

// defaultOf reads the default; it must be of the type.
func (d *declaration) defaultOf(text string) error {
	if text == "" {
		return nil
	}
	var values []any
	for _, l := range literal.FindAllString(text, -1) {
		v, ok := valueOf(l)
		if ok {
			v, ok = convert(d.Type, v)
		}
		if !ok {
			return d.refused("the default of $"+d.Name+" is not of its type", words[d.Type], l)
		}
		values = append(values, v)
	}
	switch {
	case d.List:
		d.Default = values
	case strings.HasPrefix(text, "{"):
		return d.refused("the default of $"+d.Name+" is a list", words[d.Type], text)
	default:
		d.Default = values[0]
	}
	return nil
}

// valueOf reads a literal.
func valueOf(l string) (any, bool) {
	switch {
	case l[0] == '\'' || l[0] == '"':
		return strings.NewReplacer(`\\`, `\`, `\'`, `'`, `\"`, `"`).Replace(l[1 : len(l)-1]), true
	case strings.EqualFold(l, "null"):
		return nil, true
	case strings.EqualFold(l, "true"), strings.EqualFold(l, "false"):
		return strings.EqualFold(l, "true"), true
	case l[0] == '-' || l[0] >= '0' && l[0] <= '9':
		return json.Number(l), true
	}
	return nil, false
}
