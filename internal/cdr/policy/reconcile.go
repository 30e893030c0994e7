package policy

import (
	"context"
	"slices"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// Drift is where Keto and the recorded policy differ.
type Drift struct {
	// Missing is recorded and not in Keto: a right that is not felt.
	Missing []Tuple
	// Foreign is in Keto and not recorded: a right that nobody gave here. Of these
	// Unfit are what the access model does not allow, which confers nothing.
	Foreign, Unfit []Tuple
	// Repeated stands more than once.
	Repeated []Tuple
}

// Empty says that there is none.
func (d Drift) Empty() bool {
	return len(d.Missing)+len(d.Foreign)+len(d.Unfit)+len(d.Repeated) == 0
}

// What becomes of drift.
const (
	// Look changes nothing.
	Look = ""
	// Mend makes Keto what is recorded.
	Mend = "mend"
	// Adopt records what is foreign and fits, and mends the rest: for a Keto that
	// was written before policies were recorded.
	Adopt = "adopt"
)

// Reconcile compares Keto with the recorded policy. It needs the administration
// of users; adopting is granting, and is judged as that.
func (p *Policies) Reconcile(ctx context.Context, caller cdr.Caller, how, reason string) (Drift, error) {
	if how != Look && how != Mend && how != Adopt {
		return Drift{}, fault.New(fault.Invalid, "reconcile", "drift is looked at, mended or adopted")
	}
	profile, err := p.Act.Administrator(ctx, caller)
	if err != nil {
		return Drift{}, err
	}
	event := cdr.Event{Action: "R", Object: "policy drift"}
	if how != Look {
		if err := cdr.ValidReason(reason); err != nil {
			return Drift{}, err
		}
		event.Action, event.Basis = "U", "policy:"+reason
	}
	if !profile.MayUse(areaUsers) || profile.EHR != "" {
		return Drift{}, p.Act.Deny(ctx, caller, profile, event)
	}
	if err := p.tell(ctx); err != nil {
		return Drift{}, err
	}
	d, err := p.drift(ctx)
	if err != nil {
		return Drift{}, err
	}
	if how == Adopt && len(d.Foreign) > 0 {
		_, err := p.change(ctx, caller, reason, false, func(now State) (Change, error) {
			return Change{Added: slices.DeleteFunc(slices.Clone(d.Foreign), func(t Tuple) bool { return slices.Contains(now.Tuples, t) })}, nil
		})
		if err != nil {
			return Drift{}, err
		}
	}
	if err := p.Act.Record(ctx, p.Act.Event(caller, profile, event)); err != nil {
		return Drift{}, err
	}
	if how == Look {
		return d, nil
	}
	add, remove := slices.Concat(d.Missing, d.Repeated), slices.Concat(d.Unfit, d.Repeated)
	if how == Mend {
		remove = append(remove, d.Foreign...)
	}
	if len(add)+len(remove) == 0 {
		return d, nil
	}
	return d, p.Graph.Write(ctx, add, remove)
}

func (p *Policies) drift(ctx context.Context) (Drift, error) {
	now, err := p.Store.Policy(ctx)
	if err != nil {
		return Drift{}, err
	}
	stored, err := p.Graph.Stored(ctx)
	if err != nil {
		return Drift{}, err
	}
	times := map[Tuple]int{}
	for _, t := range stored {
		times[t]++
	}
	var d Drift
	for _, t := range tidy(slices.Clone(now.Tuples)) {
		if times[t] == 0 {
			d.Missing = append(d.Missing, t)
		}
	}
	recorded := map[Tuple]bool{}
	for _, t := range now.Tuples {
		recorded[t] = true
	}
	for _, t := range tidy(stored) {
		switch {
		case !recorded[t] && p.Graph.Fits(t) != nil:
			d.Unfit = append(d.Unfit, t)
		case !recorded[t]:
			d.Foreign = append(d.Foreign, t)
		case times[t] > 1:
			d.Repeated = append(d.Repeated, t)
		}
	}
	return d, nil
}
