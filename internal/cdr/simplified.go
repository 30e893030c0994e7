package cdr

import (
	"sync"

	"github.com/quire-cdr/quire/internal/simplified"
)

// webTemplate is a template's web template, derived when it is first asked for.
type webTemplate struct {
	once sync.Once
	made *simplified.Template
}

// Simplified is the template made ready for FLAT and STRUCTURED documents.
func (t *Template) Simplified() *simplified.Template {
	t.web.once.Do(func() { t.web.made = simplified.Compile(t.Compiled) })
	return t.web.made
}
