package openehr

import (
	"encoding/json"
	"strings"

	"github.com/quire-cdr/quire/internal/rest"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/canonxml"
)

// format is one way to write the objects of the record, which itself keeps
// canonical JSON: read makes that of a body, write makes a body of it.
type format struct {
	media string
	read  func(call *rest.Call, body []byte, draft bool) ([]byte, error)
	write func(document []byte) ([]byte, error)
}

// formats are offered in this order: a client that has no preference gets the
// first.
var formats = []format{
	{rest.JSON, sentJSON, sameJSON},
	{rest.XML, sentXML, canonicalXML},
	{rest.TextXML, sentXML, canonicalXML},
}

// media are the types of all formats: what a route of the record consumes.
var media = func() (out []string) {
	for _, f := range formats {
		out = append(out, f.media)
	}
	return out
}()

func formatOf(name string) format {
	for _, f := range formats {
		if f.media == name {
			return f
		}
	}
	return formats[0]
}

// accepted negotiates the format of the answer; none that fits is 406.
func accepted(call *rest.Call) (format, error) {
	name, err := call.Accept(canonical(call.Query("format"))...)
	return formatOf(name), err
}

// canonical are the types that the query parameter format leaves to choose from:
// those of JSON or XML where it names one.
func canonical(name string) []string {
	switch strings.ToUpper(name) {
	case "JSON":
		return []string{rest.JSON}
	case "XML":
		return []string{rest.XML, rest.TextXML}
	}
	return media
}

// body reads what was sent as canonical JSON, nil where there is none. A draft
// may lack what an object must have.
func body(call *rest.Call, draft bool) ([]byte, error) {
	text, err := call.Content()
	if err != nil || text == nil {
		return nil, err
	}
	name, err := call.ContentType()
	if err != nil {
		return nil, err
	}
	return formatOf(name).read(call, text, draft)
}

// send answers with an object in the format the client accepts.
func send(call *rest.Call, status int, document []byte) error {
	f, err := accepted(call)
	if err != nil {
		return err
	}
	text, err := f.write(document)
	if err != nil {
		return err
	}
	return call.Send(status, f.media, text)
}

// sendValue is send for an object that is made here.
func sendValue(call *rest.Call, f format, status int, object any) error {
	if f.media == rest.JSON {
		return call.JSON(status, object)
	}
	document, err := json.Marshal(object)
	if err != nil {
		return err
	}
	return send(call, status, document)
}

// sentJSON leaves reading to the use case, whose rules depend on the operation.
func sentJSON(_ *rest.Call, body []byte, _ bool) ([]byte, error) { return body, nil }

func sameJSON(document []byte) ([]byte, error) { return document, nil }

// sentXML takes the class from the document; whether it is the one wanted is
// judged by the use case.
func sentXML(call *rest.Call, body []byte, draft bool) ([]byte, error) {
	manners := call.Manners()
	tree, err := canonxml.Read(body, 0, canon.ReadOptions{Mandatory: !draft && !manners.PeerRules, Lenient: manners.LenientParty, IgnoreUnknown: manners.PeerRules})
	if err != nil {
		return nil, err
	}
	return canon.WriteJSON(make([]byte, 0, tree.Bytes()), tree, tree.Root()), nil
}

func canonicalXML(document []byte) ([]byte, error) {
	tree, err := canon.ReadStored(document)
	if err != nil {
		return nil, err
	}
	return canonxml.Write(make([]byte, 0, 2*len(document)), tree, tree.Root(), "")
}
