package validate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/internal/terminology"
)

// codePhrase checks C_CODE_PHRASE: the terminology, then the codes.
func (c *checker) codePhrase(id rm.ID, n template.NodeID, k *aom.CodePhrase) {
	code := c.tree.TextAt(id, rminfo.A_code_string)
	source := c.tree.TextAt(id, rminfo.A_terminology_id, rminfo.A_value)
	if code == "" || source == "" || k.Terminology == "" {
		return // absent parts are faults of the reference model
	}
	if !sameTerminology(source, k.Terminology) {
		c.refuse(id, n, "terminology", k.Terminology, source, "The code must be of the terminology %s, not %s", k.Terminology, source)
		return
	}
	if len(k.Codes) > 0 && !listedCode(k, code) {
		rule := "code"
		if k.Terminology != "local" && !terminology.IsOpenEHR(k.Terminology) {
			rule = "external-code"
		}
		c.refuse(id, n, rule, c.codeList(n, k), code, "The code %s is not allowed here", code)
	}
}

// sameTerminology compares ids without their version and letter case.
func sameTerminology(a, b string) bool {
	a, _, _ = strings.Cut(a, "(")
	b, _, _ = strings.Cut(b, "(")
	return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b))
}

func listedCode(k *aom.CodePhrase, code string) bool {
	if slices.Contains(k.Codes, code) {
		return true
	}
	return k.Terminology == "local" && slices.ContainsFunc(k.Codes, func(general string) bool { return specialises(code, general) })
}

// codeList names the allowed codes with their terms.
func (c *checker) codeList(n template.NodeID, k *aom.CodePhrase) string {
	var list []string
	for i, code := range k.Codes {
		if i == 20 {
			list = append(list, "...")
			break
		}
		if t, ok := c.tpl.Term(n, code, ""); ok && k.Terminology == "local" {
			code += " (" + t.Text() + ")"
		}
		list = append(list, code)
	}
	return strings.Join(list, ", ")
}

// quantity checks C_DV_QUANTITY: units as the template writes them, the range
// and the decimals of those units.
func (c *checker) quantity(id rm.ID, n template.NodeID, k *aom.Quantity) {
	unitNode := c.tree.Child(id, rminfo.A_units)
	magnitude := c.tree.Child(id, rminfo.A_magnitude)
	if unitNode == rm.None {
		return
	}
	units := c.tree.Text(unitNode)
	if len(k.Items) == 0 {
		c.property(unitNode, n, k.Property, units)
		return
	}
	var names []string
	for i := range k.Items {
		item := &k.Items[i]
		if item.Units != units {
			names = append(names, item.Units)
			continue
		}
		if magnitude == rm.None {
			return
		}
		value := c.tree.Text(magnitude)
		c.within(magnitude, n, value, item.Magnitude)
		if p := item.Precision; p != nil && !p.UpperUnbounded {
			if most, err := strconv.Atoi(p.Upper); err == nil && most >= 0 && decimals(value) > most {
				c.refuse(magnitude, n, "precision", "at most "+p.Upper+" decimals", value, "The value %s has more than %s decimals", value, p.Upper)
			}
		}
		return
	}
	c.refuse(unitNode, n, "units", listed(names), units, "The units %q must be one of: %s", units, listed(names))
}

// property checks a quantity whose template names the property alone. A unit
// that is listed for another property is refused; one that nobody lists cannot
// be judged and is only remarked.
func (c *checker) property(id rm.ID, n template.NodeID, property *aom.Code, units string) {
	if property == nil || units == "" {
		return
	}
	measures, known := terminology.MeasuresProperty(property.Code, units)
	if measures || !known {
		return
	}
	name, _ := terminology.Rubric(terminology.Property, property.Code)
	c.add(finding{
		at: id, node: n, rule: "value-property", expected: "a unit of " + name, found: units, warning: !terminology.KnownUnit(units),
		message: fmt.Sprintf("The units %q do not measure %s", units, name),
	})
}

// ordinal checks C_DV_ORDINAL and C_DV_SCALE: value and symbol must be those of
// one item.
func (c *checker) ordinal(id rm.ID, n template.NodeID, items []aom.OrdinalItem) {
	value := c.tree.TextAt(id, rminfo.A_value)
	code := c.tree.TextAt(id, rminfo.A_symbol, rminfo.A_defining_code, rminfo.A_code_string)
	if len(items) == 0 || value == "" || code == "" {
		return
	}
	var valueOf, codeOf string
	var all []string
	for i := range items {
		item := &items[i]
		sameValue := compareDecimal(item.Value, value) == 0
		sameCode := specialises(code, item.Symbol.Code)
		if sameValue && sameCode {
			c.symbolText(id, n, item)
			return
		}
		if sameCode {
			valueOf = item.Value
		}
		if sameValue {
			codeOf = item.Symbol.Code
		}
		all = append(all, item.Value+"|"+item.Symbol.Code)
	}
	expected := listed(all)
	switch {
	case valueOf != "":
		expected = valueOf + "|" + code
	case codeOf != "":
		expected = value + "|" + codeOf
	}
	c.refuse(id, n, "ordinal", expected, value+"|"+code, "The value %s with the symbol %s is not allowed here", value, code)
}

// symbolText compares what the symbol is called with the template's terms in
// all its languages: a number, a code and a text that disagree mislead.
func (c *checker) symbolText(id rm.ID, n template.NodeID, item *aom.OrdinalItem) {
	at := c.tree.Find(id, rminfo.A_symbol, rminfo.A_value)
	text := c.tree.Text(at)
	if text == "" || item.Symbol.Terminology != "local" || text == item.Text {
		return
	}
	expected := ""
	for _, lang := range c.tpl.Languages {
		t, ok := c.tpl.TermExact(n, item.Symbol.Code, lang)
		if ok && strings.TrimSpace(t.Text()) == strings.TrimSpace(text) {
			return
		}
		if ok && expected == "" {
			expected = t.Text()
		}
	}
	if expected != "" {
		c.refuse(at, n, "ordinal-text", expected, text, "The symbol %s is called %q", item.Symbol.Code, expected)
	}
}

// state checks C_DV_STATE: the value is a state of the machine, and terminal
// only where the machine says so.
func (c *checker) state(id rm.ID, n template.NodeID, k *aom.State) {
	value := c.tree.TextAt(id, rminfo.A_value, rminfo.A_value)
	var names []string
	for _, s := range k.States {
		if s.Name == value {
			if end := c.tree.Child(id, rminfo.A_is_terminal); end != rm.None && c.tree.Bool(end) != s.Terminal {
				c.refuse(id, n, "state", "is_terminal = "+strconv.FormatBool(s.Terminal), strconv.FormatBool(!s.Terminal), "The state %q is terminal: %t", value, s.Terminal)
			}
			return
		}
		names = append(names, s.Name)
	}
	c.refuse(id, n, "state", listed(names), value, "The state %q must be one of: %s", value, listed(names))
}
