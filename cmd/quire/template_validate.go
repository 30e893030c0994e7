package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/canonxml"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/simplified"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/internal/validate"
)

type templateValidate struct {
	Template   string   `required:"" type:"existingfile" help:"The compositions' operational template (OPT 1.4)."`
	From       string   `default:"auto" enum:"auto,json,xml,flat,structured" help:"Format of the compositions: json, xml, flat, structured, or auto to find out by the content."`
	Incomplete bool     `help:"Judge as drafts: what is missing is no fault."`
	JSON       bool     `name:"json" help:"Print every issue as a line of JSON."`
	Files      []string `arg:"" type:"existingfile" help:"Compositions."`
}

// Run judges every file and fails if one would be refused. Nothing is sent.
func (c templateValidate) Run() error {
	compiled, err := compiledFile(c.Template)
	if err != nil {
		return err
	}
	return judgeFiles(c.Files, "compositions would be refused", func(file string, text []byte) (bool, error) {
		issues := c.judge(compiled, text)
		return !validate.Refused(issues), c.print(file, issues)
	})
}

// judge finds the issues of a composition; what cannot be read is one too.
func (c templateValidate) judge(compiled *template.Compiled, text []byte) []fault.Issue {
	tree, formats, err := c.read(compiled, text)
	if err != nil {
		var refusal *fault.Error
		if errors.As(err, &refusal) && len(refusal.Issues) > 0 {
			return refusal.Issues
		}
		code := fault.Of(err).Code
		if refusal == nil {
			code = "unreadable"
		}
		return []fault.Issue{{Path: "/", AQLPath: "/", Rule: code, Message: err.Error()}}
	}
	issues := validate.Check(tree, compiled, validate.Options{Incomplete: c.Incomplete})
	if formats != nil {
		formats.Explain(tree, issues)
	}
	return issues
}

// read gives the formats back where the composition is a simplified one.
func (c templateValidate) read(compiled *template.Compiled, text []byte) (*rm.Tree, *simplified.Template, error) {
	from := c.From
	if from == "auto" {
		from = formatOf(text)
	}
	if f, ok := simplified.FormatOf(from); ok {
		formats := simplified.Compile(compiled)
		tree, err := formats.Read(text, f, time.Now().UTC().Format("2006-01-02T15:04:05.000Z"))
		return tree, formats, err
	}
	if from == "xml" {
		tree, err := canonxml.Read(text, rminfo.COMPOSITION, canon.ReadOptions{})
		return tree, nil, err
	}
	tree, err := canon.ReadJSON(text, rminfo.COMPOSITION, canon.ReadOptions{})
	return tree, nil, err
}

// formatOf tells the formats apart: canonical JSON has _type or an
// archetype_node_id at the top, FLAT has keys with slashes, STRUCTURED neither.
func formatOf(text []byte) string {
	if trimmed := bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))); bytes.HasPrefix(trimmed, []byte("<")) {
		return "xml"
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(text, &members) != nil || members["_type"] != nil || members["archetype_node_id"] != nil {
		return "json"
	}
	for key := range members {
		if bytes.ContainsRune([]byte(key), '/') {
			return "flat"
		}
	}
	return "structured"
}

func (c templateValidate) print(file string, issues []fault.Issue) error {
	if !c.JSON {
		verdict := "valid"
		if validate.Refused(issues) {
			verdict = "refused"
		}
		fmt.Printf("%s: %s\n", file, verdict)
	}
	for _, issue := range issues {
		severity := "error"
		if issue.Warning {
			severity = "warning"
		}
		if !c.JSON {
			fmt.Printf("  %s %s\n    at       %s\n", severity, issue.Message, issue.Path)
			for _, line := range [][2]string{{"key", issue.FlatKey}, {"in", issue.Archetype}, {"rule", issue.Rule}, {"expected", issue.Expected}, {"found", issue.Found}} {
				if line[1] != "" {
					fmt.Printf("    %-8s %s\n", line[0], line[1])
				}
			}
			continue
		}
		line, err := json.Marshal(struct {
			File     string `json:"file"`
			Severity string `json:"severity"`
			fault.Issue
		}{file, severity, issue})
		if err != nil {
			return err
		}
		fmt.Println(string(line))
	}
	return nil
}
