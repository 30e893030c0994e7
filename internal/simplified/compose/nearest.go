package compose

import (
	"sort"
	"strings"

	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/simplified/nearest"
	"github.com/quire-cdr/quire/internal/simplified/syntax"
	"github.com/quire-cdr/quire/internal/simplified/webtemplate"
)

// These bound the work of finding nearest keys in one document: how many keys are
// given any, and for how many of them the whole template is searched.
const (
	maxSuggested = 100
	maxSearched  = 20
)

// unknown refuses an item that names nothing, and all below it: with the nearest
// of its siblings, else the nearest key of the whole template.
func (c *composer) unknown(n *webtemplate.Node, it *syntax.Item, candidates []string) {
	key := firstKey(it)
	expected := ""
	if c.suggested < maxSuggested {
		c.suggested++
		last := indexed(it)
		prefix, index := strings.TrimSuffix(it.Key(), last), strings.TrimPrefix(last, it.Segment)
		rest := strings.TrimPrefix(key, it.Key())
		for _, near := range nearest.Of(it.Segment, candidates, closeness(it.Segment)) {
			expected = join(expected, prefix+near+index+rest)
		}
		if expected == "" && strings.HasPrefix(prefix, "ctx/") {
			c.issue(n, key, "key-unknown", prefix+strings.Join(candidates, ", "+prefix), it.Segment, "ctx has no such key")
			return
		}
		if expected == "" && c.searched < maxSearched {
			c.searched++
			if c.paths == nil {
				c.paths = c.allPaths()
			}
			whole, _, _ := strings.Cut(key, "|")
			for _, near := range nearest.Of(plain(whole), c.paths, len(key)) {
				expected = join(expected, near)
			}
		}
	}
	c.issue(n, key, "key-unknown", expected, it.Segment, "the template has no such key"+did(expected))
}

// unknownSuffix refuses a suffix that the class does not have.
func (c *composer) unknownSuffix(n *webtemplate.Node, it *syntax.Item, v syntax.Value, candidates []string) {
	expected := ""
	if c.suggested < maxSuggested {
		c.suggested++
		near := nearest.Of(v.Suffix, candidates, closeness(v.Suffix))
		if len(near) == 0 {
			sort.Strings(candidates)
			near = candidates
		}
		for _, suffix := range near {
			expected = join(expected, it.KeyOf(suffix))
		}
	}
	c.issue(n, it.KeyOf(v.Suffix), "suffix-unknown", expected, "|"+v.Suffix, "the value has no such suffix"+did(expected))
}

// maxBelow is how many keys below a node are named where it has no value itself.
const maxBelow = 20

// noValue refuses a value of a node that holds others.
func (c *composer) noValue(n *webtemplate.Node, it *syntax.Item) {
	expected := ""
	for _, child := range n.Children[:min(len(n.Children), maxBelow)] {
		expected = join(expected, it.Key()+"/"+child.ID)
	}
	c.issue(n, it.Key(), "suffix-unknown", expected, "a value", "the node has no value of its own; its keys go on below it")
}

func did(expected string) string {
	if expected == "" {
		return ""
	}
	return "; did you mean " + strings.ReplaceAll(expected, ", ", " or ") + "?"
}

func join(list, item string) string {
	if list == "" {
		return item
	}
	return list + ", " + item
}

// firstKey is a key of the document that the item stems from.
func firstKey(it *syntax.Item) string {
	for len(it.Values) == 0 && len(it.Children) > 0 {
		it = it.Children[0]
	}
	if len(it.Values) > 0 {
		return it.KeyOf(it.Values[0].Suffix)
	}
	return it.Key()
}

func indexed(it *syntax.Item) string {
	key := it.Key()
	return key[strings.LastIndexByte(key, '/')+1:]
}

// plain is a key without indices.
func plain(key string) string {
	segments := strings.Split(key, "/")
	for i, s := range segments {
		segments[i], _, _ = strings.Cut(s, ":")
	}
	return strings.Join(segments, "/")
}

// allPaths lists the keys of the nodes of the template that hold values.
func (c *composer) allPaths() []string {
	var out []string
	var walk func(n *webtemplate.Node, path string)
	walk = func(n *webtemplate.Node, path string) {
		if len(n.Children) == 0 || n.Class.IsA(rminfo.DATA_VALUE) {
			out = append(out, path)
		}
		for _, child := range n.Children {
			walk(child, path+"/"+child.ID)
		}
	}
	walk(c.web.Root, c.web.Root.ID)
	return out
}

// closeness is how many letters may differ for a name to be the one meant.
func closeness(name string) int { return max(2, len(name)/3) }
