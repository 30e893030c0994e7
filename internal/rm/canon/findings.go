package canon

import (
	"errors"
	"fmt"
	"io"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// rule is one way in which a document is no object of its class; the words are
// the rule of the issue.
type rule string

const (
	unknownMember   rule = "member-unknown"
	duplicateMember rule = "member-duplicate"
	missingMember   rule = "member-missing"
	unknownClass    rule = "class-unknown"
	abstractClass   rule = "class-abstract"
	missingClass    rule = "class-missing"
	foreignClass    rule = "class-not-allowed"
	listExpected    rule = "list-expected"
	listUnexpected  rule = "list-unexpected"
	badItem         rule = "list-item"
	scalarKind      rule = "kind"
	numberRange     rule = "number-range"
	numberForm      rule = "number-form"
	nulText         rule = "text-nul"
	tooDeep         rule = "depth"
)

// ofMember says whether the finding is about a member of the node, which has no
// node of its own.
func (r rule) ofMember() bool {
	switch r {
	case unknownMember, duplicateMember, missingMember, badItem, tooDeep:
		return true
	}
	return false
}

// Faults of a text that is JSON but no object.
var (
	errNoObject = errors.New("the document is no JSON object")
	errTrailing = errors.New("more text follows the document")
)

// maxIssues bounds what is reported; the rest is only counted.
const maxIssues = 1000

// finding is an issue whose path is not written yet: classes, which the path
// needs, are known only at the end. word is what the rule is about: a member,
// a class, what of a number is wrong.
type finding struct {
	at   rm.ID
	rule rule
	word string
}

type findings struct {
	list  []finding
	count int
	// levels is how deep objects may nest, where one nests deeper.
	levels int
}

func (f *findings) add(at rm.ID, r rule, word string) {
	if f.count++; f.count <= 2*maxIssues {
		f.list = append(f.list, finding{at, r, word})
	}
}

// deep adds an object that nests deeper than the levels there may be.
func (f *findings) deep(at rm.ID, member string, levels int) {
	f.levels = levels
	f.add(at, tooDeep, member)
}

// fault makes the error of all findings in document order, nil without any.
func (f *findings) fault(t *rm.Tree) error {
	if f.count == 0 {
		return nil
	}
	sort.SliceStable(f.list, func(i, j int) bool { return f.list[i].at < f.list[j].at })
	list := f.list[:min(len(f.list), maxIssues, max(20, pathBudget/t.Len()))]
	e := fault.New(fault.Invalid, "json-"+string(list[0].rule), "the document is no valid %s: %d faults", t.Class(0), f.count)
	switch {
	case t.Class(0) == 0:
		e.Message = "the class of the document is not known"
	case f.count == 1:
		e.Message = "the document is no valid " + t.Class(0).Name() + ": 1 fault"
	}
	e.Issues = make([]fault.Issue, len(list))
	for i, x := range list {
		issue := describe(t, x)
		if x.rule == tooDeep {
			issue.Expected = "at most " + strconv.Itoa(f.levels) + " levels"
			issue.Message = "the objects nest deeper than the limit of " + strconv.Itoa(f.levels) + " levels"
		}
		issue.Rule, issue.Path, issue.AQLPath, issue.Archetype = string(x.rule), t.Path(x.at), t.AQLPath(x.at), archetype(t, x.at)
		if x.rule.ofMember() {
			issue.Path, issue.AQLPath = below(issue.Path, x.word), below(issue.AQLPath, x.word)
		}
		e.Issues[i] = issue
	}
	return e
}

// pathBudget bounds the nodes that are visited to write paths: a document of
// more than 20,000 nodes, which may be built to cost time, lists fewer faults.
const pathBudget = 20_000_000

func below(path, member string) string {
	if path == "/" {
		return path + member
	}
	return path + "/" + member
}

func describe(t *rm.Tree, x finding) fault.Issue {
	class := t.Class(x.at)
	switch x.rule {
	case unknownMember:
		i := fault.Issue{Found: x.word, Message: fmt.Sprintf("%s has no attribute %q", class, x.word)}
		if class == 0 {
			i.Message = fmt.Sprintf("no class has an attribute %q", x.word)
		}
		if i.Expected = nearest(class, x.word); i.Expected != "" {
			i.Message += fmt.Sprintf("; %q is the nearest", i.Expected)
		}
		return i
	case duplicateMember:
		return fault.Issue{Expected: "one member", Found: "two", Message: fmt.Sprintf("the member %q is given twice", x.word)}
	case missingMember:
		return fault.Issue{Expected: x.word, Message: fmt.Sprintf("%s needs the attribute %q", class, x.word)}
	case unknownClass:
		return fault.Issue{Expected: "a class of RM 1.1.0", Found: x.word, Message: fmt.Sprintf("there is no class %q", x.word)}
	case abstractClass:
		return fault.Issue{Expected: "a class that inherits from " + x.word, Found: x.word, Message: x.word + " is abstract: name a class that inherits from it"}
	case missingClass:
		return fault.Issue{Expected: x.word, Message: fmt.Sprintf("`_type` is missing: it must name a %s", x.word)}
	case foreignClass:
		return fault.Issue{Expected: x.word, Found: class.Name(), Message: fmt.Sprintf("%s is no %s", class, x.word)}
	case listExpected:
		return fault.Issue{Expected: "a list", Found: "a single value", Message: fmt.Sprintf("%q holds a list", x.word)}
	case listUnexpected:
		return fault.Issue{Expected: "a single value", Found: "a list", Message: fmt.Sprintf("%q holds a single value", x.word)}
	case badItem:
		return fault.Issue{Expected: "objects", Found: "null or a list", Message: fmt.Sprintf("the list %q holds null or another list", x.word)}
	case scalarKind:
		if x.word == "_type" {
			return fault.Issue{Expected: "a string", Message: "`_type` is no string"}
		}
		c, _ := rminfo.ClassByName(x.word)
		found := kindName(t.Kind(x.at))
		if c.Scalar() == rminfo.NotScalar {
			return fault.Issue{Expected: written(c), Found: found, Message: fmt.Sprintf("%s is written as an object and not as %s", x.word, found)}
		}
		return fault.Issue{Expected: written(c), Found: found, Message: fmt.Sprintf("the value must be %s and is %s", written(c), found)}
	case numberRange:
		return fault.Issue{Expected: fmt.Sprintf("at most %d digits and 1e%d", maxDigits, maxExponent), Found: "too many " + x.word, Message: "the number is out of range: " + x.word}
	case numberForm:
		found := clip(t.Text(x.at))
		if strings.Trim(found, "-0123456789") == "" {
			bits := map[string]string{rminfo.Integer.Name(): "32", rminfo.Integer64.Name(): "64"}[x.word]
			return fault.Issue{Expected: "a whole number of " + bits + " bits", Found: found, Message: "the number does not fit in " + bits + " bits: " + found}
		}
		return fault.Issue{Expected: "a whole number", Found: found, Message: "the number must be whole and is " + found}
	case nulText:
		return fault.Issue{Expected: "text without U+0000", Found: "U+0000", Message: "the text holds U+0000"}
	}
	return fault.Issue{Message: string(x.rule)}
}

// archetype is the archetype that a node is in, "" above all: the document may
// be too broken to have roots.
func archetype(t *rm.Tree, at rm.ID) string {
	for ; at != rm.None; at = t.Parent(at) {
		if id := t.ArchetypeNodeID(at); strings.HasPrefix(id, "openEHR-") {
			return clip(id)
		}
	}
	return ""
}

// written is how values of a class are written.
func written(c rminfo.Class) string {
	switch c.Scalar() {
	case rminfo.Text:
		return "a string"
	case rminfo.Number:
		if c == rminfo.Integer || c == rminfo.Integer64 {
			return "a whole number"
		}
		return "a number"
	case rminfo.Bool:
		return "true or false"
	}
	return "an object"
}

func kindName(k rm.Kind) string {
	return [...]string{"an object", "a string", "a number", "true or false"}[k]
}

// clip shortens a word of the caller to what a message bears.
func clip(s string) string {
	const most = 100
	if len(s) <= most {
		return s
	}
	n := most
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "..."
}

// limitFault is the error of a document that is larger than the limits.
func limitFault(err error, limits rm.Limits) error {
	code, limit := "json-size", limits.Filled()
	n := limit.Nodes
	switch {
	case errors.Is(err, rm.ErrTooDeep):
		code, n = "json-depth", limit.Depth
	case errors.Is(err, rm.ErrTooLong):
		n = limit.Bytes
	}
	return fault.New(fault.Invalid, code, "the document is too large: %s of %d", err, n)
}

// syntaxFault is the error of a text that is no JSON, or no JSON object.
func syntaxFault(data []byte, err error) error {
	var syntax *jsontext.SyntacticError
	switch {
	case err == io.EOF:
		return fault.New(fault.Invalid, "json-syntax", "the text is empty")
	case !errors.As(err, &syntax):
		return fault.New(fault.Invalid, "json-syntax", "%s", err)
	}
	at := int(min(max(syntax.ByteOffset, 0), int64(len(data))))
	line, column := position(data, at)
	message := "the text ends too early"
	if syntax.Err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		message = syntax.Err.Error()
	}
	message = fmt.Sprintf("line %d, column %d: %s", line, column, message)
	return fault.New(fault.Invalid, "json-syntax", "the text is no JSON: %s", message).
		With(fault.Issue{Path: "/", Rule: "syntax", Message: message})
}

// position is the line and the character within it, both from 1.
func position(data []byte, at int) (line, column int) {
	line, start := 1, 0
	for i := range at {
		if data[i] == '\n' {
			line, start = line+1, i+1
		}
	}
	return line, utf8.RuneCount(data[start:at]) + 1
}
