package compose

import (
	"sort"
	"strings"

	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/simplified/syntax"
	"github.com/quire-cdr/quire/internal/simplified/webtemplate"
)

// These bound the work of finding nearest keys in one document: how many keys are
// given any, for how many of them the whole template is searched, and the length
// of what somebody may have meant as a key.
const (
	maxSuggested = 100
	maxSearched  = 20
	maxMeant     = 400
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
		for _, near := range Nearest(it.Segment, candidates, closeness(it.Segment)) {
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
			for _, near := range Nearest(plain(whole), c.paths, len(key)) {
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
		near := Nearest(v.Suffix, candidates, closeness(v.Suffix))
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

// keptDistances is more than the three that are shown, for candidates may stand
// twice.
const keptDistances = 8

// Nearest gives the three candidates of the smallest edit distance, none further
// than limit.
func Nearest(name string, candidates []string, limit int) []string {
	type near struct {
		name     string
		distance int
	}
	var found []near
	if len(name) > maxMeant {
		return nil
	}
	// Only what is as near as the third best can matter.
	var best []int
	for _, candidate := range candidates {
		if d := len(candidate) - len(name); d > limit || -d > limit {
			continue
		}
		if d := distance(name, candidate, limit); d <= limit {
			found = append(found, near{candidate, d})
			best = append(best, d)
			if sort.Ints(best); len(best) > keptDistances {
				best = best[:keptDistances]
				limit = min(limit, best[keptDistances-1])
			}
		}
	}
	sort.SliceStable(found, func(i, j int) bool {
		if found[i].distance != found[j].distance {
			return found[i].distance < found[j].distance
		}
		return found[i].name < found[j].name
	})
	var out []string
	for _, f := range found {
		if len(out) < 3 && (len(out) == 0 || out[len(out)-1] != f.name) {
			out = append(out, f.name)
		}
	}
	return out
}

// distance is the number of letters to insert, delete, replace or swap, or more
// than limit (optimal string alignment).
func distance(a, b string, limit int) int {
	x, y := []rune(a), []rune(b)
	rows := [3][]int{make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(x); i++ {
		row, above, two := rows[i%3], rows[(i+2)%3], rows[(i+1)%3]
		row[0] = i
		smallest := i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], two[j-2]+1)
			}
			smallest = min(smallest, row[j])
		}
		if smallest > limit {
			return limit + 1
		}
	}
	return rows[len(x)%3][len(y)]
}
