package openehr_test

import (
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/rest/openehr"
)

// The use cases are what the routes ask for.
var _ openehr.Service = (*cdr.Service)(nil)
