package transfer

import (
	"context"
	"strings"
	"time"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm/canon"
)

// Moved says where a misfiled composition went and who has read it meanwhile.
type Moved struct {
	From string `json:"from_ehr_id"`
	To   string `json:"to_ehr_id"`
	// VersionUID is the version that now stands, Deletion the one that ended it
	// where it should not be.
	VersionUID string `json:"version_uid"`
	Deletion   string `json:"deleted_version_uid"`
	// Readers are those who read the composition where it was wrong, newest first.
	// Population is how many population queries showed that record.
	Readers    []Reading `json:"readers"`
	Population int       `json:"population_queries"`
}

// Reading is one reading of the composition.
type Reading struct {
	Principal    string    `json:"principal"`
	Role         string    `json:"role"`
	Organisation string    `json:"organisation"`
	At           time.Time `json:"at"`
	Object       string    `json:"object"`
}

// misfiled is the sensitivity label of what lies in the wrong record.
const misfiled = "misfiled"

// Move takes a composition out of the record it was written into by mistake: a
// first version in the other record, a deletion in this one, and what lay here
// sealed (DESIGN 5a rule 12). Both are one transaction. Readers so far are told.
func (t *Transfers) Move(ctx context.Context, caller cdr.Caller, ehr, object, target, reason string) (Moved, error) {
	p, err := t.Act.Begin(ctx, caller, Area, cdr.Event{Action: "U", EHR: ehr, Object: object, Basis: "move-to"})
	if err != nil {
		return Moved{}, err
	}
	m := Move{ID: cdr.NewUID(), NewObject: cdr.NewUID(), By: p.Principal}
	if m.From, err = ehrID(ehr); err != nil {
		return Moved{}, err
	}
	if m.To, err = ehrID(target); err != nil {
		return Moved{}, err
	}
	if m.Reason, err = reasoned(reason); err != nil {
		return Moved{}, err
	}
	var ok bool
	if m.Object, ok = cdr.ObjectUID(object); !ok {
		return Moved{}, fault.New(fault.Invalid, "malformed-object-id", "the composition is named by its object's UUID")
	}
	if m.From == m.To {
		return Moved{}, fault.New(fault.Invalid, "move-self", "the composition is in that record already")
	}
	old, err := t.Store.Version(ctx, system(), m.From, cdr.KindComposition, cdr.VersionRef{Object: m.Object, Lifecycle: cdr.Incomplete})
	if err != nil {
		return Moved{}, err
	}
	if old.Lifecycle == cdr.Deleted {
		return Moved{}, fault.New(fault.Invalid, "already-deleted", "the composition is deleted already")
	}
	now, err := t.Store.Version(ctx, system(), m.From, cdr.KindComposition, cdr.VersionRef{Object: m.Object})
	if err != nil {
		return Moved{}, err
	}
	if now.UID != old.UID && old.Lifecycle == cdr.Incomplete {
		return Moved{}, fault.New(fault.Conflict, "draft-open", "there is a draft over the composition: complete or abandon it first").Latest(old.UID)
	}
	if _, err := t.Store.EHR(ctx, system(), m.To); err != nil {
		return Moved{}, err
	}
	m.Was = old.UID
	first := cdr.NewVersion{Kind: cdr.KindComposition, Object: m.NewObject, Lifecycle: old.Lifecycle, ChangeType: cdr.Creation, OtherInputs: []string{old.UID}}
	if first.Lifecycle != cdr.Complete {
		first.Lifecycle = cdr.Incomplete
	}
	to, err := t.contentCommit(ctx, caller, m.To, first, old, "moved from the record "+m.From+": "+m.Reason)
	if err != nil {
		return Moved{}, err
	}
	from, err := t.deletionCommit(caller, m.From, old.UID, "moved to the record "+m.To+": "+m.Reason)
	if err != nil {
		return Moved{}, err
	}
	m.Made = to.Versions[0].UID(t.SystemID).String()
	return t.relocate(ctx, m, from, func() error { return t.Store.Move(ctx, from, to, m) })
}

// Unmove brings a composition back to where it was moved from, if nobody has
// gone on with it where it is.
func (t *Transfers) Unmove(ctx context.Context, caller cdr.Caller, ehr, object, reason string) (Moved, error) {
	p, err := t.Act.Begin(ctx, caller, Area, cdr.Event{Action: "U", EHR: ehr, Object: object, Basis: "move-to"})
	if err != nil {
		return Moved{}, err
	}
	if ehr, err = ehrID(ehr); err != nil {
		return Moved{}, err
	}
	if reason, err = reasoned(reason); err != nil {
		return Moved{}, err
	}
	m, err := t.Store.Moved(ctx, ehr, strings.ToLower(object))
	if err != nil {
		return Moved{}, err
	}
	m.By = p.Principal
	there, err := t.Store.Version(ctx, system(), m.To, cdr.KindComposition, cdr.VersionRef{Object: m.NewObject, Lifecycle: cdr.Incomplete})
	if err != nil {
		return Moved{}, err
	}
	if there.UID != m.Made {
		return Moved{}, fault.New(fault.Conflict, "changed-since", "the composition was changed since it was moved; it is moved back as a new entry").Latest(there.UID)
	}
	here, err := t.Store.Version(ctx, system(), m.From, cdr.KindComposition, cdr.VersionRef{Object: m.Object, Lifecycle: cdr.Incomplete})
	if err != nil {
		return Moved{}, err
	}
	again := cdr.NewVersion{Kind: cdr.KindComposition, Object: m.Object, Preceding: here.UID, Lifecycle: there.Lifecycle, ChangeType: cdr.Restoration, OtherInputs: []string{m.Made}}
	from, err := t.contentCommit(ctx, caller, m.From, again, there, "brought back from the record "+m.To+": "+reason)
	if err != nil {
		return Moved{}, err
	}
	to, err := t.deletionCommit(caller, m.To, there.UID, "brought back to the record "+m.From+": "+reason)
	if err != nil {
		return Moved{}, err
	}
	// What is told is how it stands now: it was misfiled there and is here.
	back := Move{From: m.To, Object: m.NewObject, To: m.From, NewObject: m.Object, Made: from.Versions[0].UID(t.SystemID).String(), Was: there.UID}
	return t.relocate(ctx, back, to, func() error { return t.Store.Unmove(ctx, from, to, m) })
}

// relocate commits a move or its undo and tells of it.
func (t *Transfers) relocate(ctx context.Context, m Move, from cdr.Commit, act func() error) (Moved, error) {
	out := Moved{From: m.From, To: m.To, VersionUID: m.Made, Deletion: from.Versions[0].UID(t.SystemID).String()}
	if err := act(); err != nil {
		return Moved{}, err
	}
	readers, population, err := t.readers(ctx, m.From, m.Object)
	out.Readers, out.Population = readers, population
	return out, err
}

// contentCommit commits the content of a version as the given new one.
func (t *Transfers) contentCommit(ctx context.Context, caller cdr.Caller, ehr string, v cdr.NewVersion, old cdr.Version, why string) (cdr.Commit, error) {
	tree, err := canon.ReadStored(old.Doc)
	if err != nil {
		return cdr.Commit{}, err
	}
	// By the version it was judged by: a newer one may not know its nodes.
	if v.Template, err = t.Act.TemplateOf(ctx, old); err != nil {
		return cdr.Commit{}, err
	}
	v.Pinned = true
	v.Persistent = v.Preceding == "" && t.Act.OnePersistent(tree)
	if v.Tree, v.Doc, err = cdr.Seal(tree, v.UID(t.SystemID)); err != nil {
		return cdr.Commit{}, err
	}
	labels, err := t.Store.VersionLabels(ctx, old)
	if err != nil {
		return cdr.Commit{}, err
	}
	for _, label := range labels {
		if label != misfiled {
			v.Labels = append(v.Labels, label)
		}
	}
	known, err := t.Store.Labels(ctx)
	if err != nil {
		return cdr.Commit{}, err
	}
	for _, label := range v.Labels {
		v.Sens |= known[label]
	}
	return t.commit(caller, ehr, v, why, "C")
}

func (t *Transfers) deletionCommit(caller cdr.Caller, ehr, preceding, why string) (cdr.Commit, error) {
	uid, _ := cdr.ParseVersionUID(preceding)
	v := cdr.NewVersion{Kind: cdr.KindComposition, Object: uid.Object, Preceding: preceding, Lifecycle: cdr.Deleted, ChangeType: cdr.ChangeDeleted}
	return t.commit(caller, ehr, v, why, "D")
}

func (t *Transfers) commit(caller cdr.Caller, ehr string, v cdr.NewVersion, why, action string) (cdr.Commit, error) {
	audit, err := t.Act.AuditDetails(caller, v.ChangeType, why)
	if err != nil {
		return cdr.Commit{}, err
	}
	v.AuditDetails = audit
	p := system()
	event := cdr.Event{Action: action, EHR: ehr, Object: v.UID(t.SystemID).String(), Basis: "move-to"}
	if v.Template != nil {
		event.Template = v.Template.Family
	}
	e := t.Act.Event(caller, p, event)
	e.Principal = or(caller.Subject, p.Principal)
	return cdr.Commit{Profile: p, EHR: ehr, ID: cdr.NewUID(), SystemID: t.SystemID, ChangeType: v.ChangeType, AuditDetails: audit,
		Versions: []cdr.NewVersion{v}, Event: e, Organisation: caller.Organisation}, nil
}

// readers lists who read an object of a record, from the audit.
func (t *Transfers) readers(ctx context.Context, ehr, object string) (list []Reading, population int, err error) {
	list = []Reading{}
	err = t.seen(ctx, ehr, func(s cdr.Sighting) error {
		switch {
		case s.Population:
			population++
		case s.Action == "R" && s.Outcome == "success" && strings.HasPrefix(s.Object, object):
			list = append(list, Reading{Principal: s.Principal, Role: s.Role, Organisation: s.Org, At: s.At.UTC(), Object: s.Object})
		}
		return nil
	})
	return list, population, err
}

// page is how many rows of the audit are read at once.
const page = 500

// seen gives every access to a record, newest first.
func (t *Transfers) seen(ctx context.Context, ehr string, take func(cdr.Sighting) error) error {
	var before *cdr.Position
	for {
		list, err := t.Trail.WhoSaw(ctx, ehr, before, page)
		if err != nil {
			return err
		}
		for _, s := range list {
			if err := take(s); err != nil {
				return err
			}
		}
		if len(list) < page {
			return nil
		}
		last := list[len(list)-1]
		before = &cdr.Position{At: last.At, ID: last.ID}
	}
}

func or(s, byDefault string) string {
	if s == "" {
		return byDefault
	}
	return s
}
