package cdr

import (
	"context"
	"crypto/sha256"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/fault"
)

// StoredQuery is one version of a stored query (ITS-REST 1.1, Definition, Query).
type StoredQuery struct {
	// Name is qualified: namespace::name.
	Name string
	// Version has three parts.
	Version string
	// AQL is the text, byte for byte.
	AQL   string
	Saved time.Time
	// Facts follow from the text; the store leaves them nil.
	Facts *QueryFacts
}

// StoredQueryStore keeps stored queries. Names compare without regard to letter
// case.
type StoredQueryStore interface {
	// StoredQueries lists all versions of a name, of all names for "".
	StoredQueries(ctx context.Context, name string) ([]StoredQuery, error)
	// PutStoredQuery stores one; an existing one is replaced or a Conflict.
	PutStoredQuery(ctx context.Context, q StoredQuery, replace bool, audit Event) (StoredQuery, error)
	// DeleteStoredQuery removes one; none is NotFound.
	DeleteStoredQuery(ctx context.Context, name, version string, audit Event) error
}

// queriesArea is the administrative area of stored queries.
const queriesArea = "queries"

// defaultNamespace is that of a name without one.
const defaultNamespace = "misc"

var (
	queryName    = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,200}(::[a-zA-Z0-9_.-]{1,200})?$`)
	queryVersion = regexp.MustCompile(`^(0|[1-9]\d{0,8})(\.(0|[1-9]\d{0,8})){0,2}$`)
)

// qualified is a name with its namespace; "" for what is no name. aql is the
// name of the ad-hoc query.
func qualified(name string) string {
	if !queryName.MatchString(name) || strings.EqualFold(name, "aql") {
		return ""
	}
	if !strings.Contains(name, "::") {
		return defaultNamespace + "::" + name
	}
	return name
}

// StoreQuery stores AQL under a name. An exact version must be new; without one
// the manners decide. Text that is no AQL, or declares parameters it does not have,
// is refused with its place; what is legal and finds nothing is warned of.
func (s *Service) StoreQuery(ctx context.Context, caller Caller, name, version, text string) (StoredQuery, error) {
	p, err := s.profile(ctx, caller)
	if err != nil {
		return StoredQuery{}, err
	}
	if !p.MayUse(queriesArea) {
		return StoredQuery{}, s.deny(ctx, caller, p, Event{Action: "C"})
	}
	q := StoredQuery{Name: qualified(name), Version: version, AQL: text}
	switch {
	case q.Name == "":
		return StoredQuery{}, fault.New(fault.Invalid, "query-name", "a query's name is [namespace::]name of letters, digits, dots, hyphens and underscores, and not aql")
	case version != "" && (!queryVersion.MatchString(version) || strings.Count(version, ".") != 2):
		return StoredQuery{}, fault.New(fault.Invalid, "query-version", "a query is stored with a version of three numbers, such as 1.0.0")
	}
	if err := s.inScope(ctx, caller, p, access.Queries, 'c', q.Name); err != nil {
		return StoredQuery{}, err
	}
	warnings, err := s.examine(ctx, text)
	if err != nil {
		return StoredQuery{}, err
	}
	replace := false
	if version == "" {
		if q.Version, err = s.nextQueryVersion(ctx, q.Name); err != nil {
			return StoredQuery{}, err
		}
		replace = !s.manners.NextQueryVersion
	}
	hash := sha256.Sum256([]byte(text))
	stored, err := s.store.PutStoredQuery(ctx, q, replace, s.event(caller, p, Event{Action: "C", Object: q.Name + "/" + q.Version, QueryHash: hash[:]}))
	if err != nil {
		return StoredQuery{}, err
	}
	stored = described(stored)
	stored.Facts.Warnings = warnings
	return stored, nil
}

// nextQueryVersion is the version of a query stored without one.
func (s *Service) nextQueryVersion(ctx context.Context, name string) (string, error) {
	if !s.manners.NextQueryVersion {
		return "1.0.0", nil
	}
	newest, err := s.newestQuery(ctx, name, "")
	if fault.Is(err, fault.NotFound) {
		return "1.0.0", nil
	}
	if err != nil {
		return "", err
	}
	v := versionNumbers(newest.Version)
	return strconv.Itoa(v[0]) + "." + strconv.Itoa(v[1]) + "." + strconv.Itoa(v[2]+1), nil
}

// StoredQuery reads a query by name and version; a partial version, or none,
// means the newest that begins so.
func (s *Service) StoredQuery(ctx context.Context, caller Caller, name, version string) (StoredQuery, error) {
	p, err := s.profile(ctx, caller)
	if err != nil {
		return StoredQuery{}, err
	}
	if err := s.inScope(ctx, caller, p, access.Queries, 'r', or(qualified(name), name)); err != nil {
		return StoredQuery{}, err
	}
	q, err := s.newestQuery(ctx, name, version)
	if err == nil && !mayReadQuery(p, q.Name) {
		err = unknownQuery()
	}
	if err != nil {
		return StoredQuery{}, s.missed(ctx, caller, p, Event{Action: "R", Object: auditName(name)}, err)
	}
	return described(q), nil
}

// StoredQueries lists the queries whose names begin with prefix, by name and
// version.
func (s *Service) StoredQueries(ctx context.Context, caller Caller, prefix string) ([]StoredQuery, error) {
	p, err := s.profile(ctx, caller)
	if err != nil {
		return nil, err
	}
	if err := s.inScopeOfSome(ctx, caller, p, access.Queries, 'r'); err != nil {
		return nil, err
	}
	all, err := s.store.StoredQueries(ctx, "")
	if err != nil {
		return nil, err
	}
	wanted := strings.ToLower(prefix)
	list := []StoredQuery{}
	for _, q := range all {
		name := strings.ToLower(q.Name)
		matches := strings.HasPrefix(name, wanted) || !strings.Contains(wanted, "::") && strings.HasPrefix(name, defaultNamespace+"::"+wanted)
		if matches && mayReadQuery(p, q.Name) && allowsQuery(p, 'r', q.Name) {
			list = append(list, described(q))
		}
	}
	slices.SortFunc(list, func(a, b StoredQuery) int {
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return compareVersions(a.Version, b.Version)
	})
	return list, nil
}

// DeleteStoredQuery removes one version of a query's definition.
func (s *Service) DeleteStoredQuery(ctx context.Context, caller Caller, name, version string) error {
	p, err := s.profile(ctx, caller)
	if err != nil {
		return err
	}
	if !p.MayUse(queriesArea) {
		return s.deny(ctx, caller, p, Event{Action: "D"})
	}
	q := qualified(name)
	if q == "" {
		return unknownQuery()
	}
	if err := s.inScope(ctx, caller, p, access.Queries, 'd', q); err != nil {
		return err
	}
	return s.store.DeleteStoredQuery(ctx, q, version, s.event(caller, p, Event{Action: "D", Object: q + "/" + version}))
}

// ExecuteStoredQuery prepares a stored query to run; see Query.
func (s *Service) ExecuteStoredQuery(ctx context.Context, caller Caller, name, version string, r QueryRequest) (*ResultSet, error) {
	q, err := s.StoredQuery(ctx, caller, name, version)
	if err != nil {
		return nil, err
	}
	r.Text, r.Name = q.AQL, q.Name+"/"+q.Version
	return s.Query(ctx, caller, r)
}

// newestQuery finds the newest version of a name that begins with version.
func (s *Service) newestQuery(ctx context.Context, name, version string) (StoredQuery, error) {
	name = qualified(name)
	if name == "" || version != "" && !queryVersion.MatchString(version) {
		return StoredQuery{}, unknownQuery()
	}
	list, err := s.store.StoredQueries(ctx, name)
	if err != nil {
		return StoredQuery{}, err
	}
	var best StoredQuery
	for _, q := range list {
		begins := version == "" || q.Version == version || strings.HasPrefix(q.Version, version+".")
		if begins && (best.Name == "" || compareVersions(q.Version, best.Version) > 0) {
			best = q
		}
	}
	if best.Name == "" {
		return StoredQuery{}, unknownQuery()
	}
	return best, nil
}

func unknownQuery() error { return fault.New(fault.NotFound, "query-unknown", "no such stored query") }

// auditName is a name as it may stand in the audit.
func auditName(name string) string { return or(qualified(name), "query") }

// mayReadQuery: who administers queries, may run it, or may run any text.
func mayReadQuery(p *access.Profile, name string) bool {
	return p.MayView(queriesArea) || p.MayQueryPopulation() || len(p.Readable) > 0 || mayRunStored(p, name)
}

// mayRunStored says whether the query was given to the principal by name.
func mayRunStored(p *access.Profile, name string) bool {
	name, _, _ = strings.Cut(name, "/")
	return name != "" && slices.ContainsFunc(p.StoredQueries, func(given string) bool {
		given, _, _ = strings.Cut(given, "/")
		return strings.EqualFold(or(qualified(given), given), name)
	})
}

// asks is the profile by which a query about a population runs, nil where it may
// not: the right to ask any, for a service account with a stated purpose, or
// this query by name. Who was given a query asks it of those they may read.
func asks(p *access.Profile, caller Caller, name string) *access.Profile {
	switch {
	case p.MayQueryPopulation() && (!caller.Service || caller.Purpose != ""):
		return p
	case mayRunStored(p, name):
		given := *p
		given.Queryable = append(slices.Clone(p.Queryable), p.Readable...)
		return &given
	}
	return nil
}

func versionNumbers(version string) (numbers [3]int) {
	for i, part := range strings.SplitN(version, ".", 3) {
		numbers[i], _ = strconv.Atoi(part)
	}
	return numbers
}

func compareVersions(a, b string) int {
	x, y := versionNumbers(a), versionNumbers(b)
	return slices.Compare(x[:], y[:])
}
