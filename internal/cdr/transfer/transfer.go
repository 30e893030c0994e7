package transfer

import (
	"context"
	"io"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// Area is the administrative area of acts on whole records.
const Area = "ehr-transfer"

// Transfers is the use cases. It is safe for concurrent use.
type Transfers struct {
	Store Store
	Act   cdr.Act
	// Trail says who saw a record.
	Trail    cdr.AuditStore
	SystemID string

	// streaming lets one record at a time through: each holds a connection of the
	// database for as long as its client takes.
	streaming sync.Mutex
}

// alone waits for its turn to stream a record; call what it gives at the end.
func (t *Transfers) alone(ctx context.Context) (release func(), err error) {
	for !t.streaming.TryLock() {
		select {
		case <-ctx.Done():
			busy := fault.New(fault.Unavailable, "transfer-busy", "another record is on its way out or in; try again")
			busy.RetryAfter = 5 * time.Second
			return nil, busy
		case <-time.After(20 * time.Millisecond):
		}
	}
	return t.streaming.Unlock, nil
}

// export gives the lines of a record when it is its turn.
func (t *Transfers) export(ctx context.Context, ehr string, give func(Line) error) error {
	release, err := t.alone(ctx)
	if err != nil {
		return err
	}
	defer release()
	return t.Store.Export(ctx, t.SystemID, ehr, give)
}

const longestReason = 500

// reasoned judges why an act is done; it becomes part of the record.
func reasoned(reason string) (string, error) {
	reason = strings.TrimSpace(reason)
	if n := utf8.RuneCountInString(reason); n < 3 || n > longestReason || strings.ContainsRune(reason, 0) {
		return "", fault.New(fault.Invalid, "reason", "the reason has 3 to %d characters", longestReason)
	}
	return reason, nil
}

func ehrID(text string) (string, error) {
	id, ok := cdr.ObjectUID(text)
	if !ok {
		return "", fault.New(fault.Invalid, "malformed-ehr-id", "an EHR id is a UUID")
	}
	return id, nil
}

// leaves judges and audits that a whole record is given away, and gives its id.
func (t *Transfers) leaves(ctx context.Context, caller cdr.Caller, ehr, as string) (string, error) {
	event := cdr.Event{Action: "R", EHR: ehr, Object: as}
	p, err := t.Act.Begin(ctx, caller, Area, event)
	if err != nil {
		return "", err
	}
	id, err := ehrID(ehr)
	if err != nil {
		return "", err
	}
	if _, err := t.Store.EHR(ctx, system(), id); err != nil {
		return "", err
	}
	return id, t.Act.Record(ctx, t.Act.Event(caller, p, event))
}

// Export writes one EHR as lines. begin is called once the caller may have it and
// the record is there, before the first byte; what fails later leaves an export
// without its last line.
func (t *Transfers) Export(ctx context.Context, caller cdr.Caller, ehr string) (func(ctx context.Context, to io.Writer) error, error) {
	id, err := t.leaves(ctx, caller, ehr, "export")
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, to io.Writer) error {
		w := NewWriter(to)
		if err := t.export(ctx, id, w.Write); err != nil {
			return err
		}
		_, err := w.Close()
		return err
	}, nil
}

// EHRs lists some ids of records in order, those after the given one; it is for
// those who export them all.
func (t *Transfers) EHRs(ctx context.Context, caller cdr.Caller, after string) ([]string, error) {
	event := cdr.Event{Action: "R", Object: "ehrs"}
	p, err := t.Act.Begin(ctx, caller, Area, event)
	if err != nil {
		return nil, err
	}
	if after != "" {
		if after, err = ehrID(after); err != nil {
			return nil, err
		}
	}
	list, err := t.Store.EHRs(ctx, after)
	if err != nil {
		return nil, err
	}
	return list, t.Act.Record(ctx, t.Act.Event(caller, p, event))
}
