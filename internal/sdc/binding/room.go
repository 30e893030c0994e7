package binding

import (
	"strings"

	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
)

// Archetype is the generic archetype of answers that no question of a template
// takes: one CLUSTER for each question, each answer an ELEMENT named by the words
// of the question.
const Archetype = "openEHR-EHR-CLUSTER.questionnaire_answer.v1"

// Nodes of the generic archetype.
const (
	nodeAnswer     = "at0001"
	nodeIdentifier = "at0002"
	nodeCode       = "at0003"
	nodeHeading    = "at0004"
	nodePlace      = "at0005"
)

// room is where a template has room for the generic archetype: the way from the
// root to the object that holds it, and the attribute.
type room struct {
	template *template.Compiled
	way      []template.NodeID
	attr     rminfo.Attr
	name     string
}

// roomOf finds the room of a template: where it takes in the generic archetype,
// else the first open slot for it in what a composition or an entry says beside
// its subject matter (other_context, protocol): elsewhere an open slot waits for
// something of its own. nil where there is none.
func roomOf(t *template.Compiled) *room {
	included, open := template.NoNode, template.NoNode
	t.Walk(t.Root(), func(id template.NodeID, n *template.Node) bool {
		beside := strings.Contains(n.AQLPath, "/other_context") || strings.Contains(n.AQLPath, "/protocol")
		switch {
		case n.IsRoot && n.AtCode == Archetype && included == template.NoNode:
			included = id
		case n.Slot != nil && open == template.NoNode && beside && rminfo.CLUSTER.IsA(n.Class) && t.SlotAdmits(id, Archetype):
			open = id
		}
		return true
	})
	at := included
	if at == template.NoNode {
		at = open
	}
	if at == template.NoNode {
		return nil
	}
	r := &room{template: t, attr: t.Node(at).Attr, name: "Questionnaire answer"}
	if n := t.Node(at); at == included {
		if r.name = n.NameFixed; r.name == "" {
			r.name = t.Label(at, "")
		}
	}
	for up := t.Node(at).Parent; up != t.Root() && up != template.NoNode; up = t.Node(up).Parent {
		r.way = append([]template.NodeID{up}, r.way...)
	}
	return r
}

// reach goes as far along the way as a composition has objects.
func (r *room) reach(t *rm.Tree) (at rm.ID, missing []template.NodeID) {
	at = t.Root()
	for n, step := range r.way {
		next := rm.None
		for child := range t.Children(at, r.template.Node(step).Attr) {
			node := r.template.Node(step)
			if node.AtCode == "" || t.ArchetypeNodeID(child) == node.AtCode && (node.NameFixed == "" || t.Name(child) == node.NameFixed) {
				next = child
				break
			}
		}
		if next == rm.None {
			return at, r.way[n:]
		}
		at = next
	}
	return at, nil
}

// put adds clusters to a composition, each written by one function; false where
// what would hold them is not there and cannot stand by itself.
func (r *room) put(t *rm.Tree, clusters []func(*rm.Builder)) (*rm.Tree, bool, error) {
	at, missing := r.reach(t)
	for _, step := range missing {
		if r.template.Node(step).Class != rminfo.ITEM_TREE {
			return t, false, nil
		}
	}
	if len(missing) == 0 {
		var edits []rm.Edit
		for _, write := range clusters {
			tree, err := built(func(b *rm.Builder) { write(b) })
			if err != nil {
				return t, false, err
			}
			edits = append(edits, rm.Edit{At: at, Into: true, Attr: r.attr, New: tree})
		}
		out, err := t.Splice(edits...)
		return out, err == nil, err
	}
	tree, err := built(func(b *rm.Builder) {
		for n, step := range missing {
			node := r.template.Node(step)
			attr := node.Attr
			if n == 0 {
				attr = 0
			}
			b.Open(attr, node.Class)
			name := node.NameFixed
			if name == "" {
				name = r.template.Label(step, "")
			}
			named(b, name)
			b.String(rminfo.A_archetype_node_id, rminfo.String, node.AtCode)
		}
		for _, write := range clusters {
			write(b)
		}
		for range missing {
			b.Close()
		}
	})
	if err != nil {
		return t, false, err
	}
	out, err := t.Splice(rm.Edit{At: at, Into: true, Attr: r.template.Node(missing[0]).Attr, New: tree})
	return out, err == nil, err
}

func built(write func(*rm.Builder)) (*rm.Tree, error) {
	b := rm.NewBuilder(rm.Limits{}, 64)
	write(b)
	return b.Tree()
}

func named(b *rm.Builder, name string) {
	b.Open(rminfo.A_name, rminfo.DV_TEXT)
	b.String(rminfo.A_value, rminfo.String, name)
	b.Close()
}

// answers finds the answers of each place in a composition, in their order, as
// the ids of their ELEMENTs.
func (r *room) answers(t *rm.Tree) map[string][]rm.ID {
	out := map[string][]rm.ID{}
	at, missing := r.reach(t)
	if len(missing) > 0 {
		return out
	}
	for cluster := range t.Children(at, r.attr) {
		if t.ArchetypeNodeID(cluster) != Archetype {
			continue
		}
		place := ""
		var list []rm.ID
		for element := range t.Children(cluster, rminfo.A_items) {
			switch t.ArchetypeNodeID(element) {
			case nodePlace:
				place = t.TextAt(element, rminfo.A_value, rminfo.A_value)
			case nodeAnswer:
				list = append(list, element)
			}
		}
		out[place] = append(out[place], list...)
	}
	return out
}
