package feed

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"time"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// Webhook is who is told of changes.
type Webhook struct {
	ID  string
	URL string
	// Caller made it, and is as whom it sees the feed.
	Caller cdr.Caller
	// Filter narrows what is told. Drafts never are (DESIGN 5a rule 1).
	Filter  Filter
	Created time.Time
	// After is how far it was told.
	After Place
	// LastTold and Failing are zero where it never was told and where it does not
	// fail; Failure is why it does.
	LastTold, Failing, PausedUntil time.Time
	Failure                        string
	// Waiting are changes that could not be told yet, GivenUp those that never
	// will be unless it is resumed.
	Waiting, GivenUp int
}

// Outcome is what one round of telling came to.
type Outcome struct {
	// Next is where to go on; nil leaves the webhook where it is.
	Next *Place
	// Told are waiting changes that need wait no longer, Refused those that were
	// refused again, Late new ones that wait from now on.
	Told, Refused, Late []Change
	// Failure is empty where the receiver took something or nothing was sent.
	Failure string
	// Pause is how long to leave the receiver alone.
	Pause time.Duration
	// Sent says that something was taken.
	Sent bool
}

// WebhookStore keeps webhooks. Each change of one and its audit row are one
// transaction.
type WebhookStore interface {
	PutWebhook(ctx context.Context, w Webhook, audit cdr.Event) error
	// Webhooks lists those of a principal, "" for all, in the order they were made.
	Webhooks(ctx context.Context, principal string) ([]Webhook, error)
	// DeleteWebhook is NotFound where the principal ("" is anybody) has none of the id.
	DeleteWebhook(ctx context.Context, id, principal string, audit cdr.Event) error
	// ResumeWebhook ends its pause and tries again what was given up.
	ResumeWebhook(ctx context.Context, id, principal string, audit cdr.Event) error

	// Lease gives the webhook to one process for a while; false where another has
	// it or it is paused.
	Lease(ctx context.Context, id, process string, length time.Duration) (Place, bool, error)
	// Due are the waiting changes whose time has come, of each EHR the first, as
	// the profile sees them now; what it sees no more is dropped.
	Due(ctx context.Context, p *access.Profile, id string, limit int) ([]Change, error)
	// Queued are those of the EHRs for which something waits.
	Queued(ctx context.Context, id string, ehrs []string) (map[string]bool, error)
	// Settle writes down what a round came to.
	Settle(ctx context.Context, id string, o Outcome) error
}

// Sender brings messages to receivers.
type Sender interface {
	// Fits says whether the address is one that messages may be sent to.
	Fits(url string) error
	// Send posts a JSON message and gives the status of the answer.
	Send(ctx context.Context, url string, header map[string]string, message []byte) (status int, err error)
}

// mostWebhooks is how many one principal may have.
const mostWebhooks = 20

// NewWebhook is what makes a webhook. Without After it is told what comes from
// now on.
type NewWebhook struct {
	URL    string
	Filter Filter
	After  *Place
}

// AddWebhook makes a webhook that sees what the caller sees, and gives the key
// its messages are signed with. A token that is narrowed may make none: the
// webhook would outlive the token and see more.
func (f *Feed) AddWebhook(ctx context.Context, caller cdr.Caller, n NewWebhook) (Webhook, string, error) {
	p, err := f.reader(ctx, caller)
	if err != nil {
		return Webhook{}, "", err
	}
	if caller.All {
		return Webhook{}, "", fault.New(fault.Conflict, "webhooks", "a webhook sees what its principal sees, and without authentication there is none")
	}
	if caller.Scopes != nil || caller.EHR != "" {
		return Webhook{}, "", f.Act.Deny(ctx, caller, p, cdr.Event{Action: "C", Object: "webhooks"})
	}
	if err := f.Sender.Fits(n.URL); err != nil {
		return Webhook{}, "", err
	}
	mine, err := f.Store.Webhooks(ctx, p.Principal)
	if err != nil {
		return Webhook{}, "", err
	}
	if len(mine) >= mostWebhooks {
		return Webhook{}, "", fault.New(fault.Conflict, "webhooks", "a principal has at most %d webhooks", mostWebhooks)
	}
	w := Webhook{ID: cdr.NewUID(), URL: n.URL, Filter: n.Filter, Caller: caller}
	w.Caller.Subject = p.Principal
	if n.After != nil {
		w.After = *n.After
	} else if w.After, err = f.Store.Now(ctx); err != nil {
		return Webhook{}, "", err
	}
	if err := f.Store.PutWebhook(ctx, w, f.Act.Event(caller, p, cdr.Event{Action: "C", Object: "webhook " + w.ID})); err != nil {
		return Webhook{}, "", err
	}
	return w, f.key(w.ID), nil
}

// Webhooks lists the caller's; who may act for the whole system sees all.
func (f *Feed) Webhooks(ctx context.Context, caller cdr.Caller) ([]Webhook, error) {
	_, owner, err := f.owner(ctx, caller)
	if err != nil {
		return nil, err
	}
	return f.Store.Webhooks(ctx, owner)
}

// DeleteWebhook ends one, with what waits for it.
func (f *Feed) DeleteWebhook(ctx context.Context, caller cdr.Caller, id string) error {
	p, owner, err := f.owner(ctx, caller)
	if err != nil {
		return err
	}
	return f.Store.DeleteWebhook(ctx, id, owner, f.Act.Event(caller, p, cdr.Event{Action: "D", Object: "webhook " + id}))
}

// ResumeWebhook tries at once what is paused and what was given up.
func (f *Feed) ResumeWebhook(ctx context.Context, caller cdr.Caller, id string) error {
	p, owner, err := f.owner(ctx, caller)
	if err != nil {
		return err
	}
	return f.Store.ResumeWebhook(ctx, id, owner, f.Act.Event(caller, p, cdr.Event{Action: "U", Object: "webhook " + id}))
}

// owner says whose webhooks a caller deals with, "" for everybody's.
func (f *Feed) owner(ctx context.Context, caller cdr.Caller) (*access.Profile, string, error) {
	p, err := f.Act.Profile(ctx, caller)
	if err != nil {
		return nil, "", err
	}
	if p.MayUse("system") {
		return p, "", nil
	}
	if !mayRead(p) {
		return nil, "", f.Act.Deny(ctx, caller, p, cdr.Event{Action: "R", Object: "webhooks"})
	}
	return p, p.Principal, nil
}

// key signs the messages of a webhook. It is made from our own key, so that
// none is stored.
func (f *Feed) key(id string) string {
	m := hmac.New(sha256.New, f.Secret)
	m.Write([]byte("quire webhook\n" + id))
	return "whsec_" + base64.StdEncoding.EncodeToString(m.Sum(nil))
}

// signature is that of the Standard Webhooks specification, which receivers have
// libraries for: the HMAC-SHA256 of id, time in seconds and message.
func signature(key, id, seconds string, message []byte) string {
	raw, err := base64.StdEncoding.DecodeString(key[len("whsec_"):])
	if err != nil {
		return ""
	}
	m := hmac.New(sha256.New, raw)
	m.Write(slices.Concat([]byte(id+"."+seconds+"."), message))
	return "v1," + base64.StdEncoding.EncodeToString(m.Sum(nil))
}
