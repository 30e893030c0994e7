package adl

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/fault"
)

// published are the archetypes of the shared fixtures, beside the repository.
func published(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob("../../../shared/fixtures/openehr/archetypes/*.adl")
	if err != nil || len(paths) == 0 {
		t.Skip("shared fixtures are not beside this checkout")
	}
	return paths
}

func ours(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob("../../archetypes/adl/*.adl")
	if err != nil || len(paths) == 0 {
		t.Fatal("our archetypes are missing")
	}
	return paths
}

func text(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// unlined forgets where nodes stood.
func unlined(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			unlined(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			unlined(v.Index(i))
		}
	case reflect.Struct:
		if base, ok := v.Addr().Interface().(*aom.ObjectBase); ok {
			base.Line = 0
		}
		for i := range v.NumField() {
			unlined(v.Field(i))
		}
	}
}

// again prints an archetype, reads it back and compares.
func again(t *testing.T, name string, a *Archetype) string {
	t.Helper()
	var printed bytes.Buffer
	if err := Write(&printed, a); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	back, err := Read(bytes.NewReader(printed.Bytes()))
	if err != nil {
		t.Fatalf("%s: what was printed cannot be read: %v\n%s", name, err, printed.String())
	}
	unlined(reflect.ValueOf(a))
	unlined(reflect.ValueOf(back))
	if !reflect.DeepEqual(a, back) {
		t.Errorf("%s: printed and read as another archetype", name)
	}
	return printed.String()
}

func readAll(t *testing.T, paths []string) {
	for _, path := range paths {
		name := filepath.Base(path)
		a, err := Read(strings.NewReader(text(t, path)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		// A section for anything has no attributes at all.
		bare := a.Definition != nil && len(a.Definition.Attributes) == 0 && a.Definition.TypeName != "SECTION"
		if a.ID+".adl" != name || a.Definition == nil || bare || len(a.Languages()) == 0 {
			t.Errorf("%s: read as %s with %d attributes", name, a.ID, len(a.Definition.Attributes))
		}
		again(t, name, a)
	}
}

func TestPublishedArchetypes(t *testing.T) {
	paths := published(t)
	if len(paths) < 25 {
		t.Errorf("only %d archetypes", len(paths))
	}
	readAll(t, paths)
}

func TestOurArchetypes(t *testing.T) { readAll(t, ours(t)) }

func every(t testing.TB) string { return text(t, "testdata/every_construct.adl") }

func TestEveryConstruct(t *testing.T) {
	a, err := Read(strings.NewReader(every(t)))
	if err != nil {
		t.Fatal(err)
	}
	printed := again(t, "every construct", a)
	b, err := Read(strings.NewReader(printed))
	if err != nil {
		t.Fatal(err)
	}
	if twice := again(t, "printed", b); twice != printed {
		t.Error("printing again differs")
	}
	if v := a.Invariants[0].Variables; len(v) != 2 || v[1] != (aom.Variable{Name: "limit", Definition: "4.5"}) {
		t.Errorf("variables %v", v)
	}
	leaf := func(path string) aom.Object {
		t.Helper()
		o := a.Node(path)
		if o == nil {
			t.Fatalf("nothing at %s", path)
		}
		return o
	}
	alternatives := leaf("/data[at0001]/events[at0002]/data[at0003]/items[at0010]").(*aom.ComplexObject).Attributes[0].Children
	machine, ok := alternatives[1].(*aom.State)
	if !ok || len(machine.States) != 2 || !machine.States[1].Terminal || machine.States[0].Transitions[0] != (aom.Transition{Event: "close", Guard: "paid > 0", Next: "closed"}) {
		t.Errorf("state machine %+v", alternatives[1])
	}
	set, ok := leaf("/data[at0001]/events[at0002]/data[at0003]/items[at0010]/value/defining_code").(*aom.CodeReference)
	if !ok || set.Terminology != "SNOMED-CT" || set.ReferenceSetURI != "terminology:SNOMED-CT?subset=x" {
		t.Errorf("value set %+v", set)
	}
	item := func(path string) aom.Primitive { return leaf(path).(*aom.PrimitiveObject).Item }
	const tree = "/data[at0001]/events[at0002]/data[at0003]"
	s := func(s string) *string { return &s }
	yes := true
	closed := func(lower, upper string) *aom.Interval {
		return &aom.Interval{Lower: lower, Upper: upper, LowerIncluded: true, UpperIncluded: true}
	}
	for path, want := range map[string]any{
		"/items[at0010]/value/magnitude":           &aom.Integer{Range: closed("0", "10"), Assumed: s("5")},
		"/items[at0011]/value/numerator":           &aom.Real{Range: closed("0", "100")},
		"/items[at0011]/value/type":                &aom.Integer{List: []string{"2", "3"}},
		"/items[at0012]/value/value":               &aom.Boolean{TrueValid: true, FalseValid: true, Assumed: &yes},
		"/items[at0013]/value/value":               &aom.String{List: []string{`say "a"`, "b"}, ListOpen: true},
		"/items[at0014]/value/value":               &aom.String{Pattern: `a/b\d+`, HasPattern: true},
		"/items[at0015]/value/value":               &aom.Date{Pattern: "yyyy-??-XX"},
		"/items[at0016]/value/value":               &aom.Date{Range: &aom.Interval{Lower: "2020-01-01", LowerIncluded: true, UpperUnbounded: true}},
		"/items[at0017]/value/value":               &aom.Time{Pattern: "hh:mm:??"},
		"/items[at0018]/value/value":               &aom.DateTime{Pattern: "yyyy-mm-ddThh:??:??"},
		"/items[at0019]/value/value":               &aom.Duration{Pattern: "PWD", Range: &aom.Interval{Lower: "P1W", Upper: "P50W", LowerIncluded: true}, Assumed: s("P2W")},
		"/items[at0020]/value/value":               &aom.Duration{Pattern: "PTHM"},
		"/items[at0021]/value/value":               &aom.Duration{Range: closed("PT24H", "PT24H")},
		"/items[at0022]/value/lower/magnitude":     &aom.Integer{Range: closed("3", "7")},
		"/items[at0023]/value/value":               &aom.Time{Range: closed("10:30:00,5", "12:00:00")},
		"/items[at0024]/value/value":               &aom.DateTime{Range: closed("2020-01-01T10:00:00", "2020-01-01T10:00:00")},
		"/items[at0022]/value[at0099]/lower/value": nil,
	} {
		if want == nil {
			if a.Node(tree+path) != nil {
				t.Errorf("%s leads somewhere", path)
			}
			continue
		}
		if got := item(tree + path); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", path, got, want)
		}
	}
	base := func(class string) aom.ObjectBase { return aom.ObjectBase{TypeName: class, Occurrences: once} }
	for path, want := range map[string]aom.Object{
		"/items[at0030]/value/defining_code": &aom.CodePhrase{ObjectBase: base("CODE_PHRASE"), Terminology: "local", Codes: []string{"at0040", "at0041"}, Assumed: &aom.Code{Terminology: "local", Code: "at0041"}},
		"/items[at0031]/value/defining_code": &aom.ConstraintRef{ObjectBase: base("CODE_PHRASE"), Reference: "ac0001"},
		"/items[at0032]/value": &aom.Ordinal{ObjectBase: base("DV_ORDINAL"), Assumed: ordinalValue([]aom.OrdinalItem{{Value: "0", Symbol: aom.Code{Terminology: "local", Code: "at0040"}}}, "0"),
			Items: []aom.OrdinalItem{{Value: "0", Symbol: aom.Code{Terminology: "local", Code: "at0040"}}, {Value: "1", Symbol: aom.Code{Terminology: "local", Code: "at0041"}}}},
		"/items[at0033]/value": &aom.Scale{ObjectBase: base("DV_SCALE"), Items: []aom.OrdinalItem{{Value: "0.5", Symbol: aom.Code{Terminology: "local", Code: "at0040"}}}},
		"/items[at0034]/value": &aom.Quantity{ObjectBase: base("DV_QUANTITY"), Property: &aom.Code{Terminology: "openehr", Code: "125"},
			Items:   []aom.QuantityItem{{Units: "mm[Hg]", Magnitude: &aom.Interval{Lower: "0.0", Upper: "1000.0", LowerIncluded: true}, Precision: closed("0", "0")}, {Units: "kPa"}},
			Assumed: &aom.Value{Members: []aom.Member{{Name: "magnitude", Value: &aom.Value{Text: "120.0"}}, {Name: "units", Value: &aom.Value{Text: "mm[Hg]"}}, {Name: "precision", Value: &aom.Value{Text: "0"}}}}},
	} {
		got := leaf(tree + path)
		got.Base().Line = 0
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", path, got, want)
		}
	}
	if slot := leaf(tree + "/items[at0035]").(*aom.Slot); len(slot.Includes) != 2 || len(slot.Excludes) != 1 {
		t.Errorf("slot: %+v", slot)
	} else if pattern, ok := slot.Includes[0].ArchetypeIDPattern(); !ok || pattern != `openEHR-EHR-CLUSTER\.device(-[a-z]+)*\.v1` {
		t.Errorf("slot pattern %q", pattern)
	}
	if a.Node("/data[at0001]/events[at0004]/data/items[at0034]/value") == nil {
		t.Error("a path through a reference leads nowhere")
	}
	if len(a.Invariants) != 2 || a.Invariants[0].Tag != "low_before_high" || a.Invariants[1].Expression.Operator != 2014 {
		t.Errorf("invariants: %+v", a.Invariants)
	}
	if events := a.Node("/data[at0001]").(*aom.ComplexObject).Attributes[0]; !events.Multiple || !events.Cardinality.Unique || events.Cardinality.Interval.Min != 1 {
		t.Errorf("events: %+v", events)
	}
	if loinc := a.Ontology.Bindings[0].Items; len(loinc) != 3 || loinc[1] != (aom.TermBinding{Code: "at0034", Target: aom.Code{Terminology: "LOINC", Code: "1235-2"}}) {
		t.Errorf("bindings: %+v", loinc)
	}
	if got := a.Description.OtherContributors; len(got) != 1 || got[0] != "A. Tester" {
		t.Errorf("contributors: %v", got)
	}
	if len(a.Annotations) != 1 || len(a.Translations) != 1 || a.RevisionHistory == "" || *a.Controlled || a.UID == "" {
		t.Errorf("metadata: %+v", a)
	}
}

// TestValidity changes one place of a valid archetype at a time. The fault is on
// the line of the new text, unless near says where; "-" is nowhere in particular.
func TestValidity(t *testing.T) {
	for name, tc := range map[string]struct{ old, new, rule, near string }{
		"id":                     {"openEHR-EHR-OBSERVATION.every.v1\n", "every\n", "VARID", "every"},
		"no concept section":     {"concept\n\t[at0000]", "", "VARCN", "-"},
		"concept undefined":      {"\t[at0000]\t-- Every", "\t[at0900]", "VARCN", "-"},
		"specialised concept":    {"at0000", "at0000.1", "VARCN", "-"},
		"version":                {"adl_version=1.4", "adl_version=2.0.6", "VARAV", ""},
		"root class":             {"OBSERVATION[at0000]", "EVALUATION[at0000]", "VARDT", ""},
		"no definition":          {"\ndefinition\n", "\n", "VARDF", "-"},
		"definition syntax":      {"value matches {True, False; True}", "value matches {True, ; True}", "VARDF", ""},
		"unclosed":               {"invariant\n", "} invariant\n", "adl-section", "-"},
		"bounds":                 {"|0..10|; 5", "|10..0|; 5", "VARDF", ""},
		"multiplicity":           {"occurrences matches {0..3}", "occurrences matches {3..0}", "VARDF", ""},
		"mixed bounds":           {"|0..10|; 5", "|0..P1D|", "VARDF", ""},
		"term undefined":         {"ELEMENT[at0010]", "ELEMENT[at0910]", "VATDF", ""},
		"code in list":           {"at0041; at0041]", "at0941; at0941]", "VATDF", "[local::"},
		"constraint undefined":   {"{[ac0001]}", "{[ac0002]}", "VACDF", ""},
		"code form":              {"ELEMENT[at0010]", "ELEMENT[ten]", "VATCV", ""},
		"reference":              {"use_node ITEM_TREE /data[at0001]/events[at0002]/data[at0003]", "use_node ITEM_TREE /data[at0001]/events[at0002]/data[at0009]", "VDFPT", ""},
		"reference class":        {"use_node ITEM_TREE /data[at0001]/events[at0002]/data[at0003]", "use_node ITEM_TREE /data[at0001]", "VUNT", ""},
		"slot":                   {`openEHR-EHR-CLUSTER\.device(-[a-z]+)*\.v1`, `openEHR-CLUSTER\.device\.v1`, "VDFAI", "allow_archetype CLUSTER[at0035]"},
		"slot pattern":           {`openEHR-EHR-CLUSTER\.device(-[a-z]+)*\.v1`, `device(`, "VDFAI", "allow_archetype CLUSTER[at0035]"},
		"class unknown":          {"CLUSTER[at0036]", "CLUMP[at0036]", "VCORM", ""},
		"class misplaced":        {"CLUSTER[at0036]", "HISTORY[at0036]", "VCORMT", ""},
		"attribute unknown":      {"width matches", "breadth matches", "VCARM", ""},
		"attribute twice":        {"width matches", "data matches", "VCATU", "data ∈"},
		"cardinality":            {"width matches", "width cardinality matches {1} matches", "VCAM", ""},
		"existence":              {"protocol existence matches {0..1}", "protocol existence matches {0..2}", "VCAEX", ""},
		"siblings":               {"ELEMENT[at0011]", "ELEMENT[at0010]", "VCOSU", "ELEMENT[at0010] occurrences matches {0..1}"},
		"occurrences":            {"HISTORY[at0001]", "HISTORY[at0001] occurrences matches {0..*}", "VACSO", ""},
		"members and places":     {"cardinality matches {1..*; ordered; unique}", "cardinality matches {0..0; ordered; unique}", "VACMC", ""},
		"assumed number":         {"|0..10|; 5", "|0..10|; 11", "VOBAV", ""},
		"assumed code":           {"at0041; at0041]", "at0041; at0040.1]", "VOBAV", "[local::"},
		"assumed ordinal":        {"1|[local::at0041]; 0", "1|[local::at0041]; 2", "VOBAV", "0|[local::"},
		"assumed quantity":       {"<120.0>", "<1200.0>", "VOBAV", "C_DV_QUANTITY"},
		"unit twice":             {`"kPa"`, `"mm[Hg]"`, "VARDF", "C_DV_QUANTITY"},
		"no ontology":            {"\nontology\n", "\nontologie\n", "VARON", "-"},
		"ontology syntax":        {"text = <\"Every\">", "text = \"Every\"", "VARON", ""},
		"code twice":             {`["at0001"] = <`, `["at0000"] = <`, "VOKU", "-"},
		"no original terms":      {"original_language = <[ISO_639-1::en]>", "original_language = <[ISO_639-1::de]>", "VARON", "-"},
		"no language":            {"original_language = <[ISO_639-1::en]>", "", "VDEOL", "-"},
		"unknown attribute":      {"lifecycle_state", "life", "adl-description", ""},
		"section twice":          {"\nannotations\n", "\nontology\n", "adl-section", "-"},
		"sections out of order":  {"\nrevision_history\n", "\ndescription\n", "adl-section", "-"},
		"not UTF-8":              {"Every", "Every \xff", "adl-text", ""},
		"string without its end": {"purpose = <\"To", "purpose = <\"To\" \"", "adl-description", "purpose"},
		"nothing":                {"", "", "VARID", "-"},
	} {
		source := strings.ReplaceAll(every(t), tc.old, tc.new)
		if tc.old == "" {
			source = ""
		} else if !strings.Contains(every(t), tc.old) {
			t.Errorf("%s: the archetype has no %q", name, tc.old)
			continue
		}
		_, err := Read(strings.NewReader(source))
		f := fault.Of(err)
		near := tc.near
		if near == "" {
			near = tc.new
		}
		place := ""
		if before, _, ok := strings.Cut(source, near); ok && near != "-" {
			place = fmt.Sprintf("line %d:", strings.Count(before, "\n")+1)
		}
		found := false
		for _, issue := range f.Issues {
			found = found || issue.Rule == tc.rule && strings.HasPrefix(issue.Message, place)
		}
		if err == nil || f.Kind != fault.Invalid || !found {
			t.Errorf("%s: no %s at %s in %v", name, tc.rule, place, err)
		}
	}
}

func TestFaultsOfSeveralSectionsAreReported(t *testing.T) {
	source := strings.NewReplacer("True, False; True", "True, ;", `text = <"Every">`, `text = "Every"`, "lifecycle_state = ", "lifecycle_state ").Replace(every(t))
	_, err := Read(strings.NewReader(source))
	rules := map[string]bool{}
	for _, issue := range fault.Of(err).Issues {
		rules[issue.Rule] = true
		if issue.Archetype != "openEHR-EHR-OBSERVATION.every.v1" {
			t.Errorf("issue without its archetype: %+v", issue)
		}
	}
	if len(rules) < 3 || !rules["VARDF"] || !rules["VARON"] {
		t.Errorf("got %v", rules)
	}
}

func TestWarningsRefuseNothing(t *testing.T) {
	source := strings.NewReplacer(`["at0041"] = <`, `["at0042"] = <`, "at0041", "at0040.1").Replace(every(t))
	a, err := Read(strings.NewReader(every(t)))
	if err != nil {
		t.Fatal(err)
	}
	if issues := Check(a); len(issues) != 0 {
		t.Errorf("the archetype has issues: %v", issues)
	}
	a.Ontology.Terms[0].Terms = append(a.Ontology.Terms[0].Terms, aom.Term{Code: "at0077"})
	rules := ""
	for _, issue := range Check(a) {
		if !issue.Warning {
			t.Errorf("%s refuses", issue.Rule)
		}
		rules += issue.Rule + " "
	}
	if rules != "WOUC VONLC " {
		t.Errorf("got %s", rules)
	}
	if _, err := Read(strings.NewReader(source)); err == nil {
		t.Error("an undefined code is accepted")
	}
}

func TestNestingIsBounded(t *testing.T) {
	deep := strings.Repeat("HISTORY[at0001] matches { data matches { ", 100_000)
	_, err := Read(strings.NewReader(strings.Replace(every(t), "OBSERVATION[at0000] matches", deep, 1)))
	if !fault.Is(err, fault.Invalid) {
		t.Errorf("got %v", err)
	}
	if _, err := Read(strings.NewReader(strings.Repeat(" ", maxBytes+1))); !fault.Is(err, fault.Invalid) {
		t.Errorf("got %v", err)
	}
}

func TestNotWritable(t *testing.T) {
	for name, o := range map[string]aom.Object{
		"state machine":      &aom.State{},
		"open primitive":     &aom.PrimitiveObject{},
		"empty primitive":    &aom.PrimitiveObject{Item: &aom.Integer{}},
		"assertion, no text": &aom.Slot{Includes: []aom.Assertion{{}}},
	} {
		a, err := Read(strings.NewReader(every(t)))
		if err != nil {
			t.Fatal(err)
		}
		a.Definition.Attributes[0].Children = []aom.Object{o}
		if err := Write(&bytes.Buffer{}, a); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(every(f))
	for _, path := range ours(f)[:4] {
		f.Add(text(f, path))
	}
	f.Add("archetype (adl_version=1.4)\n\topenEHR-EHR-CLUSTER.a.v1\nconcept\n\t[at0000]\n")
	f.Fuzz(func(t *testing.T, source string) {
		a, err := Read(strings.NewReader(source))
		if (a == nil) == (err == nil) {
			t.Fatalf("archetype %v with error %v", a, err)
		}
		if err == nil {
			again(t, "fuzz", a)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	source := text(b, published(b)[0])
	b.SetBytes(int64(len(source)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Read(strings.NewReader(source)); err != nil {
			b.Fatal(err)
		}
	}
}
