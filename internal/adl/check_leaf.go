package adl

import (
	"slices"
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
)

// leaf checks codes, ranges and assumed values (VOBAV) of primitives and domain
// types.
func (c *checker) leaf(o aom.Object, path string) {
	switch o := o.(type) {
	case *aom.PrimitiveObject:
		c.primitive(o, path)
	case *aom.CodePhrase:
		c.codes(o, path)
	case *aom.Ordinal:
		c.ordinals(o, path, o.Items, o.Assumed)
	case *aom.Scale:
		c.ordinals(o, path, o.Items, o.Assumed)
	case *aom.Quantity:
		c.quantity(o, path)
	}
}

func (c *checker) codes(o *aom.CodePhrase, path string) {
	if o.Terminology == "local" {
		for _, code := range o.Codes {
			c.term(o, path, code)
		}
	}
	if o.Assumed != nil && len(o.Codes) > 0 && !slices.Contains(o.Codes, o.Assumed.Code) {
		c.assumed(o, path, o.Assumed.Code)
	}
}

func (c *checker) assumed(o aom.Object, path, value string) {
	c.at(o, path, "VOBAV", "a value the constraint allows", value, "the assumed value %s is not allowed", value)
}

func (c *checker) ordinals(o aom.Object, path string, items []aom.OrdinalItem, assumed *aom.Value) {
	seen := map[string]bool{}
	found := assumed == nil || len(items) == 0
	for _, item := range items {
		if item.Symbol.Terminology == "local" {
			c.term(o, path, item.Symbol.Code)
		}
		if seen[item.Symbol.Code] {
			c.at(o, path, "VARDF", "each symbol once", item.Symbol.Code, "the symbol %s stands there twice", item.Symbol.Code)
		}
		seen[item.Symbol.Code] = true
		found = found || item.Value == assumed.TextAt("value")
	}
	if !found {
		c.assumed(o, path, assumed.TextAt("value"))
	}
}

func (c *checker) quantity(o *aom.Quantity, path string) {
	units := map[string]bool{}
	for _, item := range o.Items {
		if units[item.Units] {
			c.at(o, path, "VARDF", "each unit once", item.Units, "the unit %s stands there twice", item.Units)
		}
		units[item.Units] = true
		c.bounds(o, path, item.Magnitude)
		c.bounds(o, path, item.Precision)
	}
	if o.Assumed == nil || len(o.Items) == 0 {
		return
	}
	for _, item := range o.Items {
		if item.Units == o.Assumed.TextAt("units") && (item.Magnitude == nil || inside(item.Magnitude, o.Assumed.TextAt("magnitude"))) {
			return
		}
	}
	c.assumed(o, path, o.Assumed.TextAt("magnitude")+" "+o.Assumed.TextAt("units"))
}

func (c *checker) primitive(o *aom.PrimitiveObject, path string) {
	switch item := o.Item.(type) {
	case *aom.String:
		if item.Assumed != nil && len(item.List) > 0 && !item.ListOpen && !slices.Contains(item.List, *item.Assumed) {
			c.assumed(o, path, *item.Assumed)
		}
	case *aom.Integer:
		c.numbers(o, path, item.List, item.Range, item.Assumed)
	case *aom.Real:
		c.numbers(o, path, item.List, item.Range, item.Assumed)
	case *aom.Boolean:
		if item.Assumed != nil && (*item.Assumed && !item.TrueValid || !*item.Assumed && !item.FalseValid) {
			c.assumed(o, path, strconv.FormatBool(*item.Assumed))
		}
	}
}

func (c *checker) numbers(o aom.Object, path string, list []string, bounds *aom.Interval, assumed *string) {
	c.bounds(o, path, bounds)
	if assumed == nil {
		return
	}
	if bounds != nil && !inside(bounds, *assumed) || len(list) > 0 && !slices.ContainsFunc(list, func(v string) bool { return float(v) == float(*assumed) }) {
		c.assumed(o, path, *assumed)
	}
}

// bounds says that an interval of numbers is not empty.
func (c *checker) bounds(o aom.Object, path string, i *aom.Interval) {
	if i == nil || i.LowerUnbounded || i.UpperUnbounded {
		return
	}
	lower, upper := float(i.Lower), float(i.Upper)
	if lower > upper || lower == upper && !(i.LowerIncluded && i.UpperIncluded) {
		c.at(o, path, "VARDF", "lower <= upper", i.Lower+".."+i.Upper, "the interval %s..%s holds nothing", i.Lower, i.Upper)
	}
}

func inside(i *aom.Interval, text string) bool {
	v := float(text)
	above := i.LowerUnbounded || v > float(i.Lower) || i.LowerIncluded && v == float(i.Lower)
	below := i.UpperUnbounded || v < float(i.Upper) || i.UpperIncluded && v == float(i.Upper)
	return above && below
}

// float is enough here: the texts have been read as numbers.
func float(text string) float64 {
	v, _ := strconv.ParseFloat(strings.TrimPrefix(text, "+"), 64)
	return v
}

// ontology checks terms, languages and bindings.
func (c *checker) ontology() {
	a := c.a
	original := a.OriginalLanguage.Code
	if original != "" && !slices.Contains(a.Languages(), original) {
		c.on("ontology/term_definitions", "VARON", "terms in "+original, "", "there are no terms in the original language %s", original)
	}
	for _, t := range a.Translations {
		if !slices.Contains(a.Languages(), t.Language.Code) {
			c.on("ontology/term_definitions", "VONLC", "terms in "+t.Language.Code, "", "there are no terms in the translation %s", t.Language.Code).Warning = true
		}
	}
	for _, sets := range [][]aom.LanguageTerms{a.Ontology.Terms, a.Ontology.Constraints} {
		c.translations(sets, original)
	}
	for _, set := range a.Ontology.Bindings {
		for _, item := range set.Items {
			c.bound("term_bindings["+set.Terminology+"]", item.Code)
		}
	}
	for _, set := range a.Ontology.ConstraintBindings {
		for _, item := range set.Items {
			c.bound("constraint_bindings["+set.Terminology+"]", item.Key)
		}
	}
}

// translations compares each language's codes with the original's.
func (c *checker) translations(sets []aom.LanguageTerms, original string) {
	codes := map[string]bool{}
	for _, set := range sets {
		if set.Language != original {
			continue
		}
		for _, t := range set.Terms {
			codes[t.Code] = true
			if !c.used[t.Code] {
				c.on("ontology", "WOUC", "a node with "+t.Code, "", "the code %s is defined and not used", t.Code).Warning = true
			}
		}
	}
	for _, set := range sets {
		missing := len(codes)
		for _, t := range set.Terms {
			if codes[t.Code] {
				missing--
			} else if set.Language != original {
				c.on("ontology["+set.Language+"]", "VONLC", "a code of the original language", t.Code, "the code %s has no term in the original language", t.Code).Warning = true
			}
		}
		if missing > 0 {
			c.on("ontology["+set.Language+"]", "VONLC", strconv.Itoa(len(codes))+" terms", strconv.Itoa(len(codes)-missing), "%d terms are not translated to %s", missing, set.Language).Warning = true
		}
	}
}

// bound says that what is bound to a terminology is there: a code or a path.
func (c *checker) bound(where, key string) {
	original := c.a.OriginalLanguage.Code
	_, isTerm := c.a.Term(key, original)
	_, isConstraint := c.a.ConstraintTerm(key, original)
	if isTerm || isConstraint || strings.HasPrefix(key, "/") && c.a.Node(key) != nil {
		return
	}
	c.on("ontology/"+where, "VOTB", "a code or path of this archetype", key, "%s is bound and is neither a code nor a path here", key).Warning = true
}
