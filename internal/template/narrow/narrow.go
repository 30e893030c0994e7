package narrow

import (
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/adl"
	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/template/source"
	"github.com/quire-cdr/quire/internal/template/tree"
)

// Fitting are the classes each key of a value belongs to; the first is what an
// open value becomes.
var Fitting = map[string]string{
	"units": "DV_QUANTITY", "range": "DV_COUNT DV_PROPORTION DV_DURATION DV_DATE DV_TIME DV_DATE_TIME",
	"values": "DV_COUNT DV_BOOLEAN", "pattern": "DV_DATE_TIME DV_DATE DV_TIME DV_DURATION DV_TEXT",
	"codes": "DV_CODED_TEXT DV_TEXT", "valueset": "DV_CODED_TEXT DV_TEXT", "texts": "DV_TEXT", "ordinals": "DV_ORDINAL DV_SCALE",
	"choice": "DV_CODED_TEXT DV_TEXT",
}

// Keys lists what a value says, in the order of the documentation.
func Keys(v *source.Value) []string {
	var out []string
	for _, k := range []struct {
		key  string
		said bool
	}{
		{"units", v.Units != nil || v.UnitsWithout != nil}, {"range", v.Range != nil}, {"values", v.Values != nil}, {"pattern", v.Pattern != ""},
		{"choice", v.Choice != ""}, {"codes", v.Codes != nil}, {"valueset", v.ValueSet != nil}, {"texts", v.Texts != nil},
		{"ordinals", v.Ordinals != nil || v.OrdinalsOut != nil},
	} {
		if k.said {
			out = append(out, k.key)
		}
	}
	return out
}

// To applies the keys of a value to the object.
func (n *Value) To(v *source.Value) {
	n.value = v
	for _, key := range Keys(v) {
		n.key, n.where = key, n.Entry.At(key)
		switch key {
		case "units":
			n.units()
		case "range", "values":
			n.numbers()
		case "pattern":
			n.pattern()
		case "choice":
			n.choice()
		case "codes", "valueset":
			n.codes()
		case "texts":
			n.texts()
		case "ordinals":
			n.ordinals()
		}
	}
}

// Value narrows the object that is one alternative of a value, or makes a default
// for it.
type Value struct {
	*source.Faults
	// Archetypes are those of the template by their ids, for the terms of codes.
	Archetypes map[string]*adl.Archetype
	// Language is the template's own.
	Language  string
	At        tree.Cursor
	Attribute *aom.Attribute
	Object    aom.Object
	// Entry says where each key stands in the source.
	Entry *source.Entry

	value *source.Value
	key   string
	where source.Place
}

// wider reports what is no narrowing, with both constraints.
func (n *Value) wider(rule, archetype, wanted string) {
	n.Add(n.where, n.At.Path(), rule, archetype, wanted, "%s %s of %s is not within %s", n.key, wanted, n.At.Path(), archetype)
}

func (n *Value) misfit() {
	n.Add(n.where, n.At.Path(), "source-value", strings.ReplaceAll(Fitting[n.key], " ", ", "), n.Object.Base().TypeName,
		"%s does not fit %s, which is a %s", n.key, n.At.Path(), n.Object.Base().TypeName)
}

// replace puts another object in the place of the one being narrowed.
func (n *Value) replace(with ...aom.Object) {
	i := slices.Index(n.Attribute.Children, n.Object)
	if i < 0 {
		return
	}
	n.Attribute.Children = slices.Replace(n.Attribute.Children, i, i+1, with...)
	n.Object = with[0]
}

// inner finds or makes the object in an attribute of a complex object.
func (n *Value) inner(name string, otherwise aom.Object) (a *aom.Attribute, o aom.Object) {
	list := tree.Attributes(n.Object)
	if list == nil {
		return nil, nil
	}
	if a = tree.Attribute(*list, name); a == nil {
		a = tree.Single(name)
		*list = append(*list, a)
	}
	if len(a.Children) == 0 {
		a.Children = append(a.Children, otherwise)
	}
	return a, a.Children[0]
}
