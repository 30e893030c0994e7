package compose

import (
	"maps"
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/simplified/syntax"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/internal/terminology"
)

// context is what the ctx keys say: defaults for attributes all over the
// composition. They are input only; on output their values stand at their own
// paths.
type context struct{ items map[string][]*syntax.Item }

// contextKeys are the ctx keys with the suffixes each takes; "" is the value
// without suffix (ITS-REST Simplified Formats, Context).
var contextKeys = map[string][]string{
	"language": {""}, "territory": {""}, "time": {""}, "end_time": {""}, "history_origin": {""}, "action_time": {""},
	"composer_name": {""}, "composer_id": {""}, "composer_self": {""}, "id_namespace": {""}, "id_scheme": {""},
	"health_care_facility": {"name", "id", "id_scheme", "id_namespace"}, "setting": {"", "code", "value"}, "location": {""},
	"participation_name": {""}, "participation_function": {""}, "participation_mode": {""}, "participation_id": {""},
	"participation_identifiers": {""}, "provider_name": {""}, "provider_id": {""},
	"work_flow_id": {"id", "id_scheme", "namespace", "type"}, "link": {"type", "meaning", "target"},
	"activity_timing": {""}, "instruction_narrative": {""}, "action_ism_transition_current_state": {"", "code", "value"},
	"category": {"", "code", "value"}, "generic_fields": {""},
}

// contextNames are further names of ctx keys, as clients of other servers write
// them; each may also begin with an underscore.
var contextNames = map[string]string{"id_schema": "id_scheme", "healthcare_facility": "health_care_facility"}

func contextName(segment string) string {
	name := strings.TrimPrefix(segment, "_")
	if known := contextNames[name]; known != "" {
		return known
	}
	return name
}

func (c *composer) readContext(ctx *syntax.Item) {
	c.ctx.items = map[string][]*syntax.Item{}
	var known []string
	for key := range contextKeys {
		known = append(known, key)
	}
	slices.Sort(known)
	type occurrence struct {
		name  string
		index int
	}
	seen := map[occurrence]bool{}
	for _, it := range ctx.Children {
		name := contextName(it.Segment)
		suffixes, ok := contextKeys[name]
		if !ok || len(it.Children) > 0 {
			c.unknown(nil, it, known)
			continue
		}
		for _, v := range it.Values {
			if !slices.Contains(suffixes, v.Suffix) && !identifierSuffix(name, v.Suffix) {
				c.unknownSuffix(nil, it, v, suffixes)
			}
		}
		if said := (occurrence{name, it.Index}); seen[said] {
			c.invalid = true
			c.issue(nil, it.Key(), "key-duplicate", "one name of ctx/"+name, "two", "the same key is given by two names")
		} else {
			seen[said] = true
		}
		c.ctx.items[name] = append(c.ctx.items[name], it)
	}
	for _, v := range ctx.Values {
		c.unknownSuffix(nil, ctx, v, nil)
	}
}

// identifierSuffix allows the parts of an identifier one by one: |issuer:0.
func identifierSuffix(key, suffix string) bool {
	part, _, _ := strings.Cut(suffix, ":")
	return key == "participation_identifiers" && slices.Contains([]string{"id", "issuer", "assigner", "type"}, part)
}

// text is the value of a ctx key, "" without one.
func (x context) text(key string) string { return x.part(key, "") }

func (x context) part(key, suffix string) string {
	for _, it := range x.items[key] {
		if v, ok := it.Value(suffix); ok {
			return v.Text
		}
	}
	return ""
}

func (x context) has(key string) bool { return len(x.items[key]) > 0 }

// time is the first of some ctx keys that is set, else now.
func (c *composer) time(keys ...string) string {
	for _, key := range keys {
		if t := c.ctx.text(key); t != "" {
			return t
		}
	}
	return c.now
}

// party makes a PARTY_IDENTIFIED of the context.
func (c *composer) party(name, id, scheme, namespace string) *object {
	p := c.plain(rminfo.PARTY_IDENTIFIED)
	if name != "" {
		p.text(rminfo.A_name, name)
	}
	if id != "" {
		ref := p.one(rminfo.A_external_ref, rminfo.PARTY_REF)
		ref.text(rminfo.A_type, "PARTY")
		value := ref.one(rminfo.A_id, 0).text(rminfo.A_value, id)
		if scheme != "" {
			value.text(rminfo.A_scheme, scheme)
		}
		if namespace != "" {
			ref.text(rminfo.A_namespace, namespace)
		}
		c.references(ref)
	}
	return p
}

// composer is the author by the context, nil where it names none.
func (c *composer) composer() *object {
	if c.ctx.text("composer_self") == "true" {
		return c.plain(rminfo.PARTY_SELF)
	}
	if !c.ctx.has("composer_name") && !c.ctx.has("composer_id") {
		return nil
	}
	return c.party(c.ctx.text("composer_name"), c.ctx.text("composer_id"), "", "")
}

// concept finds a code of the openEHR terminology by code or label.
func (c *composer) concept(key string, g terminology.Group) *object {
	for _, suffix := range [...]string{"code", "", "value"} {
		text := c.ctx.part(key, suffix)
		if text == "" {
			continue
		}
		for _, concept := range terminology.Concepts(g) {
			if concept.Code == text || strings.EqualFold(concept.Rubric, text) {
				return c.codedText(concept.Rubric, terminology.ID, concept.Code)
			}
		}
		expected := codeList{terminology.ID, terminology.Concepts(g)}
		c.issue(nil, c.ctx.items[key][0].KeyOf(suffix), "code", expected.expected(""), "another code or label", "the openEHR terminology has no such code")
		return nil
	}
	return nil
}

// participations are those of the context.
func (c *composer) participations() []*object {
	parts := map[int]map[string]*syntax.Item{}
	for _, key := range [...]string{"participation_name", "participation_function", "participation_mode", "participation_id", "participation_identifiers"} {
		for _, it := range c.ctx.items[key] {
			if parts[it.Index] == nil {
				parts[it.Index] = map[string]*syntax.Item{}
			}
			parts[it.Index][key] = it
		}
	}
	var out []*object
	for _, index := range slices.Sorted(maps.Keys(parts)) {
		if p := c.participation(index, parts[index]); p != nil {
			out = append(out, p)
		}
	}
	return out
}

// participation makes the one of an index of its ctx keys.
func (c *composer) participation(index int, parts map[string]*syntax.Item) *object {
	at := func(key string) (it *syntax.Item, v syntax.Value) {
		if it = parts[key]; it != nil {
			v, _ = it.Value("")
		}
		return it, v
	}
	_, name := at("participation_name")
	_, function := at("participation_function")
	modeItem, mode := at("participation_mode")
	_, id := at("participation_id")
	p := &object{class: rminfo.PARTICIPATION, node: template.NoNode, index: index}
	performer := c.party(name.Text, id.Text, "", "")
	if it := parts["participation_identifiers"]; it != nil {
		c.identifiers(performer, it)
	}
	if len(performer.kids) == 0 && function.Text == "" && mode.Text == "" {
		return nil
	}
	if function.Text == "" {
		c.issue(nil, "ctx/participation_function:"+itoa(index), "missing", "ctx/participation_function", "none", "a participation has a function")
		return nil
	}
	p.put(rminfo.A_function, c.simple(rminfo.DV_TEXT, function.Text))
	if mode.Text != "" {
		if m := c.mode(p, modeItem, mode); m != nil {
			p.put(rminfo.A_mode, m)
		}
	}
	p.put(rminfo.A_performer, performer)
	return p
}

// identifiers reads issuer::assigner::id::type;... or the parts one by one.
func (c *composer) identifiers(p *object, it *syntax.Item) {
	for _, v := range it.Values {
		if v.Suffix != "" {
			v.Suffix = "identifiers_" + v.Suffix
			holder := &object{class: rminfo.PARTICIPATION, node: template.NoNode, kids: []kid{{attr: rminfo.A_performer, obj: p}}}
			if !c.participationKey(holder, it, v) {
				c.unknownSuffix(nil, it, v, nil)
			}
			continue
		}
		for i, one := range strings.Split(v.Text, ";") {
			parts := strings.Split(one, "::")
			if len(parts) != 4 {
				c.issue(nil, it.Key(), "identifier", "issuer::assigner::id::type", "another form", "the identifier has not four parts")
				continue
			}
			id := p.put(rminfo.A_identifiers, &object{class: rminfo.DV_IDENTIFIER, node: template.NoNode, index: i})
			for n, attr := range [...]rminfo.Attr{rminfo.A_issuer, rminfo.A_assigner, rminfo.A_id, rminfo.A_type} {
				if parts[n] != "" {
					id.text(attr, parts[n])
				}
			}
		}
	}
}

// formFields keeps what a form tool holds beside the template: as the original
// content of the composition, with the name that such tools give the system.
func (c *composer) formFields(o *object) {
	for _, it := range c.ctx.items["generic_fields"] {
		v, _ := it.Value("")
		if v.Kind != syntax.Raw {
			c.issue(c.web.Root, it.Key(), "type", "a JSON object", kindOf(v), "the fields of a form are one object")
			return
		}
		audit := o.one(rminfo.A_feeder_audit, rminfo.FEEDER_AUDIT)
		if content := audit.child(rminfo.A_original_content); content != nil {
			if content.scalar(rminfo.A_value) != v.Text {
				c.invalid = true
				c.issue(c.web.Root, it.Key(), "key-duplicate", "one original content", "two", "the form's fields and _feeder_audit/original_content differ")
			}
			return
		}
		audit.put(rminfo.A_original_content, c.simple(rminfo.DV_PARSABLE, v.Text).text(rminfo.A_formalism, "application/json"))
		if !audit.has(rminfo.A_originating_system_audit) {
			details := c.plain(rminfo.FEEDER_AUDIT_DETAILS)
			audit.put(rminfo.A_originating_system_audit, details.text(rminfo.A_system_id, "FormRenderer"))
		}
	}
}

// links are those of the context, for the composition.
func (c *composer) links() []*object {
	var out []*object
	for _, it := range c.ctx.items["link"] {
		link := &object{class: rminfo.LINK, node: template.NoNode, index: it.Index, item: it}
		c.members(link, it)
		out = append(out, link)
	}
	return out
}
