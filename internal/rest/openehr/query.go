package openehr

import (
	"bytes"
	"context"
	stdjson "encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rest"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/simplified"
)

type queryService interface {
	Query(ctx context.Context, caller cdr.Caller, query cdr.QueryRequest) (*cdr.ResultSet, error)
	ExecuteStoredQuery(ctx context.Context, caller cdr.Caller, name, version string, query cdr.QueryRequest) (*cdr.ResultSet, error)
}

// executor runs a query and writes its RESULT_SET; withheld says that rows may
// be missing from it. A query with a name is the stored one of that name and,
// after a slash, version.
type executor func(ctx context.Context, caller cdr.Caller, query cdr.QueryRequest, w io.Writer) (withheld bool, err error)

func executorOf(service queryService) executor {
	return func(ctx context.Context, caller cdr.Caller, query cdr.QueryRequest, w io.Writer) (bool, error) {
		var result *cdr.ResultSet
		var err error
		if name, version, _ := strings.Cut(query.Name, "/"); name != "" {
			result, err = service.ExecuteStoredQuery(ctx, caller, name, version, query)
		} else {
			result, err = service.Query(ctx, caller, query)
		}
		if err != nil {
			return false, err
		}
		_, err = result.WriteTo(w)
		return result.Withheld(), err
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
}

func (h queryHandlers) get(call *rest.Call) error {
	query := cdr.QueryRequest{Name: storedName(call), Params: map[string]any{}, Href: call.BaseURL() + root + "/query/aql"}
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
	return h.run(call, cdr.QueryRequest{Text: in.Q, Name: name, EHR: in.EHR, Params: parameters}, in.Offset, in.Fetch)
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
	as, err := enclosed(call)
	if err != nil {
		return err
	}
	if as.simplified != 0 {
		write := writer(call, h.templates)
		query.Spell = func(object []byte) ([]byte, error) {
			if classOf(object) != rminfo.COMPOSITION.Name() {
				return object, nil
			}
			return write(object, as.simplified)
		}
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
	if query.Offset, err = agreed(call, "offset", offset); err != nil {
		return err
	}
	if query.Fetch, err = agreed(call, "fetch", fetch); err != nil {
		return err
	}
	answer := call.Answer()
	withheld, err := h.execute(call.Context(), call.Caller, query, answer)
	if err != nil {
		return err
	}
	disclose(call, withheld)
	return answer.Send(as.media)
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
