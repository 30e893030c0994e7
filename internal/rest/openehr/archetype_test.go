package openehr_test

import (
	"context"
	"testing"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

const archetypeID = "openEHR-EHR-CLUSTER.device.v1"

func storedArchetype(adl string) cdr.StoredArchetype {
	return cdr.StoredArchetype{ADL: adl, ArchetypeInfo: cdr.ArchetypeInfo{ID: archetypeID, Class: "CLUSTER", Concept: "Device", Language: "en", Uploaded: committed}}
}

func (f *fake) UploadArchetype(_ context.Context, _ cdr.Caller, adl []byte) (cdr.StoredArchetype, bool, error) {
	f.opt = string(adl)
	if f.opt == "used" {
		return cdr.StoredArchetype{}, false, fault.New(fault.Conflict, "archetype-used", "used")
	}
	return storedArchetype(f.opt), f.opt != "again", nil
}

func (f *fake) Archetypes(context.Context, cdr.Caller) ([]cdr.ArchetypeInfo, error) {
	return []cdr.ArchetypeInfo{storedArchetype("").ArchetypeInfo}, nil
}

func (f *fake) Archetype(_ context.Context, _ cdr.Caller, id string) (cdr.StoredArchetype, error) {
	if id != archetypeID {
		return cdr.StoredArchetype{}, fault.New(fault.NotFound, "archetype-unknown", "no such archetype")
	}
	return storedArchetype("archetype\n"), nil
}

func (f *fake) DeleteArchetype(_ context.Context, _ cdr.Caller, id string) error {
	_, err := f.Archetype(context.Background(), cdr.Caller{}, id)
	return err
}

func TestArchetype(t *testing.T) {
	at := "/definition/archetype/adl1.4"
	text := h{"Content-Type": "text/plain"}
	run(t, []exchange{
		{name: "upload", method: "POST", path: at, body: "archetype\n", headers: text, status: 201,
			want:  h{"ETag": `W/"` + archetypeID + `"`, "Location": base + at + "/" + archetypeID},
			check: func(t *testing.T, f *fake) { want(t, "archetype\n", f.opt) }},
		{name: "upload again", method: "POST", path: at, body: "again", headers: text, status: 200, want: h{"Location": base + at + "/" + archetypeID}},
		{name: "upload of a used id", method: "POST", path: at, body: "used", headers: text, status: 409},
		{name: "upload, representation", method: "POST", path: at, body: "archetype\n", headers: h{"Content-Type": "text/plain; charset=utf-8", "Prefer": "return=representation"}, status: 201, text: "archetype\n"},
		{name: "upload as XML", method: "POST", path: at, body: "<archetype/>", headers: h{"Content-Type": "application/xml"}, status: 415},
		{name: "list", method: "GET", path: at, status: 200, text: `[{"archetype_id":"` + archetypeID + `","rm_type_name":"CLUSTER","concept":"Device","original_language":"en","uploaded_timestamp":"2026-01-02T03:04:05.678Z"}]`},
		{name: "get", method: "GET", path: at + "/" + archetypeID, status: 200, text: "archetype\n", want: h{"Content-Type": "text/plain; charset=utf-8"}},
		{name: "get as XML", method: "GET", path: at + "/" + archetypeID, headers: h{"Accept": "application/xml"}, status: 406},
		{name: "get unknown", method: "GET", path: at + "/x", status: 404},
		{name: "delete", method: "DELETE", path: at + "/" + archetypeID, status: 204},
		{name: "delete unknown", method: "DELETE", path: at + "/x", status: 404},
	})
}
