package promote_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/aql/promote"
	"github.com/quire-cdr/quire/internal/fault"
)

const pressure = "openEHR-EHR-OBSERVATION.test_pressure.v1"

func TestParse(t *testing.T) {
	for _, tt := range []struct{ archetype, path, text, holder, rest string }{
		{pressure, "/data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude", "data[at0001]/events[at0006]/data[at0003]/items[at0004]/value",
			`lax $."data[at0001]"."events[at0006]"[*]."data[at0003]"."items[at0004]"[*]`, "value"},
		{pressure, "data[at0001]/events[at0006]/time", "data[at0001]/events[at0006]/time", `lax $."data[at0001]"."events[at0006]"[*]`, "time"},
		{pressure, "name/value", "name", `lax $`, "name"},
		{"openEHR-EHR-COMPOSITION.encounter.v1", "context/start_time/value", "context/start_time", `lax $."context"`, "start_time"},
		{"openEHR-EHR-CLUSTER.analyte.v1", "items[at0024]/value", "items[at0024]/value", `lax $."items[at0024]"[*]`, "value"},
	} {
		p, err := promote.Parse(tt.archetype, tt.path)
		if err != nil || p.Text != tt.text || p.Holder != tt.holder || strings.Join(p.Rest, "/") != tt.rest {
			t.Errorf("%s: %+v, %v", tt.path, p, err)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, tt := range []struct{ archetype, path, says string }{
		{"banana", "data", "no archetype id"},
		{"openEHR-EHR-BANANA.x.v1", "data", "no archetype id"},
		{pressure, "data[at0001]/events/time", "events[at0004]"},
		{pressure, "data[at0001]/evants[at0006]/time", "has no attribute evants; it has"},
		{pressure, "data[at0001]", "must end at a data value"},
		{pressure, "data[at0001, 'History']/events[at0006]/time", "only a node id"},
		{pressure, "protocol[at0007]/items[openEHR-EHR-CLUSTER.device.v1]/items[at0001]/value", "promoted from that archetype"},
		{pressure, "data[at0001]/events[at0006]/time/banana", "has an attribute banana"},
		{pressure, "data[", "is no path"},
		{pressure, "", "is no path"},
	} {
		_, err := promote.Parse(tt.archetype, tt.path)
		if err == nil || fault.Of(err).Kind != fault.Invalid || !strings.Contains(fault.Of(err).Message, tt.says) {
			t.Errorf("%q: %v, want %q", tt.path, err, tt.says)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("data[at0001]/events[at0006]/data[at0003]/items[at0004]/value/magnitude")
	f.Add("context/start_time")
	f.Fuzz(func(t *testing.T, path string) {
		p, err := promote.Parse(pressure, path)
		if err != nil {
			return
		}
		again, err := promote.Parse(pressure, p.Text)
		if err != nil || again.Text != p.Text || again.Holder != p.Holder || !slices.Equal(again.Rest, p.Rest) {
			t.Errorf("%q is %q, and that is %q: %v", path, p.Text, again.Text, err)
		}
	})
}
