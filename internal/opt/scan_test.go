package opt

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
)

// tokensOf writes the tokens of a document, one a line, and how it ended.
func tokensOf(text []byte) (out []string, ended string) {
	s, err := newScanner(bytes.NewReader(text))
	for err == nil {
		var t token
		if t, err = s.next(); err != nil {
			break
		}
		line, col := s.position()
		switch t.kind {
		case directive:
			return out, "directive"
		case startTag:
			out = append(out, fmt.Sprintf("<%v %v %d:%d", t.name, t.attrs, line, col))
		case endTag:
			out = append(out, fmt.Sprintf(">%v %d:%d", t.name, line, col))
		case charData:
			out = append(out, fmt.Sprintf("%q %d:%d", t.text, line, col))
		case aside:
			out = append(out, fmt.Sprintf("aside %d:%d", line, col))
		}
	}
	if err == io.EOF {
		return out, ""
	}
	return out, "error"
}

// tokensOfXML is the same by encoding/xml.
func tokensOfXML(text []byte) (out []string, ended string) {
	d := xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))))
	for {
		t, err := d.RawToken()
		if err == io.EOF {
			return out, ""
		}
		if err != nil {
			return out, "error"
		}
		line, col := d.InputPos()
		switch t := t.(type) {
		case xml.Directive:
			return out, "directive"
		case xml.StartElement:
			out = append(out, fmt.Sprintf("<%v %v %d:%d", t.Name, t.Attr, line, col))
		case xml.EndElement:
			out = append(out, fmt.Sprintf(">%v %d:%d", t.Name, line, col))
		case xml.CharData:
			out = append(out, fmt.Sprintf("%q %d:%d", t, line, col))
		case xml.Comment, xml.ProcInst:
			out = append(out, fmt.Sprintf("aside %d:%d", line, col))
		}
	}
}

func sameTokens(t *testing.T, name string, text []byte) {
	t.Helper()
	got, ended := tokensOf(text)
	want, wantEnded := tokensOfXML(text)
	if ended == "directive" && wantEnded == "error" {
		wantEnded = "directive" // not read to its end
	}
	if ended != wantEnded || !slices.Equal(got, want) {
		for n := range want {
			if n >= len(got) || got[n] != want[n] {
				got, want = got[n:min(n+1, len(got))], want[n:n+1]
				break
			}
		}
		t.Errorf("%s: %q ended %q\nwant %q ended %q", name, got, ended, want, wantEnded)
	}
}

// odd are documents at the edge of XML.
var odd = []string{
	"", "<", "<a", "<a>", "<a/>", "<a />", "<a / >", "</a>", "</a >", "</a b>", "</", "<a/></a>", "text", "a & b", "a &amp; b", "a &#38; b &#x26; c", "&lt;&gt;&apos;&quot;", "&amp", "&nbsp;", "&#0;", "&#x110000;", "&#;", "&;", "&# 38;", "&#xD800;",
	"a\r\nb\rc\n", "&#13;\n", "\r", "a]]>b", "a]]&gt;b", "<![CDATA[a]]>", "<![CDATA[<&>]]]]>", "<![CDATA[a", "<![CDATAa]]>", "<![", "<![CDATA[\r\n]]>",
	"<!-- a -->", "<!---->", "<!-->", "<!--->", "<!-- a -- b -->", "<!--", "<!-- a --", "<!-", "<!DOCTYPE a>", "<!DOCTYPE a [<!ENTITY x 'y'>]>",
	`<?xml version="1.0"?>`, `<?xml version='1.1'?>`, `<?xml version="1.0" encoding="utf-8"?>`, `<?xml version="1.0" encoding="UTF-16"?>`, `<?xml version="1.0" encoding='ISO-8859-1' ?>`, "<?x?>", "<??>", "<?x", "<? x?>", "<?xml?>",
	`<a b="c" d='e"f'/>`, `<a b = "c"/>`, `<a b="c"d="e"/>`, `<a b/>`, `<a b=c/>`, `<a b="<"/>`, `<a b="&lt;&#10;"/>`, `<a b="`, `<a b=`, `<a b`, `<a b="x]]>"/>`, "<a b=\"x\r\ny\"/>", `<a "b"/>`, `<a b="&x;"/>`,
	"<x:a/>", "<x:/>", "<:a/>", "<:/>", "<x:y:z/>", "<1a/>", "<-a/>", "<_a.b-c/>", "<a\nb='1'\n c='2'>\n x\n</a>", "< a/>", "<a x:b='1' xmlns:x='2' xmlns='3'/>",
	"\xff", "<a>\xff</a>", "<a b='\xff'/>", "a\x00b", "a\x0bb", "\uFFFE", "\uFFFD", "é€😀", "\xef\xbb\xbf<a/>", "<!-- \x00 -->", "<?x \x00?>", "<a>\xed\xa0\x80</a>",
}

// TestScannerIsXML: it gives the tokens of encoding/xml at the same places, and
// refuses what that refuses.
func TestScannerIsXML(t *testing.T) {
	for _, text := range odd {
		sameTokens(t, fmt.Sprintf("%q", text), []byte(text))
	}
	for _, path := range templates(t) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sameTokens(t, path, text)
	}
}

// FuzzScanner: no document is read otherwise than by encoding/xml, but for the
// letters of names that are not ASCII.
func FuzzScanner(f *testing.F) {
	for _, text := range odd {
		f.Add([]byte(text))
	}
	f.Add([]byte(small))
	f.Fuzz(func(t *testing.T, text []byte) {
		if strings.ContainsFunc(string(text), func(c rune) bool { return c > 126 }) {
			return
		}
		sameTokens(t, "fuzzed", text)
	})
}
