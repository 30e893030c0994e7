package canon

import (
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// lookup finds an attribute by its name.
func lookup(name string) (rminfo.Attr, bool) { return rminfo.AttrByName(name) }

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
