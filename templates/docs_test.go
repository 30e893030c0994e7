package templates_test

import (
	"context"
	"iter"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/aql/eval"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/templates"
)

// aqlBlock is a query shown in a page.
var aqlBlock = regexp.MustCompile("(?s)```aql\n(.*?)```")

// record is one EHR that holds the examples of a template.
type record []eval.Document

func (r record) EHRs(context.Context, eval.Need) iter.Seq2[*eval.EHR, error] {
	return func(yield func(*eval.EHR, error) bool) {
		yield(&eval.EHR{ID: "7d44b88c-4199-4bad-97dc-d78268e01398", Documents: r}, nil)
	}
}

// Each template has a page; the query it shows finds something in the examples,
// and no column of it is empty throughout.
func TestPagesShowQueriesThatWork(t *testing.T) {
	var want []string
	for _, tpl := range templates.All() {
		page := path.Join("docs", strings.TrimSuffix(path.Base(tpl.File), ".opt")+".md")
		want = append(want, page)
		text, err := os.ReadFile(page)
		if err != nil {
			t.Error(err)
			continue
		}
		queries := aqlBlock.FindAllSubmatch(text, -1)
		if len(queries) == 0 {
			t.Errorf("%s shows no query", page)
		}
		for _, query := range queries {
			checkQuery(t, page, string(query[1]), examples(t, tpl))
		}
	}
	got, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range got {
		source := strings.TrimSuffix(filepath.Base(page), ".md") + ".yaml"
		if _, err := os.Stat(source); err != nil && !slices.Contains(want, filepath.ToSlash(page)) {
			t.Errorf("%s describes no template", page)
		}
	}
}

func examples(t *testing.T, tpl templates.Template) record {
	t.Helper()
	var docs record
	for _, file := range tpl.Examples {
		text, err := templates.FS.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		tree, err := canon.ReadJSON(text, rminfo.COMPOSITION, canon.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, eval.Document{
			VersionUID: file + "::examples::1", Kind: eval.Composition, Tree: tree, TemplateID: tpl.ID, Latest: true, Effective: true,
		})
	}
	return docs
}

func checkQuery(t *testing.T, page, text string, src eval.Source) {
	t.Helper()
	query, err := aql.Parse(text)
	if err != nil {
		t.Errorf("%s: %v", page, err)
		return
	}
	found, err := eval.Run(t.Context(), query, nil, src, eval.Options{})
	if err != nil {
		t.Errorf("%s: %v", page, err)
		return
	}
	if len(found.Rows) == 0 {
		t.Errorf("%s: the query finds nothing in the examples", page)
		return
	}
	for n, column := range found.Columns {
		if !slices.ContainsFunc(found.Rows, func(row []eval.Value) bool { return row[n].Kind != eval.Null }) {
			t.Errorf("%s: column %s is empty in every row", page, column.Name)
		}
	}
}
