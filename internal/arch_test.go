// Package internal_test holds the tests of the house itself: which package may
// import which, and how large things may grow.
package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const module = "github.com/quire-cdr/quire/"

// floors names the floor of each package below internal by its first path
// segment; "core" is pure, "app" holds the use cases, "adapter" meets the world.
var floors = map[string]string{
	"fault": "core", "access": "core", "rm": "core", "terminology": "core", "ucum": "core", "aom": "core", "adl": "core",
	"opt": "core", "template": "core", "validate": "core", "simplified": "core", "aql": "core", "fhir": "core", "sdc": "core",
	"hl7v2": "core", "pdf": "core", "demo": "core", "seal": "core",
	"cdr":      "app",
	"postgres": "adapter", "keto": "adapter", "authn": "adapter", "rest": "adapter", "telemetry": "adapter", "config": "adapter",
	"embedded": "adapter", "fhirterm": "adapter", "outbound": "adapter", "webhook": "adapter", "mllp": "adapter",
	"testkit": "wiring", "bench": "wiring",
}

// coreMay lists what core packages import beyond the standard library and each other.
var coreMay = map[string]string{
	"github.com/go-json-experiment/json/jsontext": "",
	"github.com/cockroachdb/apd/v3":               "aql rm validate template sdc ucum fhir",
	"github.com/gofrs/uuid/v5":                    "",
	"github.com/tidwall/gjson":                    "",
	"codeberg.org/go-pdf/fpdf":                    "pdf",
	"go.yaml.in/yaml/v3":                          "template sdc hl7v2",
	module + "templates":                          "demo",
}

// larger packages have a reason.
var larger = map[string]string{
	"adl":          "the lexer, ODIN, cADL, validity checks and printer of one language share tokens and places",
	"aql":          "lexer, tree, parser, checks and printer of one language share its tokens and positions",
	"aql/sqlgen":   "one file a part of a statement; the parts share one generator: its arguments, aliases and laterals",
	"cdr/form":     "one file an act on forms; the acts share what a submission says, the person it is about and how it is judged",
	"cdr":          "one file a noun; the nouns share authorization, audit and versioning, and are one reading",
	"sdc":          "a form, its responses and the way back read one table of items; both directions of each type stand together",
	"rest/fhir":    "one file a resource; the resources share formats, pages and headers, and one statement says what all of them do",
	"rest/openehr": "one file a noun of the specification's API; the nouns share formats, headers and answers",
	"validate":     "one file a family of rules; the families share one walk of the tree and one list of findings",
	"postgres":     "one file a noun; the nouns share pools, the pipeline, settings and the translation of errors",
}

// coreMayNot is the standard library that would be I/O.
var coreMayNot = regexp.MustCompile(`^(net|net/http|net/http/.*|database/sql|os/exec|os/signal)$`)

// only says which packages may know a library.
var only = []struct{ prefix, packages string }{
	{"github.com/jackc/pgx", "postgres testkit bench"},
	{"github.com/pressly/goose", "postgres testkit"},
	{"github.com/gofiber/", "rest bench"},
	{"github.com/valyala/fasthttp", "rest bench"},
	{"github.com/ory/", "keto testkit"},
	{"github.com/testcontainers/", "testkit"},
}

type file struct {
	path, floor, pkg string // pkg is the first segment below internal
	dir              string // folder below internal
	test, generated  bool
	ast              *ast.File
	lines            int
}

func files(t *testing.T) []file {
	t.Helper()
	var out []file
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			if d != nil && d.IsDir() && d.Name() == "testdata" {
				return fs.SkipDir
			}
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(path))
		if dir == "." {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), path, text, parser.ParseComments)
		if err != nil {
			return err
		}
		pkg := strings.SplitN(dir, "/", 2)[0]
		out = append(out, file{
			path: path, dir: dir, pkg: pkg, floor: floors[pkg], test: strings.HasSuffix(path, "_test.go"),
			generated: ast.IsGenerated(parsed), ast: parsed, lines: strings.Count(string(text), "\n"),
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func has(list, word string) bool {
	for _, w := range strings.Fields(list) {
		if w == word {
			return true
		}
	}
	return false
}

func TestImportsGoOneWay(t *testing.T) {
	for _, f := range files(t) {
		if f.floor == "" {
			t.Errorf("%s: package %q stands on no floor of the house; see floors", f.path, f.pkg)
			continue
		}
		// Generators are programs of their own.
		if f.test || f.ast.Name.Name == "main" {
			continue
		}
		for _, spec := range f.ast.Imports {
			imported := strings.Trim(spec.Path.Value, `"`)
			for _, rule := range only {
				if strings.HasPrefix(imported, rule.prefix) && !has(rule.packages, f.pkg) {
					t.Errorf("%s imports %s, which only %s may", f.path, imported, rule.packages)
				}
			}
			own, inside := strings.CutPrefix(imported, module+"internal/")
			target := strings.SplitN(own, "/", 2)[0]
			switch f.floor {
			case "core":
				if inside && floors[target] != "core" {
					t.Errorf("%s is core and imports %s", f.path, imported)
				}
				if coreMayNot.MatchString(imported) {
					t.Errorf("%s is core and imports %s", f.path, imported)
				}
				if !inside && strings.Contains(strings.SplitN(imported, "/", 2)[0], ".") {
					who, listed := coreMay[imported]
					if !listed || who != "" && !has(who, f.pkg) {
						t.Errorf("%s is core and imports %s, which is not on its list", f.path, imported)
					}
				}
			case "app":
				if inside && floors[target] != "core" && target != "cdr" {
					t.Errorf("%s holds use cases and imports %s", f.path, imported)
				}
			case "adapter":
				if inside && floors[target] != "core" && floors[target] != "app" && target != f.pkg {
					t.Errorf("%s is an adapter and imports %s", f.path, imported)
				}
			}
		}
	}
}

func TestNothingGrowsTooLarge(t *testing.T) {
	total := map[string]int{}
	for _, f := range files(t) {
		if f.test || f.generated {
			continue
		}
		if total[f.dir] += f.lines; f.lines > 600 {
			t.Errorf("%s has %d lines; 600 is the wall", f.path, f.lines)
		}
	}
	for dir, lines := range total {
		if lines > 2500 && larger[dir] == "" {
			t.Errorf("internal/%s has %d lines; 2,500 is the wall", dir, lines)
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	dirs, said := map[string]bool{}, map[string]bool{}
	for _, f := range files(t) {
		if f.ast.Name.Name == "main" || f.test {
			continue
		}
		dirs[f.dir] = true
		if filepath.Base(f.path) == "doc.go" && f.ast.Doc != nil {
			said[f.dir] = true
		}
	}
	for dir := range dirs {
		if !said[dir] {
			t.Errorf("internal/%s has no doc.go with a package comment", dir)
		}
	}
}

// TestGoroutinesHaveOwners: a bare go statement has nobody who waits for it.
// The few files listed own theirs by a done channel they close.
func TestGoroutinesHaveOwners(t *testing.T) {
	owned := map[string]bool{"embedded": true, "testkit": true}
	for _, f := range files(t) {
		if f.test || owned[f.pkg] {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if _, bare := n.(*ast.GoStmt); bare {
				t.Errorf("%s has a bare go statement; use an errgroup", f.path)
			}
			return true
		})
	}
}

// TestFiberBodiesAreBounded: Ctx.Body inflates without a limit.
func TestFiberBodiesAreBounded(t *testing.T) {
	for _, f := range files(t) {
		if f.pkg != "rest" || f.test {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if sel, ok := call.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Body" && len(call.Args) == 0 {
				if id, ok := sel.X.(*ast.Ident); ok && (id.Name == "c" || id.Name == "ctx") {
					t.Errorf("%s calls %s.Body(); use the bounded decoder", f.path, id.Name)
				}
			}
			return true
		})
	}
}

// recordTable is a record table's name after FROM or JOIN.
var recordTable = regexp.MustCompile(`\b(?i:from|join)\s+(?:public\.)?(version|node|leaf|ehr|ehr_subject|contribution|folder_item|item_tag)\b`)

// TestRecordTablesAreReadThroughScan: access.Scan is the only writer of a record
// table's name after FROM or JOIN ("delete from" is a write).
func TestRecordTablesAreReadThroughScan(t *testing.T) {
	exempt := map[string]bool{"access/scan.go": true}
	for _, f := range files(t) {
		if f.test || exempt[filepath.ToSlash(f.path)] || floors[f.pkg] == "wiring" {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			text := regexp.MustCompile(`(?i)delete\s+from\s+\w+`).ReplaceAllString(lit.Value, "")
			if m := recordTable.FindString(text); m != "" && regexp.MustCompile(`(?i)\b(select|exists|update|insert|using|with)\b`).MatchString(text) {
				t.Errorf("%s: %q names a record table without access.Scan", f.path, m)
			}
			return true
		})
	}
}
