package build

import (
	"slices"

	"github.com/quire-cdr/quire/internal/aom"
)

// within says whether all counts of m are counts of outer.
func within(m, outer aom.Multiplicity) bool {
	return m.Min >= outer.Min && (outer.Max == aom.Unbounded || m.Max != aom.Unbounded && m.Max <= outer.Max)
}

// occurrences narrows how often a node stands there.
func (b *builder) occurrences(at cursor, e *Entry) {
	where := e.at("occurrences")
	o := b.objectAt(at, where, "occurrences")
	if o == nil {
		return
	}
	if e.Occurrences.Max != nil && *e.Occurrences.Max == 0 {
		b.remove(at, where)
		return
	}
	base := o.Base()
	m := base.Occurrences
	if e.Occurrences.Min != nil {
		m.Min = *e.Occurrences.Min
	}
	if e.Occurrences.Max != nil {
		m.Max = *e.Occurrences.Max
	}
	if !within(m, base.Occurrences) || m.Max != aom.Unbounded && m.Max < m.Min {
		b.add(where, at.path(), "source-occurrences", showMultiplicity(base.Occurrences), showMultiplicity(m),
			"occurrences %s of %s are not within %s", showMultiplicity(m), at.path(), showMultiplicity(base.Occurrences))
		return
	}
	base.Occurrences = m
	// Where one value stands, the attribute carries the demand.
	if a := at.last().attribute; a != nil && !a.Multiple && m.Min > 0 && len(a.Children) == 1 {
		a.Existence.Min = 1
	}
}

// attribute narrows existence and cardinality of an attribute.
func (b *builder) attribute(at cursor, e *Entry) {
	a := at.last().attribute
	if a == nil || at.last().object != nil {
		key := "existence"
		if e.Existence == nil {
			key = "cardinality"
		}
		b.add(e.at(key), at.path(), "source-path", "a path that ends in an attribute", at.path(), "%s is a node; existence and cardinality are of attributes", at.path())
		return
	}
	b.keep(at)
	if m := e.Existence; m != nil {
		if !within(*m, a.Existence) {
			b.add(e.at("existence"), at.path(), "source-existence", showMultiplicity(a.Existence), showMultiplicity(*m),
				"existence %s of %s is not within %s", showMultiplicity(*m), at.path(), showMultiplicity(a.Existence))
		} else if m.Max == 0 {
			b.remove(at, e.at("existence"))
		} else {
			a.Existence = *m
		}
	}
	c := e.Cardinality
	if c == nil {
		return
	}
	old := a.Cardinality
	switch {
	case !a.Multiple:
		b.add(e.at("cardinality"), at.path(), "source-cardinality", "no cardinality", showMultiplicity(c.Interval), "%s holds one value and has no cardinality", at.path())
	case !within(c.Interval, old.Interval):
		b.add(e.at("cardinality"), at.path(), "source-cardinality", showMultiplicity(old.Interval), showMultiplicity(c.Interval),
			"cardinality %s of %s is not within %s", showMultiplicity(c.Interval), at.path(), showMultiplicity(old.Interval))
	default:
		a.Cardinality.Interval = c.Interval
		if c.Ordered != nil {
			a.Cardinality.Ordered = *c.Ordered
		}
		a.Cardinality.Unique = c.Unique != nil || old.Unique
	}
}

// keep puts an attribute that the archetype did not constrain into the tree.
func (b *builder) keep(at cursor) {
	last := at.last()
	if last.attribute == nil || last.owner == nil {
		return
	}
	if inner := attributesOf(last.owner); inner != nil && !slices.Contains(*inner, last.attribute) {
		*inner = append(*inner, last.attribute)
	}
}

// remove takes a node or a whole attribute out.
func (b *builder) remove(at cursor, where place) {
	last := at.last()
	if last.attribute == nil {
		b.add(where, "/", "source-remove", "", "", "the root cannot be removed")
		return
	}
	if last.object == nil {
		if last.attribute.Existence.Min > 0 {
			b.add(where, at.path(), "source-remove", "existence "+showMultiplicity(last.attribute.Existence), "0", "%s cannot be removed, it is mandatory", at.path())
			return
		}
		b.keep(at)
		b.forbid(last.attribute)
		return
	}
	if m := last.object.Base().Occurrences; m.Min > 0 && (last.attribute.Multiple || len(last.attribute.Children) == 1 && last.attribute.Existence.Min > 0) {
		b.add(where, at.path(), "source-remove", "occurrences "+showMultiplicity(m), "0", "%s cannot be removed, it is mandatory", at.path())
		return
	}
	b.drop(at, where)
}

// forbid leaves an attribute that must not be there.
func (b *builder) forbid(a *aom.Attribute) {
	a.Children, a.Existence = nil, aom.Multiplicity{}
	a.Cardinality.Interval = aom.Multiplicity{}
	if !a.Multiple {
		a.Cardinality = aom.Cardinality{}
	}
}

// drop takes a node out. A container that loses its last member may not have any;
// what cannot be without it goes too.
func (b *builder) drop(at cursor, where place) {
	last := at.last()
	a := last.attribute
	a.Children = slices.DeleteFunc(a.Children, func(o aom.Object) bool { return o == last.object })
	if len(a.Children) > 0 {
		return
	}
	if a.Existence.Min == 0 {
		b.forbid(a)
		return
	}
	owner := at[:len(at)-1]
	if len(owner) < 2 {
		b.add(where, at.path(), "source-remove", "at least one", "0", "without it nothing would be left in %s, which is mandatory", a.Name)
		return
	}
	b.remove(owner, where)
}

// only removes the members of a node that are not named and not mandatory.
func (b *builder) only(at cursor, e *Entry) {
	where := e.at("only")
	o := b.objectAt(at, where, "only")
	if o == nil {
		return
	}
	kept := map[aom.Object]bool{}
	for _, name := range e.Only {
		c := b.find(at, name, where)
		if c == nil {
			return
		}
		for _, s := range c {
			kept[s.object] = true
		}
	}
	b.prune(at, kept, where)
}

func (b *builder) prune(at cursor, kept map[aom.Object]bool, where place) {
	inner := attributesOf(at.last().object)
	if inner == nil {
		return
	}
	for _, a := range slices.Clone(*inner) {
		if !a.Multiple {
			for _, child := range slices.Clone(a.Children) {
				if identity(child) != "" && attributesOf(child) != nil && class(child).Locatable() {
					b.prune(at.to(stop{a, child, at.last().object}), kept, where)
				}
			}
			continue
		}
		for _, child := range slices.Clone(a.Children) {
			next := at.to(stop{a, child, at.last().object})
			switch {
			case kept[child]:
				if b.holds(child, kept) {
					b.prune(next, kept, where)
				}
			case child.Base().Occurrences.Min == 0:
				b.drop(next, where)
			}
		}
	}
}

// holds says whether something below an object is to be kept by name; else all
// of it is.
func (b *builder) holds(o aom.Object, kept map[aom.Object]bool) bool {
	inner := attributesOf(o)
	if inner == nil {
		return false
	}
	for _, a := range *inner {
		for _, child := range a.Children {
			if kept[child] || b.holds(child, kept) {
				return true
			}
		}
	}
	return false
}

// clone puts several named editions in the place of a node.
func (b *builder) clone(at cursor, e *Entry) {
	where := e.at("clones")
	o := b.objectAt(at, where, "clones")
	a := at.last().attribute
	if o == nil {
		return
	}
	if a == nil || !a.Multiple || attributesOf(o) == nil {
		b.add(where, at.path(), "source-clone", "a member of a list", at.path(), "%s cannot be cloned, it is not one of several", at.path())
		return
	}
	owner := at.last().owner
	i := slices.Index(a.Children, o)
	var made []aom.Object
	if o.Base().Occurrences.Max != aom.Unbounded && o.Base().Occurrences.Max < len(e.Clones) {
		b.add(where, at.path(), "source-clone", showMultiplicity(o.Base().Occurrences), showMultiplicity(aom.Multiplicity{Min: len(e.Clones), Max: len(e.Clones)}),
			"%s occurs %s and cannot have %d clones", at.path(), showMultiplicity(o.Base().Occurrences), len(e.Clones))
		return
	}
	for range e.Clones {
		c := copyObject(o)
		if b.objects += size(c); b.objects > maxObjects {
			b.add(where, at.path(), "source-size", "", "", "the template has too many nodes")
			return
		}
		c.Base().Occurrences.Min = 0
		made = append(made, c)
	}
	if len(made) == 1 {
		made[0].Base().Occurrences.Min = o.Base().Occurrences.Min
	}
	a.Children = slices.Replace(a.Children, i, i+1, made...)
	for j := range e.Clones {
		b.entry(at[:len(at)-1].to(stop{a, made[j], owner}), &e.Clones[j])
	}
}

// copy makes one more of a node, before the rules that follow it.
func (b *builder) copy(at cursor, e *Entry) cursor {
	o := b.objectAt(at, e.place, "clones")
	a := at.last().attribute
	if o == nil {
		return nil
	}
	if a != nil && !a.Multiple && b.s.FromTool {
		// What is below a clone is marked as one too.
		return at
	}
	if a == nil || !a.Multiple || attributesOf(o) == nil {
		b.add(e.place, at.path(), "source-clone", "a member of a list", at.path(), "%s cannot be cloned, it is not one of several", at.path())
		return nil
	}
	c := copyObject(o)
	if b.objects += size(c); b.objects > maxObjects {
		b.add(e.place, at.path(), "source-size", "", "", "the template has too many nodes")
		return nil
	}
	if inner := attributesOf(c); inner != nil {
		*inner = slices.DeleteFunc(*inner, func(a *aom.Attribute) bool { return a.Name == "name" && b.marks[o] != nil && b.marks[o].named })
	}
	c.Base().Occurrences.Min = 0
	a.Children = slices.Insert(a.Children, slices.Index(a.Children, o)+1, c)
	return at[:len(at)-1].to(stop{a, c, at.last().owner})
}

// cardinalities holds the least number of members against what a container may
// hold, wherever the template may have changed it.
func (b *builder) cardinalities(o aom.Object, path string) {
	inner := attributesOf(o)
	if inner == nil {
		return
	}
	for _, a := range *inner {
		least := 0
		for _, child := range a.Children {
			least += child.Base().Occurrences.Min
			b.cardinalities(child, path+"/"+a.Name+predicate(child))
		}
		if most := a.Cardinality.Interval.Max; a.Multiple && most != aom.Unbounded && least > most {
			b.add(b.s.place, path+"/"+a.Name, "VACMC", showMultiplicity(a.Cardinality.Interval), showMultiplicity(aom.Multiplicity{Min: least, Max: least}),
				"%s/%s may have %d members, its members demand %d", path, a.Name, most, least)
		}
	}
}
