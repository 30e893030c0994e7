package opt

import (
	"fmt"
	"strconv"

	"github.com/quire-cdr/quire/internal/aom"
)

func (e *emitter) primitive(name string, p aom.Primitive) {
	switch p := p.(type) {
	case *aom.String:
		e.element(name, func() {
			if p.HasPattern {
				e.text("pattern", p.Pattern)
			}
			e.texts("list", p.List)
			if p.ListOpen {
				e.boolean("list_open", true)
			}
			e.assumed(p.Assumed)
		}, class("C_STRING"))
	case *aom.Boolean:
		e.element(name, func() {
			e.boolean("true_valid", p.TrueValid)
			e.boolean("false_valid", p.FalseValid)
			if p.Assumed != nil {
				e.boolean("assumed_value", *p.Assumed)
			}
		}, class("C_BOOLEAN"))
	case *aom.Integer:
		e.numbers(name, "C_INTEGER", p.List, p.Range, p.Assumed)
	case *aom.Real:
		e.numbers(name, "C_REAL", p.List, p.Range, p.Assumed)
	case *aom.Date:
		e.temporal(name, "C_DATE", temporal{p.Pattern, p.Timezone, p.Range, p.Assumed})
	case *aom.Time:
		e.temporal(name, "C_TIME", temporal{p.Pattern, p.Timezone, p.Range, p.Assumed})
	case *aom.DateTime:
		e.temporal(name, "C_DATE_TIME", temporal{p.Pattern, p.Timezone, p.Range, p.Assumed})
	case *aom.Duration:
		e.temporal(name, "C_DURATION", temporal{p.Pattern, 0, p.Range, p.Assumed})
	default:
		e.refuse("opt-unknown-class", "a C_PRIMITIVE class", fmt.Sprintf("%T", p))
	}
}

func (e *emitter) assumed(text *string) {
	if text != nil {
		e.text("assumed_value", *text)
	}
}

func (e *emitter) optionalInterval(name string, i *aom.Interval) {
	if i != nil {
		e.interval(name, i)
	}
}

func (e *emitter) numbers(name, as string, list []string, bounds *aom.Interval, assumed *string) {
	e.element(name, func() {
		e.texts("list", list)
		e.optionalInterval("range", bounds)
		e.assumed(assumed)
	}, class(as))
}

func (e *emitter) temporal(name, as string, t temporal) {
	e.element(name, func() {
		e.optional("pattern", t.pattern)
		if t.zone != 0 {
			e.text("timezone_validity", strconv.Itoa(int(t.zone)))
		}
		e.optionalInterval("range", t.interval)
		e.assumed(t.assumed)
	}, class(as))
}

func (e *emitter) codePhrase(o *aom.CodePhrase) {
	e.base(&o.ObjectBase)
	if o.Assumed != nil {
		e.code("assumed_value", *o.Assumed)
	}
	if o.Terminology != "" {
		e.identifier("terminology_id", o.Terminology)
	}
	e.texts("code_list", o.Codes)
}

func (e *emitter) quantity(o *aom.Quantity) {
	e.base(&o.ObjectBase)
	if o.Assumed != nil {
		e.value("assumed_value", o.Assumed)
	}
	if o.Property != nil {
		e.code("property", *o.Property)
	}
	for _, item := range o.Items {
		e.element("list", func() {
			e.optionalInterval("magnitude", item.Magnitude)
			e.optionalInterval("precision", item.Precision)
			e.text("units", item.Units)
			e.optional("units_system", item.System)
			e.optional("units_display_name", item.DisplayName)
		})
	}
}

func (e *emitter) ordinals(base *aom.ObjectBase, assumed *aom.Value, items []aom.OrdinalItem) {
	e.base(base)
	if assumed != nil {
		e.value("assumed_value", assumed)
	}
	for _, item := range items {
		e.element("list", func() {
			e.text("value", item.Value)
			e.element("symbol", func() {
				e.text("value", item.Text)
				e.code("defining_code", item.Symbol)
			})
		})
	}
}

func (e *emitter) state(o *aom.State) {
	e.base(&o.ObjectBase)
	if o.Assumed != nil {
		e.value("assumed_value", o.Assumed)
	}
	e.element("value", func() {
		for _, s := range o.States {
			as := "NON_TERMINAL_STATE"
			if s.Terminal {
				as = "TERMINAL_STATE"
			}
			e.element("states", func() {
				e.text("name", s.Name)
				for _, t := range s.Transitions {
					e.transition(t)
				}
			}, class(as))
		}
	})
}

// transition names the next state only. The schema wants a whole STATE there,
// which for a machine with a loop has no end; a state without transitions is
// what the schema calls terminal.
func (e *emitter) transition(t aom.Transition) {
	e.element("transitions", func() {
		e.text("event", t.Event)
		e.optional("action", t.Action)
		e.optional("guard", t.Guard)
		if t.Next != "" {
			e.element("next_state", func() { e.text("name", t.Next) }, class("TERMINAL_STATE"))
		}
	})
}
