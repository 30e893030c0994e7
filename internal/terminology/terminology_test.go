package terminology

import "testing"

func TestGroups(t *testing.T) {
	for _, tc := range []struct {
		group  Group
		code   string
		rubric string
	}{
		{CompositionCategory, "433", "event"}, {CompositionCategory, "451", "episodic"},
		{CompositionCategory, "435", ""}, {Setting, "238", "other care"}, {Setting, "226", ""},
		{VersionLifecycleState, "532", "complete"}, {InstructionStates, "532", "completed"},
		{NullFlavours, "271", "no information"}, {NullFlavours, "433", ""}, {Property, "125", "Pressure"},
		{EventMathFunction, "146", "mean"}, {ParticipationMode, "216", "face-to-face communication"},
		{"no_such_group", "433", ""},
	} {
		got, ok := Rubric(tc.group, tc.code)
		if got != tc.rubric || ok != (tc.rubric != "") || Has(tc.group, tc.code) != ok {
			t.Errorf("%s %s is %q, %v; want %q", tc.group, tc.code, got, ok, tc.rubric)
		}
	}
	if len(groups) != 17 {
		t.Errorf("%d groups, want 17", len(groups))
	}
}

func TestLegacyCodes(t *testing.T) {
	if legacy, ok := HasLegacy(CompositionCategory, "435"); !legacy || !ok {
		t.Error("435 was episodic before TERM 2.4.0")
	}
	if _, ok := HasLegacy(Setting, "435"); ok {
		t.Error("435 never was a setting")
	}
}

func TestCodeSets(t *testing.T) {
	for _, tc := range []struct {
		set  CodeSet
		code string
		want bool
	}{
		{Languages, "en", true}, {Languages, "en-GB", true}, {Languages, "de-LI", true}, {Languages, "xx", false},
		{Languages, "xx-GB", false}, {Languages, "en-", false}, {Languages, "", false}, {Countries, "gb", true}, {Countries, "GB", true},
		{Countries, "QQ", false}, {CharacterSets, "UTF-8", true}, {CharacterSets, "EBCDIC", false},
		{NormalStatuses, "HH", true}, {NormalStatuses, "X", false}, {IntegrityCheckAlgorithms, "SHA-256", true},
		{CompressionAlgorithms, "gzip", true}, {MediaTypes, "image/png", true}, {MediaTypes, "image/none", false},
	} {
		if got := InSet(tc.set, tc.code); got != tc.want {
			t.Errorf("%s %q: %v", tc.set, tc.code, got)
		}
	}
	if SetName(Languages) != "ISO_639-1" || SetName(Countries) != "ISO_3166-1" {
		t.Errorf("names %v", setNames)
	}
}

func TestIsOpenEHR(t *testing.T) {
	for id, want := range map[string]bool{"openehr": true, "openEHR": true, "openehr(3.0)": true, "local": false, "": false} {
		if IsOpenEHR(id) != want {
			t.Errorf("%q", id)
		}
	}
}

func TestUnits(t *testing.T) {
	if ok, known := MeasuresProperty("125", "mm[Hg]"); !ok || !known {
		t.Error("mm[Hg] measures pressure")
	}
	if ok, known := MeasuresProperty("125", "kg"); ok || !known {
		t.Error("kg does not measure pressure")
	}
	if _, known := MeasuresProperty("999", "kg"); known {
		t.Error("999 is no property")
	}
}

func TestTransitions(t *testing.T) {
	for code := range transitionTargets {
		if !Has(InstructionTransitions, code) {
			t.Errorf("%s is no transition", code)
		}
		for _, state := range transitionTargets[code] {
			if !Has(InstructionStates, state) {
				t.Errorf("%s is no state", state)
			}
		}
	}
	if len(transitionTargets) != len(Concepts(InstructionTransitions)) {
		t.Errorf("%d of %d transitions", len(transitionTargets), len(Concepts(InstructionTransitions)))
	}
	if !TransitionEndsIn("540", "245") || TransitionEndsIn("540", "532") {
		t.Error("start ends in active")
	}
}
