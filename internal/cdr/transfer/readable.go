package transfer

import (
	"bufio"
	"fmt"
	"html"
	"strings"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// readable writes objects of the record so that a person can read them: names by the
// terms of the template, values in words, in the order of the document.
type readable struct {
	*bufio.Writer
	tree     *rm.Tree
	template *cdr.Template
	language string
}

// technical attributes say how a document is built and nothing about the person.
var technical = map[rminfo.Attr]bool{
	rminfo.A_name: true, rminfo.A_archetype_node_id: true, rminfo.A_archetype_details: true, rminfo.A_uid: true,
	rminfo.A_language: true, rminfo.A_encoding: true, rminfo.A_territory: true, rminfo.A_category: true,
	rminfo.A_feeder_audit: true, rminfo.A_links: true, rminfo.A_instruction_details: true, rminfo.A_guideline_id: true,
	rminfo.A_workflow_id: true, rminfo.A_wf_definition: true,
}

// text writes words, escaped.
func (r *readable) text(s string) { _, _ = r.WriteString(html.EscapeString(s)) }

func (r *readable) raw(s string) { _, _ = r.WriteString(s) }

// object writes one node and all below it.
func (r *readable) object(id rm.ID) {
	t := r.tree
	r.raw("<ul>")
	for child := range t.All(id) {
		if !technical[t.Attr(child)] {
			r.member(child)
		}
	}
	r.raw("</ul>\n")
}

func (r *readable) member(id rm.ID) {
	t := r.tree
	class := t.Class(id)
	switch {
	case class == rminfo.ELEMENT:
		r.line(r.label(id), r.element(id))
	case class.Locatable():
		r.raw("<li><b>")
		r.text(r.label(id))
		r.raw("</b>")
		r.object(id)
		r.raw("</li>")
	case class == rminfo.PARTY_SELF && t.First(id) == rm.None:
		// The person the record is about, as nearly everywhere.
	default:
		if value, whole := r.value(id); whole {
			r.line(words(t.Attr(id).String()), value)
			return
		}
		r.raw("<li>")
		r.text(words(t.Attr(id).String()))
		r.object(id)
		r.raw("</li>")
	}
}

func (r *readable) line(label, value string) {
	r.raw("<li>")
	r.text(label)
	r.raw(": <span>")
	r.text(value)
	r.raw("</span></li>")
}

func words(attribute string) string { return strings.ReplaceAll(attribute, "_", " ") }

// label is the template's term of a node beside the name it was given, where the
// two differ.
func (r *readable) label(id rm.ID) string {
	name := r.tree.Name(id)
	code := r.tree.ArchetypeNodeID(id)
	if r.template == nil {
		return name
	}
	archetype := r.tree.ArchetypeNodeID(r.tree.ArchetypeRoot(id))
	if !strings.HasPrefix(code, "at") {
		archetype, code = code, "at0000"
	}
	term, ok := r.template.Compiled.TermIn(archetype, code, r.language)
	switch {
	case !ok || term.Text() == name:
		return name
	case name == "":
		return term.Text()
	}
	return term.Text() + " (" + name + ")"
}

func (r *readable) element(id rm.ID) string {
	t := r.tree
	if v := t.Child(id, rminfo.A_value); v != rm.None {
		text, _ := r.value(v)
		return text
	}
	text := "not recorded"
	if why := t.TextAt(id, rminfo.A_null_flavour, rminfo.A_value); why != "" {
		text += ": " + why
	}
	if why := t.TextAt(id, rminfo.A_null_reason, rminfo.A_value); why != "" {
		text += " (" + why + ")"
	}
	return text
}

// value says a data value, a party or a simple thing in words; whole is false for
// what has to be told by its parts.
func (r *readable) value(id rm.ID) (text string, whole bool) {
	t := r.tree
	at := func(attrs ...rminfo.Attr) string { return t.TextAt(id, attrs...) }
	class := t.Class(id)
	switch {
	case class.IsA(rminfo.DV_INTERVAL):
		return r.bound(id, rminfo.A_lower, "from ") + r.bound(id, rminfo.A_upper, " to "), true
	case class == rminfo.DV_ORDINAL, class == rminfo.DV_SCALE:
		return at(rminfo.A_value) + ": " + at(rminfo.A_symbol, rminfo.A_value), true
	case class == rminfo.DV_QUANTITY:
		units := at(rminfo.A_units_display_name)
		if units == "" {
			units = at(rminfo.A_units)
		}
		return strings.TrimSpace(at(rminfo.A_magnitude_status) + " " + at(rminfo.A_magnitude) + " " + units), true
	case class == rminfo.DV_COUNT:
		return strings.TrimSpace(at(rminfo.A_magnitude_status) + " " + at(rminfo.A_magnitude)), true
	case class == rminfo.DV_PROPORTION:
		return at(rminfo.A_numerator) + " / " + at(rminfo.A_denominator), true
	case class == rminfo.DV_BOOLEAN:
		return yes(at(rminfo.A_value)), true
	case class == rminfo.DV_IDENTIFIER:
		return strings.TrimSpace(at(rminfo.A_type) + " " + at(rminfo.A_id)), true
	case class == rminfo.DV_MULTIMEDIA:
		return strings.TrimSpace(at(rminfo.A_alternate_text) + " " + at(rminfo.A_media_type, rminfo.A_code_string) + " " + at(rminfo.A_uri, rminfo.A_value)), true
	case class == rminfo.DV_STATE:
		return at(rminfo.A_value, rminfo.A_value), true
	case class.IsA(rminfo.DATA_VALUE):
		return at(rminfo.A_value), true
	case class == rminfo.CODE_PHRASE:
		return at(rminfo.A_code_string), true
	case class == rminfo.PARTY_SELF:
		return strings.TrimSpace("the person this record is about " + at(rminfo.A_external_ref, rminfo.A_namespace) + " " + at(rminfo.A_external_ref, rminfo.A_id, rminfo.A_value)), true
	case class.IsA(rminfo.OBJECT_REF):
		return at(rminfo.A_type) + " " + at(rminfo.A_id, rminfo.A_value), true
	case class.IsA(rminfo.OBJECT_ID):
		return at(rminfo.A_value), true
	case class.IsA(rminfo.PARTY_PROXY):
		name := at(rminfo.A_name)
		if name == "" {
			name = at(rminfo.A_external_ref, rminfo.A_id, rminfo.A_value)
		}
		if relation := at(rminfo.A_relationship, rminfo.A_value); relation != "" {
			name += " (" + relation + ")"
		}
		return name, true
	}
	if t.First(id) == rm.None {
		return yes(t.Text(id)), true
	}
	return "", false
}

// yes says a truth value; other texts stay.
func yes(text string) string {
	switch text {
	case "true":
		return "yes"
	case "false":
		return "no"
	}
	return text
}

func (r *readable) bound(id rm.ID, which rminfo.Attr, word string) string {
	if b := r.tree.Child(id, which); b != rm.None {
		text, _ := r.value(b)
		return word + text
	}
	return ""
}

// row writes one row of a table.
func (r *readable) row(cells ...string) {
	r.raw("<tr>")
	for _, c := range cells {
		r.raw("<td>")
		r.text(c)
		r.raw("</td>")
	}
	r.raw("</tr>\n")
}

func (r *readable) heading(level int, format string, args ...any) {
	r.raw(fmt.Sprintf("<h%d>", level))
	r.text(fmt.Sprintf(format, args...))
	r.raw(fmt.Sprintf("</h%d>\n", level))
}
