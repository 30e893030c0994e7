package adl

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/fault"
)

// Write prints an archetype in ADL 1.4. Terms stand as comments beside their
// codes; Read gives the same archetype back. The error is a *fault.Error of kind
// Invalid for what ADL 1.4 cannot say, such as a state machine.
func Write(w io.Writer, a *Archetype) error {
	p := &printer{out: bufio.NewWriter(w), a: a}
	p.archetype()
	if p.err != nil {
		return p.err
	}
	return p.out.Flush()
}

type printer struct {
	out   *bufio.Writer
	a     *Archetype
	level int
	err   error
}

func (p *printer) line(format string, args ...any) {
	if p.err != nil {
		return
	}
	text := format
	if len(args) > 0 {
		text = fmt.Sprintf(format, args...)
	}
	if text != "" {
		text = strings.Repeat("\t", p.level) + text
	}
	if _, err := p.out.WriteString(text + "\n"); err != nil {
		p.err = err
	}
}

func (p *printer) refuse(what string) {
	if p.err == nil {
		p.err = fault.New(fault.Invalid, "adl-not-writable", "ADL 1.4 cannot say this: %s", what)
	}
}

// block writes opening, content one level deeper, closing.
func (p *printer) block(opening, closing string, content func()) {
	p.line("%s", opening)
	p.level++
	content()
	p.level--
	p.line("%s", closing)
}

// section writes a heading after an empty line.
func (p *printer) section(name string, content func()) {
	p.line("")
	p.block(name, "", content)
}

func (p *printer) archetype() {
	a := p.a
	var meta []string
	add := func(key, val string) {
		if strings.ContainsAny(val, ";)\n\" ") {
			val = quote(val)
		}
		meta = append(meta, key+"="+val)
	}
	if a.ADLVersion != "" {
		add("adl_version", a.ADLVersion)
	}
	if a.UID != "" {
		add("uid", a.UID)
	}
	if a.Controlled != nil {
		meta = append(meta, map[bool]string{true: "controlled", false: "uncontrolled"}[*a.Controlled])
	}
	for _, m := range a.Metadata {
		if m.Value == "" {
			meta = append(meta, m.Key)
		} else {
			add(m.Key, m.Value)
		}
	}
	opening := "archetype"
	if len(meta) > 0 {
		opening += " (" + strings.Join(meta, "; ") + ")"
	}
	p.block(opening, "", func() { p.line("%s", a.ID) })
	if a.ParentID != "" {
		p.block("specialise", "", func() { p.line("%s", a.ParentID) })
	}
	p.block("concept", "", func() { p.line("[%s]%s", a.Concept, p.comment(a.Concept)) })
	p.block("language", "", p.language)
	if a.Description != nil {
		p.block("description", "", func() { p.description(a.Description) })
	}
	p.block("definition", "", func() {
		if a.Definition == nil {
			p.refuse("an archetype without a definition")
			return
		}
		p.object(a.Definition)
	})
	if len(a.Invariants) > 0 {
		p.block("invariant", "", func() { p.assertions(a.Invariants) })
	}
	p.block("ontology", "", p.ontology)
	if len(a.Annotations) > 0 {
		p.section("annotations", p.annotations)
	}
	if a.RevisionHistory != "" {
		// The text is the author's own; its lines are not moved.
		p.section("revision_history", func() { p.level = 0; p.line("%s", a.RevisionHistory); p.level = 1 })
	}
}

// comment is the term of a code, for people.
func (p *printer) comment(code string) string {
	t, ok := p.a.Term(code, p.a.OriginalLanguage.Code)
	if !ok || t.Text() == "" {
		return ""
	}
	return "\t-- " + strings.Join(strings.Fields(t.Text()), " ")
}

var quoting = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\r", `\r`)

func quote(s string) string { return `"` + quoting.Replace(s) + `"` }

func (p *printer) text(name, s string) {
	if s != "" {
		p.line("%s = <%s>", name, quote(s))
	}
}

func (p *printer) texts(name string, list []string) {
	if len(list) == 0 {
		return
	}
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = quote(s)
	}
	// A list of one is written like a text: they read the same.
	p.line("%s = <%s>", name, strings.Join(quoted, ", "))
}

func (p *printer) pairs(name string, pairs []aom.KeyValue) {
	if len(pairs) == 0 {
		return
	}
	p.block(name+" = <", ">", func() {
		for _, pair := range pairs {
			p.line("[%s] = <%s>", quote(pair.Key), quote(pair.Value))
		}
	})
}

func bracketed(c aom.Code) string {
	switch {
	case c.Terminology == "" && addressForm.MatchString(c.Code):
		return c.Code
	case c.Terminology == "":
		return "[" + c.Code + "]"
	}
	return "[" + c.Terminology + "::" + c.Code + "]"
}

func (p *printer) code(name string, c aom.Code) { p.line("%s = <%s>", name, bracketed(c)) }

// keyed writes ["key"] = < ... >.
func (p *printer) keyed(key string, content func()) {
	p.block("["+quote(key)+"] = <", ">", content)
}

func (p *printer) language() {
	p.code("original_language", p.a.OriginalLanguage)
	if len(p.a.Translations) == 0 {
		return
	}
	p.block("translations = <", ">", func() {
		for _, t := range p.a.Translations {
			p.keyed(t.Language.Code, func() {
				p.code("language", t.Language)
				p.pairs("author", t.Author)
				p.text("accreditation", t.Accreditation)
				p.pairs("other_details", t.OtherDetails)
			})
		}
	})
}

func (p *printer) description(d *aom.Description) {
	p.pairs("original_author", d.OriginalAuthor)
	if len(d.Details) > 0 {
		p.block("details = <", ">", func() {
			for _, item := range d.Details {
				p.keyed(item.Language.Code, func() {
					p.code("language", item.Language)
					p.text("purpose", item.Purpose)
					p.text("use", item.Use)
					p.texts("keywords", item.Keywords)
					p.text("misuse", item.Misuse)
					p.text("copyright", item.Copyright)
					p.pairs("original_resource_uri", item.OriginalResourceURI)
					p.pairs("other_details", item.OtherDetails)
				})
			}
		})
	}
	p.text("lifecycle_state", d.LifecycleState)
	p.texts("other_contributors", d.OtherContributors)
	p.text("resource_package_uri", d.ResourcePackageURI)
	p.pairs("other_details", d.OtherDetails)
}

func (p *printer) ontology() {
	o := p.a.Ontology
	p.texts("terminologies_available", p.a.Terminologies)
	p.terms("term_definitions", o.Terms)
	p.terms("constraint_definitions", o.Constraints)
	if len(o.Bindings) > 0 {
		p.block("term_bindings = <", ">", func() {
			for _, set := range o.Bindings {
				p.items(set.Terminology, func() {
					for i := 0; i < len(set.Items); {
						// Several codes bound to one term stand together.
						key := set.Items[i].Code
						var codes []string
						for ; i < len(set.Items) && set.Items[i].Code == key; i++ {
							codes = append(codes, bracketed(set.Items[i].Target))
						}
						p.line("[%s] = <%s>", quote(key), strings.Join(codes, ", "))
					}
				})
			}
		})
	}
	if len(o.ConstraintBindings) > 0 {
		p.block("constraint_bindings = <", ">", func() {
			for _, set := range o.ConstraintBindings {
				p.items(set.Terminology, func() {
					for _, item := range set.Items {
						p.line("[%s] = <%s>", quote(item.Key), address(item.Value))
					}
				})
			}
		})
	}
}

func (p *printer) items(key string, content func()) {
	p.keyed(key, func() { p.block("items = <", ">", content) })
}

func (p *printer) terms(name string, sets []aom.LanguageTerms) {
	if len(sets) == 0 {
		return
	}
	p.block(name+" = <", ">", func() {
		for _, set := range sets {
			p.items(set.Language, func() {
				for _, t := range set.Terms {
					p.keyed(t.Code, func() {
						for _, item := range t.Items {
							p.line("%s = <%s>", attributeKey(item.Key), quote(item.Value))
						}
					})
				}
			})
		}
	})
}

var attributeForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)

// attributeKey writes what is no identifier as a key.
func attributeKey(key string) string {
	if attributeForm.MatchString(key) {
		return key
	}
	return "[" + quote(key) + "]"
}

// addressForm is a URI that needs no quotes within < and >.
var addressForm = regexp.MustCompile(`^(terminology:|[a-z]+:/)[^\s<>"]+$`)

func address(s string) string {
	if addressForm.MatchString(s) {
		return s
	}
	return quote(s)
}

func (p *printer) annotations() {
	p.block("items = <", ">", func() {
		for _, set := range p.a.Annotations {
			p.keyed(set.Language, func() {
				for _, path := range set.Paths {
					p.keyed(path.Path, func() {
						for _, item := range path.Items {
							p.line("[%s] = <%s>", quote(item.Key), quote(item.Value))
						}
					})
				}
			})
		}
	})
}
