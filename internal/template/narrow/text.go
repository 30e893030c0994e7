package narrow

import (
	"regexp"
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/template/source"
	"github.com/quire-cdr/quire/internal/template/tree"
)

// pattern narrows a text by an expression, dates and durations by their fields.
func (n *Value) pattern() {
	p := n.primitive()
	if p == nil {
		n.misfit()
		return
	}
	want := n.value.Pattern
	switch item := p.Item.(type) {
	case *aom.String:
		if _, err := regexp.Compile(want); err != nil {
			n.Add(n.where, n.At.Path(), "source-pattern", "a regular expression", want, "%q is no regular expression", want)
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
func (n *Value) fields(old, want string) string {
	if want == "" || !temporalPattern.MatchString(want) || old != "" && len(old) != len(want) {
		n.Add(n.where, n.At.Path(), "source-pattern", "such as yyyy-mm-??", want, "%q is no pattern for %s", want, n.At.Path())
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
func (n *Value) choice() {
	name := n.Object.Base().TypeName
	switch {
	case n.value.Choice == "coded" && name == "DV_TEXT":
		if len(n.textList()) > 0 {
			n.wider("source-choice", "a text of a list", "coded")
			return
		}
		n.Attribute.Children = slices.DeleteFunc(n.Attribute.Children, func(o aom.Object) bool { return o != n.Object && o.Base().TypeName == "DV_CODED_TEXT" })
		n.replace(tree.Complex("DV_CODED_TEXT"))
	case n.value.Choice == "coded" && name == "DV_CODED_TEXT":
		n.Attribute.Children = slices.DeleteFunc(n.Attribute.Children, func(o aom.Object) bool { return o.Base().TypeName == "DV_TEXT" })
	case n.value.Choice == "text":
		i := slices.IndexFunc(n.Attribute.Children, func(o aom.Object) bool { return o.Base().TypeName == "DV_TEXT" })
		if i < 0 {
			n.wider("source-choice", tree.ShowTypes(n.Attribute), "text")
			return
		}
		n.Object = n.Attribute.Children[i]
		n.Attribute.Children = slices.DeleteFunc(n.Attribute.Children, func(o aom.Object) bool { return o.Base().TypeName == "DV_CODED_TEXT" })
	}
}

func (n *Value) textList() []string {
	list := tree.Attributes(n.Object)
	if list == nil {
		return nil
	}
	if value := tree.Attribute(*list, "value"); value != nil {
		if p, ok := tree.Only(value).(*aom.PrimitiveObject); ok {
			if s, ok := p.Item.(*aom.String); ok && !s.ListOpen {
				return s.List
			}
		}
	}
	return nil
}

// texts narrows a text to a list.
func (n *Value) texts() {
	if name := n.Object.Base().TypeName; name != "DV_TEXT" && name != "STRING" {
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
			if !slices.Contains(old.List, t) {
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
func (n *Value) codes() {
	name := n.Object.Base().TypeName
	switch {
	case name == "DV_TEXT":
		if len(n.textList()) > 0 {
			n.wider("source-codes", strings.Join(n.textList(), ", "), "codes")
			return
		}
		text := n.Object
		made := tree.Complex("DV_CODED_TEXT")
		made.Occurrences = text.Base().Occurrences
		if n.value.Open {
			n.replace(made, text)
		} else {
			n.replace(made)
		}
	case name != "DV_CODED_TEXT" && name != "CODE_PHRASE":
		n.misfit()
		return
	case n.value.Open && !slices.ContainsFunc(n.Attribute.Children, func(o aom.Object) bool { return o.Base().TypeName == "DV_TEXT" }):
		n.wider("source-codes", "coded", "open to any text")
		return
	}
	a, old := n.Attribute, n.Object
	if name != "CODE_PHRASE" {
		if a, old = n.inner("defining_code", tree.Complex("CODE_PHRASE")); a == nil {
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
			n.Object = made
		}
	}
}

func (n *Value) valueSet(old aom.Object) aom.Object {
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

func (n *Value) codeList(old aom.Object) aom.Object {
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
		if len(list) > 0 && !slices.Contains(list, code) && !specialises(code, list) {
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
		n.Add(n.where, n.At.Path(), "source-codes", "at least one code", "none", "no code of %s is left", n.At.Path())
		return nil
	}
	return out
}

// localCode finds a code of the archetype, by itself or by its term.
func (n *Value) localCode(word string, list []string) string {
	a := n.Archetypes[n.At.Archetype().ArchetypeID]
	if _, ok := a.Term(word, a.OriginalLanguage.Code); ok {
		return word
	}
	for _, code := range list {
		if n.term(aom.Code{Terminology: "local", Code: code}) == word {
			return code
		}
	}
	n.Add(n.where, n.At.Path(), "source-codes", "a code of "+a.ID, word, "%s has no code or term %q; it has %s", n.At.Path(), word, strings.Join(list, ", "))
	return ""
}

func specialises(code string, list []string) bool {
	return slices.ContainsFunc(list, func(general string) bool { return strings.HasPrefix(code, general+".") })
}

func codesOf(list []source.Coded) []string {
	var out []string
	for _, c := range list {
		out = append(out, c.Code)
	}
	return out
}

func showCodes(o *aom.CodePhrase) string {
	return o.Terminology + "::" + strings.Join(o.Codes, ", ")
}

// externalTerm gives a code of another terminology its text, as a term of the
// archetype with the code TERMINOLOGY::code; that is how OPT 1.4 carries them.
func (n *Value) externalTerm(terminology string, c source.Coded) {
	text := source.TextIn(c.Text, c.ByLanguage, n.Language)
	if text == "" || terminology == "local" || terminology == "openehr" {
		return
	}
	root := n.At.Archetype()
	code := terminology + "::" + c.Code
	if !slices.ContainsFunc(root.Terms, func(t aom.Term) bool { return t.Code == code }) {
		root.Terms = append(root.Terms, aom.Term{Code: code, Items: []aom.KeyValue{{Key: "text", Value: text}, {Key: "description", Value: text}}})
	}
}
