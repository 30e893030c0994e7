package cdr

import (
	"bytes"
	"context"
	"crypto/sha256"
	"slices"
	"strings"
	"time"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/opt"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/internal/template/diff"
)

// Template is a stored template, compiled.
type Template struct {
	TemplateInfo
	// OPT is the source, byte for byte.
	OPT      string
	Compiled *template.Compiled

	web webTemplate
}

// CompileTemplate reads and compiles a stored template.
func CompileTemplate(t StoredTemplate) (*Template, error) {
	source, err := opt.Read(strings.NewReader(t.OPT))
	if err != nil {
		return nil, err
	}
	compiled, err := template.Compile(source)
	if err != nil {
		return nil, err
	}
	return &Template{TemplateInfo: t.TemplateInfo, OPT: t.OPT, Compiled: compiled}, nil
}

// Names are the template's own terms for a code of an archetype, in all its
// languages.
func (t *Template) Names(archetype, code string) []string {
	var names []string
	for _, lang := range t.Compiled.Languages {
		term, ok := t.Compiled.TermIn(archetype, code, lang)
		if ok && !slices.Contains(names, term.Text()) {
			names = append(names, term.Text())
		}
	}
	return names
}

// templatesArea is the administrative area of templates.
const templatesArea = "templates"

// TemplateUpload is what an upload says beside the OPT.
type TemplateUpload struct {
	// Label is the sensitivity label of a new template; "" takes what the template
	// says in other_details/sensitivity, else "normal".
	Label string
	// Version is the semantic version; "" takes other_details/sem_ver.
	Version string
}

// UploadTemplate stores an operational template 1.4. Identical content changes
// nothing and is a Conflict with the code template-exists. Other content replaces
// that of an unused template. Once something uses it, other content must be of a
// newer version, which is in use from then on while the old one stays for what
// was committed by it; else it is a Conflict with the code template-used, whose
// issues are the changes.
func (s *Service) UploadTemplate(ctx context.Context, caller Caller, source []byte, up TemplateUpload) (*Template, error) {
	p, err := s.profile(ctx, caller)
	if err != nil {
		return nil, err
	}
	if !p.MayUse(templatesArea) {
		return nil, s.deny(ctx, caller, p, Event{Action: "C"})
	}
	compiled, err := s.compileOPT(source)
	if err != nil {
		return nil, err
	}
	if err := s.inScope(ctx, caller, p, access.Definitions, 'c', compiled.TemplateID); err != nil {
		return nil, err
	}
	return s.putTemplate(ctx, caller, p, compiled, source, up)
}

func (s *Service) compileOPT(source []byte) (*template.Compiled, error) {
	read, err := opt.Read(bytes.NewReader(source))
	if err != nil {
		return nil, s.templateFault(err)
	}
	compiled, err := template.Compile(read)
	if err != nil {
		return nil, s.templateFault(err)
	}
	return compiled, nil
}

// putTemplate stores what the caller may store.
func (s *Service) putTemplate(ctx context.Context, caller Caller, p *access.Profile, compiled *template.Compiled, source []byte, up TemplateUpload) (*Template, error) {
	sum := sha256.Sum256(source)
	version, err := versionOf(compiled, up.Version)
	if err != nil {
		return nil, err
	}
	label := or(or(up.Label, otherDetail(compiled, "sensitivity")), "normal")
	outcome, info, err := s.store.PutTemplate(ctx, StoredTemplate{
		TemplateInfo: TemplateInfo{ID: compiled.TemplateID, UID: compiled.UID, Concept: compiled.Concept,
			RootArchetype: compiled.RootArchetype, Language: compiled.Language, Label: label, Version: version, SHA256: sum[:]},
		OPT: string(source),
	}, s.event(caller, p, Event{Action: "C", Object: compiled.TemplateID}))
	if err != nil {
		return nil, err
	}
	switch outcome {
	case PutIdentical:
		return nil, fault.New(fault.Conflict, "template-exists", "Operational template with this template ID already exists: %s", compiled.TemplateID)
	case PutUsed:
		return nil, s.used(ctx, compiled, version)
	}
	t := &Template{TemplateInfo: info, OPT: string(source), Compiled: compiled}
	s.keep(t)
	// A new template is a new right to read and write by it.
	if err := s.authorizer.Refresh(ctx); err != nil {
		return nil, err
	}
	return t, nil
}

// used refuses other content of a template in use, and says what differs.
func (s *Service) used(ctx context.Context, compiled *template.Compiled, version string) error {
	f := fault.New(fault.Conflict, "template-used", "Operational template with this template ID already exists: %s, and is used by compositions", compiled.TemplateID)
	old, err := s.compiled(ctx, compiled.TemplateID)
	if err != nil {
		return err
	}
	f.Message += "; other content needs a newer version, in other_details/sem_ver of the template or in the query parameter version"
	if old.Version != "" {
		f.Message += ", than " + old.Version
	}
	for _, c := range diff.Compare(old.Compiled, compiled) {
		if c.Effect == diff.Breaking {
			f = f.With(fault.Issue{Path: c.Path, AQLPath: c.Path, Rule: "template-change-" + c.What, Expected: c.Old, Found: c.New, Message: c.Message})
		}
	}
	return f
}

// templateFault gives faults below the XML syntax the kind of the manners.
func (s *Service) templateFault(err error) error {
	f := fault.Of(err)
	for _, issue := range f.Issues {
		if issue.Rule == "opt-xml" || issue.Rule == "opt-root" {
			return err
		}
	}
	if f.Kind == fault.Invalid {
		f.Kind = s.manners.TemplateInvalid
	}
	return f
}

// Templates lists the templates the caller may use.
func (s *Service) Templates(ctx context.Context, caller Caller) ([]TemplateInfo, error) {
	p, err := s.profile(ctx, caller)
	if err != nil {
		return nil, err
	}
	if err := s.inScopeOfSome(ctx, caller, p, access.Definitions, 'r'); err != nil {
		return nil, err
	}
	all, err := s.store.Templates(ctx)
	if err != nil {
		return nil, err
	}
	list := all[:0:0]
	for _, t := range all {
		if p.UsesTemplate(t.Family) {
			list = append(list, t)
		}
	}
	return list, nil
}

// Template reads one template by its id, byte for byte.
func (s *Service) Template(ctx context.Context, caller Caller, id string) (*Template, error) {
	p, err := s.profile(ctx, caller)
	if err != nil {
		return nil, err
	}
	if err := s.inScope(ctx, caller, p, access.Definitions, 'r', id); err != nil {
		return nil, err
	}
	t, err := s.compiled(ctx, id)
	if err != nil {
		return nil, err
	}
	if !p.UsesTemplate(t.Family) {
		return nil, fault.New(fault.NotFound, "template-unknown", "no such template")
	}
	return t, nil
}

// templateAge is how long a cached template is believed: another process may
// have replaced one that was unused. A commit by a replaced one is refused.
const templateAge = time.Minute

type cachedTemplate struct {
	*Template
	read time.Time
}

func (s *Service) keep(t *Template) {
	s.templates.Set(t.ID, cachedTemplate{t, s.clock.Now()})
}

// compiled finds a template in the cache or reads and compiles it.
func (s *Service) compiled(ctx context.Context, id string) (*Template, error) {
	if t, ok := s.templates.GetIfPresent(id); ok {
		if s.clock.Now().Sub(t.read) < templateAge {
			return t.Template, nil
		}
		// A row never changes: to see that it is still the one in use, under the
		// same label, costs no reading and compiling.
		list, err := s.store.TemplateVersions(ctx, id)
		if err != nil {
			return nil, err
		}
		if len(list) > 0 && list[0].Row == t.Row && list[0].Label == t.Label && list[0].Retired.IsZero() {
			s.keep(t.Template)
			return t.Template, nil
		}
	}
	stored, err := s.store.Template(ctx, id)
	if err != nil {
		return nil, err
	}
	t, err := CompileTemplate(stored)
	if err != nil {
		return nil, fault.New(fault.Internal, "stored-template", "a stored template cannot be compiled").Because(err)
	}
	s.keep(t)
	return t, nil
}
