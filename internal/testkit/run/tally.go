package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// tally turns the event lines of `go test -json` into a short report: a line per package, the output of what failed, and
// at the end how many tests passed and failed. Lines that are no events pass through.
type tally struct {
	to                      io.Writer
	rest                    []byte // an incomplete line
	output                  map[string]*strings.Builder
	passed, failed, skipped int
	slow                    []timed
}

// timed is a test and its seconds.
type timed struct {
	name    string
	seconds float64
}

// slowest is how many of the slowest tests are named: a suite grows slow one test at a time.
const slowest = 15

func newTally(to io.Writer) *tally {
	return &tally{to: to, output: map[string]*strings.Builder{}}
}

// event is one line of `go test -json`; see `go doc test2json`.
type event struct {
	Action, Package, ImportPath, Test, Output string
	Elapsed                                   float64
}

func (t *tally) Write(p []byte) (int, error) {
	t.rest = append(t.rest, p...)
	for {
		line, rest, complete := bytes.Cut(t.rest, []byte("\n"))
		if !complete {
			return len(p), nil
		}
		t.line(line)
		t.rest = rest
	}
}

func (t *tally) line(line []byte) {
	var e event
	if !bytes.HasPrefix(line, []byte("{")) || json.Unmarshal(line, &e) != nil || e.Action == "" {
		fmt.Fprintf(t.to, "%s\n", line)
		return
	}
	key := e.Package + " " + e.Test
	switch e.Action {
	case "build-output":
		fmt.Fprint(t.to, e.Output)
	case "output":
		if t.output[key] == nil {
			t.output[key] = &strings.Builder{}
		}
		t.output[key].WriteString(e.Output)
	case "pass", "fail", "skip":
		t.end(e, key)
	}
}

func (t *tally) end(e event, key string) {
	output := ""
	if b := t.output[key]; b != nil {
		output = b.String()
		delete(t.output, key)
	}
	if e.Test == "" {
		// A package: everything it said outside of tests if it failed, else its last line.
		lines := strings.Split(strings.TrimSpace(output), "\n")
		switch {
		case e.Action == "fail":
			fmt.Fprint(t.to, output)
		case e.Action == "pass":
			fmt.Fprintln(t.to, lines[len(lines)-1])
		}
		return
	}
	if !strings.Contains(e.Test, "/") {
		t.slow = append(t.slow, timed{e.Package + " " + e.Test, e.Elapsed})
		if len(t.slow) > slowest {
			slices.SortStableFunc(t.slow, func(a, b timed) int { return cmp.Compare(b.seconds, a.seconds) })
			t.slow = t.slow[:slowest]
		}
	}
	switch e.Action {
	case "pass":
		t.passed++
	case "skip":
		t.skipped++
	case "fail":
		t.failed++
		fmt.Fprint(t.to, output)
	}
}

// report prints the count. A run that failed without a failing test (a package that does not compile, a leak) counts one.
func (t *tally) report(code int) {
	if len(t.rest) > 0 {
		t.line(t.rest)
	}
	if code != 0 && t.failed == 0 {
		t.failed = 1
	}
	for _, s := range t.slow {
		if s.seconds >= 5 {
			fmt.Fprintf(t.to, "%6.1f s  %s\n", s.seconds, s.name)
		}
	}
	if t.skipped > 0 {
		fmt.Fprintf(t.to, "%d skipped\n", t.skipped)
	}
	fmt.Fprintf(t.to, "%d passed, %d failed\n", t.passed, t.failed)
}
