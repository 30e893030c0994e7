package aql

import "strings"

// LocalTerminology is the terminology of at- and id-codes.
const LocalTerminology = "local"

// Expand gives the comparisons a node id stands for (AQL 1.1.0, 3.4.3):
//
//	[at0002]            archetype_node_id = 'at0002'
//	[at0002, 'x']       ... and name/value = 'x'
//	[at0002, at0003]    ... and name/defining_code/code_string = 'at0003'
//	                    and name/defining_code/terminology_id/value = 'local'
//	[at0002, T::c|x|]   the same with code c of terminology T
//
// The comparison on archetype_node_id stands for "that archetype or node, or a
// specialisation of it" unless the engine runs with exact archetypes.
func (n *NodeID) Expand() Expr {
	first := n.compare("archetype_node_id", n.idOperand())
	if n.Name == nil {
		return first
	}
	all := &Logical{Pos: n.Pos, Op: And, Operands: []Expr{first}}
	lit, ok := n.Name.(*Literal)
	if !ok || lit.Kind == String {
		all.Operands = append(all.Operands, n.compare("name/value", n.Name))
		return all
	}
	terminology, code := LocalTerminology, lit.Text
	if lit.Kind == TermCode {
		term := SplitTermCode(lit.Text)
		terminology, code = term.Terminology, term.Code
	}
	all.Operands = append(all.Operands,
		n.compare("name/defining_code/code_string", &Literal{Pos: lit.Pos, Kind: String, Text: code}),
		n.compare("name/defining_code/terminology_id/value", &Literal{Pos: lit.Pos, Kind: String, Text: terminology}))
	return all
}

func (n *NodeID) idOperand() Expr {
	if n.Kind == NodeParam {
		return &Param{Pos: n.Pos, Name: n.ID}
	}
	return &Literal{Pos: n.Pos, Kind: String, Text: n.ID}
}

func (n *NodeID) compare(path string, right Expr) *Comparison {
	var p Path
	for name := range strings.SplitSeq(path, "/") {
		p.Segments = append(p.Segments, Segment{Pos: n.Pos, Name: name})
	}
	return &Comparison{Pos: n.Pos, Op: Eq, Left: &RelativePath{Pos: n.Pos, Path: p}, Right: right}
}

// Term is a term code in parts. Terminology keeps its version in parentheses,
// as TERMINOLOGY_ID.value does.
type Term struct {
	Terminology, Code, Text string
}

// SplitTermCode cuts terminology(version)::code|text|.
func SplitTermCode(s string) Term {
	var t Term
	t.Terminology, t.Code, _ = strings.Cut(s, "::")
	t.Code, t.Text, _ = strings.Cut(t.Code, "|")
	t.Text = strings.TrimSuffix(t.Text, "|")
	return t
}

// Specialises says whether the id or code found is the asked one or a
// specialisation of it: an archetype id whose concept goes on with a hyphen
// (problem-diagnosis of problem), a code that goes on with a dot (at0002.1 of
// at0002; AOM 1.4, specialisation depth by dots).
func Specialises(found, asked string) bool {
	if found == asked {
		return true
	}
	if isCode(asked) {
		return len(found) > len(asked) && found[len(asked)] == '.' && strings.HasPrefix(found, asked)
	}
	i := strings.LastIndex(asked, ".v")
	if i < 0 || len(found) <= len(asked) {
		return false
	}
	concept, version := asked[:i], asked[i:]
	return strings.HasPrefix(found, concept) && found[len(concept)] == '-' && strings.HasSuffix(found, version)
}
