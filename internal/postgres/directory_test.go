package postgres

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/testkit/fixtures"
)

// folderJSON is a FOLDER; items are ids, with a namespace after a blank.
func folderJSON(name string, items []string, folders ...string) string {
	b := `{"_type":"FOLDER","name":{"_type":"DV_TEXT","value":"` + name + `"},"archetype_node_id":"openEHR-EHR-FOLDER.generic.v1"`
	if len(folders) > 0 {
		b += `,"folders":[` + strings.Join(folders, ",") + `]`
	}
	for i, item := range items {
		if i == 0 {
			b += `,"items":[`
		} else {
			b += ","
		}
		id, namespace, ok := strings.Cut(item, " ")
		if !ok {
			namespace = "local"
		}
		b += `{"_type":"OBJECT_REF","id":{"_type":"HIER_OBJECT_ID","value":"` + id + `"},"namespace":"` + namespace + `","type":"VERSIONED_COMPOSITION"}`
		if i == len(items)-1 {
			b += "]"
		}
	}
	return b + "}"
}

func folderContent(text string) cdr.Content { return cdr.Content{JSON: []byte(text)} }

func TestDirectory(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	e := h.ehr(t)
	v := h.create(t, e.ID, "vital_signs_minimal", cdr.CommitInfo{})
	_, err := h.Directory(ctx, reader, e.ID, cdr.VersionRef{}, "")
	want(t, err, fault.NotFound, "")
	_, err = h.UpdateDirectory(ctx, clinician, e.ID, "", folderContent(folderJSON("root", nil)), cdr.CommitInfo{})
	want(t, err, fault.NotFound, "directory-unknown")
	_, err = h.DeleteDirectory(ctx, clinician, e.ID, "x", cdr.CommitInfo{})
	want(t, err, fault.NotFound, "directory-unknown")

	first, err := h.CreateDirectory(ctx, clinician, e.ID, folderContent(folderJSON("root", nil, folderJSON("history", []string{v.ObjectID}, folderJSON("family", nil)))), cdr.CommitInfo{})
	if err != nil {
		t.Fatal(err)
	}
	if n := h.count(t, `select count(*) from ehr e join folder_item f on f.ehr_id = e.ehr_id and f.folder_id = e.directory_id and f.item_vo = $1 where e.ehr_id = $2`, v.ObjectID, e.ID); n != 1 {
		t.Errorf("%d rows of the item", n)
	}
	_, err = h.CreateDirectory(ctx, clinician, e.ID, folderContent(folderJSON("root", nil)), cdr.CommitInfo{})
	want(t, err, fault.Conflict, "directory-exists")
	const nowhere = "00000000-0000-4000-8000-000000000001"
	for _, bad := range []struct {
		name, text string
		kind       fault.Kind
		code       string
	}{
		{"an unknown item of ours", folderJSON("root", []string{nowhere}), fault.Unprocessable, "directory-reference"},
		{"the same by the system's id", folderJSON("root", []string{nowhere + " Test.Quire"}), fault.Unprocessable, "directory-reference"},
		{"no FOLDER", `{"_type":"EHR_STATUS"}`, fault.Invalid, ""},
		{"too deep", strings.Repeat(`{"_type":"FOLDER","name":{"_type":"DV_TEXT","value":"f"},"archetype_node_id":"openEHR-EHR-FOLDER.generic.v1","folders":[`, 20) +
			folderJSON("f", nil) + strings.Repeat("]}", 20), fault.Invalid, "directory-depth"},
	} {
		_, err := h.UpdateDirectory(ctx, clinician, e.ID, first.VersionUID, folderContent(bad.text), cdr.CommitInfo{})
		if f := fault.Of(err); f.Kind != bad.kind || bad.code != "" && f.Code != bad.code {
			t.Errorf("%s: %v", bad.name, err)
		}
	}
	for path, name := range map[string]string{"": "root", "/": "root", "history": "history", "/history//family/": "family"} {
		d, err := h.Directory(ctx, reader, e.ID, cdr.VersionRef{}, path)
		if err != nil || !bytes.Contains(d.JSON, []byte(`"value":"`+name+`"`)) || d.VersionUID != first.VersionUID {
			t.Errorf("path %q: %s, %v", path, d.JSON, err)
		}
	}
	for path, kind := range map[string]fault.Kind{"family": fault.NotFound, "folders[history]": fault.NotFound, "history(1)": fault.Invalid, "root": fault.NotFound} {
		if _, err := h.Directory(ctx, reader, e.ID, cdr.VersionRef{}, path); !fault.Is(err, kind) {
			t.Errorf("path %q: %v", path, err)
		}
	}
	_, err = h.UpdateDirectory(ctx, clinician, e.ID, "", folderContent(folderJSON("root", nil)), cdr.CommitInfo{})
	want(t, err, fault.Invalid, "if-match-missing")
	second, err := h.UpdateDirectory(ctx, clinician, e.ID, first.VersionUID, folderContent(folderJSON("root", []string{v.ObjectID, v.ObjectID, "x foreign"})), cdr.CommitInfo{})
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(second.JSON, []byte(v.ObjectID)); n != 2 {
		t.Errorf("the same item twice is kept %d times", n)
	}
	_, err = h.UpdateDirectory(ctx, clinician, e.ID, first.VersionUID, folderContent(folderJSON("root", nil)), cdr.CommitInfo{})
	want(t, err, fault.Precondition, "version-not-latest")
	gone, err := h.DeleteDirectory(ctx, clinician, e.ID, second.VersionUID, cdr.CommitInfo{})
	if err != nil || !gone.Deleted || !strings.HasSuffix(gone.VersionUID, "::3") {
		t.Fatalf("%+v, %v", gone, err)
	}
	if n := h.count(t, "select count(*) from folder_item"); n != 0 {
		t.Errorf("%d items of a deleted directory", n)
	}
	again, err := h.CreateDirectory(ctx, clinician, e.ID, folderContent(folderJSON("new", nil)), cdr.CommitInfo{})
	if err != nil || again.ObjectID == first.ObjectID {
		t.Fatalf("%+v, %v", again, err)
	}
	_, err = h.CommitContribution(ctx, clinician, e.ID, contribution(member("816", "532", gone.VersionUID, []byte(folderJSON("root", nil)))), "", false)
	want(t, err, fault.Conflict, "directory-past")
	for _, at := range []cdr.Document{first, second, gone, again} {
		d, err := h.Directory(ctx, reader, e.ID, cdr.VersionRef{At: &at.Committed}, "")
		if err != nil || d.VersionUID != at.VersionUID {
			t.Errorf("at the time of %s: %s, %v", at.VersionUID, d.VersionUID, err)
		}
		d, err = h.Directory(ctx, reader, e.ID, cdr.VersionRef{VersionUID: at.VersionUID}, "")
		if err != nil || d.VersionUID != at.VersionUID || (d.JSON == nil) != at.Deleted {
			t.Errorf("%s: %s, %v", at.VersionUID, d.JSON, err)
		}
	}
	if now, err := h.EHR(ctx, reader, e.ID); err != nil || now.DirectoryID != again.ObjectID {
		t.Errorf("the EHR's directory is %s, %v", now.DirectoryID, err)
	}
	_, err = h.Directory(ctx, outsider, e.ID, cdr.VersionRef{}, "")
	want(t, err, fault.NotFound, "")
	h.sound(t)
}

// What an editor cannot see is not shown, and stays where it is.
func TestDirectoryKeepsHidden(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	e := h.ehr(t)
	seen := h.create(t, e.ID, "vital_signs_minimal", cdr.CommitInfo{})
	hidden := h.create(t, e.ID, "emergency_care_plan_minimal", cdr.CommitInfo{})
	first, err := h.CreateDirectory(ctx, clinician, e.ID, folderContent(folderJSON("root", []string{seen.ObjectID, hidden.ObjectID},
		folderJSON("plans", []string{hidden.ObjectID}), folderJSON("rest", []string{seen.ObjectID}))), cdr.CommitInfo{})
	if err != nil {
		t.Fatal(err)
	}
	narrow, err := h.Directory(ctx, vitals, e.ID, cdr.VersionRef{}, "")
	if err != nil || bytes.Contains(narrow.JSON, []byte(hidden.ObjectID)) || !bytes.Contains(narrow.JSON, []byte(seen.ObjectID)) || !narrow.Withheld {
		t.Fatalf("%s, %v", narrow.JSON, err)
	}
	view, err := h.Contribution(ctx, vitals, e.ID, first.Contribution, true)
	if err != nil || bytes.Contains(view.JSON, []byte(hidden.ObjectID)) || !bytes.Contains(view.JSON, []byte(seen.ObjectID)) || !view.Withheld {
		t.Fatalf("%s, %v", view.JSON, err)
	}
	_, err = h.DeleteDirectory(ctx, vitals, e.ID, first.VersionUID, cdr.CommitInfo{})
	want(t, err, fault.Forbidden, "directory-withheld")
	// A reference to what the editor cannot see is one to nothing.
	_, err = h.UpdateDirectory(ctx, vitals, e.ID, first.VersionUID, folderContent(folderJSON("root", []string{hidden.ObjectID})), cdr.CommitInfo{})
	want(t, err, fault.Unprocessable, "directory-reference")
	second, err := h.UpdateDirectory(ctx, vitals, e.ID, first.VersionUID, folderContent(folderJSON("root", nil, folderJSON("new", []string{seen.ObjectID}))), cdr.CommitInfo{})
	if err != nil || bytes.Contains(second.JSON, []byte(hidden.ObjectID)) {
		t.Fatalf("%s, %v", second.JSON, err)
	}
	full, err := h.Directory(ctx, clinician, e.ID, cdr.VersionRef{}, "")
	if err != nil || bytes.Count(full.JSON, []byte(hidden.ObjectID)) != 2 || bytes.Count(full.JSON, []byte(seen.ObjectID)) != 1 {
		t.Fatalf("%s, %v", full.JSON, err)
	}
	if plans, err := h.Directory(ctx, clinician, e.ID, cdr.VersionRef{}, "plans"); err != nil || !bytes.Contains(plans.JSON, []byte(hidden.ObjectID)) {
		t.Errorf("%s, %v", plans.JSON, err)
	}
	if n := h.count(t, "select count(*) from folder_item where item_vo = $1", hidden.ObjectID); n != 2 {
		t.Errorf("%d rows of the hidden item", n)
	}
	h.sound(t)
}

// Directories within contributions, beside what they refer to.
func TestDirectoryInContribution(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	e := h.ehr(t)
	const object = "5b1ff6a0-4f0b-4f6e-9d63-0f8b8f1e1a01"
	body := example(t, "vital_signs_minimal", func(doc map[string]any) {
		doc["uid"] = map[string]any{"_type": "HIER_OBJECT_ID", "value": object}
	}).JSON
	made, err := h.CommitContribution(ctx, clinician, e.ID, contribution(
		member("249", "532", "", []byte(folderJSON("root", []string{object}))), member("249", "532", "", body)), "", true)
	if err != nil {
		t.Fatal(err)
	}
	if len(made.Versions) != 2 || !bytes.Contains(made.JSON, []byte(`"data":{"_type":"FOLDER"`)) || !bytes.Contains(made.JSON, []byte(`"data":{"_type":"COMPOSITION"`)) {
		t.Errorf("%s", made.JSON)
	}
	_, err = h.CommitContribution(ctx, clinician, e.ID, contribution(member("249", "532", "", []byte(folderJSON("root", nil)))), "", false)
	want(t, err, fault.Conflict, "directory-exists")
	_, err = h.CommitContribution(ctx, clinician, e.ID, contribution(member("249", "532", "", []byte(`{"_type":"PERSON"}`))), "", false)
	want(t, err, fault.Unprocessable, "member-class")
	next, err := h.CommitContribution(ctx, clinician, e.ID, contribution(member("251", "532", made.Versions[0], []byte(folderJSON("changed", nil)))), "", false)
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.CommitContribution(ctx, clinician, e.ID, contribution(member("523", "523", e.Status.VersionUID, nil)), "", false)
	want(t, err, fault.Invalid, "status-deletion")
	if _, err := h.CommitContribution(ctx, clinician, e.ID, contribution(member("523", "523", next.Versions[0], nil), member("523", "523", made.Versions[1], nil)), "", false); err != nil {
		t.Fatal(err)
	}
	if d, err := h.Directory(ctx, reader, e.ID, cdr.VersionRef{}, ""); err != nil || !d.Deleted {
		t.Errorf("%s, %v", d.JSON, err)
	}
	h.sound(t)
}

// Of many who make or change one directory at once, exactly one does.
func TestDirectoryRace(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	e := h.ehr(t)
	race := func(do func() (cdr.Document, error), loser fault.Kind) cdr.Document {
		t.Helper()
		var writers errgroup.Group
		var mu sync.Mutex
		var won []cdr.Document
		for range 8 {
			writers.Go(func() error {
				d, err := do()
				for n := 0; n < 20 && fault.Is(err, fault.Unavailable); n++ {
					// A busy machine refuses before it does anything.
					time.Sleep(50 * time.Millisecond)
					d, err = do()
				}
				if err == nil {
					mu.Lock()
					defer mu.Unlock()
					won = append(won, d)
				} else if !fault.Is(err, loser) {
					return err
				}
				return nil
			})
		}
		if err := writers.Wait(); err != nil || len(won) != 1 {
			t.Fatalf("%d won, %v", len(won), err)
		}
		return won[0]
	}
	first := race(func() (cdr.Document, error) {
		return h.CreateDirectory(ctx, clinician, e.ID, folderContent(folderJSON("root", nil)), cdr.CommitInfo{})
	}, fault.Conflict)
	race(func() (cdr.Document, error) {
		return h.UpdateDirectory(ctx, clinician, e.ID, first.VersionUID, folderContent(folderJSON("new", nil)), cdr.CommitInfo{})
	}, fault.Precondition)
	h.sound(t)
}

func TestContributionRepeated(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	e := h.ehr(t)
	body := contribution(member("249", "532", "", example(t, "vital_signs_minimal").JSON))
	first, err := h.CommitContribution(ctx, clinician, e.ID, body, "key-1", false)
	if err != nil {
		t.Fatal(err)
	}
	second, err := h.CommitContribution(ctx, clinician, e.ID, body, "key-1", false)
	if err != nil || !second.Repeated || !bytes.Equal(first.JSON, second.JSON) {
		t.Errorf("%s is not %s: %v", second.JSON, first.JSON, err)
	}
	if n := h.count(t, "select count(*) from version where kind = 1"); n != 1 {
		t.Errorf("%d compositions", n)
	}
	_, err = h.CommitContribution(ctx, clinician, e.ID, append(body, ' '), "key-1", false)
	want(t, err, fault.Unprocessable, "idempotency-key-reused")
}

// The peer's directories, each in an EHR of its own; updates follow the first of
// their folder.
func TestPeerDirectories(t *testing.T) {
	root := fixtures.Dir(t, "openehr")
	h, ctx := newHouse(t), context.Background()
	for _, compat := range []bool{true, false} {
		s := h.service(h.db, compat)
		last := map[string][2]string{}
		seen := 0
		for _, c := range manifest(t, filepath.Join(root, "directory")) {
			body, err := os.ReadFile(filepath.Join(root, "directory", c.File))
			if err != nil || c.Status == nil {
				continue
			}
			seen++
			var d cdr.Document
			var ehr, success = "", 201
			if c.Method == "PUT" {
				before := last[filepath.Dir(c.File)]
				ehr, success = before[0], 200
				d, err = s.UpdateDirectory(ctx, system, ehr, before[1], cdr.Content{JSON: body}, cdr.CommitInfo{})
			} else {
				e, failed := s.CreateEHR(ctx, system, "", nil, cdr.CommitInfo{})
				if failed != nil {
					t.Fatal(failed)
				}
				ehr = e.ID
				d, err = s.CreateDirectory(ctx, system, ehr, cdr.Content{JSON: body}, cdr.CommitInfo{})
			}
			if got := status(err, success); got != *c.Status {
				t.Errorf("compat %t: %s: %d, want %d: %v", compat, c.File, got, *c.Status, err)
			}
			last[filepath.Dir(c.File)] = [2]string{ehr, d.VersionUID}
		}
		if seen < 10 {
			t.Errorf("only %d files", seen)
		}
	}
}
