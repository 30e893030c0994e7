package conformance

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the tables of README.md")

// operationDifference explains what the files would have otherwise.
type operationDifference struct {
	no string
	// problem matches what the validator says.
	problem *regexp.Regexp
	what    string
	why     string
}

// operationDifferences are all that are known. One that no longer occurs fails
// the test as much as a problem that none explains.
var operationDifferences = []operationDifference{
	{"O-01", regexp.MustCompile(`^Not Implemented: status is not supported`), "ADL2 routes answer 501",
		"ADL2 is not served; the specification keeps 501 for a recognised operation that is not implemented"},
	{"O-02", regexp.MustCompile(`/ehr_status/id/_type": value is not one of the allowed values \["OBJECT_VERSION_ID"\]`), "`EHR.ehr_status` names the container by a HIER_OBJECT_ID",
		"RM, EHR invariant Ehr_status_valid: the reference is to a VERSIONED_EHR_STATUS"},
	{"O-03", regexp.MustCompile(`/external_ref/id/_type": value is not one of the allowed values \["HIER_OBJECT_ID"\]`), "`PARTY_REF.id` may be any OBJECT_ID, such as a GENERIC_ID with its scheme",
		"RM, OBJECT_REF.id; subject and committer of most systems have identifiers that are no UUIDs"},
	{"O-04", regexp.MustCompile(`Error at "/\d+/target/namespace": property "namespace" is missing`), "`ITEM_TAG.target` is a UID_BASED_ID, in the file an OBJECT_REF",
		"RM common, ITEM_TAG.target; the overview of 1.1.0 shows it so"},
	{"O-05", regexp.MustCompile(`change_type/terminology_id": property "terminology_id" is missing`), "a contribution's `change_type` and `lifecycle_state` are sent as DV_CODED_TEXT",
		"RM, AUDIT_DETAILS.change_type; the file's own example sends it so although its schema says TERMINOLOGY_CODE"},
	{"O-06", regexp.MustCompile(`^Created: .* input matches more than one oneOf schemas`), "`return=identifier` on an EHR answers `{\"uid\": ...}`",
		"the file's schemas IDENTIFIER and EHR both admit that object, so its oneOf can never hold"},
	{"O-07", regexp.MustCompile(`localizedDescriptions/`), "a web template's `localizedDescriptions` hold the languages of the template",
		"the file's schema was drawn from one example and demands that example's languages"},
	{"O-08", regexp.MustCompile(`archetype_details": property "_type" is unsupported`), "the example composition has `_type` in `archetype_details`",
		"ITS-JSON allows `_type` everywhere; the file forgot it in ARCHETYPED alone"},
	{"O-09", regexp.MustCompile(`^Created: response header Content-Type has unexpected value: "application/json`), "`return=identifier` on a template upload is JSON",
		"the specification's IDENTIFIER is a JSON object; the file lists XML alone"},
}

// TestOperations drives every operation of the specification and checks each
// request and each answer against the official files.
func TestOperations(t *testing.T) {
	c := loadContract(t)
	if len(c.operations) != 97 {
		t.Fatalf("the files have %d operations, the table expects 97", len(c.operations))
	}
	s := newScene(t, running(t))
	s.header = []string{"Accept", "application/json"}
	s.saw = func(e *exchange, url string, sent []byte, headers []string, a answer) {
		c.judge(t, s.base, e, url, sent, headers, a)
	}
	for _, steps := range [][]*exchange{systemSteps, ehrSteps, statusSteps, compositionSteps, directorySteps,
		contributionSteps, tagSteps, definitionSteps, querySteps, adminSteps} {
		s.run(steps...)
	}
	if served := s.do(request("OPTIONS", "/", "")).member("endpoints"); strings.Contains(fmt.Sprint(served), "/demographic") {
		for _, kind := range partyKinds {
			s.run(partySteps(kind)...)
		}
		s.run(demographicSteps...)
	} else {
		for _, op := range c.operations {
			if strings.HasPrefix(op.key, "demographic ") {
				op.answers, op.problems = 1, []string{"not served"}
			}
		}
	}

	seen := map[string]bool{}
	var table strings.Builder
	fmt.Fprintf(&table, "| operation | method and path | result |\n|---|---|---|\n")
	passed := 0
	for _, op := range c.operations {
		result := map[string]bool{}
		if op.answers == 0 {
			t.Errorf("%s is not driven", op.key)
		}
		for _, problem := range op.problems {
			known := slices.IndexFunc(operationDifferences, func(d operationDifference) bool { return d.problem.MatchString(problem) })
			if known < 0 {
				t.Errorf("%s: %s", op.key, problem)
				result["unexplained"] = true
				continue
			}
			result[operationDifferences[known].no] = true
			seen[operationDifferences[known].no] = true
		}
		outcome := "pass"
		if len(result) > 0 {
			var numbers []string
			for no := range result {
				numbers = append(numbers, no)
			}
			slices.Sort(numbers)
			outcome = strings.Join(numbers, ", ")
		} else {
			passed++
		}
		_, id, _ := strings.Cut(op.key, " ")
		fmt.Fprintf(&table, "| %s | `%s %s` | %s |\n", id, op.method, op.path, outcome)
	}
	fmt.Fprintf(&table, "\n%d of %d pass without remark; no. and reason of the others:\n\n| no. | what differs from the file | why |\n|---|---|---|\n", passed, len(c.operations))
	for _, d := range operationDifferences {
		if !seen[d.no] {
			t.Errorf("%s no longer occurs: take it out of the table", d.no)
		}
		fmt.Fprintf(&table, "| %s | %s | %s |\n", d.no, d.what, d.why)
	}
	generated(t, "operations", table.String())
}

// generated checks, or with -update writes, the part of README.md between the
// two marker lines of a name.
func generated(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(root(t), "conformance", "README.md")
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := "<!-- "+name+": generated by go test ./conformance -update -->\n", "<!-- end of "+name+" -->\n"
	before, rest, found := strings.Cut(string(old), begin)
	was, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("README.md has no markers for %s", name)
	}
	if was == text {
		return
	}
	if !*update || t.Failed() {
		t.Errorf("the table %s of README.md is not current; go test ./conformance -update", name)
		return
	}
	if err := os.WriteFile(path, []byte(before+begin+text+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
