package template

import (
	"sort"
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// names finds which names each node may bear: the strings its name/value is
// limited to, or the terms of the codes a coded name is limited to.
func (b *builder) names() {
	for id := range b.c.nodes {
		attr := b.c.Attribute(NodeID(id), rminfo.A_name)
		if attr == nil || len(attr.Children) == 0 {
			continue
		}
		n := &b.c.nodes[id]
		open := false
		for _, child := range attr.Children {
			names, codes, limited := b.nameLimits(child)
			if !limited {
				open = true
				break
			}
			n.Names = append(n.Names, names...)
			n.NameCodes = append(n.NameCodes, codes...)
		}
		if open {
			n.Names, n.NameCodes = nil, nil
		}
		if len(n.Names) == 1 {
			n.NameFixed = n.Names[0]
		}
	}
}

func (b *builder) nameLimits(name NodeID) (names []string, codes []aom.Code, limited bool) {
	for _, child := range b.c.Children(name, rminfo.A_value) {
		if s, ok := b.c.nodes[child].Constraint.(*aom.String); ok && len(s.List) > 0 && !s.ListOpen {
			return s.List, nil, true
		}
	}
	for _, child := range b.c.Children(name, rminfo.A_defining_code) {
		phrase, ok := b.c.nodes[child].Constraint.(*aom.CodePhrase)
		if !ok || phrase.Terminology != "local" || len(phrase.Codes) == 0 {
			continue
		}
		for _, code := range phrase.Codes {
			codes = append(codes, aom.Code{Terminology: phrase.Terminology, Code: code})
			if t, ok := b.c.Term(name, code, ""); ok {
				names = append(names, t.Text())
			}
		}
		return names, codes, len(names) == len(codes)
	}
	return nil, nil, false
}

// paths writes each node's path; parents come before children.
func (b *builder) paths() {
	b.c.nodes[0].AQLPath = "/"
	for id := 1; id < len(b.c.nodes); id++ {
		n := &b.c.nodes[id]
		parent := b.c.nodes[n.Parent].AQLPath
		if parent == "/" {
			parent = ""
		}
		n.AQLPath = parent + "/" + n.Attr.Name() + nodePredicate(n)
	}
}

func nodePredicate(n *Node) string {
	code := n.AtCode
	if code == "" && n.Slot != nil {
		code = n.NodeID
	}
	if code == "" {
		return ""
	}
	if n.NameFixed == "" {
		return "[" + code + "]"
	}
	return "[" + code + " and name/value=" + Quote(n.NameFixed) + "]"
}

// attach brings annotations, view and defaults to their nodes. What names no
// node of the template stays in Source alone.
func (b *builder) attach(t *aom.OperationalTemplate) {
	for _, a := range t.Annotations {
		if id, ok := b.c.Lookup(a.Path); ok {
			b.c.nodes[id].Annotations = append(b.c.nodes[id].Annotations, a.Items...)
		}
	}
	for _, v := range t.View {
		if id, ok := b.c.Lookup(v.Path); ok {
			b.c.nodes[id].View = append(b.c.nodes[id].View, v.Items...)
		}
	}
	for _, d := range t.Defaults {
		owner, ok := b.c.Lookup(d.Path)
		attr, known := rminfo.AttrByName(d.Name)
		if !ok || !known {
			continue
		}
		for _, object := range d.Children {
			if object.Default != nil {
				b.setDefault(owner, attr, object.Default)
			}
		}
	}
}

// setDefault puts a default on the alternative of its class, else on the owner.
func (b *builder) setDefault(owner NodeID, attr rminfo.Attr, value *aom.Value) {
	class, _ := rminfo.ClassByName(value.Type)
	for _, child := range b.c.Children(owner, attr) {
		if n := &b.c.nodes[child]; n.Class == class || class != 0 && class.IsA(n.Class) {
			n.Default = value
			return
		}
	}
	b.c.nodes[owner].Default, b.c.nodes[owner].DefaultAttr = value, attr
}

func (b *builder) languages() []string {
	own := strings.ToLower(b.c.Language)
	seen := map[string]bool{own: true}
	var others []string
	for _, s := range b.c.scopes {
		for lang := range s.terms {
			if !seen[lang] {
				seen[lang] = true
				others = append(others, lang)
			}
		}
	}
	sort.Strings(others)
	return append([]string{b.c.Language}, others...)
}

// assumedPrimitive brings the assumed values of all classes to one form.
func assumedPrimitive(p aom.Primitive) *aom.Value {
	text := (*string)(nil)
	switch p := p.(type) {
	case *aom.String:
		text = p.Assumed
	case *aom.Integer:
		text = p.Assumed
	case *aom.Real:
		text = p.Assumed
	case *aom.Boolean:
		if p.Assumed != nil {
			word := strconv.FormatBool(*p.Assumed)
			text = &word
		}
	case *aom.Date:
		text = p.Assumed
	case *aom.Time:
		text = p.Assumed
	case *aom.DateTime:
		text = p.Assumed
	case *aom.Duration:
		text = p.Assumed
	}
	if text == nil {
		return nil
	}
	return &aom.Value{Text: *text}
}

func assumedDomain(c aom.Constraint) *aom.Value {
	switch c := c.(type) {
	case *aom.CodePhrase:
		return codeValue(c.Assumed)
	case *aom.CodeReference:
		return codeValue(c.Assumed)
	case *aom.Quantity:
		return c.Assumed
	case *aom.Ordinal:
		return c.Assumed
	case *aom.Scale:
		return c.Assumed
	case *aom.State:
		return c.Assumed
	}
	return nil
}

func codeValue(code *aom.Code) *aom.Value {
	if code == nil {
		return nil
	}
	return &aom.Value{Type: "CODE_PHRASE", Members: []aom.Member{
		{Name: "terminology_id", Value: &aom.Value{Members: []aom.Member{{Name: "value", Value: &aom.Value{Text: code.Terminology}}}}},
		{Name: "code_string", Value: &aom.Value{Text: code.Code}},
	}}
}
