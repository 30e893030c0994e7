package validate

import (
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/internal/terminology"
)

// binding ties an attribute to a group or code set of the openEHR terminology
// (RM 1.1.0, the invariants named ..._valid of each class).
type binding struct {
	attr  rminfo.Attr
	group terminology.Group
	set   terminology.CodeSet
	// free allows text without a code, and codes of other terminologies.
	free bool
	// lax reports an unknown code as a warning: the published list is short.
	lax bool
}

var bindings = map[rminfo.Class][]binding{
	rminfo.COMPOSITION: {
		{attr: rminfo.A_category, group: terminology.CompositionCategory},
		{attr: rminfo.A_language, set: terminology.Languages},
		{attr: rminfo.A_territory, set: terminology.Countries},
	},
	rminfo.ENTRY: {
		{attr: rminfo.A_language, set: terminology.Languages},
		{attr: rminfo.A_encoding, set: terminology.CharacterSets},
	},
	rminfo.EVENT_CONTEXT:  {{attr: rminfo.A_setting, group: terminology.Setting}},
	rminfo.ELEMENT:        {{attr: rminfo.A_null_flavour, group: terminology.NullFlavours}},
	rminfo.INTERVAL_EVENT: {{attr: rminfo.A_math_function, group: terminology.EventMathFunction}},
	rminfo.ISM_TRANSITION: {
		{attr: rminfo.A_current_state, group: terminology.InstructionStates},
		{attr: rminfo.A_transition, group: terminology.InstructionTransitions},
	},
	rminfo.PARTICIPATION: {
		{attr: rminfo.A_mode, group: terminology.ParticipationMode},
		{attr: rminfo.A_function, group: terminology.ParticipationFunction, free: true},
	},
	rminfo.PARTY_RELATED:    {{attr: rminfo.A_relationship, group: terminology.SubjectRelationship, free: true}},
	rminfo.TERM_MAPPING:     {{attr: rminfo.A_purpose, group: terminology.TermMappingPurpose, free: true}},
	rminfo.AUDIT_DETAILS:    {{attr: rminfo.A_change_type, group: terminology.AuditChangeType}},
	rminfo.ORIGINAL_VERSION: {{attr: rminfo.A_lifecycle_state, group: terminology.VersionLifecycleState}},
	rminfo.ATTESTATION:      {{attr: rminfo.A_reason, group: terminology.AttestationReason, free: true}},
	rminfo.DV_TEXT: {
		{attr: rminfo.A_language, set: terminology.Languages},
		{attr: rminfo.A_encoding, set: terminology.CharacterSets},
	},
	rminfo.DV_ENCAPSULATED: {
		{attr: rminfo.A_language, set: terminology.Languages},
		{attr: rminfo.A_charset, set: terminology.CharacterSets},
	},
	rminfo.DV_MULTIMEDIA: {
		{attr: rminfo.A_media_type, set: terminology.MediaTypes, lax: true},
		{attr: rminfo.A_compression_algorithm, set: terminology.CompressionAlgorithms, lax: true},
		{attr: rminfo.A_integrity_check_algorithm, set: terminology.IntegrityCheckAlgorithms, lax: true},
	},
	rminfo.DV_ORDERED: {{attr: rminfo.A_normal_status, set: terminology.NormalStatuses}},
}

func (c *checker) bound(id rm.ID, b *binding) {
	at := c.tree.Child(id, b.attr)
	if at == rm.None {
		return
	}
	phrase := at
	if c.tree.Class(at) != rminfo.CODE_PHRASE {
		if phrase = c.tree.Child(at, rminfo.A_defining_code); phrase == rm.None {
			return // free text, or a fault reported elsewhere
		}
	}
	code := c.tree.TextAt(phrase, rminfo.A_code_string)
	source := c.tree.TextAt(phrase, rminfo.A_terminology_id, rminfo.A_value)
	if code == "" {
		return
	}
	if b.set != "" {
		if !terminology.InSet(b.set, code) {
			c.unknownCode(phrase, "terminology-"+string(b.set), terminology.SetName(b.set), code, b.lax)
		}
		return
	}
	if !terminology.IsOpenEHR(source) {
		if !b.free {
			c.add(finding{
				at: phrase, node: template.NoNode, rule: "terminology-" + string(b.group), expected: groupCodes(b.group), found: source + "::" + code,
				message: "The code must be of the terminology openehr, not " + strconv.Quote(shownValue(source)),
			})
		}
		return
	}
	legacy, ok := terminology.HasLegacy(b.group, code)
	if !ok || legacy {
		c.unknownCode(phrase, "terminology-"+string(b.group), groupCodes(b.group), code, ok)
	}
}

func (c *checker) unknownCode(at rm.ID, rule, expected, found string, warning bool) {
	name := strings.TrimPrefix(rule, "terminology-")
	c.add(finding{
		at: at, node: template.NoNode, rule: rule, expected: expected, found: found, warning: warning,
		message: "The code " + shownValue(found) + " is not in " + strings.ReplaceAll(name, "_", " "),
	})
}

// groupCodes lists a short group for the reader; a long one by its name.
func groupCodes(g terminology.Group) string {
	concepts := terminology.Concepts(g)
	if len(concepts) > 15 {
		return "a code of the group " + string(g)
	}
	list := make([]string, len(concepts))
	for i, c := range concepts {
		list[i] = c.Code + " (" + c.Rubric + ")"
	}
	return strings.Join(list, ", ")
}
