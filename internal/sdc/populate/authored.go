package populate

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/fhir/fhirpath"
)

// Extensions of authored Questionnaires that fill them (SDC 4, Form Population),
// and our own for AQL.
const (
	sdcBase            = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-"
	extVariable        = "http://hl7.org/fhir/StructureDefinition/variable"
	extInitial         = sdcBase + "initialExpression"
	extItemContext     = sdcBase + "itemPopulationContext"
	extLinkPeriod      = sdcBase + "observationLinkPeriod"
	extLaunch          = sdcBase + "launchContext"
	ExtInitialAQL      = "https://quire-cdr.org/fhir/StructureDefinition/openehr-initialAql"
	languageFHIRPath   = "text/fhirpath"
	languageFHIRQuery  = "application/x-fhir-query"
	languageAQL        = "text/aql"
	deepestQuestion    = 60
	mostContextRepeats = 200
)

// Authored fills a Questionnaire that somebody wrote, from its own expressions.
// The functions read the record with the caller's rights; nil ones read nothing.
type Authored struct {
	Now time.Time
	// Context are the resources of the launch: patient, user, encounter.
	Context map[string]fhirpath.Value
	// Fetch answers a FHIR query; served is false for what this server has not.
	Fetch func(query string) (found fhirpath.Collection, served bool, err error)
	// Observed finds the newest observation with a code since a time.
	Observed func(code fhir.Coding, since time.Time) (*Observed, error)
	// AQL gives the first column of a query over the record.
	AQL func(query string) (fhirpath.Collection, error)
}

// Observed is an observation with where it stands.
type Observed struct {
	Answer fhir.Answer
	// Source is the extension that says where the answer is from.
	Source fhir.Extension
}

// question is an item of an authored Questionnaire, as far as filling needs it.
type question struct {
	LinkID       string            `json:"linkId"`
	Text         string            `json:"text"`
	Type         string            `json:"type"`
	Repeats      bool              `json:"repeats"`
	Code         []fhir.Coding     `json:"code"`
	Extension    []extension       `json:"extension"`
	Initial      []json.RawMessage `json:"initial"`
	AnswerOption []struct {
		ValueCoding *fhir.Coding `json:"valueCoding"`
	} `json:"answerOption"`
	Item []question `json:"item"`
}

type extension struct {
	URL             string `json:"url"`
	ValueExpression *struct {
		Name       string `json:"name"`
		Language   string `json:"language"`
		Expression string `json:"expression"`
	} `json:"valueExpression"`
	ValueDuration *fhir.Quantity `json:"valueDuration"`
	ValueString   string         `json:"valueString"`
	Extension     []struct {
		URL         string       `json:"url"`
		ValueCoding *fhir.Coding `json:"valueCoding"`
		ValueID     string       `json:"valueId"`
	} `json:"extension"`
}

// filling is one Questionnaire on its way.
type filling struct {
	*Authored
	notes []Note
}

// within is what an item inherits from those around it.
type within struct {
	variables map[string]fhirpath.Collection
	period    *fhir.Quantity
	depth     int
}

// Fill answers the items whose expressions, links or initial values give
// something. What gives nothing stays unanswered, with a note where it could not
// be worked out.
func (a *Authored) Fill(questionnaire []byte) (*fhir.QuestionnaireResponse, []Note, error) {
	var q struct {
		ResourceType string      `json:"resourceType"`
		URL          string      `json:"url"`
		Version      string      `json:"version"`
		Extension    []extension `json:"extension"`
		Item         []question  `json:"item"`
	}
	if err := json.Unmarshal(questionnaire, &q); err != nil || q.ResourceType != "Questionnaire" {
		return nil, nil, fault.New(fault.Invalid, "questionnaire", "this is no Questionnaire that can be read").With(fault.Issue{
			Path: "Questionnaire", Rule: "json", Expected: "Questionnaire", Found: q.ResourceType, Message: "the resource cannot be read"})
	}
	whole, err := fhirpath.Read(questionnaire)
	if err != nil {
		return nil, nil, fault.New(fault.Invalid, "questionnaire", "this is no Questionnaire that can be read").Because(err)
	}
	f := &filling{Authored: a}
	w := within{variables: map[string]fhirpath.Collection{"questionnaire": {whole}}}
	for name, resource := range a.Context {
		w.variables[name] = fhirpath.Collection{resource}
	}
	for _, e := range q.Extension {
		if e.URL == extLaunch {
			f.launched(e, w)
		}
	}
	r := &fhir.QuestionnaireResponse{ResourceType: "QuestionnaireResponse", Status: "in-progress", Questionnaire: q.URL,
		Authored: a.Now.UTC().Format("2006-01-02T15:04:05.000Z07:00")}
	if q.Version != "" && q.URL != "" {
		r.Questionnaire += "|" + q.Version
	}
	blank, err := fhirpath.Read([]byte(`{"resourceType":"QuestionnaireResponse"}`))
	if err != nil {
		return nil, nil, err
	}
	w.variables["resource"], w.variables["context"] = fhirpath.Collection{blank}, fhirpath.Collection{blank}
	f.inherit(&w, q.Extension, "")
	r.Item = f.items(q.Item, w)
	return r, f.notes, nil
}

// launched checks that a context the form is written for was given; one that was
// not is empty.
func (f *filling) launched(e extension, w within) {
	for _, part := range e.Extension {
		name := part.ValueID
		if part.ValueCoding != nil {
			name = part.ValueCoding.Code
		}
		if part.URL == "name" && name != "" && w.variables[name] == nil {
			w.variables[name] = fhirpath.Collection{}
			f.note("", "the launch context %s was not given", name)
		}
	}
}

func (f *filling) note(linkID, format string, args ...any) {
	f.notes = append(f.notes, Note{linkID, Failed, fmt.Sprintf(format, args...)})
}

// inherit takes in the variables and the period that extensions set.
func (f *filling) inherit(w *within, list []extension, linkID string) {
	copied := make(map[string]fhirpath.Collection, len(w.variables)+1)
	for name, values := range w.variables {
		copied[name] = values
	}
	w.variables = copied
	for _, e := range list {
		switch {
		case e.URL == extVariable && e.ValueExpression != nil && e.ValueExpression.Name != "":
			w.variables[e.ValueExpression.Name] = f.evaluate(e.ValueExpression.Language, e.ValueExpression.Expression, *w, linkID)
		case e.URL == extLinkPeriod && e.ValueDuration != nil:
			w.period = e.ValueDuration
		}
	}
}

// evaluate works an expression out; what goes wrong is noted, and gives nothing.
func (f *filling) evaluate(language, text string, w within, linkID string) fhirpath.Collection {
	var out fhirpath.Collection
	var err error
	switch language {
	case languageFHIRPath:
		out, err = f.path(text, w)
	case languageFHIRQuery:
		out, err = f.query(text, w)
	case languageAQL:
		if err = fmt.Errorf("no AQL is run here"); f.AQL != nil {
			out, err = f.AQL(text)
		}
	default:
		err = fmt.Errorf("the language %q is not known here", language)
	}
	if err != nil {
		f.note(linkID, "%v", err)
		return fhirpath.Collection{}
	}
	return out
}

func (f *filling) path(text string, w within) (fhirpath.Collection, error) {
	e, err := fhirpath.Parse(text)
	if err != nil {
		return nil, err
	}
	return e.Eval(w.variables["context"], &fhirpath.Context{Now: f.Now, Variables: w.variables})
}

// query fills in the {{expressions}} of a FHIR query and asks it.
func (f *filling) query(text string, w within) (fhirpath.Collection, error) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "{{")
		b.WriteString(before)
		if !found {
			break
		}
		inner, after, closed := strings.Cut(rest, "}}")
		if !closed {
			return nil, fmt.Errorf("the query has {{ without }}")
		}
		values, err := f.path(inner, w)
		if err != nil {
			return nil, err
		}
		if len(values) == 0 {
			return nil, fmt.Errorf("%s is empty, and the query is not asked without it", inner)
		}
		for n, v := range values {
			if n > 0 {
				b.WriteByte(',')
			}
			b.WriteString(v.String())
		}
		text = after
	}
	if f.Fetch == nil {
		return nil, fmt.Errorf("no FHIR query is served here")
	}
	found, served, err := f.Fetch(b.String())
	if err == nil && !served {
		kind, _, _ := strings.Cut(b.String(), "?")
		err = fmt.Errorf("queries of %.40q are not served here", kind)
	}
	return found, err
}

func (f *filling) items(list []question, w within) []fhir.ResponseItem {
	var out []fhir.ResponseItem
	if w.depth++; w.depth > deepestQuestion {
		return nil
	}
	for n := range list {
		q := &list[n]
		if q.Type == "group" {
			out = append(out, f.group(q, w)...)
			continue
		}
		inner := w
		f.inherit(&inner, q.Extension, q.LinkID)
		item := fhir.ResponseItem{LinkID: q.LinkID, Text: q.Text, Answer: f.answers(q, inner)}
		below := f.items(q.Item, inner)
		switch {
		case len(item.Answer) > 0:
			item.Answer[0].Item = below
		case len(below) > 0:
			// Items below a question stand below its answer; without one they wait.
			continue
		}
		if len(item.Answer) > 0 {
			out = append(out, item)
		}
	}
	return out
}

// group is a group once, or with a context once for each of its values.
func (f *filling) group(q *question, w within) []fhir.ResponseItem {
	for _, e := range q.Extension {
		if e.URL != extItemContext || e.ValueExpression == nil {
			continue
		}
		values := f.evaluate(e.ValueExpression.Language, e.ValueExpression.Expression, w, q.LinkID)
		if len(values) > 1 && !q.Repeats || len(values) > mostContextRepeats {
			f.note(q.LinkID, "the context has %d values, and the group has no room for them", len(values))
			return nil
		}
		var out []fhir.ResponseItem
		for _, v := range values {
			inner := w
			f.inherit(&inner, nil, q.LinkID)
			if e.ValueExpression.Name != "" {
				inner.variables[e.ValueExpression.Name] = fhirpath.Collection{v}
			}
			f.inherit(&inner, q.Extension, q.LinkID)
			if items := f.items(q.Item, inner); len(items) > 0 {
				out = append(out, fhir.ResponseItem{LinkID: q.LinkID, Text: q.Text, Item: items})
			}
		}
		return out
	}
	f.inherit(&w, q.Extension, q.LinkID)
	if items := f.items(q.Item, w); len(items) > 0 {
		return []fhir.ResponseItem{{LinkID: q.LinkID, Text: q.Text, Item: items}}
	}
	return nil
}

// answers are those of the last of these that gives any: initial values, an
// observation with the code, an expression, AQL.
func (f *filling) answers(q *question, w within) []fhir.Answer {
	var out []fhir.Answer
	for _, raw := range q.Initial {
		var a fhir.Answer
		if json.Unmarshal(raw, &a) == nil {
			out = append(out, a)
		}
	}
	if w.period != nil && len(q.Code) > 0 && !q.Repeats {
		if a := f.observed(q, w.period); a != nil {
			out = []fhir.Answer{*a}
		}
	}
	for _, e := range q.Extension {
		var values fhirpath.Collection
		switch {
		case e.URL == extInitial && e.ValueExpression != nil:
			values = f.evaluate(e.ValueExpression.Language, e.ValueExpression.Expression, w, q.LinkID)
		case e.URL == ExtInitialAQL && e.ValueString != "":
			values = f.evaluate(languageAQL, e.ValueString, w, q.LinkID)
		default:
			continue
		}
		if len(values) > 1 && !q.Repeats {
			f.note(q.LinkID, "the expression gives %d values and one is wanted", len(values))
			continue
		}
		var answers []fhir.Answer
		for _, v := range values {
			if a, err := answerOf(q, v); err != nil {
				f.note(q.LinkID, "%v", err)
			} else {
				answers = append(answers, *a)
			}
		}
		if len(answers) > 0 {
			out = answers
		}
	}
	return out
}

func (f *filling) observed(q *question, period *fhir.Quantity) *fhir.Answer {
	since, ok := before(f.Now, period)
	if !ok {
		f.note(q.LinkID, "the period of the observation link cannot be read")
		return nil
	}
	if f.Observed == nil {
		return nil
	}
	for _, code := range q.Code {
		found, err := f.Observed(code, since)
		if err != nil {
			f.note(q.LinkID, "%v", err)
			continue
		}
		if found == nil {
			continue
		}
		a, err := recast(q, found.Answer)
		if err != nil {
			f.note(q.LinkID, "%v", err)
			continue
		}
		a.Extension = []fhir.Extension{found.Source}
		return a
	}
	return nil
}

// before is a time that lies a period before another.
func before(now time.Time, period *fhir.Quantity) (time.Time, bool) {
	unit := period.Code
	if unit == "" {
		unit = period.Unit
	}
	if period.Value == nil {
		return now, false
	}
	amount, err := strconv.ParseFloat(string(*period.Value), 64)
	if err != nil || amount <= 0 || amount > 1e6 {
		return now, false
	}
	switch unit {
	case "a", "year", "years":
		return now.AddDate(-int(amount), 0, 0), true
	case "mo", "month", "months":
		return now.AddDate(0, -int(amount), 0), true
	}
	hours, ok := map[string]float64{"wk": 7 * 24, "week": 7 * 24, "weeks": 7 * 24, "d": 24, "day": 24, "days": 24, "h": 1, "hour": 1, "hours": 1, "min": 1.0 / 60}[unit]
	return now.Add(-time.Duration(amount * hours * float64(time.Hour))), ok
}
