package rest

import (
	"testing"

	"github.com/quire-cdr/quire/internal/cdr"
)

// Whatever a header holds, it is tags or a fault, and tags have keys.
func FuzzParseTags(f *testing.F) {
	for _, seed := range []string{``, `key="a"`, `key="a",value="b;c,d",target_path="/x"; key=b`, `key="\"",value="\\"`, `;;`, `value="x"`, `key="a`, `key=a,key=b`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		tags, err := parseTags(header)
		if err != nil {
			return
		}
		if tags, err = cdr.CheckTags(tags); err != nil {
			return
		}
		for _, tag := range tags {
			if tag.Key == "" || tag.Value != nil && *tag.Value == "" || tag.Path != "" && tag.Path[0] != '/' {
				t.Errorf("%q gives %+v", header, tag)
			}
		}
	})
}

func TestSplitUnquoted(t *testing.T) {
	for text, want := range map[string]int{"": 1, "a;b": 2, `"a;b";c`: 2, `"a\";b";c`: 2, `a;`: 2} {
		if got := splitUnquoted(text, ';'); len(got) != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}
