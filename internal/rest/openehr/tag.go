package openehr

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rest"
)

type tagService interface {
	Tags(ctx context.Context, caller cdr.Caller, q cdr.TagQuery) ([]byte, error)
	ItemTags(ctx context.Context, caller cdr.Caller, ehr string, kind cdr.Kind, ref cdr.VersionRef) ([]byte, error)
	PutItemTags(ctx context.Context, caller cdr.Caller, ehr string, kind cdr.Kind, ref cdr.VersionRef, tags []cdr.Tag) ([]byte, error)
	DeleteItemTags(ctx context.Context, caller cdr.Caller, ehr string, kind cdr.Kind, ref cdr.VersionRef, key string) error
}

func tagRoutes(service tagService) []rest.Route {
	all := tagHandlers{service: service}
	routes := []rest.Route{{Method: http.MethodGet, Path: root + "/ehr/:ehr_id/tags", Access: rest.RecordRead, Handler: all.list}}
	for _, noun := range []struct {
		path string
		kind cdr.Kind
	}{{"composition", cdr.KindComposition}, {"ehr_status", cdr.KindStatus}} {
		h := tagHandlers{service, noun.kind}
		at := root + "/ehr/:ehr_id/" + noun.path + "/:uid_based_id/tags"
		routes = append(routes,
			rest.Route{Method: http.MethodGet, Path: at, Access: rest.RecordRead, Handler: h.get},
			rest.Route{Method: http.MethodPut, Path: at, Access: rest.RecordWrite, Consumes: []string{rest.JSON}, Handler: h.put},
			rest.Route{Method: http.MethodDelete, Path: at + "/+", Access: rest.RecordWrite, Handler: h.delete})
	}
	return routes
}

type tagHandlers struct {
	service tagService
	kind    cdr.Kind
}

// list gives the tags of an EHR; filters compare exactly and are conjoined.
func (h tagHandlers) list(call *rest.Call) error {
	ehr, err := readJSON(call)
	if err != nil {
		return err
	}
	q := tagFilters(call)
	q.EHR = ehr
	text, err := h.service.Tags(call.Context(), call.Caller, q)
	if err != nil {
		return err
	}
	return sendTags(call, pathOf("ehr", ehr, "tags"), text)
}

// sendTags answers with a list of tags, or the page of it that was asked for.
func sendTags(call *rest.Call, path string, list []byte) error {
	var tags []json.RawMessage
	if err := json.Unmarshal(list, &tags); err != nil {
		return err
	}
	from, to, err := call.Page(path, len(tags))
	if err != nil {
		return err
	}
	return call.JSON(http.StatusOK, tags[from:to])
}

// tagFilters reads the filters of a list of tags.
func tagFilters(call *rest.Call) (q cdr.TagQuery) {
	for name, member := range map[string]**string{"tag_key": &q.Key, "tag_value": &q.Value, "tag_target_path": &q.Path} {
		if value := call.Query(name); value != "" {
			*member = &value
		}
	}
	return q
}

func (h tagHandlers) get(call *rest.Call) error {
	ehr, err := readJSON(call)
	if err != nil {
		return err
	}
	ref, err := call.Ref("uid_based_id")
	if err != nil {
		return err
	}
	text, err := h.service.ItemTags(call.Context(), call.Caller, ehr, h.kind, ref)
	if err != nil {
		return err
	}
	noun := strings.ToLower(h.kind.Class())
	return sendTags(call, pathOf("ehr", ehr, noun, call.Param("uid_based_id"), "tags"), text)
}

// tagBody is an ITEM_TAG as it is put: its target and owner are in the path.
type tagBody struct {
	Key   string  `json:"key"`
	Value *string `json:"value"`
	Path  string  `json:"target_path"`
}

func (h tagHandlers) put(call *rest.Call) error {
	ehr, err := call.UUID("ehr_id")
	if err != nil {
		return err
	}
	ref, err := call.Ref("uid_based_id")
	if err != nil {
		return err
	}
	want, err := preferJSON(call)
	if err != nil {
		return err
	}
	tags, err := sentTags(call)
	if err != nil {
		return err
	}
	text, err := h.service.PutItemTags(call.Context(), call.Caller, ehr, h.kind, ref, tags)
	if err != nil {
		return err
	}
	return putTags(call, want, text)
}

// sentTags reads the list of tags in the body.
func sentTags(call *rest.Call) ([]cdr.Tag, error) {
	body, err := call.Content()
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("[")) {
		return nil, fault.New(fault.Invalid, "tags-form", "the body is a list of tags")
	}
	var list []tagBody
	if err := call.Decode(&list); err != nil {
		return nil, err
	}
	tags := make([]cdr.Tag, 0, len(list))
	for _, t := range list {
		tags = append(tags, cdr.Tag{Key: t.Key, Value: t.Value, Path: t.Path})
	}
	return tags, nil
}

// putTags answers a PUT of tags with what there is now.
func putTags(call *rest.Call, want rest.Return, text []byte) error {
	if want == rest.Representation {
		return call.Send(http.StatusOK, rest.JSON, text)
	}
	if want == rest.Identifier {
		// A tag has no identifier to give.
		call.Set("Preference-Applied", "return=minimal")
	}
	return call.Empty(http.StatusNoContent)
}

// delete takes the rest of the path as the key, which may hold slashes.
func (h tagHandlers) delete(call *rest.Call) error {
	ehr, err := call.UUID("ehr_id")
	if err != nil {
		return err
	}
	ref, err := call.Ref("uid_based_id")
	if err != nil {
		return err
	}
	if err := h.service.DeleteItemTags(call.Context(), call.Caller, ehr, h.kind, ref, call.Param("+")); err != nil {
		return err
	}
	return call.Empty(http.StatusNoContent)
}

// readJSON opens a GET of a resource that has no XML form.
func readJSON(call *rest.Call) (ehr string, err error) {
	if _, err := call.Accept(rest.JSON); err != nil {
		return "", err
	}
	return call.UUID("ehr_id")
}

// preferJSON is prefer for a resource that has no XML form.
func preferJSON(call *rest.Call) (rest.Return, error) {
	want := call.Prefer()
	if want == rest.Minimal {
		return want, nil
	}
	_, err := call.Accept(rest.JSON)
	return want, err
}
