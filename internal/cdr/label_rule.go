package cdr

import (
	"context"
	"strings"
	"time"

	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// LabelCode is a code whose presence seals a composition. Terminology is as
// LabelTerminology writes it.
type LabelCode struct{ Terminology, Code string }

// LabelTerminology is the name of a terminology as rules and content are compared:
// SNOMED-CT, SNOMED CT and SNOMED-CT(20260401) are one.
func LabelTerminology(name string) string {
	name, _, _ = strings.Cut(name, "(")
	return strings.ToLower(strings.NewReplacer(" ", "-", "_", "-").Replace(strings.TrimSpace(name)))
}

// labelRules are the rules of the system, as they were.
type labelRules struct {
	of   map[LabelCode][]string
	read time.Time
}

// rulesAge is how long rules are believed: a change of them is felt by the next
// commits within it.
const rulesAge = time.Second

// ruled are the labels that the codes of a document give it. Whoever commits need
// not be allowed to write them: a laboratory delivers what it may not read. Where
// the rules cannot be read nothing is committed.
func (s *Service) ruled(ctx context.Context, t *rm.Tree) ([]string, error) {
	rules := s.rules.Load()
	if now := s.clock.Now(); rules == nil || now.Sub(rules.read) > rulesAge {
		of, err := s.store.LabelRules(ctx)
		if err != nil {
			return nil, err
		}
		rules = &labelRules{of, now}
		s.rules.Store(rules)
	}
	if len(rules.of) == 0 {
		return nil, nil
	}
	var labels []string
	for id := range rm.ID(t.Len()) {
		if t.Class(id) != rminfo.CODE_PHRASE {
			continue
		}
		code := LabelCode{LabelTerminology(t.TextAt(id, rminfo.A_terminology_id, rminfo.A_value)), t.TextAt(id, rminfo.A_code_string)}
		labels = append(labels, rules.of[code]...)
	}
	return labels, nil
}
