package dictionary

import (
	"crypto/sha256"
	"sync"
	"time"

	"github.com/quire-cdr/quire/internal/aql/promote"
	"github.com/quire-cdr/quire/internal/aql/row"
)

// maxShapes is how many shapes an archetype may have before its further nodes
// share one wide shape, the union of what they hold.
const maxShapes = 10_000

// Hash identifies a shape.
type Hash = [sha256.Size]byte

// wideShape is the one shape of an archetype that has too many.
type wideShape struct {
	id    int32
	items map[itemKey]bool
}

// itemKey is what makes two items of a shape the same.
type itemKey struct {
	path, name string
	class      int16
}

// Dictionary caches what is interned. Entries are never removed or renumbered,
// so a stale cache only misses and never lies; what it misses is read back in
// the transaction that would allocate it.
type Dictionary struct {
	mu       sync.RWMutex
	arch     map[string]int32
	system   map[string]int32
	shape    map[Hash]int32
	wide     map[string]wideShape
	promoted int64
	paths    []Promoted
	// Limit is how many shapes an archetype may have; tests lower it.
	Limit int
}

// New makes an empty dictionary.
func New() *Dictionary {
	return &Dictionary{
		arch: map[string]int32{}, system: map[string]int32{}, shape: map[Hash]int32{},
		wide: map[string]wideShape{}, promoted: 1, Limit: maxShapes,
	}
}

// IDs are the ids one commit needs.
type IDs struct {
	// Arch is by archetype id, System by system id.
	Arch, System map[string]int32
	// Shape is by the hash of the row's shape; where that found no room the id is
	// that of the wide shape.
	Shape map[Hash]int32
	// Promoted is the epoch of promoted paths the commit is made for, Paths are
	// those that writers fill.
	Promoted int64
	Paths    []Promoted
	// Zone is that of the store: it reads date-times without an offset.
	Zone *time.Location
}

// Wanted are the keys one commit needs; shapes come with their rows.
type Wanted struct {
	arch, system map[string]bool
	rows         map[Hash]row.Row
}

// NewWanted makes an empty set of keys.
func NewWanted() *Wanted {
	return &Wanted{arch: map[string]bool{}, system: map[string]bool{}, rows: map[Hash]row.Row{}}
}

// System adds a system id.
func (w *Wanted) System(id string) { w.system[id] = true }

// Archetype asks for the id of an archetype.
func (w *Wanted) Archetype(id string) { w.arch[id] = true }

// Empty says that nothing is wanted.
func (w *Wanted) Empty() bool { return len(w.arch)+len(w.system)+len(w.rows) == 0 }

// Rows adds the archetypes and shapes of rows.
func (w *Wanted) Rows(rows []row.Row) {
	for _, r := range rows {
		w.arch[r.Archetype] = true
		w.rows[r.Shape.Hash] = r
	}
}

// Lookup fills what the cache knows and lists what it does not.
func (d *Dictionary) Lookup(w *Wanted) (known IDs, missing *Wanted) {
	known = IDs{Arch: map[string]int32{}, System: map[string]int32{}, Shape: map[Hash]int32{}}
	missing = NewWanted()
	d.mu.RLock()
	defer d.mu.RUnlock()
	known.Promoted, known.Paths = d.promoted, d.paths
	for a := range w.arch {
		if id, ok := d.arch[a]; ok {
			known.Arch[a] = id
		} else {
			missing.arch[a] = true
		}
	}
	for s := range w.system {
		if id, ok := d.system[s]; ok {
			known.System[s] = id
		} else {
			missing.system[s] = true
		}
	}
	for h, r := range w.rows {
		if id, ok := d.shape[h]; ok {
			known.Shape[h] = id
		} else if wide, ok := d.wide[r.Archetype]; ok && wide.holds(r.Shape.Items) {
			known.Shape[h] = wide.id
		} else {
			missing.rows[h] = r
			// Its archetype is needed to allocate it.
			missing.arch[r.Archetype] = true
		}
	}
	return known, missing
}

func (w wideShape) holds(items []row.Item) bool {
	for _, it := range items {
		if !w.items[keyOf(it)] {
			return false
		}
	}
	return true
}

func keyOf(it row.Item) itemKey { return itemKey{it.Path, it.Name, int16(it.Class)} }

// Keep remembers what a transaction that has committed read back or made.
func (d *Dictionary) Keep(got *Allocation) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for a, id := range got.arch {
		d.arch[a] = id
	}
	for s, id := range got.system {
		d.system[s] = id
	}
	for h, id := range got.shape {
		d.shape[h] = id
	}
	for a, wide := range got.wide {
		d.wide[a] = wide
	}
}

// Epoch is that of promoted paths as last read.
func (d *Dictionary) Epoch() int64 {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.promoted
}

// Promoted is a promoted path and its number.
type Promoted struct {
	promote.Path
	ID int32
}

// SetPromoted notes the epoch of promoted paths and those that writers fill.
func (d *Dictionary) SetPromoted(epoch int64, paths []Promoted) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.promoted, d.paths = epoch, paths
}
