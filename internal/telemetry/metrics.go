package telemetry

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics is one process's registry and what it counts of requests. It
// implements rest.Metrics.
type Metrics struct {
	registry *prometheus.Registry
	inFlight prometheus.Gauge
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	bytes    *prometheus.CounterVec
}

// buckets of a request's time in seconds: a point read takes under a
// millisecond, a query may take the whole of its deadline.
var buckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

// NewMetrics makes a registry with the runtime's and the requests' metrics.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{Name: "quire_http_in_flight", Help: "Requests being worked on."}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "quire_http_requests_total", Help: "Requests answered, by route pattern."}, []string{"method", "route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "quire_http_request_seconds", Help: "Time to the whole answer, by route pattern.", Buckets: buckets},
			[]string{"method", "route"}),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "quire_http_answer_bytes_total", Help: "Bytes of answer bodies, as sent, by route pattern."}, []string{"method", "route"}),
	}
	m.registry.MustRegister(m.inFlight, m.requests, m.seconds, m.bytes,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Register adds collectors of other parts: pools, caches, the audit queue.
func (m *Metrics) Register(more ...prometheus.Collector) error {
	for _, c := range more {
		if err := m.registry.Register(c); err != nil {
			return err
		}
	}
	return nil
}

// Handler writes the Prometheus text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Timeout: 5 * time.Second})
}

// Started counts a request in.
func (m *Metrics) Started() { m.inFlight.Inc() }

// Finished counts it out. route is a pattern and method one of HTTP's own, so
// that the label sets are bounded.
func (m *Metrics) Finished(method, route string, status int, elapsed time.Duration, bytes int) {
	m.inFlight.Dec()
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Inc()
	m.seconds.WithLabelValues(method, route).Observe(elapsed.Seconds())
	m.bytes.WithLabelValues(method, route).Add(float64(bytes))
}
