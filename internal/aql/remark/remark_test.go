package remark_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/aql/remark"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/opt"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/templates"
)

func shipped(t testing.TB) (known remark.Known) {
	t.Helper()
	for _, s := range templates.All() {
		text, err := templates.FS.ReadFile(s.File)
		if err != nil {
			t.Fatal(err)
		}
		read, err := opt.Read(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		c, err := template.Compile(read)
		if err != nil {
			t.Fatal(err)
		}
		known.Templates = append(known.Templates, c)
	}
	return known
}

func of(t testing.TB, known remark.Known, text string) []fault.Issue {
	t.Helper()
	q, err := aql.Parse(text)
	if err != nil {
		t.Fatal(text, err)
	}
	return remark.Of(q, known)
}

var aqlBlock = regexp.MustCompile("(?s)```aql\n(.*?)```")

// TestRightQueries: there is nothing to remark on queries that find something,
// those of the templates' pages among them.
func TestRightQueries(t *testing.T) {
	known := shipped(t)
	pages, err := filepath.Glob("../../../templates/docs/*.md")
	if err != nil || len(pages) < 10 {
		t.Fatal(pages, err)
	}
	queries := []string{
		"SELECT e/ehr_id/value, e/ehr_status/subject/external_ref/id/value FROM EHR e CONTAINS VERSION v CONTAINS COMPOSITION c[openEHR-EHR-COMPOSITION.encounter.v1] ORDER BY c/context/start_time/value",
		"SELECT c/feeder_audit/originating_system_audit/system_id, c/links/target/value, c/content/data/events/data/items/value/value, c/uid/value FROM COMPOSITION c[openEHR-EHR-COMPOSITION.encounter.v1]",
		"SELECT o/data[at0001]/events[at0006 and name/value='x']/data[at0003]/items[at0004, 'Systolic']/value/magnitude, o/name/value, o/subject/external_ref/id/value FROM OBSERVATION o[openEHR-EHR-OBSERVATION.blood_pressure.v2]",
		"SELECT v/commit_audit/time_committed/value AS t FROM EHR e CONTAINS VERSION v[LATEST_VERSION] CONTAINS COMPOSITION c WHERE c/archetype_details/template_id/value = 'x' ORDER BY t",
		"SELECT l/value/magnitude, l/name/value FROM ELEMENT l[at0004] WHERE l/value/value = 'x'",
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range aqlBlock.FindAllSubmatch(text, -1) {
			queries = append(queries, string(m[1]))
		}
	}
	for _, text := range queries {
		if got := of(t, known, text); len(got) > 0 {
			t.Errorf("%s\n%+v", text, got)
		}
	}
	t.Logf("%d queries", len(queries))
}

// TestIncomplete: what is not known is not missed, what no class has is.
func TestIncomplete(t *testing.T) {
	known := shipped(t)
	known.Incomplete = true
	const text = "SELECT o/data[at0001]/events[at9999]/data/items/value/magnitude, o/data/%s FROM OBSERVATION o[openEHR-EHR-OBSERVATION.blood_pressure.v2] CONTAINS CLUSTER c[openEHR-EHR-CLUSTER.none.v1]"
	for attribute, remarks := range map[string]int{"events": 0, "magnitude": 1} {
		if got := of(t, known, fmt.Sprintf(text, attribute)); len(got) != remarks {
			t.Errorf("%s: %+v", attribute, got)
		}
	}
}

func TestRemarks(t *testing.T) {
	known := shipped(t)
	known.Archetypes = []string{"openEHR-EHR-OBSERVATION.kept_here.v1"}
	const bp = " FROM EHR e CONTAINS OBSERVATION o[openEHR-EHR-OBSERVATION.blood_pressure.v2]"
	for _, c := range []struct{ text, rule, place, expected string }{
		{"SELECT o/data[at0001]/events[at0006]/data[at0003]/items[at0040]/value/magnitude" + bp, remark.PathUnknown, "line 1, column 51",
			"o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude"},
		{"SELECT o/data[at0001]/event[at0006]/data[at0003]/items[at0004]/value/magnitude" + bp, remark.PathUnknown, "line 1, column 23", "events"},
		{"SELECT o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitud" + bp, remark.PathUnknown, "line 1, column 71", "magnitude"},
		{"SELECT o/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/numerator" + bp, remark.PathUnknown, "line 1, column 71", ""},
		{"SELECT o\n" + bp + " WHERE o/data[at0001]/events[at0007]/state[at0007]/items[at0008]/value/value = 'x'", remark.PathUnknown, "line 2, column 100", ""},
		{"SELECT l/valu/magnitude FROM ELEMENT l", remark.PathUnknown, "line 1, column 10", "value"},
		{"SELECT o FROM OBSERVATION o[openEHR-EHR-OBSERVATION.blood_presure.v2]", remark.ArchetypeUnknown, "line 1, column 29", "openEHR-EHR-OBSERVATION.blood_pressure.v2"},
		{"SELECT o FROM OBSERVATION o[openEHR-EHR-OBSERVATION.kept_her.v1]", remark.ArchetypeUnknown, "line 1, column 29", "openEHR-EHR-OBSERVATION.kept_here.v1"},
		{"SELECT o FROM OBSERVATION o[openEHR-EHR-OBSERVATION.nothing_like_it_at_all_anywhere.v1]", remark.ArchetypeUnknown, "line 1, column 29", ""},
		{"SELECT o FROM OBSERVATON o", remark.ClassUnknown, "line 1, column 15", "OBSERVATION"},
		{"SELECT lenght(o/name/value) FROM OBSERVATION o", remark.FunctionUnknown, "line 1, column 8", "LENGTH"},
		{"SELECT o/name/value FROM OBSERVATION o[openEHR-EHR-OBSERVATION.kept_here.v1]", "", "", ""},
	} {
		got := of(t, known, c.text)
		if c.rule == "" {
			if len(got) > 0 {
				t.Errorf("%s: %+v", c.text, got)
			}
			continue
		}
		if len(got) != 1 || got[0].Rule != c.rule || got[0].Path != c.place || !got[0].Warning || got[0].Message == "" || c.expected != "" && got[0].Expected != c.expected {
			t.Errorf("%s: %+v", c.text, got)
		}
	}
}
