package compose

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/simplified/shape"
	"github.com/quire-cdr/quire/internal/simplified/syntax"
	"github.com/quire-cdr/quire/internal/simplified/webtemplate"
)

// typeOf is the _type of canonical JSON.
func typeOf(text string) (string, bool) {
	var head struct {
		Type *string `json:"_type"`
	}
	if json.Unmarshal([]byte(text), &head) != nil || head.Type == nil {
		return "", false
	}
	name, _, _ := strings.Cut(*head.Type, "<")
	return name, true
}

// classOf is the class of an object by its keys: |_type where it is written,
// else what the declared class and the keys allow to infer.
func (c *composer) classOf(n *webtemplate.Node, declared rminfo.Class, attr rminfo.Attr, it *syntax.Item) (rminfo.Class, bool) {
	has := func(suffix string) bool { _, ok := it.Value(suffix); return ok }
	if v, ok := it.Value("_type"); ok {
		class, known := rminfo.ClassByName(v.Text)
		if !known || class.Abstract() || !class.IsA(declared) {
			c.issue(n, it.KeyOf("_type"), "class-not-allowed", declared.Name(), v.Text, "another class is needed here")
			return 0, false
		}
		return class, true
	}
	switch declared {
	case rminfo.PARTY_PROXY, rminfo.PARTY_IDENTIFIED:
		switch {
		case it.Find("relationship") != nil || it.Find("_relationship") != nil:
			return rminfo.PARTY_RELATED, true
		case declared == rminfo.PARTY_PROXY && attr == rminfo.A_subject && !has("name") && it.Find("_identifier") == nil:
			return rminfo.PARTY_SELF, true
		}
		return rminfo.PARTY_IDENTIFIED, true
	case rminfo.DV_TEXT:
		if has("code") || has("terminology") || has("terminology_id") || has("preferred_term") {
			return rminfo.DV_CODED_TEXT, true
		}
	case rminfo.DV_ORDERED:
		c.issue(n, it.Key(), "class-unknown", "|_type, such as DV_QUANTITY", "no class", "the class of the bounds is not known")
		return 0, false
	}
	if has("other") && declared != rminfo.DV_TEXT {
		return c.otherText(n, declared, it)
	}
	return declared, true
}

// otherText checks |other: only where the template allows free text beside the
// codes, and never together with a code.
func (c *composer) otherText(n *webtemplate.Node, declared rminfo.Class, it *syntax.Item) (rminfo.Class, bool) {
	if n == nil || !n.Other || n.Class != declared {
		c.issue(n, it.KeyOf("other"), "other-closed", "one of the template's codes", "|other", "the template allows no text outside its list")
		return 0, false
	}
	for _, v := range it.Values {
		if v.Suffix != "other" && v.Suffix != "formatting" {
			c.invalid = true
			c.issue(n, it.KeyOf("other"), "other-alone", "|other without |"+v.Suffix, "both", "a value is coded or free text, not both")
			return 0, false
		}
	}
	return rminfo.DV_TEXT, true
}

// suffix takes over one value of an object.
func (c *composer) suffix(o *object, it *syntax.Item, v syntax.Value) {
	if v.Suffix == "_type" {
		return
	}
	if special := specials[o.class]; special != nil && special(c, o, it, v) {
		return
	}
	path := shape.Of(o.class).Suffix(v.Suffix)
	if path == nil {
		if v.Suffix == "" && o.web != nil && len(o.web.Children) > 0 {
			c.noValue(o.web, it)
			return
		}
		c.unknownSuffix(o.web, it, v, shape.Of(o.class).Suffixes())
		return
	}
	at := c.descend(o, path)
	f := path[len(path)-1]
	declared, _ := at.class.Attribute(f.Attr)
	if at.class == 0 {
		declared.Type = rminfo.String
	}
	c.scalar(at, f.Attr, declared.Type, it, v)
}

// scalar sets a scalar attribute, by the form its class has in JSON. Numbers and
// truth values may come as text.
func (c *composer) scalar(o *object, attr rminfo.Attr, class rminfo.Class, it *syntax.Item, v syntax.Value) {
	if o.has(attr) {
		c.invalid = true
		c.issue(o.web, it.KeyOf(v.Suffix), "key-duplicate", "one value", "two", "the same value is given by two keys")
		return
	}
	switch class.Scalar() {
	case rminfo.Number:
		text := strings.TrimSpace(v.Text)
		if whole, fraction, ok := strings.Cut(text, "."); ok && class != rminfo.Real && strings.Trim(fraction, "0") == "" {
			text = whole // some tools write every number as 2.0
		}
		if v.Kind == syntax.Boolean || !isNumber(text, class) {
			c.issue(o.web, it.KeyOf(v.Suffix), "type", numberName(class), kindOf(v), "a number is needed here")
			return
		}
		o.number(attr, text)
	case rminfo.Bool:
		if v.Text != "true" && v.Text != "false" || v.Kind == syntax.Number {
			c.issue(o.web, it.KeyOf(v.Suffix), "type", "true or false", kindOf(v), "a truth value is needed here")
			return
		}
		o.boolean(attr, v.Text == "true")
	default:
		if v.Kind != syntax.String && !textual(v) {
			c.issue(o.web, it.KeyOf(v.Suffix), "type", "text", kindOf(v), "text is needed here")
			return
		}
		o.add(kid{attr: attr, kind: rm.String, text: v.Text})
	}
}

// textual lets a number stand for text, as codes and identifiers are written by
// some tools.
func textual(v syntax.Value) bool { return v.Kind == syntax.Number }

func kindOf(v syntax.Value) string {
	switch v.Kind {
	case syntax.Number:
		return "a number"
	case syntax.Boolean:
		return "a truth value"
	case syntax.Raw:
		return "canonical JSON"
	}
	return "text"
}

func numberName(class rminfo.Class) string {
	if class == rminfo.Real {
		return "a number"
	}
	return "a whole number"
}

// isNumber checks the JSON form of a number, without exponent and fraction for
// whole ones.
func isNumber(text string, class rminfo.Class) bool {
	if text == "" || !json.Valid([]byte(text)) || text[0] != '-' && (text[0] < '0' || text[0] > '9') {
		return false
	}
	if class == rminfo.Real {
		return len(text) <= 40
	}
	_, err := strconv.ParseInt(text, 10, 64)
	return err == nil
}
