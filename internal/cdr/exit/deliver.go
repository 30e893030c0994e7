package exit

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/feed"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/hl7v2"
	"github.com/quire-cdr/quire/internal/hl7v2/mapping"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

const (
	quiet       = 200 * time.Millisecond
	leaseLength = 2 * time.Minute
	roundLimit  = 90 * time.Second
	stretch     = 100
	// mostAttempts is how often a message that is rejected for now is sent again.
	mostAttempts = 12
	longestWait  = time.Hour
	longestPause = 2 * time.Minute
	// deniedPause is until the rights of a principal are asked again.
	deniedPause  = 15 * time.Second
	releaseLimit = 2 * time.Second
)

// Run delivers until ctx ends. Any number of processes may run it; a destination
// is one process's at a time.
func (x *Exits) Run(ctx context.Context) error {
	process := cdr.NewUID()
	var all errgroup.Group
	for n := range x.Destinations {
		d := &x.Destinations[n]
		all.Go(func() error {
			denied := true // so that a failure of the process before is taken back
			for ctx.Err() == nil {
				if err := x.round(ctx, process, d, &denied); err != nil && ctx.Err() == nil {
					x.Logger.Warn("a destination could not be served", "destination", d.Name, "error", fault.Of(err).Code)
				}
				select {
				case <-ctx.Done():
				case <-time.After(quiet):
				}
			}
			return nil
		})
	}
	err := all.Wait()
	releasing, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseLimit)
	defer cancel()
	return errors.Join(err, x.Store.ReleaseExits(releasing, process))
}

// noFeed is the failure of a destination whose principal lacks a right.
const noFeed = "its principal may not read the feed"

// round queues what is new and sends what is due. denied is whether the principal
// might not in the round before.
func (x *Exits) round(ctx context.Context, process string, d *Destination, denied *bool) error {
	ctx, cancel := context.WithTimeout(ctx, roundLimit)
	defer cancel()
	start, err := x.Store.Now(ctx)
	if err != nil {
		return err
	}
	after, mine, err := x.Store.LeaseExit(ctx, d.Name, process, start, leaseLength)
	if err != nil || !mine {
		return err
	}
	p, err := x.Records.Act().Profile(ctx, d.Caller)
	if err != nil {
		return err
	}
	if !p.MayQueryPopulation() || p.EHR != "" {
		*denied = true
		return x.Store.PauseExit(ctx, d.Name, noFeed, deniedPause)
	}
	if *denied {
		if err := x.Store.MendExit(ctx, d.Name, noFeed); err != nil {
			return err
		}
		*denied = false
	}
	page, err := x.Store.Changes(ctx, p, after, feed.Filter{Kinds: []cdr.Kind{cdr.KindComposition}, Templates: []string{d.Mapping.Template}}, stretch)
	if err != nil {
		return err
	}
	var fresh []Message
	for _, c := range page.Changes {
		// A draft is nobody's business but its writers', and an attestation no new content.
		if c.Erased || c.Lifecycle == cdr.Incomplete || c.Attested {
			continue
		}
		fresh = append(fresh, Message{ID: cdr.NewUID(), EHR: c.EHR, Destination: d.Name, Place: c.Place, VersionUID: c.VersionUID, Lifecycle: c.Lifecycle})
	}
	if len(fresh) > 0 || page.Next.Xact > after.Xact+1000 {
		if err := x.Store.Enqueue(ctx, d.Name, fresh, page.Next); err != nil {
			return err
		}
	}
	due, err := x.Store.DueExits(ctx, d.Name, stretch)
	if err != nil {
		return err
	}
	for _, m := range due {
		if err := x.deliver(ctx, d, m); err != nil {
			if errors.Is(err, errAway) {
				return nil
			}
			return err
		}
	}
	return nil
}

// errAway is a receiver that does not answer: nothing moves.
var errAway = errors.New("the receiver does not answer")

// deliver sends one message and writes down what came of it.
func (x *Exits) deliver(ctx context.Context, d *Destination, m Message) error {
	message, kept, err := x.message(ctx, d, m)
	m.Attempts++
	switch {
	case err != nil:
		return x.refused(ctx, m, err)
	case !kept:
		m.State = None
		return x.Store.SettleExit(ctx, m)
	}
	sending, cancel := context.WithTimeout(ctx, d.Timeout)
	answer, err := x.Transport.Send(sending, d.Name, message)
	cancel()
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return errors.Join(errAway, x.Store.PauseExit(ctx, d.Name, "it does not answer", min(time.Second<<min(m.Attempts, 6), longestPause)), x.later(ctx, m))
	}
	ack, err := hl7v2.ReadAck(answer)
	if err != nil || ack.ControlID != m.ID {
		// An answer that cannot be read is none: the message may have been taken, and
		// goes again with the same number.
		return errors.Join(errAway, x.Store.PauseExit(ctx, d.Name, "its acknowledgements cannot be read or are of other messages", min(time.Second<<min(m.Attempts, 6), longestPause)), x.later(ctx, m))
	}
	if err := x.Store.PauseExit(ctx, d.Name, "", 0); err != nil {
		return err
	}
	switch ack.Code {
	case hl7v2.Accept, hl7v2.CommitAccept:
		m.State, m.Reason, m.Field, m.Detail = Sent, "", "", ""
		return x.Store.SettleExit(ctx, m)
	case hl7v2.Failed, hl7v2.CommitError:
		// The receiver read it and will not take it: it needs a person.
		m.State, m.Reason, m.Field = Dead, "refused-by-receiver", ack.Place
		m.Detail = "the receiver answered " + ack.Code + ", code " + ack.Problem
		return x.Store.SettleExit(ctx, m)
	}
	m.Reason, m.Field, m.Detail = "rejected-by-receiver", ack.Place, "the receiver answered "+ack.Code+", code "+ack.Problem
	if m.Attempts >= mostAttempts {
		m.State = Dead
		return x.Store.SettleExit(ctx, m)
	}
	return x.later(ctx, m)
}

// later keeps a message waiting, longer each time.
func (x *Exits) later(ctx context.Context, m Message) error {
	m.NextAt = time.Now().Add(min(time.Second<<min(m.Attempts-1, 20), longestWait))
	return x.Store.SettleExit(ctx, m)
}

// refused makes a dead letter of what cannot be made a message; what is only away
// for now is tried again.
func (x *Exits) refused(ctx context.Context, m Message, err error) error {
	var named *hl7v2.Error
	if errors.As(err, &named) {
		m.State, m.Reason, m.Field, m.Detail = Dead, named.Reason, named.Place.String(), named.Text
		return x.Store.SettleExit(ctx, m)
	}
	f := fault.Of(err)
	switch f.Kind {
	case fault.Internal, fault.Unavailable:
		return errors.Join(err, x.later(ctx, m))
	}
	m.State, m.Reason, m.Detail = Dead, f.Code, "the composition cannot be read by the destination's principal"
	return x.Store.SettleExit(ctx, m)
}

// message makes the bytes of a message; kept is false where the composition is
// none of the mapping's business.
func (x *Exits) message(ctx context.Context, d *Destination, m Message) (text []byte, kept bool, err error) {
	if m.Lifecycle != cdr.Complete {
		return nil, false, &hl7v2.Error{Reason: "withdrawn", Text: "the composition was deleted or withdrawn; no message says that, and the receiver must be told by a person"}
	}
	doc, err := x.Records.Composition(ctx, d.Caller, m.EHR, cdr.VersionRef{VersionUID: m.VersionUID})
	if err != nil {
		return nil, false, err
	}
	e, err := x.envelope(ctx, d, m, doc)
	if err != nil {
		return nil, false, err
	}
	tree, err := canon.ReadJSON(doc.JSON, rminfo.COMPOSITION, canon.ReadOptions{})
	if err != nil {
		return nil, false, err
	}
	built, kept, err := d.Mapping.Build(tree, e)
	if err != nil || !kept {
		return nil, kept, err
	}
	return built.Encode(), true, nil
}

func (x *Exits) envelope(ctx context.Context, d *Destination, m Message, doc cdr.Document) (mapping.Envelope, error) {
	ehr, err := x.Records.EHR(ctx, d.Caller, m.EHR)
	if err != nil {
		return mapping.Envelope{}, err
	}
	e := mapping.Envelope{From: d.From, To: d.To, ID: m.ID, Processing: d.Processing, Now: time.Now().UTC(), Committed: doc.Committed,
		VersionUID: doc.VersionUID, Object: doc.ObjectID}
	if uid, ok := cdr.ParseVersionUID(doc.VersionUID); ok {
		e.Update = uid.Number > 1
	}
	status, err := canon.ReadJSON(ehr.Status.JSON, rminfo.EHR_STATUS, canon.ReadOptions{})
	if err != nil {
		return e, err
	}
	ref := status.Find(status.Root(), rminfo.A_subject, rminfo.A_external_ref)
	namespace, id := status.TextAt(ref, rminfo.A_namespace), status.TextAt(ref, rminfo.A_id, rminfo.A_value)
	known, ok := d.Identifiers[namespace]
	if !ok || id == "" {
		return e, hl7v2.Refuse("PID-3", hl7v2.CodeRequired, "person-unidentified", "the record holds no identifier of its person that this receiver knows")
	}
	known.ID = strings.ReplaceAll(id, " ", "")
	e.Person.Identifiers = []mapping.Identifier{known}
	if x.Document != nil && d.Mapping.WantsDocument() {
		content, kind, err := x.Document(ctx, d.Caller, doc)
		if err != nil {
			return e, err
		}
		e.Document, e.DocumentType = base64.StdEncoding.EncodeToString(content), kind
	}
	return e, nil
}
