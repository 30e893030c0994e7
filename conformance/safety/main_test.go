package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestTheSafetyCaseHolds(t *testing.T) {
	var out bytes.Buffer
	if err := run(&out, "../.."); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "\n## ") + 1; n < 10 {
		t.Errorf("%d hazards", n)
	}
}

func TestAnUnsoundLogIsNamed(t *testing.T) {
	good := hazard{ID: "H1", Title: "t", Effect: "e", Causes: []string{"c"}, Before: risk{5, 3}, After: risk{5, 1}, Controls: []string{"c"}, Tests: []string{"TestX"}}
	where := map[string][]string{"TestX": {"x"}}
	if faults := judge([]hazard{good}, where); len(faults) > 0 {
		t.Fatal(faults)
	}
	for want, change := range map[string]func(*hazard){
		"no test TestY": func(h *hazard) { h.Tests = []string{"TestY"} },
		"controls":      func(h *hazard) { h.Controls = nil },
		"1 to 5":        func(h *hazard) { h.Before.Severity = 6 },
		"that remains":  func(h *hazard) { h.After = risk{3, 3} },
		"an effect":     func(h *hazard) { h.Effect = "" },
	} {
		h := good
		change(&h)
		if faults := judge([]hazard{h}, where); len(faults) != 1 || !strings.Contains(faults[0], want) {
			t.Errorf("%s: %v", want, faults)
		}
	}
	if faults := judge([]hazard{good, good}, where); len(faults) != 1 {
		t.Errorf("an id twice: %v", faults)
	}
}
