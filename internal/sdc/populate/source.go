package populate

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/rm/temporal"
)

// Source is one effective version of a composition that the caller may see.
type Source struct {
	Version   string
	Committed time.Time
	Tree      *rm.Tree
}

// composition is the archetype of the source.
func (s *Source) composition() string { return s.Tree.ArchetypeNodeID(s.Tree.Root()) }

// Place is an entry of a source, and of an OBSERVATION the event that is meant.
type Place struct {
	Source *Source
	Entry  rm.ID
	// Event is rm.None where the entry has none.
	Event rm.ID
}

// Time is when what the entry says was true, as it was written: the time of the
// event or act, else the start of the composition, else its commit.
func (p Place) Time() string {
	t := p.Source.Tree
	if p.Event != rm.None {
		return t.TextAt(p.Event, rminfo.A_time, rminfo.A_value)
	}
	if t.Class(p.Entry) == rminfo.ACTION {
		return t.TextAt(p.Entry, rminfo.A_time, rminfo.A_value)
	}
	if start := t.TextAt(t.Root(), rminfo.A_context, rminfo.A_start_time, rminfo.A_value); start != "" {
		return start
	}
	return p.Source.Committed.UTC().Format(time.RFC3339)
}

// at is that time as an instant; false where it cannot be read.
func (p Place) at(zone *time.Location) (time.Time, bool) {
	d, err := temporal.ParseDateTime(p.Time())
	if err != nil {
		return time.Time{}, false
	}
	return d.Magnitude(zone).Time(), true
}

// Path is the AQL path of the entry in its composition.
func (p Place) Path() string { return p.Source.Tree.AQLPath(p.Entry) }

// archetype is that of the entry.
func (p Place) archetype() string { return p.Source.Tree.ArchetypeNodeID(p.Entry) }

// specialises says whether data of archetype id may fill a group of archetype
// of: it is the same, or a specialisation of the same major version (DESIGN 5a
// rule 16).
func specialises(id, of string) bool {
	if id == of {
		return true
	}
	concept, version := cutVersion(of)
	own, ownVersion := cutVersion(id)
	return ownVersion == version && strings.HasPrefix(own, concept+"-")
}

func cutVersion(id string) (concept, version string) {
	if n := strings.LastIndex(id, ".v"); n >= 0 {
		return id[:n], id[n:]
	}
	return id, ""
}

// Specialisations is the LIKE pattern of the specialisations of an archetype.
func Specialisations(archetype string) string {
	concept, version := cutVersion(archetype)
	return strings.NewReplacer(`\`, `\\`, `_`, `\_`, `%`, `\%`).Replace(concept) + "-%" + version
}

// candidate is a place with what it is chosen by.
type candidate struct {
	Place
	when time.Time
}

// newestFirst is the order in which candidates are taken: by the time of what
// they say, then by commit, then by uid and place, so that it is always the same.
func newestFirst(a, b candidate) int {
	return cmp.Or(b.when.Compare(a.when), b.Source.Committed.Compare(a.Source.Committed),
		cmp.Compare(b.Source.Version, a.Source.Version), cmp.Compare(a.Entry, b.Entry))
}

// skew is how far in the future a time may lie: clocks differ.
const skew = 5 * time.Minute

// finding says why entries of a group were passed over, counted.
type finding map[string]int

// candidates finds the entries of an archetype that may be reused at all.
func candidates(sources []*Source, archetype string, now time.Time, zone *time.Location, why finding) []candidate {
	var out []candidate
	for _, s := range sources {
		for id := rm.ID(0); int(id) < s.Tree.Len(); id++ {
			if !s.Tree.Class(id).IsA(rminfo.ENTRY) || s.Tree.Kind(id) != rm.Object || !specialises(s.Tree.ArchetypeNodeID(id), archetype) {
				continue
			}
			if subject := s.Tree.Child(id, rminfo.A_subject); subject != rm.None && s.Tree.Class(subject) != rminfo.PARTY_SELF {
				why[OtherSubject]++
				continue
			}
			out = append(out, moments(s, id, now, zone, why)...)
		}
	}
	slices.SortFunc(out, newestFirst)
	return out
}

// moments are the entry at its newest event that has happened; none where it has
// not happened yet.
func moments(s *Source, entry rm.ID, now time.Time, zone *time.Location, why finding) []candidate {
	judged := func(p Place) (candidate, bool) {
		when, ok := p.at(zone)
		switch {
		case !ok:
			why[Untimed]++
		case when.After(now.Add(skew)):
			why[Future]++
		default:
			return candidate{p, when}, true
		}
		return candidate{}, false
	}
	if s.Tree.Class(entry) != rminfo.OBSERVATION {
		if c, ok := judged(Place{s, entry, rm.None}); ok {
			return []candidate{c}
		}
		return nil
	}
	history := s.Tree.Child(entry, rminfo.A_data)
	if history == rm.None {
		return nil
	}
	var best []candidate
	for event := range s.Tree.Children(history, rminfo.A_events) {
		if s.Tree.Class(event) != rminfo.POINT_EVENT {
			why[Interval]++
			continue
		}
		if c, ok := judged(Place{s, entry, event}); ok && (best == nil || c.when.After(best[0].when)) {
			best = []candidate{c}
		}
	}
	return best
}
