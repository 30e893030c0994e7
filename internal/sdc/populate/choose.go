package populate

import (
	"fmt"
	"slices"
	"time"

	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/sdc"
	"github.com/quire-cdr/quire/internal/template"
)

// Why a group or answer is not filled.
const (
	// NotReused: the policy never reuses such entries.
	NotReused = "not-reused"
	// NothingRecorded: the caller sees no entry; there may be one that access
	// withholds.
	NothingRecorded = "nothing-found"
	// TooOld: what there is lies outside the window.
	TooOld = "too-old"
	// Several: one answer is wanted and several entries have equal claim.
	Several = "several"
	// MeaningLost: the form has no place for what changes the entry's meaning.
	MeaningLost = "meaning-lost"
	// NotPermitted: the value is none the form allows.
	NotPermitted = "not-permitted"
	// Future, OtherSubject, Interval and Untimed are entries that were passed over.
	Future       = "future"
	OtherSubject = "other-subject"
	Interval     = "interval"
	Untimed      = "untimed"
	// NewerElsewhere: a newer entry stands outside the list that was copied.
	NewerElsewhere = "newer-elsewhere"
	// Failed: an expression of the form could not be worked out.
	Failed = "expression"
)

// Note says of an item why it is not filled, or what to know of its answer.
type Note struct {
	LinkID, Code, Text string
}

// Want is a group of a form that an entry may fill.
type Want struct {
	Item      *sdc.Item
	Archetype string
	Rule      Rule
}

// Wants lists the groups of a form that begin an entry, in its order.
func Wants(f *sdc.Form, p Policy) []Want {
	var out []Want
	var walk func(i *sdc.Item)
	walk = func(i *sdc.Item) {
		if i.Kind == sdc.Group && i.Class.IsA(rminfo.ENTRY) {
			archetype := f.Template.Node(i.Node).Archetype
			out = append(out, Want{i, archetype, p.For(archetype, i.Class)})
			return
		}
		for _, c := range i.Children {
			walk(c)
		}
	}
	walk(f.Root)
	return out
}

// Archetypes are those whose entries may fill a form; none where nothing may.
func Archetypes(wants []Want) []string {
	var out []string
	for _, w := range wants {
		if w.Rule.Window > 0 && !slices.Contains(out, w.Archetype) {
			out = append(out, w.Archetype)
		}
	}
	return out
}

// Chosen is the entry that fills one repeat of a group.
type Chosen struct {
	Place
	Item *sdc.Item
}

// Moment is what a choice depends on beside the record.
type Moment struct {
	Now time.Time
	// Zone reads times without an offset.
	Zone *time.Location
}

// Choose picks the entries that fill the groups of a form: for each group the
// newest, or those of the newest list. The same sources and moment give the same
// choice.
func Choose(f *sdc.Form, wants []Want, sources []*Source, m Moment) ([]Chosen, []Note) {
	var out []Chosen
	var notes []Note
	taken := map[rm.ID]bool{}
	for _, w := range wants {
		note := func(code, text string, args ...any) {
			notes = append(notes, Note{w.Item.LinkID, code, fmt.Sprintf(text, args...)})
		}
		if w.Rule.Window == 0 {
			note(NotReused, "%s", w.Rule.Why)
			continue
		}
		why := finding{}
		found := candidates(sources, w.Archetype, m.Now, m.Zone, why)
		for _, code := range []string{Future, OtherSubject, Interval, Untimed} {
			if why[code] > 0 {
				note(code, "%d passed over: %s", why[code], passed[code])
			}
		}
		found = slices.DeleteFunc(found, func(c candidate) bool { return !named(f, w, wants, c.Place) })
		if w.Rule.Only {
			found = slices.DeleteFunc(found, func(c candidate) bool { return listed(w.Rule, c.Place) < 0 })
		}
		recent := slices.DeleteFunc(slices.Clone(found), func(c candidate) bool { return m.Now.Sub(c.when) > w.Rule.Window })
		switch {
		case len(found) == 0:
			note(NothingRecorded, "no entry that may be reused was found in what you may see")
			continue
		case len(recent) == 0:
			note(TooOld, "the newest is of %s, and entries are reused for %s", found[0].Time(), span(w.Rule.Window))
			continue
		}
		picked := pick(w.Rule, recent)
		room := f.Template.Node(w.Item.Node).Occurrences
		if !room.Many() && len(picked) > 1 {
			note(Several, "%d entries of one list could answer this; choose", len(picked))
			continue
		}
		if room.Max > 0 && len(picked) > room.Max {
			note(Several, "the list has %d entries and the form has room for %d", len(picked), room.Max)
			continue
		}
		if w.Rule.All && recent[0].Source != picked[0].Source {
			note(NewerElsewhere, "a newer entry, of %s, stands outside the list that was copied", recent[0].Time())
		}
		for _, c := range picked {
			if lost := meaning(f, w, c.Place); lost != "" {
				note(MeaningLost, "the entry says %q, for which this form has no place", lost)
				continue
			}
			if taken[c.Entry] && slices.ContainsFunc(out, func(o Chosen) bool { return o.Source == c.Source && o.Entry == c.Entry }) {
				note(Several, "the entry fills another group already")
				continue
			}
			taken[c.Entry] = true
			out = append(out, Chosen{c.Place, w.Item})
		}
	}
	return out, notes
}

var passed = map[string]string{
	Future: "dated in the future", OtherSubject: "about somebody else", Interval: "over an interval, where a point in time is wanted", Untimed: "without a time that can be read",
}

func span(d time.Duration) string {
	if d%day == 0 {
		return fmt.Sprintf("%d days", d/day)
	}
	return d.String()
}

// named says whether an entry fits a group by its name: where several groups of
// a form are of one archetype, their names tell them apart.
func named(f *sdc.Form, w Want, wants []Want, p Place) bool {
	several := 0
	for _, other := range wants {
		if other.Archetype == w.Archetype {
			several++
		}
	}
	names := f.Template.Node(w.Item.Node).Names
	return several < 2 || len(names) == 0 || slices.Contains(names, p.Source.Tree.Name(p.Entry))
}

// listed is the place of the entry's composition among the lists of a rule, -1
// where it is none.
func listed(r Rule, p Place) int {
	return slices.IndexFunc(r.Lists, func(of string) bool { return under(p.Source.composition(), of) })
}

// pick takes the newest, or all of one composition: the agreed list, else the
// newest that has any.
func pick(r Rule, newest []candidate) []candidate {
	if !r.All {
		return newest[:1]
	}
	first := newest[0]
	for of := range r.Lists {
		if n := slices.IndexFunc(newest, func(c candidate) bool { return listed(r, c.Place) == of }); n >= 0 {
			first = newest[n]
			break
		}
	}
	same := slices.DeleteFunc(slices.Clone(newest), func(c candidate) bool { return c.Source != first.Source })
	slices.SortFunc(same, func(a, b candidate) int { return int(a.Entry) - int(b.Entry) })
	return same
}

// meaning finds what the entry says that the form has no place for and that
// changes what the rest means; "" where there is nothing.
func meaning(f *sdc.Form, w Want, p Place) string {
	t := p.Source.Tree
	for id := p.Entry + 1; id <= t.End(p.Entry); id++ {
		if marked(w.Rule, t, p.Entry, id) && !lands(f, w.Item.Node, t, p.Entry, id) {
			return t.Name(id)
		}
	}
	return ""
}

// marked says whether a node of an entry changes what the rest of it means.
func marked(r Rule, t *rm.Tree, entry, id rm.ID) bool {
	if t.Kind(id) != rm.Object || !t.Class(id).Locatable() {
		return false
	}
	code := t.ArchetypeNodeID(id)
	for _, m := range r.Keep {
		if under(code, m.Of) {
			return true
		}
		if code != m.Of || t.Class(id) != rminfo.ELEMENT {
			continue
		}
		root := t.ArchetypeRoot(id)
		if m.In == "" && root != entry || m.In != "" && !under(t.ArchetypeNodeID(root), m.In) {
			continue
		}
		value := t.Child(id, rminfo.A_value)
		if value != rm.None && !slices.Contains(m.Live, t.TextAt(value, rminfo.A_defining_code, rminfo.A_code_string)) {
			return true
		}
	}
	return false
}

// lands says whether a node of the entry has a place in the template's group.
func lands(f *sdc.Form, group template.NodeID, t *rm.Tree, entry, id rm.ID) bool {
	var chain []rm.ID
	for n := id; n != entry; n = t.Parent(n) {
		chain = append(chain, n)
	}
	at := group
	for n := len(chain) - 1; n >= 0; n-- {
		if !t.Class(chain[n]).Locatable() {
			continue
		}
		next, ok := f.Template.Match(at, t.Attr(chain[n]), t.ArchetypeNodeID(chain[n]), t.Name(chain[n]))
		if !ok || f.Template.Node(next).Slot != nil || f.Template.Node(next).Occurrences.Max == 0 {
			return false
		}
		at = next
	}
	return true
}

// Lists are the archetypes of the agreed lists that wants ask for first.
func Lists(wants []Want) []string {
	out := []string{}
	for _, w := range wants {
		for _, of := range w.Rule.Lists {
			for version := range 10 {
				if id := fmt.Sprintf("%s.v%d", of, version); !slices.Contains(out, id) {
					out = append(out, id)
				}
			}
		}
	}
	return out
}

// Enough says whether what was read of a record tells which entries are the
// newest. full has, of each archetype of which there may be more, when the oldest
// composition that was read began, in seconds since 1970: as long as the newest
// entry is not older, nothing in an older composition is newer than it.
func Enough(sources []*Source, full map[string]int64, m Moment) bool {
	for archetype, oldest := range full {
		found := candidates(sources, archetype, m.Now, m.Zone, finding{})
		if len(found) == 0 || found[0].when.Unix() < oldest {
			return false
		}
	}
	return true
}
