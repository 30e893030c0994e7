package source

import (
	"net/url"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
)

// dataTypes are the names the format has for classes of values.
var dataTypes = map[string]string{
	"Text": "DV_TEXT", "Coded_text": "DV_CODED_TEXT", "Quantity": "DV_QUANTITY", "Count": "DV_COUNT", "Date_Time": "DV_DATE_TIME",
	"Date": "DV_DATE", "Time": "DV_TIME", "Duration": "DV_DURATION", "Ordinal": "DV_ORDINAL", "Scale": "DV_SCALE", "Boolean": "DV_BOOLEAN",
	"Interval": "DV_INTERVAL", "MultiMedia": "DV_MULTIMEDIA", "URI": "DV_URI", "EHR_URI": "DV_EHR_URI", "Parsable": "DV_PARSABLE",
	"Proportion": "DV_PROPORTION", "Identifier": "DV_IDENTIFIER",
}

// constraint reads a constraint of a value by its class.
func (r *oetReader) constraint(e *Entry, n *node) {
	v := &e.Value
	switch n.class {
	case "textConstraint":
		textConstraint(v, n)
	case "ordinalConstraint":
		for _, word := range n.words("includedValues") {
			v.Ordinals = append(v.Ordinals, codeOr(word))
		}
		for _, word := range n.words("excludedValues") {
			v.OrdinalsOut = append(v.OrdinalsOut, codeOr(word))
		}
	case "multipleConstraint":
		for _, name := range n.words("includedTypes") {
			class := dataTypes[name]
			if class == "" {
				r.Add(n.place, "", "source-value", Nearest(name, keys(dataTypes)), name, "the format has no type %s", name)
				continue
			}
			// A uri may be either; types that the archetype does not have are listed too.
			e.Types = append(e.Types, Alternative{Class: class, Place: n.place, IfThere: true})
			if name == "URI" {
				e.Types = append(e.Types, Alternative{Class: "DV_EHR_URI", Place: n.place, IfThere: true})
			}
		}
	case "quantityConstraint":
		for _, unit := range n.words("includedUnits") {
			v.Units = append(v.Units, Unit{Unit: unit})
		}
		v.UnitsWithout = n.words("excludedUnits")
		v.UnitsKeep = len(v.Units) == 0
		for _, m := range n.all("unitMagnitude") {
			r.unitMagnitude(v, m)
		}
	case "countConstraint", "durationConstraint":
		v.Pattern = n.word("pattern")
		v.Range = r.bounds(n, "minMagnitude", "maxMagnitude")
	case "dateConstraint":
		v.Range = r.bounds(n, "minDateTime", "maxDateTime")
	default:
		r.Add(n.place, "", "source-value", "a class of constraint", n.class, "the format has no constraint %q", n.class)
	}
}

func keys(m map[string]string) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	return out
}

func codeOr(word string) string {
	if _, code, _ := coded(word); code != "" {
		return code
	}
	return word
}

func textConstraint(v *Value, n *node) {
	v.Open = n.attrs["limitToList"] == "false"
	for _, word := range n.words("includedValues") {
		terminology, code, text := coded(word)
		if code == "" {
			v.Texts = append(v.Texts, text)
			continue
		}
		if v.Codes == nil {
			v.Codes = &Codes{}
		}
		if terminology != "local" {
			v.Codes.Terminology = terminology
		}
		v.Codes.List = append(v.Codes.List, Coded{Code: code, Text: text})
	}
	for _, word := range n.words("excludedValues") {
		if v.Codes == nil {
			v.Codes = &Codes{}
		}
		v.Codes.Without = append(v.Codes.Without, codeOr(word))
	}
	if q := n.child("termQueryId"); q != nil {
		uri := "terminology:" + q.attrs["terminologyID"]
		if name := q.attrs["queryName"]; name != "" {
			uri += "?subset=" + url.QueryEscape(name)
		}
		v.ValueSet = &ValueSet{URI: uri, Terminology: q.attrs["terminologyID"]}
	}
	// Coded values beside free ones: the free ones need no list of their own.
	if v.Codes != nil && v.Texts != nil {
		v.Texts, v.Open = nil, true
	}
	if v.ValueSet != nil {
		v.Codes = nil
	}
}

func (r *oetReader) unitMagnitude(v *Value, n *node) {
	u := Unit{Unit: n.word("unit"), Range: r.bounds(n, "minMagnitude", "maxMagnitude")}
	if p := n.word("precision"); p != "" && p != "-1" {
		if i, ok := parseInterval(p); ok {
			u.Precision = &i
		}
	}
	for i := range v.Units {
		if v.Units[i].Unit == u.Unit {
			v.Units[i] = u
			return
		}
	}
	v.Units = append(v.Units, u)
}

// bounds reads a range of which both sides are optional.
func (r *oetReader) bounds(n *node, low, high string) *aom.Interval {
	i := aom.Interval{Lower: n.word(low), Upper: n.word(high)}
	if i.Lower == "" && i.Upper == "" {
		return nil
	}
	i.LowerUnbounded, i.UpperUnbounded = i.Lower == "", i.Upper == ""
	// Date constraints have no flags and include their bounds.
	said := func(key string) bool { return n.child(key) == nil || strings.EqualFold(n.word(key), "true") }
	i.LowerIncluded, i.UpperIncluded = !i.LowerUnbounded && said("includesMinimum"), !i.UpperUnbounded && said("includesMaximum")
	return &i
}
