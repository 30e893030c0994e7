package sdc

import "testing"

func TestParentPath(t *testing.T) {
	for path, want := range map[string]string{
		"/a/b":                              "/a",
		"/a":                                "",
		"/a[at0001, 'x / y']/b[at0002]":     "/a[at0001, 'x / y']",
		`/a[at0001, 'it\'s / here']`:        "",
		"/a[at0001 and name/value='n']/b/c": "/a[at0001 and name/value='n']/b",
	} {
		if got := parentPath(path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

func TestNameless(t *testing.T) {
	for path, want := range map[string]string{
		"/a[at0001, 'x / y']/b[at0002]":    "/a[at0001]/b[at0002]",
		`/a[at0001, 'it\'s ] here']/value`: "/a[at0001]/value",
		"/context/start_time":              "/context/start_time",
	} {
		if got := nameless(path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

// TestEveryItemIsFoundByItsPath: an issue about a node names the item that asks
// for it, also an issue about something below.
func TestEveryItemIsFoundByItsPath(t *testing.T) {
	for id, o := range ours(t) {
		for _, item := range o.form.byLinkID {
			path := o.form.Path(item)
			if path == "" {
				continue
			}
			for _, p := range []string{path, nameless(path)} {
				if got := o.form.At(p); o.form.Path(got) != path && nameless(o.form.Path(got)) != nameless(path) {
					t.Errorf("%s: %s leads to %s", id, p, got.LinkID)
				}
			}
			if item.Kind == Question {
				if got := o.form.At(path + "/value/magnitude"); got != item && o.form.Path(got) != path {
					t.Errorf("%s: a value below %s leads to %s", id, path, got.LinkID)
				}
			}
		}
		if o.form.At("/nowhere[at0001]") != o.form.Root || o.form.At("") != o.form.Root {
			t.Errorf("%s: what no item asks for is not the root's", id)
		}
	}
}

func BenchmarkQuestionnaire(b *testing.B) {
	for id, o := range ours(b) {
		b.Run("build/"+id, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Build(o.form.Template)
			}
		})
		b.Run("write/"+id, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				o.form.Questionnaire(Rendering{ID: "x", URL: "x", Version: "1"})
			}
		})
	}
}
