package demo

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/templates"
)

// Shape is one kind of record.
type Shape int

// The shapes, from small to large.
const (
	VitalSignsMinimal Shape = iota
	VitalSignsIncomplete
	VitalSignsFull
	VitalSignsOxygen
	EmergencyCarePlan
)

var sources = map[Shape]string{
	VitalSignsMinimal:    "examples/vital_signs_minimal.json",
	VitalSignsIncomplete: "examples/vital_signs_incomplete_set.json",
	VitalSignsFull:       "examples/vital_signs_full.json",
	VitalSignsOxygen:     "examples/vital_signs_oxygen_new_confusion.json",
	EmergencyCarePlan:    "examples/emergency_care_plan_full.json",
}

// Maker varies the shipped example compositions.
type Maker struct{ trees map[Shape]*rm.Tree }

// NewMaker reads the examples.
func NewMaker() (*Maker, error) {
	m := &Maker{trees: map[Shape]*rm.Tree{}}
	for shape, path := range sources {
		text, err := templates.FS.ReadFile(path)
		if err != nil {
			return nil, err
		}
		if m.trees[shape], err = canon.ReadJSON(text, rminfo.COMPOSITION, canon.ReadOptions{}); err != nil {
			return nil, fmt.Errorf("demo: %s: %w", path, err)
		}
	}
	return m, nil
}

// measured are the places whose values vary, with the range they vary in.
var measured = []struct {
	path     string
	low      float64
	high     float64
	decimals int
}{
	{"/content[openEHR-EHR-OBSERVATION.blood_pressure.v2]/data/events/data/items[at0004]/value/magnitude", 95, 185, 0},
	{"/content[openEHR-EHR-OBSERVATION.blood_pressure.v2]/data/events/data/items[at0005]/value/magnitude", 55, 105, 0},
	{"/content[openEHR-EHR-OBSERVATION.pulse.v2]/data/events/data/items[at0004]/value/magnitude", 50, 120, 0},
	{"/content[openEHR-EHR-OBSERVATION.body_temperature.v2]/data/events/data/items[at0004]/value/magnitude", 35.5, 39.5, 1},
	{"/content[openEHR-EHR-OBSERVATION.respiration.v2]/data/events/data/items[at0004]/value/magnitude", 11, 24, 0},
	{"/content[openEHR-EHR-OBSERVATION.pulse_oximetry.v1]/data/events/data/items[at0006]/value/numerator", 90, 99, 0},
}

// Composition makes one record of a shape that begins at the time given: its
// measurements drawn from r, every date and time moved by the same amount.
func (m *Maker) Composition(r *rand.Rand, shape Shape, at time.Time) ([]byte, error) {
	t := m.trees[shape]
	var edits []rm.Edit
	start := earliest(t)
	for id := rm.ID(0); int(id) < t.Len(); id++ {
		if t.Attr(id) != rminfo.A_value {
			continue
		}
		switch t.Class(t.Parent(id)) {
		case rminfo.DV_DATE_TIME:
			if old, err := time.Parse(time.RFC3339, t.Text(id)); err == nil {
				edits = append(edits, rm.Edit{At: id, New: text(at.Add(old.Sub(start)).Format(time.RFC3339))})
			}
		case rminfo.DV_DATE:
			if old, err := time.Parse(time.DateOnly, t.Text(id)); err == nil {
				edits = append(edits, rm.Edit{At: id, New: text(at.Add(old.Sub(start)).Format(time.DateOnly))})
			}
		}
	}
	for _, place := range measured {
		for _, id := range t.Resolve(0, place.path) {
			v := place.low + r.Float64()*(place.high-place.low)
			b := rm.NewBuilder(rm.Limits{}, 8)
			lexeme := strconv.FormatFloat(v, 'f', max(place.decimals, 1), 64)
			if place.decimals == 0 {
				lexeme = strconv.Itoa(int(v)) + ".0"
			}
			b.Number(0, t.Class(id), lexeme)
			number, err := b.Tree()
			if err != nil {
				return nil, err
			}
			edits = append(edits, rm.Edit{At: id, New: number})
		}
	}
	varied, err := t.Splice(edits...)
	if err != nil {
		return nil, err
	}
	return canon.WriteJSON(nil, varied, 0), nil
}

// earliest is the first date and time in the record; plans have no context.
func earliest(t *rm.Tree) time.Time {
	var first time.Time
	for id := rm.ID(0); int(id) < t.Len(); id++ {
		if t.Attr(id) == rminfo.A_value && t.Class(t.Parent(id)) == rminfo.DV_DATE_TIME {
			if at, err := time.Parse(time.RFC3339, t.Text(id)); err == nil && (first.IsZero() || at.Before(first)) {
				first = at
			}
		}
	}
	return first
}

func text(s string) *rm.Tree {
	b := rm.NewBuilder(rm.Limits{}, len(s))
	b.String(0, rminfo.String, s)
	t, err := b.Tree()
	if err != nil {
		panic("demo: one short text is a tree: " + err.Error())
	}
	return t
}
