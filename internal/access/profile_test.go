package access

import (
	"reflect"
	"testing"
)

// The zero value may nothing, whatever is added to Profile later.
func TestZeroProfileMayNothing(t *testing.T) {
	p := &Profile{}
	if p.MayQueryPopulation() || p.MayCreateEHR() || p.MayUse("templates") || p.MayView("audit") || p.MayUse("") || p.MayView("") {
		t.Error("the zero profile may something")
	}
}

func TestProfileMay(t *testing.T) {
	p := &Profile{Areas: []string{"templates"}, Views: []string{"audit"}, CreateIn: []string{"north"}}
	checks := map[string]bool{
		"use templates": p.MayUse("templates"), "view templates": p.MayView("templates"), "view audit": p.MayView("audit"), "create": p.MayCreateEHR(),
		"not use audit": !p.MayUse("audit"), "not query": !p.MayQueryPopulation(),
	}
	for what, ok := range checks {
		if !ok {
			t.Error(what)
		}
	}
	all := System()
	if !all.MayUse("anything") || !all.MayView("anything") || !all.MayQueryPopulation() || !all.MayCreateEHR() {
		t.Error("the system is refused")
	}
}

// A member that is a right must be one that the zero value lacks: no member of
// Profile may allow by being empty, save the pin.
func TestEveryRightIsAList(t *testing.T) {
	plain := map[string]bool{"Principal": true, "Role": true, "EHR": true, "Purpose": true, "Service": true, "Epoch": true, "ValidUntil": true, "Labels": true, "WriteLabels": true, "All": true,
		"scopes": true, "whole": true, "ids": true} // nil takes nothing away, as where a token has no scopes
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Profile]()) {
		if !plain[f.Name] && f.Type.Kind() != reflect.Slice {
			t.Errorf("%s is neither a list of rights nor known here: say what its zero value allows", f.Name)
		}
	}
}
