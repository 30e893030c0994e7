package policy

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// Ways are what opens and closes one record at this moment.
type Ways struct {
	Relationships []cdr.Relationship
	Grants        []cdr.Grant
	Restrictions  []cdr.Restriction
	// Broken is live emergency access; Ends stands beside each.
	Broken []Broken
}

// Broken is emergency access to a record.
type Broken struct {
	ID, Principal, Organisation, ReasonCode string
	Ends                                    time.Time
}

// Records reads what policies turn on of a record.
type Records interface {
	// Ways reads all that is live; of an EHR that is not there, nothing.
	Ways(ctx context.Context, ehr string) (Ways, error)
	// Seals gives the labels of a version: that of its template first, then those of
	// its own. The version is a uid, or the object's for the newest. NotFound without.
	Seals(ctx context.Context, ehr, version string) ([]string, error)
	// Writes says whether the profile may write the newest version of an object.
	Writes(ctx context.Context, p *access.Profile, ehr, object string) (bool, error)
	SealStore
	LinkStore
}

// Question is what is asked of a record.
type Question struct {
	EHR string
	// Version narrows to one version, by its uid or its object's; "" does not look at
	// labels.
	Version string
	Write   bool
}

// Able is somebody who may do what was asked.
type Able struct {
	// Subject is the person or program, Role the role that must be selected; "" is
	// any, and none.
	Subject, Role string
	// Through is the path that allows, an edge each.
	Through []string
}

// edge is a way in: a right of the policy, or a row of the record, with the words
// for the row.
type edge struct {
	right Right
	fact  string
	name  string // the gate it belongs to
}

// board is the policy with the rows of one record as further tuples, so that both
// are walked alike.
type board struct {
	*graph
	edges    []edge
	refusals []refusal
	seals    []string
	write    bool
	ways     Ways
}

// refusal is a restriction: whom it names and whom it spares, by subject.
type refusal struct {
	everybody     bool
	named, spared map[string][]holder
}

// refused says whether a restriction names somebody in a role and spares them not.
func (b *board) refused(subject, role string) bool {
	in := func(h holder) bool { return h.in(role) }
	return slices.ContainsFunc(b.refusals, func(r refusal) bool {
		return (r.everybody || slices.ContainsFunc(r.named[subject], in)) && !slices.ContainsFunc(r.spared[subject], in)
	})
}

func (p *Policies) board(ctx context.Context, q Question) (*board, error) {
	now, err := p.Store.Policy(ctx)
	if err != nil {
		return nil, err
	}
	b := &board{write: q.Write}
	if b.ways, err = p.Records.Ways(ctx, q.EHR); err != nil {
		return nil, err
	}
	if q.Version != "" {
		if b.seals, err = p.Records.Seals(ctx, q.EHR, q.Version); err != nil {
			return nil, err
		}
	}
	tuples := slices.Clone(now.Tuples)
	gate := []string{"clinicians", "open_access"}
	if q.Write {
		gate = []string{"writers"}
	}
	for _, r := range b.ways.Relationships {
		for _, relation := range gate {
			b.edges = append(b.edges, edge{Right{"Organisation", r.Organisation, relation}, period(r.Organisation+" has the relationship "+r.Kind, r.To), "organisation"})
		}
	}
	for i, g := range b.ways.Grants {
		if q.Write && !g.Write {
			continue
		}
		right := Right{"Ehr", q.EHR, fmt.Sprintf("granted-%d", i)}
		tuples = append(tuples, Tuple{right.Namespace, right.Object, right.Relation, g.Grantee})
		b.edges = append(b.edges, edge{right, period("the record was given to "+g.Grantee, g.To), "grant"})
	}
	for i, broken := range b.ways.Broken {
		right := Right{"Ehr", q.EHR, fmt.Sprintf("broken-%d", i)}
		tuples = append(tuples, Tuple{right.Namespace, right.Object, right.Relation, broken.Principal})
		b.edges = append(b.edges, edge{right, period("emergency access of "+broken.Principal, broken.Ends), "break-glass"})
	}
	named := func(i int) Right { return Right{"Ehr", q.EHR, fmt.Sprintf("restricted-%d", i)} }
	spared := func(i int) Right { return Right{"Ehr", q.EHR, fmt.Sprintf("spared-%d", i)} }
	for i, r := range b.ways.Restrictions {
		for right, list := range map[Right][]string{named(i): r.AppliesTo, spared(i): r.Spares} {
			for _, who := range list {
				tuples = append(tuples, Tuple{right.Namespace, right.Object, right.Relation, who})
			}
		}
	}
	b.graph = newGraph(tuples)
	for i, r := range b.ways.Restrictions {
		b.refusals = append(b.refusals, refusal{slices.Contains(r.AppliesTo, "*"), table(b.holders(named(i))), table(b.holders(spared(i)))})
	}
	return b, nil
}

// label are the rights that open a label.
func (b *board) label(label string) []Right {
	if b.write {
		return []Right{{"Sensitivity", label, "writers"}}
	}
	return []Right{{"Sensitivity", label, "readers"}, {"Sensitivity", label, "writers"}}
}

// in says whether a holder's right counts for who has this role selected.
func (h holder) in(role string) bool { return h.role == "" || h.role == role }

// table is who holds something, by subject.
func table(holders []holder) map[string][]holder {
	out := map[string][]holder{}
	for _, h := range holders {
		out[h.subject] = append(out[h.subject], h)
	}
	return out
}

// WhoCan lists who may do something to a record now, each with the path that
// allows it. It needs what changing access to the record needs. A person stands
// there once for each role that must be selected, or once for all.
func (p *Policies) WhoCan(ctx context.Context, caller cdr.Caller, q Question) ([]Able, error) {
	event, err := p.Control.Over(ctx, caller, q.EHR, "R", "who-can")
	if err != nil {
		return nil, err
	}
	b, err := p.board(ctx, q)
	if err != nil {
		return nil, err
	}
	list := b.able()
	rows := int64(len(list))
	event.Rows = &rows
	return list, p.Control.Auditor.Record(ctx, event)
}

func (b *board) able() []Able {
	type way struct {
		holder
		edge edge
	}
	ways := map[string][]way{}
	for _, e := range b.edges {
		for _, h := range b.holders(e.right) {
			ways[h.subject] = append(ways[h.subject], way{h, e})
		}
	}
	seals := make([]map[string][]holder, len(b.seals))
	for i, label := range b.seals {
		var all []holder
		for _, r := range b.label(label) {
			all = append(all, b.holders(r)...)
		}
		seals[i] = table(all)
	}
	var out []Able
	for subject, mine := range ways {
		roles := map[string]bool{"": true}
		for _, w := range mine {
			roles[w.role] = true
		}
		for _, s := range seals {
			for _, h := range s[subject] {
				roles[h.role] = true
			}
		}
		for _, r := range b.refusals {
			for _, h := range slices.Concat(r.named[subject], r.spared[subject]) {
				roles[h.role] = true
			}
		}
		// A right that comes with no role selected is in every role; said once, unless
		// restrictions may be of some roles alone.
		for role := range roles {
			i := slices.IndexFunc(mine, func(w way) bool { return w.in(role) })
			if i < 0 || b.refused(subject, role) {
				continue
			}
			able := Able{Subject: subject, Role: role, Through: append([]string{mine[i].edge.fact}, written(mine[i].path)...)}
			open := true
			for _, s := range seals {
				n := slices.IndexFunc(s[subject], func(h holder) bool { return h.in(role) })
				if open = n >= 0; !open {
					break
				}
				able.Through = append(able.Through, written(s[subject][n].path)...)
			}
			if open {
				out = append(out, able)
			}
		}
	}
	slices.SortFunc(out, func(x, y Able) int {
		return cmp.Or(strings.Compare(x.Subject, y.Subject), strings.Compare(x.Role, y.Role))
	})
	anyRole := ""
	return slices.DeleteFunc(out, func(x Able) bool {
		if x.Role == "" && len(b.refusals) == 0 {
			anyRole = x.Subject
			return false
		}
		return x.Subject == anyRole
	})
}

// ExplainOther says which gate lets somebody to a record, or what is missing, for
// who manages access to it.
func (p *Policies) ExplainOther(ctx context.Context, caller cdr.Caller, q Question, subject, role string) (cdr.Explanation, error) {
	if _, _, isSet := setOf(subject); isSet || !strings.Contains(subject, ":") {
		return cdr.Explanation{}, fault.New(fault.Invalid, "principal", "a principal is written user:<issuer>:<id> or svc:<client>")
	}
	event, err := p.Control.Over(ctx, caller, q.EHR, "R", "explain")
	if err != nil {
		return cdr.Explanation{}, err
	}
	b, err := p.board(ctx, q)
	if err != nil {
		return cdr.Explanation{}, err
	}
	event.Object = subject
	if err := p.Control.Auditor.Record(ctx, event); err != nil {
		return cdr.Explanation{}, err
	}
	return b.explain(subject, role), nil
}

func (b *board) explain(subject, role string) cdr.Explanation {
	var x cdr.Explanation
	find := func(rights ...Right) []Tuple {
		for _, r := range rights {
			for _, h := range b.holders(r) {
				if h.subject == subject && h.in(role) {
					return h.path
				}
			}
		}
		return nil
	}
	as := subject
	if role != "" {
		as = "Role:" + role
	}
	way := false
	for _, gate := range []string{"organisation", "grant", "break-glass"} {
		g := cdr.Gate{Name: gate}
		var missing []string
		for _, e := range b.edges {
			if e.name != gate {
				continue
			}
			if path := find(e.right); path != nil && !g.Holds {
				g.Holds, g.Detail = true, strings.Join(append([]string{e.fact}, written(path)...), "; ")
			} else if gate == "organisation" {
				missing = append(missing, Tuple{e.right.Namespace, e.right.Object, e.right.Relation, as}.String())
			}
		}
		if way = way || g.Holds; !g.Holds {
			g.Detail = map[string]string{
				"organisation": "no organisation has a live relationship with the person",
				"grant":        "the record was not given to " + as,
				"break-glass":  "no emergency access is open",
			}[gate]
			if missing != nil {
				g.Detail = "missing: one of " + strings.Join(missing, ", ")
			}
		}
		x.Gates = append(x.Gates, g)
	}
	restricted := b.refused(subject, role)
	detail := "nothing restricts this identity"
	if restricted {
		detail = "a restriction on this record names " + as + ", a group of it, or everybody"
	}
	x.Gates = append(x.Gates, cdr.Gate{Name: "restriction", Holds: !restricted, Detail: detail})
	open := true
	for _, label := range b.seals {
		rights := b.label(label)
		path := find(rights...)
		g := cdr.Gate{Name: "label " + label, Holds: path != nil, Detail: strings.Join(written(path), "; ")}
		if path == nil {
			open = false
			g.Detail = "missing: " + Tuple{"Sensitivity", label, rights[0].Relation, as}.String()
		}
		x.Gates = append(x.Gates, g)
	}
	allowed := way && !restricted && open
	if b.write {
		x.Write = allowed
	} else {
		x.Read = allowed
	}
	return x
}

// Overview lists all that opens and closes a record now, for who manages access
// to it.
func (p *Policies) Overview(ctx context.Context, caller cdr.Caller, ehr string) (Ways, error) {
	event, err := p.Control.Over(ctx, caller, ehr, "R", "overview")
	if err != nil {
		return Ways{}, err
	}
	ways, err := p.Records.Ways(ctx, ehr)
	if err != nil {
		return Ways{}, err
	}
	return ways, p.Control.Auditor.Record(ctx, event)
}

// written are tuples as text; those made for the record itself say nothing that
// the fact does not.
func written(path []Tuple) []string {
	var out []string
	for _, t := range path {
		if t.Namespace != "Ehr" {
			out = append(out, t.String())
		}
	}
	return out
}

func period(what string, to time.Time) string {
	if to.IsZero() {
		return what
	}
	return what + " until " + to.UTC().Format(time.RFC3339)
}
