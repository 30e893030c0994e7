package plan

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// Dictionary is a snapshot of what the stored rows are made of. It is immutable
// once built; a plan is good as long as Epoch is the database's.
type Dictionary struct {
	Epoch int64
	// Archetypes is the number of each archetype id.
	Archetypes map[string]int32
	// Roots are the archetypes whose root nodes are of a class.
	Roots map[rminfo.Class][]int32
	// Inner are the at-codes of each class inside rows, "" for classes that
	// have none.
	Inner map[rminfo.Class]map[string]bool
	// Promoted are the usable promoted paths by their text; Narrower are the
	// at-codes of each archetype's rows that specialise others.
	Promoted map[string][]Promoted
	Narrower map[int32][]string

	// found keeps what was searched for, by what was asked.
	found    sync.Map
	searches atomic.Int64
}

// search is a look through the whole of the dictionary.
type search struct {
	what, asked string
}

// archetypes gives the numbers of an archetype and, unless exact, of those that
// specialise it (DESIGN 5a.16), in rising order; never nil.
func (d *Dictionary) archetypes(asked string, exact bool) []int32 {
	found := []int32{}
	if exact {
		if n, ok := d.Archetypes[asked]; ok {
			found = append(found, n)
		}
		return found
	}
	key := search{"archetypes", asked}
	if known, ok := d.found.Load(key); ok {
		return slices.Clone(known.([]int32))
	}
	for id, n := range d.Archetypes {
		if aql.Specialises(id, asked) {
			found = append(found, n)
		}
	}
	slices.Sort(found)
	d.remember(key, slices.Clone(found))
	return found
}

// mostFound is how many searches are kept.
const mostFound = 10_000

// remember keeps what a search found. Texts of queries name no more than there is
// room for, or the first of them are kept.
func (d *Dictionary) remember(key search, found any) {
	if d.searches.Add(1) <= mostFound {
		d.found.Store(key, found)
	}
}

// codes gives an at-code and those that specialise it, as far as data have
// them; the code itself always stands first.
func (d *Dictionary) codes(asked string, exact bool) []string {
	found := []string{asked}
	if exact {
		return found
	}
	key := search{"codes", asked}
	if known, ok := d.found.Load(key); ok {
		return slices.Clone(known.([]string))
	}
	seen := map[string]bool{}
	for _, codes := range d.Inner {
		for code := range codes {
			if code != asked && strings.HasPrefix(code, asked) && aql.Specialises(code, asked) && !seen[code] {
				seen[code] = true
				found = append(found, code)
			}
		}
	}
	slices.Sort(found[1:])
	d.remember(key, slices.Clone(found))
	return found
}

// roots gives the archetypes whose roots are of one of the classes.
func (d *Dictionary) roots(classes []rminfo.Class) []int32 {
	found := []int32{}
	for _, c := range classes {
		found = append(found, d.Roots[c]...)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// mixed says whether one of the archetypes has roots of another class.
func (d *Dictionary) mixed(archetypes []int32, classes []rminfo.Class) bool {
	for class, roots := range d.Roots {
		if slices.Contains(classes, class) {
			continue
		}
		for _, a := range roots {
			if slices.Contains(archetypes, a) {
				return true
			}
		}
	}
	return false
}

// inner says whether a node of one of the classes stands inside a row; with
// codes, one of these.
func (d *Dictionary) inner(classes []rminfo.Class, codes []string) bool {
	for _, c := range classes {
		known, ok := d.Inner[c]
		if !ok {
			continue
		}
		if codes == nil {
			return true
		}
		for _, code := range codes {
			if known[code] {
				return true
			}
		}
	}
	return false
}
