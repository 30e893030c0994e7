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
	"iso_639": "urn:ietf:bcp:47", "iso639-1": "urn:ietf:bcp:47", "iso 639-1": "urn:ietf:bcp:47",
	"iso_3166": "urn:iso:std:iso:3166", "iso3166-1": "urn:iso:std:iso:3166", "iso 3166-1": "urn:iso:std:iso:3166",
	"icd-10-who": "http://hl7.org/fhir/sid/icd-10", "dmd": "https://dmd.nhs.uk",
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

// names are how data write the terminologies, the usual spelling first.
var names = map[string][]string{
	"http://snomed.info/sct": {"SNOMED-CT", "SNOMED CT", "SNOMEDCT", "SNOMED", "SNOMED-ct", "snomed-ct", "snomed"},
	"http://loinc.org":       {"LOINC", "loinc"}, "http://hl7.org/fhir/sid/icd-10": {"ICD-10", "ICD10", "icd-10", "icd10", "ICD-10-WHO"},
	"http://id.who.int/icd/release/11/mms": {"ICD-11", "icd-11"}, "https://dmd.nhs.uk": {"dm+d", "DM+D", "dmd"},
	"http://unitsofmeasure.org": {"UCUM", "ucum"}, "http://www.nlm.nih.gov/research/umls/rxnorm": {"RxNorm", "RXNORM", "rxnorm"},
	"http://www.whocc.no/atc": {"ATC", "atc"}, "urn:ietf:bcp:47": {"ISO_639-1", "ISO_639", "ISO639-1", "ISO 639-1"}, "urn:iso:std:iso:3166": {"ISO_3166-1", "ISO_3166", "ISO3166-1", "ISO 3166-1"},
}

// Names are the openEHR names of a FHIR code system, and the system itself,
// which some data write: what System gives it back for.
func Names(system string) []string {
	if system == "" {
		return nil
	}
	return append(append([]string(nil), names[system]...), system)
}
