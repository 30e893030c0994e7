package sdc

import (
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/internal/terminology"
)

// Kind says what an item of a form stands for.
type Kind uint8

// The kinds of item.
const (
	// Group is an object with a structure of its own: an entry, a cluster, an event.
	Group Kind = iota
	// Question is an ELEMENT whose value is one answer.
	Question
	// Compound is an ELEMENT whose value is a group of parts, or whose class the
	// answer decides (alternatives).
	Compound
	// Part is one part of a Compound.
	Part
	// Attribute is an attribute of the reference model beside the template's
	// nodes, such as the time of an event.
	Attribute
	// Carrier holds what the server needs back: _token, _key, _deletions, _residue.
	Carrier
	// Record is an attribute of the reference model that several answers make
	// together, such as the ism_transition of an ACTION.
	Record
	// Aside says something about another item: its runtime name, its class, why
	// it has no value.
	Aside
)

// Tier says in which modes of a form an item stands.
type Tier uint8

// The tiers.
const (
	// Plain items stand in every mode.
	Plain Tier = iota
	// Technical items are hidden and left out of compact forms.
	Technical
	// Rare items are hidden and stand in faithful forms alone.
	Rare
)

// Item is one item of a form. Items are shared by all readers.
type Item struct {
	// LinkID is the path of names from the root, as FLAT writes it without
	// indices: "vital_signs/blood_pressure/any_event/systolic".
	LinkID string
	Kind   Kind
	// Node is the template node: of the object for a Group, of the ELEMENT for
	// questions and their parts, of the owner for an Attribute.
	Node template.NodeID
	// Value is the template node of the value, NoNode where the template leaves
	// it open.
	Value template.NodeID
	// Class is the class of the value the item answers for.
	Class rminfo.Class
	// Attr is the attribute of the owner (Attribute, Record), or of what an Aside
	// is about, 0 where it names the class.
	Attr rminfo.Attr
	// Route leads from the record to what a Part answers for; none is the record
	// as a whole. Of is the class of the record.
	Route []rminfo.Attr
	Of    rminfo.Class
	// More are further template nodes that constrain the value.
	More []template.NodeID
	// Terms is the openEHR group of the permitted codes, "" where the template
	// lists them.
	Terms terminology.Group
	// Fixed is the kind a DV_PROPORTION of one answer has, or the UCUM unit of a
	// DV_DURATION that the template gives in one unit.
	Fixed string
	// About is the item an Aside speaks of.
	About *Item
	Tier  Tier
	// Type is the FHIR item type.
	Type string
	// Text is set where the label is not the template's.
	Text     string
	Required bool
	Repeats  bool
	Hidden   bool
	Children []*Item
}

// Form is the form of one template. It is immutable and safe for concurrent
// readers; building it walks the template once.
type Form struct {
	Template *template.Compiled
	Root     *Item

	byNode     map[template.NodeID]*Item
	attributes map[template.NodeID][]*Item
	byLinkID   map[string]*Item
	byPath     map[string]*Item
	parent     map[*Item]*Item
	asides     map[*Item][]*Item
	// zone reads times that state no offset (DESIGN 5a rule 9).
	zone *time.Location
	// states are the states that careflow steps end in, by the ism_transition.
	states map[*Item]map[string]string
}

// The carriers of a form: strings a renderer returns unchanged.
const (
	TokenLinkID     = "_token"
	DeletionsLinkID = "_deletions"
	// ResidueLinkID holds what no item can say, for use without the base.
	ResidueLinkID = "_residue"
	keySuffix     = "/_key"
)

// Build makes the form of a template; times without an offset are read in UTC.
func Build(t *template.Compiled) *Form { return BuildIn(t, time.UTC) }

// BuildIn is Build with the zone in which times without an offset are read.
func BuildIn(t *template.Compiled, zone *time.Location) *Form {
	f := &Form{
		Template: t, byNode: map[template.NodeID]*Item{}, attributes: map[template.NodeID][]*Item{},
		byLinkID: map[string]*Item{}, parent: map[*Item]*Item{},
		zone: zone, asides: map[*Item][]*Item{}, states: map[*Item]map[string]string{},
	}
	name := t.Label(t.Root(), "")
	if name == "" {
		name = t.Concept
	}
	f.Root = &Item{LinkID: slug(name), Kind: Group, Node: t.Root(), Class: t.Node(t.Root()).Class, Type: "group", Required: true}
	f.byNode[t.Root()] = f.Root
	f.byLinkID[f.Root.LinkID] = f.Root
	f.addAttributes(f.Root)
	f.addChildren(f.Root, t.Root())
	f.indexPaths()
	return f
}

// Item finds an item by its linkId, nil where there is none.
func (f *Form) Item(linkID string) *Item { return f.byLinkID[linkID] }

// structural classes give a form no group of their own: their children stand in
// the group around them.
func structural(c rminfo.Class) bool {
	return c.IsA(rminfo.ITEM_STRUCTURE) || c == rminfo.HISTORY || c == rminfo.EVENT_CONTEXT
}

func (f *Form) addChildren(group *Item, owner template.NodeID) {
	for _, attr := range f.Template.Attributes(owner) {
		for _, child := range attr.Children {
			n := f.Template.Node(child)
			switch {
			case n.Occurrences.Max == 0 || n.Slot != nil:
				// Forbidden, or open to archetypes no form can foresee.
			case n.Class == rminfo.ELEMENT:
				f.addElement(group, child)
			case structural(n.Class):
				f.byNode[child] = nil
				f.addAttributesOf(group, child)
				f.addChildren(group, child)
			case n.Class.Locatable():
				item := f.add(group, &Item{
					Kind: Group, Node: child, Class: n.Class, Type: "group", LinkID: f.label(child),
					Required: n.Occurrences.Min > 0, Repeats: n.Occurrences.Many(),
				})
				f.byNode[child] = item
				if item.Repeats {
					f.addKey(item, child)
				}
				f.addGroupAsides(item)
				f.addAttributes(item)
				f.addChildren(item, child)
				if !asks(item) {
					f.drop(group, item)
				}
			}
		}
	}
}

func (f *Form) label(node template.NodeID) string {
	if name := f.Template.Label(node, ""); name != "" {
		return name
	}
	return strings.ToLower(f.Template.Node(node).Class.Name())
}

// add places an item under its parent; LinkID is its name until then. Names that
// are taken get a number, as web templates do it.
func (f *Form) add(parent *Item, item *Item) *Item {
	base := parent.LinkID + "/" + item.LinkID
	if !strings.HasPrefix(item.LinkID, "_") {
		base = parent.LinkID + "/" + slug(item.LinkID)
	}
	item.LinkID = base
	for n := 2; f.byLinkID[item.LinkID] != nil; n++ {
		item.LinkID = base + strconv.Itoa(n)
	}
	f.byLinkID[item.LinkID] = item
	f.parent[item] = parent
	parent.Children = append(parent.Children, item)
	return item
}

func (f *Form) addKey(item *Item, node template.NodeID) {
	f.add(item, &Item{Kind: Carrier, Node: node, Type: "string", LinkID: "_key", Text: "Key of the repeat", Hidden: true})
}

// asks says whether a group has anything to answer; one of slots alone has not.
func asks(group *Item) bool {
	for _, c := range group.Children {
		if c.Kind != Carrier && c.Kind != Aside && c.Tier == Plain {
			return true
		}
	}
	return false
}

// drop takes back a group without questions: FHIR has no empty groups (que-1).
// What data has there is kept from the base, like all that no item stands for.
func (f *Form) drop(parent, group *Item) {
	for _, c := range group.Children {
		f.forget(c)
	}
	f.forget(group)
	delete(f.byNode, group.Node)
	for id := group.Node; id < f.Template.Node(group.Node).End; id++ {
		delete(f.attributes, id)
	}
	parent.Children = parent.Children[:len(parent.Children)-1]
}

func (f *Form) forget(i *Item) {
	for _, c := range i.Children {
		f.forget(c)
	}
	delete(f.byLinkID, i.LinkID)
	delete(f.parent, i)
	delete(f.asides, i)
	delete(f.states, i)
}

// slug is a name as part of a path: lower case, digits, and underscores for
// everything else; never beginning with a digit.
func slug(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(strings.TrimSpace(name)) {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r):
			b.WriteRune(r)
		case !strings.HasSuffix(b.String(), "_"):
			b.WriteByte('_')
		}
	}
	s := strings.Trim(b.String(), "_")
	if s == "" || unicode.IsDigit(rune(s[0])) {
		s = "a" + s
	}
	return s
}
