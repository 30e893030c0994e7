package openehr

import (
	"context"
	"net/http"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rest"
)

type compositionService interface {
	templateReader
	EHR(ctx context.Context, caller cdr.Caller, id string) (cdr.EHR, error)
	JudgeUpdate(ctx context.Context, caller cdr.Caller, ehr, object, ifMatch string, content cdr.Content, info cdr.CommitInfo) (cdr.Judgement, error)
	JudgeComposition(ctx context.Context, caller cdr.Caller, ehr string, content cdr.Content, info cdr.CommitInfo) (cdr.Judgement, error)
	CreateComposition(ctx context.Context, caller cdr.Caller, ehr string, content cdr.Content, info cdr.CommitInfo) (cdr.Document, error)
	UpdateComposition(ctx context.Context, caller cdr.Caller, ehr, object, ifMatch string, content cdr.Content, info cdr.CommitInfo) (cdr.Document, error)
	DeleteComposition(ctx context.Context, caller cdr.Caller, ehr, versionUID, ifMatch string, info cdr.CommitInfo) (cdr.Document, error)
	Composition(ctx context.Context, caller cdr.Caller, ehr string, ref cdr.VersionRef) (cdr.Document, error)
	VersionedComposition(ctx context.Context, caller cdr.Caller, ehr, object string) (cdr.Versioned, error)
	CompositionVersion(ctx context.Context, caller cdr.Caller, ehr string, ref cdr.VersionRef) (cdr.Document, error)
	CompositionHistory(ctx context.Context, caller cdr.Caller, ehr, object string) ([]byte, error)
	MayWithhold(ctx context.Context, caller cdr.Caller) bool
}

func compositionRoutes(service compositionService) []rest.Route {
	h := compositionHandlers{service}
	at, versioned := root+"/ehr/:ehr_id/composition", root+"/ehr/:ehr_id/versioned_composition/:versioned_object_uid"
	return []rest.Route{
		{Method: http.MethodPost, Path: at, Access: rest.RecordWrite, Consumes: sentMedia, Handler: h.create},
		{Method: http.MethodGet, Path: at + "/:uid_based_id", Access: rest.RecordRead, Handler: h.get},
		{Method: http.MethodPut, Path: at + "/:uid_based_id", Access: rest.RecordWrite, Consumes: sentMedia, Handler: h.update},
		{Method: http.MethodDelete, Path: at + "/:uid_based_id", Access: rest.RecordWrite, Handler: h.delete},
		{Method: http.MethodGet, Path: versioned, Access: rest.RecordRead, Handler: h.versioned},
		{Method: http.MethodGet, Path: versioned + "/revision_history", Access: rest.RecordRead, Handler: h.history},
		{Method: http.MethodGet, Path: versioned + "/version", Access: rest.RecordRead, Handler: h.versionAtTime},
		{Method: http.MethodGet, Path: versioned + "/version/:version_uid", Access: rest.RecordRead, Handler: h.version},
	}
}

type compositionHandlers struct{ service compositionService }

func (h compositionHandlers) create(call *rest.Call) error {
	ehr, err := call.UUID("ehr_id")
	if err != nil {
		return err
	}
	if dry, err := dryRun(call); err != nil {
		return err
	} else if dry {
		return h.judge(call, http.StatusCreated, call.Manners().MinimalCreate, func(s submission) (cdr.Judgement, error) {
			return h.service.JudgeComposition(call.Context(), call.Caller, ehr, s.content, s.info)
		})
	}
	s, err := h.submitted(call)
	if err != nil {
		return err
	}
	doc, err := h.service.CreateComposition(call.Context(), call.Caller, ehr, s.content, s.info)
	if err != nil {
		return s.explained(err)
	}
	return h.committed(call, s, doc, http.StatusCreated, call.Manners().MinimalCreate)
}

func compositionPath(doc cdr.Document) string {
	return pathOf("ehr", doc.EHR, "composition", doc.VersionUID)
}

// get answers for a container the effective version, or the one at a time, or
// with lifecycle=incomplete the draft (DESIGN 5a rule 1); for a version uid
// exactly that version, whatever the time asked for.
func (h compositionHandlers) get(call *rest.Call) error {
	printed := wantsPDF(call)
	var as spelling
	var err error
	if !printed {
		if as, err = asked(call, spelling{}); err != nil {
			return err
		}
	}
	ehr, err := call.UUID("ehr_id")
	if err != nil {
		return err
	}
	at, err := call.AtTime()
	if err != nil {
		return err
	}
	ref, err := call.Ref("uid_based_id")
	if err != nil {
		return err
	}
	if ref.VersionUID == "" {
		ref.At = at
		switch lifecycle := call.Query("lifecycle"); lifecycle {
		case "", "incomplete":
			ref.Lifecycle = lifecycle
		default:
			return fault.New(fault.Invalid, "query-parameter", "the query parameter lifecycle may only be incomplete")
		}
	}
	if printed {
		return h.print(call, ehr, ref)
	}
	doc, err := h.service.Composition(call.Context(), call.Caller, ehr, ref)
	if err != nil {
		return err
	}
	return h.shownAs(call, doc, as)
}

func (h compositionHandlers) update(call *rest.Call) error {
	ehr, err := call.UUID("ehr_id")
	if err != nil {
		return err
	}
	object, ifMatch, err := replaced(call)
	if err != nil {
		return err
	}
	if dry, err := dryRun(call); err != nil {
		return err
	} else if dry {
		return h.judge(call, http.StatusOK, http.StatusNoContent, func(s submission) (cdr.Judgement, error) {
			return h.service.JudgeUpdate(call.Context(), call.Caller, ehr, object, ifMatch, s.content, s.info)
		})
	}
	s, err := h.submitted(call)
	if err != nil {
		return err
	}
	doc, err := h.service.UpdateComposition(call.Context(), call.Caller, ehr, object, ifMatch, s.content, s.info)
	if err != nil {
		return s.explained(err)
	}
	return h.committed(call, s, doc, http.StatusOK, http.StatusNoContent)
}

func (h compositionHandlers) delete(call *rest.Call) error {
	ehr, err := call.UUID("ehr_id")
	if err != nil {
		return err
	}
	uid, err := call.VersionUID("uid_based_id")
	if err != nil {
		return err
	}
	info, err := call.CommitInfo()
	if err != nil {
		return err
	}
	// RM Common IM, Logical Deletion: a deletion has one lifecycle state.
	if state, err := cdr.LifecycleCode(info.Lifecycle); info.Lifecycle != "" && (err != nil || state != cdr.Deleted) {
		return fault.New(fault.Invalid, "lifecycle-not-deleted", "a deletion can only have the lifecycle state 523, deleted")
	}
	doc, err := h.service.DeleteComposition(call.Context(), call.Caller, ehr, uid, call.VolunteeredIfMatch(), info)
	if err != nil {
		return err
	}
	call.SetETag(doc.VersionUID)
	call.SetLastModified(doc.Committed)
	if call.Manners().LocationOnRead {
		call.SetLocation(compositionPath(doc))
	}
	return call.Empty(http.StatusNoContent)
}

func (h compositionHandlers) versioned(call *rest.Call) error {
	ehr, object, err := versionedRead(call)
	if err != nil {
		return err
	}
	found, err := h.service.VersionedComposition(call.Context(), call.Caller, ehr, object)
	return container(call, found, err)
}

func (h compositionHandlers) history(call *rest.Call) error {
	ehr, object, err := versionedRead(call)
	if err != nil {
		return err
	}
	text, err := h.service.CompositionHistory(call.Context(), call.Caller, ehr, object)
	if err == nil {
		disclose(call, h.service.MayWithhold(call.Context(), call.Caller))
	}
	return history(call, text, err)
}

func (h compositionHandlers) versionAtTime(call *rest.Call) error {
	as, err := asked(call, spelling{})
	if err != nil {
		return err
	}
	ehr, object, err := versionedPath(call)
	if err != nil {
		return err
	}
	at, err := call.AtTime()
	if err != nil {
		return err
	}
	doc, err := h.service.CompositionVersion(call.Context(), call.Caller, ehr, cdr.VersionRef{Object: object, At: at})
	if err != nil {
		return err
	}
	return showVersion(call, h.service, doc, as)
}

func (h compositionHandlers) version(call *rest.Call) error {
	as, err := asked(call, spelling{})
	if err != nil {
		return err
	}
	ehr, object, err := versionedPath(call)
	if err != nil {
		return err
	}
	ref, err := versionOf(call, object)
	if err != nil {
		return err
	}
	doc, err := h.service.CompositionVersion(call.Context(), call.Caller, ehr, ref)
	if err != nil {
		return err
	}
	return showVersion(call, h.service, doc, as)
}

// versionedPath reads the path below versioned_composition.
func versionedPath(call *rest.Call) (ehr, object string, err error) {
	if ehr, err = call.UUID("ehr_id"); err != nil {
		return
	}
	object, err = call.UUID("versioned_object_uid")
	return
}

// versionedRead opens a GET below versioned_composition of what has no
// simplified form.
func versionedRead(call *rest.Call) (ehr, object string, err error) {
	if _, err = accepted(call); err != nil {
		return
	}
	return versionedPath(call)
}
