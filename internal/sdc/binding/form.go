package binding

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/sdc"
)

// Form is a binding with the form of its template. It is immutable.
type Form struct {
	*Binding
	SDC *sdc.Form

	items  map[string]target
	groups map[string]*sdc.Item
	// constants and their items, in the order of the file.
	constants []fixed
	// room takes the answers that no item takes; nil where the template has none.
	room *room
}

// target is where the answers of one question go.
type target struct {
	Item
	// to takes the answer: a question, a part or an attribute.
	to *sdc.Item
	// with are the answers beside it.
	with []fixed
}

type fixed struct {
	Constant
	to *sdc.Item
}

// Bind finds the items of the template's form that a binding means. Every path
// that leads nowhere is an issue.
func Bind(b *Binding, f *sdc.Form) (*Form, error) {
	out := &Form{Binding: b, SDC: f, items: map[string]target{}, groups: map[string]*sdc.Item{}, room: roomOf(f.Template)}
	var issues []fault.Issue
	lost := func(at, path string) {
		nearest := f.Path(f.At(path))
		issues = append(issues, fault.Issue{Path: at, AQLPath: path, Rule: "path-unknown", Expected: nearest, Found: path, Message: "no question of the template stands at this path; the nearest above it is " + nearest})
	}
	if b.Template != f.Template.TemplateID {
		issues = append(issues, fault.Issue{Path: "template", Rule: "template", Expected: f.Template.TemplateID, Found: b.Template, Message: "the binding is of another template"})
	}
	for n, i := range b.Items {
		at := fmt.Sprintf("items[%d]", n)
		to := out.leaf(i.Path)
		if to == nil {
			lost(at+".path", i.Path)
			continue
		}
		for from, value := range i.Values {
			if coded(to) && len(f.Codings(to)) > 0 && option(f, to, value) == nil {
				issues = append(issues, fault.Issue{Path: at + ".values." + from, AQLPath: i.Path, Rule: "code-unknown", Found: value, Expected: codes(f, to), Message: "the template does not allow this code here"})
			}
			if to.Type == "boolean" && value != "true" && value != "false" {
				issues = append(issues, fault.Issue{Path: at + ".values." + from, AQLPath: i.Path, Rule: "boolean", Expected: "true or false", Found: value, Message: "the node takes a boolean"})
			}
		}
		bound := target{Item: i, to: to}
		for _, path := range sorted(i.With) {
			beside := out.leaf(path)
			if beside == nil {
				lost(at+".with", path)
				continue
			}
			bound.with = append(bound.with, fixed{Constant{Path: path, Value: i.With[path]}, beside})
		}
		out.items[i.LinkID] = bound
	}
	for n, g := range b.Groups {
		to := f.ItemAt(g.Path)
		if to == nil || !to.Repeats {
			lost(fmt.Sprintf("groups[%d].path", n), g.Path)
			continue
		}
		out.groups[g.LinkID] = to
	}
	for n, c := range b.Constants {
		to := out.leaf(c.Path)
		if to == nil {
			lost(fmt.Sprintf("constants[%d].path", n), c.Path)
			continue
		}
		out.constants = append(out.constants, fixed{c, to})
	}
	if len(issues) > 0 {
		return nil, fault.New(fault.Unprocessable, "binding-invalid", "the binding does not fit the template").With(issues...)
	}
	return out, nil
}

// leaf is the item that takes answers for a path: of a value of several parts
// the first that people answer, such as the id of a DV_IDENTIFIER.
func (f *Form) leaf(path string) *sdc.Item {
	i := f.SDC.ItemAt(path)
	if i == nil || i.Kind != sdc.Compound && i.Kind != sdc.Record {
		if i != nil && i.Kind == sdc.Group {
			return nil
		}
		return i
	}
	for _, p := range i.Children {
		if p.Kind == sdc.Part && !p.Hidden {
			return p
		}
	}
	return nil
}

func coded(i *sdc.Item) bool { return i.Type == "choice" || i.Type == "open-choice" }

func codes(f *sdc.Form, i *sdc.Item) string {
	var out []string
	for _, c := range f.Codings(i) {
		out = append(out, c.Code)
	}
	return strings.Join(out, ", ")
}

// option finds a permitted code by itself.
func option(f *sdc.Form, i *sdc.Item, code string) *fhir.Coding {
	for _, c := range f.Codings(i) {
		if c.Code == code {
			return &c
		}
	}
	return nil
}

// place is where one answer stands in a response of the template's form: the
// item and the number of the repeat at each repeating item that leads to it.
type place struct {
	item *sdc.Item
	at   string // "0,2"
}

// chain is the way from the root's children to an item.
func (f *Form) chain(i *sdc.Item) []*sdc.Item {
	var out []*sdc.Item
	for ; i != nil && i != f.SDC.Root; i = f.SDC.Parent(i) {
		out = append([]*sdc.Item{i}, out...)
	}
	return out
}

// each stands for the next repeat.
const each = -1

// at is the place of an answer; in numbers the repeats of bound groups around
// it, and next counts answers of a repeating item.
func (f *Form) at(to *sdc.Item, repeat int, in map[*sdc.Item]int, next map[place]int) place {
	chain := f.chain(to)
	innermost := -1
	for n, i := range chain {
		if i.Repeats && i.Kind == sdc.Group {
			innermost = n
		}
	}
	var numbers []string
	for n, i := range chain {
		switch number, bound := in[i]; {
		case !i.Repeats:
		case bound:
			numbers = append(numbers, strconv.Itoa(number))
		case n == innermost && repeat == each:
			here := place{i, strings.Join(numbers, ",")}
			numbers = append(numbers, strconv.Itoa(next[here]))
			next[here]++
		case n == innermost:
			numbers = append(numbers, strconv.Itoa(repeat))
		case i.Kind == sdc.Group:
			numbers = append(numbers, "0")
		default:
			here := place{i, strings.Join(numbers, ",")}
			numbers = append(numbers, strconv.Itoa(next[here]))
			next[here]++
		}
	}
	return place{to, strings.Join(numbers, ",")}
}

// response writes answers at their places as a response of the template's form.
func (f *Form) response(order []place, answers map[place]*fhir.Answer) *fhir.QuestionnaireResponse {
	type branch struct {
		item     fhir.ResponseItem
		children []*branch
	}
	root := &branch{item: fhir.ResponseItem{LinkID: f.SDC.Root.LinkID}}
	known := map[place]*branch{}
	for _, p := range order {
		at, rest := root, p.at
		taken := ""
		for _, i := range f.chain(p.item) {
			if i.Repeats {
				number := ""
				number, rest, _ = strings.Cut(rest, ",")
				taken += number + ","
			}
			here := place{i, taken}
			if known[here] == nil {
				known[here] = &branch{item: fhir.ResponseItem{LinkID: i.LinkID}}
				at.children = append(at.children, known[here])
			}
			at = known[here]
		}
		at.item.Answer = append(at.item.Answer, *answers[p])
	}
	var build func(b *branch) fhir.ResponseItem
	build = func(b *branch) fhir.ResponseItem {
		for _, c := range b.children {
			b.item.Item = append(b.item.Item, build(c))
		}
		return b.item
	}
	return &fhir.QuestionnaireResponse{ResourceType: "QuestionnaireResponse", Item: []fhir.ResponseItem{build(root)}}
}

// places reads a response of the template's form by the places of its answers.
func (f *Form) places(r *fhir.QuestionnaireResponse) map[place]fhir.Answer {
	out := map[place]fhir.Answer{}
	var walk func(items []fhir.ResponseItem, at []string)
	walk = func(items []fhir.ResponseItem, at []string) {
		count := map[*sdc.Item]int{}
		for _, r := range items {
			i := f.SDC.Item(r.LinkID)
			if i == nil {
				continue
			}
			here := at
			if i.Repeats && i.Type == "group" {
				here = append(append([]string(nil), at...), strconv.Itoa(count[i]))
				count[i]++
			}
			for n, a := range r.Answer {
				numbers := here
				if i.Repeats {
					numbers = append(append([]string(nil), at...), strconv.Itoa(n))
				}
				out[place{i, strings.Join(numbers, ",")}] = a
			}
			walk(r.Item, here)
		}
	}
	for _, root := range r.Item {
		walk(root.Item, nil)
	}
	return out
}

// lasts reports whether an item takes a duration as text or in its unit.
func lasts(i *sdc.Item) bool { return i.Class == rminfo.DV_DURATION }
