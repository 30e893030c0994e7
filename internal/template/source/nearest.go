package source

import (
	"strings"
)

// Nearest gives the candidate most like a text, by edit distance.
func Nearest(text string, candidates []string) string {
	best, least := "", 1<<30
	for _, c := range candidates {
		if c == "" {
			continue
		}
		if d := distance(text, c); d < least || d == least && c < best {
			best, least = c, d
		}
	}
	return best
}

// distance is Levenshtein's, by bytes, of texts cut at 300.
func distance(a, b string) int {
	a, b = strings.ToLower(a[:min(len(a), 300)]), strings.ToLower(b[:min(len(b), 300)])
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost++
			}
			diagonal = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
