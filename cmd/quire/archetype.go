package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/quire-cdr/quire/archetypes"
	"github.com/quire-cdr/quire/internal/adl"
	"github.com/quire-cdr/quire/internal/fault"
)

type archetypeCommand struct {
	Check  archetypeCheck  `cmd:"" help:"Read archetypes (ADL 1.4) and say what is wrong with them; nothing is sent."`
	Upload archetypeUpload `cmd:"" help:"Upload archetypes to a running server."`
	List   archetypeList   `cmd:"" help:"List the archetypes of a running server."`
}

type archetypeCheck struct {
	Warnings bool     `help:"Show what is suspicious too, such as codes that nothing uses."`
	Files    []string `arg:"" type:"existingfile" help:"ADL 1.4 files."`
}

// Run checks every file and fails if one is wrong.
func (c archetypeCheck) Run() error {
	return judgeFiles(c.Files, "archetypes are wrong", func(file string, text []byte) (bool, error) {
		read, err := adl.Read(bytes.NewReader(text))
		if err != nil {
			var f *fault.Error
			if !errors.As(err, &f) {
				return false, err
			}
			printIssues(file, f.Issues)
			return false, nil
		}
		fmt.Printf("%s: archetype %s, languages %v\n", file, read.ID, read.Languages())
		if c.Warnings {
			printIssues(file, adl.Check(read))
		}
		return true, nil
	})
}

func printIssues(file string, issues []fault.Issue) {
	for _, issue := range issues {
		fmt.Printf("%s: %s %s: %s\n", file, issue.Rule, issue.Path, issue.Message)
	}
}

type archetypeUpload struct {
	Server remote   `embed:"" set:"identity=formbuilder"`
	Files  []string `arg:"" type:"existingfile" help:"ADL 1.4 files."`
}

// Run uploads the files in order and stops at the first refusal.
func (c archetypeUpload) Run(ctx context.Context) error {
	return c.Server.upload(ctx, c.Files, "/definition/archetype/adl1.4", "text/plain", printLocation)
}

type archetypeList struct {
	Server remote `embed:"" set:"identity=formbuilder"`
}

// Run prints a line for each archetype.
func (c archetypeList) Run(ctx context.Context) error {
	type archetype struct {
		ID       string `json:"archetype_id"`
		Parent   string `json:"parent_archetype_id"`
		Concept  string `json:"concept"`
		Uploaded string `json:"uploaded_timestamp"`
	}
	return printList(ctx, c.Server, "/definition/archetype/adl1.4", []string{"ARCHETYPE", "CONCEPT", "SPECIALISES", "UPLOADED"},
		func(a archetype) []string { return []string{a.ID, a.Concept, a.Parent, a.Uploaded} })
}

// installArchetypes uploads the archetypes this build ships with; one that is
// there with other content and in use stays.
func (p *parts) installArchetypes(ctx context.Context) error {
	shipped, err := fs.Glob(archetypes.FS, "adl/*.adl")
	if err != nil {
		return err
	}
	for _, file := range shipped {
		text, err := archetypes.FS.ReadFile(file)
		if err != nil {
			return err
		}
		err = patiently(ctx, func() error {
			_, _, err := p.service.UploadArchetype(ctx, system(""), text)
			return err
		})
		if err != nil && !fault.Is(err, fault.Conflict) {
			return fmt.Errorf("installing the archetype %s: %w", path.Base(file), err)
		}
	}
	return nil
}
