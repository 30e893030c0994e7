package fhirterm

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quire-cdr/quire/internal/outbound"
	"github.com/quire-cdr/quire/internal/validate"
)

// server is a terminology server that knows one value set of one code, and a
// fault for each of the others.
type server struct {
	*httptest.Server
	asked atomic.Int32
	// wait holds answers back until it is closed.
	wait chan struct{}
}

func fake(t *testing.T) *server {
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		if s.wait != nil {
			<-s.wait
		}
		q := r.URL.Query()
		answers := map[string]func(){
			"http://example.org/vs": func() {
				result := "false"
				if r.URL.Path == "/fhir/ValueSet/$validate-code" && q.Get("code") == "22298006" && q.Get("system") == snomed {
					result = "true"
				}
				_, _ = w.Write([]byte(`{"resourceType":"Parameters","parameter":[{"name":"message","valueString":"x"},{"name":"result","valueBoolean":` + result + `}]}`))
			},
			snomed: func() {
				_, _ = w.Write([]byte(`{"resourceType":"Parameters","parameter":[{"name":"result","valueBoolean":` + map[bool]string{true: "true", false: "false"}[r.URL.Path == "/fhir/CodeSystem/$validate-code"] + `}]}`))
			},
			"http://example.org/unknown": func() { w.WriteHeader(404); _, _ = w.Write([]byte(`{"resourceType":"OperationOutcome"}`)) },
			"http://example.org/gone":    func() { w.WriteHeader(404); _, _ = w.Write([]byte(`<html>no such page`)) },
			"http://example.org/broken":  func() { w.WriteHeader(500) },
			"http://example.org/html":    func() { _, _ = w.Write([]byte(`<html>welcome`)) },
			"http://example.org/other":   func() { _, _ = w.Write([]byte(`{"resourceType":"Patient"}`)) },
			"http://example.org/resultless": func() {
				_, _ = w.Write([]byte(`{"resourceType":"Parameters","parameter":[{"name":"result","valueString":"true"}]}`))
			},
			"http://example.org/cut": func() {
				_, _ = w.Write([]byte(`{"resourceType":"Parameters","parameter":[{"name":"result","valueBool`))
			},
			"http://example.org/huge":      func() { _, _ = w.Write(bytes.Repeat([]byte(" "), longest+1)); _, _ = w.Write([]byte(`{}`)) },
			"http://example.org/redirect":  func() { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
			"http://example.org/slow":      func() { <-r.Context().Done() },
			"http://example.org/forbidden": func() { w.WriteHeader(403) },
		}
		if answer := answers[q.Get("url")]; answer != nil {
			answer()
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func service(s *server, change func(*Config)) *Service {
	c := Config{
		URL: s.URL + "/fhir/", Client: outbound.Client(strings.TrimPrefix(s.URL, "http://")), Deadline: 200 * time.Millisecond, Keep: time.Hour,
		ValueSets: map[string]string{"cardiac": "http://example.org/vs"}, Logger: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&c)
	}
	return New(c)
}

func ask(s *Service, valueSet, terminologyID, code string) validate.Verdict {
	return s.Judge(context.Background(), []validate.Question{{ValueSet: valueSet, Terminology: terminologyID, Code: code}})[0]
}

func TestVerdicts(t *testing.T) {
	f := fake(t)
	for _, tc := range []struct {
		valueSet, terminology, code string
		want                        validate.Verdict
	}{
		{"http://example.org/vs", "SNOMED-CT", "22298006", validate.Member},
		{"http://example.org/vs", "SNOMED-CT(2019-04)", "22298006", validate.Member},
		{"http://example.org/vs", "http://snomed.info/sct", "22298006", validate.Member},
		{"http://example.org/vs", "SNOMED-CT", "1", validate.NotMember},
		{"http://example.org/vs", "LOINC", "22298006", validate.NotMember},
		{"cardiac", "SNOMED-CT", "22298006", validate.Member},
		{"terminology://fhir.hl7.org/ValueSet/$expand?url=http://example.org/vs", "SNOMED-CT", "22298006", validate.Member},
		{"terminology:SNOMED-CT", "SNOMED-CT", "22298006", validate.Member},
		{"terminology://snomed.info", "SNOMED-CT", "22298006", validate.Member},
		{"terminology:SNOMED-CT", "LOINC", "1", validate.Unresolved},
		{"terminology:PK-list", "SNOMED-CT", "1", validate.Unresolved},
		{"list of a tool", "SNOMED-CT", "1", validate.Unresolved},
		{"terminology:dm%2Bd?subset=x", "dm+d", "1", validate.Unresolved},
		{"http://example.org/vs", "a local list", "1", validate.Unresolved},
		{"http://example.org/unknown", "SNOMED-CT", "1", validate.Unresolved},

		{"http://example.org/gone", "SNOMED-CT", "1", validate.Unanswered},
		{"http://example.org/broken", "SNOMED-CT", "1", validate.Unanswered},
		{"http://example.org/html", "SNOMED-CT", "1", validate.Unanswered},
		{"http://example.org/other", "SNOMED-CT", "1", validate.Unanswered},
		{"http://example.org/resultless", "SNOMED-CT", "1", validate.Unanswered},
		{"http://example.org/cut", "SNOMED-CT", "1", validate.Unanswered},
		{"http://example.org/huge", "SNOMED-CT", "1", validate.Unanswered},
		{"http://example.org/redirect", "SNOMED-CT", "1", validate.Unanswered},
		{"http://example.org/slow", "SNOMED-CT", "1", validate.Unanswered},
		{"http://example.org/forbidden", "SNOMED-CT", "1", validate.Unanswered},
	} {
		if got := ask(service(f, nil), tc.valueSet, tc.terminology, tc.code); got != tc.want {
			t.Errorf("%s %s::%s: %d, want %d", tc.valueSet, tc.terminology, tc.code, got, tc.want)
		}
	}
}

func TestExpressionOfSNOMED(t *testing.T) {
	s := &Service{}
	r, ok := s.requestOf(validate.Question{ValueSet: "terminology://snomed.info/?ecl=%3C%3C73211009", Terminology: "SNOMED-CT", Code: "1"})
	if !ok || r.query.Get("url") != "http://snomed.info/sct?fhir_vs=ecl/<<73211009" {
		t.Errorf("%v %v", r, ok)
	}
}

// TestAServerThatIsDown costs one deadline, not one a code, and is asked again
// after a rest.
func TestAServerThatIsDown(t *testing.T) {
	f := fake(t)
	s := service(f, nil)
	f.Close()
	for range 3 {
		if got := ask(s, "http://example.org/vs", "SNOMED-CT", "22298006"); got != validate.Unanswered {
			t.Errorf("%d", got)
		}
	}
	slow := fake(t)
	s = service(slow, nil)
	began := time.Now()
	many := make([]validate.Question, 100)
	for i := range many {
		many[i] = validate.Question{ValueSet: "http://example.org/slow", Terminology: "SNOMED-CT", Code: strings.Repeat("1", i+1)}
	}
	for _, v := range s.Judge(context.Background(), many) {
		if v != validate.Unanswered {
			t.Errorf("%d", v)
		}
	}
	if took := time.Since(began); took > 5*200*time.Millisecond {
		t.Errorf("took %v", took)
	}
	if got := ask(s, "http://example.org/vs", "SNOMED-CT", "22298006"); got != validate.Unanswered {
		t.Errorf("a resting server gave %d", got)
	}
	s.restUntil.Store(0)
	if got := ask(s, "http://example.org/vs", "SNOMED-CT", "22298006"); got != validate.Member {
		t.Errorf("after the rest: %d", got)
	}
}

func TestAnswersAreKeptAndShared(t *testing.T) {
	f := fake(t)
	f.wait = make(chan struct{})
	s := service(f, func(c *Config) { c.Deadline = 5 * time.Second })
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if got := ask(s, "http://example.org/vs", "SNOMED-CT", "22298006"); got != validate.Member {
				t.Errorf("%d", got)
			}
		})
	}
	time.Sleep(50 * time.Millisecond)
	close(f.wait)
	all.Wait()
	for range 20 {
		ask(s, "http://example.org/vs", "SNOMED-CT", "22298006")
	}
	if n := f.asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

// TestWhoLeavesTakesNobodyAlong: the first asker's end does not end the answer
// of the others.
func TestWhoLeavesTakesNobodyAlong(t *testing.T) {
	f := fake(t)
	f.wait = make(chan struct{})
	s := service(f, func(c *Config) { c.Deadline = 5 * time.Second })
	leaving, leave := context.WithCancel(context.Background())
	question := []validate.Question{{ValueSet: "http://example.org/vs", Terminology: "SNOMED-CT", Code: "22298006"}}
	var all sync.WaitGroup
	all.Go(func() {
		if got := s.Judge(leaving, question)[0]; got != validate.Unanswered {
			t.Errorf("who left got %d", got)
		}
	})
	time.Sleep(20 * time.Millisecond)
	all.Go(func() {
		if got := s.Judge(context.Background(), question)[0]; got != validate.Member {
			t.Errorf("who stayed got %d", got)
		}
	})
	time.Sleep(20 * time.Millisecond)
	leave()
	time.Sleep(20 * time.Millisecond)
	close(f.wait)
	all.Wait()
}

func TestTheLogHoldsNoCodes(t *testing.T) {
	f := fake(t)
	var text bytes.Buffer
	s := service(f, func(c *Config) { c.Logger, c.Token = slog.New(slog.NewTextHandler(&text, nil)), "secret" })
	f.Close()
	ask(s, "http://example.org/vs", "SNOMED-CT", "22298006")
	if log := text.String(); !strings.Contains(log, "terminology") || strings.Contains(log, "22298006") || strings.Contains(log, "example.org") || strings.Contains(log, "secret") {
		t.Errorf("log: %s", log)
	}
}
