package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/quire-cdr/quire/internal/opt"
	"github.com/quire-cdr/quire/internal/template"
)

// judgeFiles reads files one after the other and fails, after the last, when one
// is not right; verdict says what the others are, such as "templates are wrong".
func judgeFiles(files []string, verdict string, right func(file string, text []byte) (bool, error)) error {
	wrong := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		ok, err := right(file, text)
		if err != nil {
			return err
		}
		if !ok {
			wrong++
		}
	}
	if wrong > 0 {
		return fmt.Errorf("%d of %d %s", wrong, len(files), verdict)
	}
	return nil
}

// upload sends files in order to a path of the openEHR API and stops at the first
// refusal; what is there already with the same content is none.
func (r remote) upload(ctx context.Context, files []string, path, contentType string, answered func(file string, answer []byte, header http.Header) error) error {
	server, err := r.connect()
	if err != nil {
		return err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		answer, header, err := server.call(ctx, http.MethodPost, server.OpenEHR+path, contentType, text)
		var refused *refusal
		if errors.As(err, &refused) && refused.code == "template-exists" {
			fmt.Printf("%s: is there already\n", file)
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if err := answered(file, answer, header); err != nil {
			return err
		}
	}
	return nil
}

// printLocation says where an uploaded file is.
func printLocation(file string, _ []byte, header http.Header) error {
	fmt.Printf("%s: %s\n", file, header.Get("Location"))
	return nil
}

// printList asks a path of the openEHR API for a list and prints it as a table.
func printList[T any](ctx context.Context, r remote, path string, heading []string, row func(T) []string) error {
	server, err := r.connect()
	if err != nil {
		return err
	}
	text, _, err := server.call(ctx, http.MethodGet, server.OpenEHR+path, "", nil)
	if err != nil {
		return err
	}
	var list []T
	if err := json.Unmarshal(text, &list); err != nil {
		return err
	}
	rows := [][]string{heading}
	for _, item := range list {
		rows = append(rows, row(item))
	}
	return printTable(rows)
}

// printTable aligns the cells of rows, the first of which is the heading.
func printTable(rows [][]string) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	return w.Flush()
}

// compiledFile reads a file with an operational template (OPT 1.4).
func compiledFile(path string) (*template.Compiled, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	compiled, err := compiledText(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return compiled, nil
}

func compiledText(text []byte) (*template.Compiled, error) {
	source, err := opt.Read(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	return template.Compile(source)
}
