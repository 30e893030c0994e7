package validate

import (
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
)

// required lists the mandatory attributes of each class.
var required = func() [][]rminfo.Attribute {
	out := make([][]rminfo.Attribute, rminfo.Classes())
	for c := range out {
		for _, a := range rminfo.Class(c).Attributes() {
			if a.Mandatory {
				out[c] = append(out[c], a)
			}
		}
	}
	return out
}()

// defaulted are attributes that documents may leave out because their absence
// says enough: an interval without flags is bounded where it has a bound.
var defaulted = map[rminfo.Attr]bool{
	rminfo.A_lower_included: true, rminfo.A_upper_included: true,
	rminfo.A_lower_unbounded: true, rminfo.A_upper_unbounded: true,
}

func (c *checker) mandatory(id rm.ID, class rminfo.Class) {
	list := required[class]
	if len(list) == 0 {
		return
	}
	var has [4]uint64
	for child := c.tree.First(id); child != rm.None; child = c.tree.Next(child) {
		a := c.tree.Attr(child)
		has[a>>6] |= 1 << (a & 63)
	}
	for _, a := range list {
		if has[a.Attr>>6]&(1<<(a.Attr&63)) != 0 || defaulted[a.Attr] {
			continue
		}
		if c.opts.Incomplete && a.Type.Locatable() {
			continue
		}
		c.add(finding{
			at: id, below: a.Attr.Name(), node: template.NoNode, rule: "rm-existence", expected: a.Type.Name(), found: "none",
			message: "Attribute " + a.Attr.Name() + " of class " + class.Name() + " does not match existence 1..1: it is missing",
		})
	}
}
