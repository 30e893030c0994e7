package adl

import (
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
)

// state reads C_DV_STATE (openEHR Archetype Profile, 4.4): a list of states, each
// with its transitions. A state without any is terminal.
func (p *parser) state(base aom.ObjectBase, v *value) *aom.State {
	o := &aom.State{ObjectBase: base}
	for _, m := range v.members {
		if m.name != "value" {
			p.unknown(m, "C_DV_STATE")
			continue
		}
		for _, machine := range m.value.members {
			if machine.name != "states" {
				p.unknown(machine, "STATE_MACHINE")
				continue
			}
			for _, s := range machine.value.members {
				o.States = append(o.States, p.machineState(s.value))
			}
		}
	}
	if len(o.States) == 0 {
		p.failAt(v.at, "a state machine with states")
	}
	return o
}

func (p *parser) machineState(v *value) aom.MachineState {
	s := aom.MachineState{}
	for _, m := range v.members {
		switch m.name {
		case "name":
			s.Name = p.string(m)
		case "transitions":
			for _, t := range m.value.members {
				s.Transitions = append(s.Transitions, p.transition(t.value))
			}
		default:
			p.unknown(m, "STATE")
		}
	}
	if s.Name == "" {
		p.failAt(v.at, "a state with a name")
	}
	s.Terminal = len(s.Transitions) == 0
	return s
}

func (p *parser) transition(v *value) aom.Transition {
	t := aom.Transition{}
	for _, m := range v.members {
		switch m.name {
		case "event":
			t.Event = p.string(m)
		case "action":
			t.Action = p.string(m)
		case "guard":
			t.Guard = p.string(m)
		case "next_state":
			if m.value.kind == object {
				t.Next = m.value.get("name").string()
			} else {
				t.Next = p.string(m)
			}
		default:
			p.unknown(m, "TRANSITION")
		}
	}
	return t
}

func (p *printer) state(o *aom.State) {
	if o.Assumed != nil || len(o.States) == 0 {
		p.refuse("a state machine without states, or with an assumed value")
		return
	}
	texts := func(pairs ...string) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i+1] != "" {
				p.line("%s = <%s>", pairs[i], quote(pairs[i+1]))
			}
		}
	}
	states := func() {
		for i, s := range o.States {
			if s.Name == "" || s.Terminal != (len(s.Transitions) == 0) {
				p.refuse("a state without a name, or a terminal one with transitions")
				return
			}
			p.keyed(strconv.Itoa(i+1), func() {
				texts("name", s.Name)
				if s.Terminal {
					return
				}
				p.block("transitions = <", ">", func() {
					for j, t := range s.Transitions {
						p.keyed(strconv.Itoa(j+1), func() { texts("event", t.Event, "action", t.Action, "guard", t.Guard, "next_state", t.Next) })
					}
				})
			})
		}
	}
	p.block("C_DV_STATE <", ">", func() {
		p.block("value = <", ">", func() { p.block("states = <", ">", states) })
	})
}

// codeReference reads C_CODE_REFERENCE: a value set of a terminology service.
func (p *parser) codeReference(base aom.ObjectBase, v *value) *aom.CodeReference {
	o := &aom.CodeReference{CodePhrase: aom.CodePhrase{ObjectBase: base}}
	for _, m := range v.members {
		switch m.name {
		case "terminology_id":
			o.Terminology = p.string(m)
		case "referenceSetUri", "reference_set_uri":
			o.ReferenceSetURI = p.string(m)
		default:
			p.unknown(m, "C_CODE_REFERENCE")
		}
	}
	return o
}

func (p *printer) codeReference(o *aom.CodeReference) {
	if len(o.Codes) > 0 || o.Assumed != nil || strings.TrimSpace(o.Terminology+o.ReferenceSetURI) == "" {
		p.refuse("a reference to a value set with codes of its own, or without any address")
		return
	}
	p.block("C_CODE_REFERENCE <", ">", func() {
		if o.Terminology != "" {
			p.line("terminology_id = <%s>", quote(o.Terminology))
		}
		if o.ReferenceSetURI != "" {
			p.line("referenceSetUri = <%s>", quote(o.ReferenceSetURI))
		}
	})
}
