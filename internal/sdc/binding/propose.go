package binding

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/sdc"
)

// question is what a proposal reads of a foreign form.
type question struct {
	LinkID string        `json:"linkId"`
	Type   string        `json:"type"`
	Text   string        `json:"text"`
	Code   []fhir.Coding `json:"code"`
	Item   []question    `json:"item"`
}

// Questions are the questions of a foreign Questionnaire, its groups and texts
// left out, and its address.
func questions(text []byte) (list []question, address string, err error) {
	var q struct {
		ResourceType string     `json:"resourceType"`
		URL          string     `json:"url"`
		Item         []question `json:"item"`
	}
	if err := json.Unmarshal(text, &q); err != nil || q.ResourceType != "Questionnaire" {
		return nil, "", fault.New(fault.Invalid, "questionnaire-unreadable", "the file is no FHIR Questionnaire").Because(err)
	}
	var walk func(items []question)
	walk = func(items []question) {
		for _, i := range items {
			if i.Type != "group" && i.Type != "display" {
				list = append(list, i)
			}
			walk(i.Item)
		}
	}
	walk(q.Item)
	return list, q.URL, nil
}

// Proposal is a question with the nodes it may belong to.
type Proposal struct {
	LinkID, Text string
	// Paths are the nodes that fit, the likeliest first; Why says what they share.
	Paths []string
	Why   string
}

// Propose looks for the nodes of a template that the questions of a foreign form
// may belong to: those with a code in common (LOINC, SNOMED CT and any other that
// the template binds), else those of the same words. It proposes and decides
// nothing: two questions of one code are two different questions.
func Propose(questionnaire []byte, form *sdc.Form) (*Binding, []Proposal, error) {
	list, address, err := questions(questionnaire)
	if err != nil {
		return nil, nil, err
	}
	byCode, byWords := map[string][]*sdc.Item{}, map[string][]*sdc.Item{}
	var index func(i *sdc.Item)
	index = func(i *sdc.Item) {
		if i.Kind == sdc.Question || i.Kind == sdc.Compound {
			for _, c := range form.Bound(i) {
				byCode[c.System+"|"+c.Code] = append(byCode[c.System+"|"+c.Code], i)
			}
			byWords[plainWords(form.Label(i))] = append(byWords[plainWords(form.Label(i))], i)
		}
		for _, c := range i.Children {
			index(c)
		}
	}
	index(form.Root)
	b := &Binding{Questionnaire: address, Template: form.Template.TemplateID, Unbound: map[string]string{}}
	var out []Proposal
	for _, q := range list {
		p := Proposal{LinkID: q.LinkID, Text: q.Text}
		add := func(why string, items []*sdc.Item) {
			for _, i := range items {
				if path := form.Path(i); !slices.Contains(p.Paths, path) {
					p.Paths = append(p.Paths, path)
				}
			}
			if len(items) > 0 && p.Why == "" {
				p.Why = why
			}
		}
		for _, c := range q.Code {
			add("both are "+c.System+"|"+c.Code, byCode[c.System+"|"+c.Code])
		}
		add("both are called "+q.Text, byWords[plainWords(q.Text)])
		switch len(p.Paths) {
		case 0:
			b.Unbound[q.LinkID] = "no node has its code or its words"
		case 1:
			b.Items = append(b.Items, Item{LinkID: q.LinkID, Path: p.Paths[0]})
		default:
			b.Unbound[q.LinkID] = fmt.Sprintf("%d nodes may be meant; choose one", len(p.Paths))
		}
		out = append(out, p)
	}
	return b, out, nil
}

// plainWords are words without what writers of forms add to them.
func plainWords(text string) string {
	text, _, _ = strings.Cut(text, "(")
	return strings.ToLower(strings.Trim(strings.TrimSpace(text), "?:*. "))
}

// Check judges a binding against the foreign form it is for: questions it does
// not have are faults, questions nobody bound are warnings.
func Check(questionnaire []byte, f *Form) ([]fault.Issue, error) {
	list, address, err := questions(questionnaire)
	if err != nil {
		return nil, err
	}
	var issues []fault.Issue
	if address != f.Questionnaire {
		issues = append(issues, fault.Issue{Path: "questionnaire", Rule: "questionnaire", Expected: address, Found: f.Questionnaire, Message: "the binding is for another form"})
	}
	known := map[string]bool{}
	for _, q := range list {
		known[q.LinkID] = true
		if _, bound := f.items[q.LinkID]; !bound && f.Unbound[q.LinkID] == "" {
			issues = append(issues, fault.Issue{Path: q.LinkID, Rule: "unbound", Warning: true, Message: "the question is not bound; its answers are kept beside the composition"})
		}
	}
	for _, i := range f.Items {
		if !known[i.LinkID] {
			issues = append(issues, fault.Issue{Path: i.LinkID, Rule: "question-unknown", Message: "the form has no such question"})
		}
	}
	for _, linkID := range append(sorted(f.Unbound), sorted(f.Identifiers)...) {
		if !known[linkID] {
			issues = append(issues, fault.Issue{Path: linkID, Rule: "question-unknown", Message: "the form has no such question"})
		}
	}
	return issues, nil
}
