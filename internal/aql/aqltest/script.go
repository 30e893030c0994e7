package aqltest

import (
	"bytes"
	"crypto/sha1"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Op is what a command does.
type Op uint8

// The commands.
const (
	Load Op = iota + 1
	Clear
	Eval
)

// Command is one step of a script.
type Command struct {
	Op   Op
	Line int
	// EHR and Doc are of Load.
	EHR string
	Doc []byte
	// The rest is of Eval.
	Query   string
	Params  map[string]any
	Columns []string
	Ordered bool
	Rows    [][]any
	Error   string
}

// EHRID is the id of the EHR that a script calls name: the same in every run.
func EHRID(name string) string {
	h := sha1.Sum([]byte("aqltest " + name))
	h[6] = h[6]&0x0f | 0x50
	h[8] = h[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", h[:4], h[4:6], h[6:8], h[8:10], h[10:16])
}

var ehrMark = regexp.MustCompile(`\{\{\w+\}\}`)

// expand puts EHR ids in the place of their names.
func expand(s string) string {
	return ehrMark.ReplaceAllStringFunc(s, func(m string) string { return EHRID(m[2 : len(m)-2]) })
}

// ReadFile reads a script with the documents it names.
func ReadFile(path string) ([]Command, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(string(data), func(name string) ([]byte, error) {
		return os.ReadFile(filepath.Join(filepath.Dir(path), filepath.FromSlash(name)))
	})
}

// Parse reads a script; open gives the content of a document by its name.
func Parse(text string, open func(name string) ([]byte, error)) ([]Command, error) {
	p := &parser{lines: strings.Split(text, "\n"), open: open}
	for p.at < len(p.lines) {
		if err := p.command(); err != nil {
			return nil, fmt.Errorf("line %d: %w", p.at, err)
		}
	}
	if p.params != nil {
		return nil, fmt.Errorf("line %d: params without eval", len(p.lines))
	}
	return p.commands, nil
}

type parser struct {
	lines    []string
	at       int // the next line, from 0
	open     func(string) ([]byte, error)
	params   map[string]any
	commands []Command
}

// next gives a line without its comment and moves on.
func (p *parser) next() string {
	line := strings.TrimSpace(p.lines[p.at])
	p.at++
	if strings.HasPrefix(line, "#") {
		return ""
	}
	return line
}

func (p *parser) command() error {
	line := p.next()
	word, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimSpace(rest)
	switch word {
	case "":
		return nil
	case "load":
		return p.load(rest)
	case "clear":
		p.commands = append(p.commands, Command{Op: Clear, Line: p.at})
		return nil
	case "params":
		if err := decode(expand(rest), &p.params); err != nil {
			return fmt.Errorf("params: %w", err)
		}
		return nil
	case "eval":
		return p.eval(rest)
	}
	return fmt.Errorf("unknown command %q", word)
}

func (p *parser) load(rest string) error {
	c := Command{Op: Load, Line: p.at}
	name, file, named := strings.Cut(rest, " ")
	if name == "" {
		return fmt.Errorf("load needs the name of an EHR")
	}
	c.EHR = EHRID(name)
	if named {
		var err error
		if c.Doc, err = p.open(strings.TrimSpace(file)); err != nil {
			return err
		}
	} else {
		var doc bytes.Buffer
		for {
			if p.at == len(p.lines) {
				return fmt.Errorf("a document without end")
			}
			line := p.lines[p.at]
			p.at++
			if strings.TrimSpace(line) == "end" {
				break
			}
			doc.WriteString(line + "\n")
		}
		c.Doc = doc.Bytes()
	}
	if !json.Valid(c.Doc) {
		return fmt.Errorf("the document is no JSON")
	}
	p.commands = append(p.commands, c)
	return nil
}

func (p *parser) eval(query string) error {
	c := Command{Op: Eval, Line: p.at, Params: p.params}
	p.params = nil
	for {
		if p.at == len(p.lines) {
			return fmt.Errorf("eval without rows or error")
		}
		line := p.next()
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "columns":
			c.Columns = strings.Fields(rest)
			continue
		case "rows":
			if c.Ordered = rest == "ordered"; rest != "" && !c.Ordered {
				return fmt.Errorf("rows %q", rest)
			}
			c.Query = expand(query)
			return p.rows(c)
		case "error":
			c.Query, c.Error = expand(query), rest
			if rest == "" {
				return fmt.Errorf("error needs a code")
			}
			p.commands = append(p.commands, c)
			return nil
		}
		query += "\n" + line
	}
}

func (p *parser) rows(c Command) error {
	for p.at < len(p.lines) && strings.TrimSpace(p.lines[p.at]) != "" {
		line := p.next()
		if line == "" {
			continue
		}
		var row []any
		if err := decode(expand(line), &row); err != nil {
			return fmt.Errorf("row: %w", err)
		}
		c.Rows = append(c.Rows, row)
	}
	p.commands = append(p.commands, c)
	return nil
}

// decode reads JSON and keeps numbers as written.
func decode(s string, into any) error {
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return err
	}
	if d.More() {
		return fmt.Errorf("more than one JSON value")
	}
	return nil
}
