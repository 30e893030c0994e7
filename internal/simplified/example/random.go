package example

import (
	"strconv"

	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/simplified/syntax"
	"github.com/quire-cdr/quire/internal/simplified/webtemplate"
	"github.com/quire-cdr/quire/internal/template"
)

// one says yes once in n times, and never where the document is not a random one.
func (m *maker) one(n int) bool { return m.o.Sparse && m.pick(n) == n-1 }

// any picks one of some texts.
func (m *maker) any(texts ...string) string { return texts[m.pick(len(texts))] }

// language picks one of the template's.
func (m *maker) language(w *webtemplate.WebTemplate) string {
	if m.o.Sparse && len(w.Languages) > 0 {
		return m.any(w.Languages...)
	}
	return w.Template.Language
}

// dates, dateTimes and times are of every precision and with every kind of
// offset (ISO 8601 as in RM 1.1.0, Data Types, Date and Time).
var (
	dates     = []string{"2022-02-03", "2022-02", "2022", "1899-12-31", "2024-02-29"}
	dateTimes = []string{"2022-02-03T04:05:06Z", "2022-02-03T04:05:06.123+05:30", "2022-02-03T04:05:06", "2022-02-03T04:05-11:00", "2022-02-03", "2022-02", "2022-02-03T23:59:59,5+01:00"}
	times     = []string{"04:05:06", "04:05:06.25", "04:05", "23:59:59+01:00", "04:05:06Z"}
	durations = []string{"PT1H", "P1Y2M", "P3W", "P1DT12H30M", "PT0.5S", "P0D"}
	texts     = []string{"Lorem ipsum", "a \"quoted\"\nline", "Größe ≥ 5 µm", "|not/a:key", "0", "true", " blanks ", "👩🏽‍⚕️"}
)

// root adds what stands beside the template's nodes in a composition.
func (m *maker) root(w *webtemplate.WebTemplate, it *syntax.Item) {
	if !m.o.Sparse || w.Root.Class != rminfo.COMPOSITION {
		return
	}
	m.attributes(w, w.Root, it)
	category, _ := it.Parent.Find("ctx").Value("category")
	if category.Text != "" || m.pick(3) > 0 {
		return
	}
	at := it.Find("context")
	if at == nil {
		return
	}
	if m.one(2) {
		at.Child("_end_time", 0, false).Set("", syntax.String, m.any(dateTimes...))
	}
	if m.one(2) {
		at.Child("_location", 0, false).Set("", syntax.String, m.any(texts...))
	}
	if m.one(2) {
		m.party(at.Child("_health_care_facility", 0, false))
	}
	if context := w.Root.Child("context"); context == nil || context.Child("participation") == nil {
		for i := range m.pick(3) {
			m.participation(at.Child("_participation", i, true))
		}
	}
}

func (m *maker) party(it *syntax.Item) {
	it.Set("name", syntax.String, m.any(texts...))
	if m.one(2) {
		it.Set("id", syntax.String, "7")
		it.Set("id_scheme", syntax.String, "scheme")
		it.Set("id_namespace", syntax.String, "namespace")
	}
	for i := range m.pick(3) {
		id := it.Child("_identifier", i, true)
		id.Set("", syntax.String, strconv.Itoa(i))
		id.Set("issuer", syntax.String, "Issuer")
	}
}

func (m *maker) participation(it *syntax.Item) {
	it.Set("function", syntax.String, "requester")
	if m.one(2) {
		it.Set("mode", syntax.String, "face-to-face communication")
	}
	m.party(it)
}

// attributes are the optional ones of a LOCATABLE, few at a time.
func (m *maker) attributes(w *webtemplate.WebTemplate, n *webtemplate.Node, it *syntax.Item) {
	if m.one(12) {
		it.Child("_uid", 0, false).Set("", syntax.String, "5ae1c45c-53c2-4e3a-b9ff-c979e0494f35")
	}
	if m.one(12) {
		for i := range 1 + m.pick(2) {
			link := it.Child("_link", i, true)
			link.Set("type", syntax.String, "type")
			link.Set("meaning", syntax.String, m.any(texts...))
			link.Set("target", syntax.String, "ehr://example.org/"+strconv.Itoa(i))
		}
	}
	if m.one(12) {
		audit := it.Child("_feeder_audit", 0, false)
		details := audit.Child("originating_system_audit", 0, false)
		details.Set("system_id", syntax.String, "system")
		if m.one(2) {
			details.Set("time", syntax.String, m.any(dateTimes...))
			m.party(details.Child("provider", 0, false))
		}
		if m.one(2) {
			content := audit.Child("original_content", 0, false)
			content.Set("", syntax.String, m.any(texts...))
			content.Set("formalism", syntax.String, "text/plain")
		}
	}
	if m.one(12) && n.NameCode == "" && n.Parent != nil && freeName(w, n) {
		it.Child("_name", 0, false).Set("", syntax.String, m.any(texts...))
	}
}

// freeName says that the template leaves the name of a node open and tells no
// sibling apart by it.
func freeName(w *webtemplate.WebTemplate, n *webtemplate.Node) bool {
	at := n.Template
	if last := len(n.Chain) - 1; !n.Class.Locatable() && last > 0 {
		at = n.Chain[last-1].Node
	}
	if at == template.NoNode || !w.Template.Node(at).Class.Locatable() || len(w.Template.Children(at, rminfo.A_name)) > 0 {
		return false
	}
	own := w.Template.Node(at)
	for _, sibling := range w.Template.Children(own.Parent, own.Attr) {
		if other := w.Template.Node(sibling); sibling != at && other.AtCode == own.AtCode {
			return false
		}
	}
	return true
}

// content makes the first child of an attribute that must be there, where chance
// has left out all.
func (m *maker) content(n *webtemplate.Node, it *syntax.Item) {
	must := rminfo.A_data
	switch {
	case n.Class == rminfo.ACTION:
		must = rminfo.A_description
	case n.Class != rminfo.OBSERVATION && n.Class != rminfo.EVALUATION && n.Class != rminfo.ADMIN_ENTRY && !n.Class.IsA(rminfo.EVENT):
		return
	}
	var first *webtemplate.Node
	for _, c := range n.Children {
		if c.Chain[0].Attr != must || c.InContext {
			continue
		}
		if it.Find(c.ID) != nil {
			return
		}
		if first == nil {
			first = c
		}
	}
	if first != nil {
		m.node(first, it.Child(first.ID, 0, first.Repeats()))
	}
}

// entry adds the optional attributes of an ENTRY.
func (m *maker) entry(n *webtemplate.Node, it *syntax.Item) {
	if m.one(6) {
		m.party(it.Child("_provider", 0, false))
	}
	if m.one(6) {
		for i := range 1 + m.pick(2) {
			m.participation(it.Child("_other_participation", i, true))
		}
	}
	for _, ref := range [...]string{"_work_flow_id", "_guideline_id"} {
		if m.one(8) && (ref == "_work_flow_id" || n.Class != rminfo.ADMIN_ENTRY) {
			at := it.Child(ref, 0, false)
			at.Set("id", syntax.String, "id")
			at.Set("id_scheme", syntax.String, "scheme")
			at.Set("namespace", syntax.String, "namespace")
			at.Set("type", syntax.String, "TYPE")
		}
	}
	if m.one(8) {
		subject := it.Child("subject", 0, false)
		subject.Set("name", syntax.String, "Mother")
		if m.one(2) {
			subject.Child("_relationship", 0, false).Set("code", syntax.String, "10")
		}
	}
}

// nothing gives a null flavour in the place of a value that may be left out.
func (m *maker) nothing(n *webtemplate.Node, it *syntax.Item) bool {
	last := len(n.Chain) - 1
	element := n.Class == rminfo.ELEMENT || last > 0 && n.Chain[last-1].Class == rminfo.ELEMENT
	if !element || n.Min > 0 || n.InContext || !m.one(12) {
		return false
	}
	it.Child("_null_flavour", 0, false).Set("code", syntax.String, m.any("253", "271", "272", "273"))
	if m.one(2) {
		it.Child("_null_reason", 0, false).Set("", syntax.String, m.any(texts...))
	}
	return true
}

// width makes an interval event of an event that may be either.
func (m *maker) width(n *webtemplate.Node, it *syntax.Item) {
	if n.Class == rminfo.EVENT && m.one(4) {
		it.Child("width", 0, false).Set("", syntax.String, m.any(durations...))
		it.Child("math_function", 0, false).Set("code", syntax.String, "146")
		if m.one(2) {
			it.Set("sample_count", syntax.Number, "3")
		}
	}
}

// extras adds the optional attributes of a data value.
func (m *maker) extras(n *webtemplate.Node, it *syntax.Item) {
	if !m.o.Sparse {
		return
	}
	class := n.Class
	switch {
	case class == rminfo.DV_TEXT || class == rminfo.DV_CODED_TEXT:
		if m.one(8) {
			mapping := it.Child("_mapping", 0, true)
			mapping.Set("match", syntax.String, m.any("=", "<", ">", "?"))
			mapping.Child("target", 0, false).Set("code", syntax.String, "42")
			mapping.Child("target", 0, false).Set("terminology", syntax.String, "SNOMED-CT")
		}
		if m.one(12) {
			it.Set("formatting", syntax.String, "plain")
		}
		if m.one(12) {
			it.Child("_language", 0, false).Set("code", syntax.String, "en")
		}
	case class.IsA(rminfo.DV_ORDERED):
		if m.one(6) {
			it.Set("normal_status", syntax.String, m.any("HHH", "H", "N", "L"))
		}
		if class.IsA(rminfo.DV_QUANTIFIED) && m.one(6) {
			it.Set("magnitude_status", syntax.String, m.any("=", "<", ">=", "~"))
		}
		if (class == rminfo.DV_QUANTITY || class == rminfo.DV_COUNT) && m.one(8) {
			it.Set("accuracy", syntax.Number, m.any("0.5", "2"))
			it.Set("accuracy_is_percent", syntax.Boolean, "false")
		}
		if unit, ok := it.Value("unit"); ok && m.one(4) {
			at := it.Child("_normal_range", 0, false)
			if m.one(2) {
				at = it.Child("_other_reference_ranges", 0, true)
				at.Child("meaning", 0, false).Set("", syntax.String, m.any(texts...))
			}
			for i, end := range [...]string{"lower", "upper"} {
				if m.one(4) {
					continue
				}
				at.Child(end, 0, false).Set("magnitude", syntax.Number, [...]string{"1.0", "20"}[i])
				at.Child(end, 0, false).Set("unit", syntax.String, unit.Text)
			}
			if len(at.Children) == 0 || at.Segment == "_other_reference_ranges" && len(at.Children) == 1 {
				at.Child("lower", 0, false).Set("magnitude", syntax.Number, "1")
				at.Child("lower", 0, false).Set("unit", syntax.String, unit.Text)
			}
		}
	}
}
