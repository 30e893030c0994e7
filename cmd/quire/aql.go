package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/cdr"
)

type aqlCommand struct {
	Run     aqlRun     `cmd:"" help:"Run a query and print its rows."`
	Explain aqlExplain `cmd:"" help:"Print how a query would be run: what it is understood as, its SQL, the database's plan."`
	Check   aqlCheck   `cmd:"" help:"Parse a query and print it back in one form; nothing is sent."`
}

// asked is a query for a server.
type asked struct {
	Server remote            `embed:"" set:"identity=clinician"`
	Query  string            `arg:"" help:"The query, or - to read it from standard input."`
	Param  map[string]string `help:"Query parameters, as name=value; a value that is JSON is sent as that." short:"p"`
	EHR    string            `help:"Ask about one EHR only."`
}

// send gives what the server answers; options stand after the path.
func (c asked) send(ctx context.Context, options string) ([]byte, error) {
	text, err := query(c.Query)
	if err != nil {
		return nil, err
	}
	server, err := c.Server.connect()
	if err != nil {
		return nil, err
	}
	params := map[string]any{}
	for name, value := range c.Param {
		var parsed any = value
		if json.Unmarshal([]byte(value), &parsed) != nil {
			parsed = value
		}
		params[name] = parsed
	}
	request := map[string]any{"q": text, "query_parameters": params}
	if c.EHR != "" {
		request["ehr_id"] = c.EHR
	}
	body, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	answer, _, err := server.call(ctx, "POST", server.OpenEHR+"/query/aql"+options, "application/json", body)
	return answer, err
}

type aqlRun struct {
	asked
	JSON bool `help:"Print the result set as the server sent it." name:"json"`
}

// Run prints the rows as a table.
func (c aqlRun) Run(ctx context.Context) error {
	answer, err := c.send(ctx, "")
	if err != nil {
		return err
	}
	if c.JSON {
		_, err := os.Stdout.Write(append(answer, '\n'))
		return err
	}
	var set struct {
		Columns []struct{ Name string }
		Rows    [][]json.RawMessage
	}
	if err := json.Unmarshal(answer, &set); err != nil {
		return err
	}
	names := make([]string, len(set.Columns))
	for i, column := range set.Columns {
		names[i] = column.Name
	}
	rows := [][]string{names}
	for _, row := range set.Rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			var s string
			if json.Unmarshal(cell, &s) == nil {
				cells[i] = s
			} else {
				cells[i] = string(cell)
			}
		}
		rows = append(rows, cells)
	}
	return printTable(rows)
}

type aqlExplain struct{ asked }

// Run prints the plan, the SQL and the database's plan, one after the other.
func (c aqlExplain) Run(ctx context.Context) error {
	answer, err := c.send(ctx, "?explain=true")
	if err != nil {
		return err
	}
	var e cdr.QueryExplanation
	if err := json.Unmarshal(answer, &e); err != nil {
		return err
	}
	fmt.Println(e.Plan)
	fmt.Println(e.SQL)
	fmt.Println()
	fmt.Println(strings.Join(e.Database, "\n"))
	return nil
}

type aqlCheck struct {
	Query string `arg:"" help:"The query, or - to read it from standard input."`
}

// Run prints the query as the parser understood it.
func (c aqlCheck) Run() error {
	text, err := query(c.Query)
	if err != nil {
		return err
	}
	parsed, err := aql.Parse(text)
	if err != nil {
		return err
	}
	fmt.Println(parsed)
	return nil
}

func query(arg string) (string, error) {
	if arg != "-" {
		return arg, nil
	}
	text, err := io.ReadAll(io.LimitReader(os.Stdin, 1<<20))
	return string(text), err
}
