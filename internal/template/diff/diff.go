package diff

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/internal/template/bounds"
)

// Effect is what a change does to data.
type Effect string

// The effects, from harmless to harmful.
const (
	// Informative changes no data: texts, descriptions, defaults.
	Informative Effect = "informative"
	// Compatible: all data that fitted still fit.
	Compatible Effect = "compatible"
	// Breaking: there can be data that fitted and do not fit any more.
	Breaking Effect = "breaking"
)

// Change is one difference.
type Change struct {
	// Path is the AQL path in the new template, or in the old one of what is gone.
	Path string `json:"aqlPath"`
	// What names the kind of change: added, removed, occurrences, existence,
	// cardinality, class, name, values, slot, text, default, language.
	What     string `json:"what"`
	Effect   Effect `json:"effect"`
	Old      string `json:"old"`
	New      string `json:"new"`
	Message  string `json:"message"`
	position template.NodeID
}

// Compare lists the differences in the order of the new template; what is gone
// stands where it was. Cost: one walk over both.
func Compare(old, new *template.Compiled) []Change {
	d := &differ{old: old, new: new}
	if old.RootArchetype != new.RootArchetype {
		d.add(0, "/", "class", Breaking, old.RootArchetype, new.RootArchetype, "the root archetype is another one")
		return d.changes
	}
	for _, lang := range old.Languages {
		if !slices.Contains(new.Languages, lang) {
			d.add(0, "/", "language", Informative, lang, "", "the language is gone")
		}
	}
	for _, lang := range new.Languages {
		if !slices.Contains(old.Languages, lang) {
			d.add(0, "/", "language", Informative, "", lang, "the language is new")
		}
	}
	d.node(old.Root(), new.Root())
	slices.SortStableFunc(d.changes, func(a, b Change) int { return int(a.position) - int(b.position) })
	return d.changes
}

// Worst is the most harmful effect of a list, "" of an empty one.
func Worst(changes []Change) Effect {
	var worst Effect
	for _, c := range changes {
		if c.Effect == Breaking {
			return Breaking
		}
		if c.Effect == Compatible || worst == "" {
			worst = c.Effect
		}
	}
	return worst
}

type differ struct {
	old, new *template.Compiled
	changes  []Change
}

func (d *differ) add(at template.NodeID, path, what string, effect Effect, old, new, message string) {
	d.changes = append(d.changes, Change{Path: or(path, "/"), What: what, Effect: effect, Old: old, New: new, Message: message, position: at})
}

func or(s, byDefault string) string {
	if s == "" {
		return byDefault
	}
	return s
}

// node compares two nodes that stand for the same thing.
func (d *differ) node(a, b template.NodeID) {
	old, new := d.old.Node(a), d.new.Node(b)
	if old.Class != new.Class {
		effect, message := Breaking, fmt.Sprintf("only %s is allowed now", new.Class)
		if old.Class.IsA(new.Class) {
			effect, message = Compatible, fmt.Sprintf("any %s is allowed now", new.Class)
		}
		d.add(b, new.AQLPath, "class", effect, old.Class.String(), new.Class.String(), message)
	}
	if old.Param != new.Param {
		d.add(b, new.AQLPath, "class", Breaking, old.Param.String(), new.Param.String(), "the interval is of another class")
	}
	d.names(b, old, new)
	if old.Parent != template.NoNode && old.Occurrences != new.Occurrences {
		d.counts(b, new.AQLPath, "occurrences", old.Occurrences, new.Occurrences)
	}
	for _, c := range values(old.Constraint, new.Constraint) {
		d.add(b, new.AQLPath, "values", c.effect, c.old, c.new, c.message)
	}
	d.slot(b, old, new)
	d.text(a, b)
	if defaultText(old) != defaultText(new) {
		d.add(b, new.AQLPath, "default", Informative, defaultText(old), defaultText(new), "the default value of new data changed")
	}
	d.attributes(a, b)
}

func defaultText(n *template.Node) string {
	if n.Default == nil {
		return ""
	}
	return valueText(n.Default)
}

func valueText(v *aom.Value) string {
	parts := []string{}
	if v.Text != "" {
		parts = append(parts, v.Text)
	}
	for _, m := range v.Members {
		parts = append(parts, m.Name+" "+valueText(m.Value))
	}
	return strings.Join(parts, ", ")
}

// names compares what a node may be called: data find their node by it.
func (d *differ) names(at template.NodeID, old, new *template.Node) {
	if slices.Equal(old.Names, new.Names) {
		return
	}
	was, is := strings.Join(old.Names, ", "), strings.Join(new.Names, ", ")
	if len(new.Names) == 0 {
		d.add(at, new.AQLPath, "name", Compatible, was, "", "any name is allowed now")
		return
	}
	for _, name := range old.Names {
		if !slices.Contains(new.Names, name) {
			d.add(at, new.AQLPath, "name", Breaking, was, is, fmt.Sprintf("the name %q is not allowed any more; paths that state it lead nowhere", name))
			return
		}
	}
	if len(old.Names) == 0 {
		d.add(at, new.AQLPath, "name", Breaking, "", is, "only these names are allowed now")
		return
	}
	d.add(at, new.AQLPath, "name", Compatible, was, is, "further names are allowed now")
}

// counts compares occurrences, existence and cardinality.
func (d *differ) counts(at template.NodeID, path, what string, old, new aom.Multiplicity) {
	effect, message := Compatible, "more is allowed now"
	switch {
	case new.Min > old.Min && new.Min > 0:
		effect, message = Breaking, fmt.Sprintf("at least %d must be there now", new.Min)
	case !bounds.Counts(old, new):
		effect, message = Breaking, fmt.Sprintf("at most %d may be there now", new.Max)
	}
	d.add(at, path, what, effect, multiplicity(old), multiplicity(new), message)
}

func multiplicity(m aom.Multiplicity) string {
	if m.Max == aom.Unbounded {
		return strconv.Itoa(m.Min) + "..*"
	}
	return strconv.Itoa(m.Min) + ".." + strconv.Itoa(m.Max)
}

// slot compares which archetypes may come in. Patterns are compared as texts:
// which of two allows more cannot be decided in general.
func (d *differ) slot(at template.NodeID, old, new *template.Node) {
	was, is := slotText(old.Slot), slotText(new.Slot)
	if was == is {
		return
	}
	effect, message := Breaking, "other archetypes may come in now"
	if is == "any archetype" {
		effect, message = Compatible, "any archetype may come in now"
	}
	d.add(at, new.AQLPath, "slot", effect, was, is, message)
}

func slotText(s *aom.Slot) string {
	if s == nil {
		return ""
	}
	var parts []string
	for _, a := range s.Includes {
		if p, ok := a.ArchetypeIDPattern(); ok {
			parts = append(parts, "include "+p)
		}
	}
	for _, a := range s.Excludes {
		if p, ok := a.ArchetypeIDPattern(); ok {
			parts = append(parts, "exclude "+p)
		}
	}
	return or(strings.Join(parts, "; "), "any archetype")
}

// text tells of a node whose term reads differently: clinicians read it, and
// FLAT keys are made of it.
func (d *differ) text(a, b template.NodeID) {
	old, new := d.old.Node(a), d.new.Node(b)
	if old.NodeID == "" {
		return
	}
	was, _ := d.old.Term(a, old.NodeID, d.old.Language)
	is, _ := d.new.Term(b, new.NodeID, d.old.Language)
	if was.Text() != is.Text() && is.Text() != "" {
		d.add(b, new.AQLPath, "text", Informative, was.Text(), is.Text(), "the term reads differently, and FLAT keys and link ids with it")
	}
}

// attributes compares what stands below two nodes.
func (d *differ) attributes(a, b template.NodeID) {
	path := d.new.Node(b).AQLPath
	for _, old := range d.old.Attributes(a) {
		new := d.new.Attribute(b, old.Attr)
		if new == nil {
			d.add(b, path+"/"+old.Attr.String(), "values", Compatible, "constrained", "", "anything of the class is allowed there now")
			continue
		}
		if old.Existence != new.Existence {
			d.counts(b, path+"/"+old.Attr.String(), "existence", old.Existence, new.Existence)
		}
		was, is := cardinality(old), cardinality(*new)
		if was != is {
			d.counts(b, path+"/"+old.Attr.String(), "cardinality", was, is)
		}
		d.children(old, *new, b)
	}
	for _, new := range d.new.Attributes(b) {
		if d.old.Attribute(a, new.Attr) != nil {
			continue
		}
		d.add(b, path+"/"+new.Attr.String(), "values", Breaking, "", "constrained", "what may stand there is limited now")
	}
}

func cardinality(a template.Attribute) aom.Multiplicity {
	if a.Cardinality == nil {
		return aom.Multiplicity{Max: aom.Unbounded}
	}
	return a.Cardinality.Interval
}

// children pairs the nodes of an attribute: by code, class and name, then by
// code and class, then by code alone.
func (d *differ) children(old, new template.Attribute, under template.NodeID) {
	pairs := map[template.NodeID]template.NodeID{}
	taken := map[template.NodeID]bool{}
	for _, same := range []func(a, b *template.Node) bool{
		func(a, b *template.Node) bool {
			return code(a) == code(b) && a.Class == b.Class && a.NameFixed == b.NameFixed
		},
		func(a, b *template.Node) bool { return code(a) == code(b) && a.Class == b.Class },
		func(a, b *template.Node) bool { return code(a) != "" && code(a) == code(b) },
	} {
		for _, a := range old.Children {
			if _, paired := pairs[a]; paired {
				continue
			}
			for _, b := range new.Children {
				if !taken[b] && same(d.old.Node(a), d.new.Node(b)) {
					pairs[a], taken[b] = b, true
					break
				}
			}
		}
	}
	for _, a := range old.Children {
		if b, ok := pairs[a]; ok {
			d.node(a, b)
			continue
		}
		n := d.old.Node(a)
		d.add(under, n.AQLPath, "removed", Breaking, d.label(d.old, a), "", "data of this node are not allowed any more")
	}
	for _, b := range new.Children {
		if taken[b] {
			continue
		}
		n := d.new.Node(b)
		effect, message := Compatible, "new data may be recorded here"
		if n.Occurrences.Min > 0 && new.Multiple {
			effect, message = Breaking, fmt.Sprintf("at least %d must be there now", n.Occurrences.Min)
		}
		d.add(b, n.AQLPath, "added", effect, "", d.label(d.new, b), message)
	}
}

// code is what data name a node by; classes without one are told by their class.
func code(n *template.Node) string { return or(n.AtCode, n.NodeID) }

func (d *differ) label(c *template.Compiled, id template.NodeID) string {
	n := c.Node(id)
	if n.NameFixed != "" {
		return n.NameFixed
	}
	if term, ok := c.Term(id, n.NodeID, c.Language); ok && n.NodeID != "" {
		return term.Text()
	}
	return n.Class.String()
}
