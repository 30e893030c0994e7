package sdc

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
)

// Facts are what a composition needs that no answer gives. They are technical:
// nothing here says anything clinical (DESIGN 5a rule 14).
type Facts struct {
	// Composer is the name of the author.
	Composer string
	// Self says that the author is the person the record is about: the composer is
	// PARTY_SELF.
	Self bool
	// Authored is ISO 8601: the start of the context and the time of events that
	// the form leaves open.
	Authored string
	// Territory is an ISO 3166-1 code.
	Territory string
}

// Result is what a submit comes to.
type Result struct {
	Tree *rm.Tree
	// Removed are the answers removed because the submit said so, by linkId with
	// the number of each repeat ("vitals/pulse:0/any_event:0/rate").
	Removed []string
	// Changed counts nodes that differ from the base.
	Changed int
	// Coarsened are the linkIds of dates that were issued without day or month
	// and came back with the first: they count as unchanged, and somebody may
	// have meant the first.
	Coarsened []string
}

// Compose makes the composition that a response stands for. base is the
// composition the response was issued from, nil for a blank form. What an answer
// does not change is kept from the base, node by node.
func (f *Form) Compose(base *rm.Tree, r *fhir.QuestionnaireResponse, facts Facts) (*Result, error) {
	s, issues := f.sort(r)
	c := &composer{form: f, base: base, facts: facts, deletions: s.deletions, issues: issues, b: rm.NewBuilder(rm.Limits{}, 4096)}
	if base == nil {
		rest, err := f.rest(s.residue)
		if err != nil {
			return nil, fault.New(fault.Unprocessable, "response-invalid", "the response does not fit the form").With(fault.Issue{
				Path: "QuestionnaireResponse", FlatKey: ResidueLinkID, Rule: "residue", Message: "what the response carries for its composition cannot be read, or is of another template"})
		}
		c.base = rest
	}
	c.language = f.languageOf(c.base, s.root)
	if c.base == nil {
		c.create(0, f.Template.Root(), s.root)
	} else {
		c.merge(0, f.Template.Root(), c.base.Root(), s.root, f.Root.LinkID)
	}
	for _, linkID := range c.unusedDeletions() {
		c.issues = append(c.issues, fault.Issue{Path: "QuestionnaireResponse", FlatKey: linkID, Rule: "deletion-unknown", Found: linkID, Message: "nothing was issued there that could be deleted"})
	}
	if len(c.issues) > 0 {
		return nil, fault.New(fault.Unprocessable, "response-invalid", "the response does not fit the form").With(c.issues...)
	}
	tree, err := c.b.Tree()
	if err != nil {
		return nil, fault.New(fault.TooLarge, "response-too-large", "the response makes a composition over the limits").Because(err)
	}
	if base == nil && c.base != nil {
		if issues := f.lost(tree); len(issues) > 0 {
			return nil, fault.New(fault.Unprocessable, "response-invalid", "the response does not fit the form").With(issues...)
		}
	}
	return &Result{Tree: tree, Removed: c.removed, Changed: c.changed, Coarsened: c.coarsened}, nil
}

// languageOf is the language that a composition has or is given.
func (f *Form) languageOf(base *rm.Tree, root *occurrence) string {
	for _, item := range f.attributes[f.Template.Root()] {
		if back := root.only(item); item.Attr == rminfo.A_language && back != nil && back.ValueString != "" {
			return back.ValueString
		}
	}
	if base != nil {
		if language := base.TextAt(base.Root(), rminfo.A_language, rminfo.A_code_string); language != "" {
			return language
		}
	}
	return f.Template.Language
}

type composer struct {
	form  *Form
	base  *rm.Tree
	facts Facts
	// language is that of the composition, and of its new entries.
	language  string
	deletions map[string]bool
	b         *rm.Builder
	issues    []fault.Issue
	removed   []string
	coarsened []string
	changed   int
}

// merge writes a base object with the answers of the group it belongs to. path
// is the group's linkId with the number of each repeat ("vitals/pulse:0"); group
// is nil where the group did not come back.
func (c *composer) merge(attr rminfo.Attr, owner template.NodeID, node rm.ID, group *occurrence, path string) {
	class := c.eventClass(owner, group, c.base.Class(node))
	if class != c.base.Class(node) {
		c.changed++
	}
	if opened := c.b.Open(attr, class); c.base.Implied(node) && class == c.base.Class(node) {
		c.b.Imply(opened)
	}
	pairs := c.pair(owner, node, group, path)
	last := map[rminfo.Attr]rm.ID{}
	for child := range c.base.All(node) {
		last[c.base.Attr(child)] = child
	}
	done := map[template.NodeID]bool{}
	for child := range c.base.All(node) {
		if _, declared := class.Attribute(c.base.Attr(child)); !declared {
			continue // of the kind of event it was
		}
		if !c.rename(node, child, group) {
			c.mergeChild(owner, child, group, pairs, path)
		}
		if a := c.base.Attr(child); last[a] == child {
			c.append(owner, a, group, pairs, done)
		}
	}
	for _, a := range c.form.Template.Attributes(owner) {
		if _, there := last[a.Attr]; !there {
			c.append(owner, a.Attr, group, pairs, done)
		}
	}
	for _, item := range c.form.attributes[owner] {
		if _, declared := class.Attribute(item.Attr); !declared {
			continue
		}
		if _, there := last[item.Attr]; !there {
			c.newAttribute(item, group)
		} else if item.Kind == Record && item.Repeats {
			c.newRecords(item, c.freshRecords(item, node, group))
		}
	}
	c.b.Close()
}

// pairing says which occurrence each base node of one owner was answered by.
type pairing struct {
	of map[rm.ID]*occurrence
	// fresh are the occurrences no base node stands for.
	fresh map[*Item][]*occurrence
	// answers are the new answers of a repeating question.
	answers map[*Item][]fhir.Answer
	// kept are base elements of a question whose answer came back as issued.
	kept map[rm.ID]bool
	// changed are base elements of a single question, with the new answer.
	changed map[rm.ID]*fhir.Answer
	// nulls are base elements that came back with a reason for no value.
	nulls map[rm.ID]bool
	// deleted are base nodes the submit removes by name.
	deleted map[rm.ID]string
	// path is the linkId of each base node with the number of each repeat.
	path map[rm.ID]string
	// there are the questions the base has an element of.
	there map[*Item]bool
	// structure are the structural template nodes the base has.
	structure map[template.NodeID]bool
}

// pair aligns the base nodes below one owner with what came back: repeats by
// their key, questions by equal answers.
func (c *composer) pair(owner template.NodeID, node rm.ID, group *occurrence, path string) *pairing {
	p := &pairing{of: map[rm.ID]*occurrence{}, fresh: map[*Item][]*occurrence{}, answers: map[*Item][]fhir.Answer{},
		kept: map[rm.ID]bool{}, changed: map[rm.ID]*fhir.Answer{}, nulls: map[rm.ID]bool{}, deleted: map[rm.ID]string{}, path: map[rm.ID]string{}, there: map[*Item]bool{}, structure: map[template.NodeID]bool{}}
	instances := map[*Item][]rm.ID{}
	for child := range c.base.All(node) {
		if c.base.Kind(child) != rm.Object {
			continue
		}
		if matched, ok := c.form.match(owner, c.base, child); ok {
			if item := c.form.byNode[matched]; item != nil {
				if !item.Repeats && len(instances[item]) > 0 {
					continue // more than the form allows: not issued, and kept as it is
				}
				instances[item] = append(instances[item], child)
			} else {
				p.structure[matched] = true
			}
		}
	}
	for _, a := range c.form.Template.Attributes(owner) {
		for _, child := range a.Children {
			item := c.form.byNode[child]
			if item == nil {
				continue
			}
			var back []*occurrence
			if group != nil {
				back = group.children[item]
			}
			if item.Kind == Question {
				p.there[item] = len(instances[item]) > 0
				c.pairQuestion(p, item, instances[item], back)
				c.pairNull(p, item, instances[item], group)
			} else {
				c.pairRepeats(p, item, instances[item], back)
			}
			c.pairDeletions(p, item, instances[item], path)
		}
	}
	return p
}

// pairDeletions names each base node as a submit would delete it, by the path of
// its linkId with the number of each repeat, and notes those it does delete. What
// came back answered stays.
func (c *composer) pairDeletions(p *pairing, item *Item, nodes []rm.ID, path string) {
	for n, node := range nodes {
		name := path + strings.TrimPrefix(item.LinkID, c.form.parent[item].LinkID)
		if item.Repeats {
			name += ":" + strconv.Itoa(n)
		}
		p.path[node] = name
		if c.deletions[name] && !p.kept[node] && p.changed[node] == nil && !p.nulls[node] && !p.of[node].answered() {
			p.deleted[node] = name
		}
	}
}

func (c *composer) pairRepeats(p *pairing, item *Item, nodes []rm.ID, back []*occurrence) {
	keyed := slices.ContainsFunc(back, func(o *occurrence) bool { return o.key > 0 })
	for n, o := range back {
		switch {
		case o.key > 0 && o.key <= len(nodes) && p.of[nodes[o.key-1]] == nil:
			p.of[nodes[o.key-1]] = o
		case o.key > 0:
			c.issues = append(c.issues, fault.Issue{Path: o.at, FlatKey: item.LinkID, Rule: "key-unknown", Found: fmt.Sprint(o.key), Message: "the repeat was not issued, or came back twice"})
		case !keyed && len(nodes) > 0 && !item.Repeats:
			p.of[nodes[0]] = o
		case !keyed && item.Repeats && len(nodes) > 0 && len(back) == len(nodes):
			p.of[nodes[n]] = o
		case !keyed && item.Repeats && len(nodes) > 0:
			c.issues = append(c.issues, fault.Issue{Path: o.at, FlatKey: item.LinkID, Rule: "keys-lost", Expected: fmt.Sprintf("%d repeats with their keys", len(nodes)), Found: fmt.Sprintf("%d without", len(back)), Message: "the renderer lost the keys of the repeats, and they cannot be told apart"})
		default:
			p.fresh[item] = append(p.fresh[item], o)
		}
	}
}

func (c *composer) pairQuestion(p *pairing, item *Item, nodes []rm.ID, back []*occurrence) {
	var answers []fhir.Answer
	for _, o := range back {
		answers = append(answers, o.answers...)
	}
	taken := make([]bool, len(answers))
	var open []rm.ID
	for _, node := range nodes {
		issued := c.form.elementAnswer(item, c.base, node)
		found := false
		for n := range answers {
			if !taken[n] && issued != nil && sameAnswer(issued, &answers[n]) {
				taken[n], found = true, true
				c.note(item, issued, &answers[n])
				break
			}
		}
		if found {
			p.kept[node] = true
		} else {
			open = append(open, node)
		}
	}
	for n := range answers {
		if taken[n] {
			continue
		}
		if len(open) > 0 && (!item.Repeats || len(answers) == len(nodes)) {
			p.changed[open[0]], open = &answers[n], open[1:]
			continue
		}
		p.answers[item] = append(p.answers[item], answers[n])
	}
}

// mergeChild writes one child of a base object: untouched, changed, or not at all.
func (c *composer) mergeChild(owner template.NodeID, child rm.ID, group *occurrence, p *pairing, path string) {
	attr := c.base.Attr(child)
	if name := p.deleted[child]; name != "" {
		c.removed = append(c.removed, name)
		c.changed++
		return
	}
	for _, item := range c.form.attributes[owner] {
		if item.Attr == attr && (item.Kind == Attribute && c.mergeAttribute(item, child, group) || item.Kind == Record && c.mergeRecord(item, child, group)) {
			return
		}
	}
	if c.base.Kind(child) != rm.Object {
		c.b.Copy(attr, c.base, child)
		return
	}
	matched, ok := c.form.match(owner, c.base, child)
	item, known := c.form.byNode[matched]
	switch {
	case !ok || !known:
		c.b.Copy(attr, c.base, child)
	case item == nil:
		c.merge(attr, matched, child, group, path)
	case item.Kind == Group && (p.of[child] != nil || len(c.deletions) > 0):
		c.merge(attr, matched, child, p.of[child], p.path[child])
	case item.Kind == Compound && p.of[child] != nil:
		c.mergeCompound(attr, item, child, p.of[child])
	case item.Kind == Question && p.changed[child] != nil:
		c.mergeElement(attr, child, func() error {
			return c.form.buildValue(c.b, rminfo.A_value, item, c.sameOffset(item, child, p.changed[child]))
		}, item, c.answerAt(group, item, p.changed[child]))
	case item.Kind == Question && p.nulls[child]:
		c.mergeElement(attr, child, func() error { return c.writeNull(item, group, child) }, item, c.at(group, item))
	default:
		c.b.Copy(attr, c.base, child)
	}
}

func (c *composer) at(group *occurrence, item *Item) string {
	if group != nil && len(group.children[item]) > 0 {
		return group.children[item][0].at
	}
	return "QuestionnaireResponse"
}

// mergeAttribute writes an attribute anew where its answer changed.
func (c *composer) mergeAttribute(item *Item, child rm.ID, group *occurrence) bool {
	if group == nil || len(group.children[item]) == 0 || len(group.children[item][0].answers) == 0 {
		return false
	}
	back := &group.children[item][0].answers[0]
	issued := c.form.answerOf(item, c.base, child)
	if issued == nil && !empty(c.base, child) {
		return false
	}
	if sameAnswer(issued, back) {
		c.note(item, issued, back)
		return false
	}
	c.changed++
	c.report(c.form.buildValue(c.b, item.Attr, item, back), item, c.answerAt(group, item, back))
	return true
}

// note remembers a date that a renderer completed.
func (c *composer) note(item *Item, issued, back *fhir.Answer) {
	if coarsened(issued, back) {
		c.coarsened = append(c.coarsened, item.LinkID)
	}
}

// mergeElement writes a base ELEMENT with a new value, or with the reason for
// none: its name, uid and links stay.
func (c *composer) mergeElement(attr rminfo.Attr, element rm.ID, value func() error, item *Item, at string) {
	c.changed++
	c.b.Open(attr, rminfo.ELEMENT)
	written := false
	for child := range c.base.All(element) {
		switch a := c.base.Attr(child); a {
		case rminfo.A_value, rminfo.A_null_flavour, rminfo.A_null_reason:
			if !written {
				c.report(value(), item, at)
				written = true
			}
		default:
			c.b.Copy(a, c.base, child)
		}
	}
	if !written {
		c.report(value(), item, at)
	}
	c.b.Close()
}

func (c *composer) report(err error, item *Item, at string) {
	if err == nil {
		return
	}
	c.issues = append(c.issues, fault.Issue{Path: at, FlatKey: item.LinkID, AQLPath: c.form.Template.Node(item.Node).AQLPath,
		Archetype: c.form.Template.Node(item.Node).Archetype, Rule: "answer", Expected: item.Type, Message: err.Error()})
}

// answerAt is the FHIRPath of one answer to an item.
func (c *composer) answerAt(group *occurrence, item *Item, answer *fhir.Answer) string {
	if group != nil && answer != nil {
		for _, o := range group.children[item] {
			for n := range o.answers {
				if n < len(o.places) && reflect.DeepEqual(&o.answers[n], answer) {
					return o.places[n]
				}
			}
		}
	}
	return c.at(group, item)
}

func (c *composer) unusedDeletions() []string {
	var out []string
	for name := range c.deletions {
		if !slices.Contains(c.removed, name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}
