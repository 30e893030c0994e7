package cdr

import (
	"context"

	"github.com/quire-cdr/quire/internal/template"
)

// Template is a stored template, compiled.
type Template struct {
	TemplateInfo
	// OPT is the source, byte for byte.
	OPT      string
	Compiled *template.Compiled
}

// UploadTemplate stores an operational template 1.4. label "" is "normal".
// Identical content, or other content while compositions use the template, is a
// Conflict with the code template-exists or template-used; other content of an
// unused template replaces it.
func (s *Service) UploadTemplate(ctx context.Context, caller Caller, opt []byte, label string) (*Template, error) {
	panic("not yet")
}

// Templates lists the templates the caller may use.
func (s *Service) Templates(ctx context.Context, caller Caller) ([]TemplateInfo, error) {
	panic("not yet")
}

// Template reads one template by its id, byte for byte.
func (s *Service) Template(ctx context.Context, caller Caller, id string) (*Template, error) {
	panic("not yet")
}
