package seal

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
)

// Tree gathers rows into the root of a Merkle tree (RFC 6962, section 2.1, with
// keyed leaves), in memory that grows with the logarithm of their number.
type Tree struct {
	leaf hash.Hash
	// peaks are the roots of the perfect subtrees so far, largest first.
	peaks []peak
	rows  int64
}

type peak struct {
	height int
	root   [sha256.Size]byte
}

// NewTree begins a tree under a key.
func (k *Key) NewTree() *Tree { return &Tree{leaf: hmac.New(sha256.New, k.mac)} }

// Prefixes keep a leaf from being taken for a node (RFC 6962, section 2.1).
var leafPrefix, nodePrefix = []byte{0}, []byte{1}

// Add appends a row; which tells rows of different tables apart.
func (t *Tree) Add(which byte, row []byte) {
	t.leaf.Reset()
	t.leaf.Write(leafPrefix)
	t.leaf.Write([]byte{which})
	t.leaf.Write(row)
	p := peak{}
	t.leaf.Sum(p.root[:0])
	for n := len(t.peaks); n > 0 && t.peaks[n-1].height == p.height; n = len(t.peaks) {
		p = peak{p.height + 1, node(&t.peaks[n-1].root, &p.root)}
		t.peaks = t.peaks[:n-1]
	}
	t.peaks = append(t.peaks, p)
	t.rows++
}

// Rows is how many were added.
func (t *Tree) Rows() int64 { return t.rows }

// Root is the hash of all rows in their order; that of none is the hash of nothing.
func (t *Tree) Root() []byte {
	if len(t.peaks) == 0 {
		sum := sha256.Sum256(nil)
		return sum[:]
	}
	root := t.peaks[len(t.peaks)-1].root
	for i := len(t.peaks) - 2; i >= 0; i-- {
		root = node(&t.peaks[i].root, &root)
	}
	return root[:]
}

func node(left, right *[sha256.Size]byte) [sha256.Size]byte {
	var b [1 + 2*sha256.Size]byte
	b[0] = nodePrefix[0]
	copy(b[1:], left[:])
	copy(b[1+sha256.Size:], right[:])
	return sha256.Sum256(b[:])
}
