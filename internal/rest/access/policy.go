package access

import (
	"context"
	"net/http"
	"time"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/policy"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rest"
)

// yaml is the media type of policy files (RFC 9512).
const yaml = "application/yaml"

// PolicyService is what the operations on the policy need of the use cases.
type PolicyService interface {
	Apply(ctx context.Context, caller cdr.Caller, text []byte, reason string, dry bool) (policy.Change, error)
	Export(ctx context.Context, caller cdr.Caller) ([]byte, error)
	Reconcile(ctx context.Context, caller cdr.Caller, how, reason string) (policy.Drift, error)
	Objects(ctx context.Context, caller cdr.Caller, noun policy.Noun, object string) (map[string]map[string][]string, error)
	Set(ctx context.Context, caller cdr.Caller, t policy.Tuple, given bool, reason string) (policy.Change, error)
	AddLabel(ctx context.Context, caller cdr.Caller, label, reason string) (policy.Change, error)
	LabelTemplate(ctx context.Context, caller cdr.Caller, template, label, reason string) (policy.Change, error)
	MakeKey(ctx context.Context, caller cdr.Caller, r policy.KeyRequest, reason string) (string, cdr.APIKey, error)
	RevokeKey(ctx context.Context, caller cdr.Caller, id, reason string) error
	ListKeys(ctx context.Context, caller cdr.Caller) ([]policy.HeldKey, error)
	WhoCan(ctx context.Context, caller cdr.Caller, q policy.Question) ([]policy.Able, error)
	ExplainOther(ctx context.Context, caller cdr.Caller, q policy.Question, subject, role string) (cdr.Explanation, error)
	OpenLink(ctx context.Context, caller cdr.Caller, ehr string, ends time.Time, networks []string, reason string) (policy.Link, error)
	CloseLink(ctx context.Context, caller cdr.Caller, ehr, id, reason string) error
	Seal(ctx context.Context, caller cdr.Caller, ehr, object, label, reason string) error
	Unseal(ctx context.Context, caller cdr.Caller, ehr, object, label, reason string) error
	Overview(ctx context.Context, caller cdr.Caller, ehr string) (policy.Ways, error)
}

// PolicyRoutes is the table of the policy below /access/v1, and of who can act on
// a record by it.
func PolicyRoutes(service PolicyService) []rest.Route {
	h := policyHandlers{service}
	root, body := "/access/v1", []string{rest.JSON}
	record := root + "/ehr/:ehr_id"
	sealed := record + "/composition/:versioned_object_uid/labels/:label"
	routes := []rest.Route{
		{Method: http.MethodGet, Path: root + "/policy", Access: rest.AccessRead, Handler: h.export},
		{Method: http.MethodPut, Path: root + "/policy", Access: rest.AccessWrite, Consumes: []string{yaml, rest.JSON, rest.Text}, Handler: h.apply},
		{Method: http.MethodGet, Path: root + "/policy/drift", Access: rest.AccessRead, Deadline: longDeadline, Handler: h.drift},
		{Method: http.MethodPost, Path: root + "/policy/drift", Access: rest.AccessWrite, Consumes: body, Deadline: longDeadline, Handler: h.mend},
		{Method: http.MethodPut, Path: root + "/labels/:label", Access: rest.AccessWrite, Consumes: body, Handler: h.addLabel},
		{Method: http.MethodPut, Path: root + "/templates/:template_id/label", Access: rest.AccessWrite, Consumes: body, Handler: h.labelTemplate},
		{Method: http.MethodGet, Path: root + "/keys", Access: rest.AccessRead, Handler: h.keys},
		{Method: http.MethodPost, Path: root + "/keys", Access: rest.AccessWrite, Consumes: body, Handler: h.makeKey},
		{Method: http.MethodDelete, Path: root + "/keys/:key_id", Access: rest.AccessWrite, Handler: h.revokeKey},
		{Method: http.MethodGet, Path: record, Access: rest.AccessRead, Handler: h.overview},
		{Method: http.MethodPost, Path: record + "/links", Access: rest.AccessWrite, Consumes: body, Handler: h.openLink},
		{Method: http.MethodDelete, Path: record + "/links/:link_id", Access: rest.AccessWrite, Handler: h.closeLink},
		{Method: http.MethodPut, Path: sealed, Access: rest.AccessWrite, Consumes: body, Handler: h.seal},
		{Method: http.MethodDelete, Path: sealed, Access: rest.AccessWrite, Handler: h.unseal},
		{Method: http.MethodGet, Path: record + "/who-can", Access: rest.AccessRead, Handler: h.whoCan},
		{Method: http.MethodGet, Path: record + "/explain/:principal", Access: rest.AccessRead, Handler: h.explain},
	}
	for _, noun := range policy.Nouns {
		at := root + "/" + noun.Name
		tuple := at + "/:object/:relation/:subject"
		routes = append(routes,
			rest.Route{Method: http.MethodGet, Path: at, Access: rest.AccessRead, Handler: h.objects(noun)},
			rest.Route{Method: http.MethodGet, Path: at + "/:object", Access: rest.AccessRead, Handler: h.objects(noun)},
			rest.Route{Method: http.MethodPut, Path: tuple, Access: rest.AccessWrite, Consumes: body, Handler: h.give(noun)},
			rest.Route{Method: http.MethodDelete, Path: tuple, Access: rest.AccessWrite, Handler: h.take(noun)},
		)
	}
	return routes
}

// longDeadline is for what reads all of Keto.
const longDeadline = time.Minute

type policyHandlers struct{ service PolicyService }

// reasoned is a body that says nothing but why.
type reasoned struct {
	Reason string `json:"reason"`
}

func (h policyHandlers) export(call *rest.Call) error {
	if _, err := call.Accept(yaml, rest.Text, rest.JSON); err != nil {
		return err
	}
	text, err := h.service.Export(call.Context(), call.Caller)
	if err != nil {
		return err
	}
	return call.Send(http.StatusOK, yaml, text)
}

func (h policyHandlers) apply(call *rest.Call) error {
	text, err := call.Content()
	if err != nil {
		return err
	}
	dry := call.Query("dry-run")
	if dry != "" && dry != "true" && dry != "false" {
		return fault.New(fault.Invalid, "query-parameter", "dry-run is true or false")
	}
	change, err := h.service.Apply(call.Context(), call.Caller, text, call.Query("reason"), dry == "true")
	if err != nil {
		return err
	}
	return changed(call, change, dry != "true")
}

// changed answers with what changed, or would.
func changed(call *rest.Call, c policy.Change, applied bool) error {
	lines := c.Lines()
	if lines == nil {
		lines = []string{}
	}
	return call.JSON(http.StatusOK, map[string]any{"applied": applied && !c.Empty(), "changes": lines})
}

func texts(list []policy.Tuple) []string {
	out := make([]string, 0, len(list))
	for _, t := range list {
		out = append(out, t.String())
	}
	return out
}

func drifted(call *rest.Call, d policy.Drift) error {
	return call.JSON(http.StatusOK, map[string]any{
		"inStep": d.Empty(), "missing": texts(d.Missing), "foreign": texts(d.Foreign), "unfit": texts(d.Unfit), "repeated": texts(d.Repeated),
	})
}

func (h policyHandlers) drift(call *rest.Call) error {
	d, err := h.service.Reconcile(call.Context(), call.Caller, policy.Look, "")
	if err != nil {
		return err
	}
	return drifted(call, d)
}

func (h policyHandlers) mend(call *rest.Call) error {
	var in struct {
		Action string `json:"action"`
		Reason string `json:"reason"`
	}
	if err := call.Decode(&in); err != nil {
		return err
	}
	if in.Action == policy.Look {
		return fault.New(fault.Invalid, "reconcile", "action is mend or adopt")
	}
	d, err := h.service.Reconcile(call.Context(), call.Caller, in.Action, in.Reason)
	if err != nil {
		return err
	}
	return drifted(call, d)
}

// objects answers with name, relation, subjects; of roles and teams with their
// members.
func (h policyHandlers) objects(noun policy.Noun) rest.Handler {
	return func(call *rest.Call) error {
		found, err := h.service.Objects(call.Context(), call.Caller, noun, call.Param("object"))
		if err != nil {
			return err
		}
		return call.JSON(http.StatusOK, map[string]any{noun.Name: found})
	}
}

func (h policyHandlers) tuple(call *rest.Call, noun policy.Noun) policy.Tuple {
	return policy.Tuple{Namespace: noun.Namespace, Object: call.Param("object"), Relation: call.Param("relation"), Subject: call.Param("subject")}
}

func (h policyHandlers) give(noun policy.Noun) rest.Handler {
	return func(call *rest.Call) error {
		var in reasoned
		if err := call.Decode(&in); err != nil {
			return err
		}
		change, err := h.service.Set(call.Context(), call.Caller, h.tuple(call, noun), true, in.Reason)
		if err != nil {
			return err
		}
		return changed(call, change, true)
	}
}

func (h policyHandlers) take(noun policy.Noun) rest.Handler {
	return func(call *rest.Call) error {
		change, err := h.service.Set(call.Context(), call.Caller, h.tuple(call, noun), false, call.Query("reason"))
		if err != nil {
			return err
		}
		return changed(call, change, true)
	}
}

func (h policyHandlers) addLabel(call *rest.Call) error {
	var in reasoned
	if err := call.Decode(&in); err != nil {
		return err
	}
	change, err := h.service.AddLabel(call.Context(), call.Caller, call.Param("label"), in.Reason)
	if err != nil {
		return err
	}
	return changed(call, change, true)
}

func (h policyHandlers) labelTemplate(call *rest.Call) error {
	var in struct {
		Label  string `json:"label"`
		Reason string `json:"reason"`
	}
	if err := call.Decode(&in); err != nil {
		return err
	}
	change, err := h.service.LabelTemplate(call.Context(), call.Caller, call.Param("template_id"), in.Label, in.Reason)
	if err != nil {
		return err
	}
	return changed(call, change, true)
}

type keyJSON struct {
	ID           string     `json:"id"`
	Subject      string     `json:"subject"`
	Roles        []string   `json:"roles"`
	Organisation string     `json:"organisation"`
	Service      bool       `json:"service"`
	Networks     []string   `json:"networks"`
	Created      time.Time  `json:"created"`
	Expires      time.Time  `json:"expires"`
	Used         *time.Time `json:"lastUsed,omitempty"`
	// Key is shown once, by who makes it.
	Key string `json:"key,omitempty"`
}

func shown(k cdr.APIKey) keyJSON {
	out := keyJSON{ID: k.ID, Subject: k.Subject, Roles: k.Roles, Organisation: k.Organisation, Service: k.Service, Networks: []string{}, Created: k.Created.UTC(), Expires: k.Expires.UTC()}
	for _, n := range k.Networks {
		out.Networks = append(out.Networks, n.String())
	}
	return out
}

func (h policyHandlers) keys(call *rest.Call) error {
	list, err := h.service.ListKeys(call.Context(), call.Caller)
	if err != nil {
		return err
	}
	out := make([]keyJSON, 0, len(list))
	for _, k := range list {
		one := shown(k.APIKey)
		if !k.Used.IsZero() {
			used := k.Used.UTC()
			one.Used = &used
		}
		out = append(out, one)
	}
	return call.JSON(http.StatusOK, map[string]any{"keys": out})
}

func (h policyHandlers) makeKey(call *rest.Call) error {
	var in struct {
		Subject      string   `json:"subject"`
		Roles        []string `json:"roles"`
		Organisation string   `json:"organisation"`
		Networks     []string `json:"networks"`
		Days         int      `json:"days"`
		Env          string   `json:"env"`
		Reason       string   `json:"reason"`
	}
	if err := call.Decode(&in); err != nil {
		return err
	}
	text, key, err := h.service.MakeKey(call.Context(), call.Caller, policy.KeyRequest{
		Subject: in.Subject, Roles: in.Roles, Organisation: in.Organisation, Networks: in.Networks, Days: in.Days, Env: in.Env,
	}, in.Reason)
	if err != nil {
		return err
	}
	out := shown(key)
	out.Key = text
	call.Set("Cache-Control", "no-store")
	return call.JSON(http.StatusCreated, out)
}

func (h policyHandlers) revokeKey(call *rest.Call) error {
	if err := h.service.RevokeKey(call.Context(), call.Caller, call.Param("key_id"), call.Query("reason")); err != nil {
		return err
	}
	return call.Empty(http.StatusNoContent)
}

// question reads what is asked of a record from the query string.
func question(call *rest.Call) (policy.Question, error) {
	ehr, err := call.UUID("ehr_id")
	q := policy.Question{EHR: ehr, Version: call.Query("version_uid")}
	if err != nil {
		return q, err
	}
	switch call.Query("action") {
	case "", "read":
	case "write":
		q.Write = true
	default:
		return q, fault.New(fault.Invalid, "query-parameter", "action is read or write")
	}
	return q, nil
}

func (h policyHandlers) whoCan(call *rest.Call) error {
	q, err := question(call)
	if err != nil {
		return err
	}
	list, err := h.service.WhoCan(call.Context(), call.Caller, q)
	if err != nil {
		return err
	}
	type able struct {
		Principal string   `json:"principal"`
		Role      string   `json:"role,omitempty"`
		Through   []string `json:"through"`
	}
	out := make([]able, 0, len(list))
	for _, a := range list {
		out = append(out, able{a.Subject, a.Role, a.Through})
	}
	return call.JSON(http.StatusOK, map[string]any{"ehrId": q.EHR, "whoCan": out})
}

func (h policyHandlers) explain(call *rest.Call) error {
	q, err := question(call)
	if err != nil {
		return err
	}
	principal, role := call.Param("principal"), call.Query("role")
	x, err := h.service.ExplainOther(call.Context(), call.Caller, q, principal, role)
	if err != nil {
		return err
	}
	return call.JSON(http.StatusOK, map[string]any{
		"ehrId": q.EHR, "principal": principal, "role": role, "allowed": x.Read || x.Write, "gates": gatesOf(x),
	})
}

func (h policyHandlers) overview(call *rest.Call) error {
	ehr, err := call.UUID("ehr_id")
	if err != nil {
		return err
	}
	w, err := h.service.Overview(call.Context(), call.Caller, ehr)
	if err != nil {
		return err
	}
	relationships, grants, restrictions, broken := []any{}, []any{}, []any{}, []any{}
	for _, r := range w.Relationships {
		relationships = append(relationships, map[string]any{"organisation": r.Organisation, "kind": r.Kind, "from": r.From, "to": until(r.To)})
	}
	for _, g := range w.Grants {
		grants = append(grants, map[string]any{"grantee": g.Grantee, "kind": g.Kind, "write": g.Write, "to": until(g.To)})
	}
	for _, r := range w.Restrictions {
		restrictions = append(restrictions, map[string]any{"id": r.ID, "appliesTo": r.AppliesTo, "spares": r.Spares, "reason": r.Reason, "to": until(r.To)})
	}
	for _, b := range w.Broken {
		broken = append(broken, map[string]any{"id": b.ID, "principal": b.Principal, "organisation": b.Organisation, "reasonCode": b.ReasonCode, "ends": b.Ends.UTC()})
	}
	return call.JSON(http.StatusOK, map[string]any{
		"ehrId": ehr, "relationships": relationships, "grants": grants, "restrictions": restrictions, "breakGlass": broken,
	})
}

func (h policyHandlers) openLink(call *rest.Call) error {
	ehr, err := call.UUID("ehr_id")
	if err != nil {
		return err
	}
	var in struct {
		Ends     time.Time `json:"ends"`
		Networks []string  `json:"networks"`
		Reason   string    `json:"reason"`
	}
	if err := call.Decode(&in); err != nil {
		return err
	}
	link, err := h.service.OpenLink(call.Context(), call.Caller, ehr, in.Ends, in.Networks, in.Reason)
	if err != nil {
		return err
	}
	call.Set("Cache-Control", "no-store")
	return call.JSON(http.StatusCreated, map[string]any{"ehrId": ehr, "id": link.ID, "key": link.Key, "ends": link.Ends.UTC()})
}

func (h policyHandlers) closeLink(call *rest.Call) error {
	ehr, err := call.UUID("ehr_id")
	if err != nil {
		return err
	}
	if err := h.service.CloseLink(call.Context(), call.Caller, ehr, call.Param("link_id"), call.Query("reason")); err != nil {
		return err
	}
	return call.Empty(http.StatusNoContent)
}

func (h policyHandlers) seal(call *rest.Call) error {
	ehr, object, err := composition(call)
	if err != nil {
		return err
	}
	var in reasoned
	if err := call.Decode(&in); err != nil {
		return err
	}
	if err := h.service.Seal(call.Context(), call.Caller, ehr, object, call.Param("label"), in.Reason); err != nil {
		return err
	}
	return call.Empty(http.StatusNoContent)
}

func (h policyHandlers) unseal(call *rest.Call) error {
	ehr, object, err := composition(call)
	if err != nil {
		return err
	}
	if err := h.service.Unseal(call.Context(), call.Caller, ehr, object, call.Param("label"), call.Query("reason")); err != nil {
		return err
	}
	return call.Empty(http.StatusNoContent)
}

// composition reads which one is meant.
func composition(call *rest.Call) (ehr, object string, err error) {
	if ehr, err = call.UUID("ehr_id"); err == nil {
		object, err = call.UUID("versioned_object_uid")
	}
	return ehr, object, err
}

// until is nil for what has no end.
func until(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
