package policy

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// State is the recorded policy at one moment.
type State struct {
	Tuples []Tuple
	// Labels are all sensitivity labels there are.
	Labels []string
	// Templates gives each template its label.
	Templates map[string]string
	Rules     []Rule
}

// Change is what becomes of a policy.
type Change struct {
	Added, Removed []Tuple
	// Labels are new ones.
	Labels []string
	// Templates are those that get another label; Was is what they had.
	Templates, Was         map[string]string
	AddedRules, EndedRules []Rule
}

// Empty says that nothing changes.
func (c Change) Empty() bool {
	return len(c.Added)+len(c.Removed)+len(c.Labels)+len(c.Templates)+len(c.AddedRules)+len(c.EndedRules) == 0
}

// Lines writes the change for a person, a line each: + what comes, - what goes.
func (c Change) Lines() []string {
	var out []string
	for _, label := range c.Labels {
		out = append(out, "+ label "+label)
	}
	for _, t := range c.Added {
		out = append(out, "+ "+t.String())
	}
	for _, t := range c.Removed {
		out = append(out, "- "+t.String())
	}
	for _, template := range slices.Sorted(maps.Keys(c.Templates)) {
		out = append(out, fmt.Sprintf("~ template %s: %s, was %s", template, c.Templates[template], c.Was[template]))
	}
	for _, r := range c.AddedRules {
		out = append(out, "+ "+r.String())
	}
	for _, r := range c.EndedRules {
		out = append(out, "- "+r.String())
	}
	return out
}

// String writes a rule for a person.
func (r Rule) String() string { return "rule " + r.Label + " " + r.Terminology + "::" + r.Code }

// Store keeps the recorded policy.
type Store interface {
	// Policy reads all of it.
	Policy(ctx context.Context) (State, error)
	// ChangePolicy runs decide on the policy as it is and records what it answers,
	// with its events, in one transaction; of two at a time one waits.
	ChangePolicy(ctx context.Context, decide func(State) (Change, []cdr.Event, error)) error
	// TellPolicy gives what Keto has not been told yet to tell, and forgets it where
	// that succeeds; of two processes one waits. It does nothing where nothing waits.
	TellPolicy(ctx context.Context, tell func(add, remove []Tuple) error) error
}

// Graph is Keto's copy of the policy.
type Graph interface {
	Model
	// Write makes tuples be there, once, and others not; it raises the access epoch.
	Write(ctx context.Context, add, remove []Tuple) error
	// Stored lists all there is, as often as it is there, whatever the model says.
	Stored(ctx context.Context) ([]Tuple, error)
}

// Policies is the use cases of the policy. It is safe for concurrent use.
type Policies struct {
	Store Store
	Graph Graph
	Act   cdr.Act
	// Control says who manages access to a record, Records what opens it.
	Control *cdr.AccessControl
	Records Records
	// Keys keeps what Mint makes.
	Keys   KeyStore
	Mint   Mint
	Logger *slog.Logger
}

// Apply makes the recorded policy what the document says, or says with dry what
// it would change.
func (p *Policies) Apply(ctx context.Context, caller cdr.Caller, text []byte, reason string, dry bool) (Change, error) {
	doc, err := Parse(text, p.Graph)
	if err != nil {
		return Change{}, err
	}
	return p.change(ctx, caller, reason, dry, doc.against)
}

// Set gives or takes one right. A right that was given already, or never, changes
// nothing.
func (p *Policies) Set(ctx context.Context, caller cdr.Caller, t Tuple, given bool, reason string) (Change, error) {
	if err := p.Graph.Fits(t); err != nil {
		return Change{}, err
	}
	if t.isLink() {
		return Change{}, fault.New(fault.Invalid, "access-link", "what a link may see is what the role %q may", linkRole)
	}
	return p.change(ctx, caller, reason, false, func(now State) (Change, error) {
		there := slices.Contains(now.Tuples, t)
		switch {
		case given && t.Namespace == "Sensitivity" && !slices.Contains(now.Labels, t.Object):
			return Change{}, fault.New(fault.NotFound, "label-unknown", "no such sensitivity label")
		case given && !there:
			return Change{Added: []Tuple{t}}, nil
		case !given && there:
			return Change{Removed: []Tuple{t}}, nil
		case !given:
			return Change{}, fault.New(fault.NotFound, "access-tuple", "no such right was given")
		}
		return Change{}, nil
	})
}

// AddLabel makes a sensitivity label, which nobody may read yet.
func (p *Policies) AddLabel(ctx context.Context, caller cdr.Caller, label, reason string) (Change, error) {
	if !labelForm.MatchString(label) {
		return Change{}, fault.New(fault.Invalid, "label", "a label is 2 to 40 lower-case letters, digits and hyphens")
	}
	return p.change(ctx, caller, reason, false, func(now State) (Change, error) {
		if slices.Contains(now.Labels, label) {
			return Change{}, nil
		}
		return Change{Labels: []string{label}}, nil
	})
}

// LabelTemplate gives the data of a template another label.
func (p *Policies) LabelTemplate(ctx context.Context, caller cdr.Caller, template, label, reason string) (Change, error) {
	doc := &Document{Templates: map[string]string{template: label}}
	return p.change(ctx, caller, reason, false, doc.against)
}

// Ensure records what a policy to begin with says of objects of which nothing is
// recorded yet, and leaves the others: who changed a policy keeps it.
func (p *Policies) Ensure(ctx context.Context, caller cdr.Caller, tuples []Tuple) (Change, error) {
	return p.change(ctx, caller, "first-policy", false, func(now State) (Change, error) {
		known := map[Right]bool{}
		for _, t := range now.Tuples {
			known[t.right()] = true
		}
		var c Change
		for _, t := range tuples {
			if err := p.Graph.Fits(t); err != nil {
				return Change{}, err
			}
			if !known[t.right()] {
				c.Added = append(c.Added, t)
			}
		}
		return c, nil
	})
}

// change judges, records, audits and tells a change.
func (p *Policies) change(ctx context.Context, caller cdr.Caller, reason string, dry bool, decide func(State) (Change, error)) (Change, error) {
	if err := cdr.ValidReason(reason); err != nil {
		return Change{}, err
	}
	profile, err := p.Act.Administrator(ctx, caller)
	if err != nil {
		return Change{}, err
	}
	judge := func(now State) (Change, error) {
		c, err := decide(now)
		if err != nil {
			return Change{}, err
		}
		c.Added, c.Removed = tidy(c.Added), tidy(c.Removed)
		return c, authority{profile, now}.judge(c)
	}
	var done Change
	if dry {
		now, err := p.Store.Policy(ctx)
		if err == nil {
			done, err = judge(now)
		}
		return done, p.denied(ctx, caller, profile, reason, err)
	}
	err = p.Store.ChangePolicy(ctx, func(now State) (Change, []cdr.Event, error) {
		if done, err = judge(now); err != nil {
			return Change{}, nil, err
		}
		return done, p.events(caller, profile, reason, done), nil
	})
	if err != nil {
		return Change{}, p.denied(ctx, caller, profile, reason, err)
	}
	// What an earlier change left waiting is told too, even where this one is empty.
	if err := p.tell(ctx); err != nil {
		return Change{}, err
	}
	return done, nil
}

// denied audits a refusal for want of rights and passes every error on.
func (p *Policies) denied(ctx context.Context, caller cdr.Caller, profile *access.Profile, reason string, err error) error {
	if !fault.Is(err, fault.Forbidden) {
		return err
	}
	event := p.Act.Event(caller, profile, cdr.Event{Action: "U", Outcome: "denied", Object: "policy", Basis: "policy:" + reason})
	if failed := p.Act.Record(ctx, event); failed != nil {
		return failed
	}
	return err
}

// events are the audit rows of a change, one for each thing that changes.
func (p *Policies) events(caller cdr.Caller, profile *access.Profile, reason string, c Change) []cdr.Event {
	var out []cdr.Event
	add := func(action, object string) {
		out = append(out, p.Act.Event(caller, profile, cdr.Event{Action: action, Object: object, Basis: "policy:" + reason}))
	}
	for _, label := range c.Labels {
		add("C", "label "+label)
	}
	for _, t := range c.Added {
		add("C", t.String())
	}
	for _, t := range c.Removed {
		add("D", t.String())
	}
	for _, template := range slices.Sorted(maps.Keys(c.Templates)) {
		add("U", "template "+template+" "+c.Was[template]+" -> "+c.Templates[template])
	}
	for _, r := range c.AddedRules {
		add("C", r.String())
	}
	for _, r := range c.EndedRules {
		add("D", r.String())
	}
	return out
}

func (p *Policies) tell(ctx context.Context) error {
	// The change is recorded: a caller that gives up now must not leave it untold.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tellLimit)
	defer cancel()
	err := p.Store.TellPolicy(ctx, func(add, remove []Tuple) error { return p.Graph.Write(ctx, add, remove) })
	if err == nil {
		return nil
	}
	f := fault.New(fault.Unavailable, "policy-untold", "the change is recorded and will be felt once the access service answers").Because(err)
	f.RetryAfter = tellEvery
	return f
}

const (
	tellLimit = 10 * time.Second
	tellEvery = time.Second
	// sweepEvery is how many looks lie between two for links that have ended. A link
	// ends by itself, whether or not its tuple is still there.
	sweepEvery = 600
)

// Run tells Keto what a process that died, or could not reach it, left untold.
func (p *Policies) Run(ctx context.Context) error {
	failing := false
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(tellEvery):
		}
		var err error
		if n%sweepEvery == 0 {
			err = p.Records.SweepLinks(ctx, linkSubject)
		}
		if err == nil {
			err = p.tell(ctx)
		}
		if err != nil && ctx.Err() == nil && !failing {
			p.Logger.Error("changes of the policy wait to be told to the access service", "error", fault.Of(err).Code)
		}
		failing = err != nil
	}
}

// against is what makes the recorded policy what the document says.
func (d *Document) against(now State) (Change, error) {
	c := Change{Templates: map[string]string{}, Was: map[string]string{}}
	wanted, there := map[Tuple]bool{}, map[Tuple]bool{}
	for _, t := range d.Tuples {
		wanted[t] = true
	}
	for _, t := range now.Tuples {
		there[t] = true
		if d.Sections[t.Namespace] && !wanted[t] && !t.isLink() {
			c.Removed = append(c.Removed, t)
		}
	}
	for _, t := range d.Tuples {
		if !there[t] {
			c.Added = append(c.Added, t)
		}
	}
	known := map[string]bool{}
	for _, label := range now.Labels {
		known[label] = true
	}
	for _, label := range d.Labels {
		if !known[label] {
			c.Labels, known[label] = append(c.Labels, label), true
		}
	}
	var issues []fault.Issue
	unknown := func(path, label string) {
		issues = append(issues, fault.Issue{Path: path, Rule: "policy", Expected: "a label of the section sensitivity", Found: label, Message: fmt.Sprintf("there is no label %q", label)})
	}
	for _, template := range slices.Sorted(maps.Keys(d.Templates)) {
		label := d.Templates[template]
		was, exists := now.Templates[template]
		switch {
		case !exists:
			issues = append(issues, fault.Issue{Path: "templates." + template, Rule: "policy", Expected: "a template that was uploaded", Found: template, Message: fmt.Sprintf("there is no template %q", template)})
		case !known[label]:
			unknown("templates."+template, label)
		case was != label:
			c.Templates[template], c.Was[template] = label, was
		}
	}
	if d.HasRules {
		ruled := map[Rule]bool{}
		for _, r := range now.Rules {
			ruled[r] = true
			if !slices.Contains(d.Rules, r) {
				c.EndedRules = append(c.EndedRules, r)
			}
		}
		for i, r := range d.Rules {
			if !known[r.Label] && (i == 0 || d.Rules[i-1].Label != r.Label) {
				unknown("rules", r.Label)
			}
			if !ruled[r] {
				c.AddedRules = append(c.AddedRules, r)
			}
		}
	}
	if len(issues) > 0 {
		return Change{}, fault.New(fault.Unprocessable, "policy-file", "the policy does not fit this system: %s", issues[0].Message).With(issues...)
	}
	return c, nil
}

// Export is the recorded policy as a document, for who may look at users.
func (p *Policies) Export(ctx context.Context, caller cdr.Caller) ([]byte, error) {
	now, err := p.read(ctx, caller, "policy")
	if err != nil {
		return nil, err
	}
	return now.document().Print()
}

func (s State) document() *Document {
	d := &Document{Sections: map[string]bool{}, Tuples: tidy(slices.DeleteFunc(slices.Clone(s.Tuples), Tuple.isLink)), Labels: slices.Sorted(slices.Values(s.Labels)),
		Templates: s.Templates, HasRules: true, Rules: slices.SortedFunc(slices.Values(s.Rules), compareRules)}
	for _, n := range Nouns {
		d.Sections[n.Namespace] = true
	}
	return d
}

// Objects lists the objects of a noun with their relations and subjects; object
// "" means all of them.
func (p *Policies) Objects(ctx context.Context, caller cdr.Caller, noun Noun, object string) (map[string]map[string][]string, error) {
	now, err := p.read(ctx, caller, "policy "+noun.Name)
	if err != nil {
		return nil, err
	}
	out := map[string]map[string][]string{}
	if noun.Namespace == "Sensitivity" {
		for _, label := range now.Labels {
			if object == "" || object == label {
				out[label] = map[string][]string{}
			}
		}
	}
	for _, t := range tidy(now.Tuples) {
		if t.Namespace == noun.Namespace && (object == "" || t.Object == object) {
			if out[t.Object] == nil {
				out[t.Object] = map[string][]string{}
			}
			out[t.Object][t.Relation] = append(out[t.Object][t.Relation], t.Subject)
		}
	}
	if object != "" && len(out) == 0 {
		return nil, fault.New(fault.NotFound, "access-object", "nothing is recorded of it")
	}
	return out, nil
}

// read is the policy for who may look at it: the administration of users, and
// privacy officers.
func (p *Policies) read(ctx context.Context, caller cdr.Caller, object string) (State, error) {
	profile, err := p.Act.Administrator(ctx, caller)
	if err != nil {
		return State{}, err
	}
	event := cdr.Event{Action: "R", Object: object}
	if !profile.MayView("users") && len(profile.PrivacyIn) == 0 || profile.EHR != "" {
		return State{}, p.Act.Deny(ctx, caller, profile, event)
	}
	now, err := p.Store.Policy(ctx)
	if err != nil {
		return State{}, err
	}
	return now, p.Act.Record(ctx, p.Act.Event(caller, profile, event))
}
