package fhir

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/quire-cdr/quire/internal/cdr/library"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rest"
)

// summaries are the members that _summary=true keeps beside those of every
// resource (FHIR R4, the elements marked Σ).
var summaries = map[string][]string{
	library.Questionnaire: {"url", "identifier", "version", "name", "title", "status", "experimental", "subjectType", "date", "publisher", "contact", "useContext", "jurisdiction", "effectivePeriod", "code"},
	library.ValueSet:      {"url", "identifier", "version", "name", "title", "status", "experimental", "date", "publisher", "contact", "useContext", "jurisdiction", "immutable"},
	library.CodeSystem: {"url", "identifier", "version", "name", "title", "status", "experimental", "date", "publisher", "contact", "useContext", "jurisdiction", "caseSensitive",
		"valueSet", "hierarchyMeaning", "compositional", "versionNeeded", "content", "supplements", "count", "filter", "property"},
}

// mandatory are the members that stay whatever is asked for.
var mandatory = []string{"resourceType", "id", "meta", "status"}

// summary cuts a resource to what _summary and _elements ask for, and marks it
// as cut (FHIR R4, Search, Summary).
func summary(call *rest.Call, kind string, text []byte) ([]byte, error) {
	var keep func(name string) bool
	elements := call.Query("_elements")
	switch wish := call.Query("_summary"); {
	case elements != "":
		wanted := strings.Split(elements, ",")
		keep = func(name string) bool { return slices.Contains(wanted, name) }
	case wish == "true":
		keep = func(name string) bool { return slices.Contains(summaries[kind], name) }
	case wish == "text":
		keep = func(name string) bool { return name == "text" }
	case wish == "data":
		keep = func(name string) bool { return name != "text" }
	case wish == "" || wish == "false" || wish == "count":
		return text, nil
	default:
		return nil, fault.New(fault.Invalid, "query-parameter", "the query parameter _summary is true, text, data, count or false")
	}
	var out strings.Builder
	gjson.ParseBytes(text).ForEach(func(name, value gjson.Result) bool {
		plain := strings.TrimPrefix(name.String(), "_")
		if !keep(plain) && !slices.Contains(mandatory, plain) {
			return true
		}
		raw := value.Raw
		if plain == "meta" {
			raw = subsetted(raw)
		}
		out.WriteString("," + name.Raw + ":" + raw)
		return true
	})
	if !gjson.GetBytes(text, "meta").Exists() {
		out.WriteString(`,"meta":` + subsetted(`{}`))
	}
	return []byte("{" + strings.TrimPrefix(out.String(), ",") + "}"), nil
}

// subsetted adds to meta the tag of what is not whole.
func subsetted(meta string) string {
	var m map[string]json.RawMessage
	if json.Unmarshal([]byte(meta), &m) != nil {
		return meta
	}
	var tags []json.RawMessage
	if len(m["tag"]) > 0 && json.Unmarshal(m["tag"], &tags) != nil {
		return meta
	}
	tags = append(tags, json.RawMessage(`{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}`))
	// What was read can be written.
	m["tag"], _ = json.Marshal(tags)
	out, _ := json.Marshal(m)
	return string(out)
}
