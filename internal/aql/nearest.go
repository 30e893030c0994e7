package aql

import (
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/simplified/nearest"
)

// nearestKeyword is the reserved word somebody may have meant, "" where none is
// near.
func nearestKeyword(word string) string {
	return nearestOf(word, keywordNames)
}

// NearestFunction is the function somebody may have meant, "" where none is near.
func NearestFunction(name string) string {
	return nearestOf(name, functionNames)
}

var keywordNames, functionNames = namesOf(keywords), namesOf(functions)

func namesOf[V any](table map[string]V) []string {
	names := make([]string, 0, len(table))
	for name := range table {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func nearestOf(word string, names []string) string {
	const short = 4
	limit := 2
	if len(word) <= short {
		limit = 1
	}
	near := nearest.Of(strings.ToUpper(word), names, limit)
	if len(near) == 0 {
		return ""
	}
	// The first letter is seldom what is wrong.
	if i := slices.IndexFunc(near, func(name string) bool { return strings.EqualFold(name[:1], word[:1]) }); i > 0 {
		return near[i]
	}
	return near[0]
}
