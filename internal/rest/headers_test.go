package rest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/quire-cdr/quire/internal/cdr"
)

func TestUnquoteTag(t *testing.T) {
	for tag, want := range map[string]string{`"a::b::1"`: "a::b::1", `W/"a::b::1"`: "a::b::1", "a::b::1": "a::b::1", `w/"x"`: "x", "": "", ` "x" `: "x"} {
		if got := unquoteTag(tag); got != want {
			t.Errorf("%s: %q, want %q", tag, got, want)
		}
	}
}

func TestNegotiate(t *testing.T) {
	offers := []string{JSON, XML}
	for accept, want := range map[string]string{
		"": JSON, "*/*": JSON, "application/*": JSON, "application/xml": XML, "text/html": "", "text/*": "",
		"application/json;q=0.1, application/xml": XML, "application/json;q=0, */*": XML, "Application/XML": XML,
		"application/json;q=0": "", "text/html, */*;q=0.1": JSON,
	} {
		if got := negotiate(accept, offers); got != want {
			t.Errorf("%q: %q, want %q", accept, got, want)
		}
	}
}

func TestMergeCommitHeaders(t *testing.T) {
	cases := []struct {
		name, prefix, value string
		want                cdr.CommitInfo
		fails               bool
	}{
		{"two pairs", "", `lifecycle_state.code_string="553",change_type.code_string="250"`, cdr.CommitInfo{Lifecycle: "553", ChangeType: "250"}, false},
		{"quoted runs are opaque", "", `description.value="a, b=\"c\"; d", committer.name="X Y"`, cdr.CommitInfo{Description: `a, b="c"; d`, CommitterName: "X Y"}, false},
		{"external reference", "", `committer.external_ref.id="1", committer.external_ref.namespace="n", committer.external_ref.type="PERSON"`,
			cdr.CommitInfo{CommitterID: "1", CommitterNamespace: "n", CommitterType: "PERSON"}, false},
		{"1.0 name with attribute", "lifecycle_state", `code_string="553"`, cdr.CommitInfo{Lifecycle: "553"}, false},
		{"1.0 name with bare value", "lifecycle_state", "complete", cdr.CommitInfo{Lifecycle: "complete"}, false},
		{"the server's own", "", `time_committed="2020-01-01T00:00:00Z"`, cdr.CommitInfo{}, false},
		{"empty", "", "", cdr.CommitInfo{}, false},
		{"unknown attribute", "", `colour="red"`, cdr.CommitInfo{}, true},
		{"not closed", "", `description.value="abc`, cdr.CommitInfo{}, true},
		{"no value", "", `description.value`, cdr.CommitInfo{}, true},
		{"rubbish after the quote", "", `description.value="a"b`, cdr.CommitInfo{Description: ""}, true},
	}
	for _, c := range cases {
		var got cdr.CommitInfo
		err := merge(&got, c.prefix, c.value)
		if (err != nil) != c.fails {
			t.Errorf("%s: %v", c.name, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" && !c.fails {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func FuzzAttributePairs(f *testing.F) {
	for _, seed := range []string{`a.b="c"`, `a="\\", b=c`, `a=",", `, `"`, `a="`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		pairs, err := attributePairs(header)
		if err != nil {
			return
		}
		// What was read, written canonically, reads the same again.
		var written []string
		for _, p := range pairs {
			written = append(written, p[0]+`="`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(p[1])+`"`)
		}
		again, err := attributePairs(strings.Join(written, ","))
		if err != nil || !cmp.Equal(pairs, again) {
			t.Fatalf("%q read %q, written and read %q (%v)", header, pairs, again, err)
		}
	})
}
