package source

import (
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
)

// Source is a template source, read from YAML or OET: what the author wrote,
// nothing resolved against archetypes.
type Source struct {
	// File names the source in faults.
	File                string
	TemplateID, Concept string
	Version, UID        string
	Sensitivity         string
	Language            string
	Languages           []string
	Lifecycle           string
	Author              []aom.KeyValue
	Contributors        []string
	Details             []aom.KeyValue
	Description         []aom.DescriptionItem
	CloseSlots          bool
	Root                string
	Name                *Name
	Entries             []Entry
	// Annotations are on full paths, as OET has them.
	Annotations []aom.PathItems
	// FromTool marks what tools write and nobody edits: its language is English,
	// else the first common one, when the root's own is not in every archetype;
	// names and clones of what has none are only labels.
	FromTool bool

	// Place is where the source begins, Lines where each key of its header stands.
	Place Place
	Lines map[string]Place
	rules map[string][]Entry
}

// Place is where something stands in a source.
type Place struct {
	File      string
	Line, Col int
}

// Name is what a node is to be called: one name by language, or a choice.
type Name struct {
	// Text is the name in the template's own language when the source does not
	// say a language.
	Text       string
	ByLanguage []aom.KeyValue
	// Choice lists the names allowed; Codes local codes whose terms are, and
	// Without those taken away.
	Choice, Codes, Without []string
}

// Entry is one step of a source: an archetype to include, or a node to narrow.
type Entry struct {
	// Include is the archetype id to include, at Where: a path, term or code.
	Include string
	Where   string

	Name        *Name
	Occurrences Bounds
	Existence   *aom.Multiplicity
	Cardinality *Cardinality
	Remove      bool
	Only        []string
	OpenSlot    bool
	Types       []Alternative
	Value       Value
	Clones      []Entry
	// Copy makes one more node of the one named, as OET clones do.
	Copy         bool
	Annotations  []aom.KeyValue
	View         []aom.KeyValue
	Bindings     []Binding
	NullFlavours []string
	Entries      []Entry

	// Place is where the entry begins, Lines where each of its keys stands.
	Place Place
	Lines map[string]Place
}

// At is where a key of the entry stands, or the entry itself.
func (e *Entry) At(key string) Place {
	if p, ok := e.Lines[key]; ok {
		return p
	}
	return e.Place
}

// Bounds are occurrences of which a source may say only one side.
type Bounds struct {
	Min, Max *int
}

// Said says whether the source gives either side.
func (b Bounds) Said() bool { return b.Min != nil || b.Max != nil }

// Cardinality is the members of a container; order and uniqueness only when said.
type Cardinality struct {
	Interval        aom.Multiplicity
	Ordered, Unique *bool
}

// Alternative is a class a value may have, with its narrowing.
type Alternative struct {
	Class string
	Value Value
	// IfThere says that a class the archetype does not have is no fault.
	IfThere bool
	// Place is where the class is said, Lines where the keys of its value stand.
	Place Place
	Lines map[string]Place
}

// Value narrows a data value. Nil and empty members say nothing.
type Value struct {
	Units []Unit
	// UnitsWithout are units to take away, UnitsKeep says that Units give only
	// ranges of some of them.
	UnitsWithout []string
	UnitsKeep    bool
	Range        *aom.Interval
	Values       []string
	Pattern      string
	Codes        *Codes
	ValueSet     *ValueSet
	Texts        []string
	Ordinals     []string
	OrdinalsOut  []string
	// Open allows texts beside those listed.
	Open    bool
	Choice  string
	Default *Default
}

// Unit is a unit with its range and number of decimals.
type Unit struct {
	Unit             string
	Range, Precision *aom.Interval
}

// Codes are the codes allowed; no terminology means the archetype's own.
type Codes struct {
	Terminology string
	List        []Coded
	// Without are codes to take away.
	Without []string
}

// Coded is a code with its text, by language if the source says so.
type Coded struct {
	Code       string
	Text       string
	ByLanguage []aom.KeyValue
}

// ValueSet is codes kept by a terminology service.
type ValueSet struct {
	URI, Terminology string
}

// Default is a value put into new data.
type Default struct {
	// Text is the value itself, or a code.
	Text                    string
	Magnitude, Units        string
	Code, Terminology, Term string
	// Structured says that the default was given by its parts, not as one text.
	Structured bool
}

// Binding binds a code (of the node when Code is empty) to an external one.
type Binding struct {
	Code, Terminology, Target string
}

// HideOnForm is the view constraint of nodes that forms do not show.
const HideOnForm = "hide_on_form"

// TextIn gives a text in a language: what is said for that language, else what is
// said for none, else the first.
func TextIn(text string, byLanguage []aom.KeyValue, language string) string {
	for _, pair := range byLanguage {
		if pair.Key == language {
			return pair.Value
		}
	}
	if len(byLanguage) > 0 && text == "" {
		return byLanguage[0].Value
	}
	return text
}

// Show writes a default for messages.
func (d *Default) Show() string {
	return strings.TrimSpace(strings.Join([]string{d.Text, d.Magnitude, d.Units, d.Terminology, d.Code}, " "))
}
