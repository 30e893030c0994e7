package build

import (
	"regexp"
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
)

// pattern narrows a text by an expression, dates and durations by their fields.
func (n *narrower) pattern() {
	p := n.primitive()
	if p == nil {
		n.misfit()
		return
	}
	want := n.value.Pattern
	switch item := p.Item.(type) {
	case *aom.String:
		if _, err := regexp.Compile(want); err != nil {
			n.add(n.where, n.at.path(), "source-pattern", "a regular expression", want, "%q is no regular expression", want)
			return
		}
		if item.HasPattern && item.Pattern != want || len(item.List) > 0 && !item.ListOpen {
			n.wider("source-pattern", "/"+item.Pattern+"/ "+strings.Join(item.List, ", "), "/"+want+"/")
			return
		}
		p.Item = &aom.String{Pattern: want, HasPattern: true, Assumed: item.Assumed}
	case *aom.Date:
		c := *item
		c.Pattern = n.fields(item.Pattern, want)
		p.Item = &c
	case *aom.Time:
		c := *item
		c.Pattern = n.fields(item.Pattern, want)
		p.Item = &c
	case *aom.DateTime:
		c := *item
		c.Pattern = n.fields(item.Pattern, want)
		p.Item = &c
	case *aom.Duration:
		c := *item
		if !letters(want, item.Pattern) {
			n.wider("source-pattern", item.Pattern, want)
			return
		}
		c.Pattern = want
		p.Item = &c
	default:
		n.misfit()
	}
}

var temporalPattern = regexp.MustCompile(`^(yyyy-(mm|\?\?|XX)-(dd|\?\?|XX))?T?((hh|HH|\?\?|XX):(mm|MM|\?\?|XX):(ss|SS|\?\?|XX))?$`)

// fields holds a pattern of dates and times against the archetype's: where that
// demands or forbids a field, so must this.
func (n *narrower) fields(old, want string) string {
	if want == "" || !temporalPattern.MatchString(want) || old != "" && len(old) != len(want) {
		n.add(n.where, n.at.path(), "source-pattern", "such as yyyy-mm-??", want, "%q is no pattern for %s", want, n.at.path())
		return old
	}
	for i := range old {
		if old[i] != '?' && !strings.EqualFold(old[i:i+1], want[i:i+1]) {
			n.wider("source-pattern", old, want)
			return old
		}
	}
	return want
}

// letters says whether a duration pattern has only the fields of another.
func letters(want, old string) bool {
	if !strings.HasPrefix(want, "P") {
		return false
	}
	if old == "" {
		return strings.Trim(want, "PYMWDTHS") == ""
	}
	date, clock, _ := strings.Cut(want[1:], "T")
	oldDate, oldClock, _ := strings.Cut(strings.TrimPrefix(old, "P"), "T")
	return strings.Trim(date, oldDate) == "" && strings.Trim(clock, oldClock) == ""
}

// choice keeps the coded or the uncoded alternative of a text.
func (n *narrower) choice() {
	name := n.object.Base().TypeName
	switch {
	case n.value.Choice == "coded" && name == "DV_TEXT":
		if len(n.textList()) > 0 {
			n.wider("source-choice", "a text of a list", "coded")
			return
		}
		n.attribute.Children = slices.DeleteFunc(n.attribute.Children, func(o aom.Object) bool { return o != n.object && o.Base().TypeName == "DV_CODED_TEXT" })
		n.replace(complexOf("DV_CODED_TEXT"))
	case n.value.Choice == "coded" && name == "DV_CODED_TEXT":
		n.attribute.Children = slices.DeleteFunc(n.attribute.Children, func(o aom.Object) bool { return o.Base().TypeName == "DV_TEXT" })
	case n.value.Choice == "text":
		i := slices.IndexFunc(n.attribute.Children, func(o aom.Object) bool { return o.Base().TypeName == "DV_TEXT" })
		if i < 0 {
			n.wider("source-choice", showTypes(n.attribute), "text")
			return
		}
		n.object = n.attribute.Children[i]
		n.attribute.Children = slices.DeleteFunc(n.attribute.Children, func(o aom.Object) bool { return o.Base().TypeName == "DV_CODED_TEXT" })
	}
}

func (n *narrower) textList() []string {
	list := attributesOf(n.object)
	if list == nil {
		return nil
	}
	if value := attributeNamed(*list, "value"); value != nil {
		if p, ok := only(value).(*aom.PrimitiveObject); ok {
			if s, ok := p.Item.(*aom.String); ok && !s.ListOpen {
				return s.List
			}
		}
	}
	return nil
}

// texts narrows a text to a list.
func (n *narrower) texts() {
	if name := n.object.Base().TypeName; name != "DV_TEXT" && name != "STRING" {
		n.misfit()
		return
	}
	p := n.primitive()
	if p == nil {
		n.misfit()
		return
	}
	old, ok := p.Item.(*aom.String)
	if !ok {
		n.misfit()
		return
	}
	if len(old.List) > 0 && !old.ListOpen {
		for _, t := range n.value.Texts {
			if !contains(old.List, t) {
				n.wider("source-texts", strings.Join(old.List, ", "), t)
				return
			}
		}
	}
	if old.HasPattern {
		re, err := regexp.Compile("^(?:" + old.Pattern + ")$")
		for _, t := range n.value.Texts {
			if err != nil || !re.MatchString(t) {
				n.wider("source-texts", "/"+old.Pattern+"/", t)
				return
			}
		}
	}
	if n.value.Open && (len(old.List) > 0 && !old.ListOpen || old.HasPattern) {
		n.wider("source-texts", strings.Join(old.List, ", "), "any text")
		return
	}
	p.Item = &aom.String{List: n.value.Texts, ListOpen: n.value.Open, Assumed: old.Assumed}
}

// codes narrows a coded text, or makes a text coded.
func (n *narrower) codes() {
	name := n.object.Base().TypeName
	switch {
	case name == "DV_TEXT":
		if len(n.textList()) > 0 {
			n.wider("source-codes", strings.Join(n.textList(), ", "), "codes")
			return
		}
		text := n.object
		made := complexOf("DV_CODED_TEXT")
		made.Occurrences = text.Base().Occurrences
		if n.value.Open {
			n.replace(made, text)
		} else {
			n.replace(made)
		}
	case name != "DV_CODED_TEXT" && name != "CODE_PHRASE":
		n.misfit()
		return
	case n.value.Open && !slices.ContainsFunc(n.attribute.Children, func(o aom.Object) bool { return o.Base().TypeName == "DV_TEXT" }):
		n.wider("source-codes", "coded", "open to any text")
		return
	}
	a, old := n.attribute, n.object
	if name != "CODE_PHRASE" {
		if a, old = n.inner("defining_code", complexOf("CODE_PHRASE")); a == nil {
			n.misfit()
			return
		}
	}
	base := old.Base()
	base.TypeName = "CODE_PHRASE"
	var made aom.Object
	if n.key == "valueset" {
		made = n.valueSet(old)
	} else {
		made = n.codeList(old)
	}
	if made != nil {
		*made.Base() = *base
		i := slices.Index(a.Children, old)
		a.Children[i] = made
		if name == "CODE_PHRASE" {
			n.object = made
		}
	}
}

func (n *narrower) valueSet(old aom.Object) aom.Object {
	v := n.value.ValueSet
	switch o := old.(type) {
	case *aom.CodePhrase:
		if len(o.Codes) > 0 || o.Terminology != "" && v.Terminology != "" && o.Terminology != v.Terminology {
			n.wider("source-codes", showCodes(o), "the value set "+v.URI)
			return nil
		}
	case *aom.CodeReference:
		if o.ReferenceSetURI != "" && o.ReferenceSetURI != v.URI {
			n.wider("source-codes", "the value set "+o.ReferenceSetURI, "the value set "+v.URI)
			return nil
		}
	}
	return &aom.CodeReference{CodePhrase: aom.CodePhrase{Terminology: v.Terminology}, ReferenceSetURI: v.URI}
}

func (n *narrower) codeList(old aom.Object) aom.Object {
	c := n.value.Codes
	terminology, list := "", []string(nil)
	switch o := old.(type) {
	case *aom.CodePhrase:
		terminology, list = o.Terminology, o.Codes
	case *aom.CodeReference:
		terminology = o.Terminology
	}
	out := &aom.CodePhrase{Terminology: c.Terminology}
	if out.Terminology == "" {
		if out.Terminology = terminology; out.Terminology == "" {
			out.Terminology = "local"
		}
	}
	if terminology != "" && terminology != out.Terminology {
		n.wider("source-codes", terminology+"::"+strings.Join(list, ", "), out.Terminology+"::"+strings.Join(codesOf(c.List), ", "))
		return nil
	}
	if phrase, ok := old.(*aom.CodePhrase); ok {
		out.Assumed = phrase.Assumed
	}
	for _, coded := range c.List {
		code := coded.Code
		if out.Terminology == "local" {
			if code = n.localCode(code, list); code == "" {
				return nil
			}
		}
		if len(list) > 0 && !contains(list, code) && !specialises(code, list) {
			n.wider("source-codes", out.Terminology+"::"+strings.Join(list, ", "), code)
			return nil
		}
		out.Codes = append(out.Codes, code)
		n.externalTerm(out.Terminology, coded)
	}
	if c.List == nil {
		out.Codes = slices.Clone(list)
	}
	for _, code := range c.Without {
		out.Codes = slices.DeleteFunc(out.Codes, func(o string) bool { return o == code || n.term(aom.Code{Terminology: "local", Code: o}) == code })
	}
	if len(out.Codes) == 0 && len(list) > 0 {
		n.add(n.where, n.at.path(), "source-codes", "at least one code", "none", "no code of %s is left", n.at.path())
		return nil
	}
	return out
}

// localCode finds a code of the archetype, by itself or by its term.
func (n *narrower) localCode(word string, list []string) string {
	a := n.archetypes[n.at.archetype().ArchetypeID]
	if _, ok := a.Term(word, a.OriginalLanguage.Code); ok {
		return word
	}
	for _, code := range list {
		if n.term(aom.Code{Terminology: "local", Code: code}) == word {
			return code
		}
	}
	n.add(n.where, n.at.path(), "source-codes", "a code of "+a.ID, word, "%s has no code or term %q; it has %s", n.at.path(), word, strings.Join(list, ", "))
	return ""
}

func specialises(code string, list []string) bool {
	return slices.ContainsFunc(list, func(general string) bool { return strings.HasPrefix(code, general+".") })
}

func codesOf(list []Coded) []string {
	var out []string
	for _, c := range list {
		out = append(out, c.Code)
	}
	return out
}

func showCodes(o *aom.CodePhrase) string {
	return o.Terminology + "::" + strings.Join(o.Codes, ", ")
}
