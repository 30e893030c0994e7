package webtemplate

import (
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/internal/terminology"
)

// attribute names an attribute that the reference model demands, shown where
// the template does not constrain it.
type attribute struct {
	attr  rminfo.Attr
	class rminfo.Class
}

// demanded lists the in-context attributes of each class in their order. A class
// has those of its parents too, after its own.
var demanded = []struct {
	class rminfo.Class
	attrs []attribute
}{
	{rminfo.COMPOSITION, []attribute{{rminfo.A_language, rminfo.CODE_PHRASE}, {rminfo.A_territory, rminfo.CODE_PHRASE}, {rminfo.A_composer, rminfo.PARTY_PROXY}}},
	{rminfo.EVENT_CONTEXT, []attribute{{rminfo.A_start_time, rminfo.DV_DATE_TIME}, {rminfo.A_setting, rminfo.DV_CODED_TEXT}}},
	{rminfo.INTERVAL_EVENT, []attribute{{rminfo.A_width, rminfo.DV_DURATION}, {rminfo.A_math_function, rminfo.DV_CODED_TEXT}}},
	{rminfo.EVENT, []attribute{{rminfo.A_time, rminfo.DV_DATE_TIME}}},
	{rminfo.ACTIVITY, []attribute{{rminfo.A_timing, rminfo.DV_PARSABLE}, {rminfo.A_action_archetype_id, rminfo.String}}},
	{rminfo.INSTRUCTION, []attribute{{rminfo.A_narrative, rminfo.DV_TEXT}}},
	{rminfo.ACTION, []attribute{{rminfo.A_time, rminfo.DV_DATE_TIME}}},
	{rminfo.ENTRY, []attribute{{rminfo.A_language, rminfo.CODE_PHRASE}, {rminfo.A_encoding, rminfo.CODE_PHRASE}, {rminfo.A_subject, rminfo.PARTY_PROXY}}},
}

// required adds what the reference model demands and the template does not say.
func (b *builder) required(n *Node, id template.NodeID, children []*Node) []*Node {
	for _, d := range demanded {
		if !n.Class.IsA(d.class) {
			continue
		}
		for _, a := range d.attrs {
			if b.t.Attribute(id, a.attr) == nil || !has(children, a.attr) {
				children = append(children, b.custom(n, a.attr, a.class, 1))
			}
		}
	}
	return children
}

func has(children []*Node, attr rminfo.Attr) bool {
	for _, c := range children {
		if c.Chain[0].Attr == attr {
			return true
		}
	}
	return false
}

// custom makes a node for an attribute of the reference model.
func (b *builder) custom(parent *Node, attr rminfo.Attr, class rminfo.Class, min int) *Node {
	name := attr.Name()
	n := &Node{
		Name: strings.ToUpper(name[:1]) + name[1:], Class: class, RMType: class.Name(), Min: min, Max: 1,
		Template: template.NoNode, Chain: []Step{{Attr: attr, Node: template.NoNode, Class: class}},
		AQLPath: parent.AQLPath + "/" + name, InContext: true,
	}
	if class == rminfo.String {
		n.RMType = "STRING"
	}
	b.inputs(n)
	return n
}

// anyClasses are the data types of an ELEMENT that the template leaves open.
var anyClasses = []rminfo.Class{
	rminfo.DV_CODED_TEXT, rminfo.DV_TEXT, rminfo.DV_MULTIMEDIA, rminfo.DV_PARSABLE, rminfo.DV_STATE, rminfo.DV_BOOLEAN,
	rminfo.DV_IDENTIFIER, rminfo.DV_URI, rminfo.DV_EHR_URI, rminfo.DV_DURATION, rminfo.DV_QUANTITY, rminfo.DV_COUNT,
	rminfo.DV_PROPORTION, rminfo.DV_DATE_TIME, rminfo.DV_DATE, rminfo.DV_TIME, rminfo.DV_ORDINAL, rminfo.DV_SCALE,
}

func (b *builder) anyValue(n *Node, id template.NodeID) []*Node {
	out := make([]*Node, 0, len(anyClasses))
	for _, class := range anyClasses {
		c := b.custom(n, rminfo.A_value, class, 0)
		c.Name, c.ID = b.t.Label(id, ""), choiceID(class.Name())
		if c.Name != "" {
			c.Name = strings.ToUpper(c.Name[:1]) + c.Name[1:]
		}
		b.borrow(c, id)
		out = append(out, c)
	}
	return out
}

// transition is the ISM_TRANSITION of an ACTION, which templates describe as one
// alternative for each careflow step.
func (b *builder) transition(action *Node, steps []template.NodeID) *Node {
	ism := b.custom(action, rminfo.A_ism_transition, rminfo.ISM_TRANSITION, 1)
	var careflow []Option
	var states []string
	seen := map[string]bool{}
	for _, step := range steps {
		code := b.t.Node(step).NodeID
		if code == "" {
			continue
		}
		option := b.option(step, "local", code)
		option.LocalizedDescriptions, option.TermBindings = nil, nil
		for _, state := range b.codes(step, rminfo.A_current_state, rminfo.A_defining_code) {
			option.CurrentStates = append(option.CurrentStates, state)
			if !seen[state] {
				seen[state] = true
				states = append(states, state)
			}
		}
		careflow = append(careflow, option)
	}
	current := b.custom(ism, rminfo.A_current_state, rminfo.DV_CODED_TEXT, 1)
	current.Inputs = []Input{{Suffix: "code", Type: "CODED_TEXT", List: stateOptions(states)}}
	step := b.custom(ism, rminfo.A_careflow_step, rminfo.DV_CODED_TEXT, 0)
	if steps != nil {
		step.Inputs = []Input{{Suffix: "code", Type: "CODED_TEXT", List: careflow}}
	}
	ism.Children = []*Node{current, b.custom(ism, rminfo.A_transition, rminfo.DV_CODED_TEXT, 0), step}
	return ism
}

// stateOptions lists states, all of them where the template names none.
func stateOptions(states []string) []Option {
	if len(states) == 0 {
		for _, c := range terminology.Concepts(terminology.InstructionStates) {
			states = append(states, c.Code)
		}
	}
	out := make([]Option, 0, len(states))
	for _, code := range states {
		rubric, ok := terminology.Rubric(terminology.InstructionStates, code)
		out = append(out, Option{Value: code, Label: rubric, HasLabel: ok})
	}
	return out
}

// codes follows attributes down from a template node to a list of codes.
func (b *builder) codes(id template.NodeID, attrs ...rminfo.Attr) []string {
	for _, attr := range attrs {
		children := b.t.Children(id, attr)
		if len(children) == 0 {
			return nil
		}
		id = children[0]
	}
	if c, ok := b.t.Node(id).Constraint.(*aom.CodePhrase); ok {
		return c.Codes
	}
	return nil
}
