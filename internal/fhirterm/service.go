package fhirterm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/validate"
)

const (
	// atOnce is how many questions of one document are under way together.
	atOnce = 8
	// longest is the size of an answer; a Parameters resource has a few hundred bytes.
	longest = 256 << 10
	// cached is how many answers are kept.
	cached = 100_000
	// restAfterFailure is how long a server that failed is not asked again: each
	// commit would wait for the deadline anew.
	restAfterFailure = time.Second
)

// Config says which server, and how long to wait for it and believe it.
type Config struct {
	// URL is the FHIR base, such as https://tx.example.org/fhir.
	URL string
	// Client must let the URL's host through; see package outbound.
	Client *http.Client
	// Token is sent as a bearer token, "" sends none.
	Token string
	// Deadline bounds all questions of one document.
	Deadline time.Duration
	// Keep is how long an answer is believed.
	Keep time.Duration
	// ValueSets gives the canonical URL of references that are mere names.
	ValueSets map[string]string
	Logger    *slog.Logger
}

// Service implements validate.Terminology and cdr.ValueSets on a FHIR server.
type Service struct {
	base      string
	client    *http.Client
	token     string
	deadline  time.Duration
	valueSets map[string]string
	log       *slog.Logger
	answers   *otter.Cache[validate.Question, validate.Verdict]
	// expansions are value sets by their canonical URL.
	expansions *otter.Cache[string, []aql.CodeSet]
	flights    singleflight.Group
	// restUntil is when a server that failed is asked again, in Unix nanoseconds.
	restUntil atomic.Int64
}

// New makes a Service. It opens no connection.
func New(c Config) *Service {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return &Service{
		base: strings.TrimSuffix(c.URL, "/"), client: c.Client, token: c.Token, deadline: c.Deadline, valueSets: c.ValueSets, log: c.Logger,
		answers: otter.Must(&otter.Options[validate.Question, validate.Verdict]{
			MaximumSize:      cached,
			ExpiryCalculator: otter.ExpiryWriting[validate.Question, validate.Verdict](c.Keep),
		}),
		expansions: otter.Must(&otter.Options[string, []aql.CodeSet]{
			MaximumWeight:    cachedCodes,
			Weigher:          func(_ string, sets []aql.CodeSet) uint32 { return uint32(count(sets) + 1) },
			ExpiryCalculator: otter.ExpiryWriting[string, []aql.CodeSet](c.Keep),
		}),
	}
}

// Judge implements validate.Terminology. It returns within the deadline, and
// what was not answered by then is Unanswered.
func (s *Service) Judge(ctx context.Context, questions []validate.Question) []validate.Verdict {
	ctx, cancel := context.WithTimeout(ctx, s.deadline)
	defer cancel()
	out := make([]validate.Verdict, len(questions))
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i, q := range questions {
		if v, ok := s.answers.GetIfPresent(q); ok {
			out[i] = v
			continue
		}
		r, ok := s.requestOf(q)
		if !ok {
			out[i] = validate.Unresolved
			continue
		}
		group.Go(func() error {
			out[i] = s.judge(ctx, q, r)
			return nil
		})
	}
	_ = group.Wait() // no function fails
	return out
}

// judge shares the answer with everybody who asks the same. The request's
// context is its own: who asked first may leave, and the others still wait.
func (s *Service) judge(ctx context.Context, q validate.Question, r request) validate.Verdict {
	if time.Now().UnixNano() < s.restUntil.Load() {
		return validate.Unanswered
	}
	flight := s.flights.DoChan(q.ValueSet+"\x00"+q.Terminology+"\x00"+q.Code, func() (any, error) {
		own, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.deadline)
		defer cancel()
		verdict, err := s.ask(own, r)
		if err != nil {
			s.restUntil.Store(time.Now().Add(restAfterFailure).UnixNano())
			// Neither code nor value set: which codes people have is clinical.
			s.log.Warn("the terminology server did not answer", "error", err)
			return validate.Unanswered, nil
		}
		s.answers.Set(q, verdict)
		return verdict, nil
	})
	select {
	case done := <-flight:
		verdict, _ := done.Val.(validate.Verdict)
		return verdict
	case <-ctx.Done():
		return validate.Unanswered
	}
}

// parameters is what is read of a Parameters resource.
type parameters struct {
	ResourceType string `json:"resourceType"`
	Parameter    []struct {
		Name  string `json:"name"`
		Value *bool  `json:"valueBoolean"`
	} `json:"parameter"`
}

// ask is one $validate-code. A refusal of the question itself, such as a value
// set the server does not have, is Unresolved; the error is an outage.
func (s *Service) ask(ctx context.Context, r request) (validate.Verdict, error) {
	status, text, err := s.get(ctx, r.resource+"/$validate-code", r.query, longest)
	switch {
	case err != nil:
		return validate.Unanswered, err
	case status == http.StatusNotFound || status == http.StatusUnprocessableEntity || status == http.StatusBadRequest:
		return refused(status, text)
	case status != http.StatusOK:
		return validate.Unanswered, fmt.Errorf("status %d", status)
	}
	var p parameters
	if err := json.Unmarshal(text, &p); err != nil || p.ResourceType != "Parameters" {
		return validate.Unanswered, errors.New("the answer is no Parameters resource")
	}
	for _, one := range p.Parameter {
		if one.Name == "result" && one.Value != nil {
			if *one.Value {
				return validate.Member, nil
			}
			return validate.NotMember, nil
		}
	}
	return validate.Unanswered, errors.New("the answer holds no result")
}

// refused tells a server that does not know the value set from something that
// is no terminology server at all: only the first says so in FHIR.
func refused(status int, text []byte) (validate.Verdict, error) {
	var p parameters
	if err := json.Unmarshal(text, &p); err != nil || p.ResourceType != "OperationOutcome" {
		return validate.Unanswered, fmt.Errorf("status %d without an OperationOutcome", status)
	}
	return validate.Unresolved, nil
}

// get asks for one resource and gives status and text of the answer.
func (s *Service) get(ctx context.Context, path string, query url.Values, longest int) (int, []byte, error) {
	call, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+"/"+path+"?"+query.Encode(), nil)
	if err != nil {
		return 0, nil, errors.New("the address is malformed")
	}
	call.Header.Set("Accept", "application/fhir+json")
	if s.token != "" {
		call.Header.Set("Authorization", "Bearer "+s.token)
	}
	answer, err := s.client.Do(call)
	if err != nil {
		return 0, nil, bare(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := body(answer, longest)
	return answer.StatusCode, text, err
}

func body(answer *http.Response, longest int) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(answer.Body, int64(longest)+1))
	if err != nil {
		return nil, bare(err)
	}
	if len(text) > longest {
		return nil, fmt.Errorf("the answer is over %d bytes", longest)
	}
	return text, nil
}

// bare takes the URL, which holds the code, out of an error of net/http.
func bare(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return context.DeadlineExceeded
	}
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return err
}
