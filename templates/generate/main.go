// Command generate builds every template source of the folder it is run in into
// opt/, from the archetypes of this repository.
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/quire-cdr/quire/archetypes"
	"github.com/quire-cdr/quire/internal/opt"
	"github.com/quire-cdr/quire/internal/template/build"
	"github.com/quire-cdr/quire/internal/template/source"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	library, err := build.OpenLibrary(archetypes.FS)
	if err != nil {
		return err
	}
	sources, err := filepath.Glob("*.yaml")
	if err != nil {
		return err
	}
	for _, file := range sources {
		s, err := source.ReadYAML(os.DirFS("."), file)
		if err != nil {
			return err
		}
		t, err := build.Build(s, library)
		if err != nil {
			return err
		}
		var out bytes.Buffer
		if err := opt.Write(&out, t); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join("opt", strings.TrimSuffix(file, ".yaml")+".opt"), out.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}
