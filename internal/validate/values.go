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
)

// constrain checks a value against a primitive or domain constraint.
func (c *checker) constrain(id rm.ID, n template.NodeID, constraint aom.Constraint) {
	switch k := constraint.(type) {
	case *aom.String:
		c.stringValue(id, n, k)
	case *aom.Integer:
		c.number(id, n, k.List, k.Range)
	case *aom.Real:
		c.number(id, n, k.List, k.Range)
	case *aom.Boolean:
		c.boolean(id, n, k)
	case *aom.Date:
		c.date(id, n, k)
	case *aom.Time:
		c.time(id, n, k)
	case *aom.DateTime:
		c.dateTime(id, n, k)
	case *aom.Duration:
		c.duration(id, n, k)
	case *aom.CodePhrase:
		c.codePhrase(id, n, k)
	case *aom.CodeReference:
		if len(k.Codes) > 0 {
			c.codePhrase(id, n, &k.CodePhrase) // the value set is written out
		} else {
			c.reference(id, n, k.ReferenceSetURI)
		}
	case *aom.ConstraintRef:
		c.constraintReference(id, n, k)
	case *aom.Quantity:
		c.quantity(id, n, k)
	case *aom.Ordinal:
		c.ordinal(id, n, k.Items)
	case *aom.Scale:
		c.ordinal(id, n, k.Items)
	case *aom.State:
		c.state(id, n, k)
	}
}

// longestWord is how much of a value or list a message repeats; found and
// expected hold it whole.
const longestWord = 300

// refuse reports a value that its constraint does not allow.
func (c *checker) refuse(at rm.ID, n template.NodeID, rule, expected, found, format string, args ...any) {
	for i, arg := range args {
		if text, ok := arg.(string); ok && len(text) > longestWord {
			args[i] = text[:longestWord] + "..."
		}
	}
	message := strings.ToValidUTF8(fmt.Sprintf(format, args...), "")
	c.add(finding{at: at, node: n, rule: "value-" + rule, expected: expected, found: found, message: message})
}

func (c *checker) stringValue(id rm.ID, n template.NodeID, k *aom.String) {
	value := c.tree.Text(id)
	if c.tree.Attr(id) == rminfo.A_action_archetype_id && strings.Trim(value, "/") == strings.Trim(k.Pattern, "/") {
		return // the value is an expression itself: the one the template wants
	}
	if k.HasPattern && k.Pattern != "" && !c.tpl.MatchesPattern(n, value) {
		c.refuse(id, n, "pattern", "/"+k.Pattern+"/", value, "The value %q does not match the pattern /%s/", value, k.Pattern)
	}
	if len(k.List) > 0 && !k.ListOpen && !slices.Contains(k.List, value) {
		c.refuse(id, n, "list", listed(k.List), value, "The value %q must be one of: %s", value, listed(k.List))
	}
}

func listed(list []string) string {
	if len(list) > 20 {
		return strings.Join(list[:20], ", ") + ", ..."
	}
	return strings.Join(list, ", ")
}

func (c *checker) number(id rm.ID, n template.NodeID, list []string, limits *aom.Interval) {
	value := c.tree.Text(id)
	if len(list) > 0 && !slices.ContainsFunc(list, func(v string) bool { return compareDecimal(v, value) == 0 }) {
		c.refuse(id, n, "list", listed(list), value, "The value %s must be one of: %s", value, listed(list))
	}
	c.within(id, n, value, limits)
}

// within compares a number with a range.
func (c *checker) within(id rm.ID, n template.NodeID, value string, limits *aom.Interval) {
	if limits == nil || numberWithin(value, limits) {
		return
	}
	shown := value
	if c.tree.Class(id) == rminfo.Real && !strings.ContainsAny(value, ".eE") {
		shown += ".0"
	}
	c.refuse(id, n, "range", rangeText(limits), value, "The value %s must be %s", shown, rangeWords(limits))
}

func numberWithin(value string, limits *aom.Interval) bool {
	if !limits.LowerUnbounded {
		if d := compareDecimal(value, limits.Lower); d < 0 || d == 0 && !limits.LowerIncluded {
			return false
		}
	}
	if !limits.UpperUnbounded {
		if d := compareDecimal(value, limits.Upper); d > 0 || d == 0 && !limits.UpperIncluded {
			return false
		}
	}
	return true
}

func rangeText(i *aom.Interval) string {
	lower, upper := "*", "*"
	if !i.LowerUnbounded {
		lower = i.Lower
		if !i.LowerIncluded {
			lower = ">" + lower
		}
	}
	if !i.UpperUnbounded {
		upper = i.Upper
		if !i.UpperIncluded {
			upper = "<" + upper
		}
	}
	return lower + ".." + upper
}

func rangeWords(i *aom.Interval) string {
	var words []string
	if !i.LowerUnbounded {
		word := "at least "
		if !i.LowerIncluded {
			word = "greater than "
		}
		words = append(words, word+strings.TrimSuffix(i.Lower, ".0"))
	}
	if !i.UpperUnbounded {
		word := "at most "
		if !i.UpperIncluded {
			word = "less than "
		}
		words = append(words, word+strings.TrimSuffix(i.Upper, ".0"))
	}
	return strings.Join(words, " and ")
}

func (c *checker) boolean(id rm.ID, n template.NodeID, k *aom.Boolean) {
	value := c.tree.Bool(id)
	if value && !k.TrueValid || !value && !k.FalseValid {
		c.refuse(id, n, "boolean", strconv.FormatBool(!value), strconv.FormatBool(value), "The value %t is not allowed", value)
	}
}

// derived checks constraints on functions of the reference model.
func (c *checker) derived(id rm.ID, n template.NodeID, a *aom.Attribute) {
	if a.Name != "is_integral" || c.tree.Class(id) != rminfo.DV_PROPORTION {
		return
	}
	for _, child := range a.Children {
		object, _ := child.(*aom.PrimitiveObject)
		if object == nil {
			continue
		}
		k, _ := object.Item.(*aom.Boolean)
		if k == nil {
			continue
		}
		integral := isIntegral(c.tree.TextAt(id, rminfo.A_numerator)) && isIntegral(c.tree.TextAt(id, rminfo.A_denominator))
		if integral && !k.TrueValid || !integral && !k.FalseValid {
			c.refuse(id, n, "integral", "is_integral = "+strconv.FormatBool(!integral), strconv.FormatBool(integral),
				"The proportion must have %s", map[bool]string{true: "parts that are not whole", false: "whole parts"}[integral])
		}
	}
}
