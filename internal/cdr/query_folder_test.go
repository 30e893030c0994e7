package cdr

import (
	"testing"

	"github.com/quire-cdr/quire/internal/aql"
)

func TestQueriesThatReachFolders(t *testing.T) {
	for text, want := range map[string]bool{
		"SELECT f FROM EHR e CONTAINS FOLDER f":                          true,
		"SELECT c FROM folder f CONTAINS COMPOSITION c":                  true,
		"SELECT l FROM EHR e CONTAINS LOCATABLE l":                       true,
		"SELECT c FROM EHR e CONTAINS COMPOSITION c NOT CONTAINS FOLDER": true,
		"SELECT c FROM EHR e CONTAINS COMPOSITION c":                     false,
		"SELECT s FROM EHR e CONTAINS EHR_STATUS s":                      false,
	} {
		q, err := aql.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := reachesFolders(q); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}
