package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
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
	server, body, err := c.request()
	if err != nil {
		return nil, err
	}
	answer, _, err := server.call(ctx, "POST", server.OpenEHR+"/query/aql"+options, "application/json", body)
	return answer, err
}

// request is the server and the body that asks it.
func (c asked) request() (*client, []byte, error) {
	text, err := query(c.Query)
	if err != nil {
		return nil, nil, err
	}
	server, err := c.Server.connect()
	if err != nil {
		return nil, nil, err
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
	return server, body, err
}

type aqlRun struct {
	asked
	JSON   bool   `help:"Print the result set as the server sent it." name:"json"`
	Format string `help:"Print the result as the server writes it: table is drawn here, json, csv, ndjson and parquet arrive as they are made." enum:"table,json,csv,ndjson,parquet" default:"table"`
}

// Run prints the rows as a table.
func (c aqlRun) Run(ctx context.Context) error {
	if c.JSON {
		c.Format = "json"
	}
	if c.Format != "table" {
		return c.stream(ctx, os.Stdout)
	}
	answer, err := c.send(ctx, "")
	if err != nil {
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

// stream copies the answer as it arrives; one that breaks off is an error.
func (c aqlRun) stream(ctx context.Context, to io.Writer) error {
	server, body, err := c.request()
	if err != nil {
		return err
	}
	res, err := server.send(ctx, "POST", server.OpenEHR+"/query/aql?_format="+c.Format, http.Header{"Content-Type": {"application/json"}}, body)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(to, res.Body); err != nil {
		return fmt.Errorf("the result is not whole: %w", err)
	}
	cut := res.Header.Get("Quire-Truncated")
	if cut == "" {
		cut = res.Trailer.Get("Quire-Truncated")
	}
	if cut != "" {
		return fmt.Errorf("the server has cut the result off at its limit: %s", cut)
	}
	return nil
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
	if len(e.Indexes) > 0 {
		fmt.Println("\nindexes used: " + strings.Join(e.Indexes, ", "))
	}
	if e.Rows != nil {
		fmt.Println("rows expected:", *e.Rows)
	}
	for _, why := range e.Slow {
		fmt.Println("slow because " + why)
	}
	for _, command := range e.Promote {
		fmt.Println("to make it fast: " + command)
	}
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
