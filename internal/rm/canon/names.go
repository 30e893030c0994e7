package canon

import (
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// index finds interned names. It is a hash table of open addresses that looks at
// five bytes of a word and compares once or twice; a map costs four times that,
// which is a sixth of the reading of a document.
type index struct {
	ids   [1024]uint16 // 0 is free
	names []string
}

var attrs, classes = func() (a, c index) {
	a.names, c.names = []string{""}, []string{""}
	for class := rminfo.Class(1); int(class) < rminfo.Classes(); class++ {
		c.put(uint16(class), class.Name())
		for _, x := range class.Attributes() {
			if _, ok := a.get(x.Attr.Name()); !ok {
				a.put(uint16(x.Attr), x.Attr.Name())
			}
		}
	}
	return a, c
}()

func slot(name string) int {
	n := len(name)
	h := n*131 + int(name[0])*31 + int(name[n/2])*17 + int(name[n-1])*7
	if n > 2 {
		h += int(name[n-2])*3 + int(name[2])
	}
	return h & 1023
}

func (x *index) put(id uint16, name string) {
	for len(x.names) <= int(id) {
		x.names = append(x.names, "")
	}
	x.names[id] = name
	at := slot(name)
	for x.ids[at] != 0 {
		at = (at + 1) & 1023
	}
	x.ids[at] = id
}

func (x *index) get(name string) (uint16, bool) {
	if name == "" {
		return 0, false
	}
	for at := slot(name); x.ids[at] != 0; at = (at + 1) & 1023 {
		if id := x.ids[at]; x.names[id] == name {
			return id, true
		}
	}
	return 0, false
}

// nearest is the attribute of class with the least edit distance from name; ""
// where none is near enough to be meant.
func nearest(class rminfo.Class, name string) string {
	best, word := 1+len(name)/3, ""
	for _, a := range class.Attributes() {
		if d := distance(name, a.Attr.Name()); d <= best && (d < best || word == "") {
			best, word = d, a.Attr.Name()
		}
	}
	return word
}

// distance is the Levenshtein distance of two short words, in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
