package source

import (
	"bytes"
	"encoding/xml"
	"io"
	"strings"
)

// node is an XML element of an OET file.
type node struct {
	name, class string
	attrs       map[string]string
	text        string
	children    []*node
	place       Place
}

// limits of an OET file beside those of all sources.
const (
	maxXMLDepth = 200
	maxXMLNodes = 200_000
)

// readXML reads a document into nodes. Namespaces are not told apart: tools
// prefix what they please. A document type is refused, because entities come
// with it.
func (f *Faults) readXML(file string, content []byte) *node {
	dec := xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))))
	var open []*node
	var root *node
	count := 0
	for {
		line, col := dec.InputPos()
		at := Place{file, line, col}
		t, err := dec.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			line, col = dec.InputPos()
			f.Add(Place{file, line, col}, "", "source-xml", "XML", "", "%s", strings.TrimPrefix(err.Error(), "XML "))
			return nil
		}
		switch t := t.(type) {
		case xml.Directive:
			f.Add(at, "", "source-xml", "no document type", "", "a document type declaration is not allowed")
			return nil
		case xml.StartElement:
			n := &node{name: t.Name.Local, attrs: map[string]string{}, place: at}
			for _, a := range t.Attr {
				if a.Name.Local == "type" && a.Name.Space != "" {
					n.class = a.Value[strings.IndexByte(a.Value, ':')+1:]
				} else if a.Name.Space == "" {
					n.attrs[a.Name.Local] = a.Value
				}
			}
			if count++; count > maxXMLNodes || len(open) > maxXMLDepth {
				f.Add(at, "", "source-size", "", "", "the document is too large or nested too deeply")
				return nil
			}
			if len(open) > 0 {
				parent := open[len(open)-1]
				parent.children = append(parent.children, n)
			} else {
				root = n
			}
			open = append(open, n)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 {
				open[len(open)-1].text += string(t)
			}
		}
	}
	if root == nil {
		f.Add(Place{File: file}, "", "source-xml", "an element", "", "the document is empty")
	}
	return root
}

// child gives the first child of a name, nil when there is none.
func (n *node) child(name string) *node {
	if n == nil {
		return nil
	}
	for _, c := range n.children {
		if c.name == name {
			return c
		}
	}
	return nil
}

// all gives the children of a name.
func (n *node) all(name string) []*node {
	var out []*node
	if n != nil {
		for _, c := range n.children {
			if c.name == name {
				out = append(out, c)
			}
		}
	}
	return out
}

// word is the text of a child, "" when there is none.
func (n *node) word(name string) string {
	if c := n.child(name); c != nil {
		return strings.TrimSpace(c.text)
	}
	return ""
}

// words are the texts of all children of a name.
func (n *node) words(name string) []string {
	var out []string
	for _, c := range n.all(name) {
		if t := strings.TrimSpace(c.text); t != "" {
			out = append(out, t)
		}
	}
	return out
}
