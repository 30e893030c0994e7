package canonxml_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"testing"

	"pgregory.net/rapid"

	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/canonxml"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

var texts = rapid.OneOf(
	rapid.SampledFrom([]string{"", " ", "\r\n", "\n\t ", "a<b>&\"'c", "]]>", "<![CDATA[", "&amp;", "\uFFFD\u0085\u2028", "örtlich", "x\ry", "at0001", "openEHR-EHR-CLUSTER.a.v1"}),
	rapid.StringN(0, 20, -1).Filter(func(s string) bool {
		for _, r := range s {
			if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
				return false
			}
		}
		return true
	}))

var numbers = rapid.SampledFrom([]string{"0", "-1", "42", "2147483647"})

var reals = rapid.SampledFrom([]string{"0", "-0.0", "154.00", "1e-7", "12E+3", "0.10"})

// concrete lists what may stand where a class is declared.
func concrete(class rminfo.Class) []rminfo.Class {
	var out []rminfo.Class
	for _, c := range class.Descendants() {
		if !c.Abstract() {
			out = append(out, c)
		}
	}
	return out
}

// grow adds a random object: its attributes in any order, its lists together.
func grow(t *rapid.T, b *rm.Builder, attr rminfo.Attr, class rminfo.Class, depth int) {
	b.Open(attr, class)
	for _, a := range rapid.Permutation(class.Attributes()).Draw(t, "order") {
		if depth == 0 && a.Type.Scalar() == rminfo.NotScalar || rapid.IntRange(0, 5).Draw(t, "present") < 2 {
			continue
		}
		n := 1
		if a.Container {
			n = rapid.IntRange(1, 3).Draw(t, "items")
		}
		for range n {
			switch a.Type.Scalar() {
			case rminfo.Text:
				b.String(a.Attr, a.Type, texts.Draw(t, "text"))
			case rminfo.Bool:
				b.Bool(a.Attr, rapid.Bool().Draw(t, "truth"))
			case rminfo.Number:
				if a.Type == rminfo.Real {
					b.Number(a.Attr, a.Type, reals.Draw(t, "real"))
				} else {
					b.Number(a.Attr, a.Type, numbers.Draw(t, "number"))
				}
			default:
				if of := concrete(a.Type); len(of) > 0 {
					grow(t, b, a.Attr, rapid.SampledFrom(of).Draw(t, "class"), depth-1)
				}
			}
		}
	}
	b.Close()
}

// TestRandomTreesThroughXML: any object of any class comes back, and standard XML
// software reads the document.
func TestRandomTreesThroughXML(t *testing.T) {
	var all []rminfo.Class
	for c := rminfo.Class(1); int(c) < rminfo.Classes(); c++ {
		if !c.Abstract() && c.Scalar() == rminfo.NotScalar {
			all = append(all, c)
		}
	}
	rapid.Check(t, func(r *rapid.T) {
		class := rapid.SampledFrom(all).Draw(r, "class")
		b := rm.NewBuilder(rm.Limits{}, 100)
		grow(r, b, 0, class, rapid.IntRange(0, 3).Draw(r, "depth"))
		tree, err := b.Tree()
		if err != nil {
			r.Fatal(err)
		}
		doc, err := canonxml.Write(nil, tree, 0, "")
		if err != nil {
			r.Fatal(err)
		}
		back, err := canonxml.Read(doc, class, canon.ReadOptions{})
		if err != nil {
			r.Fatalf("%v\n%s", err, doc)
		}
		if where := difference(tree, 0, back, 0); where != "" {
			r.Fatalf("%s\n%s", where, doc)
		}
		if again, err := canonxml.Write(nil, back, 0, ""); err != nil || !bytes.Equal(doc, again) {
			r.Fatalf("%v\n%s\n%s", err, doc, again)
		}
		if err := wellFormed(doc); err != nil {
			r.Fatalf("%v\n%s", err, doc)
		}
	})
}

// wellFormed asks the standard library's reader.
func wellFormed(doc []byte) error {
	d := xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(doc, []byte("\xef\xbb\xbf"))))
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	for {
		if _, err := d.Token(); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
}

// FuzzRead: whatever is read is well-formed by another reader, is written again,
// and comes back as it was.
func FuzzRead(f *testing.F) {
	for _, doc := range []string{
		`<dv_text><value>a</value></dv_text>`,
		`<?xml version="1.0" encoding="UTF-8"?><a:composition xmlns:a="http://schemas.openehr.org/v1" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" archetype_node_id="openEHR-EHR-COMPOSITION.a.v1"><a:name xsi:type="a:DV_CODED_TEXT"><a:value>&lt;&#x41;<![CDATA[x]]></a:value></a:name><!-- c --><?p q?><a:content xsi:type="SECTION"/><a:content xsi:type='EVALUATION'><work_flow_id/></a:content></a:composition>`,
		`<dv_quantity><magnitude> +01.50e3 </magnitude><units>mg</units></dv_quantity>`,
		`<object_ref><id><value>a::b::1</value></id></object_ref>`,
		`<element xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><value i:nil="1"/></element>`,
		`<version xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:type="ORIGINAL_VERSION"><data i:type="FOLDER"><items><id i:type="GENERIC_ID"/></items></data></version>`,
		`<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`,
		"<dv_text>\r\n<value>\r&#xD;]]&gt;</value></dv_text>",
	} {
		f.Add([]byte(doc), true)
		f.Add([]byte(doc), false)
	}
	f.Fuzz(func(t *testing.T, doc []byte, lax bool) {
		tree, err := canonxml.Read(doc, 0, canon.ReadOptions{IgnoreUnknown: lax, Lenient: lax})
		if err != nil {
			return
		}
		if err := wellFormed(doc); err != nil {
			t.Fatal(err)
		}
		out, err := canonxml.Write(nil, tree, 0, "")
		if err != nil {
			t.Fatal(err)
		}
		back, err := canonxml.Read(out, tree.Class(0), canon.ReadOptions{})
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		same(t, tree, back)
	})
}
