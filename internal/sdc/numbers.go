package sdc

import (
	"math"
	"strconv"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
)

// largeCounts says whether a template allows counts beyond the 32 bits of FHIR's
// integer.
func (f *Form) largeCounts(node template.NodeID) bool {
	if node == template.NoNode {
		return false
	}
	for _, child := range f.Template.Children(node, rminfo.A_magnitude) {
		if c, ok := f.Template.Node(child).Constraint.(*aom.Integer); ok && c.Range != nil && !c.Range.UpperUnbounded && beyond(fhir.Decimal(c.Range.Upper)) {
			return true
		}
	}
	return false
}

func beyond(n fhir.Decimal) bool {
	v, err := strconv.ParseInt(string(n), 10, 64)
	return n != "" && (err != nil || v > math.MaxInt32 || v < math.MinInt32)
}

// countAnswer is a count; one that FHIR's integer cannot hold has no answer, and
// stays with the base.
func countAnswer(i *Item, n fhir.Decimal) *fhir.Answer {
	switch {
	case i.Type == "decimal":
		return &fhir.Answer{ValueDecimal: &n}
	case beyond(n):
		return nil
	}
	return &fhir.Answer{ValueInteger: &n}
}

// kindWords name the kinds of proportion (RM 1.1.0, Data Types, PROPORTION_KIND).
var kindWords = map[string]string{"0": "Ratio", unitary: "Number to one", percent: "Percent", "3": "Fraction", "4": "Whole number and fraction"}

// kindOfProportion says whether an item asks for the kind of a DV_PROPORTION.
func (i *Item) kindOfProportion() bool {
	return i.Kind == Part && i.Of == rminfo.DV_PROPORTION && len(i.Route) == 1 && i.Route[0] == rminfo.A_type
}

func kindOptions(kinds []string) []option {
	if len(kinds) == 0 {
		kinds = []string{"0", unitary, percent, "3", "4"}
	}
	var out []option
	for _, kind := range kinds {
		out = append(out, option{rmSystem, kind, kindWords[kind], ""})
	}
	return out
}
