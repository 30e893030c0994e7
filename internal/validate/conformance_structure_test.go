package validate_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/internal/testkit/fixtures"
	"github.com/quire-cdr/quire/internal/validate"
)

// TestConformanceStructureTables asks the rows about COMPOSITION, OBSERVATION,
// HISTORY, EVENT and ITEM_STRUCTURE: cardinality, existence and class.
func TestConformanceStructureTables(t *testing.T) {
	var tables []struct {
		Case string
		Rows []map[string]string
	}
	if err := json.Unmarshal(readFile(t, fixtures.Dir(t, "conformance", "data-validation-tables.json")), &tables); err != nil {
		t.Fatal(err)
	}
	agreed, argued := 0, 0
	for i, table := range tables {
		parts := strings.Split(table.Case, "-")
		if parts[0] != "CONT" || len(parts) < 3 || strings.HasPrefix(parts[1], "DV_") {
			continue
		}
		for j, row := range table.Rows {
			r := cnfRow(row)
			document, constraint, class := structureRow(parts, r)
			issues := askObject(t, document, constraint, class)
			switch {
			case validate.Refused(issues) != (r.get("expected") == "accepted"):
				agreed++
			case parts[1] == "HIST" && strings.HasPrefix(r.get("events"), "no event") && r.get("summary") == "absent":
				argued++ // HISTORY.Events_valid: events or a summary
			default:
				t.Errorf("table %d row %d %s %v: %s", i, j, table.Case, row, brief(issues))
			}
		}
	}
	t.Logf("%d rows agree, %d argued", agreed, argued)
}

func askObject(t *testing.T, document map[string]any, constraint *aom.ComplexObject, class rminfo.Class) []fault.Issue {
	t.Helper()
	id := "openEHR-EHR-" + constraint.TypeName + ".row.v1"
	constraint.NodeID = "at0000"
	tpl, err := template.Compile(&aom.OperationalTemplate{TemplateID: "row", Language: aom.Code{Code: "en"},
		Definition: &aom.ArchetypeRoot{ArchetypeID: id, ComplexObject: *constraint}})
	if err != nil {
		t.Fatal(err)
	}
	document["archetype_node_id"] = id
	document["archetype_details"] = map[string]any{"archetype_id": map[string]any{"value": id}, "rm_version": "1.1.0"}
	tree, err := canon.ReadJSON(encode(t, document), class, canon.ReadOptions{Lenient: true})
	if err != nil {
		return []fault.Issue{{Rule: "canonical", Message: err.Error()}}
	}
	return validate.Check(tree, tpl, validate.Options{})
}

func locatable(class, code string, members map[string]any) map[string]any {
	members["_type"], members["archetype_node_id"], members["name"] = class, code, map[string]any{"value": class}
	return members
}

func codePhrase(terminology, code string) map[string]any {
	return map[string]any{"terminology_id": map[string]any{"value": terminology}, "code_string": code}
}

func moment() map[string]any { return map[string]any{"value": "2026-03-01T10:00:00Z"} }

func structureOf(class string) map[string]any {
	element := locatable("ELEMENT", "at0009", map[string]any{"value": map[string]any{"_type": "DV_TEXT", "value": "x"}})
	switch class {
	case "ITEM_SINGLE":
		return locatable(class, "at0005", map[string]any{"item": element})
	case "ITEM_TABLE":
		return locatable(class, "at0005", map[string]any{"rows": []any{locatable("CLUSTER", "at0008", map[string]any{"items": []any{element}})}})
	}
	return locatable(class, "at0005", map[string]any{"items": []any{element}})
}

func eventOf(class string) map[string]any {
	members := map[string]any{"time": moment(), "data": structureOf("ITEM_TREE")}
	if class == "INTERVAL_EVENT" {
		members["width"] = map[string]any{"value": "PT5M"}
		members["math_function"] = map[string]any{"value": "mean", "defining_code": codePhrase("openehr", "146")}
	}
	return locatable(class, "at0002", members)
}

func entryOf(class string, members map[string]any) map[string]any {
	members["language"], members["encoding"] = codePhrase("ISO_639-1", "en"), codePhrase("IANA_character-sets", "UTF-8")
	members["subject"] = map[string]any{"_type": "PARTY_SELF"}
	return locatable(class, "openEHR-EHR-"+class+".inner.v1", members)
}

var boundWords = map[string]aom.Multiplicity{
	"any": many, "1plus": some, "3plus": {Min: 3, Max: aom.Unbounded}, "opt": optional, "mand": once, "3to5": {Min: 3, Max: 5},
}

// bounds reads the words of a case name, such as content_card_3plus.
func bounds(part string) aom.Multiplicity {
	return boundWords[part[strings.LastIndexByte(part, '_')+1:]]
}

func times(words string, of func() map[string]any) []any {
	n := map[string]int{"one": 1, "three": 3}[strings.Fields(words)[0]]
	out := make([]any, n)
	for i := range out {
		out[i] = of()
	}
	return out
}

func structureRow(parts []string, r cnfRow) (document map[string]any, constraint *aom.ComplexObject, class rminfo.Class) {
	present := func(column string) bool { return r.get(column) == "present" }
	switch parts[1] {
	case "COMP":
		document = locatable("COMPOSITION", "", map[string]any{
			"language": codePhrase("ISO_639-1", "en"), "territory": codePhrase("ISO_3166-1", "GB"), "composer": map[string]any{"_type": "PARTY_SELF"},
			"category": map[string]any{"value": "event", "defining_code": codePhrase("openehr", "433")},
			"content": times(r.get("content"), func() map[string]any {
				return entryOf("EVALUATION", map[string]any{"data": structureOf("ITEM_TREE")})
			}),
		})
		if words := r.get("context"); words != "no context" {
			context := map[string]any{"start_time": moment(), "setting": map[string]any{"value": "x", "defining_code": codePhrase("openehr", "225")}}
			if words == "context with other_context" {
				context["other_context"] = structureOf("ITEM_TREE")
			}
			document["context"] = context
		}
		context := optional
		if strings.HasSuffix(parts[3], "mand") {
			context = once
		}
		return document, object("COMPOSITION", "", once, multiple("content", bounds(parts[2])), single("context", context)), rminfo.COMPOSITION
	case "OBS":
		members := map[string]any{}
		if present("data") {
			members["data"] = locatable("HISTORY", "at0001", map[string]any{"origin": moment(), "events": []any{eventOf("POINT_EVENT")}})
		}
		if present("state") {
			members["state"] = locatable("HISTORY", "at0011", map[string]any{"origin": moment(), "events": []any{eventOf("POINT_EVENT")}})
		}
		if present("protocol") {
			members["protocol"] = structureOf("ITEM_TREE")
		}
		return entryOf("OBSERVATION", members), object("OBSERVATION", "", once, single("state", bounds(parts[2])), single("protocol", bounds(parts[3]))), rminfo.OBSERVATION
	case "HIST":
		members := map[string]any{"origin": moment(), "events": times(r.get("events"), func() map[string]any { return eventOf("POINT_EVENT") })}
		if present("summary") {
			members["summary"] = structureOf("ITEM_TREE")
		}
		return locatable("HISTORY", "", members), object("HISTORY", "", once, multiple("events", bounds(parts[2])), single("summary", bounds(parts[3]))), rminfo.HISTORY
	case "EVENT":
		if strings.HasPrefix(parts[2], "type_") {
			class := strings.ToUpper(strings.TrimPrefix(parts[2], "type_"))
			if class == "ANY" {
				class = "EVENT"
			}
			members := map[string]any{"origin": moment(), "events": []any{eventOf(r.get("event"))}}
			return locatable("HISTORY", "", members), object("HISTORY", "", once, multiple("events", many, object(class, "at0002", many))), rminfo.HISTORY
		}
		event := eventOf("POINT_EVENT")
		if !present("data") {
			delete(event, "data")
		}
		if present("state") {
			event["state"] = structureOf("ITEM_TREE")
		}
		return event, object("POINT_EVENT", "", once, single("state", bounds(parts[2]))), rminfo.POINT_EVENT
	case "ITEM_STR":
		class := strings.ToUpper(strings.TrimPrefix(parts[2], "type_"))
		if class == "ANY" {
			class = "ITEM_STRUCTURE"
		}
		event := eventOf("POINT_EVENT")
		event["data"] = structureOf(r.get("event"))
		return event, object("POINT_EVENT", "", once, single("data", once, object(class, "at0005", once))), rminfo.POINT_EVENT
	}
	panic(fmt.Sprintf("no builder for %v", parts))
}
