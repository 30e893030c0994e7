package simplified_test

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/simplified"
	"github.com/quire-cdr/quire/internal/simplified/example"
	"github.com/quire-cdr/quire/internal/simplified/syntax"
)

// FuzzFlat and FuzzStructured: whatever is sent, the answer is a composition that
// can be written again or a fault of the caller.
func FuzzFlat(f *testing.F) {
	for _, row := range spellings {
		f.Add([]byte(`{"ctx/language":"en","ctx/territory":"GB","ctx/composer_name":"A",` + members(row.at, row.sent) + `}`))
	}
	fuzz(f, simplified.Flat)
}

func FuzzStructured(f *testing.F) {
	tpl := everyType(f)
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 0))
		f.Add(syntax.WriteStructured(example.Document(tpl.Web, example.Options{Pick: random.IntN, Sparse: true})))
	}
	f.Add([]byte(`{"ctx":{"language":"en","generic_fields":{"a":[1]}},"every_type":{"reading":{"any_event":[{"duration":[{"month":"2"}],"text|code":"1"}]}}}`))
	fuzz(f, simplified.Structured)
}

// TestTwoDocuments: the keys of two documents together choose several data types
// of one node, and more; what is accepted can be read from the store again.
func TestTwoDocuments(t *testing.T) {
	tpl := everyType(t)
	accepted, refused := 0, 0
	for seed := range uint64(300) {
		var documents [2]map[string]json.RawMessage
		for i := range documents {
			random := rand.New(rand.NewPCG(seed, uint64(i)))
			text := syntax.WriteFlat(example.Document(tpl.Web, example.Options{Pick: random.IntN, Sparse: true}))
			if err := json.Unmarshal(text, &documents[i]); err != nil {
				t.Fatal(err)
			}
		}
		maps.Copy(documents[0], documents[1])
		text, err := json.Marshal(documents[0])
		if err != nil {
			t.Fatal(err)
		}
		tree, err := tpl.Read(text, simplified.Flat, now)
		if err != nil {
			refused++
			continue
		}
		accepted++
		if err := readable(tree); err != nil {
			t.Errorf("seed %d: %s", seed, report(err))
		}
	}
	if accepted == 0 || refused == 0 {
		t.Errorf("%d accepted, %d refused", accepted, refused)
	}
}

// readable says whether what would be stored can be read from the store.
func readable(tree *rm.Tree) error {
	_, err := canon.ReadStored(canon.WriteJSON(nil, tree, tree.Root()))
	return err
}

func fuzz(f *testing.F, format simplified.Format) {
	tpl := everyType(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		tree, err := tpl.Read(data, format, now)
		if err != nil {
			if fault.Of(err).Kind == fault.Internal {
				t.Fatal(err)
			}
			return
		}
		if err := readable(tree); err != nil {
			t.Fatal(report(err))
		}
		out, err := tpl.Write(tree, simplified.Flat)
		if fault.Is(err, fault.Unprocessable) {
			return // canonical JSON of another template
		}
		if err != nil {
			t.Fatal(err)
		}
		again, err := tpl.Read(out, simplified.Flat, now)
		if err != nil {
			t.Fatal(report(err))
		}
		if diff := difference(facts(tree), facts(again)); diff != "" {
			t.Fatal(diff)
		}
	})
}
