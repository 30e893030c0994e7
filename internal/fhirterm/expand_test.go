package fhirterm

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/terminology"
)

func expander(t *testing.T, answer func(w http.ResponseWriter, valueSet string, offset int)) (*Service, *atomic.Int32) {
	asked := &atomic.Int32{}
	f := &server{Server: httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.URL.Path != "/fhir/ValueSet/$expand" {
			w.WriteHeader(500)
			return
		}
		offset, _ := strconv.Atoi(r.URL.Query().Get("offset"))
		answer(w, r.URL.Query().Get("url"), offset)
	}))}
	t.Cleanup(f.Close)
	return service(f, nil), asked
}

func TestExpansions(t *testing.T) {
	write := func(w http.ResponseWriter, text string) { _, _ = w.Write([]byte(text)) }
	s, _ := expander(t, func(w http.ResponseWriter, valueSet string, offset int) {
		switch strings.TrimPrefix(valueSet, "http://example.org/") {
		case "vs":
			write(w, `{"resourceType":"ValueSet","expansion":{"total":4,"contains":[{"system":"http://snomed.info/sct","code":"1","contains":[{"system":"http://loinc.org","code":"2-3"},{"system":"http://snomed.info/sct","code":"1"}]},{"system":"http://snomed.info/sct","code":"9","abstract":true}]}}`)
		case "empty":
			write(w, `{"resourceType":"ValueSet","expansion":{"total":0}}`)
		case "paged":
			write(w, fmt.Sprintf(`{"resourceType":"ValueSet","expansion":{"total":3,"contains":[{"system":"x:y","code":"%d"}]}}`, offset))
		case "short":
			if offset > 0 {
				write(w, `{"resourceType":"ValueSet","expansion":{"total":3}}`)
				return
			}
			write(w, `{"resourceType":"ValueSet","expansion":{"total":3,"contains":[{"system":"x:y","code":"1"}]}}`)
		case "large":
			write(w, `{"resourceType":"ValueSet","expansion":{"total":10001,"contains":[{"code":"1"}]}}`)
		case "unclosed":
			write(w, `{"resourceType":"ValueSet","expansion":{"extension":[{"url":"`+unclosed+`","valueBoolean":true}],"contains":[{"code":"1"}]}}`)
		case "unknown":
			w.WriteHeader(404)
			write(w, `{"resourceType":"OperationOutcome"}`)
		case "gone":
			w.WriteHeader(404)
		case "plain":
			write(w, `{"resourceType":"ValueSet"}`)
		default:
			w.WriteHeader(500)
		}
	})
	for _, tc := range []struct {
		reference, code string
		want            []aql.CodeSet
	}{
		{"http://example.org/vs", "", []aql.CodeSet{
			{Terminologies: terminology.Names(snomed), Codes: []string{"1"}}, {Terminologies: terminology.Names("http://loinc.org"), Codes: []string{"2-3"}},
		}},
		{"terminology://fhir.hl7.org/ValueSet/$expand?url=http://example.org/empty", "", nil},
		{"http://example.org/paged", "", []aql.CodeSet{{Terminologies: []string{"x:y"}, Codes: []string{"0", "1", "2"}}}},
		{"http://example.org/short", "terminology", nil},
		{"http://example.org/large", "aql-value-set-limit", nil},
		{"http://example.org/unclosed", "value-set-open", nil},
		{"http://example.org/unknown", "value-set-unknown", nil},
		{"a name", "value-set-unknown", nil},
		{"terminology:SNOMED-CT", "value-set-unknown", nil},
		{"http://example.org/gone", "terminology", nil},
		{"http://example.org/plain", "terminology", nil},
		{"http://example.org/broken", "terminology", nil},
	} {
		s.restUntil.Store(0)
		got, err := s.ExpandValueSet(context.Background(), tc.reference, aql.MaxCodes)
		code := ""
		if err != nil {
			code = fault.Of(err).Code
		}
		if code != tc.code || !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s: %v %v, want %v %s", tc.reference, got, err, tc.want, tc.code)
		}
	}
	if _, err := s.ExpandValueSet(context.Background(), "http://example.org/vs", 1); fault.Of(err).Code != "aql-value-set-limit" {
		t.Errorf("more codes than are left to the query: %v", err)
	}
}

func TestAnExpansionIsKept(t *testing.T) {
	s, asked := expander(t, func(w http.ResponseWriter, _ string, _ int) {
		_, _ = w.Write([]byte(`{"resourceType":"ValueSet","expansion":{"contains":[{"code":"1"}]}}`))
	})
	for range 3 {
		if _, err := s.ExpandValueSet(context.Background(), "http://example.org/vs", 10); err != nil {
			t.Fatal(err)
		}
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

// TestAServerThatDoesNotExpand is Unavailable within the deadline and is then
// left alone for a rest.
func TestAServerThatDoesNotExpand(t *testing.T) {
	s, asked := expander(t, func(http.ResponseWriter, string, int) { time.Sleep(400 * time.Millisecond) })
	began := time.Now()
	for range 3 {
		if _, err := s.ExpandValueSet(context.Background(), "http://example.org/vs", 10); !fault.Is(err, fault.Unavailable) || fault.Of(err).RetryAfter == 0 {
			t.Errorf("%v", err)
		}
	}
	if took := time.Since(began); took > 2*time.Second || asked.Load() != 1 {
		t.Errorf("took %v, asked %d times", took, asked.Load())
	}
}
