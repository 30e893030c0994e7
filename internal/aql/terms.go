package aql

import (
	"context"
	"fmt"
	"strings"

	"github.com/quire-cdr/quire/internal/fault"
)

// CodeSet is codes of one terminology, the part of a value set that is of it.
type CodeSet struct {
	// Terminologies are the names data write for the terminology; none means any.
	// A name with a version in brackets, SNOMED-CT(2019), counts as the name.
	Terminologies []string
	Codes         []string
}

// Terms answers what a query asks of terminologies.
type Terms interface {
	// Expand gives the codes of a value set, at most a number of them. Service is
	// the second argument of TERMINOLOGY and "" for a URI.
	Expand(ctx context.Context, service, reference string, most int) ([]CodeSet, error)
	// Holds answers the operations that are true or false.
	Holds(ctx context.Context, operation, service, question string) (bool, error)
}

// What one query may ask of terminologies: each code becomes an operand, each
// question may be one to another system.
const (
	MaxCodes     = 10_000
	MaxQuestions = 16
)

// Resolve answers TERMINOLOGY calls and URIs of MATCHES and gives a query with
// the answers in their places: lists of codes, true and false (AQL 1.1.0,
// TERMINOLOGY; matches). A query that asks nothing is given back as it is; q is
// not changed. A path that ends in defining_code is compared by terminology and
// code, any other by code.
func Resolve(ctx context.Context, q *Query, params map[string]any, terms Terms) (*Query, error) {
	asks := false
	Inspect(q, func(n Node) bool {
		switch n := n.(type) {
		case *Matches:
			asks = asks || n.URI != ""
		case *Call:
			asks = asks || n.asksTerminology()
		}
		return !asks
	})
	if !asks {
		return q, nil
	}
	r := &resolver{ctx: ctx, params: params, terms: terms}
	out := *q
	var err error
	out.Select = make([]*Column, len(q.Select))
	for i, c := range q.Select {
		column := *c
		if column.Expr, err = r.expr(c.Expr); err != nil {
			return nil, err
		}
		out.Select[i] = &column
	}
	if q.Where != nil {
		if out.Where, err = r.expr(q.Where); err != nil {
			return nil, err
		}
	}
	out.OrderBy = make([]*OrderKey, len(q.OrderBy))
	for i, k := range q.OrderBy {
		key := *k
		if key.Expr, err = r.expr(k.Expr); err != nil {
			return nil, err
		}
		out.OrderBy[i] = &key
	}
	return &out, nil
}

func (c *Call) asksTerminology() bool {
	f := c.Function()
	return f != nil && f.Kind == TerminologyFunction
}

type resolver struct {
	ctx       context.Context
	params    map[string]any
	terms     Terms
	codes     int
	questions int
}

// expr gives an expression with its questions answered.
func (r *resolver) expr(e Expr) (Expr, error) {
	var err error
	switch e := e.(type) {
	case *Logical:
		out := *e
		out.Operands, err = r.exprs(e.Operands)
		return &out, err
	case *Not:
		out := *e
		out.Operand, err = r.expr(e.Operand)
		return &out, err
	case *Comparison:
		out := *e
		if out.Left, err = r.expr(e.Left); err == nil {
			out.Right, err = r.expr(e.Right)
		}
		return &out, err
	case *Arithmetic:
		out := *e
		if out.Left, err = r.expr(e.Left); err == nil {
			out.Right, err = r.expr(e.Right)
		}
		return &out, err
	case *Like:
		out := *e
		if out.Left, err = r.expr(e.Left); err == nil {
			out.Pattern, err = r.expr(e.Pattern)
		}
		return &out, err
	case *Call:
		if e.asksTerminology() {
			return r.holds(e)
		}
		out := *e
		out.Args, err = r.exprs(e.Args)
		return &out, err
	case *Matches:
		return r.matches(e)
	}
	return e, nil
}

func (r *resolver) exprs(all []Expr) ([]Expr, error) {
	out := make([]Expr, len(all))
	for i, e := range all {
		var err error
		if out[i], err = r.expr(e); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// matches puts code lists in the place of value sets.
func (r *resolver) matches(m *Matches) (Expr, error) {
	left, err := r.expr(m.Left)
	if err != nil {
		return nil, err
	}
	plain := &Matches{Pos: m.Pos, Left: left}
	var sets []CodeSet
	ask := func(at Node, service, reference string) error {
		found, err := r.expand(at, service, reference)
		sets = append(sets, found...)
		return err
	}
	items := m.Items
	if m.Terminology != nil {
		items = []Expr{m.Terminology}
	}
	for _, item := range items {
		call, ok := item.(*Call)
		if !ok {
			plain.Items = append(plain.Items, item)
			continue
		}
		words, err := r.words(call)
		if err != nil {
			return nil, err
		}
		if !strings.EqualFold(words[0], "expand") {
			return nil, r.wrong(call, "the operation '"+words[0]+"' gives no list of codes: MATCHES takes expand")
		}
		if err := ask(call, words[1], words[2]); err != nil {
			return nil, err
		}
	}
	if m.URI != "" {
		if err := ask(m, "", m.URI); err != nil {
			return nil, err
		}
	}
	path, ok := left.(*PathExpr)
	if !ok || !endsAtCode(path) {
		for _, s := range sets {
			plain.Items = append(plain.Items, literals(m.Pos, s.Codes)...)
		}
		return plain, nil
	}
	either := &Logical{Pos: m.Pos, Op: Or}
	if len(plain.Items) > 0 {
		either.Operands = append(either.Operands, plain)
	}
	for _, s := range sets {
		either.Operands = append(either.Operands, within(m.Pos, path, s))
	}
	switch len(either.Operands) {
	case 0:
		// An empty value set holds nothing.
		return &Matches{Pos: m.Pos, Left: below(path, "code_string")}, nil
	case 1:
		return either.Operands[0], nil
	}
	return either, nil
}

// endsAtCode says whether a path leads to a CODE_PHRASE.
func endsAtCode(p *PathExpr) bool {
	s := p.Path.Segments
	return len(s) > 0 && s[len(s)-1].Name == "defining_code"
}

// within says that a CODE_PHRASE is of a set.
func within(pos Pos, path *PathExpr, s CodeSet) Expr {
	codes := &Matches{Pos: pos, Left: below(path, "code_string"), Items: literals(pos, s.Codes)}
	if len(s.Terminologies) == 0 {
		return codes
	}
	names := &Logical{Pos: pos, Op: Or, Operands: []Expr{
		&Matches{Pos: pos, Left: below(path, "terminology_id", "value"), Items: literals(pos, s.Terminologies)},
	}}
	for _, name := range s.Terminologies {
		pattern := likeEscaper.Replace(name) + "(*"
		names.Operands = append(names.Operands, &Like{Pos: pos, Left: below(path, "terminology_id", "value"), Pattern: &Literal{Pos: pos, Kind: String, Text: pattern}})
	}
	return &Logical{Pos: pos, Op: And, Operands: []Expr{codes, names}}
}

var likeEscaper = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`)

// below is a path with attributes added.
func below(p *PathExpr, names ...string) *PathExpr {
	out := *p
	out.Path.Segments = append([]Segment(nil), p.Path.Segments...)
	for _, name := range names {
		out.Path.Segments = append(out.Path.Segments, Segment{Pos: p.Pos, Name: name})
	}
	return &out
}

func literals(pos Pos, texts []string) []Expr {
	out := make([]Expr, len(texts))
	for i, t := range texts {
		out[i] = &Literal{Pos: pos, Kind: String, Text: t}
	}
	return out
}

func (r *resolver) expand(at Node, service, reference string) ([]CodeSet, error) {
	if err := r.count(at); err != nil {
		return nil, err
	}
	sets, err := r.terms.Expand(r.ctx, service, reference, MaxCodes-r.codes)
	if err != nil {
		return nil, placed(at, err)
	}
	for _, s := range sets {
		r.codes += len(s.Codes)
	}
	if r.codes > MaxCodes {
		return nil, placed(at, TooManyCodes())
	}
	return sets, nil
}

// TooManyCodes is the fault for a value set that is too large for a query.
func TooManyCodes() error {
	return fault.New(fault.TooLarge, "aql-value-set-limit", "the value sets of a query hold more than %d codes", MaxCodes)
}

func (r *resolver) holds(c *Call) (Expr, error) {
	words, err := r.words(c)
	if err != nil {
		return nil, err
	}
	if strings.EqualFold(words[0], "expand") {
		return nil, r.wrong(c, "expand gives a list of codes, which stands after MATCHES only")
	}
	if err := r.count(c); err != nil {
		return nil, err
	}
	ok, err := r.terms.Holds(r.ctx, strings.ToLower(words[0]), words[1], words[2])
	if err != nil {
		return nil, placed(c, err)
	}
	return &Literal{Pos: c.Pos, Kind: Boolean, Text: fmt.Sprint(ok)}, nil
}

func (r *resolver) count(at Node) error {
	if r.questions++; r.questions > MaxQuestions {
		return r.wrong(at, fmt.Sprintf("a query asks terminologies at most %d times", MaxQuestions))
	}
	return nil
}

// words are the arguments of TERMINOLOGY: texts, parameters, CONCAT of them.
func (r *resolver) words(c *Call) ([3]string, error) {
	var out [3]string
	if len(c.Args) != len(out) {
		return out, r.wrong(c, "TERMINOLOGY takes an operation, a service and a reference")
	}
	for i, a := range c.Args {
		text, ok := r.text(a)
		if !ok {
			return out, r.wrong(a, "an argument of TERMINOLOGY is a text, a parameter that is one, or CONCAT of these")
		}
		out[i] = text
	}
	return out, nil
}

func (r *resolver) text(e Expr) (string, bool) {
	switch e := e.(type) {
	case *Literal:
		return e.Text, e.Kind == String
	case *Param:
		text, ok := r.params[e.Name].(string)
		return text, ok
	case *Call:
		if f := e.Function(); f == nil || f.Name != "CONCAT" {
			return "", false
		}
		all := ""
		for _, a := range e.Args {
			text, ok := r.text(a)
			if !ok {
				return "", false
			}
			all += text
		}
		return all, true
	}
	return "", false
}

func (r *resolver) wrong(at Node, text string) error {
	return placed(at, fault.New(fault.Invalid, "aql-terminology", "%s", text))
}

// placed adds the place to a fault.
func placed(at Node, err error) error {
	pos, f := at.Position(), fault.Of(err)
	out := fault.New(f.Kind, f.Code, "AQL: line %d, column %d: %s", pos.Line, pos.Column, f.Message).Because(err)
	out.RetryAfter = f.RetryAfter
	return out
}
