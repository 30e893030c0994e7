package policy

import (
	"context"
	"slices"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// SealStore labels what is stored already.
type SealStore interface {
	// Seal puts a label on every version of an object, or takes it off; NotFound
	// where there is no such object in the record.
	Seal(ctx context.Context, ehr, object, label string, on bool, audit cdr.Event) error
}

// Seal puts a sensitivity label on a composition with all its versions: for who
// manages access to the record, and for who may write that composition.
func (p *Policies) Seal(ctx context.Context, caller cdr.Caller, ehr, object, label, reason string) error {
	if err := cdr.ValidReason(reason); err != nil {
		return err
	}
	event, err := p.sealer(ctx, caller, ehr, object)
	if err != nil {
		return err
	}
	now, err := p.Store.Policy(ctx)
	if err != nil {
		return err
	}
	if label == ordinary || !slices.Contains(now.Labels, label) {
		return fault.New(fault.Invalid, "label-unknown", "no such sensitivity label")
	}
	event.Action, event.Object, event.Basis = "U", object, "seal:"+label+":"+reason
	return p.Records.Seal(ctx, ehr, object, label, true, event)
}

// sealer demands the right to seal. Of who manages no access the composition must
// be theirs to write, and what they cannot see is not there.
func (p *Policies) sealer(ctx context.Context, caller cdr.Caller, ehr, object string) (cdr.Event, error) {
	profile, err := p.Act.Administrator(ctx, caller)
	if err != nil {
		return cdr.Event{}, err
	}
	if profile.MayUse(areaUsers) || len(profile.PrivacyIn) > 0 {
		return p.Control.Over(ctx, caller, ehr, "U", "seal")
	}
	event := p.Act.Event(caller, profile, cdr.Event{Action: "U", EHR: ehr, Object: object, Basis: "seal"})
	able, err := p.Records.Writes(ctx, profile, ehr, object)
	if err == nil && !able {
		event.Outcome = "denied"
		if err := p.Act.Record(ctx, event); err != nil {
			return event, err
		}
		return event, fault.New(fault.NotFound, "composition-unknown", "no such composition in this record")
	}
	return event, err
}

// Unseal takes a label off. It shows the composition to all who read the record,
// so that it needs the management of access and sight of the label. The label of
// the template stays, whatever was set.
func (p *Policies) Unseal(ctx context.Context, caller cdr.Caller, ehr, object, label, reason string) error {
	if err := cdr.ValidReason(reason); err != nil {
		return err
	}
	event, err := p.Control.Over(ctx, caller, ehr, "U", "unseal")
	if err != nil {
		return err
	}
	profile, err := p.Act.Administrator(ctx, caller)
	if err != nil {
		return err
	}
	now, err := p.Store.Policy(ctx)
	if err != nil {
		return err
	}
	held := newGraph(now.Tuples).closure(append([]string{profile.Principal}, profile.Groups...)...)
	event.Object, event.Basis = object, "unseal:"+label+":"+reason
	if !profile.All && !(authority{profile, now}).mayGive(Right{"Sensitivity", label, "readers"}, held) {
		event.Outcome = "denied"
		if err := p.Act.Record(ctx, event); err != nil {
			return err
		}
		return fault.New(fault.Forbidden, "policy-lacking", "who takes the label %s off must be able to read it", label)
	}
	labels, err := p.Records.Seals(ctx, ehr, object)
	if err != nil {
		return err
	}
	if len(labels) > 0 && labels[0] == label {
		return fault.New(fault.Conflict, "label-of-template", "the label is that of the template, and of all its compositions")
	}
	if !slices.Contains(labels, label) {
		return fault.New(fault.NotFound, "label-unset", "the composition does not bear this label")
	}
	return p.Records.Seal(ctx, ehr, object, label, false, event)
}
