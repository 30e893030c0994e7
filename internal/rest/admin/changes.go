package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/feed"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rest"
)

// Feed is the change feed and its webhooks.
type Feed interface {
	Read(ctx context.Context, caller cdr.Caller, r feed.Request) (feed.Page, error)
	AddWebhook(ctx context.Context, caller cdr.Caller, n feed.NewWebhook) (feed.Webhook, string, error)
	Webhooks(ctx context.Context, caller cdr.Caller) ([]feed.Webhook, error)
	DeleteWebhook(ctx context.Context, caller cdr.Caller, id string) error
	ResumeWebhook(ctx context.Context, caller cdr.Caller, id string) error
}

// FeedRoutes is the table of the change feed.
func FeedRoutes(f Feed) []rest.Route {
	h := feedHandlers{f}
	hooks := "/rest/admin/webhook"
	return []rest.Route{
		{Method: http.MethodGet, Path: "/rest/admin/changes", Access: rest.QueryRun, Deadline: time.Minute, Handler: h.changes},
		{Method: http.MethodGet, Path: hooks, Access: rest.QueryRun, Handler: h.list},
		{Method: http.MethodPost, Path: hooks, Access: rest.QueryRun, Consumes: []string{rest.JSON}, Handler: h.add},
		{Method: http.MethodDelete, Path: hooks + "/:webhook_id", Access: rest.QueryRun, Handler: h.one(f.DeleteWebhook)},
		{Method: http.MethodPost, Path: hooks + "/:webhook_id/resume", Access: rest.QueryRun, Handler: h.one(f.ResumeWebhook)},
	}
}

type feedHandlers struct{ feed Feed }

const ndjson = "application/x-ndjson"

// changes answers one page: as one JSON object, or as a line for each change with
// the next page in Link.
func (h feedHandlers) changes(call *rest.Call) error {
	media, err := call.Accept(rest.JSON, ndjson)
	if err != nil {
		return err
	}
	after, err := feed.ParsePlace(call.Query("after"))
	if err != nil {
		return err
	}
	r := feed.Request{After: after}
	if r.Filter, err = filterOf(call.QueryAll("type"), call.QueryAll("template_id")); err != nil {
		return err
	}
	if n, err := call.QueryInt("limit"); err != nil {
		return err
	} else if n != nil {
		if r.Limit = *n; r.Limit == 0 {
			r.Limit = -1
		}
	}
	if n, err := call.QueryInt("wait"); err != nil {
		return err
	} else if n != nil {
		r.Wait = time.Duration(*n) * time.Second
	}
	page, err := h.feed.Read(call.Context(), call.Caller, r)
	if err != nil {
		return err
	}
	query := url.Values{}
	call.QueryEach(func(name, value string) { query.Add(name, value) })
	query.Set("after", page.Next.String())
	call.Set("Link", "<"+call.BaseURL()+"/rest/admin/changes?"+query.Encode()+`>; rel="next"`)
	if media == rest.JSON {
		return call.JSON(http.StatusOK, struct {
			Changes []feed.Change `json:"changes"`
			Next    string        `json:"next"`
			More    bool          `json:"more"`
		}{append([]feed.Change{}, page.Changes...), page.Next.String(), page.More})
	}
	var lines bytes.Buffer
	for _, c := range page.Changes {
		line, err := json.Marshal(c)
		if err != nil {
			return err
		}
		lines.Write(append(line, '\n'))
	}
	return call.Send(http.StatusOK, ndjson, lines.Bytes())
}

// kinds are the classes a change may be of.
var kinds = map[string]cdr.Kind{
	"COMPOSITION": cdr.KindComposition, "EHR_STATUS": cdr.KindStatus, "FOLDER": cdr.KindFolder, "PARTY": cdr.KindParty,
}

func filterOf(types, templates []string) (feed.Filter, error) {
	f := feed.Filter{Templates: templates}
	for _, t := range types {
		kind, ok := kinds[strings.ToUpper(t)]
		if !ok {
			return f, fault.New(fault.Invalid, "type", "type is one of COMPOSITION, EHR_STATUS, FOLDER, PARTY")
		}
		f.Kinds = append(f.Kinds, kind)
	}
	return f, nil
}

// webhookBody is a webhook as JSON; Secret is told once, when it is made.
type webhookBody struct {
	ID          string     `json:"id,omitempty"`
	URL         string     `json:"url"`
	Types       []string   `json:"types"`
	Templates   []string   `json:"template_ids"`
	After       *string    `json:"after,omitempty"`
	Secret      string     `json:"secret,omitempty"`
	Principal   string     `json:"principal,omitempty"`
	Created     *time.Time `json:"created,omitempty"`
	LastTold    *time.Time `json:"last_told,omitempty"`
	Failing     *time.Time `json:"failing_since,omitempty"`
	Failure     string     `json:"failure,omitempty"`
	PausedUntil *time.Time `json:"paused_until,omitempty"`
	Waiting     int        `json:"waiting"`
	GivenUp     int        `json:"given_up"`
}

func bodyOf(w feed.Webhook) webhookBody {
	after := w.After.String()
	b := webhookBody{ID: w.ID, URL: w.URL, Types: []string{}, Templates: append([]string{}, w.Filter.Templates...), After: &after,
		Principal: w.Caller.Subject, Failure: w.Failure, Waiting: w.Waiting, GivenUp: w.GivenUp}
	for _, k := range w.Filter.Kinds {
		b.Types = append(b.Types, k.Class())
	}
	for _, t := range []struct {
		from time.Time
		to   **time.Time
	}{{w.Created, &b.Created}, {w.LastTold, &b.LastTold}, {w.Failing, &b.Failing}, {w.PausedUntil, &b.PausedUntil}} {
		if !t.from.IsZero() {
			at := t.from.UTC()
			*t.to = &at
		}
	}
	return b
}

func (h feedHandlers) add(call *rest.Call) error {
	text, err := call.Content()
	if err != nil {
		return err
	}
	var body struct {
		URL       string   `json:"url"`
		Types     []string `json:"types"`
		Templates []string `json:"template_ids"`
		After     *string  `json:"after"`
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&body); err != nil {
		return fault.New(fault.Invalid, "webhook", "the body is a JSON object of url, types, template_ids and after; all but url may be left out")
	}
	n := feed.NewWebhook{URL: body.URL}
	if n.Filter, err = filterOf(body.Types, body.Templates); err != nil {
		return err
	}
	if body.After != nil {
		after, err := feed.ParsePlace(*body.After)
		if err != nil {
			return err
		}
		n.After = &after
	}
	made, secret, err := h.feed.AddWebhook(call.Context(), call.Caller, n)
	if err != nil {
		return err
	}
	answer := bodyOf(made)
	answer.Secret = secret
	call.Set("Location", call.BaseURL()+"/rest/admin/webhook/"+made.ID)
	return call.JSON(http.StatusCreated, answer)
}

func (h feedHandlers) list(call *rest.Call) error {
	hooks, err := h.feed.Webhooks(call.Context(), call.Caller)
	if err != nil {
		return err
	}
	list := make([]webhookBody, len(hooks))
	for i, w := range hooks {
		list[i] = bodyOf(w)
	}
	return call.JSON(http.StatusOK, list)
}

func (h feedHandlers) one(do func(ctx context.Context, caller cdr.Caller, id string) error) rest.Handler {
	return func(call *rest.Call) error {
		id, err := call.UUID("webhook_id")
		if err != nil {
			return err
		}
		if err := do(call.Context(), call.Caller, id); err != nil {
			return err
		}
		return call.Empty(http.StatusNoContent)
	}
}
