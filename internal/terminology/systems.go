package terminology

import "strings"

// systems are the FHIR names of terminologies by their openEHR ones, in lower
// case and without version.
var systems = map[string]string{
	"snomed-ct": "http://snomed.info/sct", "snomed ct": "http://snomed.info/sct", "snomedct": "http://snomed.info/sct",
	"snomed": "http://snomed.info/sct", "loinc": "http://loinc.org",
	"icd-10": "http://hl7.org/fhir/sid/icd-10", "icd10": "http://hl7.org/fhir/sid/icd-10", "icd-11": "http://id.who.int/icd/release/11/mms",
	"dm+d": "https://dmd.nhs.uk", "ucum": "http://unitsofmeasure.org", "rxnorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
	"atc": "http://www.whocc.no/atc", "iso_639-1": "urn:ietf:bcp:47", "iso_3166-1": "urn:iso:std:iso:3166",
}

// System is the FHIR code system of an openEHR terminology id. An id that is a
// URI is a system already; "" is none that is known.
func System(terminologyID string) string {
	name, _, _ := strings.Cut(terminologyID, "(")
	name = strings.TrimSpace(name)
	if s, ok := systems[strings.ToLower(name)]; ok {
		return s
	}
	if scheme, _, ok := strings.Cut(name, ":"); ok && (scheme == "http" || scheme == "https" || scheme == "urn") {
		return name
	}
	return ""
}
