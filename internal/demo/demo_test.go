package demo

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

func TestPeopleHaveRightNumbersOfTheTestRange(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range People(500) {
		sum := 0
		for i, d := range p.NHSNumber {
			weight := 10 - i
			if i == 9 {
				weight = 1
			}
			sum += int(d-'0') * weight
		}
		if sum%11 != 0 || !strings.HasPrefix(p.NHSNumber, "999") || len(p.NHSNumber) != 10 || seen[p.NHSNumber] {
			t.Errorf("%s is no NHS number of the test range, or twice", p.NHSNumber)
		}
		seen[p.NHSNumber] = true
		if _, err := canon.ReadJSON(Status(p), rminfo.EHR_STATUS, canon.ReadOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSameSeedSameRecord(t *testing.T) {
	m, err := NewMaker()
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 5, 1, 9, 0, 0, 0, time.UTC)
	for shape := range sources {
		one, err := m.Composition(Random(1), shape, at)
		if err != nil {
			t.Fatal(err)
		}
		same, _ := m.Composition(Random(1), shape, at)
		if !bytes.Equal(one, same) {
			t.Errorf("shape %d differs for the same seed", shape)
		}
		tree, err := canon.ReadStored(one)
		if err != nil {
			t.Fatal(err)
		}
		if first := earliest(tree); !first.Equal(at) {
			t.Errorf("shape %d begins at %v", shape, first)
		}
	}
	full, _ := m.Composition(Random(1), VitalSignsFull, at)
	other, _ := m.Composition(Random(2), VitalSignsFull, at)
	if bytes.Equal(full, other) {
		t.Error("another seed gives the same record")
	}
	tree, _ := canon.ReadStored(full)
	for _, place := range measured {
		ids := tree.Resolve(0, place.path)
		if len(ids) != 1 || tree.Kind(ids[0]) != rm.Number {
			t.Errorf("%s leads to %v", place.path, ids)
		}
	}
}
