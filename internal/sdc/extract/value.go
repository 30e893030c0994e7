package extract

import (
	"strings"
	"time"

	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/terminology"
)

// object is a FHIR resource or element; JSON writes its members in order of name.
type object map[string]any

func (o object) has(to string) bool {
	head, _, _ := strings.Cut(to, ".")
	_, ok := o[strings.TrimSuffix(head, "[]")]
	if ok && strings.Contains(to, ".") {
		inner := o
		for _, name := range strings.Split(to, ".") {
			v, here := inner[strings.TrimSuffix(name, "[]")]
			if !here {
				return false
			}
			if list, isList := v.([]any); isList && len(list) > 0 {
				v = list[len(list)-1]
			}
			if inner, here = v.(object); !here {
				return true
			}
		}
	}
	return ok
}

// put sets a member; a name with [] adds to its list, and within a path goes on in
// the list's last.
func (o object) put(to string, value any) {
	name, rest, nested := strings.Cut(to, ".")
	bare, list := strings.CutSuffix(name, "[]")
	if !nested {
		if !list {
			o[bare] = value
			return
		}
		items, _ := o[bare].([]any)
		if many, ok := value.([]any); ok {
			o[bare] = append(items, many...)
		} else {
			o[bare] = append(items, value)
		}
		return
	}
	if !list {
		inner, ok := o[bare].(object)
		if !ok {
			inner = object{}
			o[bare] = inner
		}
		inner.put(rest, value)
		return
	}
	items, _ := o[bare].([]any)
	if len(items) == 0 {
		items = []any{object{}}
		o[bare] = items
	}
	if inner, ok := items[len(items)-1].(object); ok {
		inner.put(rest, value)
	}
}

type refusal struct {
	at           rm.ID
	reason, text string
}

// value reads a field; nil is none.
func (w *walk) value(entry, part rm.ID, f *Field) (any, *refusal) {
	switch f.As {
	case "state":
		return w.state(entry, f)
	case "orderstate":
		return w.orderState(entry, f)
	}
	from, path := entry, f.Path
	if rest, ok := strings.CutPrefix(path, "./"); ok {
		from, path = part, "/"+rest
	}
	if rest, ok := strings.CutPrefix(path, "/../"); ok {
		from, path = w.tree.Root(), "/"+rest
	}
	found := w.tree.Resolve(from, path)
	var values []any
	for _, at := range found {
		v, refused := w.one(at, f)
		if refused != nil {
			return nil, refused
		}
		if v != nil {
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		return nil, nil
	}
	if f.As == "concepts" || f.As == "texts" || strings.HasSuffix(f.To, "[]") {
		return values, nil
	}
	return values[0], nil
}

func (w *walk) one(at rm.ID, f *Field) (any, *refusal) {
	if f.As == "exists" {
		return mappedValue(f, f.Map["present"]), nil
	}
	if len(f.Map) > 0 {
		code := w.tree.TextAt(at, rminfo.A_defining_code, rminfo.A_code_string)
		target, ok := f.Map[code]
		if !ok {
			return nil, &refusal{at, "unmapped-code", "the code of " + f.To + " has no counterpart, and leaving it out could turn the meaning"}
		}
		if target == "" {
			return nil, nil
		}
		if reason, refused := strings.CutPrefix(target, "refuse "); refused {
			return nil, &refusal{at, reason, refusals[reason]}
		}
		return mappedValue(f, target), nil
	}
	switch f.As {
	case "concept", "concepts":
		return w.concept(at), nil
	case "text", "texts":
		if text := w.tree.TextAt(at, rminfo.A_value); text != "" {
			return text, nil
		}
	case "annotation":
		if text := w.tree.TextAt(at, rminfo.A_value); text != "" {
			return object{"text": text}, nil
		}
	case "date":
		if text := w.instant(w.tree.TextAt(at, rminfo.A_value)); text != "" {
			return text, nil
		}
	case "identifier":
		if value := w.tree.TextAt(at, rminfo.A_id); value != "" {
			o := object{"value": value}
			if assigner := w.tree.TextAt(at, rminfo.A_assigner); assigner != "" {
				o["assigner"] = object{"display": assigner}
			}
			if kind := w.tree.TextAt(at, rminfo.A_type); kind != "" {
				o["type"] = object{"text": kind}
			}
			return o, nil
		}
	case "code":
		if code := w.tree.TextAt(at, rminfo.A_defining_code, rminfo.A_code_string); code != "" {
			return code, nil
		}
	}
	return nil, nil
}

func mappedValue(f *Field, target string) any {
	switch f.As {
	case "concept", "concepts", "exists":
		if f.System == "" {
			return object{"text": target}
		}
		return concept(coding(f.System, target, f.Displays[target]))
	}
	return target
}

func coding(system, code, display string) object {
	o := object{"code": code}
	if system != "" {
		o["system"] = system
	}
	if display != "" {
		o["display"] = display
	}
	return o
}

func concept(c object) object { return object{"coding": []any{c}} }

// concept writes a text with its codes: the defining one and the mappings that are
// said to be equivalent.
func (w *walk) concept(at rm.ID) any {
	text := w.tree.TextAt(at, rminfo.A_value)
	if text == "" {
		return nil
	}
	o := object{"text": text}
	var codings []any
	if c := w.tree.Child(at, rminfo.A_defining_code); c != rm.None {
		codings = append(codings, w.coding(at, c, text))
	}
	for m := range w.tree.Children(at, rminfo.A_mappings) {
		if w.tree.TextAt(m, rminfo.A_match) != "=" {
			continue
		}
		if c := w.tree.Child(m, rminfo.A_target); c != rm.None {
			codings = append(codings, w.coding(m, c, ""))
		}
	}
	if len(codings) > 0 {
		o["coding"] = codings
	}
	return o
}

func (w *walk) coding(at, code rm.ID, display string) object {
	id := w.tree.TextAt(code, rminfo.A_terminology_id, rminfo.A_value)
	system := System(id, w.tree.ArchetypeNodeID(w.tree.ArchetypeRoot(at)))
	return coding(system, w.tree.TextAt(code, rminfo.A_code_string), display)
}

// System is the FHIR code system of a terminology id; local codes belong to their
// archetype.
func System(terminologyID, archetype string) string {
	switch {
	case terminologyID == "local":
		return "http://openehr.org/id/" + archetype
	case terminology.IsOpenEHR(terminologyID):
		return "http://openehr.org/id/openehr"
	case strings.Contains(terminologyID, ":"):
		return terminologyID
	}
	if system := terminology.System(terminologyID); system != "" {
		return system
	}
	return "http://openehr.org/id/terminology/" + terminologyID
}

// instant makes a FHIR dateTime of an openEHR one: a time needs seconds and an
// offset, which is that of the zone where none was written (DESIGN 5a rule 9).
func (w *walk) instant(text string) string {
	date, clock, timed := strings.Cut(text, "T")
	if !timed {
		return date
	}
	zone := w.facts.Zone
	if zone == nil {
		zone = time.UTC
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02T15Z07:00"} {
		if t, err := time.Parse(layout, text); err == nil {
			if layout == time.RFC3339Nano {
				return text
			}
			return t.Format("2006-01-02T15:04:05Z07:00")
		}
	}
	clock = strings.ReplaceAll(clock, ",", ".")
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02T15"} {
		if t, err := time.ParseInLocation(layout, date+"T"+clock, zone); err == nil {
			out := t.Format("2006-01-02T15:04:05")
			if _, fraction, dotted := strings.Cut(clock, "."); dotted {
				out += "." + fraction
			}
			return out + t.Format("Z07:00")
		}
	}
	return ""
}

// state maps the state an ACTION says the act is in.
func (w *walk) state(entry rm.ID, f *Field) (any, *refusal) {
	at := w.tree.Find(entry, rminfo.A_ism_transition, rminfo.A_current_state)
	if at == rm.None {
		return nil, &refusal{entry, "state", "the entry does not say whether the act was done"}
	}
	code := w.tree.TextAt(at, rminfo.A_defining_code, rminfo.A_code_string)
	if target := f.Map[code]; target != "" {
		return target, nil
	}
	return nil, &refusal{at, "state", "the state of the act has no counterpart"}
}

// orderState maps the state of the latest ACTION of the archetype that Path names,
// where the composition holds one such order only: then its steps are the order's.
func (w *walk) orderState(entry rm.ID, f *Field) (any, *refusal) {
	var last, state string
	orders := 0
	var visit func(rm.ID)
	visit = func(id rm.ID) {
		for child := range w.tree.All(id) {
			switch w.tree.Class(child) {
			case rminfo.SECTION:
				visit(child)
			case rminfo.INSTRUCTION:
				if w.tree.ArchetypeNodeID(child) == w.tree.ArchetypeNodeID(entry) {
					orders++
				}
			case rminfo.ACTION:
				if w.tree.ArchetypeNodeID(child) != f.Path {
					continue
				}
				when := w.instant(w.tree.TextAt(child, rminfo.A_time, rminfo.A_value))
				if code := w.tree.TextAt(child, rminfo.A_ism_transition, rminfo.A_current_state, rminfo.A_defining_code, rminfo.A_code_string); code != "" && !before(when, last) {
					last, state = when, code
				}
			}
		}
	}
	visit(w.tree.Root())
	if state == "" {
		return nil, nil
	}
	if orders > 1 {
		return nil, &refusal{entry, "state", "the composition holds several orders, and which of them the steps belong to is not said"}
	}
	if target := f.Map[state]; target != "" {
		return target, nil
	}
	return nil, &refusal{entry, "state", "the state of the order has no counterpart"}
}

func before(a, b string) bool {
	x, err := time.Parse(time.RFC3339Nano, a)
	y, err2 := time.Parse(time.RFC3339Nano, b)
	if err != nil || err2 != nil {
		return a < b
	}
	return x.Before(y)
}

func decimal(text string) *fhir.Decimal {
	d := fhir.Decimal(text)
	return &d
}
