package mapping_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quire-cdr/quire/internal/hl7v2"
	"github.com/quire-cdr/quire/internal/hl7v2/mapping"
	"github.com/quire-cdr/quire/internal/opt"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/simplified"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/internal/validate"
	"github.com/quire-cdr/quire/templates"
)

var update = flag.Bool("update", false, "write the golden files anew")

func set(t testing.TB) mapping.Set {
	t.Helper()
	s, err := mapping.Read(templates.V2, "v2")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func compiled(t testing.TB, name string) *template.Compiled {
	t.Helper()
	text, err := templates.FS.ReadFile("opt/" + name + ".v1.opt")
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := opt.Read(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c, err := template.Compile(parsed)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func example(t testing.TB, name string) *rm.Tree {
	t.Helper()
	text, err := templates.FS.ReadFile("examples/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	tree, err := canon.ReadJSON(text, rminfo.COMPOSITION, canon.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func envelope() mapping.Envelope {
	now := time.Date(2026, 3, 10, 10, 30, 0, 0, time.UTC)
	return mapping.Envelope{
		From: [2]string{"QUIRE", "DEM11"}, To: [2]string{"iGene", "699X0"}, ID: "8849182c.1", Processing: "T", Now: now, Committed: now,
		VersionUID: "8849182c-82ad-4088-a07f-48ead4180515::test.quire::1", Object: "8849182c-82ad-4088-a07f-48ead4180515",
		Person:   mapping.Person{Identifiers: []mapping.Identifier{{"9990000018", "NHS", "NH"}}},
		Document: "JVBERi0=", DocumentType: "PDF",
	}
}

func TestGolden(t *testing.T) {
	for _, c := range []struct{ file, example string }{
		{"genomic_test_order.oml_o21", "genomic_order_predictive"}, {"genomic_test_order.oml_o21", "genomic_order_newborn_trio"},
		{"genomic_test_order.oml_o21", "genomic_order_tumour"}, {"genomic_test_report.oru_r01_out", "genomic_report_variant_found"},
		{"discharge_summary.mdm_t02", "discharge_summary_minimal"},
	} {
		t.Run(c.example, func(t *testing.T) {
			m, ok, err := set(t).Named(c.file).Build(example(t, c.example), envelope())
			if err != nil || !ok {
				t.Fatal(ok, err)
			}
			got := strings.ReplaceAll(string(m.Encode()), "\r", "\n")
			file := filepath.Join("testdata", c.example+".hl7")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("differs from %s:\n%s", file, got)
			}
			if _, err := hl7v2.Parse(m.Encode(), hl7v2.Limits{}); err != nil {
				t.Error(err)
			}
		})
	}
}

// The order, field by field.
func TestOrderFieldByField(t *testing.T) {
	m, _, err := set(t).Named("genomic_test_order.oml_o21").Build(example(t, "genomic_order_predictive"), envelope())
	if err != nil {
		t.Fatal(err)
	}
	back, err := hl7v2.Parse(m.Encode(), hl7v2.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for place, want := range map[string]string{
		"MSH-3": "QUIRE", "MSH-6": "699X0", "MSH-9.1": "OML", "MSH-9.3": "OML_O21", "MSH-10": "8849182c.1", "MSH-11": "T", "MSH-12": "2.5.1",
		"PID-3.1": "9990000018", "PID-3.4": "NHS", "PID-3.5": "NH", "PID-5.7": "U", "PV1-3.4": "DEM11",
		"ORC-1": "NW", "ORC-2.1": "GEN-2026-00417", "ORC-2.2": "Demo Genetics Service", "ORC-9": "20260310103000+0000", "ORC-12.1": "9900020",
		"ORC-12.2": "Demo Doctor Twenty", "ORC-12.9": "General Medical Council", "ORC-14": "doctor.twenty@example.org", "ORC-14(2)": "01632 960320",
		"ORC-21.1": "Demo Genetics Service", "ORC-21.3": "DEM11",
		"OBR-1": "1", "OBR-2.1": "GEN-2026-00417", "OBR-4.1": "R242.1", "OBR-4.2": "Predictive testing for known familial variant(s)", "OBR-4.3": "England-GenomicTestDirectory",
		"OBR-5": "R", "OBR-6": "20260310101500+0000", "OBR-7": "20260310104000+0000", "OBR-31.2": "Her mother carries a disease-causing variant of BRCA1",
		"SPM-2.1": "TUBE-77120345", "SPM-4.1": "258580003", "SPM-4.3": "SCT", "SPM-14": "4 ml, EDTA", "SPM-16": "", "SPM-17": "20260310104000+0000", "SPM-20": "Y",
	} {
		if got := back.At(place); got != want {
			t.Errorf("%s is %q, want %q", place, got, want)
		}
	}
	answers := map[string]string{}
	for n := 1; back.Segment("OBX", n) != nil; n++ {
		s := back.Segment("OBX", n)
		answers[s.Value(3, 1, 1, 1)] = s.Value(2, 1, 1, 1) + " " + s.Value(5, 1, 1, 1) + "|" + s.Value(5, 1, 2, 1)
	}
	for code, want := range map[string]string{
		"15220000": "CWE at0002|Rare and inherited disease", "affected": "CWE at0008|Unaffected", "pedigreeNumber": "ST G-118204|", "relationship": "CWE at0016|Child",
		"842009": "CWE at0028|No", "19826-7": "CWE at0032|Given", "75520-7": "CWE at0032|Given", "RODToFollow": "CWE at0042|Attached or to follow",
		"118185001": "CWE at0050|Neither", "782902008": "CWE at0028|No", "GeneticistEmail": "FT doctor.twenty@example.org|",
	} {
		if answers[code] != want {
			t.Errorf("the answer to %s is %q, want %q", code, answers[code], want)
		}
	}
}

func TestMissingFieldIsNamed(t *testing.T) {
	tree := example(t, "genomic_order_predictive")
	at := tree.Resolve(tree.Root(), "/content[openEHR-EHR-INSTRUCTION.service_request.v1]/protocol[at0008]/items[at0010]")
	without, err := tree.Splice(rm.Edit{At: at[0]})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = set(t).Named("genomic_test_order.oml_o21").Build(without, envelope())
	var e *hl7v2.Error
	if !errors.As(err, &e) || e.Place.String() != "ORC-2" || e.Code != hl7v2.CodeRequired {
		t.Errorf("%v", err)
	}
}

const report = "MSH|^~\\&|IGENE|LAB1|QUIRE|DEM11|20260401093000+0100||ORU^R01|M-1|P|2.5.1\r" +
	"PID|1||9990000018^^^NHS^NH\r" +
	"ORC|RE|GEN-2026-00417^Demo|26-GR-1\r" +
	"OBR|1|GEN-2026-00417^Demo|26-GR-1|R242.1^Predictive testing^England-GenomicTestDirectory|||202603100940|||||||||||||||20260331093000+0100|||F\r" +
	"OBX|1|CWE|51968-6^Overall finding^LN||found^Cause found^L||||||F\r" +
	"OBX|2|CWE|BRCA1^BRCA1, the variant known in the family^L||260373001^Detected^SCT||||||F\r" +
	"OBX|3|FT|C^Conclusion^L||The variant was found.\\.br\\See the report.||||||F\r" +
	"OBX|4|ED|R^Report^L||LAB^AP^PDF^Base64^JVBERi0=||||||F\r" +
	"NTE|1|L|Only the known variant was looked for.\r" +
	"SPM|1|TUBE-1||258580003^Whole blood^SCT|||||||||||||202603101040\r"

func TestReport(t *testing.T) {
	london, _ := time.LoadLocation("Europe/London")
	c := compiled(t, "genomic_test_report")
	compose := func(text string) (*rm.Tree, *mapping.Incoming, error) {
		m, err := hl7v2.Parse([]byte(text), hl7v2.Limits{})
		if err != nil {
			return nil, nil, err
		}
		in, err := set(t).In("ORU^R01").Compose(m, london)
		if err != nil {
			return nil, nil, err
		}
		tree, err := simplified.Compile(c).Read(in.Flat, simplified.Flat, "2026-04-01T10:00:00Z")
		return tree, in, err
	}
	tree, in, err := compose(report)
	if err != nil {
		t.Fatal(err)
	}
	if issues := validate.Check(tree, c, validate.Options{}); validate.Refused(issues) {
		t.Fatalf("%+v", issues)
	}
	if in.Order != "GEN-2026-00417" || in.Filler != "26-GR-1" {
		t.Errorf("order %q, filler %q", in.Order, in.Filler)
	}
	text := string(canon.WriteJSON(nil, tree, tree.Root()))
	for _, want := range []string{`"JVBERi0="`, "The variant was found.\\nSee the report.", `"260373001"`, `"at9002"`, `"532"`, "2026-03-10T10:40:00Z", "Only the known variant"} {
		if !strings.Contains(text, want) {
			t.Errorf("the composition lacks %s", want)
		}
	}
	for name, edit := range map[string][3]string{
		"OBR-22":    {"20260331093000+0100", "20263131", "time"},
		"OBR-25":    {"|F\rOBX", "|Q\rOBX", "status"},
		"OBX[2]-11": {"Detected^SCT||||||F", "Detected^SCT||||||W", "status"},
		"OBX[3]-2":  {"|FT|", "|RP|", "unmapped-result"},
		"OBX-5.1":   {"found^Cause", "maybe^Cause", "unmapped-code"},
		"OBR-3":     {"26-GR-1|R242", "26-GR-2|R242", "orders-differ"},
		"MSH-10":    {"|M-1|", "||", "required"},
		"PID[2]":    {"ORC|RE", "PID|2\rORC|RE", "segment-repeated"},
	} {
		_, _, err := compose(strings.Replace(report, edit[0], edit[1], 1))
		var e *hl7v2.Error
		if !errors.As(err, &e) || e.Place.String() != name || e.Reason != edit[2] {
			t.Errorf("%s: %v", name, err)
		}
	}
	if p := in.PlaceOf("genomic_test_report/genomic_test_result:0/test_name|value"); p != "OBR-4.1" {
		t.Errorf("the name came from %q", p)
	}
}

func FuzzReadFile(f *testing.F) {
	entries, err := templates.V2.ReadDir("v2")
	if err != nil {
		f.Fatal(err)
	}
	for _, e := range entries {
		text, err := templates.V2.ReadFile("v2/" + e.Name())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	order := example(f, "genomic_order_predictive")
	message, err := hl7v2.Parse([]byte(report), hl7v2.Limits{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(_ *testing.T, text []byte) {
		file, err := mapping.ReadFile(text)
		if err != nil {
			return
		}
		if file.Direction == "in" {
			_, _ = file.Compose(message, time.UTC)
		} else {
			_, _, _ = file.Build(order, envelope())
		}
	})
}
