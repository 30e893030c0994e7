package source

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/quire-cdr/quire/internal/aom"
)

var (
	valueKeys = strings.Fields("units range values pattern codes valueset texts ordinals open choice default")
	entryKeys = append(strings.Fields(`include node in name occurrences existence cardinality remove only types clones annotations view
		hide bindings use nodes null_flavours`), valueKeys...)
	cloneKeys = entryKeys[2:]
)

func (r *yamlReader) list(n *yaml.Node) []Entry {
	n = follow(n)
	if n.Kind != yaml.SequenceNode {
		r.wrong(n, "a list of entries", "a list of entries stands here")
		return nil
	}
	var out []Entry
	for _, item := range n.Content {
		item = follow(item)
		if r.entries++; r.entries > maxEntries {
			if r.entries == maxEntries+1 {
				r.wrong(item, strconv.Itoa(maxEntries), "the source has too many entries")
			}
			return nil
		}
		e := r.entry(item, entryKeys)
		if (e.Include == "") == (e.Where == "" || e.Lines["node"].Line == 0) && item.Kind == yaml.MappingNode {
			r.wrong(item, "include or node", "an entry begins with include or with node")
			continue
		}
		if _, in := e.Lines["in"]; in && e.Include == "" {
			r.Add(e.At("in"), "", "source-key", "", "in", "in belongs to include")
		}
		out = append(out, e)
	}
	return out
}

func (r *yamlReader) entry(n *yaml.Node, keys []string) Entry {
	e := Entry{Place: r.at(n), Lines: map[string]Place{}}
	var removed, used, nodes []Entry
	r.members(n, "an entry", keys, func(key string, k, v *yaml.Node) {
		e.Lines[key] = r.at(k)
		switch key {
		case "include":
			e.Include = r.text(v)
		case "node", "in":
			e.Where = r.text(v)
		case "name":
			e.Name = r.name(v)
		case "occurrences":
			if m, ok := r.multiplicity(v); ok {
				e.Occurrences = Bounds{&m.Min, &m.Max}
			}
		case "existence":
			if m, ok := r.multiplicity(v); ok {
				e.Existence = &m
			}
		case "cardinality":
			e.Cardinality = r.cardinality(v)
		case "remove":
			if v.Kind == yaml.ScalarNode && v.Tag == "!!bool" {
				e.Remove = r.flag(v)
			} else {
				removed = r.removals(v)
			}
		case "only":
			e.Only = r.texts(v)
		case "types":
			e.Types = r.types(v)
		case "clones":
			e.Clones = r.clones(v)
		case "annotations":
			e.Annotations = r.pairs(v, "annotations")
		case "view":
			e.View = append(e.View, r.pairs(v, "view")...)
		case "hide":
			if r.flag(v) {
				e.View = append(e.View, aom.KeyValue{Key: HideOnForm, Value: "true"})
			}
		case "bindings":
			e.Bindings = r.bindings(v)
		case "null_flavours":
			e.NullFlavours = r.texts(v)
		case "use":
			used = r.use(v)
		case "nodes":
			nodes = r.list(v)
		default:
			if key == "open" {
				e.OpenSlot = r.flag(v)
			}
			r.value(&e.Value, key, v)
		}
	})
	e.Entries = append(append(removed, used...), nodes...)
	return e
}

func (r *yamlReader) clones(n *yaml.Node) []Entry {
	n = follow(n)
	if n.Kind != yaml.SequenceNode {
		r.wrong(n, "a list", "clones is a list of entries without node")
		return nil
	}
	var out []Entry
	for _, item := range n.Content {
		r.entries++
		e := r.entry(follow(item), cloneKeys)
		if e.Name == nil {
			r.wrong(item, "name", "a clone lacks its name")
		}
		out = append(out, e)
	}
	return out
}

func (r *yamlReader) bindings(n *yaml.Node) []Binding {
	var out []Binding
	r.members(n, "bindings", nil, func(key string, _, v *yaml.Node) {
		if v.Kind != yaml.MappingNode {
			out = append(out, Binding{Terminology: key, Target: r.text(v)})
			return
		}
		for _, pair := range r.pairs(v, "bindings of "+key) {
			out = append(out, Binding{Code: key, Terminology: pair.Key, Target: pair.Value})
		}
	})
	return out
}

func (r *yamlReader) types(n *yaml.Node) []Alternative {
	n = follow(n)
	var out []Alternative
	if n.Kind != yaml.MappingNode {
		for _, class := range r.texts(n) {
			out = append(out, Alternative{Class: class, Place: r.at(n)})
		}
		return out
	}
	r.members(n, "types", nil, func(class string, k, v *yaml.Node) {
		a := Alternative{Class: class, Place: r.at(k), Lines: map[string]Place{}}
		if v.Tag != "!!null" {
			r.members(v, "a value", valueKeys, func(key string, k, v *yaml.Node) {
				a.Lines[key] = r.at(k)
				r.value(&a.Value, key, v)
			})
		}
		out = append(out, a)
	})
	return out
}

func (r *yamlReader) value(out *Value, key string, n *yaml.Node) {
	switch key {
	case "units":
		out.Units = r.units(n)
	case "range":
		out.Range = r.interval(n)
	case "values":
		out.Values = r.texts(n)
	case "pattern":
		out.Pattern = r.text(n)
	case "codes":
		out.Codes = r.codes(n)
	case "valueset":
		out.ValueSet = r.valueSet(n)
	case "texts":
		out.Texts = r.texts(n)
	case "ordinals":
		out.Ordinals = r.texts(n)
	case "open":
		out.Open = r.flag(n)
	case "choice":
		if out.Choice = r.text(n); out.Choice != "text" && out.Choice != "coded" {
			r.wrong(n, "text or coded", "choice is text or coded")
		}
	case "default":
		out.Default = r.defaultValue(n)
	}
}

func (r *yamlReader) units(n *yaml.Node) []Unit {
	n = follow(n)
	var out []Unit
	if n.Kind != yaml.MappingNode {
		for _, unit := range r.texts(n) {
			out = append(out, Unit{Unit: unit})
		}
		return out
	}
	r.members(n, "units", nil, func(unit string, _, v *yaml.Node) {
		u := Unit{Unit: unit}
		if v.Tag != "!!null" {
			r.members(v, "a unit", []string{"range", "precision"}, func(key string, _, v *yaml.Node) {
				if key == "range" {
					u.Range = r.interval(v)
				} else {
					u.Precision = r.interval(v)
				}
			})
		}
		out = append(out, u)
	})
	return out
}

func (r *yamlReader) codes(n *yaml.Node) *Codes {
	n = follow(n)
	c := &Codes{}
	if n.Kind != yaml.MappingNode {
		c.List = r.coded(n)
		return c
	}
	r.members(n, "codes", []string{"terminology", "list"}, func(key string, _, v *yaml.Node) {
		if key == "terminology" {
			c.Terminology = r.text(v)
		} else {
			c.List = r.coded(v)
		}
	})
	if c.Terminology == "" {
		r.wrong(n, "terminology", "codes lack their terminology")
	}
	return c
}

func (r *yamlReader) coded(n *yaml.Node) []Coded {
	var out []Coded
	if n.Kind != yaml.MappingNode {
		for _, code := range r.texts(n) {
			out = append(out, Coded{Code: code})
		}
		return out
	}
	r.members(n, "list", nil, func(code string, _, v *yaml.Node) {
		c := Coded{Code: code}
		if v.Kind == yaml.MappingNode {
			c.ByLanguage = r.pairs(v, "the text of "+code)
		} else {
			c.Text = r.text(v)
		}
		out = append(out, c)
	})
	return out
}

func (r *yamlReader) valueSet(n *yaml.Node) *ValueSet {
	n = follow(n)
	v := &ValueSet{}
	if n.Kind != yaml.MappingNode {
		v.URI = r.text(n)
		return v
	}
	r.members(n, "valueset", []string{"uri", "terminology"}, func(key string, _, m *yaml.Node) {
		if key == "uri" {
			v.URI = r.text(m)
		} else {
			v.Terminology = r.text(m)
		}
	})
	return v
}

func (r *yamlReader) defaultValue(n *yaml.Node) *Default {
	n = follow(n)
	if n.Kind != yaml.MappingNode {
		return &Default{Text: r.text(n)}
	}
	d := &Default{Structured: true}
	fields := map[string]*string{"magnitude": &d.Magnitude, "units": &d.Units, "code": &d.Code, "terminology": &d.Terminology, "text": &d.Term}
	r.members(n, "default", strings.Fields("magnitude units code terminology text"), func(key string, _, v *yaml.Node) { *fields[key] = r.text(v) })
	return d
}

// multiplicity reads 1, 0..1, 1..* and *.
func (r *yamlReader) multiplicity(n *yaml.Node) (aom.Multiplicity, bool) {
	m, ok := parseMultiplicity(r.text(n))
	if !ok {
		r.wrong(n, "such as 0..1", "%q is not a multiplicity", n.Value)
	}
	return m, ok
}

func (r *yamlReader) cardinality(n *yaml.Node) *Cardinality {
	c := &Cardinality{}
	yes, no := true, false
	for i, word := range strings.Fields(r.text(n)) {
		ok := true
		switch {
		case i == 0:
			c.Interval, ok = parseMultiplicity(word)
		case word == "ordered":
			c.Ordered = &yes
		case word == "unordered":
			c.Ordered = &no
		case word == "unique":
			c.Unique = &yes
		default:
			ok = false
		}
		if !ok {
			r.wrong(n, "such as 1..* unordered", "%q is not a cardinality", n.Value)
			return nil
		}
	}
	return c
}

func (r *yamlReader) interval(n *yaml.Node) *aom.Interval {
	i, ok := parseInterval(r.text(n))
	if !ok {
		r.wrong(n, "such as 0..<20 or >=0", "%q is not a range", n.Value)
		return nil
	}
	return &i
}
