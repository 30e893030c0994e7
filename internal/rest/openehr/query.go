package openehr

import (
	"bytes"
	"context"
	stdjson "encoding/json"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rest"
)

// AQL is an ad hoc query as the wire has it.
type AQL struct {
	Text string
	// EHR fixes the query to one record, "" does not.
	EHR string
	// Parameters are by name without "$"; a value is a string, json.Number, bool,
	// nil or a list of these. Those of a URL are strings or lists of strings.
	Parameters map[string]any
	// Offset and Fetch apply after LIMIT; nil was not sent.
	Offset, Fetch *int
}

// Column of a result; Path is "" for a computed one.
type Column struct{ Name, Path string }

// ResultSet is the answer to a query. Rows holds one JSON array a row, as it is
// to be written.
type ResultSet struct {
	Columns []Column
	Rows    []jsontext.Value
	// Executed is the text after parameters were put in, "" to leave it out.
	Executed string
}

type queryService interface {
	ExecuteAQL(ctx context.Context, caller cdr.Caller, query AQL) (ResultSet, error)
}

func queryRoutes(service queryService) []rest.Route {
	h := queryHandlers{service}
	return []rest.Route{
		{Method: http.MethodGet, Path: root + "/query/aql", Access: rest.QueryRun, Handler: h.get},
		{Method: http.MethodPost, Path: root + "/query/aql", Access: rest.QueryRun, Consumes: []string{rest.JSON}, Handler: h.post},
	}
}

type queryHandlers struct{ service queryService }

// protocol are the names of the query string that are never AQL parameters.
var protocol = map[string]bool{"q": true, "ehr_id": true, "offset": true, "fetch": true, "query_parameters": true}

var ehrIDForm = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

func (h queryHandlers) get(call *rest.Call) error {
	query := AQL{Text: call.Query("q"), Parameters: map[string]any{}}
	if packed := call.Query("query_parameters"); packed != "" {
		parameters, err := parametersOf(jsontext.Value(packed))
		if err != nil {
			return err
		}
		query.Parameters = parameters
	}
	call.QueryEach(func(name, value string) {
		if protocol[name] {
			return
		}
		name = strings.TrimPrefix(name, "$")
		switch before := query.Parameters[name].(type) {
		case nil:
			query.Parameters[name] = value
		case []any:
			query.Parameters[name] = append(before, value)
		default:
			query.Parameters[name] = []any{before, value}
		}
	})
	return h.run(call, query, call.BaseURL()+root+"/query/aql")
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
	if err := call.Decode(&in); err != nil {
		return err
	}
	if in.Parameters == nil {
		in.Parameters = in.Hyphened
	}
	parameters, err := parametersOf(in.Parameters)
	if err != nil {
		return err
	}
	return h.run(call, AQL{Text: in.Q, EHR: in.EHR, Parameters: parameters, Offset: in.Offset, Fetch: in.Fetch}, "")
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

// run settles what may stand in several places, executes and answers.
func (h queryHandlers) run(call *rest.Call, query AQL, href string) error {
	if _, err := call.Accept(rest.JSON); err != nil {
		return err
	}
	if strings.TrimSpace(query.Text) == "" {
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
	if query.EHR != "" && !ehrIDForm.MatchString(query.EHR) {
		return fault.New(fault.Invalid, "ehr-id", "ehr_id must be a UUID")
	}
	var err error
	if query.Offset, err = agreed(call, "offset", query.Offset); err != nil {
		return err
	}
	if query.Fetch, err = agreed(call, "fetch", query.Fetch); err != nil {
		return err
	}
	result, err := h.service.ExecuteAQL(call.Context(), call.Caller, query)
	if err != nil {
		return err
	}
	return call.Send(http.StatusOK, rest.JSON, result.write(query, href, time.Now()))
}

// agreed is a number that may stand in the URL and in the body, equal in both.
func agreed(call *rest.Call, name string, inBody *int) (*int, error) {
	inURL, err := call.QueryInt(name)
	switch {
	case err != nil:
		return nil, err
	case inBody != nil && *inBody < 0:
		return nil, fault.New(fault.Invalid, name, "%s must be a whole number, 0 or more", name)
	case inURL == nil:
		return inBody, nil
	case inBody != nil && *inBody != *inURL:
		return nil, fault.New(fault.Invalid, name, "%s in the URL and in the body differ", name)
	}
	return inURL, nil
}

// write makes the RESULT_SET (ITS-REST, Query API, Response structure). The rows
// go through as they are.
func (r ResultSet) write(query AQL, href string, now time.Time) []byte {
	var b bytes.Buffer
	e := jsontext.NewEncoder(&b, jsontext.AllowInvalidUTF8(true))
	member := func(name string, value jsontext.Token) {
		// Writing to memory in a fixed order cannot fail.
		_, _ = e.WriteToken(jsontext.String(name)), e.WriteToken(value)
	}
	_ = e.WriteToken(jsontext.BeginObject)
	member("meta", jsontext.BeginObject)
	member("_type", jsontext.String("RESULTSET"))
	member("_schema_version", jsontext.String("1.0.4"))
	member("_created", jsontext.String(now.UTC().Format(time.RFC3339Nano)))
	member("_generator", jsontext.String("Quire"))
	if r.Executed != "" {
		member("_executed_aql", jsontext.String(r.Executed))
	}
	if href != "" {
		member("_href", jsontext.String(href))
	}
	member("resultsize", jsontext.Int(int64(len(r.Rows))))
	if query.Fetch != nil {
		member("fetch", jsontext.Int(int64(*query.Fetch)))
	}
	if query.Offset != nil {
		member("offset", jsontext.Int(int64(*query.Offset)))
	}
	_ = e.WriteToken(jsontext.EndObject)
	member("q", jsontext.String(query.Text))
	member("columns", jsontext.BeginArray)
	for _, column := range r.Columns {
		_ = e.WriteToken(jsontext.BeginObject)
		if column.Path != "" {
			member("path", jsontext.String(column.Path))
		}
		member("name", jsontext.String(column.Name))
		_ = e.WriteToken(jsontext.EndObject)
	}
	_ = e.WriteToken(jsontext.EndArray)
	_ = e.WriteToken(jsontext.EndObject)
	// The encoder would read every row again; they follow what it has written.
	out := append(bytes.TrimRight(b.Bytes(), "}\n"), `,"rows":[`...)
	for i, row := range r.Rows {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, row...)
	}
	return append(out, "]}\n"...)
}
