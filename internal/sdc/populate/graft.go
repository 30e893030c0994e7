package populate

import (
	"github.com/cockroachdb/apd/v3"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/sdc"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/internal/ucum"
	"github.com/quire-cdr/quire/internal/validate"
)

// grafter makes a composition of the form's template that holds the chosen
// entries and nothing else. It is never stored: it is what the answers are read
// from.
type grafter struct {
	t      *template.Compiled
	chosen map[template.NodeID][]Chosen
	b      *rm.Builder
}

// graft builds the composition; every node of it fits the template, since what
// does not is cut out and noted.
func graft(f *sdc.Form, chosen []Chosen) (tree *rm.Tree, kept []Chosen, notes []Note, err error) {
	kept = chosen
	for {
		g := &grafter{t: f.Template, chosen: map[template.NodeID][]Chosen{}, b: rm.NewBuilder(rm.Limits{}, 1024)}
		for _, c := range kept {
			g.chosen[c.Item.Node] = append(g.chosen[c.Item.Node], c)
		}
		g.object(0, f.Template.Root())
		if tree, err = g.b.Tree(); err != nil {
			return nil, nil, nil, err
		}
		if tree, err = measured(f, tree); err != nil {
			return nil, nil, nil, err
		}
		fitting, cut, refused, err := fit(f, tree, kept)
		if err != nil {
			return nil, nil, nil, err
		}
		notes = append(notes, cut...)
		if len(refused) == 0 {
			return fitting, kept, notes, nil
		}
		var rest []Chosen
		for n, c := range kept {
			if !refused[n] {
				rest = append(rest, c)
			}
		}
		kept = rest
	}
}

// holds says whether a chosen entry stands at or below a template node.
func (g *grafter) holds(node template.NodeID) bool {
	for id := node; id < g.t.Node(node).End; id++ {
		if len(g.chosen[id]) > 0 {
			return true
		}
	}
	return false
}

func (g *grafter) object(attr rminfo.Attr, node template.NodeID) {
	n := g.t.Node(node)
	g.b.Open(attr, n.Class)
	g.head(node, "")
	for _, a := range g.t.Attributes(node) {
		for _, child := range a.Children {
			if entries := g.chosen[child]; len(entries) > 0 {
				for _, c := range entries {
					g.entry(a.Attr, child, c)
				}
			} else if g.holds(child) {
				g.object(a.Attr, child)
			}
		}
	}
	g.b.Close()
}

func (g *grafter) head(node template.NodeID, name string) {
	n := g.t.Node(node)
	if !n.Class.Locatable() {
		return
	}
	switch {
	case len(n.Names) > 0:
		name = n.Names[0]
	case name == "":
		name = g.t.Label(node, "")
	}
	g.b.String(rminfo.A_archetype_node_id, rminfo.String, n.AtCode)
	g.b.Open(rminfo.A_name, rminfo.DV_TEXT)
	g.b.String(rminfo.A_value, rminfo.String, name)
	g.b.Close()
	if n.IsRoot {
		g.b.Open(rminfo.A_archetype_details, rminfo.ARCHETYPED)
		g.b.Open(rminfo.A_archetype_id, rminfo.ARCHETYPE_ID)
		g.b.String(rminfo.A_value, rminfo.String, n.AtCode)
		g.b.Close()
		g.b.String(rminfo.A_rm_version, rminfo.String, "1.1.0")
		g.b.Close()
	}
}

// copied are the attributes of entries that a copy takes over. Who measured, who
// took part, the guideline and the workflow belong to the act that was recorded,
// and stay behind the link to it.
var copied = map[rminfo.Attr]bool{
	rminfo.A_language: true, rminfo.A_encoding: true, rminfo.A_subject: true,
	rminfo.A_data: true, rminfo.A_state: true, rminfo.A_protocol: true, rminfo.A_description: true,
	rminfo.A_activities: true, rminfo.A_narrative: true, rminfo.A_expiry_time: true,
	rminfo.A_time: true, rminfo.A_ism_transition: true,
}

func (g *grafter) entry(attr rminfo.Attr, node template.NodeID, c Chosen) {
	t := c.Source.Tree
	g.b.Open(attr, t.Class(c.Entry))
	g.head(node, t.Name(c.Entry))
	for child := range t.All(c.Entry) {
		a := t.Attr(child)
		switch {
		case !copied[a]:
		case a == rminfo.A_data && c.Event != rm.None:
			g.history(c, child)
		default:
			g.b.Copy(a, t, child)
		}
	}
	g.b.Close()
}

// history copies the one event that was chosen; the origin is its time, since
// the earlier events are not there.
func (g *grafter) history(c Chosen, history rm.ID) {
	t := c.Source.Tree
	g.b.Open(rminfo.A_data, rminfo.HISTORY)
	for child := range t.All(history) {
		switch a := t.Attr(child); a {
		case rminfo.A_archetype_node_id, rminfo.A_name:
			g.b.Copy(a, t, child)
		case rminfo.A_origin:
			g.b.Open(a, rminfo.DV_DATE_TIME)
			g.b.String(rminfo.A_value, rminfo.String, c.Time())
			g.b.Close()
		case rminfo.A_events:
			if child == c.Event {
				g.b.Copy(a, t, child)
			}
		}
	}
	g.b.Close()
}

// located matches the objects of a composition with the nodes of its template.
func located(t *template.Compiled, tree *rm.Tree, visit func(node template.NodeID, id rm.ID)) {
	var walk func(node template.NodeID, id rm.ID)
	walk = func(node template.NodeID, id rm.ID) {
		visit(node, id)
		for c := range tree.All(id) {
			if tree.Kind(c) != rm.Object {
				continue
			}
			if tree.Class(c).Locatable() {
				if next, ok := t.Match(node, tree.Attr(c), tree.ArchetypeNodeID(c), tree.Name(c)); ok {
					walk(next, c)
				}
			} else if children := t.Children(node, tree.Attr(c)); len(children) > 0 {
				walk(children[0], c)
			}
		}
	}
	walk(t.Root(), tree.Root())
}

// entries are the entries of a composition by template node, in its order.
func entries(t *template.Compiled, tree *rm.Tree) map[template.NodeID][]rm.ID {
	out := map[template.NodeID][]rm.ID{}
	located(t, tree, func(node template.NodeID, id rm.ID) {
		if tree.Class(id).IsA(rminfo.ENTRY) {
			out[node] = append(out[node], id)
		}
	})
	return out
}

// measured writes quantities in a unit of the form, and leaves out what the form
// has no place for, and elements without a value: why nothing was known then says
// nothing of now.
func measured(f *sdc.Form, tree *rm.Tree) (*rm.Tree, error) {
	var edits []rm.Edit
	located(f.Template, tree, func(node template.NodeID, id rm.ID) {
		for child := range tree.All(id) {
			if tree.Kind(child) != rm.Object || !tree.Class(child).Locatable() {
				continue
			}
			if _, ok := f.Template.Match(node, tree.Attr(child), tree.ArchetypeNodeID(child), tree.Name(child)); !ok {
				edits = append(edits, rm.Edit{At: child})
			}
		}
		if tree.Class(id) != rminfo.ELEMENT {
			return
		}
		value := tree.Child(id, rminfo.A_value)
		if value == rm.None {
			edits = append(edits, rm.Edit{At: id})
			return
		}
		if tree.Class(value) != rminfo.DV_QUANTITY {
			return
		}
		for _, v := range f.Template.Children(node, rminfo.A_value) {
			if q, ok := f.Template.Node(v).Constraint.(*aom.Quantity); ok {
				if converted := inUnit(tree, value, q); converted != nil {
					edits = append(edits, rm.Edit{At: value, New: converted})
				}
			}
		}
	})
	if edits == nil {
		return tree, nil
	}
	return tree.Splice(edits...)
}

// inUnit is a quantity in the first unit of the form that measures the same, nil
// where it is in one already or in none that can be converted (DESIGN 5a rule 8).
func inUnit(tree *rm.Tree, value rm.ID, q *aom.Quantity) *rm.Tree {
	unit := tree.TextAt(value, rminfo.A_units)
	for _, item := range q.Items {
		if item.Units == unit {
			return nil
		}
	}
	magnitude, _, err := apd.NewFromString(tree.TextAt(value, rminfo.A_magnitude))
	if err != nil {
		return nil
	}
	for _, item := range q.Items {
		to, ok := ucum.Convert(magnitude, unit, item.Units)
		if !ok {
			continue
		}
		b := rm.NewBuilder(rm.Limits{}, 16)
		b.Open(0, rminfo.DV_QUANTITY)
		b.Number(rminfo.A_magnitude, rminfo.Real, rounded(to, magnitude))
		b.String(rminfo.A_units, rminfo.String, item.Units)
		if status := tree.Child(value, rminfo.A_magnitude_status); status != rm.None {
			b.Copy(rminfo.A_magnitude_status, tree, status)
		}
		b.Close()
		if made, err := b.Tree(); err == nil {
			return made
		}
	}
	return nil
}

// rounded writes a converted number with one decimal more than it was measured
// with: what a conversion adds behind that nobody measured.
func rounded(n, measured *apd.Decimal) string {
	decimals := max(0, -measured.Exponent) + 1
	var out apd.Decimal
	if _, err := apd.BaseContext.WithPrecision(40).Quantize(&out, n, -decimals); err != nil {
		return n.Text('f')
	}
	return out.Text('f')
}

// fit cuts out what the template does not permit: an answer of its own, or the
// whole entry where a part is gone that the template demands or the meaning
// hangs on.
func fit(f *sdc.Form, tree *rm.Tree, chosen []Chosen) (*rm.Tree, []Note, map[int]bool, error) {
	var notes []Note
	refused := map[int]bool{}
	for range tree.Len() {
		wrong := map[rm.ID]bool{}
		for _, issue := range validate.Check(tree, f.Template, validate.Options{Incomplete: true}) {
			if issue.Warning {
				continue
			}
			for _, at := range tree.Resolve(tree.Root(), issue.Path) {
				if part := whole(tree, at); part != tree.Root() {
					wrong[part] = true
				}
			}
		}
		if len(wrong) == 0 {
			return tree, notes, refused, nil
		}
		order := map[rm.ID]int{}
		var node = map[rm.ID]template.NodeID{}
		located(f.Template, tree, func(n template.NodeID, id rm.ID) { node[id] = n })
		for n, ids := range byChosen(f, tree, chosen) {
			order[ids] = n
		}
		var edits []rm.Edit
		for id := range wrong {
			if inside(tree, id, wrong) {
				continue
			}
			entry := id
			for !tree.Class(entry).IsA(rminfo.ENTRY) && entry != tree.Root() {
				entry = tree.Parent(entry)
			}
			n, known := order[entry]
			if !known {
				edits = append(edits, rm.Edit{At: id})
				continue
			}
			at, matched := node[id]
			needed := id == entry || !matched || f.Template.Node(at).Occurrences.Min > 0 || marked(Default.For(chosen[n].archetype(), chosen[n].Item.Class), tree, entry, id)
			linkID := chosen[n].Item.LinkID
			if matched {
				linkID = f.At(f.Template.Node(at).AQLPath).LinkID
			}
			notes = append(notes, Note{linkID, NotPermitted, "the recorded value is none this form allows"})
			if needed {
				refused[n] = true
			}
			edits = append(edits, rm.Edit{At: id})
		}
		if len(refused) > 0 {
			return tree, notes, refused, nil
		}
		var err error
		if tree, err = tree.Splice(edits...); err != nil {
			return nil, nil, nil, err
		}
	}
	return tree, notes, refused, nil
}

// whole is the ELEMENT, CLUSTER or ENTRY that a node belongs to.
func whole(tree *rm.Tree, id rm.ID) rm.ID {
	for ; id != tree.Root(); id = tree.Parent(id) {
		if c := tree.Class(id); c == rminfo.ELEMENT || c == rminfo.CLUSTER || c.IsA(rminfo.ENTRY) {
			return id
		}
	}
	return id
}

func inside(tree *rm.Tree, id rm.ID, of map[rm.ID]bool) bool {
	for id != tree.Root() {
		if id = tree.Parent(id); of[id] {
			return true
		}
	}
	return false
}

// byChosen are the entries of a grafted composition in the order of the choice.
func byChosen(f *sdc.Form, tree *rm.Tree, chosen []Chosen) []rm.ID {
	at := entries(f.Template, tree)
	seen := map[template.NodeID]int{}
	out := make([]rm.ID, len(chosen))
	for n, c := range chosen {
		if ids := at[c.Item.Node]; seen[c.Item.Node] < len(ids) {
			out[n] = ids[seen[c.Item.Node]]
		}
		seen[c.Item.Node]++
	}
	return out
}
