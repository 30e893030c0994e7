package cdr

import (
	"context"
	"regexp"
	"strings"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/aql/promote"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/simplified/webtemplate"
)

// TemplatePath is one entry of a template's dictionary of paths.
type TemplatePath struct {
	// AQL is the path below the composition, FLAT the key of FLAT documents.
	AQL  string `json:"aql_path"`
	FLAT string `json:"flat_key"`
	Type string `json:"rm_type"`
	// Names are the terms by language.
	Names map[string]string `json:"names"`
	// Min and Max are the occurrences below the parent; Max -1 is no bound.
	Min int `json:"min"`
	Max int `json:"max"`
	// Codes are what a coded value may be, Units what a quantity may be in.
	Codes []TemplateCode `json:"codes,omitempty"`
	Units []string       `json:"units,omitempty"`
	// Filled is in how many nodes of the archetype the path leads to something, of
	// those the caller may count; null where it is unknown or too small to tell.
	Filled *int64 `json:"filled"`
	// Promoted is the state of the path's index, "" where it has none.
	Promoted string `json:"promoted"`
	// Archetype and Inner are the root the path is stored below, and the place there.
	Archetype string `json:"archetype_id"`
	Inner     string `json:"path_in_archetype"`
}

// TemplateCode is a value of a list.
type TemplateCode struct {
	Code        string `json:"code"`
	Terminology string `json:"terminology,omitempty"`
	Label       string `json:"label"`
}

// smallCount is the least number that is told; a smaller one could be a person.
const smallCount = 5

// FillingStore counts what the record holds at paths. The Store of a Service may
// implement it.
type FillingStore interface {
	// PathsFilled counts, by archetype and then inner path, the nodes of a template
	// family in which the path leads to something, of those the profile may query.
	PathsFilled(ctx context.Context, p *access.Profile, family int32) (map[string]map[string]int64, error)
}

// PromotionStates tells which paths have an index. The Store of a Service may
// implement it.
type PromotionStates interface {
	// PromotedPaths gives the state of each by archetype and then path.
	PromotedPaths(ctx context.Context) (map[string]map[string]string, error)
}

// TemplatePaths is the dictionary of the paths of a template that hold something,
// in the order of the template; of those whose path, key or name contains the
// text. How often they are filled is told to who may ask a population.
func (s *Service) TemplatePaths(ctx context.Context, caller Caller, id, text string) ([]TemplatePath, error) {
	t, err := s.Template(ctx, caller, id)
	if err != nil {
		return nil, err
	}
	p, err := s.profile(ctx, caller)
	if err != nil {
		return nil, err
	}
	filled, promoted, err := s.fillings(ctx, caller, p, t)
	if err != nil {
		return nil, err
	}
	list := []TemplatePath{}
	text = strings.ToLower(text)
	var walk func(n *webtemplate.Node)
	walk = func(n *webtemplate.Node) {
		if len(n.Inputs) > 0 && n.AQLPath != "" {
			entry := templatePath(n)
			if entry.matches(text) {
				if counts := filled[entry.Archetype]; counts != nil {
					if count := counts[objectPath(entry.Inner)]; count >= smallCount {
						entry.Filled = &count
					}
				}
				entry.Promoted = entry.promotedState(promoted)
				list = append(list, entry)
			}
		}
		for _, child := range n.Children {
			walk(child)
		}
	}
	walk(webtemplate.Build(t.Compiled).Root)
	return list, nil
}

// fillings gives the counts that the caller may know, and audits that they were
// asked for, and the states of indexes.
func (s *Service) fillings(ctx context.Context, caller Caller, p *access.Profile, t *Template) (filled map[string]map[string]int64, promoted map[string]map[string]string, err error) {
	if store, ok := s.store.(FillingStore); ok && asks(p, caller, "") != nil {
		if filled, err = store.PathsFilled(ctx, p, t.Family); err != nil {
			return nil, nil, err
		}
		if err = s.auditor.Record(ctx, s.event(caller, p, Event{Action: "E", Object: t.ID, Template: t.Family})); err != nil {
			return nil, nil, err
		}
	}
	if store, ok := s.store.(PromotionStates); ok {
		if promoted, err = store.PromotedPaths(ctx); err != nil && !fault.Is(err, fault.NotImplemented) {
			return nil, nil, err
		}
	}
	return filled, promoted, nil
}

// predicate is that of a segment, its node id or archetype apart from its name.
var predicate = regexp.MustCompile(`\[([^\],' ]+)[^\]]*\]`)

func templatePath(n *webtemplate.Node) TemplatePath {
	e := TemplatePath{AQL: n.AQLPath, FLAT: n.Path(), Type: n.RMType, Names: map[string]string{}, Min: n.Min, Max: n.Max}
	for _, l := range n.LocalizedNames {
		e.Names[l.Language] = l.Text
	}
	if len(e.Names) == 0 && n.Name != "" {
		e.Names[""] = n.Name
	}
	for _, in := range n.Inputs {
		for _, option := range in.List {
			if in.Suffix == "unit" {
				e.Units = append(e.Units, option.Value)
				continue
			}
			e.Codes = append(e.Codes, TemplateCode{Code: option.Value, Terminology: in.Terminology, Label: option.Label})
		}
	}
	inner := strings.TrimPrefix(predicate.ReplaceAllString(n.AQLPath, "[$1]"), "/")
	for at := strings.LastIndex(inner, "[openEHR-"); at >= 0; at = -1 {
		end := at + strings.IndexByte(inner[at:], ']')
		e.Archetype, inner = inner[at+1:end], strings.TrimPrefix(inner[end+1:], "/")
	}
	for root := n; e.Archetype == "" && root != nil; root = root.Parent {
		if root.Parent == nil {
			e.Archetype = root.NodeID
		}
	}
	e.Inner = inner
	return e
}

// promotedState is the state of the index that the path has, of its archetype or
// one that it specialises; "" is none.
func (e TemplatePath) promotedState(promoted map[string]map[string]string) string {
	if len(promoted) == 0 {
		return ""
	}
	path, err := promote.Parse(e.Archetype, e.Inner)
	if err != nil {
		// What cannot be promoted has no index.
		return ""
	}
	for archetype, states := range promoted {
		if state := states[path.Text]; state != "" && aql.Specialises(e.Archetype, archetype) {
			return state
		}
	}
	return ""
}

// objectPath is the place of the LOCATABLE a path ends in or below: only those
// have a node id.
func objectPath(path string) string {
	if at := strings.LastIndexByte(path, ']'); at >= 0 {
		return path[:at+1]
	}
	return ""
}

func (e TemplatePath) matches(text string) bool {
	if text == "" || strings.Contains(strings.ToLower(e.AQL), text) || strings.Contains(e.FLAT, text) {
		return true
	}
	for _, name := range e.Names {
		if strings.Contains(strings.ToLower(name), text) {
			return true
		}
	}
	return false
}
