package form

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/uuid/v5"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// Responses asks for the responses of one person; a search over a population is
// not a form's business.
type Responses struct {
	// Person may be left out where ID names one response.
	Person Person
	// ID is that of a response, "" for any.
	ID string
	// Questionnaire is the id or the canonical address of a form, "" for any.
	Questionnaire string
	// Lifecycles are the states of the record; none is cdr.Complete alone.
	Lifecycles []string
	// Amended asks for amendments alone, or for none; nil for both.
	Amended *bool
	// Author is the name of who answered, or an identifier of theirs.
	Author string
	// Identifier is that of a response, IdentifierSystem who issues such.
	Identifier, IdentifierSystem string
	// BasedOn is the reference, or the value of the identifier, of what a response
	// was asked for by.
	BasedOn string
	// Authored bounds the time of filling, Updated that of the commit.
	Authored, Updated Span
	// Count is the size of a page, Offset the number of responses before it.
	Count, Offset int
	// Total asks how many there are altogether.
	Total bool
}

// Span is a time from one instant until before another; zero is no bound.
type Span struct{ From, Until time.Time }

// Page is a page of responses, the newest first; More says that it is not the last.
type Page struct {
	Issued []*Issued
	More   bool
	// Total is how many there are, where that was asked for.
	Total int
	// Withheld says that there may be more than the caller may see.
	Withheld bool
}

// asked is a search as a query.
type asked struct {
	where  []string
	params map[string]any
}

func (a *asked) add(name string, value any, condition string) {
	a.where, a.params[name] = append(a.where, condition), value
}

func (a *asked) span(s Span, name, path string) {
	if !s.From.IsZero() {
		a.add(name+"_from", instant(s.From), path+" >= $"+name+"_from")
	}
	if !s.Until.IsZero() {
		a.add(name+"_until", instant(s.Until), path+" < $"+name+"_until")
	}
}

// Paths of the record that searches ask about.
const (
	pathCommitted = "v/commit_audit/time_committed/value"
	pathFilled    = "c/feeder_audit/originating_system_audit/time/value"
)

// question makes a query of a search; known is false where nothing can match.
func (f *Forms) question(ctx context.Context, caller cdr.Caller, ehr string, s Responses) (a asked, known bool, err error) {
	a = asked{params: map[string]any{"ehr": ehr}}
	var states []string
	for n, lifecycle := range s.Lifecycles {
		name := "lifecycle" + strconv.Itoa(n)
		states, a.params[name] = append(states, "v/lifecycle_state/defining_code/code_string = $"+name), lifecycle
	}
	if states == nil {
		states, a.params["lifecycle"] = []string{"v/lifecycle_state/defining_code/code_string = $lifecycle"}, cdr.Complete
	}
	a.where = []string{"(" + strings.Join(states, " OR ") + ")"}
	if s.Amended != nil {
		sign := "!="
		if *s.Amended {
			sign = "="
		}
		a.add("amendment", cdr.Amendment, "v/commit_audit/change_type/defining_code/code_string "+sign+" $amendment")
	}
	if s.ID != "" {
		id, err := uuid.FromString(s.ID)
		if err != nil {
			return a, false, nil
		}
		a.add("object", id.String()+"*", "v/uid/value LIKE $object")
	}
	if s.Questionnaire != "" {
		canonical, _, _ := strings.Cut(s.Questionnaire, "|")
		// The record keeps the template of a response; any of its versions is asked for.
		id, _ := canonicalID(s.Questionnaire)
		form, err := f.Edition(ctx, caller, id, "")
		switch {
		case err == nil:
			a.add("template", form.Template.ID, "c/archetype_details/template_id/value = $template")
		case fault.Is(err, fault.NotFound) && strings.Contains(canonical, ":"):
			a.add("form", canonical, "c/feeder_audit/originating_system_audit/system_id = $form")
		case fault.Is(err, fault.NotFound):
			return a, false, nil
		default:
			return a, false, err
		}
	}
	if s.Author != "" {
		a.add("author", s.Author, "(c/composer/name = $author OR c/composer/external_ref/id/value = $author)")
	}
	if s.Identifier != "" {
		a.add("identifier", s.Identifier, "c/feeder_audit/originating_system_item_ids/id = $identifier")
	}
	if s.IdentifierSystem != "" {
		a.add("issuer", s.IdentifierSystem, "c/feeder_audit/originating_system_item_ids/issuer = $issuer")
	}
	if s.BasedOn != "" {
		a.add("asked", s.BasedOn, "c/feeder_audit/originating_system_item_ids/id = $asked")
	}
	a.span(s.Updated, "committed", pathCommitted)
	if s.Authored != (Span{}) {
		// A form that was filled at another time than it was committed says so.
		told := asked{params: a.params}
		told.span(s.Authored, "filled", pathFilled)
		same := asked{params: a.params}
		same.span(s.Authored, "filled", pathCommitted)
		a.where = append(a.where, "("+strings.Join(told.where, " AND ")+" OR (NOT EXISTS "+pathFilled+" AND "+strings.Join(same.where, " AND ")+"))")
	}
	return a, true, nil
}

// searched is whose responses a search is about; NotFound where nobody's.
func (f *Forms) searched(ctx context.Context, caller cdr.Caller, s Responses) (string, error) {
	if s.ID == "" || s.Person.EHR != "" || s.Person.Subject != nil {
		return f.find(ctx, caller, s.Person)
	}
	ehr, _, _, err := f.home(ctx, caller, s.ID)
	return ehr, err
}

// Responses lists the responses of a person that the caller may see.
func (f *Forms) Responses(ctx context.Context, caller cdr.Caller, s Responses, v View) (Page, error) {
	page := Page{Withheld: f.Service.MayWithhold(ctx, caller)}
	ehr, err := f.searched(ctx, caller, s)
	if err == nil {
		_, err = f.Service.EHR(ctx, caller, ehr)
	}
	if fault.Is(err, fault.NotFound) && s.ID != "" {
		return page, nil
	}
	if err != nil {
		return Page{}, err
	}
	a, known, err := f.question(ctx, caller, ehr, s)
	if err != nil || !known {
		return page, err
	}
	from := " FROM EHR e[ehr_id/value = $ehr] CONTAINS VERSION v[latest_version] CONTAINS COMPOSITION c WHERE " + strings.Join(a.where, " AND ")
	if s.Total {
		counts, err := f.rows(ctx, caller, cdr.QueryRequest{Text: "SELECT COUNT(v) AS n" + from, Params: a.params, EHR: ehr})
		if err != nil {
			return Page{}, err
		}
		if len(counts) == 1 {
			page.Total, _ = strconv.Atoi(counts[0]) // a count is a number
		}
	}
	uids, err := f.rows(ctx, caller, cdr.QueryRequest{
		Text:   "SELECT v/uid/value AS uid" + from + " ORDER BY " + pathCommitted + " DESC",
		Params: a.params, EHR: ehr, Offset: int64(s.Offset), Fetch: int64(s.Count) + 1,
	})
	if err != nil {
		return Page{}, err
	}
	page.More = len(uids) > s.Count
	for _, uid := range uids[:min(len(uids), s.Count)] {
		doc, err := f.Service.Composition(ctx, caller, ehr, cdr.VersionRef{VersionUID: uid})
		if fault.Is(err, fault.NotFound) || err == nil && doc.Deleted {
			continue
		}
		if err != nil {
			return Page{}, err
		}
		issued, err := f.issue(ctx, caller, doc, v)
		if err != nil {
			return Page{}, err
		}
		page.Issued = append(page.Issued, issued)
	}
	return page, nil
}

// rows runs a query for one column, as texts.
func (f *Forms) rows(ctx context.Context, caller cdr.Caller, r cdr.QueryRequest) ([]string, error) {
	set, err := f.Service.Query(ctx, caller, r)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	if _, err := set.WriteTo(&text); err != nil {
		return nil, err
	}
	var result struct {
		Rows [][]any `json:"rows"`
	}
	if err := json.Unmarshal(text.Bytes(), &result); err != nil {
		return nil, err
	}
	var out []string
	for _, row := range result.Rows {
		for _, value := range row {
			out = append(out, fmt.Sprint(value))
		}
	}
	return out, nil
}
