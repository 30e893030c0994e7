package access

import (
	"context"
	"net/http"
	"time"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/rest"
)

// Service is what the operations need of the use cases.
type Service interface {
	Relate(ctx context.Context, caller cdr.Caller, r cdr.Relationship, reason string) error
	EndRelationship(ctx context.Context, caller cdr.Caller, r cdr.Relationship, reason string) error
	Grant(ctx context.Context, caller cdr.Caller, g cdr.Grant, reason string) error
	Revoke(ctx context.Context, caller cdr.Caller, ehr, grantee, reason string) error
	Restrict(ctx context.Context, caller cdr.Caller, r cdr.Restriction) (id string, err error)
	LiftRestriction(ctx context.Context, caller cdr.Caller, ehr, id, reason string) error
	BreakGlass(ctx context.Context, caller cdr.Caller, b cdr.BreakGlass) (time.Time, error)
	Explain(ctx context.Context, caller cdr.Caller, ehr string) (cdr.Explanation, error)
}

// Routes is the table of /access/v1.
func Routes(service Service) []rest.Route {
	h := handlers{service}
	at, body := "/access/v1/ehr/:ehr_id", []string{rest.JSON}
	return []rest.Route{
		{Method: http.MethodGet, Path: at + "/explain", Access: rest.AccessRead, Handler: h.explain},
		{Method: http.MethodPost, Path: at + "/break-glass", Access: rest.AccessWrite, Consumes: body, Handler: h.breakGlass},
		{Method: http.MethodPut, Path: at + "/relationships/:kind/:organisation", Access: rest.AccessWrite, Consumes: body, Handler: h.relate},
		{Method: http.MethodDelete, Path: at + "/relationships/:kind/:organisation", Access: rest.AccessWrite, Handler: h.endRelationship},
		{Method: http.MethodPut, Path: at + "/grants/:grantee", Access: rest.AccessWrite, Consumes: body, Handler: h.grant},
		{Method: http.MethodDelete, Path: at + "/grants/:grantee", Access: rest.AccessWrite, Handler: h.revoke},
		{Method: http.MethodPost, Path: at + "/restrictions", Access: rest.AccessWrite, Consumes: body, Handler: h.restrict},
		{Method: http.MethodDelete, Path: at + "/restrictions/:restriction_id", Access: rest.AccessWrite, Handler: h.lift},
	}
}

type handlers struct{ service Service }

// period is a validity; what is left out is open.
type period struct {
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Reason string    `json:"reason"`
}

func (h handlers) relate(call *rest.Call) error {
	ehr, err := call.UUID("ehr_id")
	if err != nil {
		return err
	}
	var in period
	if err := call.Decode(&in); err != nil {
		return err
	}
	r := cdr.Relationship{EHR: ehr, Organisation: call.Param("organisation"), Kind: call.Param("kind"), From: in.From, To: in.To}
	if err := h.service.Relate(call.Context(), call.Caller, r, in.Reason); err != nil {
		return err
	}
	return call.Empty(http.StatusNoContent)
}

// endRelationship and revoke have no body: the reason code stands in the query.
func (h handlers) endRelationship(call *rest.Call) error {
	ehr, err := call.UUID("ehr_id")
	if err != nil {
		return err
	}
	r := cdr.Relationship{EHR: ehr, Organisation: call.Param("organisation"), Kind: call.Param("kind")}
	if err := h.service.EndRelationship(call.Context(), call.Caller, r, call.Query("reason")); err != nil {
		return err
	}
	return call.Empty(http.StatusNoContent)
}

func (h handlers) grant(call *rest.Call) error {
	ehr, err := call.UUID("ehr_id")
	if err != nil {
		return err
	}
	var in struct {
		Kind   string    `json:"kind"`
		Write  bool      `json:"write"`
		To     time.Time `json:"to"`
		Reason string    `json:"reason"`
	}
	if err := call.Decode(&in); err != nil {
		return err
	}
	g := cdr.Grant{EHR: ehr, Grantee: call.Param("grantee"), Kind: in.Kind, Write: in.Write, To: in.To}
	if err := h.service.Grant(call.Context(), call.Caller, g, in.Reason); err != nil {
		return err
	}
	return call.Empty(http.StatusNoContent)
}

func (h handlers) revoke(call *rest.Call) error {
	ehr, err := call.UUID("ehr_id")
	if err != nil {
		return err
	}
	if err := h.service.Revoke(call.Context(), call.Caller, ehr, call.Param("grantee"), call.Query("reason")); err != nil {
		return err
	}
	return call.Empty(http.StatusNoContent)
}

func (h handlers) restrict(call *rest.Call) error {
	ehr, err := call.UUID("ehr_id")
	if err != nil {
		return err
	}
	var in struct {
		AppliesTo []string  `json:"appliesTo"`
		Spares    []string  `json:"spares"`
		To        time.Time `json:"to"`
		Reason    string    `json:"reason"`
	}
	if err := call.Decode(&in); err != nil {
		return err
	}
	id, err := h.service.Restrict(call.Context(), call.Caller, cdr.Restriction{EHR: ehr, AppliesTo: in.AppliesTo, Spares: in.Spares, Reason: in.Reason, To: in.To})
	if err != nil {
		return err
	}
	return call.JSON(http.StatusCreated, map[string]string{"ehrId": ehr, "id": id})
}

func (h handlers) lift(call *rest.Call) error {
	ehr, err := call.UUID("ehr_id")
	if err != nil {
		return err
	}
	if err := h.service.LiftRestriction(call.Context(), call.Caller, ehr, call.Param("restriction_id"), call.Query("reason")); err != nil {
		return err
	}
	return call.Empty(http.StatusNoContent)
}

func (h handlers) breakGlass(call *rest.Call) error {
	ehr, err := call.UUID("ehr_id")
	if err != nil {
		return err
	}
	var in struct {
		Organisation string `json:"organisation"`
		ReasonCode   string `json:"reasonCode"`
		Reason       string `json:"reason"`
		Minutes      int    `json:"minutes"`
	}
	if err := call.Decode(&in); err != nil {
		return err
	}
	ends, err := h.service.BreakGlass(call.Context(), call.Caller, cdr.BreakGlass{
		EHR: ehr, Organisation: in.Organisation, ReasonCode: in.ReasonCode, Reason: in.Reason, Minutes: in.Minutes,
	})
	if err != nil {
		return err
	}
	return call.JSON(http.StatusCreated, map[string]string{"ehrId": ehr, "ends": ends.UTC().Format(time.RFC3339)})
}

type gateJSON struct {
	Name   string `json:"name"`
	Holds  bool   `json:"holds"`
	Detail string `json:"detail"`
}

func gatesOf(x cdr.Explanation) []gateJSON {
	gates := make([]gateJSON, 0, len(x.Gates))
	for _, g := range x.Gates {
		gates = append(gates, gateJSON(g))
	}
	return gates
}

func (h handlers) explain(call *rest.Call) error {
	ehr, err := call.UUID("ehr_id")
	if err != nil {
		return err
	}
	x, err := h.service.Explain(call.Context(), call.Caller, ehr)
	if err != nil {
		return err
	}
	gates := gatesOf(x)
	breakGlass := x.MayBreakGlass
	if breakGlass == nil {
		breakGlass = []string{}
	}
	return call.JSON(http.StatusOK, map[string]any{
		"ehrId": ehr, "read": x.Read, "write": x.Write, "gates": gates,
		"readableTemplates": x.ReadableFamilies, "writableTemplates": x.WritableFamilies, "mayBreakGlassIn": breakGlass,
	})
}
