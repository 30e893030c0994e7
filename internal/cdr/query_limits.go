package cdr

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/fault"
)

// QueryLimits are what one query of a role may take; 0 is no limit of its own.
type QueryLimits struct {
	// Rows ends a result, which is then marked as truncated.
	Rows int64 `json:"rows"`
	// Bytes refuses a result that is larger.
	Bytes int64 `json:"bytes"`
	// Seconds end a query before the deadline of all queries does.
	Seconds float64 `json:"seconds"`
	// WorkMemory is what each step of the database's plan may take, in bytes.
	WorkMemory int64 `json:"work_memory"`
	// AtOnce is how many queries one principal may have running.
	AtOnce int `json:"at_once"`
}

// QueryLimitsByRole are the limits of roles by their names, such as clinician;
// those named default hold for every other role.
type QueryLimitsByRole map[string]QueryLimits

// defaultQueryLimits hold where nothing is configured.
var defaultQueryLimits = QueryLimits{AtOnce: 16}

// ReadQueryLimits reads limits from a JSON object by role.
func ReadQueryLimits(text []byte) (QueryLimitsByRole, error) {
	var all QueryLimitsByRole
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(&all); err != nil {
		return nil, err
	}
	for role, l := range all {
		if l.Rows < 0 || l.Bytes < 0 || l.Seconds < 0 || l.AtOnce < 0 || l.WorkMemory < 0 || l.WorkMemory > 0 && l.WorkMemory < 64<<10 {
			return nil, fmt.Errorf("the limits of %s: each is 0 or more, work_memory 65536 or more", role)
		}
	}
	return all, nil
}

// of are the limits of the selected role.
func (l QueryLimitsByRole) of(p *access.Profile) QueryLimits {
	name := p.Role
	if at := strings.LastIndexAny(name, ":/"); at >= 0 {
		if limits, ok := l[name]; ok {
			return limits
		}
		name = name[at+1:]
	}
	if limits, ok := l[name]; ok {
		return limits
	}
	if limits, ok := l["default"]; ok {
		return limits
	}
	return defaultQueryLimits
}

func (l QueryLimits) time() time.Duration { return time.Duration(l.Seconds * float64(time.Second)) }

func limitRefused(code, format string, args ...any) error {
	return fault.New(fault.Invalid, code, format, args...)
}

// queriesRunning counts the queries of each principal.
type queriesRunning struct {
	mu sync.Mutex
	of map[string]int
}

// begin takes a place among those of the principal; call end when it is done.
func (r *queriesRunning) begin(principal string, atOnce int) (end func(), err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if atOnce > 0 && r.of[principal] >= atOnce {
		e := fault.New(fault.Unavailable, "query-at-once", "%d queries of this caller are running, which is the limit of the role; try again when one has ended", atOnce)
		e.RetryAfter = time.Second
		return nil, e
	}
	if r.of == nil {
		r.of = map[string]int{}
	}
	r.of[principal]++
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.of[principal]--; r.of[principal] == 0 {
			delete(r.of, principal)
		}
	}, nil
}
