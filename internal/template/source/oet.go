package source

import (
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
)

// ReadOET reads a source from a file in the format of the Template Designer and
// its kin (CompositionTemplate.xsd). What that format says for forms alone
// (conditions, lookups) is passed over. It names no language: the root's own is
// taken, else one that all archetypes have. The error is a *fault.Error of kind
// Invalid with every fault found.
func ReadOET(folder fs.FS, file string) (*Source, error) {
	r := &oetReader{file: file}
	s := &Source{File: file, Place: Place{File: file}, Lines: map[string]Place{}, FromTool: true}
	content, err := fs.ReadFile(folder, file)
	switch {
	case err != nil:
		r.Add(s.Place, "", "source-file", "a file", file, "%s cannot be read: %v", file, err)
	case len(content) > maxSource:
		r.Add(s.Place, "", "source-file", "at most 4 MB", "", "%s is larger than 4 MB", file)
	default:
		if root := r.readXML(file, content); root != nil {
			r.template(s, root)
		}
	}
	if err := r.Err("the template source cannot be read"); err != nil {
		return nil, err
	}
	return s, nil
}

type oetReader struct {
	Faults
	file    string
	entries int
}

func (r *oetReader) template(s *Source, n *node) {
	s.Place = n.place
	definition := n.child("definition")
	if n.name != "template" || definition == nil {
		r.Add(n.place, "", "source-xml", "a template with a definition", n.name, "the document is no OET template")
		return
	}
	s.TemplateID, s.Concept, s.UID = n.word("name"), n.word("name"), n.word("id")
	s.Root = definition.attrs["archetype_id"]
	s.Lines["root"] = definition.place
	for key, value := range map[string]string{"name": s.TemplateID, "archetype_id": s.Root} {
		if value == "" {
			r.Add(n.place, "", "source-key", key, "", "the template lacks its %s", key)
		}
	}
	r.description(s, n.child("description"))
	if name := definition.attrs["name"]; name != "" {
		s.Name = &Name{Text: name}
		s.Lines["name"] = definition.place
	}
	s.Entries = r.content(definition)
	for _, a := range n.all("annotations") {
		if path := a.attrs["path"]; path != "" {
			s.Annotations = append(s.Annotations, aom.PathItems{Path: path, Items: dictionary(a.child("items"))})
		}
	}
}

// dictionary reads <item><key/><value/></item>.
func dictionary(n *node) []aom.KeyValue {
	var out []aom.KeyValue
	for _, item := range n.all("item") {
		if key := item.word("key"); key != "" {
			out = append(out, aom.KeyValue{Key: key, Value: item.word("value")})
		}
	}
	return out
}

func (r *oetReader) description(s *Source, n *node) {
	if n == nil {
		return
	}
	s.Lifecycle = n.word("lifecycle_state")
	s.Author = dictionary(n.child("original_author"))
	s.Contributors = n.child("other_contributors").words("item")
	for _, pair := range dictionary(n.child("other_details")) {
		if pair.Value != "" {
			s.Details = append(s.Details, pair)
		}
	}
	if d := n.child("details"); d != nil {
		s.Description = []aom.DescriptionItem{{Purpose: d.word("purpose"), Use: d.word("use"), Misuse: d.word("misuse"), Copyright: d.word("copyright"),
			Keywords: d.child("keywords").words("item")}}
	}
}

// ranks order the rules of one archetype, because tools write them in any order
// and paths may name what another rule makes: clones, names, the rest, archetypes
// that come into slots, removals.
const (
	rankClone = iota
	rankName
	rankRule
	rankInclude
	rankRemove
)

// content reads the rules and the archetypes within an archetype.
func (r *oetReader) content(n *node) []Entry {
	type ranked struct {
		rank  int
		entry Entry
	}
	var list []ranked
	add := func(rank int, e Entry) {
		if r.entries++; r.entries <= maxEntries {
			list = append(list, ranked{rank, e})
		} else if r.entries == maxEntries+1 {
			r.Add(e.Place, "", "source-size", strconv.Itoa(maxEntries), "more", "the template has too many rules")
		}
	}
	// A second name for the same path means one more of the node.
	named := map[string]bool{}
	var read func(n *node)
	read = func(n *node) {
		for _, c := range n.children {
			switch c.name {
			case "Rule":
				e := r.rule(c)
				if e.Name != nil {
					e.Copy = e.Copy || named[e.Where]
					named[e.Where] = true
				}
				switch {
				case e.Copy:
					add(rankClone, e)
				case e.Occurrences.Max != nil && *e.Occurrences.Max == 0:
					add(rankRemove, e)
				case e.Name != nil:
					add(rankName, e)
				default:
					add(rankRule, e)
				}
			case "Context":
				read(c)
			case "Content", "Item", "Items", "OtherContext", "description", "activityDescription":
				add(rankInclude, r.include(c))
			}
		}
	}
	read(n)
	// What is said of anything below a removed node is said of nothing.
	var removed []string
	for _, item := range list {
		if item.rank == rankRemove {
			removed = append(removed, item.entry.Where+"/")
		}
	}
	list = slices.DeleteFunc(list, func(item ranked) bool {
		return item.rank != rankInclude && slices.ContainsFunc(removed, func(p string) bool { return strings.HasPrefix(item.entry.Where, p) })
	})
	slices.SortStableFunc(list, func(a, b ranked) int { return a.rank - b.rank })
	out := make([]Entry, len(list))
	for i, item := range list {
		out[i] = item.entry
	}
	return out
}

// include reads an archetype that comes into a slot.
func (r *oetReader) include(n *node) Entry {
	e := r.common(n)
	e.Include, e.Where = n.attrs["archetype_id"], n.attrs["path"]
	if e.Where == "" && n.name == "OtherContext" {
		e.Where = "/context/other_context"
	}
	if e.Where == "" && n.name == "description" {
		e.Where = "/description"
	}
	if e.Include == "" {
		r.Add(n.place, "", "source-key", "archetype_id", "", "%s lacks its archetype_id", n.name)
	}
	if c := n.child("nameConstraint"); c != nil && e.Name == nil {
		e.Name = nameConstraint(c)
	}
	e.Entries = r.content(n)
	return e
}

// rule reads what is said of one node.
func (r *oetReader) rule(n *node) Entry {
	e := r.common(n)
	e.Where = n.attrs["path"]
	e.Copy = n.attrs["clone"] == "true"
	if e.Where == "" {
		r.Add(n.place, "", "source-key", "path", "", "a rule lacks its path")
	}
	if c := n.child("nameConstraint"); c != nil && e.Name == nil {
		e.Name = nameConstraint(c)
	}
	if c := n.child("nullFlavourConstraint"); c != nil {
		for _, v := range c.words("includedValues") {
			_, code, _ := coded(v)
			e.NullFlavours = append(e.NullFlavours, code)
		}
	}
	if c := n.child("eventConstraint"); c != nil {
		if class := map[string]string{"PointInTime": "POINT_EVENT", "Interval": "INTERVAL_EVENT", "IntervalEvent": "INTERVAL_EVENT"}[c.word("allowedType")]; class != "" {
			e.Types = []Alternative{{Class: class, Place: c.place}}
		}
	}
	if c := n.child("constraint"); c != nil {
		r.constraint(&e, c)
	}
	if d, said := n.attrs["default"]; said && strings.TrimSpace(d) != "" {
		e.Value.Default = defaultOf(strings.TrimSpace(d))
	}
	return e
}

// common reads the attributes that rules and archetypes share.
func (r *oetReader) common(n *node) Entry {
	e := Entry{Place: n.place, Lines: map[string]Place{}}
	for key, into := range map[string]**int{"min": &e.Occurrences.Min, "max": &e.Occurrences.Max} {
		text, said := n.attrs[key]
		if !said {
			continue
		}
		count, err := strconv.Atoi(text)
		if err != nil || count < -1 {
			r.Add(n.place, "", "source-value", "a count", text, "%s is a count, not %q", key, text)
			continue
		}
		*into = &count
	}
	if name := strings.TrimSpace(n.attrs["name"]); name != "" {
		e.Name = &Name{Text: name}
	}
	if n.attrs["hide_on_form"] == "true" {
		e.View = []aom.KeyValue{{Key: HideOnForm, Value: "true"}}
	}
	if note := n.attrs["annotation"]; note != "" {
		e.Annotations = []aom.KeyValue{{Key: "comment", Value: note}}
	}
	return e
}

// coded cuts TERMINOLOGY::code::text, or text alone.
func coded(value string) (terminology, code, text string) {
	parts := strings.SplitN(value, "::", 3)
	switch len(parts) {
	case 1:
		return "", "", value
	case 2:
		return strings.TrimSpace(parts[0]), strings.TrimSpace(parts[1]), ""
	}
	return strings.TrimSpace(parts[0]), strings.TrimSpace(parts[1]), strings.TrimSpace(parts[2])
}

func defaultOf(value string) *Default {
	terminology, code, text := coded(value)
	if code == "" {
		return &Default{Text: value}
	}
	return &Default{Structured: true, Terminology: terminology, Code: code, Term: text}
}

func nameConstraint(n *node) *Name {
	name := &Name{}
	for _, v := range n.words("includedValues") {
		if _, code, text := coded(v); code != "" {
			name.Codes = append(name.Codes, code)
		} else {
			name.Choice = append(name.Choice, text)
		}
	}
	for _, v := range n.words("excludedValues") {
		_, code, text := coded(v)
		if code == "" {
			code = text
		}
		name.Without = append(name.Without, code)
	}
	if name.Choice == nil && name.Codes == nil && name.Without == nil {
		return nil
	}
	return name
}
