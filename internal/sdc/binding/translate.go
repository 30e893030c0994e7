package binding

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/sdc"
)

// Draft is a foreign response on its way into a composition.
type Draft struct {
	// Response answers the template's form.
	Response *fhir.QuestionnaireResponse
	// Bound counts answers that the template's form takes; Kept are the linkIds of
	// those it does not, each once.
	Bound int
	Kept  []string

	form  *Form
	rest  map[string]any
	slots []slot
	kept  []kept
}

// slot is a bound answer: the object it stands in and where it went.
type slot struct {
	answer map[string]any
	kind   string
	target target
	place  place
}

// Members of an answer in the rest of a response: the kind of value that the
// composition holds (bound: at a node of the template; kept: in the generic
// archetype, among the answers of its place), where it stands there, and where the composition says it in part
// only, what was said and what the composition gave for it then.
const (
	memberBound = "bound"
	memberKept  = "kept"
	memberAt    = "at"
	memberSaid  = "said"
	memberAs    = "as"
)

func decode(text []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var out any
	err := dec.Decode(&out)
	return out, err
}

// Personal lists the identifiers of the person that a response holds, by their
// systems.
func (f *Form) Personal(text []byte) []fhir.Identifier {
	value, err := decode(text)
	rest, ok := value.(map[string]any)
	if err != nil || !ok {
		return nil
	}
	w := walker{form: f, said: map[string][]string{}}
	w.listen(rest["item"])
	var out []fhir.Identifier
	for _, linkID := range sorted(f.Identifiers) {
		for _, value := range w.said[linkID] {
			out = append(out, fhir.Identifier{System: f.Identifiers[linkID], Value: value})
		}
	}
	return out
}

// Canonical is the address of the form that a response of any kind answers,
// without its version; "" where it names none.
func Canonical(text []byte) string {
	address, _, _ := strings.Cut(gjson.GetBytes(text, "questionnaire").String(), "|")
	return address
}

// Translate makes answers to the template's form of a foreign response. questions
// are those of its form, as far as they are known.
func (f *Form) Translate(text []byte, questions map[string]Question) (*Draft, error) {
	unreadable := func(message string) error {
		return fault.New(fault.Invalid, "response-unreadable", "the QuestionnaireResponse cannot be read").With(fault.Issue{
			Path: "QuestionnaireResponse", Rule: "json", Message: message})
	}
	value, err := decode(text)
	if err != nil {
		return nil, unreadable(err.Error())
	}
	rest, ok := value.(map[string]any)
	if !ok || rest["resourceType"] != "QuestionnaireResponse" {
		return nil, unreadable("the body is no QuestionnaireResponse")
	}
	d := &Draft{form: f, rest: rest}
	w := walker{form: f, draft: d, next: map[place]int{}, taken: map[place]bool{}, beside: map[place]*fhir.Answer{}, said: map[string][]string{}, questions: questions, places: map[string]int{}}
	w.listen(rest["item"])
	w.items(rest["item"], map[*sdc.Item]int{}, rootPlace, nil)
	answers := map[place]*fhir.Answer{}
	for at, a := range w.beside {
		answers[at] = a
	}
	for n, s := range d.slots {
		answers[s.place] = w.answers[n]
	}
	d.spread(answers)
	for _, c := range f.constants {
		at := f.at(c.to, c.Repeat, nil, map[place]int{})
		a := f.constant(c, w.said)
		if a != nil && answers[at] == nil {
			answers[at] = a
		}
	}
	d.rank(answers)
	d.Bound = len(d.slots)
	return d, nil
}

// constant is the answer of a constant, nil where it does not stand.
func (f *Form) constant(c fixed, said map[string][]string) *fhir.Answer {
	if c.When != "" && said[c.When] == nil {
		return nil
	}
	text := c.Value
	var parts []string
	for _, linkID := range c.From {
		parts = append(parts, said[linkID]...)
	}
	if len(parts) > 0 {
		text = strings.Join(parts, ", ")
	}
	if text == "" {
		return nil
	}
	if a := f.said(c.to, text); a != nil {
		return a
	}
	return f.counted(target{to: c.to}, number(text))
}

// spread gives answers that are meant for every repeat to each that is there.
func (d *Draft) spread(answers map[place]*fhir.Answer) {
	for _, s := range d.slots {
		if !s.target.All {
			continue
		}
		group, depth := d.form.repeating(s.place.item)
		if group == nil {
			continue
		}
		said, own := answers[s.place], strings.Split(s.place.at, ",")
		for p := range answers {
			numbers := strings.Split(p.at, ",")
			if g, at := d.form.within(p.item, group); !g || at != depth || len(numbers) <= depth || !slices.Equal(numbers[:depth], own[:depth]) {
				continue
			}
			there := slices.Clone(own)
			there[depth] = numbers[depth]
			if to := (place{s.place.item, strings.Join(there, ",")}); answers[to] == nil {
				answers[to] = said
			}
		}
	}
}

// repeating is the nearest repeating group around an item, and the number of those
// around that.
func (f *Form) repeating(to *sdc.Item) (group *sdc.Item, depth int) {
	count := 0
	for _, i := range f.chain(to) {
		if !i.Repeats {
			continue
		}
		if i.Kind == sdc.Group {
			group, depth = i, count
		}
		count++
	}
	return group, depth
}

// within says whether an item stands in a repeating group, and how many repeat
// around that.
func (f *Form) within(i, group *sdc.Item) (in bool, depth int) {
	for _, step := range f.chain(i) {
		if step == group {
			return true, depth
		}
		if step.Repeats {
			depth++
		}
	}
	return false, 0
}

// rank numbers the repeats that are there without gaps, in their order, and
// writes the response.
func (d *Draft) rank(answers map[place]*fhir.Answer) {
	used := map[place][]int{}
	split := func(p place) (items []*sdc.Item, numbers []int) {
		rest := p.at
		for _, i := range d.form.chain(p.item) {
			if i.Repeats {
				text := ""
				text, rest, _ = strings.Cut(rest, ",")
				n, _ := strconv.Atoi(text)
				items, numbers = append(items, i), append(numbers, n)
			}
		}
		return items, numbers
	}
	prefix := func(numbers []int) string {
		var out []string
		for _, n := range numbers {
			out = append(out, strconv.Itoa(n))
		}
		return strings.Join(out, ",")
	}
	for p := range answers {
		items, numbers := split(p)
		for n, i := range items {
			level := place{i, prefix(numbers[:n])}
			if !slices.Contains(used[level], numbers[n]) {
				used[level] = append(used[level], numbers[n])
			}
		}
	}
	for level := range used {
		slices.Sort(used[level])
	}
	ranked := func(p place) place {
		items, numbers := split(p)
		out := make([]int, len(numbers))
		for n, i := range items {
			out[n] = slices.Index(used[place{i, prefix(numbers[:n])}], numbers[n])
		}
		return place{p.item, prefix(out)}
	}
	moved := map[place]*fhir.Answer{}
	var order []place
	for p, a := range answers {
		moved[ranked(p)] = a
		order = append(order, ranked(p))
	}
	sort.Slice(order, func(a, b int) bool {
		_, x := split(order[a])
		_, y := split(order[b])
		if c := slices.Compare(x, y); c != 0 {
			return c < 0
		}
		return order[a].item.LinkID < order[b].item.LinkID
	})
	for n := range d.slots {
		d.slots[n].place = ranked(d.slots[n].place)
	}
	d.Response = d.form.response(order, moved)
}

// walker reads the items of a foreign response.
type walker struct {
	form    *Form
	draft   *Draft
	next    map[place]int
	taken   map[place]bool
	answers []*fhir.Answer
	beside  map[place]*fhir.Answer
	// said are the words of all answers by linkId, for constants.
	said map[string][]string
	// questions are those of the form; places are where those kept stand in the draft.
	questions map[string]Question
	places    map[string]int
}

func objects(list any) []map[string]any {
	values, _ := list.([]any)
	var out []map[string]any
	for _, v := range values {
		if o, ok := v.(map[string]any); ok {
			out = append(out, o)
		}
	}
	return out
}

// listen collects the words of all answers.
func (w *walker) listen(list any) {
	for _, item := range objects(list) {
		linkID, _ := item["linkId"].(string)
		for _, answer := range objects(item["answer"]) {
			if words := wordsOf(answer[kindOf(answer)]); words != "" {
				w.said[linkID] = append(w.said[linkID], words)
			}
			w.listen(answer["item"])
		}
		w.listen(item["item"])
	}
}

func (w *walker) items(list any, in map[*sdc.Item]int, at string, above []string) {
	count := map[string]int{}
	for n, item := range objects(list) {
		here := nth(at, "item", n)
		text, _ := item["text"].(string)
		below := above
		if text != "" {
			below = append(append([]string(nil), above...), text)
		}
		linkID, _ := item["linkId"].(string)
		within := in
		if group := w.form.groups[linkID]; group != nil {
			within = map[*sdc.Item]int{group: count[linkID]}
			for g, n := range in {
				within[g] = n
			}
			count[linkID]++
		}
		for m, answer := range objects(item["answer"]) {
			if kind := kindOf(answer); kind != "" && !w.answer(linkID, kind, answer, within) {
				w.keep(linkID, here, text, above, answer, kind)
				if !slices.Contains(w.draft.Kept, linkID) {
					w.draft.Kept = append(w.draft.Kept, linkID)
				}
			}
			w.items(answer["item"], within, nth(here, "answer", m), below)
		}
		w.items(item["item"], within, here, below)
	}
}

// rootPlace is the beginning of the FHIRPath of all items.
const rootPlace = "QuestionnaireResponse"

func nth(at, member string, n int) string { return at + "." + member + "[" + strconv.Itoa(n) + "]" }

// answer binds an answer; false where the template's form does not take it.
func (w *walker) answer(linkID, kind string, answer map[string]any, in map[*sdc.Item]int) bool {
	if t, bound := w.form.items[linkID]; bound && (t.When == "" || w.said[t.When] != nil) {
		if a := w.form.inward(t, answer); a != nil {
			repeat := t.Repeat
			if t.Each {
				repeat = each
			}
			at := w.form.at(t.to, repeat, in, w.next)
			if !w.taken[at] {
				w.taken[at] = true
				for _, c := range t.with {
					if said := w.form.said(c.to, c.Value); said != nil {
						w.beside[w.form.sibling(at, c.to)] = said
					}
				}
				w.draft.slots = append(w.draft.slots, slot{answer, kind, t, at})
				w.answers = append(w.answers, a)
				return true
			}
		}
	}
	return false
}

// sibling is the place of an item in the repeats that another place is in.
func (f *Form) sibling(p place, to *sdc.Item) place {
	numbers := strings.Split(p.at, ",")
	var at []string
	chain := f.chain(p.item)
	k := 0
	for n, i := range f.chain(to) {
		if !i.Repeats {
			continue
		}
		if n < len(chain) && chain[n] == i && k < len(numbers) {
			at = append(at, numbers[k])
			k++
			continue
		}
		at = append(at, "0")
	}
	return place{to, strings.Join(at, ",")}
}

// wordsOf is a value as a person reads it, "" of what has no words.
func wordsOf(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case map[string]any:
		for _, member := range []string{"display", "code", "reference"} {
			if text, _ := v[member].(string); text != "" {
				return text
			}
		}
	}
	return ""
}

// Seal adds to the composition that was made of a draft what it does not say.
// authored is when the form was filled, "" where nobody says.
func (d *Draft) Seal(tree *rm.Tree, authored string) (*rm.Tree, error) {
	tree, err := d.store(tree)
	if err != nil {
		return nil, err
	}
	there := d.form.places(d.form.SDC.IssueAs(tree, sdc.Issuance{Mode: sdc.Faithful}))
	for _, s := range d.slots {
		said := s.answer[s.kind]
		var as any
		if a, ok := there[s.place]; ok {
			as = d.form.outward(s.target, s.kind, a)
		}
		delete(s.answer, s.kind)
		s.answer[memberBound], s.answer[memberAt] = s.kind, s.place.at
		if !reflect.DeepEqual(said, as) {
			s.answer[memberSaid], s.answer[memberAs] = said, as
		}
	}
	text, err := json.Marshal(d.rest)
	if err != nil {
		return nil, err
	}
	return sdc.Feed(tree, sdc.Feeder{System: d.form.Questionnaire, Time: authored, Content: string(text), Formalism: Formalism})
}

// Formalism names the rest of a response in a composition.
const Formalism = "application/fhir+json;fhirVersion=4.0;part=rest-of-response"

// Fed says whether a composition came by a foreign form, and by which.
func Fed(tree *rm.Tree) (questionnaire string, ok bool) {
	f := sdc.FeederOf(tree)
	return f.System, f.Formalism == Formalism
}

// Respond writes a composition as the foreign response it was made of, with what
// was changed in it since. A composition that came another way is a Conflict.
func (f *Form) Respond(tree *rm.Tree) ([]byte, error) {
	fed := sdc.FeederOf(tree)
	if fed.Formalism != Formalism || fed.System != f.Questionnaire {
		return nil, fault.New(fault.Conflict, "other-form", "the composition was not made of an answer to this form")
	}
	value, err := decode([]byte(fed.Content))
	rest, ok := value.(map[string]any)
	if err != nil || !ok {
		return nil, fault.New(fault.Internal, "rest-of-response", "what is kept of a response cannot be read").Because(err)
	}
	delete(rest, memberFilled)
	back := filling{form: f, tree: tree, there: f.places(f.SDC.IssueAs(tree, sdc.Issuance{Mode: sdc.Faithful}))}
	if f.room != nil {
		back.kept = f.room.answers(tree)
	}
	back.fill(rest, rootPlace)
	return json.Marshal(rest)
}

// filling is a response on its way out.
type filling struct {
	form  *Form
	tree  *rm.Tree
	there map[place]fhir.Answer
	kept  map[string][]rm.ID
}

// fill puts what the composition says back into the rest of a response. An
// answer that is gone from the composition goes from the response too.
func (f *filling) fill(item map[string]any, at string) {
	linkID, _ := item["linkId"].(string)
	if answers := objects(item["answer"]); answers != nil {
		var list []any
		for n, answer := range answers {
			f.fill(answer, nth(at, "answer", n))
			if kind, held := answer[memberKept].(string); held && !f.recall(kind, answer, at) {
				continue
			}
			if kind, bound := answer[memberBound].(string); bound && !f.restore(linkID, kind, answer) {
				continue
			}
			list = append(list, answer)
		}
		if item["answer"] = list; list == nil {
			delete(item, "answer")
		}
	}
	for n, nested := range objects(item["item"]) {
		f.fill(nested, nth(at, "item", n))
	}
}

// recall takes an answer from the generic archetype.
func (f *filling) recall(kind string, answer map[string]any, place string) bool {
	n, _ := strconv.Atoi(textOf(answer[memberAt]))
	said, part := answer[memberSaid]
	as := answer[memberAs]
	for _, member := range []string{memberKept, memberAt, memberSaid, memberAs} {
		delete(answer, member)
	}
	list := f.kept[place]
	if n >= len(list) {
		return false
	}
	now, value := keptValue(f.tree, list[n], kind)
	switch {
	case part && reflect.DeepEqual(value, as):
		answer[kind] = said
	case value == nil:
		return false
	default:
		answer[now] = value
	}
	return true
}

func textOf(v any) string {
	text, _ := v.(string)
	return text
}

func (f *filling) restore(linkID, kind string, answer map[string]any) bool {
	at, _ := answer[memberAt].(string)
	said, part := answer[memberSaid]
	as := answer[memberAs]
	for _, member := range []string{memberBound, memberAt, memberSaid, memberAs} {
		delete(answer, member)
	}
	t, known := f.form.items[linkID]
	if !known {
		answer[kind] = said
		return part
	}
	var now any
	if a, ok := f.there[place{t.to, at}]; ok {
		now = f.form.outward(t, kind, a)
	}
	switch {
	case part && reflect.DeepEqual(now, as):
		answer[kind] = said
	case now == nil:
		return false
	default:
		answer[kind] = now
	}
	return true
}

func sorted(m map[string]string) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
