package form_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/quire-cdr/quire/internal/cdr/form"
	"github.com/quire-cdr/quire/internal/fhir"
	filling "github.com/quire-cdr/quire/internal/sdc/populate"
)

const referral = "Referral.v1"

// filled issues a form for a record with what the record holds.
func filled(t *testing.T, f *form.Forms, templateID, ehr string) *form.Issued {
	t.Helper()
	one, err := f.ByTemplate(context.Background(), nurse, templateID)
	if err != nil {
		t.Fatal(err)
	}
	issued, err := f.Populate(context.Background(), nurse, one.ID, form.Person{EHR: ehr}, view)
	if err != nil {
		t.Fatal(err)
	}
	return issued
}

// find is the first response item of a linkId that ends so.
func find(items []fhir.ResponseItem, suffix string) *fhir.ResponseItem {
	for n := range items {
		if strings.HasSuffix(items[n].LinkID, suffix) {
			return &items[n]
		}
		if i := find(items[n].Item, suffix); i != nil {
			return i
		}
	}
	return nil
}

func noted(issued *form.Issued, code, linkID string) bool {
	for _, n := range issued.Notes {
		if n.Code == code && strings.HasSuffix(n.LinkID, linkID) {
			return true
		}
	}
	return false
}

// TestACopyKeepsItsTime: an observation that fills a form comes with source and
// time; sent back as it came it keeps both; edited, it is new.
func TestACopyKeepsItsTime(t *testing.T) {
	f, r, c := newForms(t)
	source := r.stored(t, ehrA, "vital_signs_full")
	at := source.Tree.Text(source.Tree.Resolve(0, "/content[openEHR-EHR-OBSERVATION.pulse.v2]/data/events/time/value")[0])
	when, err := time.Parse(time.RFC3339, at)
	if err != nil {
		t.Fatal(err)
	}
	c.now = when.Add(time.Hour)
	issued := filled(t, f, "Virtual ward day.v1", ehrA)
	rate := find(issued.Response.Item, "pulse_heart_beat/any_event/rate")
	if rate == nil || len(rate.Answer) != 1 || len(rate.Answer[0].Extension) != 1 {
		t.Fatalf("the pulse is not filled: %+v", issued.Notes)
	}
	cited := map[string]string{}
	for _, e := range rate.Answer[0].Extension[0].Extension {
		cited[e.URL] = e.ValueString + e.ValueDateTime
	}
	if cited["version"] != source.VersionUID || cited["time"] != at || !strings.HasPrefix(cited["path"], "/content[openEHR-EHR-OBSERVATION.pulse.v2") || !strings.Contains(cited["path"], "items[at0004]") {
		t.Errorf("the source is %v", cited)
	}
	if find(issued.Response.Item, "news2_score") != nil || !noted(issued, filling.NotReused, "news2_score") {
		t.Errorf("a score is filled in")
	}
	for name, edit := range map[string]bool{"unchanged": false, "edited": true} {
		issued := filled(t, f, "Virtual ward day.v1", ehrA)
		if edit {
			v := fhir.Decimal("199")
			find(issued.Response.Item, "pulse_heart_beat/any_event/rate").Answer[0].ValueQuantity.Value = &v
		}
		c.now = c.now.Add(time.Minute)
		issued.Response.Status = "in-progress"
		done, err := submit(t, f, issued.Response)
		if err != nil {
			t.Fatal(name, err, done)
		}
		tree := done.Document.Tree
		pulse := tree.Resolve(0, "/content[openEHR-EHR-OBSERVATION.pulse.v2]")[0]
		links := tree.Resolve(pulse, "/links/target/value")
		stored := tree.Text(tree.Resolve(pulse, "/data/events/time/value")[0])
		if edit && (len(links) != 0 || stored == at) || !edit && (len(links) != 1 || stored != at || !strings.Contains(tree.Text(links[0]), source.VersionUID)) {
			t.Errorf("%s: time %s, links %d", name, stored, len(links))
		}
		other := tree.Resolve(0, "/content[openEHR-EHR-OBSERVATION.respiration.v2]/links/target/value")
		if len(other) != 1 {
			t.Errorf("%s: the breathing rate lost its source", name)
		}
		// The draft is opened and the copy edited: it is a new observation too.
		if !edit {
			again, err := f.Issue(context.Background(), nurse, done.Document.ObjectID, 0, view)
			if err != nil {
				t.Fatal(err)
			}
			v := fhir.Decimal("198")
			find(again.Response.Item, "pulse_heart_beat/any_event/rate").Answer[0].ValueQuantity.Value = &v
			next, err := submit(t, f, again.Response)
			if err != nil {
				t.Fatal(err)
			}
			tree := next.Document.Tree
			pulse := tree.Resolve(0, "/content[openEHR-EHR-OBSERVATION.pulse.v2]")[0]
			if len(tree.Resolve(pulse, "/links")) != 0 || tree.Text(tree.Resolve(pulse, "/data/events/time/value")[0]) == at {
				t.Errorf("the edited copy of the draft still claims its source")
			}
		}
	}
	c.now = when.Add(13 * time.Hour)
	if late := filled(t, f, "Virtual ward day.v1", ehrA); find(late.Response.Item, "pulse_heart_beat/any_event/rate") != nil || !noted(late, filling.TooOld, "pulse_heart_beat") {
		t.Errorf("an old pulse is filled in: %+v", late.Notes)
	}
}

// TestListsFillALetter: the agreed lists fill a letter whole, and judgements and
// absences are not filled.
func TestListsFillALetter(t *testing.T) {
	f, r, _ := newForms(t)
	for _, name := range []string{"problem_list_full", "allergies_full", "medication_list_full"} {
		r.stored(t, ehrA, name)
	}
	issued := filled(t, f, referral, ehrA)
	copies := map[string]int{}
	for _, c := range issued.Copies {
		copies[c.Item.LinkID]++
	}
	t.Logf("%v", copies)
	for _, n := range issued.Notes {
		t.Logf("%+v", n)
	}
	if copies["referral/history/problem_diagnosis"] == 0 || copies["referral/allergies/adverse_reaction_risk"] == 0 {
		t.Errorf("copied %v", copies)
	}
	for linkID := range copies {
		if strings.Contains(linkID, "absence") || strings.Contains(linkID, "exclusion") || strings.Contains(linkID, "synopsis") {
			t.Errorf("%s is filled", linkID)
		}
	}
	if other := filled(t, f, referral, ehrB); len(other.Copies) != 0 {
		t.Errorf("another person's form is filled with %d", len(other.Copies))
	}
	done, err := submit(t, f, issued.Response)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(done.Document.Tree.Resolve(0, "/content/items/links")); n != len(issued.Copies) {
		t.Errorf("%d of %d copies have a link", n, len(issued.Copies))
	}
}

// TestASourceThatIsGone: what filled a form must still be readable at submit.
func TestASourceThatIsGone(t *testing.T) {
	f, r, _ := newForms(t)
	source := r.stored(t, ehrA, "problem_list_full")
	issued := filled(t, f, referral, ehrA)
	delete(r.objects, source.ObjectID)
	if _, err := submit(t, f, issued.Response); code(err) != "source-gone" {
		t.Errorf("%v", err)
	}
}
