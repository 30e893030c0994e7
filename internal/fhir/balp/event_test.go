package balp

import (
	"testing"
	"time"

	"github.com/tidwall/gjson"
)

func TestEvent(t *testing.T) {
	rows := int64(3)
	base := Row{ID: "a", At: time.Date(2026, 11, 22, 8, 0, 0, 1000, time.UTC), Action: "R", Outcome: "success", Principal: "user:x:y", Role: "clinician",
		Organisation: "R0A", EHR: "e", Object: "o::s::1", Source: "10.0.0.1", RequestID: "q", Purpose: "TREAT", Basis: "org", Epoch: 4, System: "cdr.example.org"}
	for _, c := range []struct {
		change func(*Row)
		want   map[string]string
	}{
		{func(*Row) {}, map[string]string{
			"resourceType": "AuditEvent", "action": "R", "outcome": "0", "recorded": "2026-11-22T08:00:00.000001Z", "subtype.0.code": "read",
			"meta.profile.0":               profiles + "PatientRead",
			"agent.0.who.identifier.value": "user:x:y", "agent.0.requestor": "true", "agent.0.network.address": "10.0.0.1", "agent.0.role.0.text": "clinician",
			"agent.2.who.identifier.value": "R0A", "source.site": "cdr.example.org", "purposeOfEvent.0.coding.0.code": "TREAT",
			"entity.0.role.code": "1", "entity.0.what.identifier.value": "e", "entity.1.what.identifier.value": "o::s::1",
			"entity.1.detail.#(type==basis).valueString": "org", "entity.2.type.code": "XrequestId",
		}},
		{func(r *Row) { r.Outcome = "denied"; r.Object = "" }, map[string]string{"outcome": "4", "outcomeDesc": "denied", "entity.0.detail.0.valueString": "org"}},
		{func(r *Row) { r.Outcome = "unavailable" }, map[string]string{"outcome": "8"}},
		{func(r *Row) { r.Action, r.EHR, r.QueryHash, r.Rows = "E", "", []byte{1, 2}, &rows }, map[string]string{
			"meta.profile.0": profiles + "Query", "subtype.0.code": "search", "entity.0.query": "AQI=", "entity.0.role.code": "24", "entity.0.detail.#(type==rows).valueString": "3",
		}},
	} {
		r := base
		c.change(&r)
		text := string(Event(r))
		for path, want := range c.want {
			if got := gjson.Get(text, path).String(); got != want {
				t.Errorf("%s is %q, want %q in %s", path, got, want, text)
			}
		}
	}
}
