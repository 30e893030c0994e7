package pdf

import (
	"strings"

	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// technical attributes are not printed: they stand in the attachment.
var technical = map[rminfo.Attr]bool{
	rminfo.A_name: true, rminfo.A_archetype_node_id: true, rminfo.A_archetype_details: true, rminfo.A_uid: true, rminfo.A_language: true,
	rminfo.A_encoding: true, rminfo.A_territory: true, rminfo.A_category: true, rminfo.A_links: true, rminfo.A_feeder_audit: true,
	rminfo.A_origin: true, rminfo.A_action_archetype_id: true, rminfo.A_instruction_details: true, rminfo.A_wf_definition: true,
}

// words are labels of attributes whose name would not be understood, or would
// let one time be taken for another.
var words = map[rminfo.Attr]string{
	rminfo.A_time: "Time of the event", rminfo.A_start_time: "Start of the encounter", rminfo.A_end_time: "End of the encounter",
	rminfo.A_other_participations: "Participation", rminfo.A_participations: "Participation", rminfo.A_subject: "About", rminfo.A_provider: "Information from",
	rminfo.A_health_care_facility: "Care provider",
}

func label(a rminfo.Attr) string {
	if w := words[a]; w != "" {
		return w
	}
	text := strings.ReplaceAll(a.Name(), "_", " ")
	return strings.ToUpper(text[:1]) + text[1:]
}

// structural objects have no heading: what they hold stands in what holds them.
func structural(c rminfo.Class) bool {
	return c.IsA(rminfo.ITEM_STRUCTURE) || c == rminfo.HISTORY || c == rminfo.EVENT_CONTEXT
}

// body writes all that an object says, in its order, below headings of a depth.
func (p *page) body(t *rm.Tree, id rm.ID, depth int) {
	for child := range t.All(id) {
		attr := t.Attr(child)
		if technical[attr] || t.Kind(child) != rm.Object {
			continue
		}
		class := t.Class(child)
		switch {
		case class == rminfo.ELEMENT:
			p.row(name(t, child), answer(t, child), depth)
		case structural(class):
			p.body(t, child, depth)
		case class.Locatable():
			p.heading(name(t, child), depth)
			p.body(t, child, depth+1)
		case class == rminfo.ISM_TRANSITION:
			p.row("State", joined(", ", t.TextAt(child, rminfo.A_careflow_step, rminfo.A_value), t.TextAt(child, rminfo.A_current_state, rminfo.A_value)), depth)
		case class == rminfo.PARTICIPATION:
			p.row(label(attr), joined(", ", t.TextAt(child, rminfo.A_function, rminfo.A_value), party(t, t.Child(child, rminfo.A_performer)), t.TextAt(child, rminfo.A_mode, rminfo.A_value)), depth)
		case class == rminfo.PARTY_SELF, attr == rminfo.A_composer:
			// The person of the record, and who wrote it, stand at the top.
		case class.IsA(rminfo.DATA_VALUE), class.IsA(rminfo.PARTY_PROXY):
			p.row(label(attr), value(t, child), depth)
		}
	}
}

func name(t *rm.Tree, id rm.ID) string {
	if text := t.Name(id); text != "" {
		return text
	}
	return t.Class(id).Name()
}

// answer is the value of an ELEMENT, or why it has none.
func answer(t *rm.Tree, element rm.ID) string {
	if v := t.Child(element, rminfo.A_value); v != rm.None {
		return value(t, v)
	}
	return joined(": ", "Not given", t.TextAt(element, rminfo.A_null_flavour, rminfo.A_value), t.TextAt(element, rminfo.A_null_reason, rminfo.A_value))
}
