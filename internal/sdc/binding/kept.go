package binding

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"unicode"

	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/sdc"
)

// Question is what a form says of one of its questions.
type Question struct {
	Text  string
	Codes []fhir.Coding
	// Above are the words of the groups around it, the outermost first.
	Above []string
}

// Questions reads what a Questionnaire says of its questions, by linkId; a form
// that cannot be read says nothing.
func Questions(questionnaire []byte) map[string]Question {
	type item struct {
		LinkID string        `json:"linkId"`
		Text   string        `json:"text"`
		Code   []fhir.Coding `json:"code"`
		Item   []item        `json:"item"`
	}
	var q struct {
		Item []item `json:"item"`
	}
	out := map[string]Question{}
	if json.Unmarshal(questionnaire, &q) != nil {
		return out
	}
	var walk func(list []item, above []string)
	walk = func(list []item, above []string) {
		for _, i := range list {
			out[i.LinkID] = Question{i.Text, i.Code, above}
			within := above
			if i.Text != "" {
				within = append(append([]string(nil), above...), i.Text)
			}
			walk(i.Item, within)
		}
	}
	walk(q.Item, nil)
	return out
}

// kept is a question whose answers go into the generic archetype.
type kept struct {
	linkID, place string
	Question
	answers []keptAnswer
}

type keptAnswer struct {
	// answer is the object of the response it stands in.
	answer map[string]any
	kind   string
}

// keep notes an answer for the generic archetype; false where that cannot say it.
func (w *walker) keep(linkID, place, text string, above []string, answer map[string]any, kind string) bool {
	if w.form.room == nil {
		return false
	}
	if _, personal := w.form.Identifiers[linkID]; personal || w.form.Unbound[linkID] != "" {
		return false // of the person, or left out on purpose
	}
	if write := elementValue(kind, answer[kind]); write == nil {
		return false
	}
	n, there := w.places[place]
	if !there {
		q := w.questions[linkID]
		if text != "" {
			q.Text = text
		}
		if plainText(q.Text) == "" {
			q.Text = linkID
		}
		if len(above) > 0 {
			q.Above = above
		}
		n = len(w.draft.kept)
		w.places[place] = n
		w.draft.kept = append(w.draft.kept, kept{linkID: linkID, place: place, Question: q})
	}
	w.draft.kept[n].answers = append(w.draft.kept[n].answers, keptAnswer{answer, kind})
	return true
}

// write makes the CLUSTER of a question.
func (k *kept) write(b *rm.Builder, attr rminfo.Attr, name string) {
	b.Open(attr, rminfo.CLUSTER)
	named(b, name)
	b.String(rminfo.A_archetype_node_id, rminfo.String, Archetype)
	b.Open(rminfo.A_archetype_details, rminfo.ARCHETYPED)
	b.Open(rminfo.A_archetype_id, rminfo.ARCHETYPE_ID)
	b.String(rminfo.A_value, rminfo.String, Archetype)
	b.Close()
	b.String(rminfo.A_rm_version, rminfo.String, "1.0.4")
	b.Close()
	for _, a := range k.answers {
		element(b, nodeAnswer, plainText(k.Text), elementValue(a.kind, a.answer[a.kind]))
	}
	element(b, nodeIdentifier, "Question identifier", words(k.linkID))
	for _, c := range k.Codes {
		if write := codedValue(c); write != nil {
			element(b, nodeCode, "Question code", write)
		}
	}
	for _, heading := range k.Above {
		if heading = plainText(heading); heading != "" {
			element(b, nodeHeading, "Heading", words(heading))
		}
	}
	element(b, nodePlace, "Place", words(k.place))
	b.Close()
}

// plainText is a heading as one line.
func plainText(text string) string { return strings.Join(strings.Fields(text), " ") }

func element(b *rm.Builder, code, name string, value func(*rm.Builder)) {
	b.Open(rminfo.A_items, rminfo.ELEMENT)
	named(b, name)
	b.String(rminfo.A_archetype_node_id, rminfo.String, code)
	value(b)
	b.Close()
}

// written makes the function that writes a value of one text member.
func written(class rminfo.Class, text string) func(*rm.Builder) {
	if text == "" {
		return nil
	}
	return func(b *rm.Builder) {
		b.Open(rminfo.A_value, class)
		b.String(rminfo.A_value, rminfo.String, text)
		b.Close()
	}
}

func words(text string) func(*rm.Builder) { return written(rminfo.DV_TEXT, text) }

func codePhrase(b *rm.Builder, attr rminfo.Attr, terminology, code string) {
	b.Open(attr, rminfo.CODE_PHRASE)
	b.Open(rminfo.A_terminology_id, rminfo.TERMINOLOGY_ID)
	b.String(rminfo.A_value, rminfo.String, terminology)
	b.Close()
	b.String(rminfo.A_code_string, rminfo.String, code)
	b.Close()
}

// codedValue is nil of what is no code of a named system.
func codedValue(c fhir.Coding) func(*rm.Builder) {
	if c.Code == "" || c.System == "" {
		return nil
	}
	display := c.Display
	if display == "" {
		display = c.Code
	}
	return func(b *rm.Builder) {
		b.Open(rminfo.A_value, rminfo.DV_CODED_TEXT)
		b.String(rminfo.A_value, rminfo.String, display)
		codePhrase(b, rminfo.A_defining_code, sdc.TerminologyID(c.System), c.Code)
		b.Close()
	}
}

// elementValue writes an answer as the value of an ELEMENT; nil where no class of
// the generic archetype says it.
func elementValue(kind string, value any) func(*rm.Builder) {
	text, _ := value.(string)
	if strings.TrimSpace(text) == "" {
		text = "" // an answer of blanks says nothing
	}
	switch kind {
	case "valueBoolean":
		if yes, ok := value.(bool); ok {
			return func(b *rm.Builder) {
				b.Open(rminfo.A_value, rminfo.DV_BOOLEAN)
				b.Bool(rminfo.A_value, yes)
				b.Close()
			}
		}
	case "valueInteger":
		if n, ok := value.(json.Number); ok {
			return func(b *rm.Builder) {
				b.Open(rminfo.A_value, rminfo.DV_COUNT)
				b.Number(rminfo.A_magnitude, rminfo.Integer64, n.String())
				b.Close()
			}
		}
	case "valueDecimal":
		if n, ok := value.(json.Number); ok {
			return quantity(n.String(), "1", "")
		}
	case "valueQuantity":
		var q fhir.Quantity
		if again(value, &q) == nil && q.Value != nil {
			unit := q.Code
			if unit == "" {
				unit = q.Unit
			}
			if unit == "" {
				unit = "1"
			}
			return quantity(string(*q.Value), unit, q.Comparator)
		}
	case "valueDate":
		return written(rminfo.DV_DATE, text)
	case "valueDateTime":
		return written(rminfo.DV_DATE_TIME, text)
	case "valueTime":
		return written(rminfo.DV_TIME, text)
	case "valueString":
		return words(text)
	case "valueUri", "valueUrl":
		if scheme, _, ok := strings.Cut(text, ":"); ok && scheme != "" && !strings.ContainsFunc(text, unicode.IsSpace) {
			return written(rminfo.DV_URI, text)
		}
		return words(text)
	case "valueCoding":
		var c fhir.Coding
		if again(value, &c) != nil {
			return nil
		}
		if write := codedValue(c); write != nil {
			return write
		}
		return words(wordsOf(value))
	case "valueReference":
		return words(wordsOf(value))
	case "valueAttachment":
		var a fhir.Attachment
		if again(value, &a) == nil {
			return attachment(a)
		}
	}
	return nil
}

func quantity(magnitude, unit, status string) func(*rm.Builder) {
	return func(b *rm.Builder) {
		b.Open(rminfo.A_value, rminfo.DV_QUANTITY)
		if status != "" {
			b.String(rminfo.A_magnitude_status, rminfo.String, status)
		}
		b.Number(rminfo.A_magnitude, rminfo.Real, magnitude)
		b.String(rminfo.A_units, rminfo.String, unit)
		b.Close()
	}
}

// attachment needs to say what it is of and to hold or name it; what does not is
// kept by its title.
func attachment(a fhir.Attachment) func(*rm.Builder) {
	if a.ContentType == "" || a.Data == "" && !strings.Contains(a.URL, ":") {
		return words(a.Title)
	}
	size := base64Size(a.Data)
	if a.Size != nil && a.Data == "" {
		size = string(*a.Size)
	}
	return func(b *rm.Builder) {
		b.Open(rminfo.A_value, rminfo.DV_MULTIMEDIA)
		if a.Title != "" {
			b.String(rminfo.A_alternate_text, rminfo.String, a.Title)
		}
		if a.URL != "" && strings.Contains(a.URL, ":") {
			b.Open(rminfo.A_uri, rminfo.DV_URI)
			b.String(rminfo.A_value, rminfo.String, a.URL)
			b.Close()
		}
		if a.Data != "" {
			b.String(rminfo.A_data, rminfo.String, a.Data)
		}
		codePhrase(b, rminfo.A_media_type, "IANA_media-types", a.ContentType)
		b.Number(rminfo.A_size, rminfo.Integer, size)
		b.Close()
	}
}

// base64Size counts the bytes of what is written in base64.
func base64Size(data string) string {
	return strconv.Itoa(len(strings.TrimRight(data, "=")) * 3 / 4)
}

// keptValue is what an ELEMENT says as an answer of a kind, and the kind it is of
// now; nil where it says nothing.
func keptValue(t *rm.Tree, element rm.ID, kind string) (string, any) {
	v := t.Child(element, rminfo.A_value)
	if v == rm.None {
		return kind, nil
	}
	text := func(attrs ...rminfo.Attr) string { return t.TextAt(v, attrs...) }
	pick := func(value any, kinds ...string) (string, any) {
		for _, k := range kinds {
			if k == kind {
				return kind, value
			}
		}
		return kinds[0], value
	}
	switch t.Class(v) {
	case rminfo.DV_BOOLEAN:
		return "valueBoolean", t.Bool(t.Child(v, rminfo.A_value))
	case rminfo.DV_COUNT:
		return pick(json.Number(text(rminfo.A_magnitude)), "valueInteger", "valueDecimal")
	case rminfo.DV_QUANTITY:
		if n := json.Number(text(rminfo.A_magnitude)); kind == "valueDecimal" && text(rminfo.A_units) == "1" {
			return kind, n
		}
		n, unit := fhir.Decimal(text(rminfo.A_magnitude)), text(rminfo.A_units)
		return "valueQuantity", generic(fhir.Quantity{Value: &n, Comparator: text(rminfo.A_magnitude_status), Unit: unit, System: "http://unitsofmeasure.org", Code: unit})
	case rminfo.DV_DATE:
		return pick(text(rminfo.A_value), "valueDate", "valueDateTime")
	case rminfo.DV_DATE_TIME:
		return "valueDateTime", text(rminfo.A_value)
	case rminfo.DV_TIME:
		return "valueTime", text(rminfo.A_value)
	case rminfo.DV_URI:
		return pick(text(rminfo.A_value), "valueUri", "valueUrl")
	case rminfo.DV_CODED_TEXT:
		return "valueCoding", generic(fhir.Coding{System: sdc.CodeSystem(text(rminfo.A_defining_code, rminfo.A_terminology_id, rminfo.A_value)),
			Code: text(rminfo.A_defining_code, rminfo.A_code_string), Display: text(rminfo.A_value)})
	case rminfo.DV_MULTIMEDIA:
		size := fhir.Decimal(text(rminfo.A_size))
		return "valueAttachment", generic(fhir.Attachment{ContentType: text(rminfo.A_media_type, rminfo.A_code_string), Data: text(rminfo.A_data),
			URL: text(rminfo.A_uri, rminfo.A_value), Title: text(rminfo.A_alternate_text), Size: &size})
	}
	switch kind {
	case "valueReference":
		return kind, map[string]any{"display": text(rminfo.A_value)}
	case "valueCoding":
		return kind, map[string]any{"display": text(rminfo.A_value)}
	case "valueAttachment":
		return kind, map[string]any{"title": text(rminfo.A_value)}
	}
	return pick(text(rminfo.A_value), "valueString", "valueUri", "valueUrl")
}

// store puts the answers that no item took into the composition, and says in the
// rest of the response where they are.
func (d *Draft) store(tree *rm.Tree) (*rm.Tree, error) {
	if len(d.kept) == 0 {
		return tree, nil
	}
	room := d.form.room
	_, missing := room.reach(tree)
	var clusters []func(*rm.Builder)
	for n := range d.kept {
		attr := room.attr
		if len(missing) == 0 {
			attr = 0 // it is spliced in by itself
		}
		clusters = append(clusters, func(b *rm.Builder) { d.kept[n].write(b, attr, room.name) })
	}
	tree, done, err := room.put(tree, clusters)
	if err != nil || !done {
		return tree, err
	}
	held := room.answers(tree)
	for _, k := range d.kept {
		for n, a := range k.answers {
			said := a.answer[a.kind]
			delete(a.answer, a.kind)
			a.answer[memberKept], a.answer[memberAt] = a.kind, strconv.Itoa(n)
			if kind, as := keptValue(tree, held[k.place][n], a.kind); kind != a.kind || !reflect.DeepEqual(said, as) {
				a.answer[memberSaid], a.answer[memberAs] = said, as
			}
		}
	}
	return tree, nil
}
