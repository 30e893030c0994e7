package sdc

import (
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/internal/terminology"
)

// field is one answer of several that make an object together.
type field struct {
	route  []rminfo.Attr
	class  rminfo.Class
	text   string
	terms  terminology.Group
	hidden bool
}

func route(attrs ...rminfo.Attr) []rminfo.Attr { return attrs }

// party are the fields of a PARTY_IDENTIFIED behind a prefix; identifiers beside
// them are kept from the base.
func party(prefix ...rminfo.Attr) []field {
	at := func(attrs ...rminfo.Attr) []rminfo.Attr { return slices.Concat(prefix, attrs) }
	return []field{
		{at(rminfo.A_name), rminfo.String, "Name", "", false},
		{at(rminfo.A_external_ref, rminfo.A_id, rminfo.A_value), rminfo.String, "Identifier", "", true},
		{at(rminfo.A_external_ref, rminfo.A_id, rminfo.A_scheme), rminfo.String, "Scheme of the identifier", "", true},
		{at(rminfo.A_external_ref, rminfo.A_namespace), rminfo.String, "Namespace of the identifier", "", true},
		{at(rminfo.A_external_ref, rminfo.A_type), rminfo.String, "Kind of party", "", true},
	}
}

var records = map[rminfo.Class][]field{
	rminfo.DV_IDENTIFIER: {
		{route(rminfo.A_id), rminfo.String, "Identifier", "", false}, {route(rminfo.A_type), rminfo.String, "Type", "", false},
		{route(rminfo.A_issuer), rminfo.String, "Issuer", "", false}, {route(rminfo.A_assigner), rminfo.String, "Assigner", "", false},
	},
	rminfo.DV_PROPORTION: {
		{route(rminfo.A_numerator), rminfo.Real, "Numerator", "", false}, {route(rminfo.A_denominator), rminfo.Real, "Denominator", "", false},
		{route(rminfo.A_type), rminfo.Integer, "Kind", "", false},
	},
	rminfo.DV_PARSABLE: {
		{route(rminfo.A_value), rminfo.String, "Text", "", false}, {route(rminfo.A_formalism), rminfo.String, "Formalism", "", true},
	},
	rminfo.ISM_TRANSITION: {
		{route(rminfo.A_careflow_step), rminfo.DV_CODED_TEXT, "Step", "", false},
		{route(rminfo.A_current_state), rminfo.DV_CODED_TEXT, "State", terminology.InstructionStates, false},
		{route(rminfo.A_transition), rminfo.DV_CODED_TEXT, "Transition", terminology.InstructionTransitions, true},
	},
	rminfo.PARTY_IDENTIFIED: party(),
	rminfo.PARTY_PROXY:      append(party(), field{route(rminfo.A_relationship), rminfo.DV_CODED_TEXT, "Relationship", terminology.SubjectRelationship, false}),
	rminfo.PARTICIPATION: append([]field{
		{route(rminfo.A_function), rminfo.DV_TEXT, "Function", "", false},
		{route(rminfo.A_mode), rminfo.DV_CODED_TEXT, "Mode", terminology.ParticipationMode, false},
	}, party(rminfo.A_performer)...),
	rminfo.EVENT_CONTEXT: append([]field{
		{route(rminfo.A_start_time), rminfo.DV_DATE_TIME, "Start time", "", false},
		{route(rminfo.A_end_time), rminfo.DV_DATE_TIME, "End time", "", false},
		{route(rminfo.A_location), rminfo.String, "Location", "", false},
		{route(rminfo.A_setting), rminfo.DV_CODED_TEXT, "Setting", terminology.Setting, false},
	}, party(rminfo.A_health_care_facility)...),
}

// recordFields are the fields of a class that is no single answer, nil of others.
func recordFields(c rminfo.Class) []field { return records[c] }

// intervalFields are the fields of an interval of a class.
func intervalFields(of rminfo.Class) []field {
	return []field{
		{route(rminfo.A_lower), of, "From", "", false}, {route(rminfo.A_upper), of, "To", "", false},
		{route(rminfo.A_lower_included), rminfo.Boolean, "From is included", "", true},
		{route(rminfo.A_upper_included), rminfo.Boolean, "To is included", "", true},
	}
}

// valueFields are the fields of the value a template node stands for, nil where
// it is one answer.
func (f *Form) valueFields(class rminfo.Class, node template.NodeID) []field {
	if node == template.NoNode {
		return records[class]
	}
	if class == rminfo.DV_INTERVAL {
		of := f.Template.Node(node).Param
		for _, bound := range f.Template.Children(node, rminfo.A_lower) {
			of = f.Template.Node(bound).Class
		}
		if of == 0 || of.Abstract() || itemType(of) == "text" || records[of] != nil {
			return nil
		}
		return intervalFields(of)
	}
	if class == rminfo.DV_PROPORTION && f.fixedKind(node) != "" {
		return nil
	}
	if class == rminfo.DV_ORDINAL || class == rminfo.DV_SCALE {
		if len(f.options(&Item{Node: node, Value: node}, "")) > 0 {
			return nil
		}
		// A score that the template does not list has no number but its own.
		return []field{
			{route(rminfo.A_value), declared(class, rminfo.A_value), "Score", "", false},
			{route(rminfo.A_symbol), rminfo.DV_CODED_TEXT, "Meaning", "", false},
		}
	}
	if class.IsA(rminfo.DATA_VALUE) {
		return records[class]
	}
	return nil
}

// The kinds of proportion that are one answer (RM 1.1.0, Data Types, PROPORTION_KIND).
const (
	unitary = "1"
	percent = "2"
)

// fixedKind is the kind of a proportion whose denominator is known from it, ""
// of others.
func (f *Form) fixedKind(node template.NodeID) string {
	if kinds := f.proportionKinds(node); len(kinds) == 1 && (kinds[0] == unitary || kinds[0] == percent) {
		return kinds[0]
	}
	return ""
}

// proportionKinds lists the kinds of proportion a template allows, none where it
// does not say.
func (f *Form) proportionKinds(node template.NodeID) []string {
	if node == template.NoNode {
		return nil
	}
	for _, child := range f.Template.Children(node, rminfo.A_type) {
		if c, ok := f.Template.Node(child).Constraint.(*aom.Integer); ok {
			if len(c.List) == 0 && c.Range != nil && c.Range.Lower != "" && c.Range.Lower == c.Range.Upper {
				return []string{c.Range.Lower}
			}
			return c.List
		}
	}
	return nil
}

// addParts gives a group the items of a record's fields. node is the template's
// node of the record, prefix stands before each name.
func (f *Form) addParts(group *Item, of rminfo.Class, node template.NodeID, prefix string, fields []field) {
	for _, fd := range fields {
		var names []string
		for _, a := range fd.route {
			names = append(names, a.Name())
		}
		p := &Item{
			Kind: Part, Node: group.Node, Value: node, Class: fd.class, Of: of, Route: fd.route, Type: itemType(fd.class), Text: fd.text,
			LinkID: prefix + strings.Join(names, "_"), Hidden: fd.hidden || group.Hidden, Tier: group.Tier, Terms: fd.terms,
		}
		if fd.class.IsA(rminfo.DATA_VALUE) {
			p.Value = template.NoNode
			if node != template.NoNode && len(fd.route) == 1 {
				if bound := f.Template.Children(node, fd.route[0]); len(bound) > 0 {
					p.Value, p.More = bound[0], bound[1:]
				}
			}
		}
		if of == rminfo.DV_PARSABLE && fd.route[0] == rminfo.A_value {
			p.Type = "text"
		}
		if p.kindOfProportion() {
			p.Type, p.Hidden = "choice", len(f.proportionKinds(node)) == 1
		}
		f.openChoice(p)
		f.add(group, p)
	}
}

// openChoice lets a coded question without a list take any code.
func (f *Form) openChoice(i *Item) {
	if i.Type == "choice" && len(f.options(i, "")) == 0 {
		i.Type = "open-choice"
	}
}

// formalism is what a new DV_PARSABLE is written in: the template's first, else
// plain text.
func (f *Form) formalism(node template.NodeID) string {
	if node != template.NoNode {
		for _, child := range f.Template.Children(node, rminfo.A_formalism) {
			if s, ok := f.Template.Node(child).Constraint.(*aom.String); ok && len(s.List) > 0 {
				return s.List[0]
			}
		}
	}
	return "text/plain"
}
