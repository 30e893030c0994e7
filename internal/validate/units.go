package validate

import (
	"strconv"

	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/internal/ucum"
)

// unit warns of a unit that UCUM does not know (RM 1.1.0, DV_QUANTITY: units are
// of UCUM where no other system is named): it stays as it is written, and
// compares with nothing but itself.
func (c *checker) unit(id rm.ID) {
	node := c.tree.Child(id, rminfo.A_units)
	units := c.tree.Text(node)
	if units == "" || ucum.Valid(units) {
		return
	}
	if system := c.tree.TextAt(id, rminfo.A_units_system); system != "" && system != ucum.System {
		return
	}
	c.add(finding{
		at: node, node: template.NoNode, rule: "unit-not-ucum", expected: "a unit of UCUM", found: units, warning: true,
		message: "The units " + strconv.Quote(shownValue(units)) + " are not UCUM; the value is stored as it is and cannot be converted",
	})
}
