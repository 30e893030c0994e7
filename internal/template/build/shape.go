package build

import (
	"slices"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/template/bounds"
	"github.com/quire-cdr/quire/internal/template/source"
	"github.com/quire-cdr/quire/internal/template/tree"
)

// occurrences narrows how often a node stands there.
func (b *builder) occurrences(at tree.Cursor, e *source.Entry) {
	where := e.At("occurrences")
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
	if !bounds.Counts(m, base.Occurrences) || m.Max != aom.Unbounded && m.Max < m.Min {
		b.Add(where, at.Path(), "source-occurrences", tree.ShowMultiplicity(base.Occurrences), tree.ShowMultiplicity(m),
			"occurrences %s of %s are not within %s", tree.ShowMultiplicity(m), at.Path(), tree.ShowMultiplicity(base.Occurrences))
		return
	}
	base.Occurrences = m
	// Where one value stands, the attribute carries the demand.
	if a := at.Last().Attribute; a != nil && !a.Multiple && m.Min > 0 && len(a.Children) == 1 {
		a.Existence.Min = 1
	}
}

// attribute narrows existence and cardinality of an attribute.
func (b *builder) attribute(at tree.Cursor, e *source.Entry) {
	a := at.Last().Attribute
	if a == nil || at.Last().Object != nil {
		key := "existence"
		if e.Existence == nil {
			key = "cardinality"
		}
		b.Add(e.At(key), at.Path(), "source-path", "a path that ends in an attribute", at.Path(), "%s is a node; existence and cardinality are of attributes", at.Path())
		return
	}
	b.keep(at)
	if m := e.Existence; m != nil {
		if !bounds.Counts(*m, a.Existence) {
			b.Add(e.At("existence"), at.Path(), "source-existence", tree.ShowMultiplicity(a.Existence), tree.ShowMultiplicity(*m),
				"existence %s of %s is not within %s", tree.ShowMultiplicity(*m), at.Path(), tree.ShowMultiplicity(a.Existence))
		} else if m.Max == 0 {
			b.remove(at, e.At("existence"))
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
		b.Add(e.At("cardinality"), at.Path(), "source-cardinality", "no cardinality", tree.ShowMultiplicity(c.Interval), "%s holds one value and has no cardinality", at.Path())
	case !bounds.Counts(c.Interval, old.Interval):
		b.Add(e.At("cardinality"), at.Path(), "source-cardinality", tree.ShowMultiplicity(old.Interval), tree.ShowMultiplicity(c.Interval),
			"cardinality %s of %s is not within %s", tree.ShowMultiplicity(c.Interval), at.Path(), tree.ShowMultiplicity(old.Interval))
	default:
		a.Cardinality.Interval = c.Interval
		if c.Ordered != nil {
			a.Cardinality.Ordered = *c.Ordered
		}
		a.Cardinality.Unique = c.Unique != nil || old.Unique
	}
}

// keep puts an attribute that the archetype did not constrain into the tree.
func (b *builder) keep(at tree.Cursor) {
	last := at.Last()
	if last.Attribute == nil || last.Owner == nil {
		return
	}
	if inner := tree.Attributes(last.Owner); inner != nil && !slices.Contains(*inner, last.Attribute) {
		*inner = append(*inner, last.Attribute)
	}
}

// remove takes a node or a whole attribute out.
func (b *builder) remove(at tree.Cursor, where source.Place) {
	last := at.Last()
	if last.Attribute == nil {
		b.Add(where, "/", "source-remove", "", "", "the root cannot be removed")
		return
	}
	if last.Object == nil {
		if last.Attribute.Existence.Min > 0 {
			b.Add(where, at.Path(), "source-remove", "existence "+tree.ShowMultiplicity(last.Attribute.Existence), "0", "%s cannot be removed, it is mandatory", at.Path())
			return
		}
		b.keep(at)
		b.forbid(last.Attribute)
		return
	}
	if m := last.Object.Base().Occurrences; m.Min > 0 && (last.Attribute.Multiple || len(last.Attribute.Children) == 1 && last.Attribute.Existence.Min > 0) {
		b.Add(where, at.Path(), "source-remove", "occurrences "+tree.ShowMultiplicity(m), "0", "%s cannot be removed, it is mandatory", at.Path())
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
func (b *builder) drop(at tree.Cursor, where source.Place) {
	last := at.Last()
	a := last.Attribute
	a.Children = slices.DeleteFunc(a.Children, func(o aom.Object) bool { return o == last.Object })
	if len(a.Children) > 0 {
		return
	}
	if a.Existence.Min == 0 {
		b.forbid(a)
		return
	}
	owner := at[:len(at)-1]
	if len(owner) < 2 {
		b.Add(where, at.Path(), "source-remove", "at least one", "0", "without it nothing would be left in %s, which is mandatory", a.Name)
		return
	}
	b.remove(owner, where)
}

// only removes the members of a node that are not named and not mandatory.
func (b *builder) only(at tree.Cursor, e *source.Entry) {
	where := e.At("only")
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
			kept[s.Object] = true
		}
	}
	b.prune(at, kept, where)
}

func (b *builder) prune(at tree.Cursor, kept map[aom.Object]bool, where source.Place) {
	inner := tree.Attributes(at.Last().Object)
	if inner == nil {
		return
	}
	for _, a := range slices.Clone(*inner) {
		if !a.Multiple {
			for _, child := range slices.Clone(a.Children) {
				if tree.Identity(child) != "" && tree.Attributes(child) != nil && tree.Class(child).Locatable() {
					b.prune(at.To(a, child, at.Last().Object), kept, where)
				}
			}
			continue
		}
		for _, child := range slices.Clone(a.Children) {
			next := at.To(a, child, at.Last().Object)
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
	inner := tree.Attributes(o)
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
func (b *builder) clone(at tree.Cursor, e *source.Entry) {
	where := e.At("clones")
	o := b.objectAt(at, where, "clones")
	a := at.Last().Attribute
	if o == nil {
		return
	}
	if a == nil || !a.Multiple || tree.Attributes(o) == nil {
		b.Add(where, at.Path(), "source-clone", "a member of a list", at.Path(), "%s cannot be cloned, it is not one of several", at.Path())
		return
	}
	owner := at.Last().Owner
	i := slices.Index(a.Children, o)
	var made []aom.Object
	if o.Base().Occurrences.Max != aom.Unbounded && o.Base().Occurrences.Max < len(e.Clones) {
		b.Add(where, at.Path(), "source-clone", tree.ShowMultiplicity(o.Base().Occurrences), tree.ShowMultiplicity(aom.Multiplicity{Min: len(e.Clones), Max: len(e.Clones)}),
			"%s occurs %s and cannot have %d clones", at.Path(), tree.ShowMultiplicity(o.Base().Occurrences), len(e.Clones))
		return
	}
	for range e.Clones {
		c := tree.CopyObject(o)
		if b.objects += tree.Size(c); b.objects > maxObjects {
			b.Add(where, at.Path(), "source-size", "", "", "the template has too many nodes")
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
		b.entry(at[:len(at)-1].To(a, made[j], owner), &e.Clones[j])
	}
}

// copy makes one more of a node, before the rules that follow it.
func (b *builder) copy(at tree.Cursor, e *source.Entry) tree.Cursor {
	o := b.objectAt(at, e.Place, "clones")
	a := at.Last().Attribute
	if o == nil {
		return nil
	}
	if a != nil && !a.Multiple && b.s.FromTool {
		// What is below a clone is marked as one too.
		return at
	}
	if a == nil || !a.Multiple || tree.Attributes(o) == nil {
		b.Add(e.Place, at.Path(), "source-clone", "a member of a list", at.Path(), "%s cannot be cloned, it is not one of several", at.Path())
		return nil
	}
	c := tree.CopyObject(o)
	if b.objects += tree.Size(c); b.objects > maxObjects {
		b.Add(e.Place, at.Path(), "source-size", "", "", "the template has too many nodes")
		return nil
	}
	if inner := tree.Attributes(c); inner != nil {
		*inner = slices.DeleteFunc(*inner, func(a *aom.Attribute) bool { return a.Name == "name" && b.marks[o] != nil && b.marks[o].named })
	}
	c.Base().Occurrences.Min = 0
	a.Children = slices.Insert(a.Children, slices.Index(a.Children, o)+1, c)
	return at[:len(at)-1].To(a, c, at.Last().Owner)
}

// cardinalities holds the least number of members against what a container may
// hold, wherever the template may have changed it.
func (b *builder) cardinalities(o aom.Object, path string) {
	inner := tree.Attributes(o)
	if inner == nil {
		return
	}
	for _, a := range *inner {
		least := 0
		for _, child := range a.Children {
			least += child.Base().Occurrences.Min
			b.cardinalities(child, path+"/"+a.Name+tree.Predicate(child))
		}
		if most := a.Cardinality.Interval.Max; a.Multiple && most != aom.Unbounded && least > most {
			b.Add(b.s.Place, path+"/"+a.Name, "VACMC", tree.ShowMultiplicity(a.Cardinality.Interval), tree.ShowMultiplicity(aom.Multiplicity{Min: least, Max: least}),
				"%s/%s may have %d members, its members demand %d", path, a.Name, most, least)
		}
	}
}
