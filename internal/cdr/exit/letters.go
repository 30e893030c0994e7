package exit

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/hl7v2"
)

// area is the administrative area that exits and dead letters belong to.
const area = "system"

// key derives one key from the server's, for one use.
func (x *Exits) key(use string) []byte {
	m := hmac.New(sha256.New, x.Secret)
	m.Write([]byte("quire exit " + use))
	return m.Sum(nil)
}

func (x *Exits) hash(use, ehr, value string) []byte {
	m := hmac.New(sha256.New, x.key(use))
	m.Write([]byte(ehr + "\x00" + value))
	return m.Sum(nil)
}

func (x *Exits) cipher() (cipher.AEAD, error) {
	block, err := aes.NewCipher(x.key("dead letters"))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// seal encrypts what a dead letter holds.
func (x *Exits) seal(data []byte) ([]byte, error) {
	c, err := x.cipher()
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, c.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	return c.Seal(nonce, nonce, data, nil), nil
}

func (x *Exits) open(sealed []byte) ([]byte, error) {
	c, err := x.cipher()
	if err != nil {
		return nil, err
	}
	if len(sealed) < c.NonceSize() {
		return nil, fault.New(fault.Internal, "dead-letter", "a dead letter cannot be read")
	}
	data, err := c.Open(nil, sealed[:c.NonceSize()], sealed[c.NonceSize():], nil)
	if err != nil {
		return nil, fault.New(fault.Conflict, "dead-letter-key", "the dead letter was encrypted with another key")
	}
	return data, nil
}

// Standings lists destinations and how they do.
func (x *Exits) Standings(ctx context.Context, caller cdr.Caller) ([]Standing, error) {
	if _, err := x.Records.Act().Begin(ctx, caller, area, cdr.Event{Action: "R", Object: "exits"}); err != nil {
		return nil, err
	}
	stored, err := x.Store.ExitStandings(ctx)
	if err != nil {
		return nil, err
	}
	by := map[string]Standing{}
	for _, s := range stored {
		by[s.Destination] = s
	}
	var out []Standing
	for _, d := range x.Destinations {
		s := by[d.Name]
		s.Destination, s.Mapping = d.Name, d.Mapping.Name
		out = append(out, s)
		delete(by, d.Name)
	}
	for _, s := range stored {
		if _, left := by[s.Destination]; left {
			out = append(out, s)
		}
	}
	return out, nil
}

// mostLetters is how many a list holds.
const mostLetters = 1000

// Letters lists dead letters without what they hold.
func (x *Exits) Letters(ctx context.Context, caller cdr.Caller, destination string, all bool) ([]Letter, error) {
	e := cdr.Event{Action: "R", Object: "dead letters"}
	p, err := x.Records.Act().Begin(ctx, caller, area, e)
	if err != nil {
		return nil, err
	}
	list, err := x.Store.DeadLetters(ctx, destination, all, mostLetters)
	if err != nil {
		return nil, err
	}
	return list, x.Records.Act().Record(ctx, x.Records.Act().Event(caller, p, e))
}

// Letter shows a dead letter with its content: of one that came in the message, of
// one that goes out nothing, since that is made of the record when it is sent.
func (x *Exits) Letter(ctx context.Context, caller cdr.Caller, id string) (Letter, error) {
	e := cdr.Event{Action: "R", Object: "dead letter " + id}
	p, err := x.Records.Act().Begin(ctx, caller, area, e)
	if err != nil {
		return Letter{}, err
	}
	l, err := x.Store.DeadLetter(ctx, id)
	if err != nil {
		return l, err
	}
	if l.Direction == "in" {
		if l.Content, err = x.open(l.Content); err != nil {
			return l, err
		}
	}
	e.EHR = l.EHR
	return l, x.Records.Act().Record(ctx, x.Records.Act().Event(caller, p, e))
}

// Retry sends a dead message again, or stores one that came in as if it came now.
// It gives what came of it.
func (x *Exits) Retry(ctx context.Context, caller cdr.Caller, id string) (Letter, error) {
	e := cdr.Event{Action: "U", Object: "dead letter " + id}
	p, err := x.Records.Act().Begin(ctx, caller, area, e)
	if err != nil {
		return Letter{}, err
	}
	event := x.Records.Act().Event(caller, p, e)
	l, err := x.Store.DeadLetter(ctx, id)
	if err != nil {
		return l, err
	}
	if !l.Closed.IsZero() {
		return l, fault.New(fault.Conflict, "dead-letter-closed", "the dead letter is closed")
	}
	if l.Direction == "out" {
		return l, x.Store.RetryExit(ctx, id, event)
	}
	data, err := x.open(l.Content)
	if err != nil {
		return l, err
	}
	kept, ok := x.source.Load(l.Sender)
	if !ok {
		return l, fault.New(fault.Conflict, "source-unknown", "no sender of this name is configured")
	}
	s := kept.(*Source)
	m, err := hl7v2.Parse(data, hl7v2.Limits{Bytes: s.Bytes, Charset: s.Charset})
	ehr := ""
	if err == nil {
		ehr, err = x.store(ctx, s, m, data)
	}
	if err != nil {
		refusal, later := x.refusal(ctx, err)
		if later {
			return l, fault.New(fault.Unavailable, "unavailable", "the message cannot be stored now; try again later")
		}
		if err := x.bury(ctx, s, m, data, ehr, refusal); err != nil {
			return l, err
		}
		where := refusal.Place.String()
		if where != "" {
			where = " at " + where
		}
		return l, fault.New(fault.Unprocessable, refusal.Reason, "the message is refused again%s: %s", where, refusal.Text)
	}
	return l, x.Store.CloseDead(ctx, id, "stored", event)
}

// Discard closes a dead letter for good; who does says why.
func (x *Exits) Discard(ctx context.Context, caller cdr.Caller, id, reason string) error {
	e := cdr.Event{Action: "D", Object: "dead letter " + id, Basis: reason}
	p, err := x.Records.Act().Begin(ctx, caller, area, e)
	if err != nil {
		return err
	}
	if reason = strings.TrimSpace(reason); reason == "" || len(reason) > 100 {
		return fault.New(fault.Invalid, "reason", "a dead letter is discarded with a reason of at most 100 characters")
	}
	return x.Store.CloseDead(ctx, id, "discarded", x.Records.Act().Event(caller, p, e))
}

// Know registers a source, so that its dead letters can be tried again before it
// has sent anything.
func (x *Exits) Know(s *Source) { x.source.Store(s.Name, s) }

// String writes a state for readers.
func (s State) String() string {
	names := []string{"waiting", "sent", "dead", "closed", "none"}
	if int(s) >= 0 && int(s) < len(names) {
		return names[s]
	}
	return strconv.Itoa(int(s))
}
