package form

import (
	"context"
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/fhir"
	"github.com/quire-cdr/quire/internal/sdc"
)

// ProvenanceID is the FHIR id of the Provenance of a version.
func ProvenanceID(object string, number int) string { return object + "." + strconv.Itoa(number) }

func versionReference(object string, number int) string {
	return "QuestionnaireResponse/" + object + "/_history/" + strconv.Itoa(number)
}

// ValueSet gives a value set by its id: a group of the openEHR terminology that
// forms choose from, or the list of one question of a template the caller may use.
func (f *Forms) ValueSet(ctx context.Context, caller cdr.Caller, id string, wishes []string, v View) (*fhir.ValueSet, error) {
	unknown := fault.New(fault.NotFound, "valueset-unknown", "no such ValueSet")
	if set, ok := sdc.GroupValueSet(id); ok {
		return set, nil
	}
	version, _, ok := strings.Cut(id, "-")
	if !ok || len(version) != versionDigits {
		return nil, unknown
	}
	found, err := f.matching(ctx, caller, Search{Version: version})
	if err != nil {
		return nil, err
	}
	for _, form := range found {
		sets := form.valueSets(wishes, v)
		for n := range sets {
			if sets[n].ID == id {
				return &sets[n], nil
			}
		}
	}
	return nil, unknown
}

// ValueSets lists the value sets of a template the caller may use.
func (f *Forms) ValueSets(ctx context.Context, caller cdr.Caller, templateID string, wishes []string, v View) ([]fhir.ValueSet, error) {
	form, err := f.ByTemplate(ctx, caller, templateID)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return form.valueSets(wishes, v), nil
}

func (form *Form) valueSets(wishes []string, v View) []fhir.ValueSet {
	sets := form.SDC.ValueSets(form.Version, form.Language(wishes))
	for n := range sets {
		sets[n].URL = v.Base + "/ValueSet/" + sets[n].ID
	}
	return sets
}
