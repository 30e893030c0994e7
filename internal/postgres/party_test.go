package postgres

import (
	"bytes"
	"context"
	"sync"
	"testing"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/opt"
)

const aPerson = `{"_type":"PERSON","archetype_node_id":"openEHR-DEMOGRAPHIC-PERSON.person.v1","name":{"_type":"DV_TEXT","value":"Person"},` +
	`"archetype_details":{"_type":"ARCHETYPED","archetype_id":{"_type":"ARCHETYPE_ID","value":"openEHR-DEMOGRAPHIC-PERSON.person.v1"},"rm_version":"1.1.0"},` +
	`"identities":[{"_type":"PARTY_IDENTITY","archetype_node_id":"at0001","name":{"_type":"DV_TEXT","value":"Legal name"},` +
	`"details":{"_type":"ITEM_TREE","archetype_node_id":"at0002","name":{"_type":"DV_TEXT","value":"Tree"}}}]}`

var registrar = cdr.Caller{Subject: "user:registrar", Organisation: "north", Role: "registrar", Name: "A. Registrar"}

// register gives a clinician sight of parties and a registrar their keeping.
func (h *house) register() {
	seeing := *h.people[clinician.Subject]
	seeing.Views = []string{"demographic"}
	h.people[clinician.Subject] = &seeing
	h.people[registrar.Subject] = &access.Profile{Principal: registrar.Subject, Role: "registrar", Areas: []string{"demographic"}, Views: []string{"demographic"}}
}

func content(text string) cdr.Content { return cdr.Content{JSON: []byte(text)} }

func TestPartyRights(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	h.register()
	made, err := h.CreateParty(ctx, registrar, "PERSON", content(aPerson), cdr.CommitInfo{})
	if err != nil {
		t.Fatal(err)
	}
	ref := cdr.VersionRef{Object: made.ObjectID, Class: "PERSON"}
	got, err := h.Party(ctx, clinician, ref)
	if err != nil || !bytes.Equal(got.JSON, made.JSON) {
		t.Fatalf("%s: %v", got.JSON, err)
	}
	pinned := *h.people[registrar.Subject]
	pinned.EHR = h.ehr(t).ID
	h.people["user:pinned"] = &pinned
	attempts := 0
	for _, who := range []cdr.Caller{reader, outsider, {Subject: "user:nobody"}, {Subject: "user:pinned"}} {
		for what, do := range map[string]func() error{
			"read":         func() error { _, err := h.Party(ctx, who, ref); return err },
			"version":      func() error { _, err := h.PartyVersion(ctx, who, ref); return err },
			"container":    func() error { _, err := h.VersionedParty(ctx, who, made.ObjectID); return err },
			"history":      func() error { _, err := h.PartyHistory(ctx, who, made.ObjectID); return err },
			"contribution": func() error { _, err := h.PartyContribution(ctx, who, made.Contribution, false); return err },
			"tags":         func() error { _, err := h.PartyTags(ctx, who, cdr.TagQuery{}); return err },
			"its tags": func() error {
				_, err := h.ItemTags(ctx, who, cdr.Demographics, cdr.KindParty, ref)
				return err
			},
			"query": func() error {
				_, err := h.Query(ctx, who, cdr.QueryRequest{Text: "SELECT p FROM PERSON p"})
				return err
			},
		} {
			if err := do(); !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s by %s: %v", what, who.Subject, err)
			}
			attempts++
		}
	}
	for _, who := range []cdr.Caller{clinician, reader} {
		for what, do := range map[string]func() error{
			"create": func() error {
				_, err := h.CreateParty(ctx, who, "PERSON", content(aPerson), cdr.CommitInfo{})
				return err
			},
			"update": func() error {
				_, err := h.UpdateParty(ctx, who, "PERSON", made.ObjectID, made.VersionUID, content(aPerson), cdr.CommitInfo{})
				return err
			},
			"delete": func() error {
				_, err := h.DeleteParty(ctx, who, "PERSON", made.VersionUID, "", cdr.CommitInfo{})
				return err
			},
			"contribution": func() error { _, err := h.CommitPartyContribution(ctx, who, []byte(`{}`), "", false); return err },
			"tags": func() error {
				_, err := h.PutItemTags(ctx, who, cdr.Demographics, cdr.KindParty, ref, []cdr.Tag{{Key: "k"}})
				return err
			},
			"untag": func() error {
				return h.DeleteItemTags(ctx, who, cdr.Demographics, cdr.KindParty, ref, "k")
			},
		} {
			if err := do(); !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s by %s: %v", what, who.Subject, err)
			}
			attempts++
		}
	}
	denied, seen := 0, 0
	for _, event := range h.audit.events {
		switch {
		case event.Outcome == "denied" && event.EHR == cdr.Demographics:
			denied++
		case event.Outcome == "success" && event.EHR == cdr.Demographics && event.Action == "R" && event.Object == made.VersionUID:
			seen++
		}
	}
	if denied != attempts {
		t.Errorf("%d denials audited, want %d", denied, attempts)
	}
	if seen < 1 {
		t.Error("a read is not audited")
	}
	if n := h.count(t, "select count(*) from audit_event where ehr_id = $1 and action = 'C' and outcome = 'success'", cdr.Demographics); n != 1 {
		t.Errorf("%d audit rows of the write, want 1", n)
	}
}

// The statements themselves keep parties from who may not see them, whatever a
// use case forgot.
func TestPartyGateInSQL(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	h.register()
	made, err := h.CreateParty(ctx, registrar, "PERSON", content(aPerson), cdr.CommitInfo{ObjectTags: &[]cdr.Tag{{Key: "k"}}})
	if err != nil {
		t.Fatal(err)
	}
	for subject, sees := range map[string]bool{clinician.Subject: true, registrar.Subject: true, reader.Subject: false, outsider.Subject: false} {
		p := h.people[subject]
		_, err := h.db.Version(ctx, p, cdr.Demographics, cdr.KindParty, cdr.VersionRef{Object: made.ObjectID})
		if sees != (err == nil) || !sees && !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: the version: %v", subject, err)
		}
		if _, err := h.db.History(ctx, p, cdr.Demographics, cdr.KindParty, made.ObjectID); sees != (err == nil) {
			t.Errorf("%s: the history: %v", subject, err)
		}
		if _, err := h.db.Contribution(ctx, p, cdr.Demographics, made.Contribution, true); sees != (err == nil) {
			t.Errorf("%s: the contribution: %v", subject, err)
		}
		tags, err := h.db.Tags(ctx, p, cdr.TagQuery{EHR: cdr.Demographics})
		if err != nil || sees != (len(tags) == 1) {
			t.Errorf("%s: tags %v, %v", subject, tags, err)
		}
		err = h.db.PutTags(ctx, p, cdr.Demographics, cdr.VersionUID{Object: made.ObjectID}, nil, cdr.Event{Action: "U", Outcome: "success", Principal: subject})
		if may := subject == registrar.Subject; may != (err == nil) || !may && !fault.Is(err, fault.Forbidden) {
			t.Errorf("%s: tagging: %v", subject, err)
		}
		if err == nil {
			if err := h.db.PutTags(ctx, p, cdr.Demographics, cdr.VersionUID{Object: made.ObjectID}, []cdr.Tag{{Key: "k"}}, cdr.Event{Action: "U", Outcome: "success", Principal: subject}); err != nil {
				t.Error(err)
			}
		}
		_, err = h.db.Commit(ctx, cdr.Commit{Profile: p, EHR: cdr.Demographics, ID: made.ObjectID, SystemID: "test.quire", ChangeType: cdr.ChangeDeleted, AuditDetails: []byte("{}"),
			Versions: []cdr.NewVersion{{Kind: cdr.KindParty, Object: made.ObjectID, Preceding: made.ObjectID + "::test.quire::7", Lifecycle: cdr.Deleted, ChangeType: cdr.ChangeDeleted, AuditDetails: []byte("{}")}},
			Event:    cdr.Event{Action: "D", Outcome: "success", Principal: subject}})
		switch {
		case subject == registrar.Subject && !fault.Is(err, fault.Precondition), subject != registrar.Subject && !fault.Is(err, fault.Forbidden):
			t.Errorf("%s: committing: %v", subject, err)
		}
	}
	if n := h.count(t, "select count(*) from node where ehr_id = $1 and kind = 4", cdr.Demographics); n != 1 {
		t.Errorf("%d node rows, want 1", n)
	}
	if n := h.count(t, "select count(*) from object_home where vo_id = $1 and ehr_id = $2 and kind = 4", made.ObjectID, cdr.Demographics); n != 1 {
		t.Errorf("%d homes, want 1", n)
	}
	h.sound(t)
}

// Of two writers of one version exactly one wins.
func TestPartyWriters(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	h.register()
	made, err := h.CreateParty(ctx, registrar, "PERSON", content(aPerson), cdr.CommitInfo{})
	if err != nil {
		t.Fatal(err)
	}
	const writers = 8
	results := make([]error, writers)
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() {
			update := func() (err error) {
				_, err = h.UpdateParty(ctx, registrar, "PERSON", made.ObjectID, made.VersionUID, content(aPerson), cdr.CommitInfo{})
				return err
			}
			results[i] = update()
			for n := 0; n < 20 && fault.Is(results[i], fault.Unavailable); n++ {
				results[i] = update() // a busy machine refuses before it does anything
			}
		})
	}
	group.Wait()
	won := 0
	for _, err := range results {
		switch {
		case err == nil:
			won++
		case !fault.Is(err, fault.Precondition):
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d writers won", won)
	}
	if n := h.count(t, "select count(*) from version where vo_id = $1", made.ObjectID); n != 2 {
		t.Errorf("%d versions, want 2", n)
	}
}

// Deleting all EHRs leaves the parties.
func TestPartiesOutliveEHRs(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	h.register()
	h.ehr(t)
	made, err := h.CreateParty(ctx, registrar, "PERSON", content(aPerson), cdr.CommitInfo{})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.DeleteEHRs(ctx, system, nil); err != nil {
		t.Fatal(err)
	}
	if err := h.DeleteEHR(ctx, system, cdr.Demographics); !fault.Is(err, fault.NotFound) {
		t.Errorf("the owner of the parties as an EHR: %v", err)
	}
	if _, err := h.Party(ctx, clinician, cdr.VersionRef{Object: made.ObjectID, Class: "PERSON"}); err != nil {
		t.Error(err)
	}
	if n := h.count(t, "select count(*) from ehr"); n != 0 {
		t.Errorf("%d EHRs", n)
	}
}

// A party needs no template; one it names that is known judges it, and may be
// written by who may write it.
func TestPartyTemplate(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	h.register()
	named := bytes.Replace([]byte(aPerson), []byte(`"rm_version"`), []byte(`"template_id":{"_type":"TEMPLATE_ID","value":"%"},"rm_version"`), 1)
	if _, err := h.CreateParty(ctx, system, "PERSON", cdr.Content{JSON: bytes.Replace(named, []byte("%"), []byte("of elsewhere"), 1)}, cdr.CommitInfo{}); err != nil {
		t.Errorf("a template nobody knows: %v", err)
	}
	known := cdr.Content{JSON: bytes.Replace(named, []byte("%"), []byte(vitalSigns), 1)}
	_, err := h.CreateParty(ctx, registrar, "PERSON", known, cdr.CommitInfo{})
	want(t, err, fault.Forbidden, "template-forbidden")
	_, err = h.CreateParty(ctx, system, "PERSON", known, cdr.CommitInfo{})
	want(t, err, fault.Unprocessable, "validation")

	// A template for PERSON that wants details.
	once := aom.Multiplicity{Min: 1, Max: 1}
	object := func(class, code string, attributes ...*aom.Attribute) aom.ComplexObject {
		return aom.ComplexObject{ObjectBase: aom.ObjectBase{TypeName: class, NodeID: code, Occurrences: once}, Attributes: attributes}
	}
	tree := object("ITEM_TREE", "at0050")
	var source bytes.Buffer
	if err := opt.Write(&source, &aom.OperationalTemplate{TemplateID: "Person", Concept: "Person", Language: aom.Code{Terminology: "ISO_639-1", Code: "en"},
		Definition: &aom.ArchetypeRoot{ArchetypeID: "openEHR-DEMOGRAPHIC-PERSON.person.v1", TemplateID: "Person",
			Terms:         []aom.Term{{Code: "at0000", Items: []aom.KeyValue{{Key: "text", Value: "Person"}, {Key: "description", Value: "A person"}}}, {Code: "at0050", Items: []aom.KeyValue{{Key: "text", Value: "Details"}, {Key: "description", Value: "Details"}}}},
			ComplexObject: object("PERSON", "at0000", &aom.Attribute{Name: "details", Existence: once, Children: []aom.Object{&tree}})}}); err != nil {
		t.Fatal(err)
	}
	uploaded, err := h.UploadTemplate(ctx, system, source.Bytes(), cdr.TemplateUpload{})
	if err != nil {
		t.Fatal(err)
	}
	bare := bytes.Replace(named, []byte("%"), []byte("Person"), 1)
	_, err = h.CreateParty(ctx, system, "PERSON", cdr.Content{JSON: bare}, cdr.CommitInfo{})
	want(t, err, fault.Unprocessable, "validation")
	whole := append(bare[:len(bare)-1:len(bare)-1], `,"details":{"_type":"ITEM_TREE","archetype_node_id":"at0050","name":{"_type":"DV_TEXT","value":"Details"}}}`...)
	made, err := h.CreateParty(ctx, system, "PERSON", cdr.Content{JSON: whole}, cdr.CommitInfo{})
	if err != nil {
		t.Fatal(err)
	}
	ref := cdr.VersionRef{Object: made.ObjectID}
	if _, err := h.Party(ctx, clinician, ref); !fault.Is(err, fault.NotFound) {
		t.Errorf("a party of a template the caller may not see: %v", err)
	}
	seeing := *h.people[clinician.Subject]
	seeing.Templates = append([]int32{uploaded.Family}, seeing.Templates...)
	h.people[clinician.Subject] = &seeing
	if _, err := h.Party(ctx, clinician, ref); err != nil {
		t.Error(err)
	}
	other := bytes.Replace(source.Bytes(), []byte("A person"), []byte("Somebody"), 1)
	_, err = h.UploadTemplate(ctx, system, other, cdr.TemplateUpload{})
	want(t, err, fault.Conflict, "")
}

// The right to see parties is the right to ask AQL about them.
func TestPartyQueryRights(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	h.register()
	if _, err := h.CreateParty(ctx, registrar, "PERSON", content(aPerson), cdr.CommitInfo{}); err != nil {
		t.Fatal(err)
	}
	rows, err := h.Query(ctx, clinician, cdr.QueryRequest{Text: "SELECT i/name/value FROM PERSON p CONTAINS PARTY_IDENTITY i"})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := rows.WriteTo(&out); err != nil || !bytes.Contains(out.Bytes(), []byte(`"rows":[["Legal name"]]`)) {
		t.Errorf("%v: %s", err, out.Bytes())
	}
}
