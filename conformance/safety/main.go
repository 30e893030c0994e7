// Command safety prints the safety case: each hazard of deploy/safety/hazards.yaml
// with its risk before and after the controls, the controls, and where the tests
// that show them are. It fails where a test is named that is none.
package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// risk is severity times likelihood, each 1 to 5.
type risk struct {
	Severity   int `yaml:"severity"`
	Likelihood int `yaml:"likelihood"`
}

func (r risk) score() int { return r.Severity * r.Likelihood }

// hazard is one entry of the log.
type hazard struct {
	ID       string   `yaml:"id"`
	Title    string   `yaml:"title"`
	Effect   string   `yaml:"effect"`
	Causes   []string `yaml:"causes"`
	Before   risk     `yaml:"before"`
	After    risk     `yaml:"after"`
	Controls []string `yaml:"controls"`
	Tests    []string `yaml:"tests"`
}

// acceptable is the highest risk that may remain.
const acceptable = 5

func main() {
	if err := run(os.Stdout, "."); err != nil {
		fmt.Fprintln(os.Stderr, "safety:", err)
		os.Exit(1)
	}
}

func run(to io.Writer, root string) error {
	hazards, err := read(filepath.Join(root, "deploy", "safety", "hazards.yaml"))
	if err != nil {
		return err
	}
	where, err := tests(root)
	if err != nil {
		return err
	}
	if faults := judge(hazards, where); len(faults) > 0 {
		return fmt.Errorf("the hazard log is not sound:\n  %s", strings.Join(faults, "\n  "))
	}
	for _, h := range hazards {
		fmt.Fprintf(to, "## %s %s\n\n%s. Causes: %s.\n\nRisk %d before, %d after.\n\n", h.ID, h.Title, h.Effect, strings.Join(h.Causes, "; "), h.Before.score(), h.After.score())
		for _, c := range h.Controls {
			fmt.Fprintf(to, "- %s\n", c)
		}
		fmt.Fprintln(to)
		for _, t := range h.Tests {
			fmt.Fprintf(to, "    %s in %s\n", t, strings.Join(where[t], ", "))
		}
		fmt.Fprintln(to)
	}
	fmt.Fprintf(to, "%d hazards.\n", len(hazards))
	return nil
}

func read(name string) ([]hazard, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	var log struct {
		Hazards []hazard `yaml:"hazards"`
	}
	decoder := yaml.NewDecoder(file)
	decoder.KnownFields(true)
	return log.Hazards, decoder.Decode(&log)
}

// judge names what is wrong with a log.
func judge(hazards []hazard, where map[string][]string) (faults []string) {
	var ids []string
	for _, h := range hazards {
		wrong := func(format string, args ...any) {
			faults = append(faults, h.ID+": "+fmt.Sprintf(format, args...))
		}
		for _, r := range []risk{h.Before, h.After} {
			if r.Severity < 1 || r.Severity > 5 || r.Likelihood < 1 || r.Likelihood > 5 {
				wrong("severity and likelihood are 1 to 5")
			}
		}
		switch {
		case h.ID == "" || h.Title == "" || h.Effect == "" || len(h.Causes) == 0:
			wrong("it has an id, a title, an effect and causes")
		case len(h.Controls) == 0 || len(h.Tests) == 0:
			wrong("it has controls and tests")
		case slices.Contains(ids, h.ID):
			wrong("the id is used twice")
		case h.After.score() > acceptable:
			wrong("the risk that remains is %d, at most %d is acceptable", h.After.score(), acceptable)
		}
		ids = append(ids, h.ID)
		for _, t := range h.Tests {
			if len(where[t]) == 0 {
				wrong("there is no test %s", t)
			}
		}
	}
	return faults
}

var testName = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)

// tests finds the folders of every test by its name.
func tests(root string) (map[string][]string, error) {
	where := map[string][]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			if d != nil && d.IsDir() && (d.Name() == ".git" || d.Name() == "testdata") {
				return fs.SkipDir
			}
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		for _, m := range testName.FindAllStringSubmatch(string(text), -1) {
			where[m[1]] = append(where[m[1]], filepath.ToSlash(dir))
		}
		return nil
	})
	return where, err
}
