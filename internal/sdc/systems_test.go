package sdc

import "testing"

// TestCodeSystems: the map of terminologies, there and back. Several spellings of
// a terminology are one system; the way back gives the usual one, and what a
// composition had is kept with it.
func TestCodeSystems(t *testing.T) {
	const archetype = "openEHR-EHR-OBSERVATION.pulse.v2"
	for _, tc := range []struct{ terminology, system, back string }{
		{"SNOMED-CT", "http://snomed.info/sct", "SNOMED-CT"},
		{"SNOMED CT", "http://snomed.info/sct", "SNOMED-CT"},
		{"SNOMED-CT(2025)", "http://snomed.info/sct", "SNOMED-CT"},
		{"LOINC", "http://loinc.org", "LOINC"},
		{"loinc", "http://loinc.org", "LOINC"},
		{"ICD-10", "http://hl7.org/fhir/sid/icd-10", "ICD-10"},
		{"ICD10", "http://hl7.org/fhir/sid/icd-10", "ICD-10"},
		{"ICD-11", "http://id.who.int/icd/release/11/mms", "ICD-11"},
		{"dm+d", "https://dmd.nhs.uk", "dm+d"},
		{"dmd", "https://dmd.nhs.uk", "dm+d"},
		{"UCUM", "http://unitsofmeasure.org", "UCUM"},
		{"ISO_639-1", "urn:ietf:bcp:47", "ISO_639-1"},
		{"ISO 639-1", "urn:ietf:bcp:47", "ISO_639-1"},
		{"ISO_3166-1", "urn:iso:std:iso:3166", "ISO_3166-1"},
		{"openehr", "http://openehr.org/id/openehr", "openehr"},
		{"local", "http://openehr.org/id/" + archetype, "local"},
		{"http://example.org/own", "http://example.org/own", "http://example.org/own"},
		{"urn:oid:1.2.3", "urn:oid:1.2.3", "urn:oid:1.2.3"},
		{"A list of ours", "http://openehr.org/id/terminology/A%20list%20of%20ours", "A list of ours"},
	} {
		system := codeSystem(tc.terminology, archetype)
		if system != tc.system {
			t.Errorf("%s is %s, want %s", tc.terminology, system, tc.system)
		}
		if back := terminologyID(system, archetype); back != tc.back {
			t.Errorf("%s comes back as %s, want %s", system, back, tc.back)
		}
		if again := codeSystem(tc.back, archetype); again != system {
			t.Errorf("%s goes out as %s the second time", tc.back, again)
		}
	}
	// The local codes of another archetype are not this one's.
	if got := terminologyID("http://openehr.org/id/openEHR-EHR-OBSERVATION.other.v1", archetype); got == "local" {
		t.Error("a code of another archetype is taken for local")
	}
}
