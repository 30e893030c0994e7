package openehr

import (
	"net/http"
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rest"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/simplified/compose"
	"github.com/quire-cdr/quire/internal/simplified/example"
)

// exampleTime is the time of everything in an example: the same request gives
// the same answer.
const exampleTime = "2022-02-03T04:05:06Z"

// choices are the query parameters of the example route with their values
// (ITS-REST definition); every type and level is answered with the whole
// example, which meets them all.
var choices = map[string][]string{
	"type":         {"input", "output"},
	"detail_level": {"required", "medium", "complete"},
}

// example serves an invented composition of a template, in any format.
func (h templateHandlers) example(call *rest.Call) error {
	as, err := asked(call, spelling{})
	if err != nil {
		return err
	}
	for name, values := range choices {
		if given := call.Query(name); given != "" && !slices.Contains(values, given) {
			return fault.New(fault.Invalid, "query-parameter", "the query parameter %s may be %s", name, strings.Join(values, ", "))
		}
	}
	found, err := h.service.Template(call.Context(), call.Caller, call.Param("template_id"))
	if err != nil {
		return err
	}
	formats := found.Simplified()
	tree, err := compose.Compose(formats.Web, example.Document(formats.Web, example.Options{}), compose.Options{Now: exampleTime})
	if err != nil {
		return err
	}
	call.Set("openehr-template-id", found.ID)
	if as.simplified == 0 {
		return send(call, http.StatusOK, canon.WriteJSON(nil, tree, tree.Root()))
	}
	text, err := formats.Write(tree, as.simplified)
	if err != nil {
		return err
	}
	return call.Send(http.StatusOK, as.media, text)
}
