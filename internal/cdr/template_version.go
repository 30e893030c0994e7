package cdr

import (
	"context"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/template"
)

// templateVersion is a semantic version (semver.org): three numbers, and what
// comes before a release.
var templateVersion = regexp.MustCompile(`^(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})(-[0-9A-Za-z.-]{1,64})?(\+[0-9A-Za-z.-]{1,64})?$`)

// NewerTemplate says whether a version comes after another; a template without
// a version comes before all that have one.
func NewerTemplate(version, than string) bool {
	if version == "" || than == "" {
		return version != ""
	}
	a, b := templateVersion.FindStringSubmatch(version), templateVersion.FindStringSubmatch(than)
	if a == nil || b == nil {
		return false
	}
	for i := 1; i <= 3; i++ {
		x, _ := strconv.Atoi(a[i]) // digits, by the expression
		y, _ := strconv.Atoi(b[i])
		if x != y {
			return x > y
		}
	}
	// A release comes after what came before it.
	if a[4] == "" || b[4] == "" {
		return a[4] == "" && b[4] != ""
	}
	return laterPart(strings.Split(a[4][1:], "."), strings.Split(b[4][1:], "."))
}

// laterPart compares pre-releases part by part, numbers as numbers.
func laterPart(a, b []string) bool {
	for i := range min(len(a), len(b)) {
		if a[i] == b[i] {
			continue
		}
		x, notNumber := strconv.Atoi(a[i])
		y, notNumber2 := strconv.Atoi(b[i])
		switch {
		case notNumber == nil && notNumber2 == nil:
			return x > y
		case notNumber == nil || notNumber2 == nil:
			return notNumber != nil
		}
		return a[i] > b[i]
	}
	return len(a) > len(b)
}

// versionOf is the version of an upload: what was asked for, else what the
// template says of itself in other_details, else none.
func versionOf(compiled *template.Compiled, asked string) (string, error) {
	if asked != "" {
		if !templateVersion.MatchString(asked) {
			return "", fault.New(fault.Invalid, "template-version", "a template's version is a semantic version such as 1.2.0")
		}
		return asked, nil
	}
	if said := otherDetail(compiled, "sem_ver"); templateVersion.MatchString(said) {
		return said, nil
	}
	return "", nil
}

func otherDetail(compiled *template.Compiled, key string) string {
	if compiled.Source == nil || compiled.Source.Description == nil {
		return ""
	}
	for _, item := range compiled.Source.Description.OtherDetails {
		if item.Key == key {
			return item.Value
		}
	}
	return ""
}

// Edition tells the versions of one template apart: the semantic version, else
// the beginning of the hash of its content.
func (t TemplateInfo) Edition() string {
	if t.Version != "" {
		return t.Version
	}
	return hex.EncodeToString(t.SHA256[:min(len(t.SHA256), 6)])
}

// is says whether a client means this version: by its semantic version, its uid,
// or eight or more digits of its hash.
func (t TemplateInfo) is(named string) bool {
	sum := hex.EncodeToString(t.SHA256)
	return named == t.Version || named == t.UID && named != "" || named == t.Edition() ||
		len(named) >= 8 && strings.HasPrefix(sum, strings.ToLower(named))
}

// TemplateVersions lists the versions of a template that are there, the one in
// use first and then the later retired ones before the earlier.
func (s *Service) TemplateVersions(ctx context.Context, caller Caller, id string) ([]TemplateInfo, error) {
	p, err := s.profile(ctx, caller)
	if err != nil {
		return nil, err
	}
	list, err := s.store.TemplateVersions(ctx, id)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 || !p.UsesTemplate(list[0].Family) {
		return nil, fault.New(fault.NotFound, "template-unknown", "no such template")
	}
	return list, nil
}

// TemplateVersion reads one version of a template; "" is the one in use.
func (s *Service) TemplateVersion(ctx context.Context, caller Caller, id, version string) (*Template, error) {
	if version == "" {
		return s.Template(ctx, caller, id)
	}
	p, err := s.profile(ctx, caller)
	if err != nil {
		return nil, err
	}
	t, err := s.edition(ctx, id, version)
	if err != nil {
		return nil, err
	}
	if !p.UsesTemplate(t.Family) {
		return nil, fault.New(fault.NotFound, "template-unknown", "no such template")
	}
	return t, nil
}

// TemplateOf is the version of its template that a document was committed by.
func (s *Service) TemplateOf(ctx context.Context, caller Caller, d Document) (*Template, error) {
	if d.TemplateRow == 0 {
		return s.Template(ctx, caller, d.Template)
	}
	p, err := s.profile(ctx, caller)
	if err != nil {
		return nil, err
	}
	t, err := s.compiledRow(ctx, d.TemplateRow)
	if err != nil {
		return nil, err
	}
	if !p.UsesTemplate(t.Family) {
		return nil, fault.New(fault.NotFound, "template-unknown", "no such template")
	}
	return t, nil
}

// edition compiles the version of a template that a client names.
func (s *Service) edition(ctx context.Context, id, version string) (*Template, error) {
	list, err := s.store.TemplateVersions(ctx, id)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, fault.New(fault.NotFound, "template-unknown", "no such template")
	}
	at := slices.IndexFunc(list, func(t TemplateInfo) bool { return t.is(version) })
	if at < 0 {
		known := make([]string, len(list))
		for i, t := range list {
			known[i] = t.Edition()
		}
		return nil, fault.New(fault.NotFound, "template-version-unknown", "the template has no version %q; it has %s", version, strings.Join(known, ", "))
	}
	return s.compiledRow(ctx, list[at].Row)
}

// compiledRow finds a version of a template by its row; a row never changes.
func (s *Service) compiledRow(ctx context.Context, row int32) (*Template, error) {
	key := fmt.Sprintf("\x00%d", row) // no template id begins so
	if t, ok := s.templates.GetIfPresent(key); ok {
		return t.Template, nil
	}
	stored, err := s.store.TemplateRow(ctx, row)
	if err != nil {
		return nil, err
	}
	t, err := CompileTemplate(stored)
	if err != nil {
		return nil, fault.New(fault.Internal, "stored-template", "a stored template cannot be compiled").Because(err)
	}
	s.templates.Set(key, cachedTemplate{t, s.clock.Now()})
	return t, nil
}
