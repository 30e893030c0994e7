package aom

// OperationalTemplate is OPERATIONAL_TEMPLATE: archetypes merged into one tree.
type OperationalTemplate struct {
	Language     Code
	IsControlled *bool
	Description  *Description
	// RevisionHistory is kept as written.
	RevisionHistory *Value
	UID             string
	TemplateID      string
	Concept         string
	Definition      *ArchetypeRoot
	// Ontology is the root archetype's ontology, Components those of the others.
	Ontology    *Ontology
	Components  []Ontology
	Annotations []PathItems
	// Defaults is T_CONSTRAINT: what the template puts into data, by path.
	Defaults []DefaultAttribute
	// View is T_VIEW: how forms show a path, such as pass_through.
	View []PathItems
}

// KeyValue is a StringDictionaryItem.
type KeyValue struct{ Key, Value string }

// PathItems are key and value pairs on a template path.
type PathItems struct {
	Path  string
	Items []KeyValue
}

// Description is RESOURCE_DESCRIPTION.
type Description struct {
	OriginalAuthor     []KeyValue
	OtherContributors  []string
	LifecycleState     string
	ResourcePackageURI string
	OtherDetails       []KeyValue
	Details            []DescriptionItem
}

// DescriptionItem is RESOURCE_DESCRIPTION_ITEM: the description in one language.
type DescriptionItem struct {
	Language            Code
	Purpose             string
	Keywords            []string
	Use                 string
	Misuse              string
	Copyright           string
	OriginalResourceURI []KeyValue
	OtherDetails        []KeyValue
}

// Ontology is FLAT_ARCHETYPE_ONTOLOGY: the terms of one archetype in its languages.
type Ontology struct {
	ArchetypeID        string
	Terms              []LanguageTerms
	Constraints        []LanguageTerms
	Bindings           []TermBindings
	ConstraintBindings []ConstraintBindings
}

// LanguageTerms is CodeDefinitionSet.
type LanguageTerms struct {
	Language string
	Terms    []Term
}

// Term is ARCHETYPE_TERM: a code with its text, description and whatever else
// the tool wrote.
type Term struct {
	Code  string
	Items []KeyValue
}

// Text is the term's rubric.
func (t Term) Text() string { return t.Item("text") }

// Description is the term's longer text.
func (t Term) Description() string { return t.Item("description") }

// Item gives the value of a key, "" when absent.
func (t Term) Item(key string) string {
	for _, item := range t.Items {
		if item.Key == key {
			return item.Value
		}
	}
	return ""
}

// TermBindings is TermBindingSet: codes of one terminology bound to terms.
type TermBindings struct {
	Terminology string
	Items       []TermBinding
}

// TermBinding binds an at-code, or a path, to an external code.
type TermBinding struct {
	Code   string
	Target Code
}

// ConstraintBindings is ConstraintBindingSet.
type ConstraintBindings struct {
	Terminology string
	Items       []KeyValue
}

// DefaultAttribute is T_ATTRIBUTE: default values at one place.
type DefaultAttribute struct {
	Name     string
	Path     string
	Children []DefaultObject
}

// DefaultObject is T_COMPLEX_OBJECT. Tools leave the class and occurrences out
// when only a default is given.
type DefaultObject struct {
	ComplexObject
	Default *Value
}
