package opt

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/testkit/fixtures"
)

var update = flag.Bool("update", false, "write the goldens anew")

// unlined forgets where nodes stood: the one thing that writing changes.
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

// again writes a template, reads it back and gives what was written.
func again(t *testing.T, name string, tpl *aom.OperationalTemplate) []byte {
	t.Helper()
	var written, twice bytes.Buffer
	if err := Write(&written, tpl); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	back, err := Read(bytes.NewReader(written.Bytes()))
	if err != nil {
		t.Fatalf("%s: what was written cannot be read: %v", name, err)
	}
	unlined(reflect.ValueOf(tpl))
	unlined(reflect.ValueOf(back))
	if !reflect.DeepEqual(tpl, back) {
		t.Errorf("%s: read back as another template", name)
	}
	if err := Write(&twice, back); err != nil || !bytes.Equal(written.Bytes(), twice.Bytes()) {
		t.Errorf("%s: written twice, differs (%v)", name, err)
	}
	return written.Bytes()
}

func TestWriteAndReadAgain(t *testing.T) {
	paths, err := filepath.Glob("../../templates/opt/*.opt")
	if err != nil || len(paths) == 0 {
		t.Fatal("our templates are missing")
	}
	n := 0
	for _, path := range append(paths, templates(t)...) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		tpl, err := Read(bytes.NewReader(text))
		if err != nil {
			continue
		}
		n++
		again(t, filepath.Base(path), tpl)
	}
	if n < 90 {
		t.Errorf("only %d templates were written", n)
	}
}

// everything is a template with each class and field of the model.
func everything() *aom.OperationalTemplate {
	once := aom.Multiplicity{Min: 1, Max: 1}
	base := func(class string) aom.ObjectBase { return aom.ObjectBase{TypeName: class, Occurrences: once} }
	text := func(s string) *string { return &s }
	yes := true
	between := &aom.Interval{Lower: "1", LowerIncluded: true, Upper: "9"}
	above := &aom.Interval{Lower: "0.50", UpperUnbounded: true}
	prim := func(class string, p aom.Primitive) aom.Object {
		return &aom.PrimitiveObject{ObjectBase: base(class), Item: p}
	}
	magnitude := &aom.Value{Type: "DV_QUANTITY", Members: []aom.Member{{Name: "magnitude", Value: &aom.Value{Text: "5.0"}}, {Name: "units", Value: &aom.Value{Text: "mm"}}}}
	slot := aom.Assertion{Tag: "only", Text: `archetype_id/value matches {/a\.b/}`,
		Expression: &aom.Expression{Kind: aom.Binary, Type: "Boolean", Operator: aom.OperatorMatches, PrecedenceOverridden: true,
			Left:  &aom.Expression{Type: "String", ReferenceType: "attribute", ItemType: "string", Text: "archetype_id/value"},
			Right: &aom.Expression{Type: "C_STRING", ReferenceType: "constraint", ItemType: "C_STRING", Constraint: &aom.String{Pattern: `a\.b`, HasPattern: true}}},
		Variables: []aom.Variable{{Name: "v", Definition: "1"}}}
	not := aom.Assertion{Expression: &aom.Expression{Kind: aom.Unary, Type: "Boolean", Operator: 2010,
		Left: &aom.Expression{Type: "Boolean", ReferenceType: "constant", ItemType: "boolean", Text: "true"}}}
	values := []aom.Object{
		prim("STRING", &aom.String{List: []string{"a & b", "<c>", "\"d\"\ttab"}, ListOpen: true, Assumed: text("")}),
		prim("STRING", nil),
		prim("INTEGER", &aom.Integer{List: []string{"1", "02"}, Assumed: text("1")}),
		prim("INTEGER", &aom.Integer{Range: between}),
		prim("REAL", &aom.Real{List: []string{"1.50"}, Range: above}),
		prim("BOOLEAN", &aom.Boolean{TrueValid: true, Assumed: &yes}),
		prim("DATE", &aom.Date{Pattern: "yyyy-??-XX", Timezone: aom.ValidityOptional, Assumed: text("2026-01-02")}),
		prim("TIME", &aom.Time{Pattern: "hh:mm:??", Range: &aom.Interval{Lower: "10:00:00", LowerIncluded: true, UpperUnbounded: true}}),
		prim("DATE_TIME", &aom.DateTime{Pattern: "yyyy-mm-ddThh:??:??", Timezone: aom.ValidityMandatory}),
		prim("DURATION", &aom.Duration{Pattern: "PDTH", Range: &aom.Interval{LowerUnbounded: true, Upper: "P1D", UpperIncluded: true}, Assumed: text("PT1H")}),
		&aom.CodePhrase{ObjectBase: base("CODE_PHRASE"), Terminology: "local", Codes: []string{"at0001", "at0002"}, Assumed: &aom.Code{Terminology: "local", Code: "at0001"}},
		&aom.CodePhrase{ObjectBase: base("CODE_PHRASE")},
		&aom.CodeReference{CodePhrase: aom.CodePhrase{ObjectBase: base("CODE_PHRASE"), Terminology: "SNOMED-CT"}, ReferenceSetURI: "terminology:SNOMED-CT?x=1&y=2"},
		&aom.ConstraintRef{ObjectBase: base("CODE_PHRASE"), Reference: "ac0001"},
		&aom.Quantity{ObjectBase: base("DV_QUANTITY"), Property: &aom.Code{Terminology: "openehr", Code: "122"}, Assumed: magnitude,
			Items: []aom.QuantityItem{{Units: "mm", Magnitude: above, Precision: between, System: "http://unitsofmeasure.org", DisplayName: "mm"}, {Units: "cm"}}},
		&aom.Ordinal{ObjectBase: base("DV_ORDINAL"), Items: []aom.OrdinalItem{{Value: "0", Symbol: aom.Code{Terminology: "local", Code: "at0001"}}, {Value: "1", Text: "Some", Symbol: aom.Code{Terminology: "local", Code: "at0002"}}}},
		&aom.Scale{ObjectBase: base("DV_SCALE"), Items: []aom.OrdinalItem{{Value: "0.5", Symbol: aom.Code{Terminology: "local", Code: "at0001"}}}},
		&aom.State{ObjectBase: base("DV_STATE"), States: []aom.MachineState{
			{Name: "open", Transitions: []aom.Transition{{Event: "close", Action: "a", Guard: "g > 1", Next: "closed"}, {Event: "wait"}}}, {Name: "closed", Terminal: true}}},
	}
	inner := &aom.ArchetypeRoot{ArchetypeID: "openEHR-EHR-OBSERVATION.b.v1", TemplateID: "Inner",
		Terms:    []aom.Term{{Code: "at0000", Items: []aom.KeyValue{{Key: "text", Value: "B"}, {Key: "description", Value: " two\nlines "}}}},
		Bindings: []aom.TermBindings{{Terminology: "LOINC", Items: []aom.TermBinding{{Code: "at0000", Target: aom.Code{Terminology: "LOINC", Code: "1-8"}}}}}}
	inner.ObjectBase = aom.ObjectBase{TypeName: "OBSERVATION", Occurrences: aom.Multiplicity{Min: 0, Max: aom.Unbounded}, NodeID: "at0000"}
	inner.Attributes = []*aom.Attribute{{Name: "data", Existence: once, Children: values}, {Name: "state", Existence: aom.Multiplicity{Max: 0}, MatchNegated: true}}
	root := &aom.ArchetypeRoot{ArchetypeID: "openEHR-EHR-COMPOSITION.a.v1"}
	root.ObjectBase = aom.ObjectBase{TypeName: "COMPOSITION", Occurrences: once, NodeID: "at0000"}
	root.Attributes = []*aom.Attribute{{Name: "content", Existence: aom.Multiplicity{Max: 1}, Multiple: true,
		Cardinality: aom.Cardinality{Interval: aom.Multiplicity{Max: aom.Unbounded}, Ordered: true, Unique: true},
		Children: []aom.Object{inner,
			&aom.Slot{ObjectBase: base("SECTION"), Includes: []aom.Assertion{slot}, Excludes: []aom.Assertion{not}},
			&aom.InternalRef{ObjectBase: base("SECTION"), TargetPath: "/content[at0001]"},
			&aom.ComplexObject{ObjectBase: base("EVALUATION")}}}}
	pairs := []aom.KeyValue{{Key: "k", Value: "v\r\n"}, {Key: "a \"quoted\"\nkey", Value: ""}}
	path := []aom.PathItems{{Path: "[openEHR-EHR-COMPOSITION.a.v1]/content", Items: pairs}}
	return &aom.OperationalTemplate{
		Language: aom.Code{Terminology: "ISO_639-1", Code: "en"}, IsControlled: &yes, UID: "1-2-3", TemplateID: "Every  class", Concept: "every",
		Description: &aom.Description{OriginalAuthor: pairs, OtherContributors: []string{"c"}, LifecycleState: "draft", ResourcePackageURI: "u", OtherDetails: pairs,
			Details: []aom.DescriptionItem{{Language: aom.Code{Terminology: "ISO_639-1", Code: "en"}, Purpose: "p", Keywords: []string{"k"}, Use: "u", Misuse: "m", Copyright: "c", OriginalResourceURI: pairs, OtherDetails: pairs}}},
		RevisionHistory: &aom.Value{Members: []aom.Member{{Name: "items", Value: &aom.Value{Text: "x"}}}},
		Definition:      root,
		Ontology: &aom.Ontology{ArchetypeID: "openEHR-EHR-COMPOSITION.a.v1",
			Terms:              []aom.LanguageTerms{{Language: "en", Terms: inner.Terms}},
			Constraints:        []aom.LanguageTerms{{Language: "en", Terms: inner.Terms}},
			Bindings:           inner.Bindings,
			ConstraintBindings: []aom.ConstraintBindings{{Terminology: "SNOMED-CT", Items: []aom.KeyValue{{Key: "ac0001", Value: "terminology:x"}}}}},
		Components:  []aom.Ontology{{ArchetypeID: "openEHR-EHR-OBSERVATION.b.v1"}},
		Annotations: path, View: []aom.PathItems{{Path: "/content", Items: []aom.KeyValue{{Key: "pass_through", Value: "true"}}}},
		Defaults: []aom.DefaultAttribute{{Name: "value", Path: "/content", Children: []aom.DefaultObject{{
			ComplexObject: aom.ComplexObject{ObjectBase: base("ELEMENT")}, Default: magnitude}}}},
	}
}

func TestEveryClassIsWritten(t *testing.T) {
	got := again(t, "every class", everything())
	golden := filepath.Join("testdata", "every_class.opt")
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("the golden differs; see it with -update")
	}
}

func TestNotWritable(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*aom.OperationalTemplate)
		rule   string
	}{
		"no definition": {func(t *aom.OperationalTemplate) { t.Definition = nil }, "opt-missing-element"},
		"control":       {func(t *aom.OperationalTemplate) { t.Concept = "a\x00b" }, "opt-character"},
		"not UTF-8":     {func(t *aom.OperationalTemplate) { t.Concept = "a\xff" }, "opt-character"},
		"no expression": {func(t *aom.OperationalTemplate) {
			t.Definition.Attributes[0].Children[1].(*aom.Slot).Includes[0].Expression = nil
		}, "opt-missing-element"},
		"no operand": {func(t *aom.OperationalTemplate) {
			t.Definition.Attributes[0].Children[1].(*aom.Slot).Excludes[0].Expression.Left = nil
		}, "opt-missing-element"},
		"child is empty": {func(t *aom.OperationalTemplate) { t.Definition.Attributes[0].Children[0] = nil }, "opt-unknown-class"},
	} {
		tpl := everything()
		tc.change(tpl)
		err := Write(&bytes.Buffer{}, tpl)
		if f := fault.Of(err); err == nil || f.Kind != fault.Invalid || len(f.Issues) != 1 || f.Issues[0].Rule != tc.rule {
			t.Errorf("%s: got %v, want %s", name, err, tc.rule)
		}
	}
	if err := Write(broken{}, everything()); !errors.Is(err, errBroken) {
		t.Errorf("a broken writer gives %v", err)
	}
}

var errBroken = errors.New("broken")

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errBroken }

func FuzzWrite(f *testing.F) {
	f.Add([]byte(small))
	if text, err := os.ReadFile("testdata/every_class.opt"); err == nil {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		tpl, err := Read(bytes.NewReader(text))
		if err != nil {
			return
		}
		again(t, "fuzz", tpl)
	})
}

func BenchmarkWrite(b *testing.B) {
	tpl, err := Read(strings.NewReader(small))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := Write(&bytes.Buffer{}, tpl); err != nil {
			b.Fatal(err)
		}
	}
}

// TestWrittenIsValidBySchema asks xmllint where it is installed: a template that
// is valid by the schema is so when it has been written.
func TestWrittenIsValidBySchema(t *testing.T) {
	lint, err := exec.LookPath("xmllint")
	if err != nil {
		t.Skip("xmllint is not installed")
	}
	schema, err := filepath.Glob(filepath.Join(fixtures.Spec(t, "xsd"), "v1-namespace*", "Template.xsd"))
	if err != nil || len(schema) == 0 {
		t.Skip("the specification's schemas are not beside this checkout")
	}
	valid := func(path string) error {
		out, err := exec.Command(lint, "--noout", "--schema", schema[0], path).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	}
	n := 0
	for _, path := range templates(t) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		tpl, err := Read(bytes.NewReader(text))
		if err != nil || valid(path) != nil {
			continue
		}
		n++
		written := filepath.Join(t.TempDir(), "written.opt")
		var b bytes.Buffer
		if err := Write(&b, tpl); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(written, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := valid(written); err != nil {
			t.Errorf("%s: %v", filepath.Base(path), err)
		}
	}
	if n < 30 {
		t.Errorf("only %d templates are valid by the schema", n)
	}
}
