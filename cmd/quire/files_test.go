package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestUploadAgain: what is there already stops no upload, and another refusal
// does.
func TestUploadAgain(t *testing.T) {
	var sent []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		sent = append(sent, string(body))
		if code := string(body); code != "new" {
			w.WriteHeader(http.StatusConflict)
			_, _ = io.WriteString(w, `{"message":"no","errors":[{"defining_code":{"code_string":"`+code+`"}}]}`)
		}
	}))
	defer server.Close()
	var files []string
	for _, text := range []string{"template-exists", "new", "template-used", "never"} {
		file := filepath.Join(t.TempDir(), text)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	err := templateUpload{Server: remote{URL: server.URL}, Files: files}.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "409: no") || strings.Join(sent, " ") != "template-exists new template-used" {
		t.Errorf("%v; sent %q", err, sent)
	}
}
