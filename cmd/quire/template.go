package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"text/tabwriter"

	"github.com/quire-cdr/quire/internal/opt"
	"github.com/quire-cdr/quire/internal/template"
)

type templateCommand struct {
	Check    templateCheck    `cmd:"" help:"Read operational templates (OPT 1.4) and say what is wrong with them; nothing is sent."`
	Upload   templateUpload   `cmd:"" help:"Upload operational templates to a running server."`
	Validate templateValidate `cmd:"" help:"Judge compositions against an operational template, offline, in every format."`
	Diff     templateDiff     `cmd:"" help:"Compare two versions of an operational template, offline: what is compatible, and what can break data."`
	Versions templateVersions `cmd:"" help:"List the versions of a template of a running server."`
	List     templateList     `cmd:"" help:"List the templates of a running server."`
	Build    templateBuild    `cmd:"" help:"Build operational templates from template sources (YAML or OET) and archetypes (ADL 1.4)."`
}

type templateCheck struct {
	Files []string `arg:"" type:"existingfile" help:"OPT 1.4 files."`
}

// Run checks every file and fails if one is wrong.
func (c templateCheck) Run() error {
	wrong := 0
	for _, file := range c.Files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		parsed, err := opt.Read(bytes.NewReader(text))
		if err == nil {
			var compiled *template.Compiled
			if compiled, err = template.Compile(parsed); err == nil {
				fmt.Printf("%s: template %q, %d nodes, root %s\n", file, compiled.TemplateID, compiled.Len(), compiled.RootArchetype)
				continue
			}
		}
		wrong++
		fmt.Printf("%s: %v\n", file, err)
	}
	if wrong > 0 {
		return fmt.Errorf("%d of %d templates are wrong", wrong, len(c.Files))
	}
	return nil
}

type templateUpload struct {
	Server remote   `embed:"" set:"identity=formbuilder"`
	DryRun bool     `name:"dry-run" help:"Upload nothing; say what would change, and which stored compositions would not fit."`
	Label  string   `help:"Sensitivity label; default: other_details/sensitivity of the template, else normal." placeholder:"NAME"`
	Semver string   `name:"template-version" help:"Semantic version; default: other_details/sem_ver of the template." placeholder:"1.2.0"`
	Files  []string `arg:"" type:"existingfile" help:"OPT 1.4 files."`
}

// Run uploads the files in order and stops at the first refusal.
func (c templateUpload) Run(ctx context.Context) error {
	server, err := c.Server.connect()
	if err != nil {
		return err
	}
	query := url.Values{}
	for name, value := range map[string]string{"label": c.Label, "version": c.Semver} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if c.DryRun {
		query.Set("dry_run", "true")
	}
	for _, file := range c.Files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		answer, header, err := server.call(ctx, "POST", server.OpenEHR+"/definition/template/adl1.4?"+query.Encode(), "application/xml", text)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if c.DryRun {
			if err := printImpact(file, answer); err != nil {
				return err
			}
			continue
		}
		fmt.Printf("%s: %s\n", file, header.Get("Location"))
	}
	return nil
}

type templateList struct {
	Server remote `embed:"" set:"identity=formbuilder"`
}

// Run prints a line for each template.
func (c templateList) Run(ctx context.Context) error {
	server, err := c.Server.connect()
	if err != nil {
		return err
	}
	text, _, err := server.call(ctx, "GET", server.OpenEHR+"/definition/template/adl1.4", "", nil)
	if err != nil {
		return err
	}
	var list []struct {
		TemplateID  string `json:"template_id"`
		ArchetypeID string `json:"archetype_id"`
		Created     string `json:"created_timestamp"`
	}
	if err := json.Unmarshal(text, &list); err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "TEMPLATE\tROOT\tUPLOADED")
	for _, t := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\n", t.TemplateID, t.ArchetypeID, t.Created)
	}
	return w.Flush()
}
