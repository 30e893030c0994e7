package ecis

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rest"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/canonxml"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/simplified"
)

// format is the query parameter of that name, in capitals: FLAT, STRUCTURED, XML,
// JSON; RAW is EhrScape's word for canonical JSON.
func format(call *rest.Call, otherwise string) (string, error) {
	name := strings.ToUpper(call.Query("format"))
	switch name {
	case "":
		return otherwise, nil
	case "RAW":
		return "JSON", nil
	case "FLAT", "STRUCTURED", "XML", "JSON":
		return name, nil
	}
	return "", fault.New(fault.Invalid, "format", "the query parameter format may be FLAT, STRUCTURED, JSON, RAW or XML")
}

// submitted reads a composition. Without a format an XML body is XML, and a JSON
// body FLAT where it names its template, else canonical.
func (h handlers) submitted(call *rest.Call) (content cdr.Content, of *cdr.Template, err error) {
	media, err := call.ContentType()
	if err != nil {
		return content, nil, err
	}
	otherwise := "JSON"
	switch {
	case media != rest.JSON:
		otherwise = "XML"
	case call.Query("templateId") != "":
		otherwise = "FLAT"
	}
	name, err := format(call, otherwise)
	if err != nil {
		return content, nil, err
	}
	text, err := call.Content()
	if err != nil {
		return content, nil, err
	}
	f, isSimplified := simplified.FormatOf(name)
	switch {
	case isSimplified:
		id := call.Query("templateId")
		if id == "" {
			return content, nil, fault.New(fault.Invalid, "template-id", "the query parameter templateId must name the template of a %s document", name)
		}
		if of, err = h.service.Template(call.Context(), call.Caller, id); err != nil {
			return content, nil, err
		}
		content.Tree, err = of.Simplified().Read(text, f, time.Now().UTC().Format("2006-01-02T15:04:05.000Z"))
	case name == "XML":
		manners := call.Manners()
		content.Tree, err = canonxml.Read(text, rminfo.COMPOSITION, canon.ReadOptions{Mandatory: !manners.PeerRules, Lenient: manners.LenientParty, IgnoreUnknown: manners.PeerRules})
	default:
		content.JSON = text
	}
	return content, of, err
}

// written is a composition in a format, as it stands in an answer: an object, or
// for XML a string.
func (h handlers) written(call *rest.Call, tree *rm.Tree, of *cdr.Template, name string) (json.RawMessage, error) {
	if f, isSimplified := simplified.FormatOf(name); isSimplified {
		if of == nil {
			var err error
			id := tree.TextAt(tree.Root(), rminfo.A_archetype_details, rminfo.A_template_id, rminfo.A_value)
			if of, err = h.service.Template(call.Context(), call.Caller, id); err != nil {
				return nil, err
			}
		}
		return of.Simplified().Write(tree, f)
	}
	if name == "JSON" {
		return canon.WriteJSON(make([]byte, 0, tree.Bytes()), tree, tree.Root()), nil
	}
	text, err := canonxml.Write(nil, tree, tree.Root(), "")
	if err != nil {
		return nil, err
	}
	return json.Marshal(string(text))
}
