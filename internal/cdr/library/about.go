package library

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/tidwall/gjson"

	"github.com/quire-cdr/quire/internal/fault"
)

// About is what searches ask of a resource. Tokens are written system|code.
type About struct {
	URL         string   `json:"url,omitempty"`
	Version     string   `json:"version,omitempty"`
	Status      string   `json:"status,omitempty"`
	Name        string   `json:"name,omitempty"`
	Title       string   `json:"title,omitempty"`
	Publisher   string   `json:"publisher,omitempty"`
	Description string   `json:"description,omitempty"`
	Date        string   `json:"date,omitempty"`
	Identifiers []string `json:"identifiers,omitempty"`
	// Codes are the codes of questions, or of a code system its own.
	Codes    []string `json:"codes,omitempty"`
	Contexts []string `json:"contexts,omitempty"`
	// Definitions are the elements that questions stand for, References the code
	// systems a value set takes codes of.
	Definitions []string `json:"definitions,omitempty"`
	References  []string `json:"references,omitempty"`

	id string
}

// AboutOf reads what searches ask for out of a resource that is JSON.
func AboutOf(kind string, text []byte) About {
	r := gjson.ParseBytes(text)
	a := About{id: r.Get("id").String()}
	for name, into := range map[string]*string{"url": &a.URL, "version": &a.Version, "status": &a.Status, "name": &a.Name,
		"title": &a.Title, "publisher": &a.Publisher, "description": &a.Description, "date": &a.Date} {
		*into = r.Get(name).String()
	}
	token := func(list *[]string, v gjson.Result, code string) {
		if text := v.Get("system").String() + "|" + v.Get(code).String(); text != "|" && !slices.Contains(*list, text) {
			*list = append(*list, text)
		}
	}
	for _, i := range r.Get("identifier").Array() {
		token(&a.Identifiers, i, "value")
	}
	for _, c := range r.Get("useContext.#.valueCodeableConcept.coding|@flatten").Array() {
		token(&a.Contexts, c, "code")
	}
	for _, c := range r.Get("useContext.#.code").Array() {
		token(&a.Contexts, c, "code")
	}
	switch kind {
	case Questionnaire:
		for _, c := range r.Get("code").Array() {
			token(&a.Codes, c, "code")
		}
		each(r, "item", func(i gjson.Result) {
			for _, c := range i.Get("code").Array() {
				token(&a.Codes, c, "code")
			}
			if d := i.Get("definition").String(); d != "" {
				a.Definitions = append(a.Definitions, d)
			}
		})
	case CodeSystem:
		each(r, "concept", func(c gjson.Result) { a.Codes = append(a.Codes, a.URL+"|"+c.Get("code").String()) })
	case ValueSet:
		for _, i := range r.Get("compose.include").Array() {
			if s := i.Get("system").String(); s != "" && !slices.Contains(a.References, s) {
				a.References = append(a.References, s)
			}
		}
	}
	return a
}

// each visits a tree of members of one name.
func each(r gjson.Result, member string, visit func(gjson.Result)) {
	for _, one := range r.Get(member).Array() {
		visit(one)
		each(one, member, visit)
	}
}

// statuses of publication (FHIR R4, ValueSet publication-status).
var statuses = []string{"draft", "active", "retired", "unknown"}

// itemTypes are the types of questions (FHIR R4, ValueSet item-type).
var itemTypes = []string{"group", "display", "question", "boolean", "decimal", "integer", "date", "dateTime", "time", "string", "text",
	"url", "choice", "open-choice", "attachment", "reference", "quantity"}

// deepest is how far a resource may nest.
const deepest = 200

// read judges a resource as it comes and gives its content without what is the
// server's.
func read(kind string, text []byte) (About, []byte, error) {
	wrong := func(issues ...fault.Issue) error {
		return fault.New(fault.Invalid, "resource-unreadable", "the body is no %s that can be kept", kind).With(issues...)
	}
	value := jsontext.Value(bytes.TrimSpace(text))
	if !value.IsValid(jsontext.AllowDuplicateNames(false)) || depth(value) > deepest {
		_, err := jsontext.AppendFormat(nil, value, jsontext.AllowDuplicateNames(false))
		message := "the resource nests too deep"
		if err != nil {
			message = "the body is not JSON as FHIR has it: members stand once, texts are UTF-8"
		}
		return About{}, nil, wrong(fault.Issue{Path: kind, Rule: "json", Message: message})
	}
	r := gjson.ParseBytes(value)
	if found := r.Get("resourceType").String(); found != kind {
		return About{}, nil, wrong(fault.Issue{Path: kind + ".resourceType", Rule: "resource-type", Expected: kind, Found: found, Message: "the resource is of another type"})
	}
	var issues []fault.Issue
	if status := r.Get("status").String(); !slices.Contains(statuses, status) {
		issues = append(issues, fault.Issue{Path: kind + ".status", Rule: "status", Expected: strings.Join(statuses, ", "), Found: status, Message: "a resource needs one of the statuses of publication"})
	}
	if kind == Questionnaire {
		issues = append(issues, questions(r, kind, map[string]bool{})...)
	}
	if len(issues) > 0 {
		return About{}, nil, fault.New(fault.Unprocessable, "resource-invalid", "the %s is not valid", kind).With(issues...)
	}
	content, err := without(value)
	return AboutOf(kind, value), content, err
}

// Passing reads a resource that came with a request and is not kept.
func Passing(kind string, text []byte) (Resource, error) {
	about, content, err := read(kind, text)
	return Resource{Head{Kind: kind, ID: about.id, About: about}, content}, err
}

func depth(text []byte) int {
	most, at, quoted := 0, 0, false
	for n := 0; n < len(text); n++ {
		switch c := text[n]; {
		case quoted && c == '\\':
			n++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			at++
			most = max(most, at)
		case c == '}' || c == ']':
			at--
		}
	}
	return most
}

// questions checks what every reader of a form leans on: a linkId that is there
// once, a type, and children where there may be any (FHIR R4, Questionnaire, que-1,
// que-2 and que-6).
func questions(r gjson.Result, path string, seen map[string]bool) (issues []fault.Issue) {
	for n, item := range r.Get("item").Array() {
		at := path + ".item[" + strconv.Itoa(n) + "]"
		id, kind := item.Get("linkId").String(), item.Get("type").String()
		add := func(member, rule, found, message string) {
			issues = append(issues, fault.Issue{Path: at + member, FlatKey: id, Rule: rule, Found: found, Message: message})
		}
		switch {
		case id == "":
			add(".linkId", "required", "", "an item needs a linkId")
		case seen[id]:
			add(".linkId", "que-2", id, "the linkId stands twice")
		}
		seen[id] = true
		if !slices.Contains(itemTypes, kind) {
			add(".type", "type", kind, "an item needs one of the types of FHIR R4")
		}
		if kind == "display" && item.Get("item").Exists() {
			add("", "que-1", kind, "a display item has no items below it")
		}
		issues = append(issues, questions(item, at, seen)...)
	}
	return issues
}

// without leaves out the members of a resource that the server writes: its id,
// the version and the time in meta. All else stays as it is, byte by byte.
func without(text []byte) ([]byte, error) {
	return members(text, func(name string, value jsontext.Value) (jsontext.Value, error) {
		switch name {
		case "resourceType", "id":
			return nil, nil
		case "meta":
			left, err := members(value, func(name string, value jsontext.Value) (jsontext.Value, error) {
				if name == "versionId" || name == "lastUpdated" {
					return nil, nil
				}
				return value, nil
			})
			if string(left) == "{}" {
				return nil, err
			}
			return left, err
		}
		return value, nil
	})
}

// members writes an object again with what becomes of each of its members.
func members(text []byte, each func(string, jsontext.Value) (jsontext.Value, error)) ([]byte, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(text))
	if t, err := dec.ReadToken(); err != nil || t.Kind() != '{' {
		return nil, fault.New(fault.Invalid, "resource-unreadable", "an object is wanted").Because(err)
	}
	out := []byte{'{'}
	for dec.PeekKind() == '"' {
		name, err := dec.ReadToken()
		if err != nil {
			return nil, err
		}
		key := name.String()
		value, err := dec.ReadValue()
		if err != nil {
			return nil, err
		}
		if value, err = each(key, value); err != nil {
			return nil, err
		}
		if value == nil {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		quoted, err := json.Marshal(key)
		if err != nil {
			return nil, err
		}
		out = append(append(append(out, quoted...), ':'), value...)
	}
	return append(out, '}'), nil
}

// Text is the resource as it leaves, with its id, version and time.
func (r Resource) Text() []byte {
	if len(r.Content) == 0 {
		return nil
	}
	meta := `"versionId":"` + strconv.Itoa(r.Number) + `","lastUpdated":"` + r.Committed.UTC().Format("2006-01-02T15:04:05.000Z07:00") + `"`
	rest, err := members(r.Content, func(name string, value jsontext.Value) (jsontext.Value, error) {
		if name != "meta" {
			return value, nil
		}
		if inner := bytes.TrimSpace(value[1 : len(value)-1]); len(inner) > 0 {
			meta += "," + string(inner)
		}
		return nil, nil
	})
	if err != nil {
		return nil // what was stored was read here before
	}
	head := `{"resourceType":"` + r.Kind + `","id":"` + r.ID + `","meta":{` + meta + `}`
	if len(rest) > 2 {
		head += ","
	}
	return append([]byte(head), rest[1:]...)
}

// Moment reads a date or time of FHIR with the span it means: a year, a month, a
// day, or an instant to the second.
func Moment(text string) (from, until time.Time, ok bool) {
	for _, precision := range []struct {
		layout              string
		years, months, days int
		rest                time.Duration
	}{
		{"2006", 1, 0, 0, 0}, {"2006-01", 0, 1, 0, 0}, {time.DateOnly, 0, 0, 1, 0},
		{"2006-01-02T15:04Z07:00", 0, 0, 0, time.Minute}, {time.RFC3339, 0, 0, 0, time.Second},
	} {
		if at, err := time.Parse(precision.layout, text); err == nil {
			if strings.Contains(text, ".") {
				return at, at.Add(time.Millisecond), true
			}
			return at, at.AddDate(precision.years, precision.months, precision.days).Add(precision.rest), true
		}
	}
	return from, until, false
}
