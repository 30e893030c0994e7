package webtemplate

import (
	"encoding/json"
	"strconv"

	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
)

// Dialect is whose web template is written. The default is that of the format's
// inventor. What EHRbase does otherwise, where clients could notice:
//
//   - attributes of the reference model that a context fills have min 0, not 1;
//   - an open value (an ELEMENT without constraint) offers no DV_SCALE.
type Dialect bool

// The dialects.
const (
	Standard Dialect = false
	EHRbase  Dialect = true
)

// JSON writes the web template.
func (w *WebTemplate) JSON(d Dialect) []byte {
	e := &emitter{dialect: d}
	e.open('{')
	e.text("templateId", w.Template.TemplateID)
	e.text("version", Version)
	e.text("defaultLanguage", w.Template.Language)
	e.key("languages")
	e.open('[')
	for _, lang := range w.Languages {
		e.item()
		e.string(lang)
	}
	e.close(']')
	e.key("tree")
	e.node(w.Root)
	e.close('}')
	return e.out
}

// emitter appends JSON; empty says whether a comma is due.
type emitter struct {
	out     []byte
	empty   bool
	dialect Dialect
}

func (e *emitter) open(bracket byte) { e.out, e.empty = append(e.out, bracket), true }

func (e *emitter) close(bracket byte) { e.out, e.empty = append(e.out, bracket), false }

func (e *emitter) item() {
	if !e.empty {
		e.out = append(e.out, ',')
	}
	e.empty = false
}

func (e *emitter) key(name string) {
	e.item()
	e.out = append(append(append(e.out, '"'), name...), '"', ':')
	e.empty = true
}

func (e *emitter) string(s string) {
	text, err := json.Marshal(s)
	if err != nil {
		panic("webtemplate: a string is always JSON: " + err.Error())
	}
	e.out, e.empty = append(e.out, text...), false
}

func (e *emitter) literal(s string) { e.out, e.empty = append(e.out, s...), false }

func (e *emitter) text(name, value string) {
	e.key(name)
	e.string(value)
}

func (e *emitter) number(name string, value int) {
	e.key(name)
	e.literal(strconv.Itoa(value))
}

func (e *emitter) node(n *Node) {
	e.open('{')
	e.text("id", n.ID)
	if n.Name != "" {
		e.text("name", n.Name)
	}
	if n.LocalizedName != "" {
		e.text("localizedName", n.LocalizedName)
	}
	e.text("rmType", n.RMType)
	if n.HasNodeID {
		e.text("nodeId", n.NodeID)
	}
	if own := n.InContext && n.Template == template.NoNode; e.dialect == EHRbase && own {
		e.number("min", 0)
	} else {
		e.number("min", n.Min)
	}
	e.number("max", n.Max)
	if len(n.Cardinalities) > 0 {
		e.key("cardinalities")
		e.open('[')
		for _, c := range n.Cardinalities {
			e.item()
			e.open('{')
			e.number("min", c.Min)
			e.number("max", c.Max)
			e.strings("ids", c.IDs)
			e.close('}')
		}
		e.close(']')
	}
	e.strings("dependsOn", n.DependsOn)
	e.localized("localizedNames", n.LocalizedNames)
	e.localized("localizedDescriptions", n.LocalizedDescriptions)
	if len(n.Annotations) > 0 {
		e.key("annotations")
		e.open('{')
		for _, a := range n.Annotations {
			key, _ := json.Marshal(a.Key)
			e.key(string(key[1 : len(key)-1]))
			e.string(a.Value)
		}
		e.close('}')
	}
	e.bindings(n.TermBindings)
	e.text("aqlPath", n.AQLPath)
	e.strings("proportionTypes", n.ProportionTypes)
	if len(n.Inputs) > 0 {
		e.key("inputs")
		e.open('[')
		for i := range n.Inputs {
			e.item()
			e.input(&n.Inputs[i])
		}
		e.close(']')
	}
	if n.InContext {
		e.key("inContext")
		e.literal("true")
	}
	if len(n.Children) > 0 {
		e.key("children")
		e.open('[')
		for _, c := range n.Children {
			if e.dialect == EHRbase && c.Class == rminfo.DV_SCALE && c.Template == template.NoNode {
				continue
			}
			e.item()
			e.node(c)
		}
		e.close(']')
	}
	e.close('}')
}

func (e *emitter) strings(name string, list []string) {
	if len(list) == 0 {
		return
	}
	e.key(name)
	e.open('[')
	for _, s := range list {
		e.item()
		e.string(s)
	}
	e.close(']')
}

func (e *emitter) localized(name string, list []Localized) {
	if len(list) == 0 {
		return
	}
	e.key(name)
	e.open('{')
	for _, l := range list {
		e.text(l.Language, l.Text)
	}
	e.close('}')
}

func (e *emitter) bindings(list []Binding) {
	if len(list) == 0 {
		return
	}
	e.key("termBindings")
	e.open('{')
	for _, b := range list {
		e.key(b.Terminology)
		e.open('{')
		e.text("value", b.Code)
		e.text("terminologyId", b.CodeTerminology)
		e.close('}')
	}
	e.close('}')
}

func (e *emitter) input(in *Input) {
	e.open('{')
	if in.Suffix != "" {
		e.text("suffix", in.Suffix)
	}
	e.text("type", in.Type)
	if len(in.List) > 0 {
		e.key("list")
		e.open('[')
		for i := range in.List {
			e.item()
			e.option(&in.List[i])
		}
		e.close(']')
	}
	if in.HasListOpen {
		e.key("listOpen")
		e.literal(strconv.FormatBool(in.ListOpen))
	}
	e.validation(in.Validation)
	if in.Default != "" {
		e.key("defaultValue")
		e.literal(in.Default)
	}
	if in.Terminology != "" {
		e.text("terminology", in.Terminology)
	}
	e.close('}')
}

func (e *emitter) option(o *Option) {
	e.open('{')
	e.text("value", o.Value)
	if o.HasLabel {
		e.text("label", o.Label)
	}
	e.localized("localizedLabels", o.LocalizedLabels)
	e.localized("localizedDescriptions", o.LocalizedDescriptions)
	e.bindings(o.TermBindings)
	e.validation(o.Validation)
	for name, number := range map[string]string{"ordinal": o.Ordinal, "scale": o.Scale} {
		if number != "" {
			e.key(name)
			e.literal(number)
		}
	}
	e.strings("currentStates", o.CurrentStates)
	e.close('}')
}

func (e *emitter) validation(v *Validation) {
	if v == nil {
		return
	}
	e.key("validation")
	e.open('{')
	if v.Pattern != "" {
		e.text("pattern", v.Pattern)
	}
	e.bounds("range", v.Range)
	e.bounds("precision", v.Precision)
	e.close('}')
}

func (e *emitter) bounds(name string, r *Range) {
	if r == nil {
		return
	}
	e.key(name)
	e.open('{')
	for _, bound := range [...]struct{ op, value, opName, name string }{{r.MinOp, r.Min, "minOp", "min"}, {r.MaxOp, r.Max, "maxOp", "max"}} {
		if bound.value == "" {
			continue
		}
		e.text(bound.opName, bound.op)
		e.key(bound.name)
		if r.Quoted {
			e.string(bound.value)
		} else {
			e.literal(bound.value)
		}
	}
	e.close('}')
}
