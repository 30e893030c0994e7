package simplified_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/simplified"
	"github.com/quire-cdr/quire/internal/simplified/syntax"
)

// losses lists the keys of a document whose value does not come back at them.
// What ctx says comes back elsewhere: TestContextKeys has the table.
func losses(t *testing.T, tpl *simplified.Template, doc []byte, f simplified.Format, tree *rm.Tree) []string {
	t.Helper()
	read := syntax.ReadFlat
	if f == simplified.Structured {
		read = syntax.ReadStructured
	}
	items, err := read(doc)
	if err != nil {
		t.Fatal(err)
	}
	written, err := tpl.Write(tree, simplified.Flat)
	if err != nil {
		t.Fatal(err)
	}
	var have, sent map[string]any
	if err := json.Unmarshal(written, &have); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(syntax.WriteFlat(items), &sent); err != nil {
		t.Fatal(err)
	}
	back := map[string]any{}
	for key, value := range have {
		back[plainKey(key)] = value
	}
	var out []string
	for key, value := range sent {
		if strings.HasPrefix(key, "ctx/") || strings.Contains(key, "|raw") {
			continue
		}
		other, found := back[plainKey(key)]
		if found && (sameValue(value, other) || fmt.Sprint(value) == fmt.Sprint(other)) || explained(key, value, other, back) {
			continue
		}
		out = append(out, fmt.Sprintf("%s = %v (%v)", key, value, other))
	}
	return out
}

// zeroIndex is the index that may be left out; whatever stands once has it.
var zeroIndex = regexp.MustCompile(`:0(/|\||$)`)

// otherSpellings are the keys that are read and not written, with those written.
var otherSpellings = strings.NewReplacer(
	"/context/end_time", "/context/_end_time", "/context/location", "/context/_location", "/context/health_care_facility", "/context/_health_care_facility",
	"|units", "|unit", "|media_type", "|mediatype", "/relationship", "/_relationship", "/provider", "/_provider",
	"|identifiers_id", "/_identifier", "|value2", "|value",
)

func plainKey(key string) string {
	for zeroIndex.MatchString(key) {
		key = zeroIndex.ReplaceAllString(key, "$1")
	}
	return strings.NewReplacer("/__", "/_").Replace(otherSpellings.Replace(key))
}

// explained are the values that come back in another form, each with its reason.
func explained(key string, sent, back any, all map[string]any) bool {
	at := plainKey(key)
	path, suffix, _ := strings.Cut(at, "|")
	text := fmt.Sprint(sent)
	is := func(suffix string) bool { return fmt.Sprint(all[path+suffix]) == text }
	switch {
	case suffix == "value" && is(""), suffix == "id" && is(""), suffix == "" && is("|magnitude"), suffix == "magnitude" && is(""):
		return true // a value with and without its suffix
	case suffix == "" && (is("|code") || is("|value") || is("|ordinal")):
		return true // a code or its label alone
	case suffix == "" && strings.Contains(text, "::"):
		return strings.Contains(text, fmt.Sprint(all[path+"|code"])) // terminology::code::label
	case strings.Contains(text, fmt.Sprint(back)) && strings.HasSuffix(text, ".0"):
		return true // a whole number written with a fraction
	case suffix == "_type" || strings.HasSuffix(suffix, "_included") || strings.HasSuffix(suffix, "_unbounded"):
		return true // what the keys and bounds imply
	case suffix == "type" || suffix == "id_type" || suffix == "namespace" || suffix == "id_namespace":
		return back == nil // the type or namespace that a reference has without it
	case suffix == "terminology_id" && text == "local" && all[path+"|ordinal"] != nil:
		return true // the terminology that an ordinal has without it
	}
	return false
}
