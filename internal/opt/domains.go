package opt

import "github.com/quire-cdr/quire/internal/aom"

// domain reads the C_DOMAIN_TYPE classes, nil when the class is none of them.
func (r *reader) domain(e element) aom.Object {
	switch e.class {
	case "C_CODE_PHRASE":
		o := &aom.CodePhrase{}
		r.each(e, codePhraseSchema, func(c element) { r.codePhraseField(c, o) })
		return o
	case "C_CODE_REFERENCE":
		o := &aom.CodeReference{}
		r.each(e, codeReferenceSchema, func(c element) {
			if c.name == "referenceSetUri" {
				o.ReferenceSetURI = r.word()
				return
			}
			r.codePhraseField(c, &o.CodePhrase)
		})
		return o
	case "C_DV_QUANTITY":
		return r.quantity(e)
	case "C_DV_ORDINAL":
		o := &aom.Ordinal{}
		r.each(e, ordinalSchema, func(c element) { r.ordinalField(c, &o.ObjectBase, &o.Items, &o.Assumed) })
		return o
	case "C_DV_SCALE":
		o := &aom.Scale{}
		r.each(e, scaleSchema, func(c element) { r.ordinalField(c, &o.ObjectBase, &o.Items, &o.Assumed) })
		return o
	case "C_DV_STATE":
		return r.state(e)
	}
	return nil
}

func (r *reader) codePhraseField(c element, o *aom.CodePhrase) {
	switch c.name {
	case "assumed_value":
		code := r.code(c)
		o.Assumed = &code
	case "terminology_id":
		r.each(c, optionalValueSchema, func(element) { o.Terminology = r.word() })
	case "code_list":
		o.Codes = append(o.Codes, r.word())
	default:
		r.baseField(c, &o.ObjectBase)
	}
}

func (r *reader) code(e element) aom.Code {
	var code aom.Code
	r.each(e, codeSchema, func(c element) {
		switch c.name {
		case "terminology_id":
			r.each(c, optionalValueSchema, func(element) { code.Terminology = r.word() })
		case "code_string":
			code.Code = r.word()
		default:
			r.skip()
		}
	})
	return code
}

func (r *reader) quantity(e element) *aom.Quantity {
	o := &aom.Quantity{}
	r.each(e, quantitySchema, func(c element) {
		switch c.name {
		case "assumed_value":
			o.Assumed = r.value(c)
		case "property":
			code := r.code(c)
			o.Property = &code
		case "list":
			o.Items = append(o.Items, r.quantityItem(c))
		default:
			r.baseField(c, &o.ObjectBase)
		}
	})
	return o
}

func (r *reader) quantityItem(e element) aom.QuantityItem {
	var item aom.QuantityItem
	r.each(e, quantityItemSchema, func(c element) {
		switch c.name {
		case "magnitude":
			item.Magnitude = r.numberInterval(c)
		case "precision":
			item.Precision = r.numberInterval(c)
		case "units":
			item.Units = r.word()
		case "units_system":
			item.System = r.word()
		case "units_display_name":
			item.DisplayName = r.word()
		}
	})
	return item
}

func (r *reader) ordinalField(c element, base *aom.ObjectBase, items *[]aom.OrdinalItem, assumed **aom.Value) {
	switch c.name {
	case "assumed_value":
		*assumed = r.value(c)
	case "list":
		var item aom.OrdinalItem
		r.each(c, ordinalItemSchema, func(f element) {
			if f.name == "value" {
				item.Value = r.number(f)
				return
			}
			r.each(f, codedTextSchema, func(s element) {
				if s.name == "value" {
					item.Text = r.text()
				} else {
					item.Symbol = r.code(s)
				}
			})
		})
		*items = append(*items, item)
	default:
		r.baseField(c, base)
	}
}

func (r *reader) state(e element) *aom.State {
	o := &aom.State{}
	r.each(e, stateSchema, func(c element) {
		switch c.name {
		case "assumed_value":
			o.Assumed = r.value(c)
		case "value":
			r.each(c, stateMachineSchema, func(s element) { o.States = append(o.States, r.machineState(s)) })
		default:
			r.baseField(c, &o.ObjectBase)
		}
	})
	return o
}

func (r *reader) machineState(e element) aom.MachineState {
	s := aom.MachineState{Terminal: e.class == "TERMINAL_STATE"}
	r.each(e, machineStateSchema, func(c element) {
		if c.name == "name" {
			s.Name = r.word()
			return
		}
		var t aom.Transition
		r.each(c, transitionSchema, func(f element) {
			switch f.name {
			case "event":
				t.Event = r.word()
			case "action":
				t.Action = r.text()
			case "guard":
				t.Guard = r.text()
			case "next_state":
				t.Next = r.machineState(f).Name
			}
		})
		s.Transitions = append(s.Transitions, t)
	})
	return s
}
