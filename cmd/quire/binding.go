package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/sdc"
	"github.com/quire-cdr/quire/internal/sdc/binding"
)

type bindingCommand struct {
	Propose bindingPropose `cmd:"" help:"Begin a binding file for a form from elsewhere: questions and nodes with a code or words in common. A person checks each."`
	Check   bindingCheck   `cmd:"" help:"Judge a binding file against its template and its form."`
	Put     bindingPut     `cmd:"" help:"Register a binding file with a server, in place of the one before."`
}

type bindingPropose struct {
	Template string `required:"" type:"existingfile" help:"The operational template (OPT 1.4) that the answers are to fill."`
	Form     string `arg:"" type:"existingfile" help:"The FHIR Questionnaire (JSON)."`
}

// Run prints a binding file, and before it, as comments, why each question stands
// where it does.
func (c bindingPropose) Run() error { return c.print(os.Stdout) }

func (c bindingPropose) print(w io.Writer) error {
	compiled, err := compiledFile(c.Template)
	if err != nil {
		return err
	}
	questionnaire, err := os.ReadFile(c.Form)
	if err != nil {
		return err
	}
	b, proposals, err := binding.Propose(questionnaire, sdc.Build(compiled))
	if err != nil {
		return err
	}
	text, err := b.Write()
	if err != nil {
		return err
	}
	fmt.Fprintln(w, "# Proposed, and decided by nobody yet: check each question, then run quire binding check.")
	for _, p := range proposals {
		if len(p.Paths) > 0 {
			fmt.Fprintf(w, "# %s: %s\n", p.LinkID, strings.ReplaceAll(p.Why, "\n", " "))
		}
		if len(p.Paths) > 1 {
			for _, path := range p.Paths {
				fmt.Fprintf(w, "#   %s\n", path)
			}
		}
	}
	_, err = w.Write(text)
	return err
}

type bindingCheck struct {
	Template string `required:"" type:"existingfile" help:"The operational template (OPT 1.4) that the answers fill."`
	Form     string `type:"existingfile" help:"The FHIR Questionnaire (JSON); with it, questions are checked too."`
	File     string `arg:"" type:"existingfile" help:"The binding file (YAML)."`
}

// Run prints what is wrong and what is left unbound, and fails for what is wrong.
func (c bindingCheck) Run() error { return c.print(os.Stdout) }

func (c bindingCheck) print(w io.Writer) error {
	compiled, err := compiledFile(c.Template)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	b, err := binding.Read(text)
	if err != nil {
		return err
	}
	bound, err := binding.Bind(b, sdc.Build(compiled))
	if err != nil {
		return err
	}
	var issues []fault.Issue
	if c.Form != "" {
		questionnaire, err := os.ReadFile(c.Form)
		if err != nil {
			return err
		}
		if issues, err = binding.Check(questionnaire, bound); err != nil {
			return err
		}
	}
	wrong := 0
	for _, i := range issues {
		kind := "warning"
		if !i.Warning {
			kind = "error"
			wrong++
		}
		fmt.Fprintf(w, "%s: %s: %s\n", kind, i.Path, i.Message)
	}
	fmt.Fprintf(w, "%s: %d questions bound to %s, %d left unbound on purpose\n", c.File, len(b.Items), b.Template, len(b.Unbound))
	if wrong > 0 {
		return fmt.Errorf("%s: %d errors", c.File, wrong)
	}
	return nil
}

type bindingPut struct {
	Server remote `embed:"" set:"identity=formbuilder"`
	File   string `arg:"" type:"existingfile" help:"The binding file (YAML)."`
}

// Run registers the file.
func (c bindingPut) Run(ctx context.Context) error {
	text, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	server, err := c.Server.connect()
	if err != nil {
		return err
	}
	_, _, err = server.call(ctx, "PUT", server.FHIR+"/Questionnaire/$binding", "application/yaml", text)
	return err
}
