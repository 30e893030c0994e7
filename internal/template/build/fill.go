package build

import (
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// own gives a text in the template's own language.
func own(text string, byLanguage []aom.KeyValue, language string) string {
	for _, pair := range byLanguage {
		if pair.Key == language {
			return pair.Value
		}
	}
	if len(byLanguage) > 0 && text == "" {
		return byLanguage[0].Value
	}
	return text
}

// externalTerm gives a code of another terminology its text, as a term of the
// archetype with the code TERMINOLOGY::code; that is how OPT 1.4 carries them.
func (n *narrower) externalTerm(terminology string, c Coded) {
	text := own(c.Text, c.ByLanguage, n.language)
	if text == "" || terminology == "local" || terminology == "openehr" {
		return
	}
	root := n.at.archetype()
	code := terminology + "::" + c.Code
	if !slices.ContainsFunc(root.Terms, func(t aom.Term) bool { return t.Code == code }) {
		root.Terms = append(root.Terms, aom.Term{Code: code, Items: []aom.KeyValue{{Key: "text", Value: text}, {Key: "description", Value: text}}})
	}
}

// rename fixes the name of a node.
func (b *builder) rename(at cursor, name *Name, where place) {
	o := b.objectAt(at, where, "names")
	if o == nil {
		return
	}
	list := attributesOf(o)
	if b.s.FromTool && !class(o).Locatable() {
		m := b.mark(o)
		m.annotations = append(m.annotations, aom.KeyValue{Key: "label", Value: name.Text})
		return
	}
	if list == nil || !class(o).Locatable() {
		b.add(where, at.path(), "source-name", "a node with a name", o.Base().TypeName, "%s has no name to fix", at.path())
		return
	}
	names := name.Choice
	if text := own(name.Text, name.ByLanguage, b.language); text != "" {
		names = []string{text}
	}
	var attribute *aom.Attribute
	if old := attributeNamed(*list, "name"); old != nil && len(old.Children) > 0 {
		if attribute = b.narrowName(at, old, name, names, where); attribute == nil {
			return
		}
	} else if attribute = nameOf(names); names == nil {
		b.add(where, at.path(), "source-name", "a name", "", "%s is given no name", at.path())
		return
	}
	if i := slices.IndexFunc(*list, func(a *aom.Attribute) bool { return a.Name == "name" }); i >= 0 {
		(*list)[i] = attribute
	} else {
		*list = append([]*aom.Attribute{attribute}, *list...)
	}
	m := b.mark(o)
	m.named = true
	for _, pair := range name.ByLanguage {
		if pair.Key != b.language && len(names) > 0 && pair.Value != names[0] {
			m.annotations = append(m.annotations, aom.KeyValue{Key: "L10n." + pair.Key, Value: pair.Value})
		}
	}
}

func nameOf(names []string) *aom.Attribute {
	return single("name", complexOf("DV_TEXT", single("value", primitiveOf("STRING", &aom.String{List: names}))))
}

// narrowName holds a name against what the archetype says of names: a list of
// texts, or codes whose terms are the names.
func (b *builder) narrowName(at cursor, old *aom.Attribute, name *Name, names []string, where place) *aom.Attribute {
	var allowed []string
	for _, child := range old.Children {
		inner := attributesOf(child)
		if inner == nil {
			continue
		}
		if value := attributeNamed(*inner, "value"); value != nil {
			if p, ok := only(value).(*aom.PrimitiveObject); ok {
				if s, ok := p.Item.(*aom.String); ok && !s.ListOpen {
					allowed = append(allowed, s.List...)
				}
			}
		}
		if code := attributeNamed(*inner, "defining_code"); code != nil {
			if phrase, ok := only(code).(*aom.CodePhrase); ok && phrase.Terminology == "local" {
				if kept := b.nameCodes(at, phrase, name, names); kept != nil {
					return single("name", complexOf("DV_CODED_TEXT", single("defining_code",
						&aom.CodePhrase{ObjectBase: phrase.ObjectBase, Terminology: "local", Codes: kept})))
				}
				for _, c := range phrase.Codes {
					t, _ := b.archetypes[at.archetype().ArchetypeID].Term(c, b.language)
					allowed = append(allowed, t.Text())
				}
			}
		}
	}
	for _, n := range names {
		if len(allowed) > 0 && !contains(allowed, n) {
			b.add(where, at.path(), "source-name", strings.Join(allowed, ", "), n, "the name %q of %s is not among %s", n, at.path(), strings.Join(allowed, ", "))
			return nil
		}
	}
	if names == nil {
		b.add(where, at.path(), "source-name", "coded names", "", "%s has no coded names to choose from", at.path())
		return nil
	}
	return nameOf(names)
}

// nameCodes are the codes a coded name is narrowed to, nil when the names given
// are not terms of the codes.
func (b *builder) nameCodes(at cursor, phrase *aom.CodePhrase, name *Name, names []string) []string {
	var out []string
	for _, code := range phrase.Codes {
		t, _ := b.archetypes[at.archetype().ArchetypeID].Term(code, b.language)
		taken := contains(name.Codes, code) || contains(names, t.Text())
		if name.Without != nil {
			taken = !contains(name.Without, code) && !contains(name.Without, t.Text())
		}
		if taken {
			out = append(out, code)
		}
	}
	if name.Without == nil && len(out) < len(names)+len(name.Codes) {
		return nil
	}
	return out
}

// nullFlavours limits the null flavours of an ELEMENT to codes of openEHR.
func (b *builder) nullFlavours(at cursor, e *Entry) {
	where := e.at("null_flavours")
	o := b.objectAt(at, where, "null_flavours")
	if o == nil {
		return
	}
	list := attributesOf(o)
	if list == nil || class(o) != rminfo.ELEMENT {
		b.add(where, at.path(), "source-value", "an ELEMENT", o.Base().TypeName, "null flavours belong to an ELEMENT")
		return
	}
	attribute := attributeNamed(*list, "null_flavour")
	if attribute == nil {
		attribute = single("null_flavour", complexOf("DV_CODED_TEXT"))
		attribute.Existence.Min = 0
		*list = append(*list, attribute)
	}
	v := &Value{Codes: &Codes{Terminology: "openehr"}}
	for _, code := range e.NullFlavours {
		v.Codes.List = append(v.Codes.List, Coded{Code: code})
	}
	lines := map[string]place{"codes": where}
	b.narrow(at.to(stop{attribute, nil, o}), attribute, only(attribute), v, &Entry{place: where, lines: lines})
}

// setDefault gives a place the value that forms put into new data. The value
// must be one the template allows.
func (b *builder) setDefault(at cursor, a *aom.Attribute, d *Default, e *Entry) {
	where := e.at("default")
	o := only(a)
	if o == nil {
		for _, child := range a.Children {
			if d.fits(child) {
				o = child
				break
			}
		}
	}
	owner := at.last().object
	if owner == nil || class(owner) != rminfo.ELEMENT {
		owner = at.last().owner
	}
	if o == nil || owner == nil {
		b.add(where, at.path(), "source-default", "one value", showTypes(a), "a default of %s needs one class of value; say types", at.path())
		return
	}
	n := &narrower{builder: b, at: at, attribute: a, object: o, entry: e, key: "default", where: where}
	value := n.defaultValue(d)
	if value == nil {
		n.add(where, at.path(), "source-default", "a value of "+o.Base().TypeName+" which the template allows", d.show(), "the default %s does not fit %s", d.show(), at.path())
		return
	}
	m := b.mark(owner)
	m.defaults = append(m.defaults, aom.DefaultAttribute{Name: a.Name, Children: []aom.DefaultObject{{
		ComplexObject: aom.ComplexObject{ObjectBase: aom.ObjectBase{TypeName: value.Type, Occurrences: once}}, Default: value}}})
}

func (d *Default) show() string {
	return strings.TrimSpace(strings.Join([]string{d.Text, d.Magnitude, d.Units, d.Terminology, d.Code}, " "))
}

// fits says whether a default is of the form a class needs.
func (d *Default) fits(o aom.Object) bool {
	switch o.Base().TypeName {
	case "DV_QUANTITY":
		return d.structured && d.Units != ""
	case "DV_CODED_TEXT":
		return d.Code != "" || !d.structured && atCode.MatchString(d.Text)
	case "DV_TEXT":
		return !d.structured && !atCode.MatchString(d.Text)
	}
	return false
}

func member(name string, v *aom.Value) aom.Member { return aom.Member{Name: name, Value: v} }

func text(s string) *aom.Value { return &aom.Value{Text: s} }

func codeMembers(c aom.Code) *aom.Value {
	return &aom.Value{Members: []aom.Member{
		member("terminology_id", &aom.Value{Members: []aom.Member{member("value", text(c.Terminology))}}), member("code_string", text(c.Code))}}
}

// defaultValue makes the value, nil when it does not fit the constraint.
func (n *narrower) defaultValue(d *Default) *aom.Value {
	name := n.object.Base().TypeName
	out := &aom.Value{Type: name}
	switch name {
	case "DV_TEXT":
		if list := n.textList(); len(list) > 0 && !contains(list, d.Text) {
			return nil
		}
		out.Members = []aom.Member{member("value", text(d.Text))}
	case "DV_CODED_TEXT":
		return n.defaultCode(d)
	case "DV_QUANTITY":
		q, ok := n.object.(*aom.Quantity)
		if _, number := number(d.Magnitude); !number || d.Units == "" {
			return nil
		}
		if ok && len(q.Items) > 0 {
			i := slices.IndexFunc(q.Items, func(q aom.QuantityItem) bool { return q.Units == d.Units })
			if i < 0 || !order(byNumber).holds(d.Magnitude, q.Items[i].Magnitude) {
				return nil
			}
		}
		out.Members = []aom.Member{member("magnitude", text(d.Magnitude)), member("units", text(d.Units))}
	case "DV_ORDINAL":
		return n.defaultOrdinal(d)
	case "DV_COUNT":
		if p := n.primitive(); p == nil || !holdsInteger(p.Item, d.Text) {
			return nil
		}
		out.Members = []aom.Member{member("magnitude", text(d.Text))}
	case "DV_BOOLEAN", "DV_DATE", "DV_TIME", "DV_DATE_TIME", "DV_DURATION", "DV_URI", "DV_EHR_URI":
		if d.Text == "" || name == "DV_BOOLEAN" && d.Text != "true" && d.Text != "false" {
			return nil
		}
		out.Members = []aom.Member{member("value", text(d.Text))}
	default:
		return nil
	}
	return out
}

func holdsInteger(item aom.Primitive, value string) bool {
	i, ok := item.(*aom.Integer)
	return ok && (len(i.List) == 0 || contains(i.List, value)) && order(byNumber).holds(value, i.Range)
}

func (n *narrower) defaultCode(d *Default) *aom.Value {
	code := aom.Code{Terminology: d.Terminology, Code: d.Code}
	if !d.structured {
		code.Code = d.Text
	}
	rubric := d.Term
	if list := attributesOf(n.object); list != nil {
		if a := attributeNamed(*list, "defining_code"); a != nil {
			if phrase, ok := only(a).(*aom.CodePhrase); ok {
				if code.Terminology == "" {
					code.Terminology = phrase.Terminology
				}
				if phrase.Terminology != "" && phrase.Terminology != code.Terminology || len(phrase.Codes) > 0 && !contains(phrase.Codes, code.Code) {
					return nil
				}
			}
		}
	}
	if code.Terminology == "" {
		code.Terminology = "local"
	}
	if rubric == "" {
		rubric = n.term(code)
	}
	for _, t := range n.at.archetype().Terms {
		if t.Code == code.Terminology+"::"+code.Code && rubric == "" {
			rubric = t.Text()
		}
	}
	if code.Code == "" || rubric == "" {
		return nil
	}
	return &aom.Value{Type: "DV_CODED_TEXT", Members: []aom.Member{member("value", text(rubric)), member("defining_code", codeMembers(code))}}
}

func (n *narrower) defaultOrdinal(d *Default) *aom.Value {
	o, ok := n.object.(*aom.Ordinal)
	if !ok {
		return nil
	}
	for _, item := range o.Items {
		if item.Value == d.Text || item.Symbol.Code == d.Text || item.Symbol.Code == d.Code {
			symbol := &aom.Value{Members: []aom.Member{member("value", text(n.term(item.Symbol))), member("defining_code", codeMembers(item.Symbol))}}
			return &aom.Value{Type: "DV_ORDINAL", Members: []aom.Member{member("value", text(item.Value)), member("symbol", symbol)}}
		}
	}
	return nil
}
