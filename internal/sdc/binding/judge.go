package binding

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/quire-cdr/quire/internal/fault"
)

// rule is what a Questionnaire says of one item that a response can be held to.
type rule struct {
	LinkID     string           `json:"linkId"`
	Type       string           `json:"type"`
	Required   bool             `json:"required"`
	Repeats    bool             `json:"repeats"`
	MaxLength  int              `json:"maxLength"`
	EnableWhen []any            `json:"enableWhen"`
	Option     []map[string]any `json:"answerOption"`
	Extension  []struct {
		URL string `json:"url"`
	} `json:"extension"`
	Item []rule `json:"item"`
}

// conditional says that the form may switch the item off.
func (r *rule) conditional() bool {
	for _, e := range r.Extension {
		if e.URL == "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-enableWhenExpression" {
			return true
		}
	}
	return len(r.EnableWhen) > 0
}

// kinds are the values that answer each type of question (FHIR R4, Questionnaire,
// item types).
var kinds = map[string][]string{
	"boolean": {"valueBoolean"}, "decimal": {"valueDecimal"}, "integer": {"valueInteger"}, "date": {"valueDate"}, "dateTime": {"valueDateTime"},
	"time": {"valueTime"}, "string": {"valueString"}, "text": {"valueString"}, "url": {"valueUri"}, "open-choice": {"valueCoding", "valueString"},
	"choice": {"valueCoding"}, "attachment": {"valueAttachment"}, "reference": {"valueReference"}, "quantity": {"valueQuantity"},
}

// checker holds a response to its form.
type checker struct {
	complete bool
	issues   []fault.Issue
}

func (c *checker) refuse(at, linkID, name, expected, found, message string) {
	c.issues = append(c.issues, fault.Issue{Path: at, FlatKey: linkID, Rule: name, Expected: expected, Found: found, Message: message})
}

// Judge holds a response to the Questionnaire it answers: questions that are
// there, answers of their type and among their options, no more of them than the
// form takes and, where the response is complete, none missing that is required.
// What depends on conditions of the form is not judged.
func Judge(questionnaire, response []byte, complete bool) []fault.Issue {
	var q struct {
		Item []rule `json:"item"`
	}
	dec := json.NewDecoder(bytes.NewReader(questionnaire))
	dec.UseNumber()
	if err := dec.Decode(&q); err != nil {
		return []fault.Issue{{Path: "Questionnaire", Rule: "json", Message: "the stored Questionnaire cannot be read"}}
	}
	value, err := decode(response)
	rest, ok := value.(map[string]any)
	if err != nil || !ok {
		return []fault.Issue{{Path: rootPlace, Rule: "json", Message: "the response cannot be read"}}
	}
	c := &checker{complete: complete}
	c.items(q.Item, rest["item"], rootPlace)
	return c.issues
}

func (c *checker) items(rules []rule, list any, at string) {
	count := map[string]int{}
	for n, item := range objects(list) {
		here := nth(at, "item", n)
		linkID := textOf(item["linkId"])
		index := slices.IndexFunc(rules, func(r rule) bool { return r.LinkID == linkID })
		if index < 0 {
			c.refuse(here, linkID, "linkid-unknown", "an item of the form at this place", linkID, "the form has no such question here")
			continue
		}
		r := &rules[index]
		count[linkID]++
		if count[linkID] == 2 && (!r.Repeats || r.Type != "group") {
			c.refuse(here, linkID, "repeats", "once", "twice", "the item stands once, with all its answers")
		}
		c.item(r, item, here)
	}
	if !c.complete {
		return
	}
	for n := range rules {
		if r := &rules[n]; r.Required && !r.conditional() && count[r.LinkID] == 0 {
			c.refuse(at, r.LinkID, "required", "an answer", "", "the form asks for an answer here")
		}
	}
}

func (c *checker) item(r *rule, item map[string]any, here string) {
	answers := objects(item["answer"])
	switch {
	case r.Type == "group" || r.Type == "display":
		if len(answers) > 0 {
			c.refuse(here, r.LinkID, "type", "no answer", "", "a "+r.Type+" is not answered")
		}
		c.items(r.Item, item["item"], here)
		return
	case len(answers) > 1 && !r.Repeats:
		c.refuse(here, r.LinkID, "repeats", "one answer", strconv.Itoa(len(answers)), "the question takes one answer")
	case len(answers) == 0 && r.Required && c.complete && !r.conditional():
		c.refuse(here, r.LinkID, "required", "an answer", "", "the form asks for an answer here")
	}
	for n, answer := range answers {
		where := nth(here, "answer", n)
		c.answer(r, answer, where)
		c.items(r.Item, answer["item"], where)
	}
	if len(objects(item["item"])) > 0 {
		c.refuse(here, r.LinkID, "misplaced", "items within the answer", "", "what is asked below a question stands within its answer")
	}
}

func (c *checker) answer(r *rule, answer map[string]any, where string) {
	kind := kindOf(answer)
	if kind == "" {
		return // such as a reason for no answer
	}
	allowed := kinds[r.Type]
	if r.Type == "choice" || r.Type == "open-choice" {
		for _, o := range r.Option {
			allowed = append(slices.Clone(allowed), kindOf(o))
		}
	}
	if len(allowed) > 0 && !slices.Contains(allowed, kind) {
		c.refuse(where, r.LinkID, "type", allowed[0], kind, "the answer is of another type than the question")
		return
	}
	if text := textOf(answer[kind]); r.MaxLength > 0 && len([]rune(text)) > r.MaxLength {
		c.refuse(where, r.LinkID, "max-length", strconv.Itoa(r.MaxLength), strconv.Itoa(len([]rune(text))), "the answer is longer than the form allows")
	}
	if open := r.Type == "open-choice" && kind == "valueString"; len(r.Option) == 0 || open {
		return
	}
	if !slices.ContainsFunc(r.Option, func(o map[string]any) bool { return kindOf(o) == kind && chosen(o[kind], answer[kind]) }) {
		c.refuse(where, r.LinkID, "option", "one of the answers the form lists", wordsOf(answer[kind]), "the form does not list this answer")
	}
}

// chosen says whether an answer is an option; codes count, words do not.
func chosen(option, answer any) bool {
	a, coded := option.(map[string]any)
	b, both := answer.(map[string]any)
	if !coded || !both {
		return wordsOf(option) == wordsOf(answer)
	}
	if a["code"] == nil && b["code"] == nil {
		return wordsOf(a) == wordsOf(b)
	}
	return a["code"] == b["code"] && (a["system"] == nil || b["system"] == nil || a["system"] == b["system"])
}
