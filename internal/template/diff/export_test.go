package diff

import "github.com/quire-cdr/quire/internal/aom"

// Values compares two constraints of a value.
func Values(old, new aom.Constraint) (changes []Change) {
	for _, v := range values(old, new) {
		changes = append(changes, Change{Effect: v.effect})
	}
	return changes
}
