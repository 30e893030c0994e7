package row

import (
	"crypto/sha256"
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// Shape is the set of containable objects of a row, the root first. Equal sets
// have equal hashes; the archetype and the row format are part of it.
type Shape struct {
	Hash  [sha256.Size]byte
	Items []Item
}

// Item stands for all objects of one class at one path of a row.
type Item struct {
	// Path is relative to the root: "data[at0001]/events[at0006]", "" for the
	// root itself.
	Path string
	// JPath is a jsonpath that finds exactly these objects in Data.
	JPath string
	Class rminfo.Class
	// Code is the archetype_node_id of a LOCATABLE, "" for others.
	Code string
	// Name is the name all of them bear when it is a term of the template, "*"
	// for any other name and for several, "" where the class has no names.
	Name string
	// Repeats says whether the reference model lets there be more than one.
	Repeats bool
}

// item enters one object into the set of its row.
func (c *cutter) item(id rm.ID, class rminfo.Class, at place, declared rminfo.Class) {
	code, name := "", ""
	if class.Locatable() {
		code = c.tree.ArchetypeNodeID(id)
		name = c.name(id, code, declared == 0)
	}
	key := at.path + "\x00" + class.Name()
	if i, ok := c.seen[key]; ok {
		if c.items[i].Name != name {
			c.items[i].Name = "*"
		}
		return
	}
	c.seen[key] = len(c.items)
	jpath := at.jpath
	if declared != 0 && declared.Abstract() {
		jpath += ` ? (@."_type" == "` + class.Name() + `")`
	}
	c.items = append(c.items, Item{Path: at.path, JPath: jpath, Class: class, Code: code, Name: name, Repeats: at.repeats})
}

// name is the object's name when the template has it as a term; nothing a user
// typed may enter a dictionary.
func (c *cutter) name(id rm.ID, code string, root bool) string {
	if c.names == nil {
		return "*"
	}
	if root {
		code = "at0000"
	}
	if name := c.tree.Name(id); slices.Contains(c.names(c.archetype, code), name) {
		return name
	}
	return "*"
}

func newShape(archetype string, items []Item) Shape {
	slices.SortFunc(items, func(a, b Item) int {
		if o := strings.Compare(a.Path, b.Path); o != 0 {
			return o
		}
		return int(a.Class) - int(b.Class)
	})
	b := make([]byte, 0, 64*(len(items)+1))
	b = append(b, Format)
	b = append(append(b, archetype...), 0)
	for _, it := range items {
		b = append(append(b, it.Path...), 0)
		b = append(append(b, it.Class.Name()...), 0)
		b = append(append(b, it.Name...), 0)
	}
	return Shape{Hash: sha256.Sum256(b), Items: items}
}
