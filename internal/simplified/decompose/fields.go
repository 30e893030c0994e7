package decompose

import (
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/simplified/shape"
	"github.com/quire-cdr/quire/internal/simplified/syntax"
	"github.com/quire-cdr/quire/internal/terminology"
)

// shape spells an object by the keys of its class, onto the item itself.
func (d *decomposer) shape(id rm.ID, class, bound rminfo.Class, it *syntax.Item, count *counter) {
	d.owner = nil
	plain := class == rminfo.DV_INTERVAL && d.plainFlags(id)
	for child := range d.tree.All(id) {
		attr := d.tree.Attr(child)
		if attr == rminfo.A_size && d.tree.Text(child) == "0" && d.tree.Child(id, rminfo.A_data) == rm.None {
			continue // a reference without a size reads as 0
		}
		if !plain || attr == rminfo.A_lower || attr == rminfo.A_upper {
			d.attribute(id, class, bound, attr, child, it, count)
		}
	}
	if class == rminfo.DV_PROPORTION {
		d.quotient(id, it)
	}
}

// attribute spells one attribute by the key of its class, else as
// _attribute|raw. It never fails.
func (d *decomposer) attribute(owner rm.ID, class, bound rminfo.Class, attr rminfo.Attr, child rm.ID, it *syntax.Item, count *counter) {
	for _, f := range shape.Of(class).ByAttr(attr) {
		if d.try(class, bound, f, child, it, count) {
			return
		}
	}
	declared, _ := class.Attribute(attr)
	segment := "_" + attr.Name()
	item := it.New(segment, count.next(segment), declared.Container)
	if d.tree.Kind(child) == rm.Object {
		item.Set("raw", syntax.Raw, string(canon.WriteJSON(nil, d.subject(child), 0)))
	} else {
		d.scalar(item, "", child)
	}
	it.Add(item)
}

// subject is a subtree whose class is always written: the place may not imply it.
func (d *decomposer) subject(id rm.ID) *rm.Tree { return d.tree.Sub(id) }

// try spells an attribute by one of the fields that stand for it.
func (d *decomposer) try(class, bound rminfo.Class, f *shape.Field, child rm.ID, it *syntax.Item, count *counter) bool {
	if f.Attr == rminfo.A_performer && d.tree.Class(child) == rminfo.PARTY_SELF && d.tree.First(child) == rm.None {
		return true // what reading makes of a participation that names nobody
	}
	if f.Inline != nil {
		d.owner = nil
		part := it.Twin()
		var inner counter
		if !d.inline(f, child, bound, part, &inner) {
			return false
		}
		it.Values = append(it.Values, part.Values...)
		for _, c := range part.Children {
			if c.Indexed {
				c.Index = count.next(c.Segment)
			}
			it.Add(c)
		}
		return true
	}
	if class == rminfo.PARTICIPATION && f.Attr == rminfo.A_mode {
		return d.mode(child, it)
	}
	if f.Default != "" && d.tree.Text(child) == f.Default {
		return true
	}
	suffix, isSuffix := strings.CutPrefix(f.Key, "|")
	if d.tree.Kind(child) != rm.Object {
		if isSuffix || f.Key == "" {
			d.scalar(it, suffix, child)
			return true
		}
		item := it.New(d.segment(f), 0, false)
		d.scalar(item, "", child)
		it.Add(item)
		return true
	}
	if isSuffix || f.Key == "" || f.Key == shape.NoKey {
		return false
	}
	if f.Class != 0 && !d.tree.Class(child).IsA(f.Class) {
		return false
	}
	item := it.New(d.segment(f), 0, f.List)
	want := f.Class
	if want == 0 {
		want = bound
	}
	inner := bound
	switch {
	case f.Bound != 0:
		inner = f.Bound
	case class.IsA(rminfo.DV_ORDERED):
		inner = class
	}
	if f.List {
		item.Index = count.next(f.Key)
	}
	d.note(child, item, nil)
	d.object(child, want, inner, item)
	if item.Empty() && d.tree.Class(child) != rminfo.PARTY_SELF {
		item.Values, item.Children = nil, nil
		item.Set("raw", syntax.Raw, string(canon.WriteJSON(nil, d.subject(child), 0)))
	}
	if item.Empty() && f.Attr == rminfo.A_subject && class.IsA(rminfo.ENTRY) {
		return true // PARTY_SELF is what reading gives
	}
	if item.Empty() {
		item.Set("_type", syntax.String, d.tree.Class(child).Name())
	}
	it.Add(item)
	return true
}

// segment is the key of a field: the web template's own where a node of the
// template has taken the usual one.
func (d *decomposer) segment(f *shape.Field) string {
	if d.owner != nil {
		if id := d.owner.Renamed(f.Attr); id != "" {
			return id
		}
	}
	return f.Key
}

// object spells an object at an item of its own, with its class where reading
// would not infer it from the keys.
func (d *decomposer) object(id rm.ID, want, bound rminfo.Class, item *syntax.Item) {
	class := d.tree.Class(id)
	var count counter
	d.shape(id, class, bound, item, &count)
	if d.inferred(item, want, id) != class && !item.Empty() {
		item.Values = append([]syntax.Value{{Suffix: "_type", Kind: syntax.String, Text: class.Name()}}, item.Values...)
	}
}

// inferred is the class that reading gives an object by its keys.
func (d *decomposer) inferred(item *syntax.Item, want rminfo.Class, id rm.ID) rminfo.Class {
	has := func(suffix string) bool { _, ok := item.Value(suffix); return ok }
	switch want {
	case rminfo.PARTY_PROXY, rminfo.PARTY_IDENTIFIED:
		switch {
		case item.Find("_relationship") != nil:
			return rminfo.PARTY_RELATED
		case want == rminfo.PARTY_PROXY && d.tree.Attr(id) == rminfo.A_subject && !has("name") && item.Find("_identifier") == nil:
			return rminfo.PARTY_SELF
		}
		return rminfo.PARTY_IDENTIFIED
	case rminfo.DV_TEXT:
		if has("code") || has("terminology") {
			return rminfo.DV_CODED_TEXT
		}
	case 0:
		return 0
	}
	return want
}

// inline spells the members of an inlined object on the level of its owner;
// false where one has no key there or the class is not what reading makes.
func (d *decomposer) inline(f *shape.Field, id rm.ID, bound rminfo.Class, it *syntax.Item, count *counter) bool {
	class := d.tree.Class(id)
	want := f.Class
	if want == 0 {
		want = shape.IDClass(d.tree.TextAt(id, rminfo.A_value), d.tree.Child(id, rminfo.A_scheme) != rm.None)
	}
	if class != want {
		return false
	}
	plain := class == rminfo.DV_INTERVAL && d.plainFlags(id)
	for child := range d.tree.All(id) {
		if plain && d.tree.Kind(child) == rm.Boolean {
			continue
		}
		field := fieldOf(f.Inline, d.tree.Attr(child))
		if field == nil {
			return false
		}
		if field.Default != "" && d.tree.Text(child) == field.Default {
			continue
		}
		if field.Key == shape.NoKey {
			return false
		}
		if !d.try(class, bound, field, child, it, count) {
			return false
		}
	}
	for i := range f.Inline {
		// What is absent here would come back as the default.
		if f.Inline[i].Default != "" && d.tree.Child(id, f.Inline[i].Attr) == rm.None {
			return false
		}
	}
	return true
}

// plainFlags says whether the flags of an interval are those that reading gives
// one without: bounds that are there are included, those that are not are open.
func (d *decomposer) plainFlags(id rm.ID) bool {
	for _, end := range [...]struct{ bound, included, unbounded rminfo.Attr }{
		{rminfo.A_lower, rminfo.A_lower_included, rminfo.A_lower_unbounded}, {rminfo.A_upper, rminfo.A_upper_included, rminfo.A_upper_unbounded},
	} {
		there := d.tree.Child(id, end.bound) != rm.None
		included, unbounded := d.tree.Child(id, end.included), d.tree.Child(id, end.unbounded)
		if included == rm.None || unbounded == rm.None || d.tree.Bool(included) != there || d.tree.Bool(unbounded) == there {
			return false
		}
	}
	return true
}

func fieldOf(fields []shape.Field, attr rminfo.Attr) *shape.Field {
	for i := range fields {
		if fields[i].Attr == attr {
			return &fields[i]
		}
	}
	return nil
}

func (d *decomposer) scalar(it *syntax.Item, suffix string, id rm.ID) {
	kind := syntax.String
	switch d.tree.Kind(id) {
	case rm.Number:
		kind = syntax.Number
	case rm.Boolean:
		kind = syntax.Boolean
	}
	d.note(id, it, nil)
	it.Set(suffix, kind, d.tree.Text(id))
}

// mode spells a participation's mode by its word.
func (d *decomposer) mode(id rm.ID, it *syntax.Item) bool {
	text := d.tree.TextAt(id, rminfo.A_value)
	code := d.tree.TextAt(id, rminfo.A_defining_code, rminfo.A_code_string)
	rubric, known := terminology.Rubric(terminology.ParticipationMode, code)
	own := d.tree.TextAt(id, rminfo.A_defining_code, rminfo.A_terminology_id, rminfo.A_value) == terminology.ID
	if !known || !own || rubric != text || d.tree.End(id)-id != 5 {
		return false
	}
	it.Set("mode", syntax.String, text)
	return true
}

// quotient writes the value of a proportion beside its parts.
func (d *decomposer) quotient(id rm.ID, it *syntax.Item) {
	numerator, err1 := strconv.ParseFloat(d.tree.TextAt(id, rminfo.A_numerator), 64)
	denominator, err2 := strconv.ParseFloat(d.tree.TextAt(id, rminfo.A_denominator), 64)
	if err1 != nil || err2 != nil || denominator == 0 {
		return
	}
	it.Set("", syntax.Number, strconv.FormatFloat(numerator/denominator, 'f', -1, 64))
}
