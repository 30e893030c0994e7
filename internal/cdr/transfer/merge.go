package transfer

import (
	"context"
	"strings"
	"time"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// Merged says what a merge did, and what it leaves to a person.
type Merged struct {
	Target string `json:"target_ehr_id"`
	Source string `json:"source_ehr_id"`
	// Status is the version uid of the source's closing, or opening, EHR_STATUS.
	Status string `json:"source_ehr_status"`
	// Twice are persistent compositions of which both records have one: a person
	// decides what becomes of each pair.
	Twice []Pair `json:"to_reconcile"`
}

// Pair is a persistent composition of one template in each record.
type Pair struct {
	Template string `json:"template_id"`
	Target   string `json:"target_version_uid"`
	Source   string `json:"source_version_uid"`
}

// Merge joins two records of one person as the RM has it (Common, Disjoint
// merging): nothing changes its owner. The source is closed by an EHR_STATUS that
// is not modifiable, and both name each other; who reads the target is told of
// the source. Records whose verified identifiers differ are of two persons.
func (t *Transfers) Merge(ctx context.Context, caller cdr.Caller, target, source, reason string) (Merged, error) {
	event := cdr.Event{Action: "U", EHR: source, Object: "merge", Basis: "merged-into"}
	p, err := t.Act.Begin(ctx, caller, Area, event)
	if err != nil {
		return Merged{}, err
	}
	m := Merged{}
	if m.Target, err = ehrID(target); err != nil {
		return m, err
	}
	if m.Source, err = ehrID(source); err != nil {
		return m, err
	}
	if reason, err = reasoned(reason); err != nil {
		return m, err
	}
	if m.Target == m.Source {
		return m, fault.New(fault.Invalid, "merge-self", "a record is not merged with itself")
	}
	into, err := t.Store.EHR(ctx, system(), m.Target)
	if err != nil {
		return m, err
	}
	from, err := t.Store.EHR(ctx, system(), m.Source)
	if err != nil {
		return m, err
	}
	if err := t.samePerson(into, from); err != nil {
		return m, err
	}
	if m.Twice, err = t.twice(ctx, m.Target, m.Source); err != nil {
		return m, err
	}
	c, err := t.statusCommit(caller, from, false, "merged into "+m.Target+": "+reason)
	if err != nil {
		return m, err
	}
	event.EHR, event.Object = m.Source, "merge:"+m.Target
	c.Event = t.Act.Event(caller, p, event)
	m.Status = c.Versions[0].UID(t.SystemID).String()
	event.EHR, event.Object, event.Basis = m.Target, "merge:"+m.Source, "merged"
	return m, t.Store.Merge(ctx, c, Link{ID: cdr.NewUID(), Target: m.Target, Source: m.Source, Reason: reason, By: p.Principal, Event: t.Act.Event(caller, p, event)})
}

// Unmerge undoes a merge: the source is open again and the link ends.
func (t *Transfers) Unmerge(ctx context.Context, caller cdr.Caller, target, source string) (Merged, error) {
	event := cdr.Event{Action: "U", EHR: source, Object: "unmerge", Basis: "unmerged"}
	p, err := t.Act.Begin(ctx, caller, Area, event)
	if err != nil {
		return Merged{}, err
	}
	m := Merged{Twice: []Pair{}}
	if m.Target, err = ehrID(target); err != nil {
		return m, err
	}
	if m.Source, err = ehrID(source); err != nil {
		return m, err
	}
	links, err := t.Store.Links(ctx, m.Source)
	if err != nil {
		return m, err
	}
	for _, l := range links {
		if !l.Into || l.Target != m.Target {
			continue
		}
		from, err := t.Store.EHR(ctx, system(), m.Source)
		if err != nil {
			return m, err
		}
		c, err := t.statusCommit(caller, from, true, "no longer merged into "+m.Target)
		if err != nil {
			return m, err
		}
		event.EHR, event.Object = m.Source, "merge:"+m.Target
		c.Event = t.Act.Event(caller, p, event)
		m.Status = c.Versions[0].UID(t.SystemID).String()
		l.By = p.Principal
		event.EHR, event.Object = m.Target, "merge:"+m.Source
		l.Event = t.Act.Event(caller, p, event)
		return m, t.Store.Unmerge(ctx, c, l)
	}
	return m, fault.New(fault.NotFound, "merge-unknown", "the record %s is not merged into %s", m.Source, m.Target)
}

// Linked is one record that an EHR is merged with.
type Linked struct {
	EHR string `json:"ehr_id"`
	// Role is "source" for a record that was merged into this one, "target" for the
	// one this was merged into.
	Role   string    `json:"role"`
	Reason string    `json:"reason"`
	By     string    `json:"by"`
	At     time.Time `json:"at"`
}

// Links lists the records an EHR is merged with.
func (t *Transfers) Links(ctx context.Context, caller cdr.Caller, ehr string) ([]Linked, error) {
	event := cdr.Event{Action: "R", EHR: ehr, Object: "merge"}
	p, err := t.Act.Begin(ctx, caller, Area, event)
	if err != nil {
		return nil, err
	}
	if ehr, err = ehrID(ehr); err != nil {
		return nil, err
	}
	if _, err := t.Store.EHR(ctx, system(), ehr); err != nil {
		return nil, err
	}
	list, err := t.Store.Links(ctx, ehr)
	if err != nil {
		return nil, err
	}
	out := []Linked{}
	for _, l := range list {
		one := Linked{EHR: l.Source, Role: "source", Reason: l.Reason, By: l.By, At: l.At.UTC()}
		if l.Into {
			one.EHR, one.Role = l.Target, "target"
		}
		out = append(out, one)
	}
	return out, t.Act.Record(ctx, t.Act.Event(caller, p, event))
}

// samePerson refuses records whose verified identifiers differ.
func (t *Transfers) samePerson(a, b cdr.StoredEHR) error {
	one, err := t.Act.StatusFacts(a.Status.Doc)
	if err != nil {
		return err
	}
	other, err := t.Act.StatusFacts(b.Status.Doc)
	if err != nil {
		return err
	}
	if t.Act.Verified(one.SubjectNamespace) && t.Act.Verified(other.SubjectNamespace) && one.SubjectID != other.SubjectID {
		return fault.New(fault.Conflict, "identifiers-differ", "the verified identifiers of the records differ: they are of two persons")
	}
	return nil
}

func (t *Transfers) twice(ctx context.Context, target, source string) ([]Pair, error) {
	there, err := t.Store.Persistent(ctx, target)
	if err != nil {
		return nil, err
	}
	here, err := t.Store.Persistent(ctx, source)
	if err != nil {
		return nil, err
	}
	pairs := []Pair{}
	for _, a := range there {
		for _, b := range here {
			if a.Family == b.Family {
				pairs = append(pairs, Pair{Template: a.Template, Target: a.VersionUID, Source: b.VersionUID})
			}
		}
	}
	return pairs, nil
}

// statusCommit is a commit of the EHR_STATUS as it is, but for is_modifiable.
func (t *Transfers) statusCommit(caller cdr.Caller, e cdr.StoredEHR, modifiable bool, why string) (cdr.Commit, error) {
	tree, err := canon.ReadStored(e.Status.Doc)
	if err != nil {
		return cdr.Commit{}, err
	}
	if tree, err = withModifiable(tree, modifiable); err != nil {
		return cdr.Commit{}, err
	}
	audit, err := t.Act.AuditDetails(caller, cdr.Modification, why)
	if err != nil {
		return cdr.Commit{}, err
	}
	v := cdr.NewVersion{Kind: cdr.KindStatus, Object: e.StatusID, Preceding: e.Status.UID, Lifecycle: cdr.Complete,
		ChangeType: cdr.Modification, AuditDetails: audit}
	if v.Tree, v.Doc, err = cdr.Seal(tree, v.UID(t.SystemID)); err != nil {
		return cdr.Commit{}, err
	}
	if v.Status, err = t.Act.StatusFacts(v.Doc); err != nil {
		return cdr.Commit{}, err
	}
	return cdr.Commit{Profile: system(), EHR: e.ID, ID: cdr.NewUID(), SystemID: t.SystemID, ChangeType: cdr.Modification,
		AuditDetails: audit, Versions: []cdr.NewVersion{v}, Organisation: caller.Organisation}, nil
}

// withModifiable writes the one member anew.
func withModifiable(t *rm.Tree, modifiable bool) (*rm.Tree, error) {
	at := t.Child(t.Root(), rminfo.A_is_modifiable)
	value := "false"
	if modifiable {
		value = "true"
	}
	if at == rm.None || t.Text(at) == value {
		return t, nil
	}
	text := canon.WriteJSON(nil, t, t.Root())
	// Within a string its quotes would be escaped.
	changed := strings.Replace(string(text), `"is_modifiable":`+t.Text(at), `"is_modifiable":`+value, 1)
	return canon.ReadStored([]byte(changed))
}
