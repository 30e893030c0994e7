package pdf

import (
	_ "embed"
	"encoding/binary"
	"fmt"
	"strings"
	"sync"
)

//go:embed font/DejaVuSansCondensed.ttf
var bookFont []byte

//go:embed font/DejaVuSansCondensed-Bold.ttf
var boldFont []byte

// glyphs are the characters both fonts have.
var glyphs = sync.OnceValue(func() map[rune]bool {
	book, bold := characters(bookFont), characters(boldFont)
	both := make(map[rune]bool, len(book))
	for r := range book {
		if bold[r] {
			both[r] = true
		}
	}
	return both
})

// characters reads which characters of the basic plane a TrueType font has a
// glyph for: the subtable of format 4 (OpenType 1.9, cmap).
func characters(font []byte) map[rune]bool {
	out := map[rune]bool{}
	word := func(at int) int { return int(binary.BigEndian.Uint16(font[at:])) }
	long := func(at int) int { return int(binary.BigEndian.Uint32(font[at:])) }
	cmap := 0
	for n := range word(4) {
		if entry := 12 + 16*n; string(font[entry:entry+4]) == "cmap" {
			cmap = long(entry + 8)
		}
	}
	for n := range word(cmap + 2) {
		at := cmap + long(cmap+4+8*n+4)
		if word(at) != 4 {
			continue
		}
		twice := word(at + 6)
		for s := 0; s < twice; s += 2 {
			end, start := word(at+14+s), word(at+16+twice+s)
			delta, offset := word(at+16+2*twice+s), word(at+16+3*twice+s)
			for r := start; r <= end && r < 0xFFFF; r++ {
				glyph := r + delta
				if offset != 0 {
					if glyph = word(at + 16 + 3*twice + s + offset + 2*(r-start)); glyph != 0 {
						glyph += delta
					}
				}
				if glyph&0xFFFF != 0 {
					out[rune(r)] = true
				}
			}
		}
	}
	return out
}

// printable is a text as the fonts can write it. Line ends stay, and what has no
// glyph stands as its code point.
func printable(text string) string {
	known := glyphs()
	clean := true
	for _, r := range text {
		if r != '\n' && !known[r] {
			clean = false
			break
		}
	}
	if clean {
		return text
	}
	var b strings.Builder
	for _, r := range strings.ReplaceAll(text, "\r\n", "\n") {
		switch {
		case r == '\n' || known[r]:
			b.WriteRune(r)
		case r == '\t':
			b.WriteString("    ")
		case r == '\r':
			b.WriteByte('\n')
		default:
			fmt.Fprintf(&b, "[U+%04X]", r)
		}
	}
	return b.String()
}
