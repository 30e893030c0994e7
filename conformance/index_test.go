package conformance

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

const (
	growth       = "openEHR-EHR-OBSERVATION.height.v2"
	pulse        = "openEHR-EHR-OBSERVATION.pulse.v2"
	rate         = "data[at0002]/events[at0003]/data[at0001]/items[at0004]/value"
	fastestPulse = "SELECT o/" + rate + "/magnitude AS rate FROM OBSERVATION o[" + pulse + "] WHERE o/" + rate + "/magnitude > 30 ORDER BY o/" + rate + "/magnitude DESC LIMIT 3"
)

// states are the promoted paths by archetype and path.
func states(t *testing.T, s *target) map[string]string {
	t.Helper()
	found := map[string]string{}
	list, _ := s.call(t, "admin", "GET", s.Admin+"/index", nil).want(t, 200).json(t)["paths"].([]any)
	for _, p := range list {
		archetype, _ := at(p, "archetype_id").(string)
		path, _ := at(p, "path").(string)
		found[archetype+" "+path], _ = at(p, "state").(string)
	}
	return found
}

// becomes waits for a state of a promoted path, "" being that it is gone.
func becomes(t *testing.T, s *target, place, state string) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); states(t, s)[place] != state; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s is %q after two minutes, not %q", place, states(t, s)[place], state)
		}
	}
}

func marshalled(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestIndexOverHTTP: a path is promoted, used, advised no more and dropped, and
// the answers stay the same.
func TestIndexOverHTTP(t *testing.T) {
	s := running(t)
	base := s.OpenEHR + "/ehr/" + newEHR(t, s) + "/composition"
	s.call(t, "clinician", "POST", base, example(t, "vital_signs_full")).want(t, 201, 204)
	place := pulse + " " + rate

	for _, refused := range []struct {
		body   string
		status int
	}{
		{`{"archetype_id":"` + pulse + `","path":"data[at0002]/events[at0003]/data[at0001]/items[at0099]/value"}`, 400},
		{`{"archetype_id":"` + pulse + `","path":"data[at0002"}`, 400},
		{`{"archetype_id":"` + pulse + `","path":"` + rate + `","now":true}`, 400},
		{`{`, 400},
	} {
		a := s.call(t, "admin", "POST", s.Admin+"/index", []byte(refused.body)).want(t, refused.status)
		if !strings.Contains(string(a.body), `"message"`) {
			t.Errorf("%s: %s", refused.body, a.body)
		}
	}
	if a := s.call(t, "admin", "POST", s.Admin+"/index", []byte(`{"archetype_id":"`+pulse+`","path":"`+strings.Replace(rate, "at0004", "at0099", 1)+`"}`)); !strings.Contains(string(a.body), "the nearest is") {
		t.Errorf("a path nobody has: %s", a.body)
	}
	body := []byte(`{"archetype_id":"` + pulse + `","path":"` + rate + `/magnitude"}`)
	for _, who := range []string{"clinician", "outsider", "analyst"} {
		s.call(t, who, "POST", s.Admin+"/index", body).want(t, 403, 404)
		s.call(t, who, "GET", s.Admin+"/index", nil).want(t, 403, 404)
	}

	before := at(aql(t, s, "analyst", fastestPulse, nil).want(t, 200).json(t), "rows")
	explained := func() (promoted, promote any) {
		e := s.call(t, "analyst", "GET", s.OpenEHR+"/query/aql?explain=true&q="+url.QueryEscape(fastestPulse), nil).want(t, 200).json(t)
		return e["promoted"], e["promote"]
	}
	if promoted, promote := explained(); promoted != nil || !strings.Contains(string(marshalled(t, promote)), "quire index add") {
		t.Errorf("before: %v, %v", promoted, promote)
	}
	s.call(t, "admin", "POST", s.Admin+"/index", body).want(t, 202)
	becomes(t, s, place, "usable")
	s.call(t, "admin", "POST", s.Admin+"/index", body).want(t, 202)
	if promoted, _ := explained(); promoted == nil {
		t.Error("the promoted path is not used")
	}
	if after := at(aql(t, s, "analyst", fastestPulse, nil).want(t, 200).json(t), "rows"); string(marshalled(t, after)) != string(marshalled(t, before)) {
		t.Errorf("promoting changed the answer: %v, %v", before, after)
	}
	advice := s.call(t, "admin", "GET", s.Admin+"/index/advice", nil).want(t, 200).json(t)
	if advice["advice"] == nil || advice["slow_queries"] == nil {
		t.Errorf("advice: %v", advice)
	}
	gone := s.Admin + "/index?" + url.Values{"archetype_id": {pulse}, "path": {rate}}.Encode()
	s.call(t, "clinician", http.MethodDelete, gone, nil).want(t, 403, 404)
	s.call(t, "admin", http.MethodDelete, gone, nil).want(t, 202)
	becomes(t, s, place, "")
	s.call(t, "admin", http.MethodDelete, gone, nil).want(t, 404)
	if promoted, _ := explained(); promoted != nil {
		t.Error("the dropped path is used")
	}
}

// TestIndexCommand: the same by the command, which waits and prints progress.
func TestIndexCommand(t *testing.T) {
	s := running(t)
	if s.data == "" {
		t.Skip("the server was not started here, so the command has no data directory to find it by")
	}
	s.call(t, "clinician", "POST", s.OpenEHR+"/ehr/"+newEHR(t, s)+"/composition", example(t, "growth_school_child")).want(t, 201, 204)
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.Command(quire(t), append(args, "--data", s.data)...)
		cmd.Env = append(os.Environ(), "QUIRE_URL=", "QUIRE_TOKEN=")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("quire %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	const tall = "data[at0001]/events[at0002]/data[at0003]/items[at0004]/value"
	place := growth + " " + tall
	if out := run("index", "add", growth, tall); !strings.Contains(out, place+": usable") {
		t.Errorf("add: %s", out)
	}
	if out := run("index", "list"); !strings.Contains(out, tall) || !strings.Contains(out, "usable") {
		t.Errorf("list: %s", out)
	}
	if out := run("aql", "explain", "--as", "analyst", "SELECT o/"+tall+"/magnitude FROM OBSERVATION o["+growth+"] WHERE o/"+tall+"/magnitude > 100 LIMIT 5"); !strings.Contains(out, "starts from the promoted path") {
		t.Errorf("explain: %s", out)
	}
	if out := run("index", "advise"); out == "" {
		t.Error("advise says nothing")
	}
	run("index", "drop", growth, tall)
	becomes(t, s, place, "")
}
