package openehr

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rest"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/canonxml"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/simplified"
)

// contributionSent is a contribution as the use case reads it, in canonical JSON,
// and how the answer is wanted.
type contributionSent struct {
	body   []byte
	want   rest.Return
	answer spelling
	// template and contents are set for simplified documents.
	template *cdr.Template
	contents []*rm.Tree
}

// sentContribution reads a contribution in any format. In XML it is a
// CONTRIBUTION with ORIGINAL_VERSIONs in the place of references, each named by
// xsi:type. With a simplified type the envelope is the same JSON, and the data of
// each composition are such a document of the template in openehr-template-id.
func sentContribution(call *rest.Call, templates templateReader) (c contributionSent, err error) {
	media, err := call.ContentType()
	if err != nil {
		return c, err
	}
	sent := spelling{media, simplifiedFormat(media)}
	if f, ok := simplified.FormatOf(call.Query("format")); ok && sent.simplified == 0 && media == rest.JSON {
		sent.simplified = f
	}
	c.want = call.Prefer()
	switch c.want {
	case rest.Identifier:
		_, err = call.Accept(rest.JSON)
	case rest.Representation:
		c.answer, err = asked(call, sent)
	}
	if err != nil {
		return c, err
	}
	if c.body, err = call.Content(); err != nil {
		return c, err
	}
	switch {
	case media == rest.XML || media == rest.TextXML:
		c.body, err = contributionXML(call, c.body)
	case sent.simplified != 0:
		if c.template, err = templateOf(call, templates); err == nil {
			err = c.expand(sent.simplified)
		}
	}
	return c, err
}

// contributionXML makes JSON of an XML contribution. Members that are absent are
// judged by the use case, as in JSON.
func contributionXML(call *rest.Call, body []byte) ([]byte, error) {
	manners := call.Manners()
	tree, err := canonxml.Read(body, rminfo.CONTRIBUTION, canon.ReadOptions{Committal: true, Lenient: manners.LenientParty, IgnoreUnknown: manners.PeerRules})
	if err != nil {
		return nil, err
	}
	return canon.WriteJSON(make([]byte, 0, tree.Bytes()), tree, tree.Root()), nil
}

// expand makes canonical compositions of the simplified documents in the body.
func (c *contributionSent) expand(f simplified.Format) error {
	data := func(document jsontext.Value) (jsontext.Value, error) {
		if document.Kind() == 'n' {
			return document, nil
		}
		if class := classOf(document); class != "" {
			return nil, fault.New(fault.Unprocessable, "simplified-class", "only compositions have a simplified form, and this content is a %s in canonical JSON", class)
		}
		tree, err := c.template.Simplified().Read(document, f, now())
		if err != nil {
			return nil, err
		}
		c.contents = append(c.contents, tree)
		return canon.WriteJSON(make([]byte, 0, tree.Bytes()), tree, tree.Root()), nil
	}
	body, err := edited(c.body, map[string]edit{"versions": each(map[string]edit{"data": data})})
	c.body = body
	return err
}

// explained adds the keys to what the validator found in a simplified document,
// where it is the only one.
func (c *contributionSent) explained(err error) error {
	f := fault.Of(err)
	if len(c.contents) != 1 {
		return err
	}
	for i := range f.Issues {
		// What stands before the document's own path is the member.
		if member, path, ok := strings.Cut(f.Issues[i].Path, "/data"); ok && strings.HasPrefix(member, "/versions[") {
			at := []fault.Issue{f.Issues[i]}
			at[0].Path = cmp.Or(path, "/")
			c.template.Simplified().Explain(c.contents[0], at)
			f.Issues[i].FlatKey = at[0].FlatKey
		}
	}
	return err
}

// classOf is the _type of a document, "" where it names none.
func classOf(document []byte) string {
	var class string
	// What is no object has none; whoever reads it says why.
	_, _ = edited(document, map[string]edit{"_type": func(v jsontext.Value) (jsontext.Value, error) {
		if text, err := jsontext.AppendUnquote(nil, v); err == nil {
			class = string(text)
		}
		return v, nil
	}})
	return class
}

// sendVersions answers with a VERSION or a CONTRIBUTION: in a simplified format
// the envelope is canonical JSON, and the compositions within are simplified.
func sendVersions(call *rest.Call, templates templateReader, status int, document []byte, as spelling) error {
	if as.simplified == 0 {
		return send(call, status, document)
	}
	data := func(v jsontext.Value) (jsontext.Value, error) {
		if classOf(v) != rminfo.COMPOSITION.Name() {
			return v, nil
		}
		return spelled(call, templates, v, as.simplified)
	}
	version := map[string]edit{"data": data, "item": func(v jsontext.Value) (jsontext.Value, error) {
		return edited(v, map[string]edit{"data": data})
	}}
	edits := version
	if classOf(document) == rminfo.CONTRIBUTION.Name() {
		edits = map[string]edit{"versions": each(version)}
	}
	text, err := edited(document, edits)
	if err != nil {
		return err
	}
	return call.Send(status, as.media, text)
}

// showVersion answers a read of a VERSION of a composition, deleted ones included.
func showVersion(call *rest.Call, templates templateReader, doc cdr.Document, as spelling) error {
	if as.simplified == 0 {
		return enveloped(call, doc, nil)
	}
	describe(call, doc)
	if !doc.Amended && call.Unchanged(doc.VersionUID) {
		return call.Empty(http.StatusNotModified)
	}
	if doc.Template != "" {
		// By the version it was committed by: a newer one may name its nodes otherwise.
		found, err := templates.TemplateOf(call.Context(), call.Caller, doc)
		if err != nil {
			return err
		}
		templates = fixedTemplate{templates, found}
	}
	return sendVersions(call, templates, http.StatusOK, doc.JSON, as)
}

// fixedTemplate finds the one version of a template that is known already.
type fixedTemplate struct {
	templateReader
	found *cdr.Template
}

func (f fixedTemplate) Template(context.Context, cdr.Caller, string) (*cdr.Template, error) {
	return f.found, nil
}

// edit replaces one value of a JSON text.
type edit func(jsontext.Value) (jsontext.Value, error)

// edited is a JSON object with some of its members replaced; the rest stays byte
// for byte.
func edited(text []byte, edits map[string]edit) ([]byte, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(text))
	if start, err := dec.ReadToken(); err != nil || start.Kind() != '{' {
		return nil, notJSON(err)
	}
	out := append(make([]byte, 0, len(text)), '{')
	for dec.PeekKind() == '"' {
		name, err := dec.ReadToken()
		if err != nil {
			return nil, notJSON(err)
		}
		member := name.String()
		value, err := dec.ReadValue()
		if err != nil {
			return nil, notJSON(err)
		}
		if change, ok := edits[member]; ok {
			if value, err = change(value); err != nil {
				return nil, err
			}
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		// The error reports only that invalid UTF-8 was replaced, which the decoder
		// refuses.
		out, _ = jsontext.AppendQuote(out, member)
		out = append(append(out, ':'), value...)
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, notJSON(err)
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, notJSON(err)
	}
	return append(out, '}'), nil
}

// each edits the objects of a list; what is no list stays.
func each(edits map[string]edit) edit {
	return func(list jsontext.Value) (jsontext.Value, error) {
		if list.Kind() != '[' {
			return list, nil
		}
		dec := jsontext.NewDecoder(bytes.NewReader(list))
		if _, err := dec.ReadToken(); err != nil {
			return nil, notJSON(err)
		}
		out := append(make([]byte, 0, len(list)), '[')
		for dec.PeekKind() != ']' {
			item, err := dec.ReadValue()
			if err != nil {
				return nil, notJSON(err)
			}
			if item.Kind() == '{' {
				if item, err = edited(item, edits); err != nil {
					return nil, err
				}
			}
			if len(out) > 1 {
				out = append(out, ',')
			}
			out = append(out, item...)
		}
		return append(out, ']'), nil
	}
}

func notJSON(err error) error {
	return fault.New(fault.Invalid, "contribution-form", "the body is no CONTRIBUTION in JSON").Because(err)
}
