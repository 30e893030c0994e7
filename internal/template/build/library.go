package build

import (
	"bytes"
	"errors"
	"io/fs"
	"path"
	"sort"
	"strings"

	"github.com/quire-cdr/quire/internal/adl"
	"github.com/quire-cdr/quire/internal/fault"
)

// Library finds archetypes in a folder, at any depth, by files named
// <archetype id>.adl. Archetypes are read when they are first asked for. A
// Library is not for several goroutines at once.
type Library struct {
	folder fs.FS
	files  map[string]string
	flat   map[string]*adl.Archetype
	failed map[string]error
}

// OpenLibrary lists the archetypes of a folder.
func OpenLibrary(folder fs.FS) (*Library, error) {
	l := &Library{folder: folder, files: map[string]string{}, flat: map[string]*adl.Archetype{}, failed: map[string]error{}}
	err := fs.WalkDir(folder, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if id, ok := strings.CutSuffix(path.Base(name), ".adl"); ok && !d.IsDir() {
			if _, taken := l.files[id]; !taken {
				l.files[id] = name
			}
		}
		return nil
	})
	return l, err
}

// IDs lists the archetype ids, sorted.
func (l *Library) IDs() []string {
	out := make([]string, 0, len(l.files))
	for id := range l.files {
		out = append(out, id)
	}
	sort.Strings(out)
	return out
}

var errNoArchetype = errors.New("the archetype is not in the library")

// Flat gives an archetype with everything its parents say, internal references
// expanded. Nobody may change it.
func (l *Library) Flat(id string) (*adl.Archetype, error) {
	if a, ok := l.flat[id]; ok {
		return a, nil
	}
	if err, ok := l.failed[id]; ok {
		return nil, err
	}
	// Until it is done, the archetype is its own missing parent: no circles.
	l.failed[id] = fault.New(fault.Invalid, "archetype-invalid", "%s specialises itself", id)
	a, err := l.load(id)
	if err != nil {
		l.failed[id] = err
		return nil, err
	}
	delete(l.failed, id)
	l.flat[id] = a
	return a, nil
}

func (l *Library) load(id string) (*adl.Archetype, error) {
	file, ok := l.files[id]
	if !ok {
		return nil, errNoArchetype
	}
	text, err := fs.ReadFile(l.folder, file)
	if err != nil {
		return nil, err
	}
	a, err := adl.Read(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	if a.ID != id {
		return nil, fault.New(fault.Invalid, "archetype-invalid", "%s holds the archetype %s", file, a.ID)
	}
	existence(a.Definition)
	if a.ParentID != "" {
		parent, err := l.Flat(a.ParentID)
		if err != nil {
			return nil, fault.New(fault.Invalid, "archetype-invalid", "%s specialises %s: %v", id, a.ParentID, err)
		}
		if issues := flatten(a, parent); len(issues) > 0 {
			return nil, fault.New(fault.Invalid, "archetype-invalid", "%s widens %s", id, a.ParentID).With(issues...)
		}
	}
	if err := expand(a); err != nil {
		return nil, err
	}
	return a, nil
}
