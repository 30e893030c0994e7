package openehr

import (
	"net/http"
	"strings"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rest"
)

// describe writes the headers of a version: ETag, Last-Modified, whether all was
// disclosed (DESIGN 5a rule 7), and the lifecycle of what is not complete.
func describe(call *rest.Call, doc cdr.Document) {
	call.SetETag(doc.VersionUID)
	call.SetLastModified(doc.Committed)
	if doc.TemplateEdition != "" {
		call.Set("openehr-template-version", doc.TemplateEdition)
	}
	if doc.Lifecycle != "" && doc.Lifecycle != cdr.Complete {
		call.Set("openehr-version", `lifecycle_state.code_string="`+doc.Lifecycle+`"`)
	}
	disclose(call, doc.Withheld)
}

// disclose tells whether the caller may not have seen everything: what was
// narrowed must never read as "none recorded" (DESIGN 5a rule 7).
func disclose(call *rest.Call, withheld bool) {
	disclosure := "complete"
	if withheld {
		disclosure = "may-be-withheld"
	}
	call.Set("Quire-Disclosure", disclosure)
}

// shown answers a read: 304 where the client has the version, 204 where it is a
// deletion, else the object.
func shown(call *rest.Call, doc cdr.Document, location string) error {
	describe(call, doc)
	if call.Manners().LocationOnRead {
		call.SetLocation(location)
	}
	switch {
	case call.Unchanged(doc.VersionUID):
		return call.Empty(http.StatusNotModified)
	case doc.JSON == nil:
		return call.Empty(http.StatusNoContent)
	}
	return send(call, http.StatusOK, doc.JSON)
}

// written answers a commit as Prefer asks: full is the status with a body,
// minimal the one without.
func written(call *rest.Call, want rest.Return, doc cdr.Document, location string, full, minimal int) error {
	describe(call, doc)
	call.SetLocation(location)
	switch want {
	case rest.Representation:
		return send(call, full, doc.JSON)
	case rest.Identifier:
		return call.JSON(full, map[string]string{"uid": doc.VersionUID})
	}
	return call.Empty(minimal)
}

// prefer reads Prefer, and refuses an Accept the answer could not meet before
// anything is written.
func prefer(call *rest.Call) (rest.Return, error) {
	want := call.Prefer()
	var err error
	switch want {
	case rest.Representation:
		_, err = accepted(call)
	case rest.Identifier:
		_, err = call.Accept(rest.JSON)
	}
	return want, err
}

// commit reads what every change-controlled write has: content, committal
// headers, Prefer.
func commit(call *rest.Call) (cdr.Content, cdr.CommitInfo, rest.Return, error) {
	want, err := prefer(call)
	if err != nil {
		return cdr.Content{}, cdr.CommitInfo{}, want, err
	}
	info, err := call.CommitInfo()
	if err != nil {
		return cdr.Content{}, info, want, err
	}
	state, _ := cdr.LifecycleCode(info.Lifecycle) // one that is none is refused by the use case
	document, err := body(call, state == cdr.Incomplete)
	return cdr.Content{JSON: document}, info, want, err
}

// pathOf is the place of a resource below the base path.
func pathOf(segments ...string) string {
	var b strings.Builder
	b.WriteString(root)
	for _, s := range segments {
		b.WriteByte('/')
		b.WriteString(rest.Segment(s))
	}
	return b.String()
}

// versionOf reads a version uid of the path that must belong to a container of
// the path; of another it is unknown there.
func versionOf(call *rest.Call, object string) (cdr.VersionRef, error) {
	uid, err := call.VersionUID("version_uid")
	if err != nil {
		return cdr.VersionRef{}, err
	}
	if of, _, _ := strings.Cut(uid, "::"); object != "" && !strings.EqualFold(of, object) {
		return cdr.VersionRef{}, fault.New(fault.NotFound, "version-unknown", "this object has no such version")
	}
	return cdr.VersionRef{VersionUID: uid}, nil
}

// history answers a read of a REVISION_HISTORY.
func history(call *rest.Call, text []byte, err error) error {
	if err != nil {
		return err
	}
	return send(call, http.StatusOK, text)
}

// enveloped answers a read of a VERSION, deleted ones included.
func enveloped(call *rest.Call, doc cdr.Document, err error) error {
	if err != nil {
		return err
	}
	describe(call, doc)
	// An attestation changes the VERSION and not its uid.
	if !doc.Amended && call.Unchanged(doc.VersionUID) {
		return call.Empty(http.StatusNotModified)
	}
	return send(call, http.StatusOK, doc.JSON)
}

// replaced reads which object an update is of, and what If-Match says; a path
// may name the version that is replaced, which must then be the same.
func replaced(call *rest.Call) (object, ifMatch string, err error) {
	ref, err := call.Ref("uid_based_id")
	if err != nil {
		return "", "", err
	}
	if ifMatch, err = call.IfMatch(); err != nil {
		return "", "", err
	}
	if ref.VersionUID == "" {
		return ref.Object, ifMatch, nil
	}
	if !strings.EqualFold(ref.VersionUID, ifMatch) {
		return "", "", fault.New(fault.Invalid, "versions-differ", "the path and If-Match name different versions")
	}
	object, _, _ = strings.Cut(ref.VersionUID, "::")
	return object, ifMatch, nil
}
