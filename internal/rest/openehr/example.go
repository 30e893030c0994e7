package openehr

import (
	"net/http"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rest"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/simplified/compose"
	"github.com/quire-cdr/quire/internal/simplified/example"
)

// exampleTime is the time of everything in an example: the same request gives
// the same answer.
const exampleTime = "2022-02-03T04:05:06Z"

// levels are the values of detail_level (ITS-REST 1.1, Definition API). Where none
// is asked for the manners say which.
var levels = map[string]example.Level{"required": example.Minimal, "medium": example.Typical, "complete": example.Complete}

// exampleUID is the version that an example of the type output would be.
const exampleUID = "7d44b88c-4199-4bad-97dc-d78268e01398::example.org::1"

// exampleAsked reads what kind of example is wanted.
func exampleAsked(call *rest.Call) (level example.Level, output bool, err error) {
	kind, detail := call.Query("type"), call.Query("detail_level")
	if kind != "" && kind != "input" && kind != "output" {
		return 0, false, fault.New(fault.Invalid, "query-parameter", "the query parameter type may be input, output")
	}
	if detail == "" {
		detail = call.Manners().ExampleLevel
	}
	level, known := levels[detail]
	if !known {
		return 0, false, fault.New(fault.Invalid, "query-parameter", "the query parameter detail_level may be required, medium, complete")
	}
	return level, kind == "output", nil
}

// example serves an invented composition of a template, in any format.
func (h templateHandlers) example(call *rest.Call) error {
	as, err := asked(call, spelling{})
	if err != nil {
		return err
	}
	level, output, err := exampleAsked(call)
	if err != nil {
		return err
	}
	version, err := pinned(call)
	if err != nil {
		return err
	}
	found, err := h.service.TemplateVersion(call.Context(), call.Caller, call.Param("template_id"), version)
	if err != nil {
		return err
	}
	formats := found.Simplified()
	tree, err := compose.Compose(formats.Web, example.Document(formats.Web, example.Options{Level: level}), compose.Options{Now: exampleTime})
	if err != nil {
		return err
	}
	if output {
		if tree, err = canon.SetUID(tree, exampleUID); err != nil {
			return err
		}
	}
	call.Set("openehr-template-id", found.ID)
	call.Set("openehr-template-version", found.Edition())
	if as.simplified == 0 {
		return send(call, http.StatusOK, canon.WriteJSON(nil, tree, tree.Root()))
	}
	text, err := formats.Write(tree, as.simplified)
	if err != nil {
		return err
	}
	return call.Send(http.StatusOK, as.media, text)
}
