package telemetry

import (
	"fmt"
	"io"
	"log/slog"
	"unicode/utf8"
)

// Log formats.
const (
	JSON = "json"
	Text = "text"
)

// never are attribute keys whose values could tell of a person; their values are
// replaced, whoever logs them.
var never = map[string]bool{
	"path": true, "url": true, "uri": true, "query": true, "query_string": true, "aql": true, "sql": true,
	"args": true, "arguments": true, "parameters": true, "body": true, "detail": true, "authorization": true, "token": true,
	"password": true, "subject_id": true, "nhs_number": true,
}

// longest is the length of a text from which it is cut: an error that quotes a
// document must not write it out.
const longest = 2000

// NewLogger writes one line a record. level may be changed while it is in use.
func NewLogger(w io.Writer, format string, level slog.Leveler) (*slog.Logger, error) {
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: scrub}
	switch format {
	case JSON, "":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	case Text:
		return slog.New(slog.NewTextHandler(w, options)), nil
	}
	return nil, fmt.Errorf("log format %q: json and text are known", format)
}

func scrub(_ []string, a slog.Attr) slog.Attr {
	if never[a.Key] {
		return slog.String(a.Key, "[not logged]")
	}
	limit := longest
	if a.Key == "stack" {
		limit *= 10
	}
	var text string
	switch value := a.Value.Any().(type) {
	case string:
		text = value
	case error:
		text = value.Error()
	default:
		return a
	}
	if len(text) <= limit {
		return a
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return slog.String(a.Key, text[:limit]+"...")
}
