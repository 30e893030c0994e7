package compose

import (
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/rm/temporal"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/internal/terminology"
)

func itoa(n int) string { return strconv.Itoa(n) }

// RMVersion is the reference model release that new compositions state.
const RMVersion = "1.1.0"

// complete adds what the reference model demands and the document leaves out:
// names and codes from the template, technical attributes from the context or
// the specification's defaults. Nothing clinical is ever added.
func (c *composer) complete(o *object) {
	if o.whole {
		return
	}
	switch {
	case o.class == rminfo.COMPOSITION:
		c.composition(o)
	case o.class == rminfo.EVENT_CONTEXT:
		c.eventContext(o)
	case o.class.IsA(rminfo.ENTRY):
		c.entry(o)
	case o.class == rminfo.HISTORY:
		c.history(o)
	case o.class.IsA(rminfo.EVENT):
		if !o.has(rminfo.A_time) {
			o.put(rminfo.A_time, c.simple(rminfo.DV_DATE_TIME, c.time("history_origin", "time")))
		}
	case o.class == rminfo.ACTIVITY:
		if timing := c.ctx.text("activity_timing"); timing != "" && !o.has(rminfo.A_timing) {
			o.put(rminfo.A_timing, c.simple(rminfo.DV_PARSABLE, timing).text(rminfo.A_formalism, "timing"))
		}
		if !o.has(rminfo.A_action_archetype_id) {
			o.text(rminfo.A_action_archetype_id, c.actionArchetype(o.node))
		}
	}
	if o.class.Locatable() && o.node != template.NoNode {
		c.name(o)
	}
	for i := 0; i < len(o.kids); i++ {
		if child := o.kids[i].obj; child != nil && child.node != template.NoNode {
			c.complete(child)
		}
	}
	// A history's origin follows from its events, which are complete now.
	if o.class == rminfo.HISTORY && !o.has(rminfo.A_origin) {
		o.put(rminfo.A_origin, c.simple(rminfo.DV_DATE_TIME, c.origin(o)))
	}
}

// actionArchetype is the archetype of an activity's actions: any, or the one that
// the template demands.
func (c *composer) actionArchetype(activity template.NodeID) string {
	const any = "/.*/"
	if activity == template.NoNode {
		return any
	}
	for _, child := range c.t.Children(activity, rminfo.A_action_archetype_id) {
		s, ok := c.t.Node(child).Constraint.(*aom.String)
		if !ok {
			continue
		}
		if len(s.List) == 1 {
			return s.List[0]
		}
		pattern := strings.ReplaceAll(strings.Trim(s.Pattern, "/^$"), `(-[a-zA-Z0-9_]+)*`, "") // of its specialisations the parent
		if one := strings.ReplaceAll(pattern, `\.`, "."); one != "" && !strings.ContainsAny(one, `\*+?[](){}|`) {
			return one
		}
	}
	return any
}

// name sets what the template says of a LOCATABLE itself.
func (c *composer) name(o *object) {
	n := c.t.Node(o.node)
	if !o.has(rminfo.A_name) {
		text, code := c.web.NameOf(o.node, o.web)
		name := c.simple(rminfo.DV_TEXT, text)
		if code != "" {
			name = c.codedText(text, "local", code)
		}
		o.put(rminfo.A_name, name)
	}
	o.set(rminfo.A_archetype_node_id, n.AtCode)
	if !n.IsRoot || o.has(rminfo.A_archetype_details) {
		return
	}
	details := o.one(rminfo.A_archetype_details, rminfo.ARCHETYPED)
	details.put(rminfo.A_archetype_id, c.simple(rminfo.ARCHETYPE_ID, n.Archetype))
	if o.node == c.t.Root() {
		details.put(rminfo.A_template_id, c.simple(rminfo.TEMPLATE_ID, c.t.TemplateID))
	}
	details.text(rminfo.A_rm_version, RMVersion)
}

func (c *composer) composition(o *object) {
	for _, a := range [...]struct {
		attr rminfo.Attr
		key  string
		set  terminology.CodeSet
	}{{rminfo.A_language, "language", terminology.Languages}, {rminfo.A_territory, "territory", terminology.Countries}} {
		if o.has(a.attr) {
			continue
		}
		if code := c.ctx.text(a.key); code != "" {
			o.put(a.attr, c.codePhrase(terminology.SetName(a.set), code))
		} else {
			c.issue(c.web.Root, "ctx/"+a.key, "missing", "ctx/"+a.key, "none", "the "+a.key+" of the composition is missing")
		}
	}
	if !o.has(rminfo.A_category) {
		category := c.concept("category", terminology.CompositionCategory)
		if category == nil {
			category = c.category()
		}
		o.put(rminfo.A_category, category)
	}
	if !o.has(rminfo.A_composer) {
		if author := c.composer(); author != nil {
			o.put(rminfo.A_composer, author)
		} else {
			c.issue(c.web.Root, "ctx/composer_name", "missing", "ctx/composer_name, ctx/composer_id or ctx/composer_self", "none", "the composer is missing")
		}
	}
	c.formFields(o)
	for _, link := range c.links() {
		o.put(rminfo.A_links, link)
	}
	category := o.at(rminfo.A_category, rminfo.A_defining_code).scalar(rminfo.A_code_string)
	if !o.has(rminfo.A_context) && category != "431" && category != "451" {
		o.put(rminfo.A_context, &object{class: rminfo.EVENT_CONTEXT, node: c.contextNode()})
		if context := o.child(rminfo.A_context); context.node == template.NoNode {
			c.eventContext(context)
		}
	} else if context := o.child(rminfo.A_context); context != nil && context.node == template.NoNode {
		c.eventContext(context)
	}
}

func (c *composer) contextNode() template.NodeID {
	if children := c.t.Children(c.t.Root(), rminfo.A_context); len(children) > 0 {
		return children[0]
	}
	return template.NoNode
}

// category is the one the template demands, else event.
func (c *composer) category() *object {
	for _, category := range c.t.Children(c.t.Root(), rminfo.A_category) {
		for _, phrase := range c.t.Children(category, rminfo.A_defining_code) {
			if codes, ok := c.t.Node(phrase).Constraint.(*aom.CodePhrase); ok && len(codes.Codes) > 0 {
				text, _ := terminology.Rubric(terminology.CompositionCategory, codes.Codes[0])
				return c.codedText(text, terminology.ID, codes.Codes[0])
			}
		}
	}
	return c.codedText("event", terminology.ID, "433")
}

func (c *composer) eventContext(o *object) {
	if !o.has(rminfo.A_start_time) {
		o.put(rminfo.A_start_time, c.simple(rminfo.DV_DATE_TIME, c.time("time")))
	}
	if end := c.ctx.text("end_time"); end != "" && !o.has(rminfo.A_end_time) {
		o.put(rminfo.A_end_time, c.simple(rminfo.DV_DATE_TIME, end))
	}
	if !o.has(rminfo.A_setting) {
		setting := c.concept("setting", terminology.Setting)
		if setting == nil {
			setting = c.codedText("other care", terminology.ID, "238")
		}
		o.put(rminfo.A_setting, setting)
	}
	if location := c.ctx.text("location"); location != "" && !o.has(rminfo.A_location) {
		o.text(rminfo.A_location, location)
	}
	if c.ctx.has("health_care_facility") && !o.has(rminfo.A_health_care_facility) {
		part := func(suffix string) string { return c.ctx.part("health_care_facility", suffix) }
		o.put(rminfo.A_health_care_facility, c.party(part("name"), part("id"), part("id_scheme"), part("id_namespace")))
	}
	if !o.has(rminfo.A_participations) {
		for _, p := range c.participations() {
			o.put(rminfo.A_participations, p)
		}
	}
}

func (c *composer) entry(o *object) {
	if !o.has(rminfo.A_language) {
		lang := c.lang
		if lang == "" {
			lang = c.t.Language
		}
		o.put(rminfo.A_language, c.codePhrase(terminology.SetName(terminology.Languages), lang))
	}
	if !o.has(rminfo.A_encoding) {
		o.put(rminfo.A_encoding, c.codePhrase(terminology.SetName(terminology.CharacterSets), "UTF-8"))
	}
	if !o.has(rminfo.A_subject) {
		o.put(rminfo.A_subject, c.plain(rminfo.PARTY_SELF))
	}
	if !o.has(rminfo.A_provider) && (c.ctx.has("provider_name") || c.ctx.has("provider_id")) {
		o.put(rminfo.A_provider, c.party(c.ctx.text("provider_name"), c.ctx.text("provider_id"), "", ""))
	}
	if !o.has(rminfo.A_workflow_id) && c.ctx.has("work_flow_id") {
		ref := &object{class: rminfo.OBJECT_REF, node: template.NoNode, item: c.ctx.items["work_flow_id"][0]}
		c.members(ref, ref.item)
		c.references(ref)
		o.put(rminfo.A_workflow_id, ref)
	}
	switch o.class {
	case rminfo.OBSERVATION:
		c.origins(o)
	case rminfo.INSTRUCTION:
		if !o.has(rminfo.A_narrative) {
			text := c.ctx.text("instruction_narrative")
			if text == "" {
				// The format's stand-in for a text nobody wrote; it says nothing clinical.
				text = "Human readable instruction narrative"
			}
			o.put(rminfo.A_narrative, c.simple(rminfo.DV_TEXT, text))
		}
	case rminfo.ACTION:
		if !o.has(rminfo.A_time) {
			o.put(rminfo.A_time, c.simple(rminfo.DV_DATE_TIME, c.time("action_time", "time")))
		}
		c.transition(o)
	}
}

// transition adds the state of an ACTION where the context gives it, or the
// careflow step allows one only.
func (c *composer) transition(o *object) {
	ism := o.child(rminfo.A_ism_transition)
	if ism == nil {
		state := c.concept("action_ism_transition_current_state", terminology.InstructionStates)
		if state == nil {
			return
		}
		o.put(rminfo.A_ism_transition, &object{class: rminfo.ISM_TRANSITION, node: template.NoNode, web: o.web}).put(rminfo.A_current_state, state)
		return
	}
	if ism.whole || ism.has(rminfo.A_current_state) {
		return
	}
	if state := c.concept("action_ism_transition_current_state", terminology.InstructionStates); state != nil {
		ism.put(rminfo.A_current_state, state)
		return
	}
	step := ism.at(rminfo.A_careflow_step, rminfo.A_defining_code).scalar(rminfo.A_code_string)
	for _, node := range c.t.Children(o.node, rminfo.A_ism_transition) {
		if step == "" || c.t.Node(node).NodeID != step {
			continue
		}
		for _, state := range c.t.Children(node, rminfo.A_current_state) {
			for _, phrase := range c.t.Children(state, rminfo.A_defining_code) {
				if codes, ok := c.t.Node(phrase).Constraint.(*aom.CodePhrase); ok && len(codes.Codes) == 1 {
					text, _ := terminology.Rubric(terminology.InstructionStates, codes.Codes[0])
					ism.put(rminfo.A_current_state, c.codedText(text, terminology.ID, codes.Codes[0]))
					return
				}
			}
		}
	}
}

// origins reads the keys for the origins of an observation's histories.
func (c *composer) origins(o *object) {
	for _, it := range o.item.Children {
		var attrs []rminfo.Attr
		switch it.Segment {
		case "history_origin", "data_history_origin":
			attrs = []rminfo.Attr{rminfo.A_data}
		case "state_history_origin":
			attrs = []rminfo.Attr{rminfo.A_state}
		default:
			continue
		}
		history := o.at(attrs...)
		if history == nil {
			if it.Empty() {
				continue
			}
			node := c.t.Children(o.node, attrs[0])
			if len(node) == 0 {
				c.issue(o.web, it.Key(), "key-unknown", "", it.Segment, "the template has no history there")
				continue
			}
			history = o.put(attrs[0], &object{class: rminfo.HISTORY, node: node[0], web: o.web, item: o.item})
		}
		if history.class != rminfo.HISTORY || history.whole {
			continue
		}
		origin := &object{class: rminfo.DV_DATE_TIME, node: template.NoNode, web: o.web, item: it}
		c.members(origin, it)
		if len(origin.kids) > 0 {
			history.put(rminfo.A_origin, origin)
		}
	}
}

func (c *composer) history(o *object) {
	if origin := c.ctx.text("history_origin"); origin != "" && !o.has(rminfo.A_origin) {
		o.put(rminfo.A_origin, c.simple(rminfo.DV_DATE_TIME, origin))
	}
}

// origin is the earliest time of the events, as the specification has it.
func (c *composer) origin(history *object) string {
	earliest := ""
	for i := range history.kids {
		k := &history.kids[i]
		if k.attr != rminfo.A_events {
			continue
		}
		text := ""
		if k.obj != nil {
			time := k.obj.child(rminfo.A_time)
			if time == nil {
				for j := range k.obj.kids {
					if t := k.obj.kids[j].tree; t != nil && k.obj.kids[j].attr == rminfo.A_time {
						text = t.TextAt(t.Root(), rminfo.A_value)
					}
				}
			}
			if time != nil {
				text = time.scalar(rminfo.A_value)
			}
		}
		if text != "" && (earliest == "" || Earlier(text, earliest)) {
			earliest = text
		}
	}
	if earliest == "" {
		return c.time("time")
	}
	return earliest
}

// Earlier compares two date-times; those that cannot be compared keep their order.
func Earlier(a, b string) bool {
	x, err1 := temporal.ParseDateTime(a)
	y, err2 := temporal.ParseDateTime(b)
	if err1 != nil || err2 != nil {
		return false
	}
	return x.Magnitude(nil).Compare(y.Magnitude(nil)) < 0
}
