package telemetry_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/quire-cdr/quire/internal/telemetry"
)

func TestLogHidesWhatTellsOfAPerson(t *testing.T) {
	for _, format := range []string{telemetry.JSON, telemetry.Text} {
		var out bytes.Buffer
		log, err := telemetry.NewLogger(&out, format, slog.LevelInfo)
		if err != nil {
			t.Fatal(err)
		}
		log.Info("request", "route", "/ehr/:ehr_id", "path", "/ehr/marker-1", "aql", "marker-2", slog.Group("g", "parameters", "marker-3"))
		log.Error("x", "error", errors.New(strings.Repeat("é", 3000)))
		log.Debug("marker-4")
		text := out.String()
		if strings.Contains(text, "marker-") || !strings.Contains(text, "/ehr/:ehr_id") {
			t.Errorf("%s: %s", format, text)
		}
		if len(text) > 3000 {
			t.Errorf("%s: an error of 6,000 bytes was written whole", format)
		}
	}
	if _, err := telemetry.NewLogger(&bytes.Buffer{}, "xml", slog.LevelInfo); err == nil {
		t.Error("an unknown format was taken")
	}
}

func TestMetricsCarryPatterns(t *testing.T) {
	m := telemetry.NewMetrics()
	m.Started()
	m.Started()
	m.Finished("GET", "/ehr/:ehr_id", 200, 3*time.Millisecond, 120)
	page := httptest.NewRecorder()
	m.Handler().ServeHTTP(page, httptest.NewRequest("GET", "/metrics", nil))
	for _, line := range []string{
		`quire_http_requests_total{method="GET",route="/ehr/:ehr_id",status="200"} 1`,
		`quire_http_request_seconds_bucket{method="GET",route="/ehr/:ehr_id",le="0.005"} 1`,
		`quire_http_answer_bytes_total{method="GET",route="/ehr/:ehr_id"} 120`,
		`quire_http_in_flight 1`, `go_goroutines`, `process_resident_memory_bytes`,
	} {
		if !strings.Contains(page.Body.String(), line) {
			t.Errorf("missing: %s", line)
		}
	}
}
