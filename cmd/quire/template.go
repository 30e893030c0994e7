package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
)

type templateCommand struct {
	Check    templateCheck    `cmd:"" help:"Read operational templates (OPT 1.4) and say what is wrong with them; nothing is sent."`
	Upload   templateUpload   `cmd:"" help:"Upload operational templates to a running server."`
	Validate templateValidate `cmd:"" help:"Judge compositions against an operational template, offline, in every format."`
	Diff     templateDiff     `cmd:"" help:"Compare two versions of an operational template, offline: what is compatible, and what can break data."`
	Versions templateVersions `cmd:"" help:"List the versions of a template of a running server."`
	Paths    templatePaths    `cmd:"" help:"Print the dictionary of a template's paths as CSV: AQL path, FLAT key, type, terms, how often filled, whether promoted."`
	List     templateList     `cmd:"" help:"List the templates of a running server."`
	Build    templateBuild    `cmd:"" help:"Build operational templates from template sources (YAML or OET) and archetypes (ADL 1.4)."`
}

type templateCheck struct {
	Files []string `arg:"" type:"existingfile" help:"OPT 1.4 files."`
}

// Run checks every file and fails if one is wrong.
func (c templateCheck) Run() error {
	return judgeFiles(c.Files, "templates are wrong", func(file string, text []byte) (bool, error) {
		compiled, err := compiledText(text)
		if err != nil {
			fmt.Printf("%s: %v\n", file, err)
			return false, nil
		}
		fmt.Printf("%s: template %q, %d nodes, root %s\n", file, compiled.TemplateID, compiled.Len(), compiled.RootArchetype)
		return true, nil
	})
}

type templatePaths struct {
	Server remote `embed:"" set:"identity=clinician"`
	ID     string `arg:"" help:"Template id."`
	Filter string `help:"Only paths whose path, key or name contains the text." short:"q"`
}

// Run prints what the server answers.
func (c templatePaths) Run(ctx context.Context) error {
	server, err := c.Server.connect()
	if err != nil {
		return err
	}
	at := server.OpenEHR + "/definition/template/" + url.PathEscape(c.ID) + "/paths?" + url.Values{"q": {c.Filter}}.Encode()
	res, err := server.send(ctx, "GET", at, http.Header{"Accept": {"text/csv"}}, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(os.Stdout, res.Body)
	return err
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
	query := url.Values{}
	for name, value := range map[string]string{"label": c.Label, "version": c.Semver} {
		if value != "" {
			query.Set(name, value)
		}
	}
	answered := printLocation
	if c.DryRun {
		query.Set("dry_run", "true")
		answered = func(file string, answer []byte, _ http.Header) error { return printImpact(file, answer) }
	}
	return c.Server.upload(ctx, c.Files, "/definition/template/adl1.4?"+query.Encode(), "application/xml", answered)
}

type templateList struct {
	Server remote `embed:"" set:"identity=formbuilder"`
}

// Run prints a line for each template.
func (c templateList) Run(ctx context.Context) error {
	type listed struct {
		TemplateID  string `json:"template_id"`
		ArchetypeID string `json:"archetype_id"`
		Created     string `json:"created_timestamp"`
	}
	return printList(ctx, c.Server, "/definition/template/adl1.4", []string{"TEMPLATE", "ROOT", "UPLOADED"},
		func(t listed) []string { return []string{t.TemplateID, t.ArchetypeID, t.Created} })
}
