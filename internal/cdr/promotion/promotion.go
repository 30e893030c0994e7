package promotion

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/quire-cdr/quire/internal/aql/promote"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/simplified/nearest"
)

// Area is the administrative area of promoted paths.
const Area = "system"

// Store keeps promoted paths and knows what queries ask.
type Store interface {
	// Promote begins to promote a path; at most most for the same reason, 0 for no
	// bound. One that is promoted already, or was refused by the bound, is not begun.
	Promote(ctx context.Context, p promote.Path, reason string, most int) (begun bool, err error)
	// DropPath ends a promotion; none is NotFound.
	DropPath(ctx context.Context, p promote.Path) error
	// Promoted lists what is promoted.
	Promoted(ctx context.Context) ([]Path, error)
	// ArchetypesInData and ObjectsInData tell what stored data have.
	ArchetypesInData(ctx context.Context) ([]string, error)
	ObjectsInData(ctx context.Context, archetype string) ([]Object, error)
	// Candidates are the paths by which an AQL text that asks a population could be
	// answered from an index, and are not promoted.
	Candidates(ctx context.Context, text string) ([]Place, error)
	// StoredQueries lists stored queries.
	StoredQueries(ctx context.Context, name string) ([]cdr.StoredQuery, error)
	// SlowQueries are those this process has run.
	SlowQueries() []Slow
}

// Place is a path of an archetype.
type Place struct {
	Archetype string `json:"archetype_id"`
	Path      string `json:"path"`
}

// Command is what an administrator types to promote the path.
func (p Place) Command() string { return "quire index add '" + p.Archetype + "' '" + p.Path + "'" }

// String names the place.
func (p Place) String() string { return p.Path + " of " + p.Archetype }

// Slow are the runs of one query that took long. Neither text nor values are
// kept.
type Slow struct {
	// Hash is SHA-256 of the query as `quire aql check` prints it.
	Hash string `json:"query_hash"`
	// Shape names the classes the query ranges over and what it does with them.
	Shape string `json:"shape"`
	Runs  int64  `json:"runs"`
	// TotalMS and LongestMS are milliseconds.
	TotalMS   int64     `json:"total_ms"`
	LongestMS int64     `json:"longest_ms"`
	Last      time.Time `json:"last"`
	// Places are the paths that would have helped.
	Places []Place `json:"paths"`
}

// Advice is a path that should be promoted.
type Advice struct {
	Place
	// Because names the stored queries and counts the slow runs that ask for it.
	Because []string `json:"because"`
	Command string   `json:"command"`
}

// Promotions are the use cases. They are safe for concurrent use.
type Promotions struct {
	Store Store
	Act   cdr.Act
	// Automatic is how many paths stored queries may have promoted, 0 for none.
	Automatic int
}

// List gives the promoted paths and how far they have come.
func (s *Promotions) List(ctx context.Context, caller cdr.Caller) ([]Path, error) {
	if _, err := s.Act.Begin(ctx, caller, Area, cdr.Event{Action: "R", Object: "index"}); err != nil {
		return nil, err
	}
	return s.Store.Promoted(ctx)
}

// Add promotes a path. One that no stored data have is refused with the nearest
// that they have, unless force is set.
func (s *Promotions) Add(ctx context.Context, caller cdr.Caller, at Place, force bool) (Path, error) {
	event := cdr.Event{Action: "C", Object: "index"}
	p, err := s.Act.Begin(ctx, caller, Area, event)
	if err != nil {
		return Path{}, err
	}
	path, err := promote.Parse(at.Archetype, at.Path)
	if err != nil {
		return Path{}, s.meant(ctx, at, err)
	}
	if !force {
		if err := s.known(ctx, path); err != nil {
			return Path{}, err
		}
	}
	event.Object = "index " + path.Archetype + " " + path.Text
	if err := s.Act.Record(ctx, s.Act.Event(caller, p, event)); err != nil {
		return Path{}, err
	}
	if _, err := s.Store.Promote(ctx, path, ByAdministrator, 0); err != nil {
		return Path{}, err
	}
	list, err := s.Store.Promoted(ctx)
	for _, l := range list {
		if l.Archetype == path.Archetype && l.Path == path.Text {
			return l, err
		}
	}
	return Path{Archetype: path.Archetype, Path: path.Text}, err
}

// meant adds the nearest path of stored data to a refusal of one that is none.
func (s *Promotions) meant(ctx context.Context, at Place, refusal error) error {
	f := fault.Of(refusal)
	if f.Kind != fault.Invalid {
		return refusal
	}
	objects, err := s.Store.ObjectsInData(ctx, at.Archetype)
	if err != nil || len(objects) == 0 {
		return refusal
	}
	return fault.New(fault.Invalid, f.Code, "%s%s", f.Message, suggestion(near(strings.Trim(at.Path, "/"), values(objects))))
}

// known refuses a path that stored data do not have.
func (s *Promotions) known(ctx context.Context, p promote.Path) error {
	all, err := s.Store.ArchetypesInData(ctx)
	if err != nil {
		return err
	}
	var paths []string
	found := false
	for _, archetype := range all {
		if !p.Of(archetype) {
			continue
		}
		found = true
		objects, err := s.Store.ObjectsInData(ctx, archetype)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(objects, func(o Object) bool { return o.Path == p.Object() }) {
			return nil
		}
		paths = append(paths, values(objects)...)
	}
	if !found {
		return fault.New(fault.Invalid, "index-path-unknown", "no stored data have the archetype %s%s; to promote it anyway use force", p.Archetype, suggestion(near(p.Archetype, all)))
	}
	return fault.New(fault.Invalid, "index-path-unknown", "no stored data of %s have the path %s%s; to promote it anyway use force", p.Archetype, p.Text, suggestion(near(p.Text, paths)))
}

// values are the paths of the values of ELEMENTs.
func values(objects []Object) []string {
	var paths []string
	for _, o := range objects {
		if strings.Contains(o.Path, "items[") {
			paths = append(paths, o.Path+"/value")
		}
	}
	return paths
}

// near gives what is closest to a name: by its letters, else by its beginning.
func near(name string, candidates []string) string {
	if found := nearest.Of(name, candidates, max(3, len(name)/4)); len(found) > 0 {
		return found[0]
	}
	best, shared := "", 0
	for _, c := range candidates {
		n := 0
		for n < len(c) && n < len(name) && c[n] == name[n] {
			n++
		}
		if n > shared {
			best, shared = c, n
		}
	}
	if shared < len(name)/2 {
		return ""
	}
	return best
}

func suggestion(name string) string {
	if name == "" {
		return ""
	}
	return "; the nearest is " + name
}

// Drop ends the promotion of a path.
func (s *Promotions) Drop(ctx context.Context, caller cdr.Caller, at Place) error {
	event := cdr.Event{Action: "D", Object: "index"}
	p, err := s.Act.Begin(ctx, caller, Area, event)
	if err != nil {
		return err
	}
	path, err := promote.Parse(at.Archetype, at.Path)
	if err != nil {
		return err
	}
	event.Object = "index " + path.Archetype + " " + path.Text
	if err := s.Act.Record(ctx, s.Act.Event(caller, p, event)); err != nil {
		return err
	}
	err = s.Store.DropPath(ctx, path)
	if !fault.Is(err, fault.NotFound) {
		return err
	}
	list, listErr := s.Store.Promoted(ctx)
	var texts []string
	for _, l := range list {
		if l.Archetype == path.Archetype {
			texts = append(texts, l.Path)
		}
	}
	if listErr != nil || len(texts) == 0 {
		return err
	}
	return fault.New(fault.NotFound, "index-unknown", "%s of %s is not promoted; promoted are %s", path.Text, path.Archetype, strings.Join(texts, ", "))
}
