package validate_test

import (
	"bytes"
	"encoding/xml"
	"strconv"
	"strings"
	"testing"
)

// optPatch replaces the text of one element of a template.
type optPatch struct {
	XPath, Text string
}

// xmlNode is an element and where its content stands in the text.
type xmlNode struct {
	name     string
	from, to int
	children []*xmlNode
}

func xmlTree(t testing.TB, text []byte) *xmlNode {
	t.Helper()
	root := &xmlNode{}
	open := []*xmlNode{root}
	d := xml.NewDecoder(bytes.NewReader(text))
	for {
		before := int(d.InputOffset())
		token, err := d.Token()
		if err != nil {
			return root
		}
		switch token := token.(type) {
		case xml.StartElement:
			n := &xmlNode{name: token.Name.Local, from: int(d.InputOffset())}
			last := open[len(open)-1]
			last.children = append(last.children, n)
			open = append(open, n)
		case xml.EndElement:
			open[len(open)-1].to = before
			open = open[:len(open)-1]
		}
	}
}

// find follows the little XPath of the cases: names after / and //, with a
// position. As with ElementTree, the first match counts.
func (n *xmlNode) find(path string) []*xmlNode {
	found := []*xmlNode{n}
	for path = strings.TrimPrefix(path, "."); path != "" && len(found) > 0; {
		deep := strings.HasPrefix(path, "//")
		path = strings.TrimLeft(path, "/")
		var step string
		if i := strings.IndexByte(path, '/'); i >= 0 {
			step, path = path[:i], path[i:]
		} else {
			step, path = path, ""
		}
		name, position, _ := strings.Cut(strings.TrimSuffix(step, "]"), "[")
		nth, _ := strconv.Atoi(position)
		var next []*xmlNode
		seen := map[*xmlNode]bool{}
		var visit func(parent *xmlNode)
		visit = func(parent *xmlNode) {
			count := 0
			for _, child := range parent.children {
				if child.name == name {
					if count++; (nth == 0 || count == nth) && !seen[child] {
						seen[child] = true
						next = append(next, child)
					}
				}
				if deep {
					visit(child)
				}
			}
		}
		for _, parent := range found {
			visit(parent)
		}
		found = next
	}
	return found
}

// patchOPT applies the replacements. Where the path names the item of a
// primitive, its pattern is meant.
func patchOPT(t testing.TB, text []byte, patches []optPatch) []byte {
	t.Helper()
	for _, p := range patches {
		root := xmlTree(t, text)
		found := root.children[0].find(p.XPath)
		if len(found) == 0 {
			t.Fatalf("%s leads nowhere", p.XPath)
		}
		at := found[0]
		for at.name == "item" && len(at.children) > 0 {
			at = at.children[0]
		}
		text = append(append(append([]byte{}, text[:at.from]...), p.Text...), text[at.to:]...)
	}
	return text
}
