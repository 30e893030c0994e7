package nearest

import "sort"

// maxMeant is the length of what somebody may have meant as a name.
const maxMeant = 400

// keptDistances is more than the three that are shown, for candidates may stand
// twice.
const keptDistances = 8

// Of gives the three candidates of the smallest edit distance, none further
// than limit.
func Of(name string, candidates []string, limit int) []string {
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
