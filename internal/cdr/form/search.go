package form

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// Responses asks for the responses of one person; a search over a population is
// not a form's business.
type Responses struct {
	Person Person
	// Questionnaire is the id of a form, "" for any.
	Questionnaire string
	// Lifecycle is cdr.Complete, or cdr.Incomplete for drafts.
	Lifecycle string
	// From and Until bound the time of commit, ISO 8601 with an offset; the
	// second is exclusive. "" is no bound.
	From, Until string
	// Count is the size of a page, Offset the number of responses before it.
	Count, Offset int
}

// Page is a page of responses, the newest first; More says that it is not the last.
type Page struct {
	Issued []*Issued
	More   bool
}

// Responses lists the responses of a person that the caller may see.
func (f *Forms) Responses(ctx context.Context, caller cdr.Caller, s Responses, v View) (Page, error) {
	ehr, err := f.find(ctx, caller, s.Person)
	if err != nil {
		return Page{}, err
	}
	if _, err := f.Service.EHR(ctx, caller, ehr); err != nil {
		return Page{}, err
	}
	params := map[string]any{"ehr": ehr, "lifecycle": s.Lifecycle}
	where := []string{"v/lifecycle_state/defining_code/code_string = $lifecycle"}
	if s.Questionnaire != "" {
		form, err := f.Form(ctx, caller, s.Questionnaire)
		if fault.Is(err, fault.NotFound) {
			return Page{}, nil
		}
		if err != nil {
			return Page{}, err
		}
		where, params["template"] = append(where, "c/archetype_details/template_id/value = $template"), form.Template.ID
	}
	if s.From != "" {
		where, params["from"] = append(where, "v/commit_audit/time_committed/value >= $from"), s.From
	}
	if s.Until != "" {
		where, params["until"] = append(where, "v/commit_audit/time_committed/value < $until"), s.Until
	}
	uids, err := f.rows(ctx, caller, cdr.QueryRequest{
		Text: "SELECT v/uid/value AS uid FROM EHR e[ehr_id/value = $ehr] CONTAINS VERSION v[latest_version] CONTAINS COMPOSITION c WHERE " +
			strings.Join(where, " AND ") + " ORDER BY v/commit_audit/time_committed/value DESC",
		Params: params, EHR: ehr, Offset: int64(s.Offset), Fetch: int64(s.Count) + 1,
	})
	if err != nil {
		return Page{}, err
	}
	page := Page{More: len(uids) > s.Count}
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

// rows runs a query for one column of texts.
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
		Rows [][]string `json:"rows"`
	}
	if err := json.Unmarshal(text.Bytes(), &result); err != nil {
		return nil, err
	}
	var out []string
	for _, row := range result.Rows {
		out = append(out, row...)
	}
	return out, nil
}
