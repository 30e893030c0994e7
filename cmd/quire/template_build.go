package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/quire-cdr/quire/archetypes"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/opt"
	"github.com/quire-cdr/quire/internal/template/build"
	"github.com/quire-cdr/quire/internal/template/source"
)

type templateBuild struct {
	Archetypes string   `help:"Folder of archetypes, searched at any depth for <archetype id>.adl. Default: those of this program." type:"existingdir" placeholder:"DIR"`
	Output     string   `short:"o" help:"File to write; a folder when there are several sources. Default: standard output for one source." placeholder:"FILE"`
	Sources    []string `arg:"" type:"existingfile" help:"Template sources: .yaml (see templates/SOURCE.md) or .oet."`
}

// Run builds every source, prints all faults of all, and fails if one is wrong.
func (c templateBuild) Run() error {
	library, err := openArchetypes(c.Archetypes)
	if err != nil {
		return err
	}
	info, err := os.Stat(c.Output)
	folder := err == nil && info.IsDir()
	if len(c.Sources) > 1 && !folder {
		return errors.New("several sources need a folder to be written to: -o DIR")
	}
	wrong := 0
	for _, file := range c.Sources {
		text, err := buildTemplate(file, library)
		if err != nil {
			var f *fault.Error
			if !errors.As(err, &f) {
				return err
			}
			wrong++
			fmt.Fprintf(os.Stderr, "%s: %s\n", file, f.Message)
			for _, issue := range f.Issues {
				fmt.Fprintf(os.Stderr, "%s: %s: %s\n", issue.Message, issue.Rule, issue.Path)
			}
			continue
		}
		switch {
		case c.Output == "":
			_, err = os.Stdout.Write(text)
		case folder:
			name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)) + ".opt"
			err = os.WriteFile(filepath.Join(c.Output, name), text, 0o644)
		default:
			err = os.WriteFile(c.Output, text, 0o644)
		}
		if err != nil {
			return err
		}
	}
	if wrong > 0 {
		return fmt.Errorf("%d of %d template sources are wrong", wrong, len(c.Sources))
	}
	return nil
}

func openArchetypes(dir string) (*build.Library, error) {
	var folder fs.FS = archetypes.FS
	if dir != "" {
		folder = os.DirFS(dir)
	}
	return build.OpenLibrary(folder)
}

// buildTemplate reads a source by its kind and gives the OPT's text.
func buildTemplate(file string, library *build.Library) ([]byte, error) {
	read := source.ReadYAML
	if strings.EqualFold(filepath.Ext(file), ".oet") {
		read = source.ReadOET
	}
	s, err := read(os.DirFS(filepath.Dir(file)), filepath.Base(file))
	if err != nil {
		return nil, err
	}
	t, err := build.Build(s, library)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := opt.Write(&out, t); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
