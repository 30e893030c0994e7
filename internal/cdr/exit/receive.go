package exit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/hl7v2"
	"github.com/quire-cdr/quire/internal/hl7v2/mapping"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/simplified"
	"github.com/quire-cdr/quire/internal/validate"
)

// Receive takes a message of a source and gives its acknowledgement. AA says that
// it is stored, be it before; AE and AR that it is not. With AE it is a dead
// letter; with AR without a fault of the message the sender should try again.
func (x *Exits) Receive(ctx context.Context, s *Source, data []byte) []byte {
	x.source.Store(s.Name, s)
	m, err := hl7v2.Parse(data, hl7v2.Limits{Bytes: s.Bytes, Charset: s.Charset})
	ehr := ""
	if err == nil {
		ehr, err = x.store(ctx, s, m, data)
	}
	now := time.Now().UTC()
	if err == nil {
		return hl7v2.Ack(m, hl7v2.Accept, nil, cdr.NewUID(), now).Encode()
	}
	refusal, later := x.refusal(ctx, err)
	if later {
		return hl7v2.Ack(m, hl7v2.Reject, refusal, cdr.NewUID(), now).Encode()
	}
	if err := x.bury(ctx, s, m, data, ehr, refusal); err != nil {
		x.Logger.Error("a dead letter could not be stored", "source", s.Name, "error", fault.Of(err).Code)
		return hl7v2.Ack(m, hl7v2.Reject, unavailable(), cdr.NewUID(), now).Encode()
	}
	return hl7v2.Ack(m, hl7v2.Failed, refusal, cdr.NewUID(), now).Encode()
}

func unavailable() *hl7v2.Error {
	return &hl7v2.Error{Code: hl7v2.CodeInternal, Reason: "unavailable", Text: "the message cannot be stored now; send it again later"}
}

// refusal turns an error into what the sender is told; later says that the message
// may well be stored another time.
func (x *Exits) refusal(ctx context.Context, err error) (refusal *hl7v2.Error, later bool) {
	if errors.As(err, &refusal) {
		return refusal, false
	}
	f := fault.Of(err)
	if ctx.Err() != nil || f.Kind == fault.Internal || f.Kind == fault.Unavailable || f.Kind == fault.Precondition || f.Code == "idempotency-key-reused" {
		if f.Kind == fault.Internal && ctx.Err() == nil {
			x.Logger.Error("a message could not be stored", "error", f.Code)
		}
		return unavailable(), true
	}
	return &hl7v2.Error{Code: hl7v2.CodeInternal, Reason: f.Code, Text: "the record does not take it: " + f.Code}, false
}

// bury keeps a message that was not stored.
func (x *Exits) bury(ctx context.Context, s *Source, m *hl7v2.Message, data []byte, ehr string, refusal *hl7v2.Error) error {
	sealed, err := x.seal(data)
	if err != nil {
		return err
	}
	l := Letter{ID: cdr.NewUID(), Direction: "in", Sender: s.Name, EHR: ehr, Reason: refusal.Reason, Field: refusal.Place.String(), Detail: refusal.Text, Content: sealed}
	if m != nil {
		l.Control, l.Kind = short(m.ControlID()), short(m.Type())
	}
	digest := sha256.Sum256(data)
	id, err := x.Store.PutDead(ctx, l, digest[:])
	if err != nil {
		return err
	}
	p, err := x.Records.Act().Profile(ctx, s.Caller)
	if err != nil {
		return err
	}
	return x.Records.Act().Record(ctx, x.Records.Act().Event(s.Caller, p, cdr.Event{Action: "C", Outcome: "error", Basis: refusal.Reason, EHR: ehr, Object: "dead letter " + id}))
}

func short(s string) string { return strings.ToValidUTF8(s[:min(len(s), 200)], "") }

// store makes a result a composition, once. It says whose record it is about as
// soon as that is known.
func (x *Exits) store(ctx context.Context, s *Source, m *hl7v2.Message, data []byte) (ehr string, err error) {
	file := x.Mappings.In(m.Type())
	if file == nil {
		return "", hl7v2.Refuse("MSH-9", hl7v2.CodeMessageType, "message-type", "no mapping takes messages of this type")
	}
	in, err := file.Compose(m, s.Zone)
	if err != nil {
		return ehr, err
	}
	sender, control := s.Name+"|"+m.Sender(), m.ControlID()
	if len(sender) > 200 || len(control) > 199 || len(in.Filler) > 200 {
		return "", hl7v2.Refuse("MSH-10", hl7v2.CodeType, "too-long", "the number of the message, its sender or of the result is longer than 200 characters")
	}
	unlock := x.lock(sender + "\x00" + in.Filler)
	defer unlock()
	digest := sha256.Sum256(data)
	if before, ok, err := x.Store.ReceivedExit(ctx, sender, control); err != nil {
		return ehr, err
	} else if ok {
		if bytes.Equal(before.Digest, digest[:]) {
			return before.EHR, nil
		}
		return "", hl7v2.Refuse("MSH-10", hl7v2.CodeDuplicate, "number-reused", "another message of this sender had the same number")
	}
	ehr, err = x.person(ctx, s, m)
	if err != nil {
		return ehr, err
	}
	family, birth, err := x.sameDemographics(ctx, m, ehr)
	if err != nil {
		return ehr, err
	}
	if err := x.order(ctx, s, file, in, ehr); err != nil {
		return ehr, err
	}
	doc, err := x.commit(ctx, s, file, in, m, ehr, sender)
	if err != nil {
		return ehr, err
	}
	return ehr, x.Store.PutReceived(ctx, sender, control, in.Filler, doc.ObjectID, Received{Digest: digest[:], EHR: ehr, VersionUID: doc.VersionUID}, family, birth)
}

// lock lets one message of a result be stored at a time.
func (x *Exits) lock(key string) func() {
	done := make(chan struct{})
	for {
		other, taken := x.locks.LoadOrStore(key, done)
		if !taken {
			return func() { x.locks.Delete(key); close(done) }
		}
		<-other.(chan struct{})
	}
}

// person finds whose record a message is about, by identifiers that all mean the
// same one.
func (x *Exits) person(ctx context.Context, s *Source, m *hl7v2.Message) (string, error) {
	type claim struct{ place, namespace, id string }
	var claims []claim
	pid := m.Segment("PID", 1)
	for n := range pid.Field(3) {
		id, assigner := pid.Value(3, n+1, 1, 1), pid.Value(3, n+1, 4, 1)
		if namespace := s.Namespaces[assigner]; id != "" && namespace != "" {
			claims = append(claims, claim{fmt.Sprintf("PID-3(%d)", n+1), namespace, id})
		}
	}
	for _, place := range s.VerifiedAt {
		if id := m.At(place); id != "" && s.Verified != "" {
			claims = append(claims, claim{place, s.Verified, id})
		}
	}
	if len(claims) == 0 {
		return "", hl7v2.Refuse("PID-3", hl7v2.CodeRequired, "person-unidentified", "no identifier of the person is of an authority that is known here")
	}
	found, verified := "", ""
	var unmatched *claim
	for n := range claims {
		c := &claims[n]
		bare := strings.ReplaceAll(c.id, " ", "")
		if c.namespace == s.Verified {
			if verified != "" && verified != bare {
				return "", hl7v2.Refuse(c.place, hl7v2.CodeUnknownKey, "identifiers-differ", "the message names its person by two different numbers")
			}
			verified = bare
		}
		ehr, err := x.Records.EHRBySubject(ctx, s.Caller, c.namespace, bare)
		switch {
		case fault.Is(err, fault.NotFound), fault.Is(err, fault.Forbidden):
			if c.namespace == s.Verified || unmatched == nil {
				unmatched = c
			}
			if c.namespace == s.Verified {
				return "", hl7v2.Refuse(c.place, hl7v2.CodeUnknownKey, "person-unknown", "no record has a person of this number; none is made")
			}
		case fault.Is(err, fault.Unprocessable), fault.Is(err, fault.Invalid):
			return "", hl7v2.Refuse(c.place, hl7v2.CodeType, "identifier", "the identifier is not a valid one")
		case fault.Is(err, fault.Conflict):
			return "", hl7v2.Refuse(c.place, hl7v2.CodeUnknownKey, "person-ambiguous", "more than one record has a person of this number")
		case err != nil:
			return "", err
		case found != "" && found != ehr.ID:
			return "", hl7v2.Refuse(c.place, hl7v2.CodeUnknownKey, "person-ambiguous", "the identifiers are those of different records")
		case ehr.MergedInto != "":
			return "", hl7v2.Refuse(c.place, hl7v2.CodeUnknownKey, "person-merged", "the record was merged into another")
		default:
			found = ehr.ID
		}
	}
	if found == "" {
		return "", hl7v2.Refuse(unmatched.place, hl7v2.CodeUnknownKey, "person-unknown", "no record has a person of this number; none is made")
	}
	return found, nil
}

// sameDemographics refuses a message whose surname or day of birth is not the one
// that messages of this person had before. Only keyed hashes are kept.
func (x *Exits) sameDemographics(ctx context.Context, m *hl7v2.Message, ehr string) (family, birth []byte, err error) {
	name := strings.Join(strings.Fields(strings.ToLower(m.At("PID-5.1"))), " ")
	if name != "" {
		family = x.hash("family", ehr, name)
	}
	if day := m.At("PID-7"); day != "" {
		iso, ok := hl7v2.ISO(day, nil)
		if !ok || len(iso) < 4 {
			return nil, nil, hl7v2.Refuse("PID-7", hl7v2.CodeType, "time", "the day of birth is no date")
		}
		if len(iso) >= 10 {
			birth = x.hash("birth", ehr, iso[:10])
		}
	}
	knownFamily, knownBirth, err := x.Store.ExitPerson(ctx, ehr)
	switch {
	case err != nil:
		return nil, nil, err
	case len(knownFamily) > 0 && family != nil && !bytes.Equal(knownFamily, family):
		return nil, nil, hl7v2.Refuse("PID-5.1", hl7v2.CodeUnknownKey, "demographics-differ", "messages of this person had another surname before")
	case len(knownBirth) > 0 && birth != nil && !bytes.Equal(knownBirth, birth):
		return nil, nil, hl7v2.Refuse("PID-7", hl7v2.CodeUnknownKey, "demographics-differ", "messages of this person had another day of birth before")
	}
	return family, birth, nil
}

// order checks that the order a result answers is in the person's record.
func (x *Exits) order(ctx context.Context, s *Source, file *mapping.File, in *mapping.Incoming, ehr string) error {
	if in.Order == "" || !file.OrderRequired || file.OrderPath == "" {
		return nil
	}
	text := "SELECT i" + strings.TrimSuffix(file.OrderPath, "/id") + "/id FROM EHR e CONTAINS COMPOSITION c CONTAINS INSTRUCTION i[" + file.OrderArchetype + "] WHERE i" + file.OrderPath + " = $number LIMIT 1"
	rows, err := x.Records.Query(ctx, s.Caller, cdr.QueryRequest{Text: text, EHR: ehr, Params: map[string]any{"number": in.Order}})
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if _, err := rows.WriteTo(&out); err != nil {
		return err
	}
	var result struct {
		Rows [][]any `json:"rows"`
	}
	if err := json.Unmarshal(out.Bytes(), &result); err != nil {
		return err
	}
	if len(result.Rows) == 0 {
		return hl7v2.Refuse(file.Order, hl7v2.CodeUnknownKey, "order-unknown", "the record of this person holds no order of this number")
	}
	return nil
}

// commit stores a result: as a new composition, or as the next version of the one
// the same result became before.
func (x *Exits) commit(ctx context.Context, s *Source, file *mapping.File, in *mapping.Incoming, m *hl7v2.Message, ehr, sender string) (cdr.Document, error) {
	tpl, err := x.Records.Template(ctx, s.Caller, file.Template)
	if err != nil {
		return cdr.Document{}, err
	}
	now, ok := hl7v2.ISO(m.At("MSH-7"), s.Zone)
	if !ok {
		return cdr.Document{}, hl7v2.Refuse("MSH-7", hl7v2.CodeType, "time", "the time of the message is missing or no time")
	}
	tree, err := tpl.Simplified().Read(in.Flat, simplified.Flat, now)
	if err != nil {
		return cdr.Document{}, located(in, err)
	}
	if issues := validate.Check(tree, tpl.Compiled, validate.Options{}); validate.Refused(issues) {
		tpl.Simplified().Explain(tree, issues)
		return cdr.Document{}, located(in, fault.New(fault.Unprocessable, "validation", "the content is not valid").With(issues...))
	}
	info := cdr.CommitInfo{Description: "HL7 v2 " + m.Type()}
	known, object, err := x.Store.ResultObject(ctx, sender, in.Filler)
	if err != nil {
		return cdr.Document{}, err
	}
	if known != "" && known != ehr {
		return cdr.Document{}, hl7v2.Refuse(file.Filler, hl7v2.CodeUnknownKey, "result-of-another", "the result of this number was stored in another person's record")
	}
	if object == "" {
		info.IdempotencyKey = "hl7 " + sender + "|" + in.Filler
		doc, err := x.Records.CreateComposition(ctx, s.Caller, ehr, cdr.Content{Tree: tree}, info)
		return doc, located(in, err)
	}
	latest, err := x.Records.Composition(ctx, s.Caller, ehr, cdr.VersionRef{Object: object})
	if err != nil {
		return cdr.Document{}, err
	}
	if latest.Deleted {
		return cdr.Document{}, hl7v2.Refuse(file.Filler, hl7v2.CodeUnknownKey, "result-deleted", "the result of this number was deleted from the record")
	}
	if same(tree, latest) {
		return latest, nil
	}
	info.ChangeType = cdr.Amendment
	doc, err := x.Records.UpdateComposition(ctx, s.Caller, ehr, object, latest.VersionUID, cdr.Content{Tree: tree}, info)
	return doc, located(in, err)
}

// same says whether a version holds the tree already.
func same(tree *rm.Tree, latest cdr.Document) bool {
	stored, err := canon.ReadJSON(latest.JSON, rminfo.COMPOSITION, canon.ReadOptions{})
	if err != nil {
		return false
	}
	sealed, err := canon.SetUID(tree, latest.VersionUID)
	return err == nil && bytes.Equal(canon.WriteJSON(nil, sealed, sealed.Root()), canon.WriteJSON(nil, stored, stored.Root()))
}

// located names the field that a fault of the composition comes from. Content
// never stands in it.
func located(in *mapping.Incoming, err error) error {
	if err == nil {
		return nil
	}
	f := fault.Of(err)
	if f.Kind != fault.Unprocessable && f.Kind != fault.Invalid || f.Code == "idempotency-key-reused" {
		return err
	}
	for _, issue := range f.Issues {
		if place := in.PlaceOf(issue.FlatKey); place != "" {
			return hl7v2.Refuse(place, hl7v2.CodeType, issue.Rule, "the record does not take this value (%s)", issue.Rule)
		}
	}
	if len(f.Issues) > 0 {
		return &hl7v2.Error{Place: hl7v2.Place{Segment: "OBR", Occurrence: 1}, Code: hl7v2.CodeRequired, Reason: f.Issues[0].Rule, Text: "the message lacks what the record needs: " + f.Issues[0].AQLPath}
	}
	return err
}
