package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/testkit/fixtures"
)

// member is one version of a contribution.
func member(change, lifecycle, preceding string, data []byte) string {
	code := func(c string) string {
		return `{"value":"x","defining_code":{"terminology_id":{"value":"openehr"},"code_string":"` + c + `"}}`
	}
	b := `{"_type":"ORIGINAL_VERSION","commit_audit":{"change_type":` + code(change) + `},"lifecycle_state":` + code(lifecycle)
	if preceding != "" {
		b += `,"preceding_version_uid":{"value":"` + preceding + `"}`
	}
	if data != nil {
		b += `,"data":` + string(data)
	}
	return b + "}"
}

func contribution(members ...string) []byte {
	return fmt.Appendf(nil, `{"_type":"CONTRIBUTION","versions":[%s],"audit":{"change_type":{"code_string":"249"},"committer":{"_type":"PARTY_IDENTIFIED","name":"Dr X"}}}`, strings.Join(members, ","))
}

func TestContribution(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	e := h.ehr(t)
	body := example(t, "vital_signs_minimal").JSON
	two, err := h.CommitContribution(ctx, clinician, e.ID, contribution(
		member("249", "532", "", body), member("249", "532", "", example(t, "emergency_care_plan_minimal").JSON)), "", false)
	if err != nil {
		t.Fatal(err)
	}
	if len(two.Versions) != 2 || !json.Valid(two.JSON) {
		t.Fatalf("%s", two.JSON)
	}
	read, err := h.Contribution(ctx, reader, e.ID, two.ID, false)
	if err != nil || !bytes.Equal(read.JSON, two.JSON) {
		t.Errorf("read %s, committed %s, %v", read.JSON, two.JSON, err)
	}
	first, _ := cdr.ParseVersionUID(two.Versions[0])
	// Content with a status that closes the record: judged once, before.
	closing, err := h.CommitContribution(ctx, clinician, e.ID, contribution(
		member("251", "532", e.Status.VersionUID, statusJSON("", true, false).JSON), member("251", "532", two.Versions[0], body)), "", false)
	if err != nil {
		t.Fatal(err)
	}
	bad := []struct {
		name string
		body []byte
		kind fault.Kind
		code string
	}{
		{"not modifiable", contribution(member("249", "532", "", body)), fault.Conflict, "not-modifiable"},
		{"still not modifiable", contribution(member("249", "532", "", body), member("251", "532", closing.Versions[0], statusJSON("", false, false).JSON)), fault.Conflict, "not-modifiable"},
		{"no versions", contribution(), fault.Unprocessable, "versions-empty"},
		{"no JSON", []byte("{"), fault.Invalid, "contribution-form"},
		{"a member of its own uid", contribution(strings.Replace(member("249", "532", "", body), "{", `{"uid":{},`, 1)), fault.Invalid, "version-form"},
		{"an unknown word", contribution(strings.Replace(member("249", "532", "", body), "{", `{"items":{},`, 1)), fault.Invalid, "contribution-form"},
		{"first as modification", contribution(member("251", "532", "", body)), fault.Invalid, "change-type"},
		{"creation over another", contribution(member("249", "532", two.Versions[0], body)), fault.Unprocessable, "change-type"},
		{"no lifecycle", contribution(strings.Replace(member("249", "532", "", body), "lifecycle_state", "signature_", 1)), fault.Invalid, ""},
		{"unknown code", contribution(member("999", "532", "", body)), fault.Unprocessable, "code-not-in-group"},
		{"a deletion with data", contribution(member("523", "523", two.Versions[1], body)), fault.Unprocessable, "deletion-data"},
		{"a deletion that is complete", contribution(member("523", "532", two.Versions[1], nil)), fault.Invalid, "change-type"},
		{"twice", contribution(member("251", "532", closing.Versions[1], body), member("251", "532", closing.Versions[1], body)), fault.Invalid, "object-twice"},
	}
	for _, b := range bad {
		t.Run(b.name, func(t *testing.T) {
			_, err := h.CommitContribution(ctx, clinician, e.ID, b.body, "", false)
			want(t, err, b.kind, b.code)
		})
	}
	if _, err := h.CommitContribution(ctx, clinician, e.ID, contribution(
		member("523", "523", two.Versions[1], nil), member("251", "532", closing.Versions[0], statusJSON("", true, true).JSON)), "", false); err != nil {
		t.Fatal("a status that opens the record does not open it for its companion:", err)
	}
	before := h.count(t, "select count(*) from version")
	_, err = h.CommitContribution(ctx, clinician, e.ID, contribution(member("249", "532", "", body), member("251", "532", two.Versions[0], body)), "", false)
	if f := want(t, err, fault.Precondition, "version-not-latest"); f.Current != first.Object+"::test.quire::2" {
		t.Errorf("the latest is said to be %s", f.Current)
	}
	if after := h.count(t, "select count(*) from version"); after != before {
		t.Errorf("%d versions of a refused contribution stayed", after-before)
	}
	h.sound(t)
}

// The peer's contributions that stand alone.
func TestPeerContributions(t *testing.T) {
	root := fixtures.Dir(t, "openehr")
	h, ctx := newHouse(t), context.Background()
	s := h.service(h.db, true)
	for _, name := range []string{"minimal_admin", "minimal_evaluation", "minimal_instruction", "minimal_observation", "persistent_minimal"} {
		source, err := os.ReadFile(filepath.Join(root, "opt", name+".opt"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.UploadTemplate(ctx, system, source, cdr.TemplateUpload{}); err != nil {
			t.Fatal(err)
		}
	}
	seen := 0
	for _, c := range manifest(t, filepath.Join(root, "contributions")) {
		body, err := os.ReadFile(filepath.Join(root, "contributions", c.File))
		if err != nil || c.Note != "" || c.Status == nil || bytes.Contains(body, []byte(`"FOLDER"`)) || bytes.Contains(body, []byte("preceding_version")) {
			continue
		}
		seen++
		e, err := s.CreateEHR(ctx, system, "", nil, cdr.CommitInfo{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.CommitContribution(ctx, system, e.ID, body, "", false)
		if got := status(err, 201); got != *c.Status {
			t.Errorf("%s: %d, want %d: %v", c.File, got, *c.Status, err)
		}
	}
	if seen < 5 {
		t.Errorf("only %d files", seen)
	}
}
