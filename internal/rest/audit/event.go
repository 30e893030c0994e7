package audit

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/fhir/balp"
	"github.com/quire-cdr/quire/internal/rest"
	"github.com/quire-cdr/quire/internal/seal"
)

// Trail is what the operations on all of the audit need of the use cases.
type Trail interface {
	Search(ctx context.Context, caller cdr.Caller, f cdr.AuditFilter, page cdr.AuditPage) (cdr.AuditRows, error)
	Detail(ctx context.Context, caller cdr.Caller, id string) (cdr.AuditDetail, error)
	Shown(ctx context.Context, caller cdr.Caller, id, after string, limit int) (ehrs []string, next string, err error)
}

// Chain tells how far the audit is sealed.
type Chain interface {
	// Head is the newest seal, nil before the first.
	Head(ctx context.Context) (*seal.Seal, error)
	// PublicKey checks its signature.
	PublicKey() []byte
}

type rowJSON struct {
	sightingJSON
	EHR       string `json:"ehrId,omitempty"`
	Source    string `json:"source,omitempty"`
	Epoch     int64  `json:"epoch"`
	Rows      *int64 `json:"rows,omitempty"`
	QueryHash string `json:"queryHash,omitempty"`
	Opening   string `json:"opening,omitempty"`
}

type detailJSON struct {
	rowJSON
	Asked json.RawMessage `json:"asked,omitempty"`
	Shown int64           `json:"shown"`
}

const (
	asJSON = "application/json"
	asFHIR = "application/fhir+json"
)

func rowOf(r cdr.AuditRow) rowJSON {
	return rowJSON{
		sightingJSON{r.ID, r.At.UTC(), r.Action, r.Outcome, r.Principal, r.Role, r.Org, r.Object, r.Purpose, r.Basis, r.RequestID, false},
		r.EHR, r.Source, r.Epoch, r.Rows, hex.EncodeToString(r.QueryHash), r.Opening,
	}
}

// EventRoutes is the table of /audit/v1/events and of the chain's head.
func EventRoutes(trail Trail, chain Chain, systemID string) []rest.Route {
	event := func(r cdr.AuditRow) json.RawMessage {
		return balp.Event(balp.Row{ID: r.ID, At: r.At, Action: r.Action, Outcome: r.Outcome, Principal: r.Principal, Role: r.Role, Organisation: r.Org,
			EHR: r.EHR, Object: r.Object, Purpose: r.Purpose, Basis: r.Basis, Source: r.Source, RequestID: r.RequestID,
			QueryHash: r.QueryHash, Rows: r.Rows, Epoch: r.Epoch, System: systemID})
	}
	search := func(call *rest.Call) error {
		format, err := call.Accept(asJSON, asFHIR)
		if err != nil {
			return err
		}
		f, page, err := filter(call)
		if err != nil {
			return err
		}
		found, err := trail.Search(call.Context(), call.Caller, f, page)
		if err != nil {
			return err
		}
		if format == asFHIR {
			return sendBundle(call, found, event)
		}
		list := make([]rowJSON, 0, len(found.List))
		for _, r := range found.List {
			list = append(list, rowOf(r))
		}
		return call.JSON(http.StatusOK, map[string]any{"events": list, "next": found.Next})
	}
	one := func(call *rest.Call) error {
		format, err := call.Accept(asJSON, asFHIR)
		if err != nil {
			return err
		}
		d, err := trail.Detail(call.Context(), call.Caller, call.Param("event_id"))
		if err != nil {
			return err
		}
		if format == asFHIR {
			return call.Send(http.StatusOK, asFHIR, event(d.AuditRow))
		}
		return call.JSON(http.StatusOK, detailJSON{rowOf(d.AuditRow), d.Asked, d.Shown})
	}
	records := func(call *rest.Call) error {
		limit, err := call.QueryInt("limit")
		if err != nil {
			return err
		}
		n := 0
		if limit != nil {
			n = *limit
		}
		ehrs, next, err := trail.Shown(call.Context(), call.Caller, call.Param("event_id"), call.Query("after"), n)
		if err != nil {
			return err
		}
		if ehrs == nil {
			ehrs = []string{}
		}
		return call.JSON(http.StatusOK, map[string]any{"ehrIds": ehrs, "next": next})
	}
	head := func(call *rest.Call) error {
		s, err := chain.Head(call.Context())
		if err != nil {
			return err
		}
		return call.JSON(http.StatusOK, map[string]any{"head": s, "publicKey": chain.PublicKey()})
	}
	return []rest.Route{
		{Method: http.MethodGet, Path: "/audit/v1/events", Access: rest.AuditRead, Handler: search},
		{Method: http.MethodGet, Path: "/audit/v1/events/:event_id", Access: rest.AuditRead, Handler: one},
		{Method: http.MethodGet, Path: "/audit/v1/events/:event_id/records", Access: rest.AuditRead, Handler: records},
		{Method: http.MethodGet, Path: "/audit/v1/head", Access: rest.Identity, Handler: head},
	}
}

// filter reads the parameters of a search; one that is not known is refused, since
// leaving it out would show more than was asked for.
func filter(call *rest.Call) (f cdr.AuditFilter, page cdr.AuditPage, err error) {
	texts := map[string]*string{"ehr_id": &f.EHR, "principal": &f.Principal, "role": &f.Role, "object": &f.Object, "action": &f.Action,
		"outcome": &f.Outcome, "purpose": &f.Purpose, "opening": &f.Opening, "after": &page.After}
	times := map[string]*time.Time{"from": &f.From, "to": &f.To}
	call.QueryEach(func(name, value string) {
		switch text, known := texts[name]; {
		case err != nil:
		case known:
			*text = value
		case name == "limit":
			if page.Limit, err = strconv.Atoi(value); err != nil {
				err = fault.New(fault.Invalid, "limit", "limit is a number")
			}
		case name == "organisation":
			f.Organisations = append(f.Organisations, value)
		case times[name] != nil:
			if *times[name], err = time.Parse(time.RFC3339, value); err != nil {
				err = fault.New(fault.Invalid, name, "%s is a time like 2026-11-22T08:00:00Z", name)
			}
		default:
			err = fault.New(fault.Invalid, "parameter", "%q is no parameter of this search", name)
		}
	})
	return f, page, err
}

// sendBundle writes a page as a searchset.
func sendBundle(call *rest.Call, found cdr.AuditRows, event func(cdr.AuditRow) json.RawMessage) error {
	type link struct {
		Relation string `json:"relation"`
		URL      string `json:"url"`
	}
	type entry struct {
		Resource json.RawMessage `json:"resource"`
	}
	bundle := struct {
		ResourceType string  `json:"resourceType"`
		Type         string  `json:"type"`
		Link         []link  `json:"link,omitempty"`
		Entry        []entry `json:"entry"`
	}{ResourceType: "Bundle", Type: "searchset", Entry: []entry{}}
	for _, r := range found.List {
		bundle.Entry = append(bundle.Entry, entry{event(r)})
	}
	if found.Next != "" {
		bundle.Link = []link{{"next", call.Here("after", found.Next)}}
	}
	text, err := json.Marshal(bundle)
	if err != nil {
		return err
	}
	return call.Send(http.StatusOK, asFHIR, text)
}
