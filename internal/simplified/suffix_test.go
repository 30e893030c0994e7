package simplified_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/simplified"
	"github.com/quire-cdr/quire/internal/simplified/shape"
	"github.com/quire-cdr/quire/internal/validate"
)

// everyType is our own template, with every data type and every entry.
func everyType(t testing.TB) *simplified.Template {
	return compile(t, filepath.Join("testdata", "every_type.opt"))
}

const (
	rootKey  = "every_type/"
	eventKey = rootKey + "reading:0/any_event:0/"
	elseKey  = eventKey + "open/"
)

// spelling is one row of the table of all suffixes and attributes: the members
// that are sent, and those that come back where they are others.
type spelling struct {
	at   string
	sent string
	back string
}

// spellings is whole: TestEverySpelling fails when a key of the shapes is in no
// row.
var spellings = []spelling{
	// COMPOSITION and EVENT_CONTEXT
	{rootKey, `"language|code": "de", "language|terminology": "ISO_639-1"`, ``},
	{rootKey, `"language|code": "en", "language|terminology": "ISO_639-1", "language|preferred_term": "English"`, ``},
	{rootKey, `"territory|code": "US", "territory|terminology": "ISO_3166-1"`, ``},
	{rootKey, `"category|code": "433", "category|value": "event", "category|terminology": "openehr"`, ``},
	{rootKey, `"composer|name": "B", "composer|id": "7", "composer|id_scheme": "s", "composer|id_namespace": "n", "composer/_identifier:0": "4", "composer/_identifier:0|issuer": "i", "composer/_identifier:0|assigner": "a", "composer/_identifier:0|type": "t"`, ``},
	{rootKey, `"composer|name": "B", "composer|id": "7", "composer|id_scheme": "s", "composer|id_namespace": "n", "composer|id_type": "PERSON"`, ``},
	{rootKey, `"composer|_type": "PARTY_SELF"`, ``},
	{rootKey, `"context/start_time": "2021-02-03T04:05+01:00", "context/setting|code": "225", "context/setting|value": "home", "context/setting|terminology": "openehr"`, ``},
	{rootKey, `"context/_end_time": "2021-02-03", "context/_location": "Bed 4", "context/_health_care_facility|name": "Ward", "context/_health_care_facility|id": "9", "context/_health_care_facility|id_scheme": "s", "context/_health_care_facility|id_namespace": "n"`, ``},
	{rootKey, `"context/end_time": "2021-02-03", "context/location": "Bed 4", "context/health_care_facility|name": "Ward"`, `"context/_end_time": "2021-02-03", "context/_location": "Bed 4", "context/_health_care_facility|name": "Ward"`},
	{rootKey, `"context/_participation:0|function": "requester", "context/_participation:0|mode": "face-to-face communication", "context/_participation:0|name": "N", "context/_participation:0|id": "1", "context/_participation:0|id_scheme": "s", "context/_participation:0|id_namespace": "n", "context/_participation:0/_identifier:0": "4", "context/_participation:0/_time/lower": "2021-02-03T04:05:06Z"`, ``},
	{rootKey, `"context/participation:0/function": "f", "context/participation:0/mode|code": "216", "context/participation:0/mode|value": "face-to-face communication", "context/participation:0/mode|terminology": "openehr", "context/participation:0/performer|name": "N"`,
		`"context/_participation:0|function": "f", "context/_participation:0|mode": "face-to-face communication", "context/_participation:0|name": "N"`},
	{rootKey, `"context/status": "final"`, ``},
	// LOCATABLE
	{rootKey, `"_uid": "5ae1c45c-53c2-4e3a-b9ff-c979e0494f35"`, ``},
	{rootKey, `"reading:0/_uid": "5ae1c45c-53c2-4e3a-b9ff-c979e0494f35", "reading:0/any_event:0/text": "x", "reading:0/device": "d"`, ``},
	{rootKey, `"reading:0/_name": "Renamed", "reading:0/any_event:0/text": "x"`, ``},
	{eventKey, `"coded/_name|code": "at0030", "coded/_name|value": "Red", "coded/_name|terminology": "local", "coded|code": "at0031"`, ``},
	{rootKey, `"_link:0|type": "t", "_link:0|meaning": "m", "_link:0|target": "ehr://x/1", "_link:1|type": "t", "_link:1|meaning": "m", "_link:1|target": "ehr://x/2"`, ``},
	{rootKey, `"_feeder_audit/originating_system_audit|system_id": "s", "_feeder_audit/originating_system_audit|version_id": "1", "_feeder_audit/originating_system_audit|time": "2021-02-03T04:05:06Z", "_feeder_audit/originating_system_audit/subject|name": "S", "_feeder_audit/originating_system_audit/provider|name": "P", "_feeder_audit/originating_system_audit/location|name": "L", "_feeder_audit/feeder_system_audit|system_id": "f"`, ``},
	{rootKey, `"_feeder_audit/originating_system_audit|system_id": "s", "_feeder_audit/originating_system_item_id:0": "1", "_feeder_audit/originating_system_item_id:0|issuer": "i", "_feeder_audit/feeder_system_item_id:0": "2", "_feeder_audit/feeder_system_item_id:0|type": "t", "_feeder_audit/original_content": "PID|1", "_feeder_audit/original_content|formalism": "HL7v2"`, ``},
	{rootKey, `"_feeder_audit/originating_system_audit|system_id": "s", "_feeder_audit/original_content_multimedia": "https://x.example/1", "_feeder_audit/original_content_multimedia|mediatype": "image/png"`, ``},
	// ENTRY
	{rootKey, `"reading:0/language|code": "de", "reading:0/language|terminology": "ISO_639-1", "reading:0/encoding|code": "UTF-8", "reading:0/encoding|terminology": "IANA_character-sets", "reading:0/any_event:0/text": "x"`, ``},
	{rootKey, `"reading:0/subject|name": "S", "reading:0/subject|id": "1", "reading:0/subject|id_scheme": "s", "reading:0/subject|id_namespace": "n", "reading:0/any_event:0/text": "x"`, ``},
	{rootKey, `"reading:0/subject|id": "1", "reading:0/subject|id_scheme": "s", "reading:0/subject|id_namespace": "n", "reading:0/any_event:0/text": "x"`, ``},
	{rootKey, `"reading:0/subject|name": "M", "reading:0/subject/_relationship|code": "10", "reading:0/subject/_relationship|value": "mother", "reading:0/subject/_relationship|terminology": "openehr", "reading:0/any_event:0/text": "x"`, ``},
	{rootKey, `"reading:0/subject|name": "M", "reading:0/subject/relationship|code": "10", "reading:0/any_event:0/text": "x"`, `"reading:0/subject/_relationship|code": "10", "reading:0/subject/_relationship|value": "mother"`},
	{rootKey, `"reading:0/_provider|name": "P", "reading:0/_provider|id": "1", "reading:0/_provider|id_scheme": "s", "reading:0/_provider|id_namespace": "n", "reading:0/any_event:0/text": "x"`, ``},
	{rootKey, `"reading:0/provider|name": "P", "reading:0/any_event:0/text": "x"`, `"reading:0/_provider|name": "P"`},
	{rootKey, `"reading:0/_other_participation:0|function": "f", "reading:0/_other_participation:0|name": "N", "reading:0/_other_participation:1|function": "g", "reading:0/_other_participation:1|name": "O", "reading:0/any_event:0/text": "x"`, ``},
	{rootKey, `"reading:0/other_participation:0|function": "f", "reading:0/other_participation:0|name": "N", "reading:0/any_event:0/text": "x"`, `"reading:0/_other_participation:0|function": "f"`},
	{rootKey, `"reading:0/other_participations:0|function": "f", "reading:0/other_participations:0|name": "N", "reading:0/any_event:0/text": "x"`, `"reading:0/_other_participation:0|function": "f"`},
	{rootKey, `"reading:0/_other_participations:0|function": "f", "reading:0/_other_participations:0|identifiers_id:0": "N", "reading:0/_other_participations:0|identifiers_issuer:0": "I", "reading:0/any_event:0/text": "x"`, `"reading:0/_other_participation:0/_identifier:0": "N", "reading:0/_other_participation:0/_identifier:0|issuer": "I"`},
	{rootKey, `"reading:0/_work_flow_id|id": "w", "reading:0/_work_flow_id|id_scheme": "s", "reading:0/_work_flow_id|namespace": "n", "reading:0/_work_flow_id|type": "t", "reading:0/any_event:0/text": "x"`, ``},
	{rootKey, `"reading:0/_workflow_id|id": "w", "reading:0/_workflow_id|scheme": "s", "reading:0/_workflow_id|namespace": "n", "reading:0/_workflow_id|type": "t", "reading:0/any_event:0/text": "x"`, `"reading:0/_work_flow_id|id": "w", "reading:0/_work_flow_id|id_scheme": "s"`},
	{rootKey, `"reading:0/_guideline_id|id": "g", "reading:0/_guideline_id|id_scheme": "s", "reading:0/_guideline_id|namespace": "n", "reading:0/_guideline_id|type": "t", "reading:0/any_event:0/text": "x"`, ``},
	{rootKey, `"part/view/summary": "s", "part/case/reason": "r", "part/case/_provider|name": "P", "part/_uid": "5ae1c45c-53c2-4e3a-b9ff-c979e0494f35"`, ``},
	// OBSERVATION and EVENT
	{rootKey, `"reading:0/history_origin": "2021-02-02T00:00:00Z", "reading:0/any_event:0/text": "x"`, ``},
	{rootKey, `"reading:0/state_history_origin": "2021-02-02T00:00:00Z"`, `-the template has no history there`},
	{eventKey, `"time2": "2021-02-03T04:05:06.123+05:30", "text": "x"`, ``},
	{eventKey, `"position": "sitting", "text": "x"`, ``},
	{eventKey, `"width": "PT1H", "math_function|code": "146", "math_function|value": "mean", "math_function|terminology": "openehr", "|sample_count": 5, "text": "x"`, ``},
	{rootKey, `"reading:0/daily_mean:0/width": "P1D", "reading:0/daily_mean:0/math_function|code": "146", "reading:0/daily_mean:0|sample_count": 3, "reading:0/daily_mean:0/proportion|numerator": 1, "reading:0/daily_mean:0/proportion|denominator": 2, "reading:0/daily_mean:0/proportion|type": 0`, ``},
	{rootKey, `"reading:0/any_event:0/text": "a", "reading:0/any_event:1/text": "b", "reading:0/any_event:2/time2": "2021-02-03T04:05:06Z", "reading:0/any_event:2/text": "c", "reading:1/any_event:0/text": "d"`, ``},
	// INSTRUCTION and ACTIVITY
	{rootKey, `"order:0/narrative": "n", "order:0/expiry_time": "2021-02-03T04:05:06Z", "order:0/_wf_definition": "<w/>", "order:0/_wf_definition|formalism": "xml", "order:0/request:0/timing": "R1", "order:0/request:0/timing|formalism": "timing", "order:0/request:0/action_archetype_id": "/openEHR-EHR-ACTION\\.x\\.v1/", "order:0/request:0/service": "s"`, ``},
	{rootKey, `"order:0/narrative": "n", "order:0/_expiry_time": "2021-02-03T04:05:06Z", "order:0/request:0/service": "s"`, `"order:0/expiry_time": "2021-02-03T04:05:06Z", "order:0/request:0/service": "s"`},
	// ACTION
	{rootKey, `"deed/time": "2021-02-03T04:05:06Z", "deed/ism_transition/current_state|code": "245", "deed/ism_transition/current_state|value": "active", "deed/ism_transition/current_state|terminology": "openehr", "deed/ism_transition/transition|code": "540", "deed/ism_transition/transition|value": "start", "deed/ism_transition/transition|terminology": "openehr", "deed/ism_transition/careflow_step|code": "at0005", "deed/ism_transition/careflow_step|value": "Begun", "deed/ism_transition/careflow_step|terminology": "local", "deed/ism_transition/_reason:0": "because", "deed/ism_transition/_reason:1": "and", "deed/what": "w"`, ``},
	{rootKey, `"deed/ism_transition/careflow_step|code": "at0006", "deed/ism_transition/reason:0": "because", "deed/what": "w"`, `"deed/ism_transition/current_state|code": "532", "deed/ism_transition/_reason:0": "because"`},
	{rootKey, `"deed/ism_transition/careflow_step|code": "at0006", "deed/_instruction_details|path": "/content[x]", "deed/_instruction_details|composition_uid": "5ae1c45c-53c2-4e3a-b9ff-c979e0494f35::s::1", "deed/_instruction_details|activity_id": "activities[at0001]", "deed/what": "w"`, ``},
	{rootKey, `"deed/ism_transition/careflow_step|code": "at0006", "deed/_instruction_details|path": "/content[x]", "deed/_instruction_details|composition_uid": "5ae1c45c-53c2-4e3a-b9ff-c979e0494f35::s::1", "deed/_instruction_details|activity_id": "activities[at0001]", "deed/what": "w", "deed/_instruction_details|namespace": "n", "deed/_instruction_details|type": "ACTIVITY"`, ``},
	// ELEMENT
	{eventKey, `"text/_null_flavour|code": "253", "text/_null_flavour|value": "unknown", "text/_null_flavour|terminology": "openehr", "text/_null_reason": "asleep"`, ``},
	{eventKey, `"text/_null_flavor|code": "271"`, `"text/_null_flavour|code": "271", "text/_null_flavour|value": "no information"`},
	{eventKey, `"text": "x", "text/_uid": "5ae1c45c-53c2-4e3a-b9ff-c979e0494f35", "text/_link:0|type": "t", "text/_link:0|meaning": "m", "text/_link:0|target": "ehr://x/1", "text/_feeder_audit/originating_system_audit|system_id": "s"`, ``},
	{eventKey, `"choice/quantity_value|magnitude": 1.50, "choice/quantity_value|unit": "kPa"`, ``},
	{eventKey, `"choice/value3": true`, `"choice/boolean_value": true`},
	{eventKey, `"choice/_null_flavour|code": "253"`, ``},
	{eventKey, `"many:0": "a", "many:1": "b", "many:2/_null_flavour|code": "253"`, ``},
	{eventKey, `"group:0/leaf:0": "a", "group:0/leaf:1": "b", "group:1/leaf:0": "c", "group:1/_name": "second"`, ``},
	// DV_TEXT and DV_CODED_TEXT
	{eventKey, `"text": "x", "text|formatting": "plain", "text/_language|code": "en", "text/_language|terminology": "ISO_639-1", "text/_encoding|code": "UTF-8", "text/_encoding|terminology": "IANA_character-sets", "text/_hyperlink": "https://x.example"`, ``},
	{eventKey, `"text": "x", "text/_mapping:0|match": "=", "text/_mapping:0/target|code": "1", "text/_mapping:0/target|terminology": "SNOMED-CT", "text/_mapping:0/purpose|code": "669", "text/_mapping:0/purpose|value": "public health", "text/_mapping:0/purpose|terminology": "openehr", "text/_mapping:1|match": "?", "text/_mapping:1/target|code": "2", "text/_mapping:1/target|terminology": "ICD10"`, ``},
	{eventKey, `"text|value": "x"`, `"text": "x"`},
	{eventKey, `"text|code": "1", "text|value": "One", "text|terminology": "SNOMED-CT", "text|preferred_term": "one"`, ``},
	{eventKey, `"text|code_string": "1", "text|value": "One", "text|terminology_id": "SNOMED-CT"`, `"text|code": "1", "text|terminology": "SNOMED-CT"`},
	{eventKey, `"coded|code": "at0030", "coded|value": "Red", "coded|terminology": "local"`, ``},
	{eventKey, `"coded": "at0031"`, `"coded|code": "at0031", "coded|value": "Green", "coded|terminology": "local"`},
	{eventKey, `"coded": "Green"`, `"coded|code": "at0031"`},
	{eventKey, `"coded": "at0031::Green"`, `"coded|code": "at0031"`},
	{eventKey, `"coded": "local::at0031::Green"`, `"coded|code": "at0031"`},
	{eventKey, `"coded_or_text|other": "violet"`, ``},
	{eventKey, `"coded_or_text|code": "at0030"`, `"coded_or_text|code": "at0030", "coded_or_text|value": "Red"`},
	{eventKey, `"state|code": "at0030", "state|value": "Red", "state|terminology": "local", "state|is_terminal": true`, ``},
	// ordinals
	{eventKey, `"ordinal|code": "at0041", "ordinal|value": "Some", "ordinal|ordinal": 1`, ``},
	{eventKey, `"ordinal": 0`, `"ordinal|code": "at0040", "ordinal|value": "None", "ordinal|ordinal": 0`},
	{eventKey, `"ordinal|scale": 1`, `"ordinal|code": "at0041"`},
	{eventKey, `"scale|code": "at9", "scale|value": "Nine", "scale|scale": 0.5, "scale|terminology": "LOINC"`, ``},
	// quantities
	{eventKey, `"two_units|magnitude": 120.50, "two_units|unit": "mm[Hg]", "two_units|precision": 2, "two_units|units_system": "http://unitsofmeasure.org", "two_units|units_display_name": "mm Hg", "two_units|magnitude_status": "~", "two_units|accuracy": 5, "two_units|accuracy_is_percent": true, "two_units|normal_status": "H"`, ``},
	{eventKey, `"two_units|magnitude": "1", "two_units|units": "kPa", "two_units|unit_system": "u", "two_units|unit_display_name": "d"`, `"two_units|magnitude": 1, "two_units|unit": "kPa", "two_units|units_system": "u", "two_units|units_display_name": "d"`},
	{eventKey, `"one_unit": 60`, `"one_unit|magnitude": 60, "one_unit|unit": "/min"`},
	{eventKey, `"one_unit|value": 60`, `"one_unit|magnitude": 60`},
	{eventKey, `"two_units|magnitude": 1, "two_units|unit": "kPa", "two_units/_normal_range/lower|magnitude": 0, "two_units/_normal_range/lower|unit": "kPa", "two_units/_normal_range/upper|magnitude": 2, "two_units/_normal_range/upper|unit": "kPa", "two_units/_normal_range|lower_included": true, "two_units/_normal_range|upper_included": false, "two_units/_normal_range|lower_unbounded": false, "two_units/_normal_range|upper_unbounded": false`, ``},
	{eventKey, `"two_units|magnitude": 1, "two_units|unit": "kPa", "two_units/_other_reference_ranges:0/meaning": "panic", "two_units/_other_reference_ranges:0/upper|magnitude": 2, "two_units/_other_reference_ranges:0/upper|unit": "kPa", "two_units/_other_reference_ranges:1/meaning|code": "1", "two_units/_other_reference_ranges:1/meaning|value": "One", "two_units/_other_reference_ranges:1/meaning|terminology": "X", "two_units/_other_reference_ranges:1/lower|magnitude": 2, "two_units/_other_reference_ranges:1/lower|unit": "kPa"`, ``},
	{eventKey, `"two_units|magnitude": 1, "two_units|unit": "kPa", "two_units/_other_reference_ranges:0/_meaning": "panic", "two_units/_other_reference_ranges:0/upper|magnitude": 2, "two_units/_other_reference_ranges:0/upper|unit": "kPa"`, `"two_units/_other_reference_ranges:0/meaning": "panic"`},
	{eventKey, `"ordinal|code": "at0041", "ordinal|normal_status": "N", "ordinal/_normal_range/lower|code": "at0040", "ordinal/_normal_range/lower|value": "None", "ordinal/_normal_range/lower|ordinal": 0`, ``},
	{eventKey, `"count": 3, "count|magnitude_status": ">=", "count|accuracy": 1, "count|normal_status": "N"`, ``},
	{eventKey, `"count|magnitude": 3`, `"count": 3`},
	{eventKey, `"proportion|numerator": 1, "proportion|denominator": 3, "proportion|type": 3, "proportion|precision": 0`, ``},
	{eventKey, `"proportion|numerator": 50, "proportion|denominator": 100, "proportion|type": 2, "proportion": 0.5`, ``},
	{eventKey, `"duration": "P1Y2M3W4DT5H6M7.5S", "duration|accuracy": 1, "duration|accuracy_is_percent": false, "duration|magnitude_status": "<"`, ``},
	{eventKey, `"duration|year": 1, "duration|month": 2, "duration|week": 3, "duration|day": 4, "duration|hour": 5, "duration|minute": 6, "duration|second": 7`, `"duration": "P1Y2M3W4DT5H6M7S"`},
	{eventKey, `"duration/month": "2"`, `"duration": "P2M"`},
	{eventKey, `"date": "2021-02", "date|magnitude_status": "~", "date/_accuracy": "P1M"`, ``},
	{eventKey, `"date_time": "2021", "date_time/_accuracy": "P1Y"`, ``},
	{eventKey, `"date_time": "20210203T040506,5+0130"`, ``},
	{eventKey, `"time": "22:36:25.23"`, ``},
	{eventKey, `"time|value": "22:36+01:00"`, `"time": "22:36+01:00"`},
	// intervals
	{eventKey, `"interval_of_count/lower": 1, "interval_of_count/upper": 5`, ``},
	{eventKey, `"interval_of_count/lower": 1, "interval_of_count|upper_unbounded": true, "interval_of_count|lower_included": false, "interval_of_count|lower_unbounded": false, "interval_of_count|upper_included": false`, ``},
	{eventKey, `"interval_of_quantity/lower|magnitude": 1, "interval_of_quantity/lower|unit": "kg"`, ``},
	{eventKey, `"interval_of_date_time/upper": "2021-02-03T04:05:06Z"`, ``},
	// others
	{eventKey, `"boolean": false`, ``},
	{eventKey, `"boolean|value": "true"`, `"boolean": true`},
	{eventKey, `"identifier": "4", "identifier|issuer": "i", "identifier|assigner": "a", "identifier|type": "t"`, ``},
	{eventKey, `"identifier|id": "4"`, `"identifier": "4"`},
	{eventKey, `"uri": "https://x.example/?q=1", "ehr_uri": "ehr://x/1"`, ``},
	{eventKey, `"uri|value": "https://x.example"`, `"uri": "https://x.example"`},
	{eventKey, `"parsable": "<a/>", "parsable|formalism": "xml", "parsable/_charset|code": "UTF-8", "parsable/_charset|terminology": "IANA_character-sets", "parsable/_language|code": "en", "parsable/_language|terminology": "ISO_639-1"`, ``},
	{eventKey, `"multimedia": "https://x.example/1.png", "multimedia|mediatype": "image/png", "multimedia|alternatetext": "a", "multimedia|size": 12, "multimedia/_thumbnail|mediatype": "image/png", "multimedia/_thumbnail|data": "AAAA", "multimedia/_thumbnail|size": 3`, ``},
	{eventKey, `"multimedia|data": "AAAA", "multimedia|mediatype": "image/png", "multimedia|size": 3, "multimedia|compression_algorithm": "zlib", "multimedia|integrity_check": "AAAA", "multimedia|integrity_check_algorithm": "SHA-1"`, ``},
	{eventKey, `"multimedia|url": "https://x.example/1.png", "multimedia|media_type": "image/png", "multimedia|alternate_text": "a"`, `"multimedia": "https://x.example/1.png", "multimedia|mediatype": "image/png", "multimedia|alternatetext": "a"`},
	{eventKey, `"multimedia|uri": "https://x.example/1.png", "multimedia|mimetype": "image/png"`, `"multimedia": "https://x.example/1.png"`},
	// canonical JSON where no key says it
	{eventKey, `"open|raw": {"_type": "DV_PARAGRAPH", "items": [{"_type": "DV_TEXT", "value": "x"}]}`, `"open/_value|raw": "{\"_type\":\"DV_PARAGRAPH\",\"items\":[{\"_type\":\"DV_TEXT\",\"value\":\"x\"}]}"`},
	{eventKey, `"text|_type": "DV_PARAGRAPH", "text": "x"`, `-another class is needed`},
	{eventKey, `"count|raw": {"_type": "DV_COUNT", "magnitude": 3}`, `"count": 3`},
	{elseKey, `"text_value|_type": "DV_CODED_TEXT", "text_value|code": "1", "text_value|value": "v", "text_value|terminology": "t"`, `"coded_text_value|code": "1"`},
}

func members(at, text string) string {
	var out []string
	object := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte("{"+text+"}"), &object); err != nil {
		panic(err.Error() + text)
	}
	for key, value := range object {
		if strings.HasPrefix(key, "|") {
			out = append(out, `"`+strings.TrimSuffix(at, "/")+key+`": `+string(value))
		} else {
			out = append(out, `"`+at+key+`": `+string(value))
		}
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// TestEverySpelling: each key makes something valid, and comes back.
func TestEverySpelling(t *testing.T) {
	tpl := everyType(t)
	for i, row := range spellings {
		t.Run(fmt.Sprintf("%d %.60s", i, row.sent), func(t *testing.T) {
			ctx := []string{`"ctx/language": "en"`, `"ctx/territory": "GB"`, `"ctx/composer_name": "A"`, `"ctx/time": "2021-02-03T04:05:06Z"`}
			tree, err := tpl.Read([]byte("{"+strings.Join(ctx, ", ")+", "+members(row.at, row.sent)+"}"), simplified.Flat, now)
			if why, refused := strings.CutPrefix(row.back, "-"); refused {
				if err == nil || !strings.Contains(report(err), why) {
					t.Error("accepted, or refused without its reason: ", err)
				}
				return
			}
			if err != nil {
				t.Fatal(report(err))
			}
			if issues := validate.Check(tree, tpl.Web.Template, validate.Options{}); validate.Refused(issues) {
				t.Errorf("not valid: %+v", refusing(issues))
			}
			if diff := through(t, tpl, tree); diff != "" {
				t.Error(diff)
			}
			text, err := tpl.Write(tree, simplified.Flat)
			if err != nil {
				t.Fatal(err)
			}
			var have, want map[string]json.RawMessage
			if err := json.Unmarshal(text, &have); err != nil {
				t.Fatal(err)
			}
			back := row.back
			if back == "" {
				back = row.sent
			}
			if err := json.Unmarshal([]byte("{"+members(row.at, back)+"}"), &want); err != nil {
				t.Fatal(err)
			}
			for key, value := range want {
				if string(have[key]) != string(value) {
					t.Errorf("%s: sent %s, came back %s", key, value, have[key])
				}
			}
			if strings.Contains(string(text), `|raw"`) && !strings.Contains(back, "|raw") {
				t.Errorf("canonical JSON in %s", text)
			}
		})
	}
}

// TestSpellingsAreWhole: each key of each class stands in a row of the table.
func TestSpellingsAreWhole(t *testing.T) {
	var all strings.Builder
	for _, row := range spellings {
		all.WriteString(row.sent + " ")
	}
	text := all.String()
	for c := rminfo.Class(1); int(c) < rminfo.Classes(); c++ {
		for _, suffix := range shape.Of(c).Suffixes() {
			if !strings.Contains(text, "|"+suffix+`"`) {
				t.Errorf("%s: no row has |%s", c.Name(), suffix)
			}
		}
		for _, segment := range shape.Of(c).Segments() {
			if segment != shape.NoKey && !strings.Contains(text, segment+`"`) && !strings.Contains(text, segment+`/`) && !strings.Contains(text, segment+`|`) && !strings.Contains(text, segment+`:`) {
				t.Errorf("%s: no row has %s", c.Name(), segment)
			}
		}
	}
}
