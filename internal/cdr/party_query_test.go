package cdr

import (
	"testing"

	"github.com/quire-cdr/quire/internal/aql"
)

func TestQueriesOverParties(t *testing.T) {
	for text, want := range map[string]string{
		"SELECT p FROM PERSON p":                                                   "parties",
		"SELECT i FROM party p CONTAINS PARTY_IDENTITY i":                          "parties",
		"SELECT c FROM PERSON p CONTAINS CLUSTER c":                                "parties",
		"SELECT p FROM VERSION v CONTAINS PERSON p":                                "parties",
		"SELECT p FROM VERSION v[ALL_VERSIONS] CONTAINS PERSON p":                  "parties",
		"SELECT p FROM EHR e CONTAINS PERSON p":                                    "refused",
		"SELECT p FROM COMPOSITION c CONTAINS PERSON p":                            "refused",
		"SELECT p FROM PERSON p AND COMPOSITION c":                                 "refused",
		"SELECT p FROM PERSON p OR ORGANISATION o":                                 "refused",
		"SELECT c FROM EHR e CONTAINS COMPOSITION c":                               "record",
		"SELECT c FROM EHR e CONTAINS COMPOSITION c CONTAINS PARTY_IDENTIFIED x":   "record",
		"SELECT c FROM EHR e CONTAINS COMPOSITION c NOT CONTAINS PERSON":           "refused",
		"SELECT c FROM EHR e CONTAINS COMPOSITION c CONTAINS (CLUSTER OR ADDRESS)": "refused",
	} {
		q, err := aql.Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		got := "record"
		if parties, err := overParties(q); err != nil {
			got = "refused"
		} else if parties {
			got = "parties"
		}
		if got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	r := QueryRequest{EHR: "7d44b88c-4199-4bad-97dc-d78268e01398"}
	q, err := aql.Parse("SELECT p FROM PERSON p")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.aboutParties(q); err == nil {
		t.Error("parties of one EHR are asked for")
	}
}
