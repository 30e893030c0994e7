package openehr

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rest"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/simplified"
)

// Media types of the simplified formats, the current ones before those that
// earlier texts used.
const (
	webTemplateJSON = "application/openehr.wt+json"
	flatJSON        = "application/openehr.wt.flat+json"
	structuredJSON  = "application/openehr.wt.structured+json"
)

// simplifiedMedia are all spellings; only the first of each format is current.
var simplifiedMedia = []struct {
	media  string
	format simplified.Format
}{
	{flatJSON, simplified.Flat}, {structuredJSON, simplified.Structured},
	{"application/openehr.wt.flat.schema+json", simplified.Flat},
	{"application/openehr.wt.structured.schema+json", simplified.Structured},
}

func simplifiedFormat(media string) simplified.Format {
	for _, m := range simplifiedMedia {
		if m.media == media {
			return m.format
		}
	}
	return 0
}

// compositionMedia are the types a composition may be sent and asked for in.
var compositionMedia = func() []string {
	out := slices.Clone(media)
	for _, m := range simplifiedMedia {
		out = append(out, m.media)
	}
	return out
}()

// spelling is a format of the answer: simplified is 0 for a canonical one, which
// send chooses.
type spelling struct {
	media      string
	simplified simplified.Format
}

// asked negotiates the spelling of a composition: by the query parameter format,
// by Accept, and without either in the format that was sent.
func asked(call *rest.Call, sent spelling) (spelling, error) {
	name := call.Query("format")
	f, known := simplified.FormatOf(name)
	switch {
	case known:
		offers := []string{rest.JSON}
		for _, m := range simplifiedMedia {
			if m.format == f {
				offers = append(offers, m.media)
			}
		}
		media, err := call.Accept(offers...)
		return spelling{media, f}, err
	case strings.EqualFold(name, "JSON") || strings.EqualFold(name, "XML"):
		media, err := call.Accept(canonical(name)...)
		return spelling{media: media}, err
	case name != "":
		return spelling{}, fault.New(fault.Invalid, "format", "the query parameter format may be FLAT, STRUCTURED, JSON or XML")
	case sent.simplified != 0 && call.Header("Accept") == "":
		return sent, nil
	}
	media, err := call.Accept(compositionMedia...)
	return spelling{media, simplifiedFormat(media)}, err
}

// enclosed negotiates the spelling of the compositions in an answer that is
// itself JSON: a result set, the verdict of a dry run. A format of another name is
// no concern of it: a query may have a parameter called so.
func enclosed(call *rest.Call) (spelling, error) {
	f, named := simplified.FormatOf(call.Query("format"))
	offers := []string{rest.JSON}
	for _, m := range simplifiedMedia {
		if !named || m.format == f {
			offers = append(offers, m.media)
		}
	}
	media, err := call.Accept(offers...)
	if !named {
		f = simplifiedFormat(media)
	}
	return spelling{media, f}, err
}

// submission is a composition that was sent, and how the answer is wanted.
type submission struct {
	content cdr.Content
	info    cdr.CommitInfo
	want    rest.Return
	answer  spelling
	// template is set for a simplified document.
	template *cdr.Template
}

// submitted reads a composition in any format.
func (h compositionHandlers) submitted(call *rest.Call) (s submission, err error) {
	media, err := call.ContentType()
	if err != nil {
		return s, err
	}
	sent := spelling{media, simplifiedFormat(media)}
	if f, ok := simplified.FormatOf(call.Query("format")); ok && sent.simplified == 0 && media == rest.JSON {
		sent.simplified = f
	}
	s.want = call.Prefer()
	if s.want == rest.Identifier {
		_, err = call.Accept(rest.JSON)
	} else if s.want == rest.Representation {
		s.answer, err = asked(call, sent)
	}
	if err != nil {
		return s, err
	}
	if s.info, err = call.CommitInfo(); err != nil {
		return s, err
	}
	if media == rest.PDF {
		s.content.JSON, err = sentPDF(call)
		return s, err
	}
	if sent.simplified == 0 {
		state, _ := cdr.LifecycleCode(s.info.Lifecycle) // one that is none is refused by the use case
		s.content.JSON, err = body(call, state == cdr.Incomplete)
		return s, err
	}
	text, err := call.Content()
	if err != nil {
		return s, err
	}
	if s.template, err = templateOf(call, h.service); err != nil {
		return s, err
	}
	s.content.Tree, err = s.template.Simplified().Read(text, sent.simplified, now())
	return s, err
}

// now is the time a simplified document has that names none.
func now() string { return time.Now().UTC().Format("2006-01-02T15:04:05.000Z") }

// templateOf finds the template that a simplified document is of: by the header
// openehr-template-id, or the query parameter templateId.
func templateOf(call *rest.Call, templates templateReader) (*cdr.Template, error) {
	id, parameter := call.Header("openehr-template-id"), call.Query("templateId")
	if id == "" {
		id = call.Header("openEHR-TEMPLATE_ID") // the deprecated spelling is another name
	}
	switch {
	case id == "":
		id = parameter
	case parameter != "" && parameter != id:
		return nil, fault.New(fault.Invalid, "template-id", "the header openehr-template-id and the query parameter templateId differ")
	}
	if id == "" {
		return nil, fault.New(fault.Unprocessable, "template-id", "a simplified document needs the header openehr-template-id or the query parameter templateId")
	}
	found, err := templates.TemplateVersion(call.Context(), call.Caller, id, call.Header("openehr-template-version"))
	if !fault.Is(err, fault.NotFound) {
		return found, err
	}
	if f := fault.Of(err); f.Code == "template-version-unknown" {
		return nil, fault.New(fault.Unprocessable, f.Code, "%s", f.Message)
	}
	return nil, fault.New(fault.Unprocessable, "template-unknown", "the template %q is not known", id)
}

// explained adds the keys to what the validator found in a simplified document.
func (s submission) explained(err error) error {
	if f := fault.Of(err); s.template != nil && len(f.Issues) > 0 {
		s.template.Simplified().Explain(s.content.Tree, f.Issues)
	}
	return err
}

// committed answers a commit in the format that was asked for.
func (h compositionHandlers) committed(call *rest.Call, s submission, doc cdr.Document, full, minimal int) error {
	warn(call, doc.Warnings)
	if s.answer.simplified == 0 || s.want != rest.Representation {
		return written(call, s.want, doc, compositionPath(doc), full, minimal)
	}
	describe(call, doc)
	call.SetLocation(compositionPath(doc))
	return h.spell(call, full, doc, s.answer)
}

// spell sends a composition in a simplified format.
func (h compositionHandlers) spell(call *rest.Call, status int, doc cdr.Document, as spelling) error {
	tree, err := canon.ReadStored(doc.JSON)
	if err != nil {
		return err
	}
	// By the version it was committed by: a newer one may name its nodes otherwise.
	found, err := h.service.TemplateOf(call.Context(), call.Caller, doc)
	if err != nil {
		return err
	}
	text, err := found.Simplified().Write(tree, as.simplified)
	if err != nil {
		return err
	}
	call.Set("openehr-template-id", found.ID)
	call.Set("openehr-template-version", found.Edition())
	return call.Send(status, as.media, text)
}

// spelled writes a composition in a simplified format, and names its template in
// the header.
func spelled(call *rest.Call, templates templateReader, document []byte, as simplified.Format) ([]byte, error) {
	tree, err := canon.ReadStored(document)
	if err != nil {
		return nil, err
	}
	id := tree.TextAt(tree.Root(), rminfo.A_archetype_details, rminfo.A_template_id, rminfo.A_value)
	found, err := templates.Template(call.Context(), call.Caller, id)
	if err != nil {
		return nil, err
	}
	call.Set("openehr-template-id", id)
	return found.Simplified().Write(tree, as)
}

// writer writes compositions of several templates, each looked up once.
func writer(call *rest.Call, templates templateReader) func(document []byte, as simplified.Format) ([]byte, error) {
	known := map[string]*cdr.Template{}
	return func(document []byte, as simplified.Format) ([]byte, error) {
		tree, err := canon.ReadStored(document)
		if err != nil {
			return nil, err
		}
		id := tree.TextAt(tree.Root(), rminfo.A_archetype_details, rminfo.A_template_id, rminfo.A_value)
		if known[id] == nil {
			if known[id], err = templates.Template(call.Context(), call.Caller, id); err != nil {
				return nil, err
			}
		}
		return known[id].Simplified().Write(tree, as)
	}
}

// shownAs answers a read in the format that was asked for.
func (h compositionHandlers) shownAs(call *rest.Call, doc cdr.Document, as spelling) error {
	if as.simplified == 0 || doc.JSON == nil || call.Unchanged(doc.VersionUID) {
		return shown(call, doc, compositionPath(doc))
	}
	describe(call, doc)
	if call.Manners().LocationOnRead {
		call.SetLocation(compositionPath(doc))
	}
	return h.spell(call, http.StatusOK, doc, as)
}

// templateReader finds templates.
type templateReader interface {
	Template(ctx context.Context, caller cdr.Caller, id string) (*cdr.Template, error)
	TemplateVersion(ctx context.Context, caller cdr.Caller, id, version string) (*cdr.Template, error)
	TemplateOf(ctx context.Context, caller cdr.Caller, doc cdr.Document) (*cdr.Template, error)
}
