package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quire-cdr/quire/internal/cdr/transfer"
)

const (
	firstEHR  = "7d44b88c-4199-4bad-97dc-d78268e01398"
	secondEHR = "9624982a-9f42-4a8b-b3a8-2f3a1b1d5c11"
)

// exported is a whole export with one row of the given size.
func exported(t *testing.T, ehr string, size int) []byte {
	t.Helper()
	var b bytes.Buffer
	w := transfer.NewWriter(&b)
	for _, line := range []transfer.Line{
		{Header: &transfer.Header{Format: transfer.Format, SystemID: "a.example", EHR: ehr, EHRSystem: "a.example", Created: time.Unix(0, 0).UTC(), Counts: transfer.Counts{Rows: 1}}},
		{Row: &transfer.Row{Table: "ehr_subject", Data: transfer.Text(`{"x":"` + strings.Repeat("y", size) + `"}`)}},
	} {
		if err := w.Write(line); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestExport: records one after the other, all of them by pages, and no file of
// one that was cut off.
func TestExport(t *testing.T) {
	whole := map[string][]byte{firstEHR: exported(t, firstEHR, 10), secondEHR: exported(t, secondEHR, 10)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /rest/admin/ehr", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, map[string]string{
			"": `{"ehr_ids":["` + firstEHR + `"]}`, firstEHR: `{"ehr_ids":["` + secondEHR + `"]}`, secondEHR: `{"ehr_ids":[]}`,
		}[r.URL.Query().Get("after")])
	})
	mux.HandleFunc("GET /rest/admin/ehr/{id}/export", func(w http.ResponseWriter, r *http.Request) {
		switch id := r.PathValue("id"); {
		case r.Header.Get("Authorization") != "Bearer key":
			w.WriteHeader(http.StatusUnauthorized)
		case id == "cut":
			_, _ = w.Write(whole[firstEHR][:200])
		case whole[id] == nil:
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"message":"no such EHR"}`)
		default:
			_, _ = w.Write(whole[id])
		}
	})
	mux.HandleFunc("GET /rest/admin/ehr/{id}/subject-access", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "zip") })
	server := httptest.NewServer(mux)
	defer server.Close()
	both := string(whole[firstEHR]) + string(whole[secondEHR])
	for _, c := range []struct {
		name    string
		command exportCommand
		want    string
		fails   string
	}{
		{name: "one", command: exportCommand{EHR: []string{firstEHR}}, want: string(whole[firstEHR])},
		{name: "two", command: exportCommand{EHR: []string{firstEHR, secondEHR}}, want: both},
		{name: "all", command: exportCommand{All: true}, want: both},
		{name: "readable", command: exportCommand{EHR: []string{firstEHR}, Readable: true}, want: "zip"},
		{name: "readable of all", command: exportCommand{All: true, Readable: true}, fails: "--readable is for one --ehr"},
		{name: "unknown", command: exportCommand{EHR: []string{firstEHR, "none"}}, fails: "EHR none: 404: no such EHR"},
		{name: "cut off", command: exportCommand{EHR: []string{"cut"}}, fails: "EHR cut"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.command.Output = filepath.Join(t.TempDir(), "out")
			c.command.Server = remote{URL: server.URL, Token: "key"}
			err := c.command.Run(context.Background())
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) {
					t.Errorf("got %v, want %q", err, c.fails)
				}
				if left, _ := os.ReadDir(filepath.Dir(c.command.Output)); len(left) > 0 {
					t.Errorf("a failed export leaves %s", left[0].Name())
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := os.ReadFile(c.command.Output); string(got) != c.want {
				t.Errorf("got %d bytes, want %d", len(got), len(c.want))
			}
		})
	}
}

// TestImport: each record is one request, or pieces and one that ends them; what
// is no export is not sent, and the first that cannot come in ends it.
func TestImport(t *testing.T) {
	small, large := exported(t, firstEHR, 10), exported(t, secondEHR, pieceSize+pieceSize/2)
	var came bytes.Buffer
	var asked []string
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /rest/admin/ehr/{id}/import/{upload}/{n}", func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, "piece "+r.PathValue("n")+" of "+r.PathValue("id"))
		if n, err := io.Copy(&came, r.Body); err != nil || n > pieceSize+64<<10 {
			t.Errorf("a piece of %d bytes: %v", n, err)
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /rest/admin/ehr/import", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		asked = append(asked, q.Get("mode")+" dry_run="+q.Get("dry_run")+" ehr_id="+q.Get("ehr_id"))
		if q.Get("mode") == "copy" {
			w.WriteHeader(http.StatusConflict)
			_, _ = io.WriteString(w, `{"message":"it is here already"}`)
			return
		}
		_, _ = io.Copy(&came, r.Body)
		w.WriteHeader(http.StatusCreated)
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	both := string(small) + string(large)
	for _, c := range []struct {
		name, mode, file string
		dry              bool
		asked            string
		fails            string
	}{
		{name: "one", mode: "restore", file: string(small), asked: "restore dry_run=false ehr_id="},
		{name: "dry run", mode: "move", dry: true, file: string(small), asked: "move dry_run=true ehr_id="},
		{name: "a large one behind it", mode: "move", file: both,
			asked: "move dry_run=false ehr_id=|piece 0 of " + secondEHR + "|piece 1 of " + secondEHR + "|move dry_run=false ehr_id=" + secondEHR},
		{name: "without the last line end", mode: "restore", file: strings.TrimSuffix(string(small), "\n"), asked: "restore dry_run=false ehr_id="},
		{name: "refused", mode: "copy", file: string(small) + string(small), asked: "copy dry_run=false ehr_id=", fails: "EHR " + firstEHR + ", after 0 that came in: 409: it is here already"},
		{name: "no export", mode: "move", file: "hello\n", fails: "a record, after 0 that came in: this is no export"},
		{name: "something behind it", mode: "move", file: string(small) + "hello\n", asked: "move dry_run=false ehr_id=", fails: "a record, after 1 that came in: this is no export"},
		{name: "nothing", mode: "move", fails: "the file holds no export"},
	} {
		t.Run(c.name, func(t *testing.T) {
			asked = nil
			came.Reset()
			file := filepath.Join(t.TempDir(), "in")
			if err := os.WriteFile(file, []byte(c.file), 0o600); err != nil {
				t.Fatal(err)
			}
			err := importCommand{Server: remote{URL: server.URL}, Mode: c.mode, DryRun: c.dry, File: file}.Run(context.Background())
			if c.fails == "" && err != nil || c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)) {
				t.Errorf("got %v, want %q", err, c.fails)
			}
			if got := strings.Join(asked, "|"); got != c.asked {
				t.Errorf("asked %s, want %s", got, c.asked)
			}
			if c.fails == "" && came.String() != c.file {
				t.Errorf("%d bytes came, %d were sent", came.Len(), len(c.file))
			}
		})
	}
}
