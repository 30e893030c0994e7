package validate_test

import (
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/validate"
)

// modelRule is one line of the list of what a validator must check beyond types
// and multiplicity: objects that keep it, and objects that break it with the
// rule they break; "~" before a rule is a warning.
type modelRule struct {
	says   string
	keep   []string
	breaks map[string]string
	// elsewhere argues why the rule has no breach that could be shown here.
	elsewhere string
}

const (
	rootOf   = `"archetype_details":{"archetype_id":{"value":"ID"},"rm_version":"1.1.0"}`
	textX    = `{"value":"x"}`
	textName = `"name":{"value":"x"}`
	instant  = `{"value":"2026-03-01T10:00:00Z"}`
	english  = `"language":{"terminology_id":{"value":"ISO_639-1"},"code_string":"en"}`
	utf8     = `"encoding":{"terminology_id":{"value":"IANA_character-sets"},"code_string":"UTF-8"}`
	element  = `{"_type":"ELEMENT",` + textName + `,"archetype_node_id":"at0002","value":{"_type":"DV_TEXT","value":"x"}}`
	someTree = `{"_type":"ITEM_TREE",` + textName + `,"archetype_node_id":"at0001","items":[` + element + `]}`
	pointAt  = `{"_type":"POINT_EVENT",` + textName + `,"archetype_node_id":"at0003","time":{"value":"TIME"},"data":` + someTree + `}`
	self     = `{"_type":"PARTY_SELF"}`
)

func coded(terminology, code string) string {
	return `{"_type":"DV_CODED_TEXT","value":"x","defining_code":` + phrase(terminology, code) + `}`
}

func phrase(terminology, code string) string {
	return `{"terminology_id":{"value":"` + terminology + `"},"code_string":"` + code + `"}`
}

// with builds an object of a class from members.
func with(class string, members ...string) string {
	return class + ` {"_type":"` + class + `",` + strings.Join(members, ",") + `}`
}

func archetyped(class string, members ...string) string {
	id := "openEHR-EHR-" + class + ".x.v1"
	return with(class, append([]string{textName, `"archetype_node_id":"` + id + `"`, strings.ReplaceAll(rootOf, "ID", id)}, members...)...)
}

func composition(members ...string) string {
	defaults := []string{english, `"territory":` + phrase("ISO_3166-1", "GB"), `"category":` + coded("openehr", "433"), `"composer":` + self}
	for i, d := range defaults {
		key, _, _ := strings.Cut(d, ":")
		for _, m := range members {
			if strings.HasPrefix(m, key+":") {
				defaults[i] = m
			}
		}
	}
	for _, m := range members {
		if !strings.Contains(strings.Join(defaults, ","), m) {
			defaults = append(defaults, m)
		}
	}
	return archetyped("COMPOSITION", defaults...)
}

func entry(class string, members ...string) string {
	joined := strings.Join(members, ",")
	for key, byDefault := range map[string]string{`"language":`: english, `"encoding":`: utf8, `"subject":`: `"subject":` + self} {
		if !strings.Contains(joined, key) {
			members = append(members, byDefault)
		}
	}
	return archetyped(class, members...)
}

func evaluation(members ...string) string {
	return entry("EVALUATION", append(members, `"data":`+someTree)...)
}

func history(members string, times ...string) string {
	var events []string
	for _, t := range times {
		events = append(events, strings.ReplaceAll(pointAt, "TIME", t))
	}
	return with("HISTORY", textName, `"archetype_node_id":"at0001"`, `"origin":`+instant, members+`"events":[`+strings.Join(events, ",")+`]`)
}

func transition(state, step string) string {
	return with("ISM_TRANSITION", `"current_state":`+coded("openehr", state), `"transition":`+coded("openehr", step))
}

func action(members string) string {
	return entry("ACTION", `"time":`+instant, `"description":`+someTree, `"ism_transition":{"current_state":`+coded("openehr", "532")+`}`+members)
}

func quantity(members string) string {
	return with("DV_QUANTITY", `"magnitude":1.25,"units":"kg"`+members)
}

func proportion(kind, top, bottom, more string) string {
	return with("DV_PROPORTION", `"type":`+kind+`,"numerator":`+top+`,"denominator":`+bottom+more)
}

func span(lower, upper, flags string) string {
	var members []string
	for _, m := range []string{lower, upper, flags} {
		if m != "" {
			members = append(members, m)
		}
	}
	return with("DV_INTERVAL", members...)
}

func media(members string) string {
	return with("DV_MULTIMEDIA", `"media_type":`+phrase("IANA_media-types", "image/png")+`,"size":4`+members)
}

func party(class, members string) string {
	id := `"archetype_node_id":"openEHR-DEMOGRAPHIC-` + class + `.x.v1",` + strings.ReplaceAll(rootOf, "ID", "openEHR-DEMOGRAPHIC-"+class+".x.v1")
	return with(class, textName, id, `"uid":{"_type":"HIER_OBJECT_ID","value":"8849182c-82ad-4088-a07f-48ead4180515"}`, members)
}

const oneIdentity = `"identities":[{"_type":"PARTY_IDENTITY","name":{"value":"x"},"archetype_node_id":"at0001","details":` + someTree + `}]`

func audit(members string) string {
	return with("AUDIT_DETAILS", `"time_committed":`+instant, `"committer":`+self, members)
}

var modelRules = map[int]modelRule{
	1: {says: "archetype_node_id and name are not empty", keep: []string{`ELEMENT ` + element}, breaks: map[string]string{
		`ELEMENT ` + strings.Replace(element, "at0002", "", 1):                              "invariant-LOCATABLE.Archetype_node_id_valid",
		`ELEMENT ` + strings.Replace(element, `"value":"x"},"arch`, `"value":""},"arch`, 1): "invariant-DV_TEXT.Value_valid",
	}},
	2: {says: "archetype_details stand at archetype roots and agree", keep: []string{evaluation()}, breaks: map[string]string{
		strings.Replace(evaluation(), `"archetype_id":{"value":"openEHR-EHR-EVALUATION.x.v1"}`, `"archetype_id":{"value":"openEHR-EHR-EVALUATION.y.v1"}`, 1): "invariant-LOCATABLE.Archetyped_valid",
		strings.Replace(evaluation(), `"rm_version":"1.1.0"`, `"rm_version":""`, 1):                                                                          "invariant-ARCHETYPED.Rm_version_valid",
		strings.Replace(evaluation(), strings.ReplaceAll(rootOf, "ID", "openEHR-EHR-EVALUATION.x.v1")+",", "", 1):                                            "~invariant-LOCATABLE.Archetyped_valid",
	}},
	3: {says: "compositions, entries, statuses and parties are archetype roots", keep: []string{composition(), evaluation()}, breaks: map[string]string{
		strings.Replace(evaluation(), `"archetype_node_id":"openEHR-EHR-EVALUATION.x.v1"`, `"archetype_node_id":"at0000"`, 1):    "invariant-EVALUATION.Is_archetype_root",
		with("EHR_STATUS", textName, `"archetype_node_id":"at0000","subject":`+self+`,"is_queryable":true,"is_modifiable":true`): "invariant-EHR_STATUS.Is_archetype_root",
	}},
	4: {says: "optional lists are absent or not empty", keep: []string{composition(`"content":[]`), composition(`"links":[]`)},
		elsewhere: "the tree has no empty list: the codecs drop it (ITS-JSON: SHOULD be absent), so that none is ever stored"},
	5: {says: "item structures hold what they may", keep: []string{
		with("ITEM_TABLE", textName, `"archetype_node_id":"at0001","rows":[{"_type":"CLUSTER",`+textName+`,"archetype_node_id":"at0004","items":[`+element+`]}]`),
	}, breaks: map[string]string{
		with("ITEM_TABLE", textName, `"archetype_node_id":"at0001","rows":[{"_type":"CLUSTER",`+textName+`,"archetype_node_id":"at0004","items":[{"_type":"CLUSTER",`+textName+`,"archetype_node_id":"at0005","items":[`+element+`]}]}]`): "invariant-ITEM_TABLE.Valid_structure",
		with("ITEM_LIST", textName, `"archetype_node_id":"at0001","items":[{"_type":"CLUSTER",`+textName+`,"archetype_node_id":"at0005","items":[`+element+`]}]`):                                                                         "json-class",
		with("CLUSTER", textName, `"archetype_node_id":"at0001","items":[]`): "rm-existence",
	}},
	6: {says: "an element has a value or a null flavour", keep: []string{
		with("ELEMENT", textName, `"archetype_node_id":"at0001","null_flavour":`+coded("openehr", "253")),
	}, breaks: map[string]string{
		with("ELEMENT", textName, `"archetype_node_id":"at0001"`):                                                                                 "invariant-ELEMENT.Inv_null_flavour_indicated",
		with("ELEMENT", textName, `"archetype_node_id":"at0001","value":{"_type":"DV_TEXT","value":"x"},"null_flavour":`+coded("openehr", "253")): "invariant-ELEMENT.Inv_null_flavour_indicated",
	}},
	7: {says: "null flavours are of their group, and a reason needs one", keep: []string{
		with("ELEMENT", textName, `"archetype_node_id":"at0001","null_flavour":`+coded("openehr", "271")+`,"null_reason":`+textX),
	}, breaks: map[string]string{
		with("ELEMENT", textName, `"archetype_node_id":"at0001","null_flavour":`+coded("openehr", "433")):                      "terminology-null_flavours",
		with("ELEMENT", textName, `"archetype_node_id":"at0001","null_flavour":`+coded("SNOMED-CT", "253")):                    "terminology-null_flavours",
		with("ELEMENT", textName, `"archetype_node_id":"at0001","value":{"_type":"DV_TEXT","value":"x"},"null_reason":`+textX): "invariant-ELEMENT.Inv_no_null_reason",
	}},
	8: {says: "a history has events or a summary", keep: []string{
		history("", "2026-03-01T10:00:00Z"), with("HISTORY", textName, `"archetype_node_id":"at0001"`, `"origin":`+instant, `"summary":`+someTree),
	}, breaks: map[string]string{with("HISTORY", textName, `"archetype_node_id":"at0001"`, `"origin":`+instant): "invariant-HISTORY.Events_valid"}},
	9: {says: "events of a periodic history stand at multiples of the period", keep: []string{
		history(`"period":{"value":"PT15M"},`, "2026-03-01T10:00:00Z", "2026-03-01T10:15:00Z", "2026-03-01T11:45:00+01:00", "2026-03-02"),
		history(`"period":{"value":"P1M"},`, "2026-03-01T10:15:00Z"), history(`"period":{"value":"PT0.5S"},`, "2026-03-01T10:00:01.5Z"),
	}, breaks: map[string]string{
		history(`"period":{"value":"PT15M"},`, "2026-03-01T10:00:00Z", "2026-03-01T10:20:00Z"): "invariant-HISTORY.Period_consistency",
		history(`"period":{"value":"PT0.5S"},`, "2026-03-01T10:00:01.7Z"):                      "invariant-HISTORY.Period_consistency",
	}},
	10: {says: "an event before the origin is none of its business", keep: []string{history("", "2025-01-01T00:00:00Z")},
		elsewhere: "the list states that it is no invariant: the offset is derived and may be negative"},
	11: {says: "interval events name a function and a width of at least zero", keep: []string{
		with("INTERVAL_EVENT", textName, `"archetype_node_id":"at0003"`, `"time":`+instant, `"data":`+someTree, `"width":{"value":"PT1H"}`, `"math_function":`+coded("openehr", "146")),
	}, breaks: map[string]string{
		with("INTERVAL_EVENT", textName, `"archetype_node_id":"at0003"`, `"time":`+instant, `"data":`+someTree, `"width":{"value":"PT1H"}`, `"math_function":`+coded("openehr", "433")):  "terminology-event_math_function",
		with("INTERVAL_EVENT", textName, `"archetype_node_id":"at0003"`, `"time":`+instant, `"data":`+someTree, `"width":{"value":"-PT1H"}`, `"math_function":`+coded("openehr", "146")): "invariant-INTERVAL_EVENT.Width_valid",
	}},
	12: {says: "category is of its group", keep: []string{composition(`"category":` + coded("openehr", "431")), composition(`"category":` + coded("openehr", "451"))}, breaks: map[string]string{
		composition(`"category":` + coded("openehr", "271")): "terminology-composition_category",
		composition(`"category":` + coded("openehr", "435")): "~terminology-composition_category",
	}},
	13: {says: "language and territory are of their code sets", keep: []string{composition(`"language":` + phrase("ISO_639-1", "en-GB"))}, breaks: map[string]string{
		composition(`"language":` + phrase("ISO_639-1", "xx")):   "terminology-languages",
		composition(`"territory":` + phrase("ISO_3166-1", "QQ")): "terminology-countries",
	}},
	14: {says: "setting is of its group, a location has text, the end is not before the start", keep: []string{
		with("EVENT_CONTEXT", `"start_time":`+instant, `"setting":`+coded("openehr", "238"), `"location":"ward 3"`, `"end_time":{"value":"2026-03-01T11:00:00Z"}`),
	}, breaks: map[string]string{
		with("EVENT_CONTEXT", `"start_time":`+instant, `"setting":`+coded("openehr", "433")):                                                "terminology-setting",
		with("EVENT_CONTEXT", `"start_time":`+instant, `"setting":`+coded("openehr", "238"), `"location":""`):                               "invariant-EVENT_CONTEXT.Location_valid",
		with("EVENT_CONTEXT", `"start_time":`+instant, `"setting":`+coded("openehr", "238"), `"end_time":{"value":"2026-02-01T11:00:00Z"}`): "~invariant-EVENT_CONTEXT.End_time_valid",
	}},
	15: {says: "a persistent composition may have a context", keep: []string{composition(`"category":`+coded("openehr", "431"), `"context":{"start_time":`+instant+`,"setting":`+coded("openehr", "238")+`}`)},
		elsewhere: "forbidden by RM 1.0.2, allowed since 1.0.3"},
	16: {says: "a uid that is sent names the version", elsewhere: "asked where the version is known: cdr answers uid-mismatch"},
	17: {says: "entries name language and encoding of their code sets", keep: []string{evaluation()}, breaks: map[string]string{
		evaluation(`"language":` + phrase("ISO_639-1", "xx")):             "terminology-languages",
		evaluation(`"encoding":` + phrase("IANA_character-sets", "none")): "terminology-character_sets",
	}},
	18: {says: "the record's subject is no relative of the relationship self", keep: []string{
		evaluation(`"subject":{"_type":"PARTY_RELATED","name":"A parent","relationship":` + coded("openehr", "10") + `}`),
	}, breaks: map[string]string{
		evaluation(`"subject":{"_type":"PARTY_RELATED","name":"x","relationship":` + coded("openehr", "0") + `}`): "invariant-ENTRY.Subject_validity",
	}},
	19: {says: "an activity names archetypes of its actions", keep: []string{
		with("ACTIVITY", textName, `"archetype_node_id":"at0001"`, `"action_archetype_id":"/openEHR-EHR-ACTION\\.x\\.v1/"`, `"description":`+someTree),
	}, breaks: map[string]string{
		with("ACTIVITY", textName, `"archetype_node_id":"at0001"`, `"action_archetype_id":""`, `"description":`+someTree): "invariant-ACTIVITY.Action_archetype_id_valid",
	}},
	20: {says: "states and transitions are of their groups", keep: []string{transition("532", "548")}, breaks: map[string]string{
		transition("433", "548"): "terminology-instruction_states", transition("532", "433"): "terminology-instruction_transitions",
	}},
	21: {says: "the transition ends in the state", keep: []string{transition("529", "538"), transition("526", "538"), transition("245", "546")}, breaks: map[string]string{
		transition("532", "540"): "invariant-ISM_TRANSITION.Transition_valid", transition("524", "535"): "invariant-ISM_TRANSITION.Transition_valid",
	}},
	22: {says: "instruction details name instruction and activity", keep: []string{
		action(`,"instruction_details":{"instruction_id":{"_type":"LOCATABLE_REF","namespace":"local","type":"INSTRUCTION","id":{"_type":"HIER_OBJECT_ID","value":"1.2"}},"activity_id":"activities[at0001]"}`),
	}, breaks: map[string]string{
		action(`,"instruction_details":{"instruction_id":{"_type":"LOCATABLE_REF","namespace":"local","type":"INSTRUCTION","id":{"_type":"HIER_OBJECT_ID","value":"1.2"}},"activity_id":""}`): "invariant-INSTRUCTION_DETAILS.Activity_path_valid",
		action(`,"instruction_details":{"instruction_id":{"_type":"OBJECT_REF","namespace":"local","type":"INSTRUCTION","id":{"_type":"HIER_OBJECT_ID","value":"1.2"}},"activity_id":"x"}`):   "json-class",
	}},
	23: {says: "participations name function and mode of their groups", keep: []string{
		with("PARTICIPATION", `"function":{"value":"scribe"}`, `"mode":`+coded("openehr", "193"), `"performer":`+self), with("PARTICIPATION", `"function":`+coded("SNOMED-CT", "1"), `"performer":`+self),
	}, breaks: map[string]string{
		with("PARTICIPATION", `"function":{"value":"x"}`, `"mode":`+coded("openehr", "433"), `"performer":`+self): "terminology-participation_mode",
		with("PARTICIPATION", `"function":`+coded("openehr", "433"), `"performer":`+self):                         "terminology-participation_function",
	}},
	24: {says: "relationships are of their group", keep: []string{with("PARTY_RELATED", `"relationship":`+coded("openehr", "9"))}, breaks: map[string]string{
		with("PARTY_RELATED", `"relationship":`+coded("openehr", "433")): "terminology-subject_relationship",
	}},
	25: {says: "an identified party is identified", keep: []string{with("PARTY_IDENTIFIED", `"identifiers":[{"id":"1"}]`)}, breaks: map[string]string{
		`PARTY_IDENTIFIED {"_type":"PARTY_IDENTIFIED"}`: "invariant-PARTY_IDENTIFIED.Basic_validity",
		with("PARTY_IDENTIFIED", `"name":""`):           "invariant-PARTY_IDENTIFIED.Name_valid",
	}},
	26: {says: "references have a namespace and a type", keep: []string{with("PARTY_REF", `"namespace":"https://example.org/x?y=1","type":"PERSON","id":{"_type":"GENERIC_ID","value":"1","scheme":"x"}`)}, breaks: map[string]string{
		with("PARTY_REF", `"namespace":"","type":"PERSON","id":{"_type":"GENERIC_ID","value":"1","scheme":"x"}`):      "invariant-OBJECT_REF.Namespace_exists",
		with("PARTY_REF", `"namespace":"local","type":"","id":{"_type":"GENERIC_ID","value":"1","scheme":"x"}`):       "invariant-OBJECT_REF.Type_exists",
		with("PARTY_REF", `"namespace":"1.2 x","type":"PERSON","id":{"_type":"GENERIC_ID","value":"1","scheme":"x"}`): "~invariant-OBJECT_REF.Namespace_valid",
		with("PARTY_REF", `"namespace":"local","type":"PERSON","id":{"_type":"GENERIC_ID","value":"","scheme":"x"}`):  "invariant-OBJECT_ID.Value_valid",
	}},
	27: {says: "codes have text and a terminology", keep: []string{`CODE_PHRASE ` + phrase("x", "1")}, breaks: map[string]string{
		`CODE_PHRASE ` + phrase("x", ""): "invariant-CODE_PHRASE.Code_string_valid", `CODE_PHRASE ` + phrase("", "1"): "invariant-OBJECT_ID.Value_valid",
	}},
	28: {says: "texts are not empty and of a known formatting", keep: []string{with("DV_TEXT", `"value":"x","formatting":"markdown"`)}, breaks: map[string]string{
		with("DV_TEXT", `"value":""`): "invariant-DV_TEXT.Value_valid", with("DV_TEXT", `"value":"x","formatting":"font-weight: bold"`): "~invariant-DV_TEXT.Formatting_valid",
	}},
	29: {says: "language, encoding and hyperlink of a text are valid", keep: []string{with("DV_TEXT", `"value":"x"`, english, utf8, `"hyperlink":{"value":"https://example.org"}`)}, breaks: map[string]string{
		with("DV_TEXT", `"value":"x","language":`+phrase("ISO_639-1", "xx")):          "terminology-languages",
		with("DV_TEXT", `"value":"x","encoding":`+phrase("IANA_character-sets", "x")): "terminology-character_sets",
		with("DV_TEXT", `"value":"x","hyperlink":{"value":"no uri"}`):                 "invariant-DV_URI.Value_valid",
	}},
	30: {says: "the text of a local code is the template's term", elsewhere: "needs a template: TestTextsOfLocalCodes"},
	31: {says: "mappings have one of four matches, and a purpose of its group", keep: []string{with("TERM_MAPPING", `"match":"=","target":`+phrase("x", "1"), `"purpose":`+coded("openehr", "669"))}, breaks: map[string]string{
		with("TERM_MAPPING", `"match":"!","target":`+phrase("x", "1")):                                       "invariant-TERM_MAPPING.Match_valid",
		with("TERM_MAPPING", `"match":"=","target":`+phrase("x", "1"), `"purpose":`+coded("openehr", "433")): "terminology-term_mapping_purpose",
	}},
	32: {says: "a normal status is of its set and agrees with the range", keep: []string{
		quantity(`,"normal_status":` + phrase("openehr_normal_statuses", "H") + `,"normal_range":{"upper":{"_type":"DV_QUANTITY","magnitude":1,"units":"kg"}}`),
	}, breaks: map[string]string{
		quantity(`,"normal_status":` + phrase("openehr_normal_statuses", "Q")):                                                                                  "terminology-normal_statuses",
		quantity(`,"normal_status":` + phrase("openehr_normal_statuses", "N") + `,"normal_range":{"upper":{"_type":"DV_QUANTITY","magnitude":1,"units":"kg"}}`): "~invariant-DV_ORDERED.Normal_range_and_status_consistency",
	}},
	33: {says: "the bounds of a reference range have no ranges", keep: []string{with("REFERENCE_RANGE", `"meaning":`+textX, `"range":{"upper":{"_type":"DV_COUNT","magnitude":1}}`)}, breaks: map[string]string{
		with("REFERENCE_RANGE", `"meaning":`+textX, `"range":{"upper":{"_type":"DV_COUNT","magnitude":1,"normal_range":{"upper":{"_type":"DV_COUNT","magnitude":1}}}}`): "invariant-REFERENCE_RANGE.Range_is_simple",
	}},
	34: {says: "a magnitude status is one of six", keep: []string{quantity(`,"magnitude_status":"<="`)}, breaks: map[string]string{quantity(`,"magnitude_status":"approx"`): "invariant-DV_QUANTIFIED.Magnitude_status_valid"}},
	35: {says: "an accuracy in percent is one", keep: []string{quantity(`,"accuracy":5,"accuracy_is_percent":true`), quantity(`,"accuracy":0,"accuracy_is_percent":false`)}, breaks: map[string]string{
		quantity(`,"accuracy":0,"accuracy_is_percent":true`):   "invariant-DV_AMOUNT.Accuracy_is_percent_validity",
		quantity(`,"accuracy":101,"accuracy_is_percent":true`): "invariant-DV_AMOUNT.Accuracy_validity",
	}},
	36: {says: "quantities have units of UCUM and a precision that holds", keep: []string{
		quantity(`,"precision":2`), quantity(`,"precision":-1`), with("DV_QUANTITY", `"magnitude":1,"units":"my unit","units_system":"http://example.org/units"`),
	}, breaks: map[string]string{
		with("DV_QUANTITY", `"magnitude":1,"units":""`):        "invariant-DV_QUANTITY.Units_valid",
		with("DV_QUANTITY", `"magnitude":1,"units":"my unit"`): "~unit-not-ucum",
		quantity(`,"precision":-2`):                            "invariant-DV_QUANTITY.Precision_valid",
		quantity(`,"precision":1`):                             "~invariant-DV_QUANTITY.Precision_valid",
	}},
	37: {says: "proportions are of their kind", keep: []string{
		proportion("0", "1.5", "2.5", ""), proportion("1", "0.5", "1", ""), proportion("2", "12.5", "100", ""), proportion("3", "1", "2", ""), proportion("4", "3", "2", `,"precision":0`),
	}, breaks: map[string]string{
		proportion("5", "1", "2", ""): "invariant-DV_PROPORTION.Type_validity", proportion("0", "1", "0", ""): "invariant-DV_PROPORTION.Valid_denominator",
		proportion("1", "1", "2", ""): "invariant-DV_PROPORTION.Unitary_validity", proportion("2", "1", "2", ""): "invariant-DV_PROPORTION.Percent_validity",
		proportion("3", "1.5", "2", ""): "invariant-DV_PROPORTION.Is_integral_validity", proportion("4", "1", "2.5", ""): "invariant-DV_PROPORTION.Is_integral_validity",
		proportion("0", "1.5", "2", `,"precision":0`): "invariant-DV_PROPORTION.Precision_validity", proportion("3", "1", "2", `,"precision":2`): "invariant-DV_PROPORTION.Fraction_validity",
	}},
	38: {says: "symbol and value belong together", elsewhere: "needs a template: the list of C_DV_ORDINAL, in TestEachFaultIsNamedAtItsPlace"},
	39: {says: "intervals are in order and comparable, and their open sides open", keep: []string{
		span(`"lower":{"_type":"DV_COUNT","magnitude":1}`, `"upper":{"_type":"DV_COUNT","magnitude":1}`, ""), span("", `"upper":{"_type":"DV_COUNT","magnitude":1}`, `"lower_unbounded":true,"lower_included":false`),
		span(`"lower":{"_type":"DV_DATE","value":"2026"}`, `"upper":{"_type":"DV_DATE","value":"2026-05"}`, ""),
	}, breaks: map[string]string{
		span(`"lower":{"_type":"DV_COUNT","magnitude":2}`, `"upper":{"_type":"DV_COUNT","magnitude":1}`, ""):                                                             "invariant-INTERVAL.Limits_consistent",
		span(`"lower":{"_type":"DV_COUNT","magnitude":2}`, `"upper":{"_type":"DV_DATE","value":"2026"}`, ""):                                                             "invariant-INTERVAL.Limits_comparable",
		span(`"lower":{"_type":"DV_QUANTITY","magnitude":2,"units":"g"}`, `"upper":{"_type":"DV_QUANTITY","magnitude":3,"units":"kg"}`, ""):                              "invariant-INTERVAL.Limits_comparable",
		span("", `"upper":{"_type":"DV_COUNT","magnitude":1}`, `"lower_unbounded":true,"lower_included":true`):                                                           "invariant-INTERVAL.Lower_included_valid",
		span("", `"upper":{"_type":"DV_COUNT","magnitude":1}`, `"lower_unbounded":false`):                                                                                "invariant-INTERVAL.Lower_bound_valid",
		span(`"lower":{"_type":"DV_DURATION","value":"P2M"}`, `"upper":{"_type":"DV_DURATION","value":"P1D"}`, ""):                                                       "invariant-INTERVAL.Limits_consistent",
		span(`"lower":{"_type":"DV_PROPORTION","type":0,"numerator":3,"denominator":2}`, `"upper":{"_type":"DV_PROPORTION","type":0,"numerator":1,"denominator":1}`, ""): "invariant-INTERVAL.Limits_consistent",
	}},
	40: {says: "dates and times are of ISO 8601, partial ones too", keep: []string{
		with("DV_DATE", `"value":"2026"`), with("DV_DATE", `"value":"2026-02"`), with("DV_TIME", `"value":"10"`), with("DV_TIME", `"value":"10:30+14:00"`),
		with("DV_DATE_TIME", `"value":"2026-03-01T10"`), with("DV_DATE_TIME", `"value":"2026-03-01T10:00:00,5-12:00"`), with("DV_DATE", `"value":"20260301"`),
	}, breaks: map[string]string{
		with("DV_DATE", `"value":"2026-02-30"`): "lexical-date", with("DV_TIME", `"value":"24:00"`): "lexical-time", with("DV_DATE_TIME", `"value":"2026-03-01T10:00:00+15:00"`): "lexical-date-time",
		with("DV_DATE", `"value":"01/03/2026"`): "lexical-date", with("DV_DATE_TIME", `"value":"2026-03-01 10:00:00"`): "lexical-date-time",
	}},
	41: {says: "durations are of ISO 8601, with sign and weeks", keep: []string{with("DV_DURATION", `"value":"-P1Y2W3DT4.5S"`)}, breaks: map[string]string{
		with("DV_DURATION", `"value":"P"`): "lexical-duration", with("DV_DURATION", `"value":"1 week"`): "lexical-duration", with("DV_DURATION", `"value":"P1DT"`): "lexical-duration",
	}},
	42: {says: "an identifier has an id", keep: []string{with("DV_IDENTIFIER", `"id":"1"`)}, breaks: map[string]string{with("DV_IDENTIFIER", `"id":""`): "invariant-DV_IDENTIFIER.Id_valid"}},
	43: {says: "URIs are of RFC 3986", keep: []string{with("DV_URI", `"value":"mailto:a@example.org"`), with("DV_EHR_URI", `"value":"ehr:/a/content[openEHR-EHR-EVALUATION.x.v1]"`)}, breaks: map[string]string{
		with("DV_URI", `"value":"x y"`): "invariant-DV_URI.Value_valid", with("DV_URI", `"value":"http://a/%zz"`): "invariant-DV_URI.Value_valid", with("DV_EHR_URI", `"value":"http://example.org"`): "invariant-DV_EHR_URI.Scheme_valid",
	}},
	44: {says: "multimedia has content, a size, known types, a check that holds", keep: []string{
		media(`,"uri":{"value":"https://example.org/x.png"}`),
		media(`,"data":"QUJDRA==","integrity_check":"4S4RWs9FUrJWi1XpPL05OUxO+ByCRH+vyZeIKgLSNnc=","integrity_check_algorithm":` + phrase("openehr_integrity_check_algorithms", "SHA-256")),
	}, breaks: map[string]string{
		media(""): "invariant-DV_MULTIMEDIA.Not_empty",
		strings.Replace(media(`,"data":"QUJDRA=="`), `"size":4`, `"size":-1`, 1):                                                                        "invariant-DV_MULTIMEDIA.Size_valid",
		media(`,"data":"QUJDRA==","integrity_check":"QUJDRA=="`):                                                                                        "invariant-DV_MULTIMEDIA.Integrity_check_validity",
		strings.Replace(media(`,"data":"QUJDRA=="`), "image/png", "nothing/known", 1):                                                                   "~terminology-media_types",
		media(`,"data":"QUJDRA==","compression_algorithm":` + phrase("x", "squeeze")):                                                                   "~terminology-compression_algorithms",
		media(`,"data":"QUJDRA==","integrity_check":"QUJDRA==","integrity_check_algorithm":` + phrase("openehr_integrity_check_algorithms", "SHA-256")): "~invariant-DV_MULTIMEDIA.Integrity_check_validity",
	}},
	45: {says: "parsable text names its formalism, and encapsulated data known sets", keep: []string{with("DV_PARSABLE", `"value":"x","formalism":"text/plain"`)}, breaks: map[string]string{
		with("DV_PARSABLE", `"value":"x","formalism":""`):                                                         "invariant-DV_PARSABLE.Formalism_valid",
		with("DV_PARSABLE", `"value":"x","formalism":"text/plain","charset":`+phrase("IANA_character-sets", "x")): "terminology-character_sets",
		with("DV_PARSABLE", `"value":"x","formalism":"text/plain","language":`+phrase("ISO_639-1", "xx")):         "terminology-languages",
	}},
	46: {says: "a paragraph has items", keep: []string{with("DV_PARAGRAPH", `"items":[`+`{"_type":"DV_TEXT","value":"x"}`+`]`)}, breaks: map[string]string{with("DV_PARAGRAPH", `"items":[]`): "rm-existence"}},
	47: {says: "time specifications are of HL7", keep: []string{with("DV_GENERAL_TIME_SPECIFICATION", `"value":{"value":"x","formalism":"HL7:GTS"}`)}, breaks: map[string]string{
		with("DV_GENERAL_TIME_SPECIFICATION", `"value":{"value":"x","formalism":"text/plain"}`):  "invariant-DV_GENERAL_TIME_SPECIFICATION.Value_valid",
		with("DV_PERIODIC_TIME_SPECIFICATION", `"value":{"value":"x","formalism":"text/plain"}`): "invariant-DV_PERIODIC_TIME_SPECIFICATION.Value_valid",
	}},
	48: {says: "a state is one of the machine", elsewhere: "needs a template: TestStates"},
	49: {says: "the first version follows none", elsewhere: "versions are made by cdr: the server numbers them"},
	50: {says: "lifecycle states are of their group", keep: []string{version("532")}, breaks: map[string]string{version("433"): "terminology-version_lifecycle_state"}},
	51: {says: "audits name a system and a change type", keep: []string{audit(`"system_id":"x","change_type":` + coded("openehr", "249"))}, breaks: map[string]string{
		audit(`"system_id":"","change_type":` + coded("openehr", "249")): "invariant-AUDIT_DETAILS.System_id_valid", audit(`"system_id":"x","change_type":` + coded("openehr", "433")): "terminology-audit_change_type",
	}},
	52: {says: "coded reasons of attestations are of their group", keep: []string{attestation(coded("openehr", "240")), attestation(textX), attestation(coded("SNOMED-CT", "1"))},
		breaks: map[string]string{attestation(coded("openehr", "433")): "terminology-attestation_reason"}},
	53: {says: "other inputs of a version are not an empty list", elsewhere: "the tree has no empty list, as in rule 4"},
	54: {says: "all versions of a composition are of one archetype and persistence", elsewhere: "asked where the preceding version is known: cdr refuses another template on update, and with it another archetype"},
	55: {says: "the uid of a versioned object has no extension", elsewhere: "cdr takes UUIDs only"},
	56: {says: "an EHR refers to objects of the right types", elsewhere: "EHR is made by the server and never sent"},
	57: {says: "an EHR's subject is a PARTY_SELF", keep: []string{archetyped("EHR_STATUS", `"subject":`+self, `"is_queryable":true,"is_modifiable":true`)}, breaks: map[string]string{
		archetyped("EHR_STATUS", `"subject":{"_type":"PARTY_IDENTIFIED","name":"x"}`, `"is_queryable":true,"is_modifiable":true`): "json-class",
	}},
	58: {says: "an EHR that is not modifiable takes nothing", elsewhere: "asked in the commit of postgres"},
	59: {says: "tags have keys", elsewhere: "tags are no part of an object: cdr checks them"},
	60: {says: "parties have identities", keep: []string{party("PERSON", oneIdentity)}, breaks: map[string]string{party("PERSON", `"languages":[]`): "rm-existence"}},
	61: {says: "a relationship is at its source", elsewhere: "source and target are parties of the repository: asked where they are known"},
	62: {says: "contacts have addresses and roles a performer", keep: []string{
		with("CONTACT", textName, `"archetype_node_id":"at0001","addresses":[{"_type":"ADDRESS",`+textName+`,"archetype_node_id":"at0002","details":`+someTree+`}]`),
	}, breaks: map[string]string{
		with("CONTACT", textName, `"archetype_node_id":"at0001","addresses":[]`): "rm-existence", party("ROLE", oneIdentity): "rm-existence",
	}},
	63: {says: "feeder audits name their system", keep: []string{with("FEEDER_AUDIT", `"originating_system_audit":{"system_id":"x"}`)}, breaks: map[string]string{
		with("FEEDER_AUDIT", `"originating_system_audit":{"system_id":""}`): "invariant-FEEDER_AUDIT_DETAILS.System_id_valid",
		with("FEEDER_AUDIT", `"originating_system_item_ids":[{"id":"1"}]`):  "rm-existence",
	}},
}

func version(state string) string {
	_, auditText, _ := strings.Cut(audit(`"system_id":"x","change_type":`+coded("openehr", "249")), " ")
	return with("ORIGINAL_VERSION", `"contribution":{"_type":"OBJECT_REF","namespace":"local","type":"CONTRIBUTION","id":{"_type":"HIER_OBJECT_ID","value":"1.2"}}`,
		`"commit_audit":`+auditText, `"uid":{"value":"1.2::x::1"}`, `"lifecycle_state":`+coded("openehr", state))
}

func attestation(reason string) string {
	return with("ATTESTATION", `"time_committed":`+instant, `"committer":`+self, `"system_id":"x"`, `"change_type":`+coded("openehr", "666"), `"reason":`+reason, `"is_pending":false`)
}

// modelRuleCount is the length of the list.
const modelRuleCount = 63

// TestModelRules holds every rule of the list against objects that keep and
// break it.
func TestModelRules(t *testing.T) {
	shown := 0
	for i := 1; i <= modelRuleCount; i++ {
		rule, ok := modelRules[i]
		if !ok || (len(rule.keep) == 0 || len(rule.breaks) == 0) && rule.elsewhere == "" {
			t.Errorf("rule %d is neither shown nor argued", i)
			continue
		}
		if rule.elsewhere == "" {
			shown++
		}
		for _, document := range rule.keep {
			if issues := judgeObject(t, document); len(issues) > 0 {
				t.Errorf("rule %d (%s) is kept by %s:\n%s", i, rule.says, document, brief(issues))
			}
		}
		for document, want := range rule.breaks {
			issues := judgeObject(t, document)
			want, warning := strings.CutPrefix(want, "~")
			found := false
			for _, issue := range issues {
				found = found || strings.HasPrefix(issue.Rule, want) && issue.Warning == warning
			}
			if !found || validate.Refused(issues) == warning {
				t.Errorf("rule %d (%s) is broken by %s, want %s:\n%s", i, rule.says, document, want, brief(issues))
			}
		}
	}
	t.Logf("%d rules shown, %d argued", shown, modelRuleCount-shown)
}

// judgeObject reads "CLASS {json}" and asks the reference model; what the codec
// refuses has the codec's code as its rule.
func judgeObject(t *testing.T, document string) []fault.Issue {
	t.Helper()
	name, text, _ := strings.Cut(document, " ")
	class, ok := rminfo.ClassByName(name)
	if !ok {
		t.Fatalf("no class %q", name)
	}
	tree, err := canon.ReadJSON([]byte(text), class, canon.ReadOptions{})
	if err != nil {
		return []fault.Issue{{Rule: fault.Of(err).Code, Message: err.Error()}}
	}
	return validate.Check(tree, nil, validate.Options{})
}
