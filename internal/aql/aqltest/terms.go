package aqltest

import (
	"context"
	"strings"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/fault"
)

// Terms is a small terminology for scripts, whatever service is named.
type Terms struct{}

var valueSets = map[string][]aql.CodeSet{
	"letters": {
		{Terminologies: []string{"local"}, Codes: []string{"at0022", "at0099"}},
		{Terminologies: []string{"greek"}, Codes: []string{"at0013"}},
	},
	"greek":   {{Terminologies: []string{"greek"}, Codes: []string{"at0022"}}},
	"ranks":   {{Terminologies: []string{"other", "local"}, Codes: []string{"at0021", "at0022"}}},
	"words":   {{Codes: []string{"alpha", "gamma", "at0022"}}},
	"nothing": nil,
}

// Expand implements aql.Terms. The last word of the reference names the set.
func (Terms) Expand(_ context.Context, _, reference string, _ int) ([]aql.CodeSet, error) {
	sets, ok := valueSets[reference[strings.LastIndexAny(reference, "/=")+1:]]
	if !ok {
		return nil, fault.New(fault.Invalid, "value-set-unknown", "no such value set")
	}
	return sets, nil
}

// Holds implements aql.Terms: "validate" answers whether the question is "yes".
func (Terms) Holds(_ context.Context, operation, _, question string) (bool, error) {
	if operation != "validate" {
		return false, fault.New(fault.Invalid, "aql-terminology", "no such operation")
	}
	return question == "yes", nil
}
