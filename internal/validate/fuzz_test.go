package validate_test

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"sort"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/validate"
)

// FuzzCheck gives the validator whatever the codec lets through.
func FuzzCheck(f *testing.F) {
	f.Add([]byte(visitDocument))
	tpl := visit(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		tree, err := canon.ReadJSON(text, rminfo.COMPOSITION, canon.ReadOptions{Lenient: true})
		if err != nil {
			t.Skip()
		}
		for _, issue := range validate.Check(tree, tpl, validate.Options{}) {
			if issue.Path == "" || issue.Rule == "" || issue.Message == "" {
				t.Fatalf("an issue says nothing: %+v", issue)
			}
		}
	})
}

// FuzzMutants changes a valid document several times at places a seed chooses:
// unlike bytes, what comes of it is mostly a tree. A verdict is the same twice;
// a draft is refused only where the whole document is, and a peer's document
// only where ours is.
func FuzzMutants(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(seed, uint8(seed+1))
	}
	tpl := visit(f)
	f.Fuzz(func(t *testing.T, seed uint64, times uint8) {
		r := rand.New(rand.NewPCG(seed, 2))
		doc := decode(t, []byte(visitDocument))
		for range times%12 + 1 {
			var places []string
			pointers(doc, "", "", func(pointer, _ string) { places = append(places, pointer) })
			if len(places) == 0 {
				return
			}
			sort.Strings(places)
			path := strings.Split(places[r.IntN(len(places))], "/")[1:]
			if value, ok := mutants[r.IntN(len(mutants))].make(r, path[len(path)-1], valueAt(doc, path)); ok {
				doc = edited(doc, path, value)
			}
		}
		text, err := json.Marshal(doc)
		if err != nil {
			t.Skip()
		}
		tree, err := canon.ReadJSON(text, rminfo.COMPOSITION, canon.ReadOptions{Lenient: true})
		if err != nil {
			t.Skip()
		}
		issues := validate.Check(tree, tpl, validate.Options{})
		if again := validate.Check(tree, tpl, validate.Options{}); !reflect.DeepEqual(issues, again) {
			t.Fatalf("two verdicts on %s", text)
		}
		for _, issue := range issues {
			if issue.Path == "" || issue.AQLPath == "" || issue.Rule == "" || issue.Message == "" {
				t.Fatalf("an issue says nothing: %+v of %s", issue, text)
			}
		}
		for name, lenient := range map[string]validate.Options{"draft": {Incomplete: true}, "peer": {EHRbase: true}} {
			if fewer := validate.Check(tree, tpl, lenient); validate.Refused(fewer) && !validate.Refused(issues) {
				t.Fatalf("refused as a %s only: %s\n%s", name, text, brief(fewer))
			}
		}
	})
}
