package fhirterm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/terminology"
)

const (
	// longestExpansion is the size of one page of an expansion.
	longestExpansion = 8 << 20
	// cachedCodes is how many codes of expansions are kept.
	cachedCodes = 500_000
	// pages is how many requests one expansion may take: a server may give less
	// than it is asked for.
	pages = 20
)

// errUnknownSet is the refusal of a server that does not have the value set,
// errLarge that of one too large, errOpen one that cannot be listed.
var (
	errUnknownSet = errors.New("fhirterm: unknown value set")
	errLarge      = errors.New("fhirterm: too many codes")
	errOpen       = errors.New("fhirterm: the value set cannot be listed")
)

// ExpandValueSet gives the active codes of a value set (FHIR R4,
// ValueSet/$expand), by its canonical URL or by a reference as templates write
// them. It implements cdr.ValueSets.
func (s *Service) ExpandValueSet(ctx context.Context, reference string, most int) ([]aql.CodeSet, error) {
	canonical, _, ok := s.resolve(reference)
	if !ok || canonical == "" {
		return nil, fault.New(fault.Invalid, "value-set-unknown", "the value set is neither a canonical URL nor configured by that name")
	}
	sets, ok := s.expansions.GetIfPresent(canonical)
	if !ok {
		var err error
		if sets, err = s.expandOnce(ctx, canonical); err != nil {
			return nil, err
		}
	}
	if count(sets) > most {
		return nil, aql.TooManyCodes()
	}
	return sets, nil
}

func count(sets []aql.CodeSet) int {
	n := 0
	for _, set := range sets {
		n += len(set.Codes)
	}
	return n
}

// expandOnce shares the answer with everybody who asks the same, as judge does.
func (s *Service) expandOnce(ctx context.Context, canonical string) ([]aql.CodeSet, error) {
	silent := fault.New(fault.Unavailable, "terminology", "the terminology server did not answer")
	silent.RetryAfter = restAfterFailure
	if time.Now().UnixNano() < s.restUntil.Load() {
		return nil, silent
	}
	flight := s.flights.DoChan("expand\x00"+canonical, func() (any, error) {
		own, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.deadline)
		defer cancel()
		sets, err := s.expand(own, canonical)
		switch {
		case err == nil:
			s.expansions.Set(canonical, sets)
		case !errors.Is(err, errUnknownSet) && !errors.Is(err, errLarge) && !errors.Is(err, errOpen):
			s.restUntil.Store(time.Now().Add(restAfterFailure).UnixNano())
			s.log.Warn("the terminology server did not expand a value set", "error", err)
		}
		return sets, err
	})
	select {
	case done := <-flight:
		sets, _ := done.Val.([]aql.CodeSet)
		switch {
		case done.Err == nil:
			return sets, nil
		case errors.Is(done.Err, errUnknownSet):
			return nil, fault.New(fault.Invalid, "value-set-unknown", "the terminology server does not know or does not expand the value set")
		case errors.Is(done.Err, errLarge):
			return nil, aql.TooManyCodes()
		case errors.Is(done.Err, errOpen):
			return nil, fault.New(fault.Invalid, "value-set-open", "the terminology server cannot list all codes of the value set")
		}
		return nil, silent
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// valueSet is what is read of a ValueSet resource.
type valueSet struct {
	ResourceType string `json:"resourceType"`
	Expansion    *struct {
		Total     *int `json:"total"`
		Extension []struct {
			URL   string `json:"url"`
			Value *bool  `json:"valueBoolean"`
		} `json:"extension"`
		Contains []concept `json:"contains"`
	} `json:"expansion"`
}

type concept struct {
	System   string    `json:"system"`
	Code     string    `json:"code"`
	Abstract bool      `json:"abstract"`
	Contains []concept `json:"contains"`
}

// unclosed marks an expansion that leaves codes out because there is no end.
const unclosed = "http://hl7.org/fhir/StructureDefinition/valueset-unclosed"

// expand asks page by page until it has as many as the server says there are. A
// list that may lack codes would lose rows without a word, so it is none.
func (s *Service) expand(ctx context.Context, canonical string) ([]aql.CodeSet, error) {
	found := codes{at: map[string]int{}, seen: map[[2]string]bool{}}
	for range pages {
		page, err := s.page(ctx, canonical, found.listed)
		if err != nil {
			return nil, err
		}
		for _, e := range page.Expansion.Extension {
			if e.URL == unclosed && (e.Value == nil || *e.Value) {
				return nil, errOpen
			}
		}
		found.add(page.Expansion.Contains)
		total := page.Expansion.Total
		switch {
		case found.count > aql.MaxCodes, total != nil && *total > aql.MaxCodes && found.listed < *total:
			return nil, errLarge
		case total == nil || found.listed >= *total:
			return found.sets, nil
		case len(page.Expansion.Contains) == 0:
			return nil, errors.New("the expansion ends before its total")
		}
	}
	return nil, errors.New("the expansion has too many pages")
}

func (s *Service) page(ctx context.Context, canonical string, offset int) (*valueSet, error) {
	query := url.Values{
		"url": {canonical}, "count": {strconv.Itoa(aql.MaxCodes + 1)}, "offset": {strconv.Itoa(offset)}, "includeDesignations": {"false"},
	}
	status, text, err := s.get(ctx, "ValueSet/$expand", query, longestExpansion)
	if err != nil {
		return nil, err
	}
	var v valueSet
	wrong := json.Unmarshal(text, &v)
	switch status {
	case http.StatusOK:
		if wrong != nil || v.ResourceType != "ValueSet" || v.Expansion == nil {
			return nil, errors.New("the answer is no expanded ValueSet")
		}
		return &v, nil
	case http.StatusNotFound, http.StatusUnprocessableEntity, http.StatusBadRequest:
		if wrong == nil && v.ResourceType == "OperationOutcome" {
			return nil, errUnknownSet
		}
	}
	return nil, fmt.Errorf("status %d", status)
}

// codes gathers concepts by their system.
type codes struct {
	sets  []aql.CodeSet
	at    map[string]int
	seen  map[[2]string]bool
	count int
	// listed counts what the server has listed, with what only groups others.
	listed int
}

// add takes concepts that may be recorded; abstract ones only group others.
func (c *codes) add(all []concept) {
	for _, one := range all {
		c.listed++
		key := [2]string{one.System, one.Code}
		if one.Code != "" && !one.Abstract && !c.seen[key] {
			c.seen[key] = true
			c.count++
			i, ok := c.at[one.System]
			if !ok {
				i = len(c.sets)
				c.at[one.System] = i
				c.sets = append(c.sets, aql.CodeSet{Terminologies: terminology.Names(one.System)})
			}
			c.sets[i].Codes = append(c.sets[i].Codes, one.Code)
		}
		c.add(one.Contains)
	}
}
