package openehr

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rest"
	"github.com/quire-cdr/quire/internal/simplified/webtemplate"
)

type templateService interface {
	UploadTemplate(ctx context.Context, caller cdr.Caller, opt []byte, up cdr.TemplateUpload) (*cdr.Template, error)
	Templates(ctx context.Context, caller cdr.Caller) ([]cdr.TemplateInfo, error)
	JudgeTemplate(ctx context.Context, caller cdr.Caller, opt []byte, up cdr.TemplateUpload) (cdr.TemplateImpact, error)
	TemplateVersions(ctx context.Context, caller cdr.Caller, id string) ([]cdr.TemplateInfo, error)
	templateReader
}

func templateRoutes(service templateService) []rest.Route {
	h := templateHandlers{service}
	adl14, adl2 := root+"/definition/template/adl1.4", root+"/definition/template/adl2"
	return []rest.Route{
		{Method: http.MethodPost, Path: adl14, Access: rest.DefinitionWrite, Consumes: []string{rest.XML}, Deadline: uploadDeadline, Handler: h.upload},
		{Method: http.MethodGet, Path: adl14, Access: rest.DefinitionRead, Handler: h.list},
		{Method: http.MethodGet, Path: adl14 + "/:template_id", Access: rest.DefinitionRead, Handler: h.get},
		{Method: http.MethodGet, Path: adl14 + "/:template_id/versions", Access: rest.DefinitionRead, Handler: h.versions},
		{Method: http.MethodGet, Path: adl14 + "/:template_id/example", Access: rest.DefinitionRead, Handler: h.example},
		{Method: http.MethodGet, Path: adl2, Access: rest.DefinitionRead, Handler: noADL2},
		{Method: http.MethodPost, Path: adl2, Access: rest.DefinitionWrite, Handler: noADL2},
		{Method: http.MethodGet, Path: adl2 + "/:template_id", Access: rest.DefinitionRead, Handler: noADL2},
		{Method: http.MethodGet, Path: adl2 + "/:template_id/example", Access: rest.DefinitionRead, Handler: noADL2},
		{Method: http.MethodGet, Path: adl2 + "/:template_id/:version", Access: rest.DefinitionRead, Handler: noADL2},
	}
}

func noADL2(*rest.Call) error {
	return fault.New(fault.NotImplemented, "adl2", "ADL 2 templates are not served; upload an operational template 1.4 to /definition/template/adl1.4")
}

// uploadDeadline leaves time to judge what is stored in a dry run.
const uploadDeadline = 30 * time.Second

type templateHandlers struct{ service templateService }

func (h templateHandlers) upload(call *rest.Call) error {
	want := call.Prefer()
	if want == rest.Representation {
		if _, err := call.Accept(rest.XML); err != nil {
			return fault.New(fault.NotAcceptable, "template-upload-accept", "an uploaded template is shown as application/xml")
		}
	}
	body, err := call.Content()
	if err != nil {
		return err
	}
	dry, err := dryRun(call)
	if err != nil {
		return err
	}
	if dry {
		return h.judge(call, body)
	}
	stored, err := h.service.UploadTemplate(call.Context(), call.Caller, body, upload(call))
	if err != nil {
		return err
	}
	call.SetETag(stored.ID)
	call.Set("openehr-template-version", stored.Edition())
	call.SetLocation(pathOf("definition", "template", "adl1.4", stored.ID))
	switch want {
	case rest.Representation:
		return call.Send(http.StatusCreated, rest.XML, []byte(stored.OPT))
	case rest.Identifier:
		return call.JSON(http.StatusCreated, map[string]string{"uid": stored.ID})
	}
	return call.Empty(http.StatusCreated)
}

// templateJSON is TemplateMetadata of the API's definition.
type templateJSON struct {
	ID        string `json:"template_id"`
	Concept   string `json:"concept"`
	Archetype string `json:"archetype_id"`
	Created   string `json:"created_timestamp"`
}

func (h templateHandlers) list(call *rest.Call) error {
	if _, err := call.Accept(rest.JSON); err != nil {
		return err
	}
	found, err := h.service.Templates(call.Context(), call.Caller)
	if err != nil {
		return err
	}
	version := call.Query("version")
	var newest map[string]string
	if version == "" && !call.Manners().EveryTemplateVersion {
		newest = newestOf(found)
	}
	found = slices.DeleteFunc(slices.Clone(found), func(t cdr.TemplateInfo) bool {
		return !glob(call.Query("template_id"), t.ID) || !glob(call.Query("concept"), t.Concept) || !ofVersion(version, t.ID) ||
			newest != nil && newest[familyOf(t.ID)] != t.ID
	})
	from, to, err := call.Page(root+"/definition/template/adl1.4", len(found))
	if err != nil {
		return err
	}
	out := make([]templateJSON, 0, to-from)
	for _, t := range found[from:to] {
		out = append(out, templateJSON{t.ID, t.Concept, t.RootArchetype, t.Created.UTC().Format("2006-01-02T15:04:05.000Z07:00")})
	}
	return call.JSON(http.StatusOK, out)
}

// glob matches a whole value with a pattern in which * is any text; "" matches
// all.
func glob(pattern, value string) bool {
	if pattern == "" {
		return true
	}
	parts := strings.Split(pattern, "*")
	rest, anchored := strings.CutPrefix(value, parts[0])
	if !anchored {
		return false
	}
	for _, part := range parts[1:max(len(parts)-1, 1)] {
		at := strings.Index(rest, part)
		if at < 0 {
			return false
		}
		rest = rest[at+len(part):]
	}
	if len(parts) == 1 {
		return rest == ""
	}
	return strings.HasSuffix(rest, parts[len(parts)-1])
}

// ofVersion matches the version that ends a template id, such as v1 or v1.0.2;
// "" and * match all, and a partial version what begins so. (Without a version
// the list has the newest of each family alone: newestOf.)
func ofVersion(version, id string) bool {
	if version == "" || version == "*" {
		return true
	}
	at := strings.LastIndex(id, ".v")
	return at >= 0 && (id[at+2:] == version || strings.HasPrefix(id[at+2:], version+"."))
}

// familyOf is a template id without the version that ends it.
func familyOf(id string) string {
	if at := strings.LastIndex(id, ".v"); at >= 0 && strings.Trim(id[at+2:], "0123456789.") == "" {
		return id[:at]
	}
	return id
}

// newestOf is the id of the highest version of each family.
func newestOf(templates []cdr.TemplateInfo) map[string]string {
	newest := map[string]string{}
	for _, t := range templates {
		family := familyOf(t.ID)
		if before, known := newest[family]; !known || versionBelow(before[len(family):], t.ID[len(family):]) {
			newest[family] = t.ID
		}
	}
	return newest
}

// versionBelow compares .v1.2 with .v1.10 by number.
func versionBelow(a, b string) bool {
	numbers := func(v string) (out []int) {
		for part := range strings.SplitSeq(strings.TrimPrefix(v, ".v"), ".") {
			n, err := strconv.Atoi(part)
			if err != nil {
				n = -1
			}
			out = append(out, n)
		}
		return out
	}
	return slices.Compare(numbers(a), numbers(b)) < 0
}

// get serves the template as it was uploaded, byte for byte, or its web template.
func (h templateHandlers) get(call *rest.Call) error {
	format, err := call.Accept(rest.XML, rest.TextXML, webTemplateJSON)
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
	call.SetETag(found.ID)
	call.Set("openehr-template-version", found.Edition())
	if format == webTemplateJSON {
		return call.Send(http.StatusOK, format, found.Simplified().Web.JSON(webtemplate.Dialect(call.Manners().PeerRules)))
	}
	return call.Send(http.StatusOK, format, []byte(found.OPT))
}
