package openehr

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/result"
	"github.com/quire-cdr/quire/internal/rest"
)

type pathService interface {
	TemplatePaths(ctx context.Context, caller cdr.Caller, id, text string) ([]cdr.TemplatePath, error)
}

// pathRoutes are beside the specification's paths of templates: the dictionary is
// the same however a template was uploaded.
func pathRoutes(service pathService) []rest.Route {
	h := pathHandlers{service}
	return []rest.Route{
		{Method: http.MethodGet, Path: root + "/definition/template/:template_id/paths", Access: rest.DefinitionRead, Handler: h.list},
	}
}

type pathHandlers struct{ service pathService }

// list answers with a page of the paths, filtered by q, as JSON or CSV.
func (h pathHandlers) list(call *rest.Call) error {
	csv := result.Formats[1]
	media, err := call.Accept(rest.JSON, csv.Media)
	if err != nil {
		return err
	}
	id := call.Param("template_id")
	found, err := h.service.TemplatePaths(call.Context(), call.Caller, id, call.Query("q"))
	if err != nil {
		return err
	}
	from, to, err := call.Page(pathOf("definition", "template", id, "paths"), len(found))
	if err != nil {
		return err
	}
	found = found[from:to]
	if media == rest.JSON {
		return call.JSON(http.StatusOK, found)
	}
	text, err := pathTable(csv.New(), found)
	if err != nil {
		return err
	}
	return call.Send(http.StatusOK, media, text)
}

// pathTable writes the paths as a table.
func pathTable(e result.Encoder, paths []cdr.TemplatePath) ([]byte, error) {
	head := result.Head{}
	for _, name := range []string{"aql_path", "flat_key", "rm_type", "name", "min", "max", "codes", "units", "filled", "promoted", "archetype_id", "path_in_archetype"} {
		head.Columns = append(head.Columns, result.Column{Name: name})
	}
	out := e.Head(nil, head)
	for _, p := range paths {
		var codes []string
		for _, c := range p.Codes {
			codes = append(codes, c.Code)
		}
		filled := "null"
		if p.Filled != nil {
			filled = strconv.FormatInt(*p.Filled, 10)
		}
		name := ""
		for _, language := range []string{"en", ""} {
			if name == "" {
				name = p.Names[language]
			}
		}
		var cells [][]byte
		for _, text := range []string{p.AQL, p.FLAT, p.Type, name} {
			cells = append(cells, quotedText(text))
		}
		cells = append(cells, []byte(strconv.Itoa(p.Min)), []byte(strconv.Itoa(p.Max)),
			quotedText(strings.Join(codes, " ")), quotedText(strings.Join(p.Units, " ")), []byte(filled),
			quotedText(p.Promoted), quotedText(p.Archetype), quotedText(p.Inner))
		var err error
		if out, err = e.Row(out, cells); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func quotedText(text string) []byte {
	// The error reports only that invalid UTF-8 was replaced.
	b, _ := jsontext.AppendQuote(nil, text)
	return b
}
