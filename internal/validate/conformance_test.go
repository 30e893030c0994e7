package validate_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
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

// TestConformanceTables asks the validator every row of the data type tables of
// the openEHR conformance schedule: a value and its constraint are built from
// the row's cells.
func TestConformanceTables(t *testing.T) {
	var tables []struct {
		Case, Chapter string
		Rows          []map[string]string
	}
	if err := json.Unmarshal(readFile(t, fixtures.Dir(t, "conformance", "data-validation-tables.json")), &tables); err != nil {
		t.Fatal(err)
	}
	agreed, argued, left := 0, map[string]int{}, map[string]int{}
	for i, table := range tables {
		class, kind, ok := caseClass(table.Case)
		if !ok {
			// The other tables have tests of their own; none may be forgotten.
			switch {
			case strings.HasPrefix(table.Case, "CONT-"), isRatioTable(table.Case):
			case strings.Contains(table.Chapter, "contribution"):
				left[table.Chapter] += len(table.Rows)
			default:
				t.Errorf("table %d %s of %s is asked nowhere", i, table.Case, table.Chapter)
			}
			continue
		}
		for j, row := range table.Rows {
			r := cnfRow(row)
			accepted := r.get("expected") == "accepted"
			violated := r.get("constraints violated") + r.get("violated constraints")
			issues := askRow(t, class, r)
			if validate.Refused(issues) != accepted {
				agreed++
			} else if reason := arguedRow(class, kind, r, violated); reason != "" {
				argued[reason]++
			} else {
				t.Errorf("table %d row %d %s %v: %s", i, j, table.Case, row, brief(issues))
			}
		}
	}
	t.Logf("%d rows agree", agreed)
	if !maps.Equal(argued, arguedRows) {
		t.Errorf("conformance/README.md lists other rows as argued: %v", arguedRows)
	}
	for reason, n := range argued {
		t.Logf("%d rows argued: %s", n, reason)
	}
	for chapter, n := range left {
		t.Logf("%d rows of %s are about commits, and asked where those are tested", n, chapter)
	}
}

type cnfRow map[string]string

func (r cnfRow) get(column string) string {
	v := strings.Trim(strings.TrimSpace(r[column]), `'"`)
	if strings.EqualFold(v, "NULL") {
		return ""
	}
	return v
}

// given says whether a cell holds a value at all; ” is one.
func (r cnfRow) given(column string) bool {
	v, ok := r[column]
	return ok && !strings.EqualFold(strings.TrimSpace(v), "NULL")
}

var caseForm = regexp.MustCompile(`^CONT-(DV_[A-Z_]+)-(validate_\w+|anything_allowed|only_\w+)$`)

func caseClass(name string) (class, kind string, ok bool) {
	m := caseForm.FindStringSubmatch(name)
	if m == nil {
		return "", "", false
	}
	return m[1], m[2], true
}

// arguedRows is how many rows each argument is for.
var arguedRows = map[string]int{
	"the row is accepted and names the constraint it violates":                                            1,
	"an absent optional attribute breaks no pattern or list (AOM 1.4, existence)":                         6,
	"OPT 1.4 has no constraint on milliseconds":                                                           13,
	"OPT 1.4 has no constraint on fractional seconds":                                                     2,
	"an opinion: partial bounds of which one lies within the other break no invariant":                    2,
	"an unbounded side has no value that a range could refuse; the same row of other classes is accepted": 1,
	"the row compares the clock and forgets the day":                                                      8,
}

// arguedRow gives the reason why a row is not followed, "" to follow it.
func arguedRow(class, kind string, r cnfRow, violated string) string {
	switch {
	case class == "DV_BOOLEAN" && r.get("expected") == "accepted" && violated != "":
		return "the row is accepted and names the constraint it violates"
	case class == "DV_INTERVAL_DV_TIME" && r.get("lower_unbounded") == "true" && !r.given("lower") && violated != "":
		return "an unbounded side has no value that a range could refuse; the same row of other classes is accepted"
	case strings.Contains(violated, "IMO") && strings.Contains(violated, "strictly comparable"):
		return "an opinion: partial bounds of which one lies within the other break no invariant"
	case strings.HasPrefix(class, "DV_IDENTIFIER") && !r.given("issuer") && !r.given("assigner") && !r.given("type") && !r.given("id") && !strings.Contains(violated, "mandatory"):
		return "an absent optional attribute breaks no pattern or list (AOM 1.4, existence)"
	case strings.Contains(kind, "constraint") && onlyMilliseconds(violated):
		return "OPT 1.4 has no constraint on milliseconds"
	case strings.HasPrefix(class, "DV_DURATION") && violated == "C_DURATION.fractional_seconds_allowed":
		return "OPT 1.4 has no constraint on fractional seconds"
	case class == "DV_DATE_TIME" && kind == "validate_range" && strings.Contains(r.get("C_DATE_TIME.range"), "1900-03-13T"):
		return "the row compares the clock and forgets the day"
	}
	return ""
}

func onlyMilliseconds(violated string) bool {
	if violated == "" {
		return false
	}
	for _, v := range strings.Split(violated, ",") {
		if !strings.Contains(v, "millisecond") {
			return false
		}
	}
	return true
}

// askRow builds ELEMENT.value and its constraint from a row.
func askRow(t *testing.T, class string, r cnfRow) []fault.Issue {
	t.Helper()
	var value map[string]any
	var constraint aom.Object
	if inner, ok := strings.CutPrefix(class, "DV_INTERVAL_"); ok {
		value, constraint = intervalOf(inner, r)
	} else {
		value, constraint = valueOf(class, r, "")
	}
	return ask(t, value, constraint)
}

func ask(t *testing.T, value map[string]any, constraint aom.Object) []fault.Issue {
	t.Helper()
	root := &aom.ArchetypeRoot{ArchetypeID: "openEHR-EHR-ELEMENT.row.v1", ComplexObject: *object("ELEMENT", "at0000", once, single("value", once, constraint))}
	tpl, err := template.Compile(&aom.OperationalTemplate{TemplateID: "row", Language: aom.Code{Code: "en"}, Definition: root})
	if err != nil {
		t.Fatal(err)
	}
	document := map[string]any{
		"_type": "ELEMENT", "archetype_node_id": "openEHR-EHR-ELEMENT.row.v1", "name": map[string]any{"value": "row"},
		"archetype_details": map[string]any{"archetype_id": map[string]any{"value": "openEHR-EHR-ELEMENT.row.v1"}, "rm_version": "1.1.0"},
		"value":             value,
	}
	tree, err := canon.ReadJSON(encode(t, document), rminfo.ELEMENT, canon.ReadOptions{Lenient: true})
	if err != nil {
		return []fault.Issue{{Rule: "canonical", Message: err.Error()}}
	}
	return validate.Check(tree, tpl, validate.Options{})
}

func complexOf(class string, attrs ...*aom.Attribute) *aom.ComplexObject {
	return object(class, "", once, attrs...)
}

func number(text string) any {
	if text == "" {
		return nil
	}
	return json.Number(text)
}

func text(r cnfRow, column string) any {
	if !r.given(column) {
		return nil
	}
	return r.get(column)
}

func list(cell string) []string {
	cell = strings.Trim(cell, "[]")
	if cell == "" {
		return nil
	}
	out := strings.Split(cell, ",")
	for i := range out {
		out[i] = strings.TrimSpace(out[i])
	}
	return out
}

func interval(cell string) *aom.Interval {
	if cell == "" {
		return nil
	}
	if bound, ok := strings.CutPrefix(cell, ">="); ok {
		return &aom.Interval{Lower: bound, LowerIncluded: true, UpperUnbounded: true}
	}
	if bound, ok := strings.CutPrefix(cell, "<="); ok {
		return &aom.Interval{Upper: bound, UpperIncluded: true, LowerUnbounded: true}
	}
	lower, upper, _ := strings.Cut(cell, "..")
	return limits(lower, upper)
}

func symbol(code string) any {
	source, code, ok := strings.Cut(code, "::")
	if !ok {
		return nil
	}
	return map[string]any{"_type": "DV_CODED_TEXT", "value": code, "defining_code": map[string]any{
		"terminology_id": map[string]any{"value": source}, "code_string": code,
	}}
}

var ordinalItem = regexp.MustCompile(`([\d.]+)\|\[(\w+)::(\w+)\]`)

func ordinals(cell string) []aom.OrdinalItem {
	var out []aom.OrdinalItem
	for _, m := range ordinalItem.FindAllStringSubmatch(cell, -1) {
		out = append(out, aom.OrdinalItem{Value: m[1], Symbol: aom.Code{Terminology: m[2], Code: m[3]}})
	}
	return out
}

// pattern makes one of a table's validities: letters, ?? and XX.
func validity(words ...string) func(letters string) string {
	return func(letters string) string {
		for _, w := range words {
			switch w {
			case "optional":
				return "??"
			case "prohibited":
				return "XX"
			}
		}
		return letters
	}
}

// valueOf builds a value and its constraint; suffix is that of the columns, such
// as " (lower)".
func valueOf(class string, r cnfRow, suffix string) (map[string]any, aom.Object) {
	value := map[string]any{"_type": class}
	cell := func(name string) string { return r.get(name + suffix) }
	primitiveOn := func(item aom.Primitive) aom.Object {
		return complexOf(class, single("value", once, primitive(item)))
	}
	switch class {
	case "DV_BOOLEAN":
		value["value"] = r.get("value") == "true"
		return value, primitiveOn(&aom.Boolean{TrueValid: cell("C_BOOLEAN.true_valid") == "true", FalseValid: cell("C_BOOLEAN.false_valid") == "true"})
	case "DV_IDENTIFIER":
		value["id"] = "XYZ"
		for _, attr := range []string{"issuer", "assigner", "id", "type"} {
			if _, ok := r[attr]; ok {
				value[attr] = text(r, attr)
				return value, complexOf(class, single(attr, optional, primitive(stringConstraint(r, ""))))
			}
		}
	case "DV_TEXT", "DV_URI", "DV_EHR_URI":
		value["value"] = text(r, "value")
		if r.given("C_STRING.pattern") || r.given("C_STRING.list") {
			return value, primitiveOn(stringConstraint(r, ""))
		}
	case "DV_PARSABLE":
		value["value"], value["formalism"] = text(r, "value"), text(r, "formalism")
		if _, ok := r["C_STRING.list (value)"]; ok {
			return value, complexOf(class,
				single("value", once, primitive(stringConstraint(r, " (value)"))),
				single("formalism", once, primitive(stringConstraint(r, " (formalism)"))))
		}
	case "DV_MULTIMEDIA":
		return multimediaOf(r, value)
	case "DV_ORDINAL", "DV_SCALE":
		prefix := strings.TrimSpace(suffix)
		if s := symbol(r.get(prefix + "symbol")); s != nil {
			value["symbol"] = s
		}
		value["value"] = number(r.get(prefix + "value"))
		items := ordinals(r.get(prefix+"C_DV_ORDINAL.list") + r.get(prefix+"C_DV_SCALE.list"))
		base := aom.ObjectBase{TypeName: class, Occurrences: once}
		if class == "DV_SCALE" {
			return value, &aom.Scale{ObjectBase: base, Items: items}
		}
		return value, &aom.Ordinal{ObjectBase: base, Items: items}
	case "DV_COUNT":
		value["magnitude"] = number(r.get("magnitude"))
		return value, complexOf(class, single("magnitude", once, primitive(&aom.Integer{Range: interval(cell("C_INTEGER.range")), List: list(cell("C_INTEGER.list"))})))
	case "DV_QUANTITY":
		value["magnitude"], value["units"] = number(r.get("magnitude")), text(r, "units")
		return value, quantityConstraint(r.get("C_DV_QUANTITY.property"), cell("C_DV_QUANTITY.list"))
	case "DV_PROPORTION":
		for _, attr := range []string{"type", "numerator", "denominator", "precision"} {
			value[attr] = number(r.get(attr))
		}
		return value, complexOf(class,
			single("type", once, primitive(&aom.Integer{List: list(cell("C_INTEGER.list"))})),
			single("numerator", once, primitive(&aom.Real{Range: interval(r.get("C_REAL.range (num)"))})),
			single("denominator", once, primitive(&aom.Real{Range: interval(r.get("C_REAL.range (den)"))})))
	case "DV_DURATION", "DV_TIME", "DV_DATE", "DV_DATE_TIME":
		value["value"] = text(r, "value")
		return value, primitiveOn(temporalConstraint(class, r, suffix))
	}
	return value, complexOf(class)
}

func stringConstraint(r cnfRow, suffix string) *aom.String {
	p := r.get("C_STRING.pattern" + suffix)
	return &aom.String{Pattern: p, HasPattern: p != "", List: list(r.get("C_STRING.list" + suffix))}
}

func multimediaOf(r cnfRow, value map[string]any) (map[string]any, aom.Object) {
	value["uri"] = map[string]any{"value": "https://example.org/picture"}
	value["size"] = number(r.get("size"))
	if code := r.get("media_type"); code != "" {
		value["media_type"] = map[string]any{"terminology_id": map[string]any{"value": "IANA_media-types"}, "code_string": code}
	}
	return value, complexOf("DV_MULTIMEDIA",
		single("media_type", once, &aom.CodePhrase{ObjectBase: aom.ObjectBase{TypeName: "CODE_PHRASE", Occurrences: once}, Terminology: "IANA_media-types", Codes: list(r.get("C_CODE_PHRASE"))}),
		single("size", once, primitive(&aom.Integer{List: list(r.get("C_INTEGER.list")), Range: interval(r.get("C_INTEGER.range"))})))
}

func quantityConstraint(property, items string) *aom.Quantity {
	q := &aom.Quantity{ObjectBase: aom.ObjectBase{TypeName: "DV_QUANTITY", Occurrences: once}}
	if source, code, ok := strings.Cut(property, "::"); ok {
		code, _, _ = strings.Cut(code, " ")
		q.Property = &aom.Code{Terminology: source, Code: code}
	}
	for _, item := range list(items) {
		words := strings.Fields(item)
		var k aom.QuantityItem
		for _, w := range words {
			if strings.Contains(w, "..") {
				k.Magnitude = interval(w)
			} else {
				k.Units = w
			}
		}
		q.Items = append(q.Items, k)
	}
	return q
}

func temporalConstraint(class string, r cnfRow, suffix string) aom.Primitive {
	has := func(unit string) string {
		v := r.get(unit + "_validity")
		if v == "" {
			v = r.get(unit + "_val." + suffix)
		}
		return v
	}
	zone := map[string]aom.Validity{"mandatory": aom.ValidityMandatory, "optional": aom.ValidityOptional, "prohibited": aom.ValidityDisallowed}[has("timezone")]
	span := interval(r.get("C_" + strings.TrimPrefix(class, "DV_") + ".range" + suffix))
	part := func(unit, letters string) string { return validity(has(unit))(letters) }
	switch class {
	case "DV_DATE":
		k := &aom.Date{Range: span}
		if has("month") != "" {
			k.Pattern = "yyyy-" + part("month", "mm") + "-" + part("day", "dd")
		}
		return k
	case "DV_TIME":
		k := &aom.Time{Range: span, Timezone: zone}
		if has("minute") != "" {
			k.Pattern = "HH:" + part("minute", "MM") + ":" + part("second", "SS")
		}
		return k
	case "DV_DATE_TIME":
		k := &aom.DateTime{Range: span, Timezone: zone}
		if has("month") != "" {
			k.Pattern = fmt.Sprintf("yyyy-%s-%sT%s:%s:%s", part("month", "mm"), part("day", "dd"), part("hour", "HH"), part("minute", "MM"), part("second", "SS"))
		}
		return k
	}
	k := &aom.Duration{}
	if lower := r.get("range.lower" + suffix); lower != "" {
		k.Range = limits(lower, r.get("range.upper"+suffix))
	}
	if _, ok := r["years_allowed"]; ok {
		k.Pattern = "P"
		for _, u := range []struct{ letter, column string }{
			{"Y", "years"}, {"M", "months"}, {"W", "weeks"}, {"D", "days"}, {"T", ""}, {"H", "hours"}, {"M", "minutes"}, {"S", "seconds"},
		} {
			if u.column == "" || r.get(u.column+"_allowed") == "true" {
				k.Pattern += u.letter
			}
		}
	}
	return k
}

// intervalOf builds a DV_INTERVAL of a class from the row's two sides.
func intervalOf(inner string, r cnfRow) (map[string]any, aom.Object) {
	value := map[string]any{"_type": "DV_INTERVAL"}
	for _, flag := range []string{"lower_unbounded", "upper_unbounded", "lower_included", "upper_included"} {
		value[flag] = r.get(flag) == "true"
	}
	attrs := make([]*aom.Attribute, 0, 2)
	for _, side := range []string{"lower", "upper"} {
		var v map[string]any
		var k aom.Object
		if inner == "DV_ORDINAL" || inner == "DV_SCALE" {
			v, k = valueOf(inner, r, side+".")
		} else {
			one := cnfRow{}
			for column, cell := range r {
				one[column] = cell
			}
			switch inner {
			case "DV_COUNT":
				one["magnitude"] = r[side]
			case "DV_QUANTITY":
				magnitude, units, _ := strings.Cut(r.get(side), " ")
				one["magnitude"], one["units"] = magnitude, units
			default:
				one["value"] = r[side]
			}
			v, k = valueOf(inner, one, " ("+side+")")
		}
		open := value[side+"_unbounded"] == true
		if !open || r.given(side) && r[side] != "" {
			value[side] = v
		}
		attrs = append(attrs, single(side, optional, k))
	}
	return value, complexOf("DV_INTERVAL<"+inner+">", attrs...)
}
