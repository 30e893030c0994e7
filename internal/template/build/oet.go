package build

import (
	"io/fs"

	"github.com/quire-cdr/quire/internal/fault"
)

// ReadOET reads a source from an .oet file.
func ReadOET(_ fs.FS, file string) (*Source, error) {
	return nil, fault.New(fault.NotImplemented, "template-source", "%s: OET is not read yet", file)
}
