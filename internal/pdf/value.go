package pdf

import (
	"strings"

	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// own are terminologies whose codes say nothing outside of a template.
var own = map[string]bool{"local": true, "openehr": true, "": true}

// value is a data value as people read it: numbers with the digits they were
// written with and with their unit, codes of shared terminologies beside their
// words.
func value(t *rm.Tree, id rm.ID) string {
	at := func(attrs ...rminfo.Attr) string { return t.TextAt(id, attrs...) }
	class := t.Class(id)
	switch {
	case t.Kind(id) != rm.Object:
		return t.Text(id)
	case class == rminfo.DV_CODED_TEXT:
		return withCode(t, id)
	case class == rminfo.DV_BOOLEAN:
		if at(rminfo.A_value) == "true" {
			return "Yes"
		}
		return "No"
	case class == rminfo.DV_QUANTITY:
		text := status(at(rminfo.A_magnitude_status)) + at(rminfo.A_magnitude)
		if unit := at(rminfo.A_units); unit != "" && unit != "1" {
			text += " " + unit
		}
		return text
	case class == rminfo.DV_COUNT:
		return status(at(rminfo.A_magnitude_status)) + at(rminfo.A_magnitude)
	case class == rminfo.DV_ORDINAL || class == rminfo.DV_SCALE:
		return at(rminfo.A_value) + ": " + at(rminfo.A_symbol, rminfo.A_value)
	case class == rminfo.DV_PROPORTION:
		return proportion(at(rminfo.A_type), at(rminfo.A_numerator), at(rminfo.A_denominator))
	case class == rminfo.DV_IDENTIFIER:
		return joined(", ", at(rminfo.A_id), at(rminfo.A_type), at(rminfo.A_issuer), at(rminfo.A_assigner))
	case class == rminfo.DV_MULTIMEDIA:
		return joined(", ", "File "+at(rminfo.A_alternate_text), at(rminfo.A_media_type, rminfo.A_code_string), at(rminfo.A_size)+" bytes", at(rminfo.A_uri, rminfo.A_value))
	case class.IsA(rminfo.DV_INTERVAL):
		return bounds(t, id)
	case class.IsA(rminfo.PARTY_PROXY):
		return party(t, id)
	case class == rminfo.CODE_PHRASE:
		return at(rminfo.A_terminology_id, rminfo.A_value) + "::" + at(rminfo.A_code_string)
	case t.Child(id, rminfo.A_value) != rm.None && class.IsA(rminfo.DATA_VALUE):
		return at(rminfo.A_value)
	}
	// A class without a form of its own is written as it is stored.
	return string(canon.WriteJSON(nil, t, id))
}

func withCode(t *rm.Tree, id rm.ID) string {
	text := t.TextAt(id, rminfo.A_value)
	terminology := t.TextAt(id, rminfo.A_defining_code, rminfo.A_terminology_id, rminfo.A_value)
	if code := t.TextAt(id, rminfo.A_defining_code, rminfo.A_code_string); !own[terminology] && code != "" {
		return text + " (" + terminology + " " + code + ")"
	}
	return text
}

// status is a magnitude status before its number; "=" says nothing.
func status(s string) string {
	if s == "" || s == "=" {
		return ""
	}
	return s + " "
}

// The kinds of a proportion (RM 1.1.0, Data Types, PROPORTION_KIND).
const (
	unitary = "1"
	percent = "2"
)

func proportion(kind, numerator, denominator string) string {
	switch kind {
	case unitary:
		return numerator
	case percent:
		return numerator + " %"
	}
	return numerator + " / " + denominator
}

func bounds(t *rm.Tree, id rm.ID) string {
	bound := func(attr rminfo.Attr, open string) string {
		if child := t.Child(id, attr); child != rm.None {
			return value(t, child)
		}
		return open
	}
	text := bound(rminfo.A_lower, "any") + " to " + bound(rminfo.A_upper, "any")
	var apart []string
	for _, side := range []struct {
		attr rminfo.Attr
		name string
	}{{rminfo.A_lower_included, "lower bound"}, {rminfo.A_upper_included, "upper bound"}} {
		if t.TextAt(id, side.attr) == "false" {
			apart = append(apart, side.name+" excluded")
		}
	}
	if len(apart) > 0 {
		text += " (" + strings.Join(apart, ", ") + ")"
	}
	return text
}

func party(t *rm.Tree, id rm.ID) string {
	if t.Class(id) == rminfo.PARTY_SELF {
		return "the person of this record"
	}
	ref := joined(" ", t.TextAt(id, rminfo.A_external_ref, rminfo.A_namespace), t.TextAt(id, rminfo.A_external_ref, rminfo.A_id, rminfo.A_value))
	text := joined(", ", t.TextAt(id, rminfo.A_name), t.TextAt(id, rminfo.A_relationship, rminfo.A_value), ref)
	for identifier := range t.Children(id, rminfo.A_identifiers) {
		text = joined(", ", text, value(t, identifier))
	}
	return text
}

func joined(by string, parts ...string) string {
	var out []string
	for _, p := range parts {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, by)
}
