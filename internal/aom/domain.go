package aom

// Code is a CODE_PHRASE.
type Code struct {
	// Terminology is the terminology id as written, such as local, openehr,
	// SNOMED-CT.
	Terminology string
	Code        string
}

// CodePhrase is C_CODE_PHRASE: codes of one terminology. No terminology means
// any code at all, no codes means any code of the terminology.
type CodePhrase struct {
	ObjectBase
	Terminology string
	Codes       []string
	Assumed     *Code
}

// CodeReference is C_CODE_REFERENCE: a value set kept by a terminology service.
type CodeReference struct {
	CodePhrase
	// ReferenceSetURI names the value set; some tools leave it out.
	ReferenceSetURI string
}

// Quantity is C_DV_QUANTITY: the units allowed, each with its own range.
type Quantity struct {
	ObjectBase
	// Property is the openEHR property (such as 125, pressure), nil if open.
	Property *Code
	Items    []QuantityItem
	Assumed  *Value
}

// QuantityItem is C_QUANTITY_ITEM.
type QuantityItem struct {
	Units     string
	Magnitude *Interval
	// Precision bounds the number of decimals.
	Precision *Interval
	// System and DisplayName are written by newer tools (RM 1.1.0).
	System      string
	DisplayName string
}

// Ordinal is C_DV_ORDINAL. An empty list allows any ordinal.
type Ordinal struct {
	ObjectBase
	Items   []OrdinalItem
	Assumed *Value
}

// Scale is C_DV_SCALE, the same for DV_SCALE (written by newer tools).
type Scale struct {
	ObjectBase
	Items   []OrdinalItem
	Assumed *Value
}

// OrdinalItem is one value with its symbol.
type OrdinalItem struct {
	// Value is decimal text: an integer for ordinals, a real for scales.
	Value string
	// Text is the symbol's rubric, empty when the tool left it to the terms.
	Text   string
	Symbol Code
}

// State is C_DV_STATE: a state machine.
type State struct {
	ObjectBase
	States  []MachineState
	Assumed *Value
}

// MachineState is STATE of a STATE_MACHINE; without transitions it is terminal.
type MachineState struct {
	Name        string
	Terminal    bool
	Transitions []Transition
}

// Transition is TRANSITION of a NON_TERMINAL_STATE.
type Transition struct {
	Event, Action, Guard string
	// Next is the name of the next state.
	Next string
}

// Value is a reference model object written inside a template (defaults,
// assumed values): a class, and either text or members.
type Value struct {
	// Type is the class as declared, empty where the place decides it.
	Type    string
	Text    string
	Members []Member
}

// Member is one attribute of a Value; a list repeats the name.
type Member struct {
	Name  string
	Value *Value
}

// Get gives the first member of the name, or nil.
func (v *Value) Get(name string) *Value {
	if v == nil {
		return nil
	}
	for _, m := range v.Members {
		if m.Name == name {
			return m.Value
		}
	}
	return nil
}

// TextAt follows names and gives the text there, "" when absent.
func (v *Value) TextAt(names ...string) string {
	for _, name := range names {
		v = v.Get(name)
	}
	if v == nil {
		return ""
	}
	return v.Text
}

func (*CodePhrase) constraint()    {}
func (*CodeReference) constraint() {}
func (*ConstraintRef) constraint() {}
func (*Quantity) constraint()      {}
func (*Ordinal) constraint()       {}
func (*Scale) constraint()         {}
func (*State) constraint()         {}
