package transfer

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/quire-cdr/quire/internal/fault"
)

// docs are stored texts that must come back byte for byte.
var docs = []string{
	`{"a":1}`, `{ "a" : 1.50 }`, "{\"a\":\n1}", `{"a":"<b>&amp; ☃ \u00e9 \/"}`, "{\"a\":\"\u2028\"}", `{"n":1e400}`, `[]`, `"text"`, `{"broken":`,
}

func sample(t testing.TB, doc string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := NewWriter(&b)
	for _, l := range []Line{
		{Header: &Header{Format: Format, SystemID: "a", EHR: "7d44b88c-4199-4bad-97dc-d78268e01398", Created: time.Unix(1, 5e8).UTC(), Counts: Counts{Contributions: 1, Versions: 1}}},
		{Contribution: &Contribution{ID: "c", System: "a", Audit: Text(doc)}},
		{Version: &Version{Object: "o", Number: 1, Contribution: "c", Audit: Text(doc), Doc: Text(doc)}},
	} {
		if err := w.Write(l); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func all(text []byte) (lines []Line, err error) {
	r := NewReader(bytes.NewReader(text))
	for {
		l, err := r.Next()
		if errors.Is(err, io.EOF) {
			return lines, nil
		}
		if err != nil {
			return lines, err
		}
		lines = append(lines, l)
	}
}

func TestTextsComeBackByteForByte(t *testing.T) {
	for _, doc := range docs {
		export := sample(t, doc)
		if n := bytes.Count(export, []byte{'\n'}); n != 4 {
			t.Errorf("%q: %d lines", doc, n)
		}
		lines, err := all(export)
		if err != nil || len(lines) != 3 {
			t.Fatalf("%q: %d lines, %v", doc, len(lines), err)
		}
		if v := lines[2].Version; string(v.Doc) != doc || string(v.Audit) != doc || string(lines[1].Contribution.Audit) != doc {
			t.Errorf("%q came back as %q", doc, v.Doc)
		}
	}
}

func TestDamageIsSeen(t *testing.T) {
	export := sample(t, docs[3])
	text := string(export)
	for name, c := range map[string]struct{ text, code string }{
		"nothing":      {"", "export-truncated"},
		"a line less":  {text[strings.IndexByte(text, '\n')+1:], "export-damaged"},
		"no last line": {text[:strings.LastIndex(text[:len(text)-1], "\n")+1], "export-truncated"},
		"half a line":  {text[:len(text)-20], "export-truncated"},
		"another byte": {strings.Replace(text, "☃", "☀", 1), "export-damaged"},
		"more":         {text + `{"row":{"table":"x","data":{}}}`, "export-more"},
		"no line":      {"hello\n" + text, "export-form"},
		"two members":  {`{"end":{"lines":0,"sha256":""},"row":{"table":"","data":{}}}` + "\n", "export-form"},
		"unknown":      {`{"patient":{}}` + "\n", "export-form"},
	} {
		if _, err := all([]byte(c.text)); fault.Of(err).Code != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	if _, err := all([]byte(text + "\n\n")); err != nil {
		t.Errorf("blank lines behind the end: %v", err)
	}
}

// Every cut of an export is seen, but the one before the last line break.
func TestEveryTruncationIsSeen(t *testing.T) {
	export := sample(t, docs[0])
	for n := range len(export) - 1 {
		if _, err := all(export[:n]); err == nil {
			t.Fatalf("the first %d of %d bytes are taken for all", n, len(export))
		}
	}
}

// FuzzReader reads anything without a panic; what it takes for whole is written
// again as it was, up to the form of its lines.
func FuzzReader(f *testing.F) {
	for _, doc := range docs {
		f.Add(sample(f, doc))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		lines, err := all(text)
		if err != nil {
			return
		}
		var b bytes.Buffer
		w := NewWriter(&b)
		for _, l := range lines {
			if err := w.Write(l); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.Close(); err != nil {
			t.Fatal(err)
		}
		again, err := all(b.Bytes())
		if err != nil || len(again) != len(lines) {
			t.Fatalf("%d lines, then %d: %v", len(lines), len(again), err)
		}
	})
}
