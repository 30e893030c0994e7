package ecis

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rest"
)

// query runs AQL: of the query parameter aql, or of the body's member.
func (h handlers) query(call *rest.Call) error {
	in := struct {
		AQL    string         `json:"aql"`
		Params map[string]any `json:"aqlParameters"`
	}{AQL: call.Query("aql")}
	if call.HasBody() {
		if err := call.Decode(&in); err != nil {
			return err
		}
	}
	if in.AQL == "" {
		return fault.New(fault.Invalid, "aql-missing", "aql must hold the text of the query; no other language is served")
	}
	found, err := h.service.Query(call.Context(), call.Caller, cdr.QueryRequest{Text: in.AQL, Params: in.Params})
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if _, err := found.WriteTo(&text); err != nil {
		return err
	}
	rows, err := named(text.Bytes())
	if err != nil {
		return err
	}
	disclosure := "complete"
	if found.Withheld() {
		disclosure = "may-be-withheld"
	}
	call.Set("Quire-Disclosure", disclosure)
	return call.JSON(http.StatusOK, struct {
		envelope
		AQL  string            `json:"executedAQL"`
		Rows []json.RawMessage `json:"resultSet"`
	}{enveloped(call, "EXECUTE", "/query"), in.AQL, rows})
}

// named makes objects of the rows, by the names of the columns.
func named(resultSet []byte) ([]json.RawMessage, error) {
	var set struct {
		Columns []struct{ Name string }
		Rows    [][]json.RawMessage
	}
	if err := json.Unmarshal(resultSet, &set); err != nil {
		return nil, err
	}
	out := make([]json.RawMessage, 0, len(set.Rows))
	for _, row := range set.Rows {
		object := []byte{'{'}
		for i, cell := range row {
			if i > 0 {
				object = append(object, ',')
			}
			name, err := json.Marshal(set.Columns[i].Name)
			if err != nil {
				return nil, err
			}
			object = append(append(append(object, name...), ':'), cell...)
		}
		out = append(out, append(object, '}'))
	}
	return out, nil
}
