// Command quire is the openEHR clinical data repository and its tools.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/quire-cdr/quire/internal/embedded"
	"github.com/quire-cdr/quire/internal/fault"
)

// version is set by the build.
var version = "devel"

type commands struct {
	Up        upCommand        `cmd:"" help:"Run everything on this machine: PostgreSQL and Keto as child processes, our templates, demo people. For trying out and for development."`
	Serve     serveCommand     `cmd:"" help:"Run the server for production, with your own PostgreSQL and Keto."`
	Migrate   migrateCommand   `cmd:"" help:"Bring the database schema to this version. Serve never does it."`
	Template  templateCommand  `cmd:"" help:"Check, upload and list operational templates."`
	Archetype archetypeCommand `cmd:"" help:"Check, upload and list archetypes (ADL 1.4)."`
	Binding   bindingCommand   `cmd:"" help:"Propose, check and register how a form from elsewhere fills a template."`
	AQL       aqlCommand       `cmd:"" name:"aql" help:"Run AQL against a running server."`
	Index     indexCommand     `cmd:"" help:"Promote paths, so that population queries on them are answered from an index."`
	Access    accessCommand    `cmd:"" help:"Explain, grant and look up access to a record."`
	Audit     auditCommand     `cmd:"" help:"Search, export and verify the audit."`
	Load      loadCommand      `cmd:"" help:"Bring many documents in at once, or rebuild the rows that AQL runs on from the stored ones."`
	Verify    verifyCommand    `cmd:"" help:"Compare the rows that AQL runs on with the stored documents."`
	Token     tokenCommand     `cmd:"" help:"Print a token of a running quire up, for curl."`
	URL       urlCommand       `cmd:"" name:"url" help:"Print an address of a running quire up, for curl."`
	Bench     benchCommand     `cmd:"" help:"Measure this build on this machine beside the physical limit."`
	Exit      exitCommand      `cmd:"" help:"Look at messages on their way out and in, and at dead letters."`
	Export    exportCommand    `cmd:"" help:"Write whole EHRs as lines of JSON, or as what a person can read."`
	Import    importCommand    `cmd:"" help:"Bring exported EHRs in: back to where they were, to a new home, or as a copy."`
	Convert   convertCommand   `cmd:"" help:"Convert a composition between canonical JSON and XML, FLAT, STRUCTURED and a FHIR QuestionnaireResponse; nothing is sent."`
	Version   versionCommand   `cmd:"" help:"Print the version."`
}

func main() {
	// As a child that must drop its rights in a mount namespace of its own.
	if embedded.ChildMain(os.Args) {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	var cli commands
	parser := kong.Must(&cli, options(ctx)...)
	if len(os.Args) == 1 {
		os.Args = append(os.Args, "--help")
	}
	command, err := parser.Parse(os.Args[1:])
	parser.FatalIfErrorf(err)
	if err := command.Run(); err != nil {
		fail(err)
	}
}

// options are how a command line is read.
func options(ctx context.Context) []kong.Option {
	return []kong.Option{
		kong.Name("quire"),
		kong.Description("An openEHR clinical data repository: compositions in, AQL and FHIR forms out, access decided by Ory Keto.\n\nBegin with `quire up`; every command has --help."),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.BindTo(ctx, (*context.Context)(nil)),
	}
}

// fail prints an error the way a person acts on it, every issue on a line.
func fail(err error) {
	fmt.Fprintln(os.Stderr, "quire:", message(err))
	var f *fault.Error
	if errors.As(err, &f) {
		for _, issue := range f.Issues {
			where := issue.Path
			switch {
			case issue.FlatKey != "" && issue.AQLPath != "":
				where = issue.FlatKey + " (" + issue.AQLPath + ")"
			case where == "":
				where = issue.AQLPath
			}
			fmt.Fprintf(os.Stderr, "  %s: %s", where, issue.Message)
			if issue.Expected != "" || issue.Found != "" {
				fmt.Fprintf(os.Stderr, " (expected %s, found %s)", issue.Expected, issue.Found)
			}
			fmt.Fprintln(os.Stderr)
		}
	}
	os.Exit(1)
}

func message(err error) string {
	var f *fault.Error
	if errors.As(err, &f) && f.Kind != fault.Internal {
		return f.Message
	}
	return err.Error()
}

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run() error {
	fmt.Println("quire", version)
	return nil
}
