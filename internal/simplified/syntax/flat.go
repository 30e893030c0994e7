package syntax

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/quire-cdr/quire/internal/fault"
)

// ReadFlat reads a FLAT document: one object whose members are keys. The result
// has no segment of its own; its children are the roots of the keys. The error
// is a *fault.Error of kind Invalid with every key that is none.
func ReadFlat(data []byte) (*Item, error) {
	// The items know which keys were there, at a third of the cost of asking the
	// decoder; only keys without a value leave no trace.
	r := newReader(data, jsontext.AllowDuplicateNames(true))
	root := NewDocument()
	if err := r.object(nil, func(name string) error {
		item, suffix, ok := r.locate(root, name)
		if !ok {
			return r.dec.SkipValue()
		}
		return r.value(item, suffix)
	}); err != nil {
		return nil, r.syntax(err)
	}
	if r.empty && len(r.issues) == 0 {
		strict := newReader(data)
		if err := strict.dec.SkipValue(); err != nil {
			return nil, strict.syntax(err)
		}
	}
	return root, r.end()
}

// reader reads JSON tokens and collects what is wrong with keys and values.
type reader struct {
	dec    *jsontext.Decoder
	data   []byte
	issues []fault.Issue
	// empty says that a key had no value.
	empty bool
	// text is the document, of which keys and values are parts.
	text string
	// root, key and way are the last key, the item it began at and those on its
	// way: neighbours share most of theirs.
	root *Item
	key  string
	way  []step
}

// step is an item and where its part of a key ends.
type step struct {
	end  int
	item *Item
}

func newReader(data []byte, options ...jsontext.Options) *reader {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	return &reader{data: data, text: string(data), dec: jsontext.NewDecoder(bytes.NewBuffer(data), options...)}
}

// object reads an object member by member.
func (r *reader) object(at *Item, member func(name string) error) error {
	if kind := r.dec.PeekKind(); kind != '{' {
		if kind == 0 {
			_, err := r.dec.ReadToken()
			return err
		}
		path := ""
		if at != nil {
			path = at.Key()
		}
		r.issue(path, "key-value", "a JSON object", kindName(kind), "an object is needed here")
		return r.dec.SkipValue()
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	for r.dec.PeekKind() != '}' {
		name, err := r.string()
		if err != nil {
			return err
		}
		if err := member(name); err != nil {
			return err
		}
	}
	_, err := r.dec.ReadToken()
	return err
}

// string reads a string: a part of the document where nothing in it is escaped.
func (r *reader) string() (string, error) {
	quoted, err := r.dec.ReadValue()
	if err != nil {
		return "", err
	}
	if quoted.Kind() == '"' && bytes.IndexByte(quoted, '\\') < 0 {
		end := int(r.dec.InputOffset())
		return r.text[end-len(quoted)+1 : end-1], nil
	}
	plain, err := jsontext.AppendUnquote(nil, quoted)
	return string(plain), err
}

func kindName(k jsontext.Kind) string {
	switch k {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case 'n':
		return "null"
	}
	return "a boolean"
}

// locate finds or makes the item a key names. The key is root/child:0|suffix.
func (r *reader) locate(root *Item, key string) (item *Item, suffix string, ok bool) {
	path, suffix, hasSuffix := strings.Cut(key, "|")
	if hasSuffix && (suffix == "" || strings.IndexByte(suffix, '/') >= 0) {
		r.issue(key, "key-syntax", "path|suffix", key, "the suffix comes last and is not empty")
		return nil, "", false
	}
	item, at := r.shared(root, path)
	for at <= len(path) {
		segment, _, _ := strings.Cut(path[at:], "/")
		id, index, indexed, err := splitSegment(segment)
		if err != "" {
			r.issue(key, "key-syntax", "segments such as name or name:0", segment, err)
			return nil, "", false
		}
		item = item.Child(id, index, indexed)
		at += len(segment)
		r.way = append(r.way, step{at, item})
		at++ // the slash
	}
	return item, suffix, true
}

// shared goes as far as the last key below the same root goes the same way, and
// says where the rest of the path begins.
func (r *reader) shared(root *Item, path string) (*Item, int) {
	same := 0
	for same < len(path) && same < len(r.key) && path[same] == r.key[same] {
		same++
	}
	n := len(r.way)
	if r.root != root {
		n = 0
	}
	for ; n > 0; n-- {
		if end := r.way[n-1].end; end <= same && (end == len(path) || path[end] == '/') {
			break
		}
	}
	r.root, r.key, r.way = root, path, r.way[:n]
	if n == 0 {
		return root, 0
	}
	return r.way[n-1].item, r.way[n-1].end + 1
}

// splitSegment takes the index off a segment; message says what is wrong.
func splitSegment(segment string) (id string, index int, indexed bool, message string) {
	id, digits, indexed := strings.Cut(segment, ":")
	if id == "" {
		return "", 0, false, "a segment of the key is empty"
	}
	if !indexed {
		return id, 0, false, ""
	}
	index, err := strconv.Atoi(digits)
	if err != nil || index < 0 || digits[0] == '+' {
		return "", 0, false, "an index is a number from 0"
	}
	if index > MaxIndex {
		return "", 0, false, "an index is at most " + strconv.Itoa(MaxIndex)
	}
	return id, index, true, ""
}

// value reads a scalar, or at the suffix raw an object. What is null or empty
// text holds nothing: forms send it for fields without an answer.
func (r *reader) value(item *Item, suffix string) error {
	switch kind := r.dec.PeekKind(); {
	case kind == '{' && (suffix == "raw" || suffix == "" && generic(item)):
		text, err := r.dec.ReadValue()
		if err != nil {
			return err
		}
		text = text.Clone()
		if suffix == "" {
			err = text.Compact()
		}
		r.set(item, suffix, Raw, string(text))
		return err
	case kind == '{' || kind == '[':
		r.issue(item.KeyOf(suffix), "key-value", "a string, number or boolean", kindName(kind), "a key has one value")
		return r.dec.SkipValue()
	}
	if r.dec.PeekKind() == '"' {
		text, err := r.string()
		if err != nil {
			return err
		}
		if text == "" {
			r.empty = true
			return nil
		}
		kind := String
		if suffix == "raw" {
			kind = Raw
		}
		if strings.IndexByte(text, 0) >= 0 {
			r.issue(item.KeyOf(suffix), "key-value", "text without U+0000", "U+0000", "the value holds a character that cannot be stored")
			return nil
		}
		r.set(item, suffix, kind, text)
		return nil
	}
	token, err := r.dec.ReadToken()
	if err != nil {
		return err
	}
	switch token.Kind() {
	case 'n':
		r.empty = true
	case '0':
		r.set(item, suffix, Number, token.String())
	default:
		r.set(item, suffix, Boolean, token.String())
	}
	return nil
}

// generic says whether an item is ctx/generic_fields: what a form tool keeps
// beside the template, as one JSON object.
func generic(it *Item) bool {
	return it.Segment == "generic_fields" && it.Parent != nil && it.Parent.Segment == "ctx" && it.Parent.Parent != nil && it.Parent.Parent.Parent == nil
}

// set adds a value; two spellings of one key (name and name:0) are refused like
// two equal ones.
func (r *reader) set(item *Item, suffix string, kind Kind, text string) {
	if _, taken := item.Value(suffix); taken {
		r.issue(item.KeyOf(suffix), "key-duplicate", "one value", "two", "the same place is written twice")
		return
	}
	item.Set(suffix, kind, text)
}

// maxIssues bounds what is reported.
const maxIssues = 1000

func (r *reader) issue(key, rule, expected, found, message string) {
	if len(r.issues) < maxIssues {
		r.issues = append(r.issues, fault.Issue{Path: key, FlatKey: key, Rule: rule, Expected: expected, Found: found, Message: message})
	}
}

// end is the verdict after the document.
func (r *reader) end() error {
	if _, err := r.dec.ReadToken(); err != io.EOF {
		if err == nil {
			err = errors.New("more text after the document")
		}
		return r.syntax(err)
	}
	if len(r.issues) > 0 {
		return fault.New(fault.Invalid, "simplified-"+r.issues[0].Rule, "%s: %s", r.issues[0].FlatKey, r.issues[0].Message).With(r.issues...)
	}
	return nil
}

// syntax says where a text stops being JSON.
func (r *reader) syntax(err error) error {
	offset := min(int(r.dec.InputOffset()), len(r.data))
	line := 1 + bytes.Count(r.data[:offset], []byte{'\n'})
	column := offset - bytes.LastIndexByte(r.data[:offset], '\n')
	issue := fault.Issue{Rule: "json-syntax", Expected: "JSON", Message: "not JSON at line " + strconv.Itoa(line) + ", column " + strconv.Itoa(column)}
	var at *jsontext.SyntacticError
	if errors.As(err, &at) {
		if errors.Is(at.Err, jsontext.ErrDuplicateName) {
			issue.Rule, issue.Expected = "json-duplicate", "each key once"
			issue.FlatKey = strings.TrimPrefix(string(at.JSONPointer), "/")
			issue.FlatKey = strings.NewReplacer("~1", "/", "~0", "~").Replace(issue.FlatKey)
			issue.Path = issue.FlatKey
			issue.Message = "the key stands twice, at line " + strconv.Itoa(line)
		}
	}
	return fault.New(fault.Invalid, issue.Rule, "%s", issue.Message).With(append([]fault.Issue{issue}, r.issues...)...).Because(err)
}

// WriteFlat writes an item tree as a FLAT document.
func WriteFlat(root *Item) []byte {
	w := flatWriter{out: append(make([]byte, 0, 2+sizeOf(root, 0)), '{')}
	w.children(root)
	return append(w.out, '}')
}

// sizeOf is about what the values below an item take, whose key has a length.
func sizeOf(it *Item, key int) int {
	n := 0
	for _, v := range it.Values {
		n += key + len(v.Suffix) + len(v.Text) + len(`"|":"",`)
	}
	for _, c := range it.Children {
		below := key + 1 + len(c.Segment)
		if c.Indexed {
			below += 3
		}
		n += sizeOf(c, below)
	}
	return n
}

type flatWriter struct {
	out []byte
	// path is the key of the item, as JSON text without its quotes.
	path []byte
	some bool
}

func (w *flatWriter) children(it *Item) {
	for _, c := range it.Children {
		length := len(w.path)
		if length > 0 {
			w.path = append(w.path, '/')
		}
		w.path = appendEscaped(w.path, c.Segment)
		if c.Indexed {
			w.path = strconv.AppendInt(append(w.path, ':'), int64(c.Index), 10)
		}
		for _, v := range c.Values {
			w.value(v)
		}
		w.children(c)
		w.path = w.path[:length]
	}
}

func (w *flatWriter) value(v Value) {
	if w.some {
		w.out = append(w.out, ',')
	}
	w.some = true
	w.out = append(append(w.out, '"'), w.path...)
	if v.Suffix != "" {
		w.out = appendEscaped(append(w.out, '|'), v.Suffix)
	}
	w.out = appendValue(append(w.out, '"', ':'), v, false)
}

// appendValue writes a value; canonical JSON is a string in FLAT, whose values
// are scalars, and an object in STRUCTURED.
func appendValue(out []byte, v Value, object bool) []byte {
	switch v.Kind {
	case Number, Boolean:
		return append(out, v.Text...)
	case Raw:
		if object {
			return append(out, v.Text...)
		}
	}
	return appendString(out, v.Text)
}

func appendString(out []byte, s string) []byte {
	return append(appendEscaped(append(out, '"'), s), '"')
}

// appendEscaped appends text as it stands between the quotes of a JSON string.
func appendEscaped(out []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			quoted, err := jsontext.AppendQuote(nil, s)
			if err != nil {
				panic("syntax: text in a tree is UTF-8: " + err.Error())
			}
			return append(out, quoted[1:len(quoted)-1]...)
		}
	}
	return append(out, s...)
}
