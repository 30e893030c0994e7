package cdr

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/aom"
	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/internal/terminology"
	"github.com/quire-cdr/quire/internal/validate"
)

// ValueSets gives the codes of value sets kept outside this system.
type ValueSets interface {
	// ExpandValueSet gives the codes of a value set by its canonical URL, or by a
	// reference as templates write them. More than most codes are TooLarge, a value
	// set nobody knows is Invalid, a service that does not answer Unavailable.
	ExpandValueSet(ctx context.Context, reference string, most int) ([]aql.CodeSet, error)
}

// queryTerms answers the questions of one query: from the openEHR terminology
// and from templates of this system, and all else by the terminology server.
type queryTerms struct {
	service *Service
	caller  Caller
}

// The services of TERMINOLOGY that are this system's own. References of URIs
// begin with their name: terminology://openehr/setting,
// terminology://local/TEMPLATE?path=PATH.
const (
	openEHRService = "openehr"
	localService   = "local"
)

// Expand implements aql.Terms.
func (q queryTerms) Expand(ctx context.Context, service, reference string, most int) ([]aql.CodeSet, error) {
	own, question, err := questionOf(service, reference)
	if err != nil {
		return nil, err
	}
	switch own {
	case openEHRService:
		return openEHRGroup(question.Get("group"))
	case localService:
		return q.templateCodes(ctx, question, most)
	}
	return q.outside(ctx, question.Get("url"), most)
}

// Holds implements aql.Terms: validate is the one operation with a truth.
func (q queryTerms) Holds(ctx context.Context, operation, service, reference string) (bool, error) {
	if operation != "validate" {
		return false, fault.New(fault.Invalid, "aql-terminology", "the operations of TERMINOLOGY are expand and validate here, not '%s'", operation)
	}
	own, question, err := questionOf(service, reference)
	if err != nil {
		return false, err
	}
	code := question.Get("code")
	if code == "" {
		return false, fault.New(fault.Invalid, "aql-terminology", "validate needs a code: ...&code=CODE")
	}
	if own == "" {
		return q.judge(ctx, validate.Question{ValueSet: question.Get("url"), Terminology: question.Get("system"), Code: code})
	}
	sets, err := q.Expand(ctx, service, reference, aql.MaxCodes)
	for _, s := range sets {
		if slices.Contains(s.Codes, code) {
			return true, err
		}
	}
	return false, err
}

// judge asks the terminology server for one code.
func (q queryTerms) judge(ctx context.Context, question validate.Question) (bool, error) {
	if question.ValueSet == "" || question.Terminology == "" {
		return false, fault.New(fault.Invalid, "aql-terminology", "validate needs url, system and code: url=VALUE-SET&system=TERMINOLOGY&code=CODE")
	}
	if q.service.terminology == nil {
		return false, noServer()
	}
	switch q.service.terminology.Judge(ctx, []validate.Question{question})[0] {
	case validate.Member:
		return true, nil
	case validate.NotMember:
		return false, nil
	case validate.Unresolved:
		return false, fault.New(fault.Invalid, "value-set-unknown", "the terminology server knows no such value set or terminology")
	}
	return false, fault.New(fault.Unavailable, "terminology", "the terminology server did not answer")
}

func noServer() error {
	return fault.New(fault.Invalid, "aql-terminology", "no terminology server is configured, and no template or group of openEHR is named")
}

func (q queryTerms) outside(ctx context.Context, reference string, most int) ([]aql.CodeSet, error) {
	if q.service.valueSets == nil {
		return nil, noServer()
	}
	return q.service.valueSets.ExpandValueSet(ctx, reference, most)
}

// questionOf reads the second and third argument of TERMINOLOGY, or a URI where
// service is "". own is "" for what the terminology server answers; its url is
// then a canonical URL or the reference itself.
func questionOf(service, reference string) (own string, question url.Values, err error) {
	path := ""
	rest, isURI := strings.CutPrefix(reference, "terminology:")
	rest, isURI = strings.TrimPrefix(rest, "//"), isURI || service == ""
	if isURI {
		host, tail, _ := strings.Cut(rest, "?")
		if host, path, _ = strings.Cut(host, "/"); host == openEHRService || host == localService {
			service, reference = host, tail
		}
	}
	switch {
	case service == openEHRService, service == localService:
	case service == "", strings.Contains(strings.ToLower(service), "fhir"):
		service = ""
	default:
		return "", nil, fault.New(fault.Invalid, "aql-terminology", "the services of TERMINOLOGY are openehr, local and hl7.org/fhir/4.0 here, not '%s'", service)
	}
	if _, after, found := strings.Cut(reference, "$expand?"); found && service == "" {
		reference = after
	}
	asked := service != "" && strings.Contains(reference, "=") || strings.HasPrefix(reference, "url=") ||
		strings.HasPrefix(reference, "system=") || strings.HasPrefix(reference, "code=")
	question = url.Values{}
	if asked {
		if question, err = url.ParseQuery(reference); err != nil {
			return "", nil, fault.New(fault.Invalid, "aql-terminology", "the reference of TERMINOLOGY is no list of parameters: name=value&name=value")
		}
	}
	implied := map[string]string{"": "url", openEHRService: "group", localService: "template"}[service]
	switch {
	case question.Has(implied):
	case path != "" && service != "":
		name, err := url.PathUnescape(path)
		if err != nil {
			return "", nil, fault.New(fault.Invalid, "aql-terminology", "the URI of a value set is malformed")
		}
		question.Set(implied, name)
	case !asked:
		question.Set(implied, reference)
	}
	return service, question, nil
}

// openEHRGroup are the codes of a group of the openEHR terminology.
func openEHRGroup(name string) ([]aql.CodeSet, error) {
	concepts := terminology.Concepts(terminology.Group(name))
	if len(concepts) == 0 {
		return nil, fault.New(fault.Invalid, "value-set-unknown", "the openEHR terminology has no group '%s'", name)
	}
	set := aql.CodeSet{Terminologies: []string{terminology.ID}}
	for _, c := range concepts {
		set.Codes = append(set.Codes, c.Code)
	}
	return []aql.CodeSet{set}, nil
}

// templateCodes are the codes a template allows at a path.
func (q queryTerms) templateCodes(ctx context.Context, question url.Values, most int) ([]aql.CodeSet, error) {
	unknown := func(what string) error { return fault.New(fault.Invalid, "value-set-unknown", "%s", what) }
	if question.Get("template") == "" || question.Get("path") == "" {
		return nil, fault.New(fault.Invalid, "aql-terminology", "a value set of a template needs template and path: template=ID&path=PATH")
	}
	t, err := q.service.Template(ctx, q.caller, question.Get("template"))
	switch {
	case fault.Is(err, fault.NotFound):
		return nil, unknown("no such template as the value set names")
	case err != nil:
		return nil, err
	}
	id, ok := t.Compiled.Lookup(question.Get("path"))
	if !ok {
		return nil, unknown("the template has nothing at the path of the value set")
	}
	var sets []aql.CodeSet
	for _, constraint := range codeConstraints(t.Compiled, id) {
		switch k := constraint.(type) {
		case *aom.CodeReference:
			if len(k.Codes) == 0 {
				found, err := q.outside(ctx, k.ReferenceSetURI, most)
				if err != nil {
					return nil, err
				}
				sets = append(sets, found...)
				continue
			}
			sets = append(sets, aql.CodeSet{Terminologies: []string{k.Terminology}, Codes: k.Codes})
		case *aom.CodePhrase:
			if len(k.Codes) > 0 {
				sets = append(sets, aql.CodeSet{Terminologies: []string{k.Terminology}, Codes: k.Codes})
			}
		}
	}
	if len(sets) == 0 {
		return nil, unknown("the template lists no codes at the path of the value set")
	}
	return sets, nil
}

// codeConstraints are the constraints on the code of a node: its own, that of a
// coded text, those of an element's value.
func codeConstraints(c *template.Compiled, id template.NodeID) []aom.Constraint {
	var below rminfo.Attr
	n := c.Node(id)
	switch n.Class {
	case rminfo.CODE_PHRASE:
		return []aom.Constraint{n.Constraint}
	case rminfo.DV_CODED_TEXT:
		below = rminfo.A_defining_code
	case rminfo.ELEMENT:
		below = rminfo.A_value
	default:
		return nil
	}
	var all []aom.Constraint
	for _, child := range c.Children(id, below) {
		all = append(all, codeConstraints(c, child)...)
	}
	return all
}
