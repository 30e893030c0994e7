package canonxml_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/canonxml"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

const (
	xmlns = `xmlns="http://schemas.openehr.org/v1"`
	xsi   = `xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"`
)

// TestReadGivesJSON: the same object as JSON would say it.
func TestReadGivesJSON(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     rminfo.Class
		out      string
	}{
		{"no namespace", `<dv_text><value>a</value></dv_text>`, rminfo.DV_TEXT, `{"_type":"DV_TEXT","value":"a"}`},
		{"v1 and v2, prefixed", `<a:dv_text xmlns:a="http://schemas.openehr.org/v2" xmlns:b="http://schemas.openehr.org/v1"><b:value>a</b:value></a:dv_text>`,
			rminfo.DV_TEXT, `{"_type":"DV_TEXT","value":"a"}`},
		{"declaration, comments, instruction, order mark", "\xef\xbb\xbf<?xml version='1.0' encoding='utf-8' standalone='yes'?><!-- c --><?p x?>\n<dv_text><!-- <value/> --><value>a<!-- - -->b</value></dv_text>\n<!--x-->",
			rminfo.DV_TEXT, `{"_type":"DV_TEXT","value":"ab"}`},
		{"entities and sections", "<dv_text><value>&lt;&gt;&amp;&apos;&quot;&#65;&#x42; <![CDATA[<&amp;]]>\r\n&#xD;</value></dv_text>", rminfo.DV_TEXT,
			`{"_type":"DV_TEXT","value":"<>&'\"AB <&amp;\n\r"}`},
		{"white space is text", "<dv_text><value> \n\t</value></dv_text>", rminfo.DV_TEXT, `{"_type":"DV_TEXT","value":" \n\t"}`},
		{"empty text", `<dv_text><value/></dv_text>`, rminfo.DV_TEXT, `{"_type":"DV_TEXT","value":""}`},
		{"a subclass by type", `<dv_text ` + xsi + ` xsi:type="p:DV_CODED_TEXT"><value>a</value></dv_text>`, rminfo.DV_TEXT, `{"_type":"DV_CODED_TEXT","value":"a"}`},
		{"generic type", `<dv_interval xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:type="DV_INTERVAL&lt;DV_COUNT&gt;"><upper i:type="DV_COUNT"><magnitude>7</magnitude></upper>` +
			`<lower_included>0</lower_included><upper_included> true </upper_included><lower_unbounded>1</lower_unbounded><upper_unbounded>false</upper_unbounded></dv_interval>`, rminfo.DV_INTERVAL,
			`{"_type":"DV_INTERVAL","upper":{"_type":"DV_COUNT","magnitude":7},"lower_included":false,"upper_included":true,"lower_unbounded":true,"upper_unbounded":false}`},
		{"numbers keep their text", `<dv_quantity><magnitude>154.00</magnitude><units>mg</units><precision>2</precision></dv_quantity>`, rminfo.DV_QUANTITY,
			`{"_type":"DV_QUANTITY","magnitude":154.00,"units":"mg","precision":2}`},
		{"numbers only XML writes", `<dv_proportion><numerator> +.5 </numerator><denominator>-007.</denominator><type>00</type><accuracy>1E-05</accuracy></dv_proportion>`, rminfo.DV_PROPORTION,
			`{"_type":"DV_PROPORTION","numerator":0.5,"denominator":-7,"type":0,"accuracy":1E-05}`},
		{"lists scattered", `<dv_text><mappings><match>=</match></mappings><value>a</value><mappings><match>&lt;</match></mappings></dv_text>`, rminfo.DV_TEXT,
			`{"_type":"DV_TEXT","mappings":[{"_type":"TERM_MAPPING","match":"="},{"_type":"TERM_MAPPING","match":"<"}],"value":"a"}`},
		{"id of no type", `<party_ref><id><value>a::b::1</value></id><namespace>n</namespace><type>T</type></party_ref>`, rminfo.PARTY_REF,
			`{"_type":"PARTY_REF","id":{"_type":"OBJECT_VERSION_ID","value":"a::b::1"},"namespace":"n","type":"T"}`},
		{"id with a scheme", `<object_ref><id><scheme>s</scheme><value>a</value></id></object_ref>`, rminfo.OBJECT_REF,
			`{"_type":"OBJECT_REF","id":{"_type":"GENERIC_ID","scheme":"s","value":"a"}}`},
		{"node id and nil", `<element ` + xsi + ` archetype_node_id="at0001&#10;"><name><value>n</value></name><value xsi:nil="true"/></element>`, rminfo.ELEMENT,
			`{"_type":"ELEMENT","archetype_node_id":"at0001\n","name":{"_type":"DV_TEXT","value":"n"}}`},
		{"version", `<version ` + xmlns + ` ` + xsi + ` xsi:type="ORIGINAL_VERSION"><uid><value>a::b::1</value></uid><data xsi:type="FOLDER" archetype_node_id="at1"><name><value>n</value></name></data></version>`, rminfo.VERSION,
			`{"_type":"ORIGINAL_VERSION","uid":{"_type":"OBJECT_VERSION_ID","value":"a::b::1"},"data":{"_type":"FOLDER","archetype_node_id":"at1","name":{"_type":"DV_TEXT","value":"n"}}}`},
		{"class by the root", `<dv_boolean><value>true</value></dv_boolean>`, 0, `{"_type":"DV_BOOLEAN","value":true}`},
		{"v1's name of workflow_id", `<evaluation archetype_node_id="at1"><work_flow_id><namespace>n</namespace></work_flow_id></evaluation>`, rminfo.EVALUATION,
			`{"_type":"EVALUATION","archetype_node_id":"at1","workflow_id":{"_type":"OBJECT_REF","namespace":"n"}}`},
		{"schema location is no content", `<dv_text ` + xsi + ` xsi:schemaLocation="a b" xml:space="preserve"><value xsi:type="xs:string">a</value></dv_text>`, rminfo.DV_TEXT, `{"_type":"DV_TEXT","value":"a"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			tree, err := canonxml.Read([]byte(c.in), c.want, canon.ReadOptions{})
			if err != nil {
				t.Fatal(err, fault.Of(err).Issues)
			}
			if got := string(canon.WriteJSON(nil, tree, 0)); got != c.out {
				t.Errorf("%s\nwant %s", got, c.out)
			}
		})
	}
}

// TestFaultsAreThoseOfJSON: rule, path and what was expected.
func TestFaultsAreThoseOfJSON(t *testing.T) {
	type issue struct{ Rule, Path, Expected string }
	for _, c := range []struct {
		name, in string
		want     rminfo.Class
		opts     canon.ReadOptions
		issues   []issue
	}{
		{"unknown element, the nearest named", `<dv_text><valeu>a</valeu><value>b</value></dv_text>`, rminfo.DV_TEXT, canon.ReadOptions{},
			[]issue{{"member-unknown", "/valeu", "value"}}},
		{"an attribute of another class, once for its list", `<dv_text><value>a</value><magnitude>1</magnitude><magnitude>2</magnitude></dv_text>`, rminfo.DV_TEXT, canon.ReadOptions{},
			[]issue{{"member-unknown", "/magnitude", ""}}},
		{"foreign namespace", `<dv_text xmlns:f="urn:f"><f:value>a</f:value></dv_text>`, rminfo.DV_TEXT, canon.ReadOptions{}, []issue{{"member-unknown", "/f:value", "value"}}},
		{"unknown attribute", `<dv_text lang="x"><value id="y">a</value></dv_text>`, rminfo.DV_TEXT, canon.ReadOptions{},
			[]issue{{"member-unknown", "/lang", ""}, {"member-unknown", "/value/@id", "value"}}},
		{"node id where none is", `<dv_text archetype_node_id="at1"><value>a</value></dv_text>`, rminfo.DV_TEXT, canon.ReadOptions{}, []issue{{"member-unknown", "/archetype_node_id", ""}}},
		{"twice", `<dv_text><value>a</value><value>b</value></dv_text>`, rminfo.DV_TEXT, canon.ReadOptions{}, []issue{{"member-duplicate", "/value", "one member"}}},
		{"node id twice", `<element archetype_node_id="at1"><archetype_node_id>at2</archetype_node_id></element>`, rminfo.ELEMENT, canon.ReadOptions{},
			[]issue{{"member-duplicate", "/archetype_node_id", "one member"}}},
		{"unknown class", `<element ` + xsi + `><value xsi:type="DV_QUANTTY"><magnitude>1</magnitude></value></element>`, rminfo.ELEMENT, canon.ReadOptions{},
			[]issue{{"class-unknown", "/value", "a class of RM 1.1.0"}}},
		{"abstract class", `<element ` + xsi + `><value xsi:type="DV_ORDERED"/></element>`, rminfo.ELEMENT, canon.ReadOptions{}, []issue{{"class-abstract", "/value", "a class that inherits from DV_ORDERED"}}},
		{"no class", `<element><value><value>a</value></value></element>`, rminfo.ELEMENT, canon.ReadOptions{}, []issue{{"class-missing", "/value", "DATA_VALUE"}}},
		{"class of another place", `<cluster ` + xsi + `><items xsi:type="DV_TEXT"><value>a</value></items></cluster>`, rminfo.CLUSTER, canon.ReadOptions{}, []issue{{"class-not-allowed", "/items", "ITEM"}}},
		{"text for an object", `<element><name>Pulse</name></element>`, rminfo.ELEMENT, canon.ReadOptions{}, []issue{{"kind", "/name", "an object"}}},
		{"an object for text", `<dv_text><value><value>a</value></value></dv_text>`, rminfo.DV_TEXT, canon.ReadOptions{}, []issue{{"kind", "/value", "a string"}}},
		{"no number, no truth value", `<dv_count><magnitude>many</magnitude><accuracy_is_percent>yes</accuracy_is_percent></dv_count>`, rminfo.DV_COUNT, canon.ReadOptions{},
			[]issue{{"kind", "/magnitude", "a whole number"}, {"kind", "/accuracy_is_percent", "true or false"}}},
		{"INF", `<dv_quantity><magnitude>INF</magnitude></dv_quantity>`, rminfo.DV_QUANTITY, canon.ReadOptions{}, []issue{{"kind", "/magnitude", "a number"}}},
		{"no whole number", `<dv_count><magnitude>1.5</magnitude></dv_count>`, rminfo.DV_COUNT, canon.ReadOptions{}, []issue{{"number-form", "/magnitude", "a whole number"}}},
		{"mandatory", `<dv_quantity><magnitude>1</magnitude></dv_quantity>`, rminfo.DV_QUANTITY, canon.ReadOptions{Mandatory: true}, []issue{{"member-missing", "/units", "units"}}},
		{"too deep", `<cluster ` + xsi + `><items xsi:type="CLUSTER"><items xsi:type="CLUSTER"><items xsi:type="CLUSTER"/></items></items></cluster>`, rminfo.CLUSTER,
			canon.ReadOptions{Limits: rm.Limits{Depth: 3}}, []issue{{"depth", "/items/items/items", "at most 3 levels"}}},
		{"all of them", `<cluster ` + xsi + ` archetype_node_id="at1"><items xsi:type="ELEMENT" archetype_node_id="at2"><nam/></items><items xsi:type="ELEMENT" archetype_node_id="at2"><value xsi:type="DV_COUNT"><magnitude>x</magnitude></value></items></cluster>`,
			rminfo.CLUSTER, canon.ReadOptions{}, []issue{{"member-unknown", "/items[at2, 1]/nam", "name"}, {"kind", "/items[at2, 2]/value/magnitude", "a whole number"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := canonxml.Read([]byte(c.in), c.want, c.opts)
			f := fault.Of(err)
			if f.Kind != fault.Invalid || !strings.HasPrefix(f.Code, "xml-") {
				t.Fatalf("%v %s", err, f.Code)
			}
			var got []issue
			for _, i := range f.Issues {
				got = append(got, issue{i.Rule, i.Path, i.Expected})
				if strings.Contains(i.Message, "_type`") {
					t.Errorf("JSON's words: %s", i.Message)
				}
			}
			if d := cmp.Diff(c.issues, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestIgnoreUnknown(t *testing.T) {
	tree, err := canonxml.Read([]byte(`<dv_text a="b"><x><y/></x><value>a</value><magnitude/></dv_text>`), rminfo.DV_TEXT, canon.ReadOptions{IgnoreUnknown: true})
	if err != nil || string(canon.WriteJSON(nil, tree, 0)) != `{"_type":"DV_TEXT","value":"a"}` {
		t.Fatal(tree, err)
	}
}

// TestNoXML: what is not well-formed, or is more than canonical XML needs, is
// refused with its place.
func TestNoXML(t *testing.T) {
	for _, c := range []struct{ name, in, message string }{
		{"empty", ``, "line 1, column 1: there is no root element"},
		{"JSON", `{"_type":"DV_TEXT"}`, "text outside the root"},
		{"no end", "<dv_text>\n<value>a", "line 2, column 9: the document ends too early"},
		{"other end", `<dv_text><value>a</dv_text>`, "column 18: the end tag closes another element"},
		{"two roots", `<dv_text/><dv_text/>`, "a second root"},
		{"text behind", `<dv_text/>x`, "text outside the root"},
		{"other root", `<template xmlns="http://schemas.openehr.org/v1"/>`, "the root element <template> holds no DV_TEXT"},
		{"root of another namespace", `<dv_text xmlns="urn:x"/>`, "holds no DV_TEXT"},
		{"text in the root", `<dv_text>a</dv_text>`, "text in the place of elements"},
		{"text between", `<dv_text><value>a</value>b</dv_text>`, "text between elements"},
		{"element within text", `<dv_text><value>a<b/></value></dv_text>`, "an element within text"},
		{"document type", `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><dv_text><value>&e;</value></dv_text>`, "a document type declaration is not allowed"},
		{"document type inside", `<dv_text><!DOCTYPE x></dv_text>`, "not allowed"},
		{"entity", `<dv_text><value>&e;</value></dv_text>`, "a reference to an entity"},
		{"character that is none", `<dv_text><value>&#0;</value></dv_text>`, "a reference to an entity or character"},
		{"surrogate", `<dv_text><value>&#xD800;</value></dv_text>`, "a reference to an entity or character"},
		{"bare ampersand", `<dv_text><value>a & b</value></dv_text>`, "& that begins no reference"},
		{"control character", "<dv_text><value>\x01</value></dv_text>", "column 17: a control character"},
		{"no UTF-8", "<dv_text><value>\xff</value></dv_text>", "not UTF-8"},
		{"UTF-16", "\xfe\xff\x00<", "control character"},
		{"another encoding", `<?xml version="1.0" encoding="latin1"?><dv_text/>`, "the encoding must be UTF-8"},
		{"version 1.1", `<?xml version="1.1"?><dv_text/>`, "the XML version must be 1.0"},
		{"declaration inside", `<dv_text><?xml version="1.0"?></dv_text>`, "an XML declaration within"},
		{"comment", `<dv_text><!-- a -- b --></dv_text>`, "-- within a comment"},
		{"section's end", `<dv_text><value>]]></value></dv_text>`, "]]> in text"},
		{"attribute twice", `<dv_text a="1" a="2"/>`, "an attribute is given twice"},
		{"attribute without quotes", `<dv_text a=1/>`, "no quoted value"},
		{"attributes together", `<dv_text a="1"b="2"/>`, "the tag is not well-formed"},
		{"tag in an attribute", `<dv_text a="<"/>`, "< within an attribute"},
		{"unbound prefix", `<dv_text xsi:type="DV_TEXT"/>`, `the prefix "xsi" is not declared`},
		{"unbound prefix of a tag", `<q:dv_text/>`, `the prefix "q" is not declared`},
		{"prefix bound to nothing", `<dv_text xmlns:q=""/>`, "bound to no namespace"},
		{"many attributes", `<dv_text ` + many(65, `a%="1" `) + `/>`, "more than 64 attributes"},
		{"many namespaces", `<dv_text ` + many(40, `xmlns:a%="u" `) + `><value ` + many(40, `xmlns:b%="u" `) + `>a</value></dv_text>`, "more than 64 namespaces"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := canonxml.Read([]byte(c.in), rminfo.DV_TEXT, canon.ReadOptions{})
			f := fault.Of(err)
			if f.Code != "xml-syntax" || !strings.Contains(f.Message, c.message) {
				t.Errorf("%s: %v", f.Code, err)
			}
		})
	}
}

func many(n int, s string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Replace(s, "%", strings.Repeat("x", i+1), 1))
	}
	return b.String()
}

// TestLimits: what costs time or memory by its form is stopped, in linear time.
func TestLimits(t *testing.T) {
	const n = 300_000
	for _, c := range []struct{ name, in, code string }{
		{"nodes", `<dv_paragraph>` + strings.Repeat(`<items/>`, n) + `</dv_paragraph>`, "xml-size"},
		{"text", `<dv_paragraph><items><value>` + strings.Repeat(`aaaa`, n) + `</value></items></dv_paragraph>`, "xml-size"},
		{"depth of what is skipped", `<dv_paragraph>` + strings.Repeat(`<x>`, n) + strings.Repeat(`</x>`, n) + `</dv_paragraph>`, "xml-member-unknown"},
		{"faults", `<dv_paragraph>` + strings.Repeat(`<x/>`, n) + `</dv_paragraph>`, "xml-member-unknown"},
		{"pieces of text", `<dv_paragraph><items><value>` + strings.Repeat(`<![CDATA[a]]>`, n) + `</value></items><x/></dv_paragraph>`, "xml-member-unknown"},
		{"size", `<dv_paragraph>` + strings.Repeat(" ", 65<<20) + `</dv_paragraph>`, "xml-size"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := canonxml.Read([]byte(c.in), rminfo.DV_PARAGRAPH, canon.ReadOptions{Limits: rm.Limits{Nodes: 100_000, Bytes: 1 << 20}})
			if f := fault.Of(err); f.Code != c.code {
				t.Errorf("%s: %.200v", f.Code, err)
			}
		})
	}
}
