package pdf

import (
	"bytes"
	"compress/zlib"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm/canon"
)

var source = Source{
	EHR: "7d44b88c-4199-4bad-97dc-d78268e01398", Subject: "NHS number 999 000 0018", VersionUID: "8849182c-82ad-4088-a07f-48ead4180515::quire.local::2",
	System: "quire.local", Lifecycle: "complete", Committer: "Dr A. Example", Committed: time.Date(2026, 11, 22, 9, 30, 5, 0, time.UTC), Printed: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC),
}

func printed(t testing.TB, document []byte) []byte {
	t.Helper()
	s := source
	s.Document = document
	var out bytes.Buffer
	if err := Print(&out, s); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

var (
	streams = regexp.MustCompile(`(?s)/Length (\d+)[^\n]*>>\nstream\n`)
	shown   = regexp.MustCompile(`(?s)\(((?:[^\\)]|\\.)*)\) ?Tj`)
)

// drawn reads the texts of a PDF in the order they are drawn, a page apart by a
// form feed, as the writer's own encoding has them.
func drawn(t testing.TB, file []byte) string {
	t.Helper()
	var b strings.Builder
	for _, m := range streams.FindAllSubmatchIndex(file, -1) {
		r, err := zlib.NewReader(bytes.NewReader(file[m[1]:]))
		if err != nil {
			continue
		}
		text, err := io.ReadAll(r)
		if err != nil || !bytes.Contains(text, []byte("Tj")) {
			continue
		}
		for _, s := range shown.FindAllSubmatch(text, -1) {
			raw := unescape(s[1])
			units := make([]uint16, len(raw)/2)
			for n := range units {
				units[n] = uint16(raw[2*n])<<8 | uint16(raw[2*n+1])
			}
			b.WriteString(string(utf16.Decode(units)) + "\n")
		}
		b.WriteByte('\f')
	}
	return b.String()
}

func unescape(s []byte) []byte {
	var out []byte
	for n := 0; n < len(s); n++ {
		if s[n] == '\\' && n+1 < len(s) {
			n++
			switch s[n] {
			case 'r':
				out = append(out, '\r')
				continue
			case 'n':
				out = append(out, '\n')
				continue
			}
		}
		out = append(out, s[n])
	}
	return out
}

func examples(t testing.TB) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	paths, err := filepath.Glob(filepath.Join("..", "..", "templates", "examples", "*.json"))
	if err != nil || len(paths) < 40 {
		t.Fatalf("%d examples, %v", len(paths), err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		tree, err := canon.ReadJSON(text, 0, canon.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(path)] = canon.WriteJSON(nil, tree, tree.Root())
	}
	return out
}

func TestWhatIsPrintedIsInsideToTheByte(t *testing.T) {
	for name, document := range examples(t) {
		file := printed(t, document)
		back, err := Attached(file, 20<<20)
		if err != nil || !bytes.Equal(back, document) {
			t.Errorf("%s: %v, %d bytes of %d", name, err, len(back), len(document))
		}
	}
}

func TestFixtureCompositionsAreInsideToTheByte(t *testing.T) {
	root := filepath.Join("..", "..", "..", "shared", "fixtures")
	if _, err := os.Stat(root); err != nil {
		t.Skip("the fixtures are not here")
	}
	n := 0
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".json") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(text[:min(len(text), 400)], []byte(`"COMPOSITION"`)) {
			return err
		}
		tree, err := canon.ReadJSON(text, 0, canon.ReadOptions{})
		if err != nil {
			return nil // a fixture of what must not be read
		}
		n++
		document := canon.WriteJSON(nil, tree, tree.Root())
		if back, err := Attached(printed(t, document), 20<<20); err != nil || !bytes.Equal(back, document) {
			t.Errorf("%s: %v", filepath.Base(path), err)
		}
		return nil
	})
	if err != nil || n < 10 {
		t.Errorf("%d compositions, %v", n, err)
	}
	t.Logf("%d fixture compositions came back to the byte", n)
}

func TestAPageSaysWhoWhatAndWhen(t *testing.T) {
	file := printed(t, examples(t)["vital_signs_full.json"])
	text := drawn(t, file)
	for _, want := range []string{
		"Systolic", " mm[Hg]", "Time of the event", "Start of the encounter", "Stored at", "22 November 2026 09:30:05 +00:00", "Stored by", "Dr A. Example",
		"Printed at 22 November 2026 10:00:00 +00:00. The composition is attached as composition.json.", "Page 1 of ", source.VersionUID, "NHS number 999 000 0018",
		"Vital signs observations.v1", "system quire.local",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q on the page:\n%.3000s", want, text)
		}
	}
	if !bytes.Equal(file, printed(t, examples(t)["vital_signs_full.json"])) {
		t.Error("the same composition at the same time is another file")
	}
	for _, want := range []string{"/FontFile2", "/Metadata", "/EmbeddedFiles", "/Lang (en"} {
		if !bytes.Contains(file, []byte(want)) {
			t.Errorf("the file has no %s", want)
		}
	}
}

// TestOthersReadTheSame asks software that is not ours, where it is installed.
func TestOthersReadTheSame(t *testing.T) {
	path, err := exec.LookPath("pdftotext")
	if err != nil {
		t.Skip("pdftotext is not installed")
	}
	file := printed(t, note("µg, ≥ 5, Ω; Ёлка; ἐλπίς; 漢", 3))
	command := exec.Command(path, "-layout", "-", "-")
	command.Stdin = bytes.NewReader(file)
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"µg, ≥ 5, Ω; Ёлка; ἐλπίς; [U+6F22]", "Page 1 of 1", "Synopsis"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("pdftotext reads no %q:\n%s", want, out)
		}
	}
}

// note is a composition of n answers with a text.
func note(text string, n int) []byte {
	var b strings.Builder
	b.WriteString(`{"_type":"COMPOSITION","name":{"_type":"DV_TEXT","value":"Note"},"archetype_node_id":"openEHR-EHR-COMPOSITION.encounter.v1",` +
		`"language":{"_type":"CODE_PHRASE","terminology_id":{"_type":"TERMINOLOGY_ID","value":"ISO_639-1"},"code_string":"en"},` +
		`"composer":{"_type":"PARTY_IDENTIFIED","name":"A"},"content":[{"_type":"EVALUATION","name":{"_type":"DV_TEXT","value":"Summary"},"archetype_node_id":"openEHR-EHR-EVALUATION.clinical_synopsis.v1",` +
		`"data":{"_type":"ITEM_TREE","name":{"_type":"DV_TEXT","value":"List"},"archetype_node_id":"at0001","items":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		quoted, err := json.Marshal(fmt.Sprintf("%s %d", text, i))
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(&b, `{"_type":"ELEMENT","name":{"_type":"DV_TEXT","value":"Synopsis"},"archetype_node_id":"at0002","value":{"_type":"DV_TEXT","value":%s}}`, quoted)
	}
	return []byte(b.String() + `]}}]}`)
}

func TestNothingVanishes(t *testing.T) {
	tests := []struct{ in, want string }{
		{"µ ≥ Ω ½ °C", "µ ≥ Ω ½ °C"}, {"Ёлка", "Ёлка"}, {"λόγος", "λόγος"},
		{"漢字", "[U+6F22][U+5B57]"}, {"\U0001F600", "[U+1F600]"}, {"a\u0007b", "a[U+0007]b"},
		{"ends\\(in) \\", "ends\\(in) \\"}, {"{pages} {nb}", "{nb}"},
	}
	for _, test := range tests {
		if text := drawn(t, printed(t, note(test.in, 1))); !strings.Contains(text, test.want) {
			t.Errorf("%q is not printed as %q: %.900s", test.in, test.want, text)
		}
	}
	// A word longer than its line is broken, and none of it is lost.
	long := strings.Repeat("abcdefghij", 60)
	text := drawn(t, printed(t, note(long, 1)))
	if got := strings.Join(strings.Fields(text), ""); !strings.Contains(got, long) {
		t.Errorf("a long word is not whole: %.600s", got)
	}
	prose := strings.TrimSpace(strings.Repeat("The quick brown fox jumps over the lazy dog, twice. ", 30))
	if got := strings.Join(strings.Fields(drawn(t, printed(t, note(prose, 1)))), " "); !strings.Contains(got, prose) {
		t.Errorf("prose is not whole: %.900s", got)
	}
}

func TestAHundredPagesTakeLittleMemory(t *testing.T) {
	document := note("A finding that takes up some room on its page, since it has a sentence to itself, and then another sentence", 2700)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	file := printed(t, document)
	took := time.Since(began)
	runtime.ReadMemStats(&after)
	pages := strings.Count(drawn(t, file), "Page ")
	if pages < 100 {
		t.Fatalf("%d pages", pages)
	}
	all := (after.TotalAlloc - before.TotalAlloc) >> 20
	t.Logf("%d pages, %d KB, %v, %d MB allocated in all", pages, len(file)>>10, took.Round(time.Millisecond), all)
	if all > 400 {
		t.Errorf("%d MB were allocated for %d pages", all, pages)
	}
	if text := drawn(t, file); !strings.Contains(text, fmt.Sprintf("Page %d of %d", pages, pages)) {
		t.Error("the last page does not say that it is")
	}
	if back, err := Attached(file, 20<<20); err != nil || !bytes.Equal(back, document) {
		t.Error(err)
	}
}

func TestAttachedRefuses(t *testing.T) {
	file := printed(t, note("x", 1))
	at := embedded.FindIndex(file)
	flipped := bytes.Clone(file)
	flipped[at[1]+20] ^= 1
	tests := map[string][]byte{
		"no PDF": []byte("{}"), "empty": nil, "without attachment": bytes.Replace(file, []byte("/Type /EmbeddedFile"), []byte("/Type /XmbeddedFile"), 1),
		"damaged": flipped, "cut": file[:at[1]+10], "twice": append(bytes.Clone(file), file[at[0]:]...),
	}
	for name, file := range tests {
		if _, err := Attached(file, 1<<20); fault.Of(err) == nil || !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Attached(file, 10); !fault.Is(err, fault.TooLarge) {
		t.Errorf("over the limit: %v", err)
	}
}

func FuzzAttached(f *testing.F) {
	f.Add(printed(f, note("x", 1)))
	f.Add([]byte("%PDF-1.4\n<< /Type /EmbeddedFile /Length 3 /Filter /FlateDecode /Params << /CheckSum <00000000000000000000000000000000> /Size 99999 >> >>\nstream\nabc"))
	f.Fuzz(func(t *testing.T, file []byte) {
		if text, err := Attached(file, 1<<20); err == nil && len(text) > 1<<20 {
			t.Errorf("%d bytes", len(text))
		}
	})
}
