package form

import (
	"context"
	"slices"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/sdc"
	"github.com/quire-cdr/quire/internal/sdc/populate"
)

// persistent is the category of compositions of which one lives in each EHR.
const persistent = "431"

// Populate issues a form for a person. A document of which only one lives in an
// EHR comes with the answers it has, and its submit is that document's next
// version; any other form comes filled with what the record holds and the policy
// reuses, each answer with its time and source (DESIGN 5a rule 6). Nothing is
// shown that the caller could not read.
func (f *Forms) Populate(ctx context.Context, caller cdr.Caller, id string, person Person, v View) (*Issued, error) {
	form, err := f.Form(ctx, caller, id)
	if err != nil {
		return nil, err
	}
	ehr, err := f.find(ctx, caller, person)
	if err != nil {
		return nil, err
	}
	if _, err := f.Service.EHR(ctx, caller, ehr); err != nil {
		return nil, err
	}
	p, err := f.profile(ctx, caller)
	if err != nil {
		return nil, err
	}
	if form.SDC.Category() == persistent {
		if issued, err := f.living(ctx, caller, p, form, ehr, v); issued != nil || err != nil {
			return issued, err
		}
	}
	filled, err := f.fill(ctx, caller, p, form, ehr, v.Mode)
	if err != nil {
		return nil, err
	}
	claim := claims{EHR: ehr, Template: form.Template.ID, Content: form.Content, Principal: caller.Subject}
	for _, c := range filled.Copies {
		claim.Copies = append(claim.Copies, copied{c.Item.LinkID, c.Source.Version, c.Entry, c.Event})
	}
	token, err := f.sign(claim)
	if err != nil {
		return nil, err
	}
	r := form.SDC.Blank(token)
	r.Item[0].Item = append(r.Item[0].Item, filled.Items...)
	r.Status, r.Authored = "in-progress", instant(f.Clock.Now())
	f.address(r, form, ehr, v.Base)
	return &Issued{Form: form, Response: r, Notes: filled.Notes, Copies: filled.Copies,
		Document: cdr.Document{Withheld: f.Service.MayWithhold(ctx, caller)}}, nil
}

// living issues the one document of the form that lives in an EHR, nil where
// there is none.
func (f *Forms) living(ctx context.Context, caller cdr.Caller, p *access.Profile, form *Form, ehr string, v View) (*Issued, error) {
	object, err := f.Store.Living(ctx, p, ehr, form.Template.Family)
	if err != nil || object == "" {
		return nil, err
	}
	doc, err := f.Service.Composition(ctx, caller, ehr, cdr.VersionRef{Object: object})
	if err != nil {
		return nil, err
	}
	issued, err := f.issue(ctx, caller, doc, v)
	if err == nil {
		issued.Response.Status = "in-progress"
	}
	return issued, err
}

const (
	// firstNewest is how many compositions of each archetype are read at first,
	// and furtherNewest how many times as many where those do not tell.
	firstNewest, furtherNewest = 8, 16
	// mostNewest is all there are.
	mostNewest = 1 << 30
)

// fill fills a form from the record, as of now.
func (f *Forms) fill(ctx context.Context, caller cdr.Caller, p *access.Profile, form *Form, ehr string, mode sdc.Mode) (*populate.Filled, error) {
	wants := populate.Wants(form.SDC, f.Policy)
	sources, err := f.sources(ctx, caller, p, ehr, form.Template.Family, wants)
	if err != nil {
		return nil, err
	}
	chosen, notes := populate.Choose(form.SDC, wants, sources, populate.Moment{Now: f.Clock.Now(), Zone: f.Zone})
	filled, err := populate.Fill(form.SDC, chosen, mode)
	if err != nil {
		return nil, err
	}
	filled.Notes = append(notes, filled.Notes...)
	var shown []string
	for _, c := range filled.Copies {
		if !slices.Contains(shown, c.Source.Version) {
			shown = append(shown, c.Source.Version)
		}
	}
	for _, version := range shown {
		if err := f.audited(ctx, caller, p, cdr.Event{Action: "R", EHR: ehr, Object: version, Template: form.Template.Family, Basis: "populate"}); err != nil {
			return nil, err
		}
	}
	return filled, nil
}

// sources reads what may fill the groups: in one round trip, unless the newest
// compositions are not those with the newest entries.
func (f *Forms) sources(ctx context.Context, caller cdr.Caller, p *access.Profile, ehr string, family int32, wants []populate.Want) ([]*populate.Source, error) {
	archetypes := populate.Archetypes(wants)
	if len(archetypes) == 0 {
		return nil, nil
	}
	q := cdr.EntryQuery{EHR: ehr, Archetypes: archetypes, Newest: firstNewest, Lists: populate.Lists(wants)}
	for _, a := range archetypes {
		q.Specialised = append(q.Specialised, populate.Specialisations(a))
	}
	read := map[string]*populate.Source{}
	for {
		held, err := f.Store.Entries(ctx, p, q)
		if err != nil {
			return nil, err
		}
		rows := int64(len(held))
		if err := f.audited(ctx, caller, p, cdr.Event{Action: "E", EHR: ehr, Object: "$populate", Template: family, Rows: &rows}); err != nil {
			return nil, err
		}
		var sources []*populate.Source
		full := map[string]int64{}
		for _, h := range held {
			source := read[h.UID]
			if source == nil {
				tree, err := stored(cdr.Document{JSON: h.Doc})
				if err != nil {
					return nil, err
				}
				source = &populate.Source{Version: h.UID, Committed: h.Committed, Tree: tree}
				read[h.UID] = source
			}
			sources = append(sources, source)
			for _, a := range h.Full {
				full[a] = h.Start
			}
		}
		if populate.Enough(sources, full, populate.Moment{Now: f.Clock.Now(), Zone: f.Zone}) || q.Newest == mostNewest {
			return sources, nil
		}
		if q.Newest *= furtherNewest; q.Newest > firstNewest*furtherNewest {
			q.Newest = mostNewest
		}
	}
}

// audited records what a caller was shown of a person, before it leaves.
func (f *Forms) audited(ctx context.Context, caller cdr.Caller, p *access.Profile, e cdr.Event) error {
	e.Outcome = "success"
	e.Principal, e.Role, e.Org, e.Purpose = p.Principal, p.Role, caller.Organisation, caller.Purpose
	e.Source, e.RequestID, e.Epoch = caller.Source, caller.RequestID, p.Epoch
	if e.Role == "" {
		e.Role = caller.Role
	}
	return f.Auditor.Record(ctx, e)
}

// copied is what a token says of one entry that filled a group: enough to fill
// it in the same way again.
type copied struct {
	LinkID  string `json:"l"`
	Version string `json:"v"`
	Entry   rm.ID  `json:"n"`
	Event   rm.ID  `json:"e"`
}

// settle tells the copies in a response from what is new. The sources are read
// again with the caller's rights, and filled in again as they were.
func (w *work) settle(ctx context.Context) error {
	if len(w.claims.Copies) == 0 {
		return nil
	}
	read := map[string]*populate.Source{}
	var chosen []populate.Chosen
	for _, c := range w.claims.Copies {
		source := read[c.Version]
		if source == nil {
			doc, err := w.forms.Service.Composition(ctx, w.caller, w.claims.EHR, cdr.VersionRef{VersionUID: c.Version})
			switch {
			case fault.Is(err, fault.NotFound), err == nil && doc.Deleted:
				return fault.New(fault.Conflict, "source-gone", "what filled the form can no longer be read; ask for it again")
			case err != nil:
				return err
			}
			tree, err := stored(doc)
			if err != nil {
				return err
			}
			source = &populate.Source{Version: c.Version, Committed: doc.Committed, Tree: tree}
			read[c.Version] = source
		}
		item := w.form.SDC.Item(c.LinkID)
		if item == nil || int(c.Entry) >= source.Tree.Len() || c.Event != rm.None && int(c.Event) >= source.Tree.Len() {
			return fault.New(fault.Conflict, "form-changed", "what filled the form is not as it was; ask for it again")
		}
		chosen = append(chosen, populate.Chosen{Place: populate.Place{Source: source, Entry: c.Entry, Event: c.Event}, Item: item})
	}
	filled, err := populate.Fill(w.form.SDC, chosen, sdc.FormMode)
	if err != nil {
		return err
	}
	w.settled = populate.Settle(w.form.SDC, w.response, filled.Copies)
	w.response = w.settled.Response
	return nil
}

// linked puts the links of copies into the composition to be: those that came
// back unchanged get theirs, those that are edited in a later version lose it.
func (w *work) linked(tree *rm.Tree, facts sdc.Facts) (*rm.Tree, error) {
	if w.settled != nil {
		return w.settled.Link(w.form.SDC, tree, w.claims.EHR)
	}
	if w.baseTree != nil {
		return populate.Revise(w.baseTree, tree, facts.Authored)
	}
	return tree, nil
}
