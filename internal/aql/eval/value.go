package eval

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/cockroachdb/apd/v3"

	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// Kind is the kind of a value.
type Kind uint8

// The kinds; the zero Value is null.
const (
	Null Kind = iota
	Bool
	Number
	String
	Object
)

// Value is one cell, or an operand.
type Value struct {
	Kind Kind
	Bool bool
	// Num and Integer are the number and whether its type is a whole number's;
	// a Real is written with a decimal point even when it is whole.
	Num     *apd.Decimal
	Integer bool
	Str     string

	at node
	// holder is the class of the object a string or number was read from.
	holder rminfo.Class
}

// node is a place in a tree; the zero node is none.
type node struct {
	tree *rm.Tree
	id   rm.ID
}

func (n node) none() bool          { return n.tree == nil }
func (n node) class() rminfo.Class { return n.tree.Class(n.id) }

// exact computes sums, differences and products without loss for the numbers a
// document can hold; halfEven15 rounds quotients, AVG and SUM.
var (
	exact      = apd.Context{Precision: 400, MaxExponent: apd.MaxExponent, MinExponent: apd.MinExponent, Rounding: apd.RoundHalfEven}
	halfEven15 = apd.Context{Precision: 15, MaxExponent: apd.MaxExponent, MinExponent: apd.MinExponent, Rounding: apd.RoundHalfEven}
)

func boolean(b bool) Value  { return Value{Kind: Bool, Bool: b} }
func text(s string) Value   { return Value{Kind: String, Str: s} }
func integer(n int64) Value { return Value{Kind: Number, Num: apd.New(n, 0), Integer: true} }
func real(d *apd.Decimal) Value {
	return Value{Kind: Number, Num: d}
}

// farthestExponent bounds numbers so that none fills memory when written out.
const farthestExponent = 1000

// number reads a lexeme; null when it is none.
func number(lexeme string, whole bool) Value {
	d, _, err := apd.NewFromString(lexeme)
	if err != nil || d.Form != apd.Finite || d.Exponent > farthestExponent || d.Exponent < -farthestExponent {
		return Value{}
	}
	return Value{Kind: Number, Num: d, Integer: whole}
}

// read gives the value at a node: a primitive, or the object itself.
func read(n node) Value {
	if n.none() {
		return Value{}
	}
	var v Value
	switch n.tree.Kind(n.id) {
	case rm.Object:
		return Value{Kind: Object, at: n}
	case rm.Number:
		v = number(n.tree.Text(n.id), n.class() != rminfo.Real)
	case rm.Boolean:
		v = boolean(n.tree.Bool(n.id))
	default:
		v = text(n.tree.Text(n.id))
	}
	if p := n.tree.Parent(n.id); p != rm.None && n.tree.Attr(n.id) == rminfo.A_value {
		v.holder = n.tree.Class(p)
	}
	return v
}

// AppendJSON writes the cell: a JSON scalar, or the canonical JSON of an object.
func (v Value) AppendJSON(dst []byte) []byte {
	switch v.Kind {
	case Bool:
		return strconv.AppendBool(dst, v.Bool)
	case Number:
		return append(dst, v.numberText()...)
	case String:
		s, err := json.Marshal(v.Str)
		if err != nil {
			return append(dst, "null"...)
		}
		return append(dst, s...)
	case Object:
		return canon.WriteJSON(dst, v.at.tree, v.at.id)
	}
	return append(dst, "null"...)
}

// MarshalJSON is AppendJSON.
func (v Value) MarshalJSON() ([]byte, error) { return v.AppendJSON(nil), nil }

// numberText writes a plain decimal with the digits it was written with; a
// number that is not of a whole type always has a decimal point.
func (v Value) numberText() string {
	n := v.Num
	if n.IsZero() {
		// Nothing has no sign and no tens.
		n = apd.New(0, min(n.Exponent, 0))
	}
	s := n.Text('f')
	if v.Integer {
		return s
	}
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// key is equal for values that are equal as cells, for DISTINCT and grouping:
// numbers by value, objects by what they say (canon.AppendKey).
func (v Value) key() string {
	switch v.Kind {
	case Bool:
		return "b" + strconv.FormatBool(v.Bool)
	case Number:
		return string(canon.AppendNumberKey([]byte{'n'}, v.Num.Text('e')))
	case String:
		return "s" + v.Str
	case Object:
		return string(canon.AppendKey([]byte{'o'}, v.at.tree, v.at.id))
	}
	return ""
}
