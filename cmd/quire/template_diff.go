package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"

	"github.com/quire-cdr/quire/internal/template/diff"
)

type templateDiff struct {
	Old  string `arg:"" type:"existingfile" help:"The OPT 1.4 in use."`
	New  string `arg:"" type:"existingfile" help:"The OPT 1.4 that would follow it."`
	JSON bool   `name:"json" help:"Print the changes as JSON."`
}

// Run compares two versions of a template offline; it fails where a change can
// break data. What stored compositions make of it says: upload --dry-run.
func (c templateDiff) Run() error {
	old, err := compiledFile(c.Old)
	if err != nil {
		return err
	}
	next, err := compiledFile(c.New)
	if err != nil {
		return err
	}
	changes := diff.Compare(old, next)
	if c.JSON {
		out := json.NewEncoder(os.Stdout)
		out.SetIndent("", "  ")
		if err := out.Encode(append([]diff.Change{}, changes...)); err != nil {
			return err
		}
	} else if err := printChanges(changes); err != nil {
		return err
	}
	if diff.Worst(changes) == diff.Breaking {
		return errors.New("some changes can break data that fit now")
	}
	return nil
}

func printChanges(changes []diff.Change) error {
	if len(changes) == 0 {
		fmt.Println("no difference")
		return nil
	}
	rows := [][]string{{"EFFECT", "CHANGE", "PATH", "OLD", "NEW", "MEANING"}}
	for _, c := range changes {
		rows = append(rows, []string{fmt.Sprint(c.Effect), fmt.Sprint(c.What), c.Path, c.Old, c.New, c.Message})
	}
	return printTable(rows)
}

type templateVersions struct {
	Server remote `embed:"" set:"identity=formbuilder"`
	ID     string `arg:"" help:"Template id."`
}

// Run prints a line for each version of a template, the one in use first.
func (c templateVersions) Run(ctx context.Context) error {
	type version struct {
		Version string `json:"version"`
		UID     string `json:"uid"`
		Created string `json:"created_timestamp"`
		Retired string `json:"retired_timestamp"`
		InUse   bool   `json:"in_use"`
	}
	return printList(ctx, c.Server, "/definition/template/adl1.4/"+url.PathEscape(c.ID)+"/versions", []string{"VERSION", "UPLOADED", "RETIRED", "UID"},
		func(v version) []string {
			if v.InUse {
				v.Retired = "in use"
			}
			return []string{v.Version, v.Created, v.Retired, v.UID}
		})
}

// impact is the answer to a dry run of an upload.
type impact struct {
	ID      string        `json:"template_id"`
	Version string        `json:"version"`
	Outcome string        `json:"outcome"`
	Against string        `json:"against"`
	Changes []diff.Change `json:"changes"`
	Stored  struct {
		Checked  int  `json:"checked"`
		Breaking int  `json:"breaking"`
		Complete bool `json:"complete"`
		Faults   []struct {
			AQLPath      string `json:"aqlPath"`
			Rule         string `json:"rule"`
			Message      string `json:"message"`
			Compositions int    `json:"compositions"`
		} `json:"faults"`
	} `json:"stored"`
}

// outcomes say what an upload would do.
var outcomes = map[string]string{
	"new":       "is new",
	"identical": "is stored already",
	"replaces":  "would replace %s, which nothing uses",
	"version":   "would follow %s, which stays for what was committed by it",
	"refused":   "would be refused: %s is used, and the version is not newer",
}

func printImpact(file string, text []byte) error {
	var i impact
	if err := json.Unmarshal(text, &i); err != nil {
		return err
	}
	said := outcomes[i.Outcome]
	if i.Against != "" && i.Outcome != "identical" {
		said = fmt.Sprintf(said, i.Against)
	}
	fmt.Printf("%s: template %q %s %s\n", file, i.ID, i.Version, said)
	if len(i.Changes) > 0 {
		if err := printChanges(i.Changes); err != nil {
			return err
		}
		fmt.Printf("%d stored compositions were judged, %d would not fit\n", i.Stored.Checked, i.Stored.Breaking)
		if !i.Stored.Complete {
			fmt.Println("there are more, which were not judged")
		}
		for _, f := range i.Stored.Faults {
			fmt.Printf("  %6d  %s  %s  %s\n", f.Compositions, f.AQLPath, f.Rule, f.Message)
		}
	}
	return nil
}
