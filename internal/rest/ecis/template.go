package ecis

import (
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/rest"
	"github.com/quire-cdr/quire/internal/rm/canonxml"
	"github.com/quire-cdr/quire/internal/simplified/compose"
	"github.com/quire-cdr/quire/internal/simplified/example"
	"github.com/quire-cdr/quire/internal/simplified/webtemplate"
)

type templateJSON struct {
	UID       string `json:"uid,omitempty"`
	ID        string `json:"templateId"`
	Concept   string `json:"concept"`
	Archetype string `json:"archetypeId"`
	Created   string `json:"createdOn"`
}

type templatesJSON struct {
	envelope
	Templates []templateJSON `json:"templates"`
}

// uploadTemplate answers with the list, as clients expect.
func (h handlers) uploadTemplate(call *rest.Call) error {
	text, err := call.Content()
	if err != nil {
		return err
	}
	if _, err := h.service.UploadTemplate(call.Context(), call.Caller, text, cdr.TemplateUpload{}); err != nil {
		return err
	}
	return h.templates(call)
}

func (h handlers) templates(call *rest.Call) error {
	found, err := h.service.Templates(call.Context(), call.Caller)
	if err != nil {
		return err
	}
	out := templatesJSON{envelope{Action: "LIST"}, make([]templateJSON, 0, len(found))}
	for _, t := range found {
		out.Templates = append(out.Templates, templateJSON{t.UID, t.ID, t.Concept, t.RootArchetype, t.Created.UTC().Format("2006-01-02T15:04:05.000Z07:00")})
	}
	return call.JSON(http.StatusOK, out)
}

func (h handlers) webTemplate(call *rest.Call) error {
	found, err := h.service.Template(call.Context(), call.Caller, call.Param("template_id"))
	if err != nil {
		return err
	}
	return call.JSON(http.StatusOK, struct {
		envelope
		WebTemplate json.RawMessage `json:"webTemplate"`
	}{enveloped(call, "RETRIEVE", "/template/"+url.PathEscape(found.ID)), found.Simplified().Web.JSON(webtemplate.Dialect(call.Manners().PeerRules))})
}

// exampleTime is the time of everything in an example: the same request gives
// the same answer.
const exampleTime = "2022-02-03T04:05:06Z"

// example answers with the bare document, FLAT where no format is asked for.
func (h handlers) example(call *rest.Call) error {
	name, err := format(call, "FLAT")
	if err != nil {
		return err
	}
	found, err := h.service.Template(call.Context(), call.Caller, call.Param("template_id"))
	if err != nil {
		return err
	}
	web := found.Simplified().Web
	tree, err := compose.Compose(web, example.Document(web, example.Options{}), compose.Options{Now: exampleTime})
	if err != nil {
		return err
	}
	if name == "XML" {
		text, err := canonxml.Write(nil, tree, tree.Root(), "")
		if err != nil {
			return err
		}
		return call.Send(http.StatusOK, rest.XML, text)
	}
	text, err := h.written(call, tree, found, name)
	if err != nil {
		return err
	}
	return call.Send(http.StatusOK, rest.JSON, text)
}
