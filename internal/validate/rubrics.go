package validate

import (
	"strings"

	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
)

// rubric compares the text of a local code with the template's terms in all its
// languages (RM 1.1.0, DV_CODED_TEXT: the value is the rubric of the code). Who
// reads the record reads the text and who queries it the code, so one that says
// something else is worth a warning, and no more: synonyms and translations of
// the day of writing are in real documents.
func (c *checker) rubric(id rm.ID, n template.NodeID) {
	at := c.tree.Child(id, rminfo.A_defining_code)
	if c.tree.TextAt(at, rminfo.A_terminology_id, rminfo.A_value) != "local" {
		return
	}
	code, text := c.tree.TextAt(at, rminfo.A_code_string), c.tree.TextAt(id, rminfo.A_value)
	term, ok := c.tpl.Term(n, code, "")
	if !ok || text == "" || sameText(term.Text(), text) {
		return
	}
	for _, lang := range c.tpl.Languages {
		if t, ok := c.tpl.TermExact(n, code, lang); ok && sameText(t.Text(), text) {
			return
		}
	}
	c.add(finding{
		at: id, node: n, rule: "value-text", expected: term.Text(), found: text, warning: true,
		message: "The text does not say what the code " + code + " means: " + term.Text(),
	})
}

func sameText(a, b string) bool { return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b)) }

// step warns of a careflow step that can be no code of the archetype (RM 1.1.0,
// ISM_TRANSITION.careflow_step). Which codes it has is not known here: templates
// keep the terms of what they constrain alone.
func (c *checker) step(id rm.ID, n template.NodeID) {
	at := c.tree.Find(id, rminfo.A_careflow_step, rminfo.A_defining_code)
	source, code := c.tree.TextAt(at, rminfo.A_terminology_id, rminfo.A_value), c.tree.TextAt(at, rminfo.A_code_string)
	if code == "" || source == "local" && strings.HasPrefix(code, "at") {
		return
	}
	c.add(finding{
		at: at, node: n, rule: "terminology-careflow-step", expected: "a code of " + c.tpl.Node(n).Archetype, found: source + "::" + code, warning: true,
		message: "The careflow step " + shownValue(source+"::"+code) + " is no code of the archetype " + c.tpl.Node(n).Archetype,
	})
}
