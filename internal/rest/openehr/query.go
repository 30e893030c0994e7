package openehr

import (
	"bytes"
	"context"
	stdjson "encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/result"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rest"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/simplified"
)

type queryService interface {
	Query(ctx context.Context, caller cdr.Caller, query cdr.QueryRequest) (*cdr.ResultSet, error)
	ExecuteStoredQuery(ctx context.Context, caller cdr.Caller, name, version string, query cdr.QueryRequest) (*cdr.ResultSet, error)
}

// answer is a query that may run; *cdr.ResultSet is one.
type answer interface {
	Run(ctx context.Context, to io.Writer) (int64, error)
	// Withheld says that rows may be missing.
	Withheld() bool
	// Warnings are remarks on what was asked.
	Warnings() []fault.Issue
	// Outcome is known after Run.
	Outcome() cdr.QueryOutcome
}

// executor prepares a query. A query with a name is the stored one of that name
// and, after a slash, version.
type executor func(ctx context.Context, caller cdr.Caller, query cdr.QueryRequest) (answer, error)

func executorOf(service queryService) executor {
	return func(ctx context.Context, caller cdr.Caller, query cdr.QueryRequest) (answer, error) {
		var result *cdr.ResultSet
		var err error
		if name, version, _ := strings.Cut(query.Name, "/"); name != "" {
			result, err = service.ExecuteStoredQuery(ctx, caller, name, version, query)
		} else {
			result, err = service.Query(ctx, caller, query)
		}
		if err != nil {
			return nil, err
		}
		return result, nil
	}
}

func queryRoutes(execute executor, templates templateReader) []rest.Route {
	h := queryHandlers{execute, templates}
	stored := root + "/query/:qualified_query_name"
	return []rest.Route{
		{Method: http.MethodGet, Path: root + "/query/aql", Access: rest.QueryRun, Handler: h.get},
		{Method: http.MethodPost, Path: root + "/query/aql", Access: rest.QueryRun, Consumes: []string{rest.JSON}, Handler: h.post},
		{Method: http.MethodGet, Path: stored, Access: rest.QueryRun, Handler: h.get},
		{Method: http.MethodPost, Path: stored, Access: rest.QueryRun, Consumes: []string{rest.JSON}, Optional: true, Handler: h.post},
		{Method: http.MethodGet, Path: stored + "/:version", Access: rest.QueryRun, Handler: h.get},
		{Method: http.MethodPost, Path: stored + "/:version", Access: rest.QueryRun, Consumes: []string{rest.JSON}, Optional: true, Handler: h.post},
	}
}

// storedName is the stored query that the path names, with its version after a
// slash; "" for an ad-hoc one.
func storedName(call *rest.Call) string {
	name := call.Param("qualified_query_name")
	if version := call.Param("version"); version != "" {
		name += "/" + version
	}
	return name
}

type queryHandlers struct {
	execute   executor
	templates templateReader
}

// protocol are the names of the query string that are never AQL parameters.
var protocol = map[string]bool{
	"q": true, "ehr_id": true, "offset": true, "fetch": true, "query_parameters": true, "exact_archetypes": true, "explain": true,
	"_format": true, "_cursor": true,
}

func (h queryHandlers) get(call *rest.Call) error {
	query := cdr.QueryRequest{Name: storedName(call), Params: map[string]any{}, Texts: true, Href: call.BaseURL() + root + "/query/aql"}
	if query.Name == "" {
		query.Text = call.Query("q")
	} else {
		name, version, _ := strings.Cut(query.Name, "/")
		query.Href = call.BaseURL() + strings.TrimSuffix(pathOf("query", name, version), "/")
	}
	if packed := call.Query("query_parameters"); packed != "" {
		parameters, err := parametersOf(jsontext.Value(packed))
		if err != nil {
			return err
		}
		query.Params = parameters
	}
	call.QueryEach(func(name, value string) {
		if _, known := simplified.FormatOf(value); protocol[name] || name == "format" && known {
			return
		}
		name = strings.TrimPrefix(name, "$")
		switch before := query.Params[name].(type) {
		case nil:
			query.Params[name] = value
		case []any:
			query.Params[name] = append(before, value)
		default:
			query.Params[name] = []any{before, value}
		}
	})
	return h.run(call, query, nil, nil)
}

// bodyJSON is AdhocQueryExecute; query-parameters is the spelling of 1.0.
type bodyJSON struct {
	Q          string         `json:"q"`
	EHR        string         `json:"ehr_id"`
	Offset     *int           `json:"offset"`
	Fetch      *int           `json:"fetch"`
	Parameters jsontext.Value `json:"query_parameters"`
	Hyphened   jsontext.Value `json:"query-parameters"`
	Cursor     *string        `json:"_cursor"`
}

func (h queryHandlers) post(call *rest.Call) error {
	var in bodyJSON
	name := storedName(call)
	if name == "" || call.HasBody() {
		if err := call.Decode(&in); err != nil {
			return err
		}
	}
	if name != "" && in.Q != "" {
		return fault.New(fault.Invalid, "q-given", "a stored query has its own text")
	}
	if in.Parameters == nil {
		in.Parameters = in.Hyphened
	}
	parameters, err := parametersOf(in.Parameters)
	if err != nil {
		return err
	}
	query := cdr.QueryRequest{Text: in.Q, Name: name, EHR: in.EHR, Params: parameters}
	if in.Cursor != nil {
		query.Paged, query.Cursor = true, *in.Cursor
	}
	return h.run(call, query, in.Offset, in.Fetch)
}

// parametersOf reads the object of query parameters; numbers keep their text.
func parametersOf(text jsontext.Value) (map[string]any, error) {
	out := map[string]any{}
	if len(text) == 0 || text.Kind() == 'n' {
		return out, nil
	}
	decoder := stdjson.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&out); err != nil {
		return nil, fault.New(fault.Invalid, "query-parameters", "query_parameters must be a JSON object")
	}
	for name, value := range out {
		list, many := value.([]any)
		if !many {
			list = []any{value}
		}
		for _, v := range list {
			switch v.(type) {
			case map[string]any, []any:
				return nil, fault.New(fault.Invalid, "query-parameters", "a query parameter must be a text, number, boolean or a list of these")
			}
		}
		if bare, dollar := strings.CutPrefix(name, "$"); dollar {
			delete(out, name)
			out[bare] = value
		}
	}
	return out, nil
}

// run settles what may stand in several places, executes and answers. offset and
// fetch are those of the body.
func (h queryHandlers) run(call *rest.Call, query cdr.QueryRequest, offset, fetch *int) error {
	media, err := h.spelled(call, &query)
	if err != nil {
		return err
	}
	if query.Name == "" && strings.TrimSpace(query.Text) == "" {
		return fault.New(fault.Invalid, "q-missing", "the query text q is missing")
	}
	for _, given := range []string{call.Query("ehr_id"), call.Header("openehr-ehr-id")} {
		if given == "" {
			continue
		}
		if query.EHR != "" && !strings.EqualFold(query.EHR, given) {
			return fault.New(fault.Invalid, "ehr-ids-differ", "the query names two different EHRs to run in")
		}
		query.EHR = given
	}
	for _, f := range []struct {
		name string
		to   *bool
	}{{"exact_archetypes", &query.Exact}, {"explain", &query.Explain}} {
		switch value := call.Query(f.name); value {
		case "", "true", "false":
			*f.to = value == "true"
		default:
			return fault.New(fault.Invalid, strings.ReplaceAll(f.name, "_", "-"), "%s must be true or false", f.name)
		}
	}
	if values := call.QueryAll("_cursor"); len(values) > 0 {
		if query.Paged && query.Cursor != values[0] {
			return fault.New(fault.Invalid, "query-cursor", "_cursor in the URL and in the body differ")
		}
		query.Paged, query.Cursor = true, values[0]
	}
	if query.Explain {
		query.Format, media = result.Format{}, rest.JSON
	}
	if query.Offset, err = agreed(call, "offset", offset); err != nil {
		return err
	}
	if query.Fetch, err = agreed(call, "fetch", fetch); err != nil {
		return err
	}
	found, err := h.execute(call.Context(), call.Caller, query)
	if err != nil {
		return err
	}
	disclose(call, found.Withheld())
	warn(call, found.Warnings())
	if query.Format.Name == "csv" || query.Format.Name == "parquet" {
		call.Set("Content-Disposition", `attachment; filename="result.`+query.Format.Name+`"`)
	}
	return call.Spool(rest.Spool{
		ContentType: media,
		Write: func(ctx context.Context, to io.Writer) error {
			_, err := found.Run(ctx, to)
			return err
		},
		Whole: func() bool {
			outcome := found.Outcome()
			for name, value := range outcomeHeaders(outcome) {
				call.Set(name, value)
			}
			if outcome.Next != "" && call.IsGet() {
				call.Set("Link", "<"+call.Here("_cursor", outcome.Next)+`>; rel="next"`)
			}
			return outcome.Tag != "" && call.ETagOf(outcome.Tag)
		},
		Trailers: []string{truncatedHeader, cursorHeader},
		Ended:    func() map[string]string { return outcomeHeaders(found.Outcome()) },
	})
}

// What a client is told of a result outside of it, for formats that have no place
// for it: that the server cut it off, and where the next page begins.
const (
	truncatedHeader = "Quire-Truncated"
	cursorHeader    = "Quire-Next-Cursor"
)

func outcomeHeaders(o cdr.QueryOutcome) map[string]string {
	told := map[string]string{}
	if o.Truncated > 0 {
		told[truncatedHeader] = "rows=" + strconv.FormatInt(o.Truncated, 10)
	}
	if o.Next != "" {
		told[cursorHeader] = o.Next
	}
	return told
}

// spelled settles how the result is written: _format or Accept names a format of
// the whole, else of the compositions in a RESULT_SET. No parameter of AQL begins
// with an underscore.
func (h queryHandlers) spelled(call *rest.Call, query *cdr.QueryRequest) (media string, err error) {
	named := call.Query("_format")
	if named == "" && call.Header("Accept") != "" {
		offers := []string{rest.JSON}
		for _, m := range simplifiedMedia {
			offers = append(offers, m.media)
		}
		for _, f := range result.Formats[1:] {
			offers = append(offers, f.Media)
		}
		if named, err = call.Accept(offers...); err != nil {
			return "", err
		}
	}
	f, known := result.Named(named)
	switch {
	case known && f.Name != result.Formats[0].Name:
		query.Format = f
		return f.Media, nil
	case call.Query("_format") != "":
		if known {
			return f.Media, nil
		}
		return "", fault.New(fault.Invalid, "query-format", "_format must be json, csv, ndjson or parquet")
	}
	as, err := enclosed(call)
	if err != nil || as.simplified == 0 {
		return as.media, err
	}
	write := writer(call, h.templates)
	query.Spell = func(object []byte) ([]byte, error) {
		if classOf(object) != rminfo.COMPOSITION.Name() {
			return object, nil
		}
		return write(object, as.simplified)
	}
	return as.media, nil
}

// agreed is a number that may stand in the URL and in the body, equal in both;
// 0 where it stands in neither.
func agreed(call *rest.Call, name string, inBody *int) (int64, error) {
	inURL, err := call.QueryInt(name)
	if err != nil {
		return 0, err
	}
	if inURL != nil && inBody != nil && *inURL != *inBody {
		return 0, fault.New(fault.Invalid, name, "%s in the URL and in the body differ", name)
	}
	if inURL == nil {
		inURL = inBody
	}
	switch {
	case inURL == nil:
		return 0, nil
	case *inURL < 0, name == "fetch" && *inURL == 0:
		return 0, fault.New(fault.Invalid, name, "%s must be a whole number; offset is 0 or more, fetch 1 or more", name)
	}
	return int64(*inURL), nil
}
