package form

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/sdc"
	"github.com/quire-cdr/quire/internal/sdc/binding"
	"github.com/quire-cdr/quire/internal/sdc/populate"
)

// Service is what forms need of the use cases of records and templates.
type Service interface {
	Templates(ctx context.Context, caller cdr.Caller) ([]cdr.TemplateInfo, error)
	Template(ctx context.Context, caller cdr.Caller, id string) (*cdr.Template, error)
	TemplateVersions(ctx context.Context, caller cdr.Caller, id string) ([]cdr.TemplateInfo, error)
	TemplateVersion(ctx context.Context, caller cdr.Caller, id, version string) (*cdr.Template, error)
	EHR(ctx context.Context, caller cdr.Caller, id string) (cdr.EHR, error)
	EHRBySubject(ctx context.Context, caller cdr.Caller, namespace, id string) (cdr.EHR, error)
	Composition(ctx context.Context, caller cdr.Caller, ehr string, ref cdr.VersionRef) (cdr.Document, error)
	CompositionHistory(ctx context.Context, caller cdr.Caller, ehr, object string) ([]byte, error)
	CreateComposition(ctx context.Context, caller cdr.Caller, ehr string, content cdr.Content, info cdr.CommitInfo) (cdr.Document, error)
	Query(ctx context.Context, caller cdr.Caller, r cdr.QueryRequest) (*cdr.ResultSet, error)
	// MayWithhold says whether access may hide some of a record from the caller.
	MayWithhold(ctx context.Context, caller cdr.Caller) bool
	UpdateComposition(ctx context.Context, caller cdr.Caller, ehr, object, ifMatch string, content cdr.Content, info cdr.CommitInfo) (cdr.Document, error)
	DeleteComposition(ctx context.Context, caller cdr.Caller, ehr, versionUID, ifMatch string, info cdr.CommitInfo) (cdr.Document, error)
}

// Store is the look-ups that forms need beside those.
type Store interface {
	// Home finds the EHR of a composition by its object's uuid, whoever asks:
	// what the caller may see is decided by the read that follows. NotFound
	// where there is none.
	Home(ctx context.Context, object string) (ehr string, err error)
	// Living finds the persistent composition of a template family that lives in
	// an EHR, "" where the profile sees none.
	Living(ctx context.Context, p *access.Profile, ehr string, family int32) (object string, err error)
	// Entries reads the newest effective compositions of an EHR that hold entries
	// of some archetypes, as far as the profile sees them.
	Entries(ctx context.Context, p *access.Profile, q cdr.EntryQuery) ([]cdr.Holding, error)
}

// Authorizer says what a caller may see.
type Authorizer interface {
	Profile(ctx context.Context, caller cdr.Caller) (*access.Profile, error)
}

// Config is what Forms are made of.
type Config struct {
	Service    Service
	Store      Store
	Authorizer Authorizer
	Auditor    cdr.Auditor
	// Secret signs the tokens, 32 bytes or more; all processes of one system
	// share it.
	Secret []byte
	// Territory is the ISO 3166-1 code of new compositions; default GB.
	Territory string
	// Clock defaults to the wall clock.
	Clock cdr.Clock
	// Zone reads times of the record without an offset; default UTC.
	Zone *time.Location
	// Shipped are the bindings of foreign forms that come with the program, by
	// their canonical addresses; Bindings keeps those that were registered, nil
	// for none.
	Shipped  map[string]*binding.Binding
	Bindings Bindings
	// Library keeps authored Questionnaires; nil keeps none.
	Library Library
	// Policy says what of a record may fill a form; default populate.Default.
	Policy populate.Policy
}

// Forms is the use cases. It is safe for concurrent use.
type Forms struct {
	Config
	forms *otter.Cache[string, *Form]
	// names are the template ids of Questionnaire ids.
	names    *otter.Cache[string, string]
	rendered *otter.Cache[rendering, []byte]
}

// Form is the form of one template's content.
type Form struct {
	Template *cdr.Template
	SDC      *sdc.Form
	// ID is the Questionnaire's id, Version names the content of the template.
	ID, Version string
	// Content is the SHA-256 of the template, in hex.
	Content string
}

type rendering struct {
	form, base, language string
	mode                 sdc.Mode
}

// View says how forms and responses are shown.
type View struct {
	// Base is the address of the FHIR API.
	Base string
	// Mode is how much of the reference model is asked for.
	Mode sdc.Mode
	// Carry adds to responses what no question asks for.
	Carry bool
}

const (
	shortestSecret = 32
	// renderedBytes bounds the memory of Questionnaires that are kept written.
	renderedBytes = 32 << 20
)

// New makes Forms; a secret that is too short is an error.
func New(c Config) (*Forms, error) {
	if len(c.Secret) < shortestSecret {
		return nil, errors.New("form: the secret that signs tokens needs 32 bytes or more")
	}
	if c.Zone == nil {
		c.Zone = time.UTC
	}
	if c.Policy == nil {
		c.Policy = populate.Default
	}
	if c.Territory == "" {
		c.Territory = "GB"
	}
	if c.Clock == nil {
		c.Clock = wallClock{}
	}
	return &Forms{
		Config: c,
		forms:  otter.Must(&otter.Options[string, *Form]{MaximumSize: 1000}),
		names:  otter.Must(&otter.Options[string, string]{MaximumSize: 2000}),
		rendered: otter.Must(&otter.Options[rendering, []byte]{
			MaximumWeight: renderedBytes,
			Weigher:       func(_ rendering, text []byte) uint32 { return uint32(len(text)) + 256 },
		}),
	}, nil
}

type wallClock struct{}

func (wallClock) Now() time.Time { return time.Now() }

// versionDigits of the template's hash are the version of its form.
const versionDigits = 12

// ByTemplate gives the form of a template the caller may use.
func (f *Forms) ByTemplate(ctx context.Context, caller cdr.Caller, templateID string) (*Form, error) {
	t, err := f.Service.Template(ctx, caller, templateID)
	if err != nil {
		return nil, err
	}
	// The content of an unused template may have been replaced.
	if form, ok := f.forms.GetIfPresent(t.ID); ok && form.Template.OPT == t.OPT {
		return form, nil
	}
	form := f.make(t)
	f.forms.Set(t.ID, form)
	f.names.Set(form.ID, t.ID)
	return form, nil
}

func (f *Forms) make(t *cdr.Template) *Form {
	sum := sha256.Sum256([]byte(t.OPT))
	content := hex.EncodeToString(sum[:])
	form := &Form{Template: t, SDC: sdc.BuildIn(t.Compiled, f.Zone), Content: content, Version: content[:versionDigits]}
	form.ID = sdc.QuestionnaireID(t.ID, form.Version)
	return form
}

// hashDigits is how much of a Questionnaire's id follows its readable part.
const hashDigits = 9

// Form gives the form of a Questionnaire's id.
func (f *Forms) Form(ctx context.Context, caller cdr.Caller, id string) (*Form, error) {
	if name, ok := f.names.GetIfPresent(id); ok {
		form, err := f.ByTemplate(ctx, caller, name)
		if err == nil && form.ID == id || err != nil && !fault.Is(err, fault.NotFound) {
			return form, err
		}
	}
	unknown := fault.New(fault.NotFound, "questionnaire-unknown", "no such Questionnaire")
	if len(id) <= hashDigits {
		return nil, unknown
	}
	list, err := f.Service.Templates(ctx, caller)
	if err != nil {
		return nil, err
	}
	for _, t := range list {
		// The readable part does not depend on the content, which nobody reads here.
		named := sdc.QuestionnaireID(t.ID, "")
		if named[:len(named)-hashDigits] != id[:len(id)-hashDigits] {
			continue
		}
		form, err := f.ByTemplate(ctx, caller, t.ID)
		if err != nil {
			return nil, err
		}
		if form.ID == id {
			return form, nil
		}
	}
	return nil, unknown
}

// Search asks for forms. Empty members ask for nothing.
type Search struct {
	ID, Template, Version string
	// Count is the size of a page, Offset the number of forms before it.
	Count, Offset int
}

// Found is a page of forms; Total counts all that match.
type Found struct {
	Forms []*Form
	Total int
}

// Search lists forms of templates the caller may use, by template id.
func (f *Forms) Search(ctx context.Context, caller cdr.Caller, s Search) (Found, error) {
	if s.ID == "" && s.Template == "" && s.Version == "" {
		list, err := f.Service.Templates(ctx, caller)
		if err != nil {
			return Found{}, err
		}
		found := Found{Total: len(list)}
		for _, t := range list[min(s.Offset, len(list)):min(s.Offset+s.Count, len(list))] {
			form, err := f.ByTemplate(ctx, caller, t.ID)
			if err != nil {
				return Found{}, err
			}
			found.Forms = append(found.Forms, form)
		}
		return found, nil
	}
	matching, err := f.matching(ctx, caller, s)
	if err != nil {
		return Found{}, err
	}
	return Found{Forms: matching[min(s.Offset, len(matching)):min(s.Offset+s.Count, len(matching))], Total: len(matching)}, nil
}

func (f *Forms) matching(ctx context.Context, caller cdr.Caller, s Search) ([]*Form, error) {
	var candidates []*Form
	one := func(form *Form, err error) error {
		if err == nil {
			candidates = append(candidates, form)
		} else if fault.Is(err, fault.NotFound) {
			return nil
		}
		return err
	}
	var err error
	switch {
	case s.ID != "":
		err = one(f.Form(ctx, caller, s.ID))
	case s.Template != "":
		err = one(f.ByTemplate(ctx, caller, s.Template))
	default:
		var list []cdr.TemplateInfo
		if list, err = f.Service.Templates(ctx, caller); err != nil {
			return nil, err
		}
		for _, t := range list {
			if err = one(f.ByTemplate(ctx, caller, t.ID)); err != nil {
				return nil, err
			}
		}
	}
	if err != nil {
		return nil, err
	}
	var out []*Form
	for _, form := range candidates {
		if (s.Template == "" || form.Template.ID == s.Template) && (s.Version == "" || form.Version == s.Version) {
			out = append(out, form)
		}
	}
	return out, nil
}

// Language picks the language of a form for a client's wishes in their order:
// one the template has, also by its primary tag, else the template's own.
func (form *Form) Language(wishes []string) string {
	for _, wish := range wishes {
		for _, has := range form.Template.Compiled.Languages {
			primary, _, _ := strings.Cut(wish, "-")
			own, _, _ := strings.Cut(has, "-")
			if strings.EqualFold(has, wish) || strings.EqualFold(own, primary) {
				return has
			}
		}
	}
	return form.Template.Compiled.Language
}

// Canonical is the address of a form below the base address of the FHIR API.
func (form *Form) Canonical(base string) string { return base + "/Questionnaire/" + form.ID }

// Questionnaire writes a form as FHIR JSON. The bytes must not be changed.
func (f *Forms) Questionnaire(form *Form, v View, language string) ([]byte, error) {
	key := rendering{form.ID, v.Base, language, v.Mode}
	if text, ok := f.rendered.GetIfPresent(key); ok {
		return text, nil
	}
	text, err := json.Marshal(form.SDC.Questionnaire(sdc.Rendering{ID: form.ID, URL: form.Canonical(v.Base), Version: form.Version, Language: language, Mode: v.Mode}))
	if err != nil {
		return nil, err
	}
	f.rendered.Set(key, text)
	return text, nil
}
