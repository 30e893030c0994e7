package sdc

import (
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/internal/terminology"
)

// attributeItem is an attribute of the reference model that a form shows or
// carries beside the template's nodes, by the class that has it.
type attributeItem struct {
	class rminfo.Class
	attr  rminfo.Attr
	text  string
	tier  Tier
	terms terminology.Group
}

var attributeItems = []attributeItem{
	{rminfo.COMPOSITION, rminfo.A_language, "Language", Technical, ""},
	{rminfo.COMPOSITION, rminfo.A_territory, "Territory", Technical, ""},
	{rminfo.COMPOSITION, rminfo.A_composer, "Composer", Technical, ""},
	{rminfo.COMPOSITION, rminfo.A_context, "Context", Technical, ""},
	{rminfo.EVENT_CONTEXT, rminfo.A_start_time, "Start time", Technical, ""},
	{rminfo.EVENT_CONTEXT, rminfo.A_end_time, "End time", Technical, ""},
	{rminfo.EVENT_CONTEXT, rminfo.A_location, "Location", Technical, ""},
	{rminfo.EVENT_CONTEXT, rminfo.A_setting, "Setting", Technical, terminology.Setting},
	{rminfo.EVENT_CONTEXT, rminfo.A_health_care_facility, "Health care facility", Technical, ""},
	{rminfo.EVENT_CONTEXT, rminfo.A_participations, "Participations", Technical, ""},
	{rminfo.ENTRY, rminfo.A_subject, "Subject", Rare, ""},
	{rminfo.ENTRY, rminfo.A_provider, "Provider", Rare, ""},
	{rminfo.ENTRY, rminfo.A_other_participations, "Other participations", Rare, ""},
	{rminfo.HISTORY, rminfo.A_origin, "Origin", Technical, ""},
	{rminfo.EVENT, rminfo.A_time, "Time", Plain, ""},
	{rminfo.ACTION, rminfo.A_time, "Time", Plain, ""},
	{rminfo.ACTION, rminfo.A_ism_transition, "State of the order", Plain, ""},
	{rminfo.INTERVAL_EVENT, rminfo.A_width, "Width", Plain, ""},
	{rminfo.INTERVAL_EVENT, rminfo.A_math_function, "Function", Plain, terminology.EventMathFunction},
	{rminfo.INSTRUCTION, rminfo.A_narrative, "Narrative", Plain, ""},
	{rminfo.INSTRUCTION, rminfo.A_expiry_time, "Expiry time", Plain, ""},
	{rminfo.ACTIVITY, rminfo.A_timing, "Timing", Plain, ""},
	{rminfo.ACTIVITY, rminfo.A_action_archetype_id, "Archetype of the actions", Technical, ""},
}

func (f *Form) addAttributes(group *Item) { f.addAttributesOf(group, group.Node) }

func (f *Form) addAttributesOf(group *Item, owner template.NodeID) {
	class := f.Template.Node(owner).Class
	for _, a := range attributeItems {
		// An event whose class is left open may come to be an interval.
		open := class == rminfo.EVENT && a.class == rminfo.INTERVAL_EVENT
		if !class.IsA(a.class) && !open || a.attr == rminfo.A_context && !f.ownContext(owner) {
			continue
		}
		declared, _ := a.class.Attribute(a.attr)
		tier := a.tier
		constrained := f.Template.Children(owner, a.attr)
		switch {
		case open:
			tier = Technical
		case tier == Rare && len(constrained) > 0:
			tier = Technical
		}
		item := &Item{
			Kind: Attribute, Node: owner, Value: template.NoNode, Class: declared.Type, Attr: a.attr,
			Type: itemType(declared.Type), Text: a.text, LinkID: a.attr.Name(), Hidden: tier != Plain, Tier: tier, Terms: a.terms,
			Required: tier == Plain && declared.Mandatory && declared.Type != rminfo.DV_DATE_TIME && a.attr != rminfo.A_ism_transition,
		}
		if a.attr == rminfo.A_narrative {
			item.Type = "text" // of several lines, as a rule
		}
		if len(constrained) > 0 {
			item.Value, item.More = constrained[0], constrained[1:]
		}
		if fields := recordFields(declared.Type); fields != nil {
			item.Kind, item.Type, item.Repeats = Record, "group", declared.Container
			if item.Class == rminfo.PARTY_PROXY {
				item.Class = rminfo.PARTY_IDENTIFIED
			}
			f.addRecord(group, item, fields)
		} else {
			f.add(group, item)
		}
		f.attributes[owner] = append(f.attributes[owner], item)
	}
}

// ownContext says whether the context of a composition is asked for here: one
// that the template constrains has items of its own.
func (f *Form) ownContext(owner template.NodeID) bool {
	return f.Category() == "433" && len(f.Template.Children(owner, rminfo.A_context)) == 0
}

func (f *Form) addRecord(group, record *Item, fields []field) {
	f.add(group, record)
	if record.Repeats {
		f.addKey(record, record.Node)
	}
	f.addParts(record, record.Class, record.Value, "", fields)
	if record.Attr == rminfo.A_ism_transition {
		f.transitions(record)
	}
}

// transitions says of the parts of an ism_transition what the template's careflow
// steps allow: where each step ends in one state, the state needs no question.
func (f *Form) transitions(record *Item) {
	t := f.Template
	all := t.Children(record.Node, rminfo.A_ism_transition)
	codes := func(node template.NodeID, attr rminfo.Attr) []string {
		var out []string
		for _, coded := range t.Children(node, attr) {
			if c, ok := t.Node(coded).Constraint.(*aom.CodePhrase); ok {
				out = append(out, c.Codes...)
			}
			for _, child := range t.Children(coded, rminfo.A_defining_code) {
				if c, ok := t.Node(child).Constraint.(*aom.CodePhrase); ok {
					out = append(out, c.Codes...)
				}
			}
		}
		return out
	}
	states, fixed := map[string]string{}, len(all) > 0
	for _, node := range all {
		ends, steps := codes(node, rminfo.A_current_state), codes(node, rminfo.A_careflow_step)
		fixed = fixed && len(ends) == 1 && len(steps) > 0
		for _, step := range steps {
			if before, known := states[step]; known && (len(ends) != 1 || before != ends[0]) {
				fixed = false
			}
			if len(ends) == 1 {
				states[step] = ends[0]
			}
		}
	}
	f.states[record] = states
	for _, p := range record.Children {
		if p.Kind != Part {
			continue
		}
		p.Value, p.More = template.NoNode, nil
		for _, node := range all {
			p.More = append(p.More, t.Children(node, p.Route[0])...)
		}
		switch p.Route[0] {
		case rminfo.A_current_state:
			p.Hidden, p.Required = fixed, !fixed
		case rminfo.A_careflow_step:
			p.Required = fixed
			if len(p.More) == 0 {
				p.Hidden = true
			}
		}
		f.openChoice(p)
	}
}

// addGroupAsides gives a group the items that speak of the object itself.
func (f *Form) addGroupAsides(group *Item) {
	n := f.Template.Node(group.Node)
	if len(n.Names) == 0 {
		tier := Rare
		if group.Repeats {
			tier = Technical
		}
		f.addAside(group, group, &Item{Attr: rminfo.A_name, Class: rminfo.DV_TEXT, Type: "string", LinkID: "_name", Text: "Own name", Tier: tier})
	}
	if n.Class == rminfo.EVENT {
		f.addAside(group, group, &Item{Type: "choice", LinkID: "_event_type", Text: "Kind of event", Tier: Technical})
	}
}

// addNullAsides gives an ELEMENT with one value the items that say why it has none.
func (f *Form) addNullAsides(parent, about *Item) {
	name := ""
	if parent != about {
		name = strings.TrimPrefix(about.LinkID, parent.LinkID+"/") + "/"
	}
	tier := Rare
	if about.Required {
		tier = Technical
	}
	f.addAside(parent, about, &Item{Attr: rminfo.A_null_flavour, Class: rminfo.DV_CODED_TEXT, Type: "choice", Terms: terminology.NullFlavours, LinkID: name + "_null_flavour", Text: "Reason for no value", Tier: tier})
	f.addAside(parent, about, &Item{Attr: rminfo.A_null_reason, Class: rminfo.DV_TEXT, Type: "string", LinkID: name + "_null_reason", Text: "Details of the reason", Tier: tier})
	if about.Kind == Question && about.Class == rminfo.DV_QUANTITY {
		f.addAside(parent, about, &Item{Attr: rminfo.A_magnitude_status, Class: rminfo.String, Type: "string", LinkID: name + "_magnitude_status", Text: "Status of the magnitude", Tier: Technical})
	}
}

func (f *Form) addAside(parent, about, aside *Item) {
	aside.Kind, aside.About, aside.Node, aside.Value = Aside, about, about.Node, template.NoNode
	aside.Hidden = aside.Tier != Plain
	base := parent.LinkID + "/" + aside.LinkID
	aside.LinkID = base
	f.byLinkID[base], f.parent[aside] = aside, parent
	parent.Children = append(parent.Children, aside)
	f.asides[about] = append(f.asides[about], aside)
}

// aside finds what speaks of an item by the attribute, nil where nothing does.
func (f *Form) aside(about *Item, attr rminfo.Attr) *Item {
	if n := slices.IndexFunc(f.asides[about], func(i *Item) bool { return i.Attr == attr }); n >= 0 {
		return f.asides[about][n]
	}
	return nil
}

// anySpecialisation is what published archetypes put into a pattern of archetype
// ids for the specialisations of the one they name.
const anySpecialisation = `(-[a-zA-Z0-9_]+)*`

// actionArchetype is the archetype of actions that a template names for an
// ACTIVITY; without one, any.
func (f *Form) actionArchetype(activity template.NodeID) string {
	for _, id := range f.Template.Children(activity, rminfo.A_action_archetype_id) {
		s, ok := f.Template.Node(id).Constraint.(*aom.String)
		if !ok {
			continue
		}
		if len(s.List) > 0 {
			return s.List[0]
		}
		first, _, _ := strings.Cut(strings.ReplaceAll(strings.Trim(s.Pattern, "/^$()"), anySpecialisation, ""), "|")
		if first = strings.ReplaceAll(first, `\`, ""); f.Template.MatchesPattern(id, first) {
			return first
		}
	}
	return "/.*/"
}
