package template

import (
	"strings"

	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// Lookup finds the node at a path from the root: /content[id]/data[at0001]/...
// The predicate of the root itself may stand before it; names may be written
// [at0001, 'name'] or [at0001 and name/value='name']. Without a name the first
// node of the code answers, without a code the first of the attribute;
// alternatives are tried in turn until one has the rest of the path.
func (c *Compiled) Lookup(path string) (NodeID, bool) {
	if strings.HasPrefix(path, "[") {
		end := closing(path)
		if end < 0 {
			return NoNode, false
		}
		path = path[end+1:]
	}
	id := c.descend(0, path)
	return id, id != NoNode
}

func (c *Compiled) descend(id NodeID, path string) NodeID {
	if path == "" || path == "/" {
		return id
	}
	seg, rest, ok := cutSegment(path)
	attr, known := rminfo.AttrByName(seg.attr)
	if !ok || !known {
		return NoNode
	}
	// The wanted name first, then nodes whose name is open or written in the
	// terms alone.
	for _, fits := range [...]func(NodeID) bool{
		func(child NodeID) bool { return seg.name == "" || contains(c.nodes[child].Names, seg.name) },
		func(child NodeID) bool {
			open := len(c.nodes[child].Names) == 0 || seg.name == c.Label(child, "")
			return seg.name != "" && open && !contains(c.nodes[child].Names, seg.name)
		},
	} {
		for _, child := range c.Children(id, attr) {
			n := &c.nodes[child]
			if seg.code != "" && seg.code != n.AtCode && seg.code != n.NodeID || !fits(child) {
				continue
			}
			if found := c.descend(child, rest); found != NoNode {
				return found
			}
		}
	}
	return NoNode
}

type segment struct{ attr, code, name string }

// cutSegment takes /attr[code, 'name'] off the front of a path.
func cutSegment(path string) (seg segment, rest string, ok bool) {
	path = strings.TrimPrefix(path, "/")
	end := strings.IndexAny(path, "/[")
	if end < 0 {
		return segment{attr: path}, "", path != ""
	}
	seg.attr = path[:end]
	if path[end] == '/' {
		return seg, path[end:], seg.attr != ""
	}
	path = path[end:]
	end = closing(path)
	if end < 0 {
		return seg, "", false
	}
	seg.code, seg.name = predicate(path[1:end])
	return seg, path[end+1:], seg.attr != ""
}

// closing finds the bracket that closes the one path begins with; brackets
// within quotes do not count. Tools leave apostrophes within names as they are,
// so a quote ends only where the predicate may go on.
func closing(path string) int {
	quote := byte(0)
	for i := 1; i < len(path); i++ {
		switch ch := path[i]; {
		case quote != 0:
			if ch == '\\' {
				i++
			} else if ch == quote && i+1 < len(path) && (path[i+1] == ']' || path[i+1] == ' ') {
				quote = 0
			}
		case ch == '\'' || ch == '"':
			quote = ch
		case ch == ']':
			return i
		}
	}
	return -1
}

func predicate(inner string) (code, name string) {
	code = strings.TrimSpace(inner)
	if i := strings.IndexAny(code, " ,"); i >= 0 {
		code, inner = code[:i], code[i:]
	} else {
		return code, ""
	}
	first := strings.IndexAny(inner, `'"`)
	if first < 0 {
		return code, ""
	}
	quote := inner[first : first+1]
	last := strings.LastIndex(inner, quote)
	if last <= first {
		return code, ""
	}
	return code, Unquote(inner[first+1 : last])
}

// Quote writes a name as a string literal of a path.
func Quote(name string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(name) + "'"
}

// Unquote undoes the escapes of Quote.
func Unquote(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	return strings.NewReplacer(`\\`, `\`, `\'`, `'`, `\"`, `"`).Replace(s)
}
