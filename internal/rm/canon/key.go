package canon

import (
	"slices"

	"github.com/cockroachdb/apd/v3"

	"github.com/quire-cdr/quire/internal/rm"
)

// AppendKey appends what is equal for nodes that say the same: objects of one
// class with equal members, whatever the order of the members and whether a
// class that the place implies was written, and numbers by value.
func AppendKey(dst []byte, t *rm.Tree, id rm.ID) []byte {
	switch t.Kind(id) {
	case rm.Number:
		return AppendNumberKey(dst, t.Text(id))
	case rm.String:
		return quote(dst, t.Text(id))
	case rm.Boolean:
		return append(dst, t.Text(id)...)
	}
	var members []rm.ID
	for c := range t.All(id) {
		members = append(members, c)
	}
	slices.SortStableFunc(members, func(a, b rm.ID) int { return int(t.Attr(a)) - int(t.Attr(b)) })
	dst = append(dst, classHead[t.Class(id)]...)
	for _, c := range members {
		dst = AppendKey(append(dst, attrHead[t.Attr(c)]...), t, c)
	}
	return append(dst, '}')
}

// AppendNumberKey appends what is equal for texts of the same number.
func AppendNumberKey(dst []byte, text string) []byte {
	d, _, err := apd.NewFromString(text)
	if err != nil {
		return append(dst, text...)
	}
	if d.IsZero() {
		return append(dst, '0')
	}
	d.Reduce(d)
	return d.Append(dst, 'e')
}
