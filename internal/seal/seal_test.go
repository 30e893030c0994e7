package seal

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

func key(t *testing.T, fill byte) *Key {
	t.Helper()
	k, err := NewKey(bytes.Repeat([]byte{fill}, ShortestSecret))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestAShortSecretIsNoKey(t *testing.T) {
	if _, err := NewKey(make([]byte, ShortestSecret-1)); err == nil {
		t.Error("31 bytes were taken for a key")
	}
}

// root is the definition of RFC 6962, section 2.1, read literally.
func root(leaves [][]byte) []byte {
	switch len(leaves) {
	case 0:
		sum := sha256.Sum256(nil)
		return sum[:]
	case 1:
		return leaves[0]
	}
	k := 1
	for k*2 < len(leaves) {
		k *= 2
	}
	sum := sha256.Sum256(bytes.Join([][]byte{{1}, root(leaves[:k]), root(leaves[k:])}, nil))
	return sum[:]
}

func TestTheTreeIsThatOfTheRFC(t *testing.T) {
	k := key(t, 1)
	var leaves [][]byte
	tree := k.NewTree()
	for n := range 70 {
		if !bytes.Equal(tree.Root(), root(leaves)) || tree.Rows() != int64(n) {
			t.Fatalf("the root of %d rows is another", n)
		}
		row := fmt.Appendf(nil, "row %d", n)
		tree.Add('e', row)
		leaves = append(leaves, k.hash([]byte{0, 'e'}, row))
	}
}

func TestEveryChangeOfRowsChangesTheRoot(t *testing.T) {
	k := key(t, 1)
	of := func(rows ...string) string {
		tree := k.NewTree()
		for _, r := range rows {
			tree.Add('e', []byte(r))
		}
		return string(tree.Root())
	}
	whole := of("a", "b", "c", "d", "e")
	for name, other := range map[string]string{
		"edited": of("a", "b", "C", "d", "e"), "cut": of("a", "b", "c", "d"), "removed": of("a", "c", "d", "e"),
		"reordered": of("b", "a", "c", "d", "e"), "added": of("a", "b", "c", "d", "e", "f"), "doubled": of("a", "b", "c", "d", "e", "e"),
	} {
		if other == whole {
			t.Errorf("%s rows have the same root", name)
		}
	}
}

// chained makes a chain of n seals.
func chained(k *Key, n int) []*Seal {
	var list []*Seal
	var last *Seal
	for i := range n {
		tree := k.NewTree()
		tree.Add('e', []byte{byte(i)})
		s := &Seal{Hi: uint64(10 * (i + 1)), At: time.Unix(int64(i), 123456789).UTC(), Events: 1, Root: tree.Root()}
		k.Close(s, last)
		list, last = append(list, s), s
	}
	return list
}

// judge is the first seal of a chain that is broken, or -1.
func judge(k *Key, list []*Seal) int {
	var before *Seal
	for i, s := range list {
		if k.Check(s, before) != nil || Follows(k.Public(), s, before) != nil {
			return i
		}
		before = s
	}
	return -1
}

func TestAChainHoldsAndEveryChangeBreaksIt(t *testing.T) {
	k := key(t, 1)
	if at := judge(k, chained(k, 20)); at != -1 {
		t.Fatalf("a sound chain is broken at %d", at)
	}
	if at := judge(key(t, 2), chained(k, 3)); at != 0 {
		t.Errorf("under another key the first broken seal is %d", at)
	}
	changes := map[string]func(list []*Seal, i int) []*Seal{
		"seq":       func(l []*Seal, i int) []*Seal { l[i].Seq++; return l },
		"lo":        func(l []*Seal, i int) []*Seal { l[i].Lo++; return l },
		"hi":        func(l []*Seal, i int) []*Seal { l[i].Hi++; return l },
		"at":        func(l []*Seal, i int) []*Seal { l[i].At = l[i].At.Add(time.Microsecond); return l },
		"events":    func(l []*Seal, i int) []*Seal { l[i].Events++; return l },
		"shown":     func(l []*Seal, i int) []*Seal { l[i].Shown++; return l },
		"root":      func(l []*Seal, i int) []*Seal { l[i].Root[0] ^= 1; return l },
		"chain":     func(l []*Seal, i int) []*Seal { l[i].Chain = bytes.Repeat([]byte{7}, 32); return l },
		"signature": func(l []*Seal, i int) []*Seal { l[i].Signature[5] ^= 1; return l },
		"key":       func(l []*Seal, i int) []*Seal { l[i].Key = "0000000000000000"; return l },
		"removed":   func(l []*Seal, i int) []*Seal { return append(l[:i], l[i+1:]...) },
		"swapped":   func(l []*Seal, i int) []*Seal { l[i], l[i+1] = l[i+1], l[i]; return l },
		"forged": func(l []*Seal, i int) []*Seal {
			other, _ := NewKey(bytes.Repeat([]byte{9}, 32))
			other.Close(l[i], nil)
			return l
		},
	}
	for name, change := range changes {
		for range 20 {
			i := rand.IntN(18)
			if at := judge(k, change(chained(k, 20), i)); at == -1 || at > i+1 {
				t.Errorf("%s at %d: found at %d", name, i, at)
			}
		}
	}
}

func TestParametersAreReadWithTheirRowOnly(t *testing.T) {
	k := key(t, 1)
	hidden := k.Encrypt([]byte("NHS 999"), "row")
	if bytes.Contains(hidden, []byte("NHS")) {
		t.Fatal("the text stands in the open")
	}
	if plain, err := k.Decrypt(hidden, "row"); err != nil || string(plain) != "NHS 999" {
		t.Errorf("%q, %v", plain, err)
	}
	for name, read := range map[string]func() ([]byte, error){
		"another row": func() ([]byte, error) { return k.Decrypt(hidden, "other") },
		"another key": func() ([]byte, error) { return key(t, 2).Decrypt(hidden, "row") },
		"cut":         func() ([]byte, error) { return k.Decrypt(hidden[:5], "row") },
		"changed":     func() ([]byte, error) { h := bytes.Clone(hidden); h[20] ^= 1; return k.Decrypt(h, "row") },
	} {
		if _, err := read(); err == nil {
			t.Errorf("%s: it was read", name)
		}
	}
}

func BenchmarkTree(b *testing.B) {
	k, _ := NewKey(make([]byte, 32))
	tree := k.NewTree()
	row := make([]byte, 300)
	for b.Loop() {
		tree.Add('e', row)
	}
}
