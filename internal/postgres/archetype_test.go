package postgres

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/archetypes"
	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/testkit/fixtures"
)

func TestArchetypes(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	source := func(id string) string {
		text, err := fs.ReadFile(archetypes.FS, "adl/"+id+".adl")
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	// A group that no template of the house holds, under an id of its own, and a
	// specialisation of it.
	const used = "openEHR-EHR-OBSERVATION.pulse.v2"
	free := strings.Replace(source("openEHR-EHR-CLUSTER.inspired_oxygen.v1"), "inspired_oxygen.v1", "breathed_gas.v1", 1)
	child := strings.NewReplacer("breathed_gas.v1\n", "breathed_gas-air.v1\n\nspecialise\n\topenEHR-EHR-CLUSTER.breathed_gas.v1\n",
		"at0000", "at0000.1").Replace(free)
	const freeID, childID = "openEHR-EHR-CLUSTER.breathed_gas.v1", "openEHR-EHR-CLUSTER.breathed_gas-air.v1"

	upload := func(text string) (bool, error) {
		_, created, err := h.UploadArchetype(ctx, system, []byte(text))
		return created, err
	}
	for _, text := range []string{source(used), free, child} {
		if created, err := upload(text); err != nil || !created {
			t.Fatal("not stored:", created, err)
		}
		if created, err := upload(text); err != nil || created {
			t.Error("the same content again:", created, err)
		}
	}
	got, err := h.Archetype(ctx, clinician, childID)
	if err != nil || got.ADL != child || got.Parent != freeID || got.Class != "CLUSTER" || got.Concept != "Inspired oxygen" || got.Language != "en" {
		t.Errorf("%+v, %v", got.ArchetypeInfo, err)
	}
	list, err := h.Archetypes(ctx, clinician)
	if err != nil || len(list) != 3 || list[0].ID != childID {
		t.Errorf("%v, %v", list, err)
	}

	_, _, err = h.UploadArchetype(ctx, clinician, []byte(free))
	want(t, err, fault.Forbidden, "")
	_, err = upload("archetype\n\tx\n")
	want(t, err, fault.Invalid, "archetype-invalid")
	_, err = upload(source(used) + "\n-- changed\n")
	want(t, err, fault.Conflict, "archetype-used")
	_, err = upload(free + "\n-- changed\n")
	want(t, err, fault.Conflict, "archetype-used")
	if created, err := upload(child + "\n-- changed\n"); err != nil || created {
		t.Error("an unused archetype was not replaced:", created, err)
	}
	if got, err := h.Archetype(ctx, system, childID); err != nil || !strings.HasSuffix(got.ADL, "-- changed\n") {
		t.Error("the old content stands there:", err)
	}

	want(t, h.DeleteArchetype(ctx, clinician, childID), fault.Forbidden, "")
	want(t, h.DeleteArchetype(ctx, system, "openEHR-EHR-CLUSTER.none.v1"), fault.NotFound, "archetype-unknown")
	want(t, h.DeleteArchetype(ctx, system, used), fault.Conflict, "archetype-used")
	want(t, h.DeleteArchetype(ctx, system, freeID), fault.Conflict, "archetype-used")
	for _, id := range []string{childID, freeID} {
		if err := h.DeleteArchetype(ctx, system, id); err != nil {
			t.Errorf("%s: %v", id, err)
		}
		_, err := h.Archetype(ctx, system, id)
		want(t, err, fault.NotFound, "archetype-unknown")
	}
	h.people["user:nobody"] = &access.Profile{Principal: "user:nobody"}
	stranger := clinician
	stranger.Subject = "user:nobody"
	_, err = h.Archetype(ctx, stranger, used)
	want(t, err, fault.NotFound, "archetype-unknown")
	if list, err := h.Archetypes(ctx, stranger); err != nil || len(list) != 0 {
		t.Errorf("a stranger sees %v, %v", list, err)
	}
}

// TestPublishedArchetypes: those of the fixtures are stored and served byte for
// byte; an archetype that is stored already and used is told from a new one.
func TestPublishedArchetypes(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(fixtures.Dir(t, "openehr"), "archetypes", "*.adl"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d archetypes: %v", len(files), err)
	}
	h, ctx := newHouse(t), context.Background()
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		id := strings.TrimSuffix(filepath.Base(file), ".adl")
		if _, created, err := h.UploadArchetype(ctx, system, text); err != nil || !created {
			t.Errorf("%s: %v %v", id, created, err)
			continue
		}
		if got, err := h.Archetype(ctx, system, id); err != nil || got.ADL != string(text) {
			t.Errorf("%s does not come back: %v", id, err)
		}
	}
}
