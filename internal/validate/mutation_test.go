package validate_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/testkit/fixtures"
	"github.com/quire-cdr/quire/internal/validate"
)

// pointers lists the JSON pointer of every member of a document together with
// the RM path of the object that holds it.
func pointers(doc any, pointer, path string, visit func(pointer, holder string)) {
	switch node := doc.(type) {
	case map[string]any:
		for key, child := range node {
			if key == "_type" {
				continue
			}
			holder := path
			if key == "archetype_node_id" && strings.Contains(path, "[") {
				holder = path[:strings.LastIndex(path, "[")] // without its code the holder is found by its place
			}
			visit(pointer+"/"+key, holder)
			pointers(child, pointer+"/"+key, path+"/"+key+code(child), visit)
		}
	case []any:
		for i, child := range node {
			visit(pointer+"/"+strconv.Itoa(i), path)
			pointers(child, pointer+"/"+strconv.Itoa(i), path+code(child), visit)
		}
	}
}

func code(doc any) string {
	if node, ok := doc.(map[string]any); ok {
		if id, ok := node["archetype_node_id"].(string); ok {
			return "[" + id
		}
	}
	return ""
}

// bare drops predicates' ends and occurrences, so that paths compare by prefix.
func bare(path string) string {
	parts := strings.Split(path, "]")
	for i, p := range parts {
		if at := strings.LastIndex(p, ", "); at > strings.LastIndex(p, "[") {
			parts[i] = p[:at]
		}
		if at := strings.LastIndex(parts[i], "["); at >= 0 && isNumber(parts[i][at+1:]) {
			parts[i] = parts[i][:at]
		}
	}
	return strings.Join(parts, "")
}

func isNumber(s string) bool { _, err := strconv.Atoi(s); return err == nil }

// TestRemovalsAreNamed removes every member of valid documents in turn: what is
// refused must be named at the place, and nothing may crash.
func TestRemovalsAreNamed(t *testing.T) {
	tpl := visit(t)
	refused, namedAt := 0, 0
	pointers(decode(t, []byte(visitDocument)), "", "", func(pointer, holder string) {
		doc := applyPatch(t, decode(t, []byte(visitDocument)), []patchStep{{Op: "remove", Path: pointer}})
		status, issues := commitStatus(encode(t, doc), tpl, validate.Options{})
		if status != 422 {
			return
		}
		refused++
		for _, issue := range issues {
			if !issue.Warning && strings.HasPrefix(bare(issue.Path)+"/", strings.TrimSuffix(holder, "/")) {
				namedAt++
				return
			}
		}
		t.Logf("%s is refused elsewhere:\n%s", pointer, brief(issues))
	})
	t.Logf("%d refused, %d named at their place", refused, namedAt)
	if refused < 20 || namedAt*10 < refused*9 {
		t.Errorf("%d of %d refusals name the place", namedAt, refused)
	}
}

// TestRemovalsFromRealDocuments does the same with the fixtures.
func TestRemovalsFromRealDocuments(t *testing.T) {
	dir := fixtures.Dir(t, "openehr", "compositions", "validation")
	refused, namedAt := 0, 0
	for _, name := range []string{"Test_all_types_v2", "Test_dv_quantity_open_constraint.v0"} {
		tpl := compile(t, readFile(t, dir, "opt", name+".opt"))
		text := readFile(t, dir, "base", name+"__.json")
		pointers(decode(t, text), "", "", func(pointer, holder string) {
			doc := applyPatch(t, decode(t, text), []patchStep{{Op: "remove", Path: pointer}})
			status, issues := commitStatus(encode(t, doc), tpl, validate.Options{})
			if status != 422 {
				return
			}
			refused++
			for _, issue := range issues {
				if !issue.Warning && strings.HasPrefix(bare(issue.Path)+"/", holder) {
					namedAt++
					return
				}
			}
			t.Logf("%s is refused elsewhere:\n%s", pointer, brief(issues))
		})
	}
	t.Logf("%d refused, %d named at their place", refused, namedAt)
	if namedAt*10 < refused*9 {
		t.Errorf("%d of %d refusals name the place", namedAt, refused)
	}
}
