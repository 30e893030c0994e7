package canonxml_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/canonxml"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// report is a composition of n quantities with all that surrounds them.
func report(n int) []byte {
	var b strings.Builder
	b.WriteString(`<composition ` + xmlns + ` ` + xsi + ` archetype_node_id="openEHR-EHR-COMPOSITION.report.v1"><name><value>Report</value></name>`)
	for i := range n {
		fmt.Fprintf(&b, `
  <content xsi:type="OBSERVATION" archetype_node_id="openEHR-EHR-OBSERVATION.pulse.v2"><name><value>Pulse</value></name>
    <archetype_details><archetype_id><value>openEHR-EHR-OBSERVATION.pulse.v2</value></archetype_id><rm_version>1.1.0</rm_version></archetype_details>
    <language><terminology_id><value>ISO_639-1</value></terminology_id><code_string>en</code_string></language>
    <subject xsi:type="PARTY_SELF"/>
    <data archetype_node_id="at0002"><name><value>History</value></name><origin><value>2026-02-03T04:05:06,700Z</value></origin>
      <events xsi:type="POINT_EVENT" archetype_node_id="at0003"><name><value>Any event</value></name><time><value>2026-02-03T04:05:06Z</value></time>
        <data xsi:type="ITEM_TREE" archetype_node_id="at0001"><name><value>Tree</value></name>
          <items xsi:type="ELEMENT" archetype_node_id="at0004"><name><value>Rate</value></name><value xsi:type="DV_QUANTITY"><magnitude>%d.50</magnitude><units>/min</units></value></items></data></events></data></content>`, i)
	}
	b.WriteString(`</composition>`)
	return []byte(b.String())
}

func BenchmarkRead(b *testing.B) {
	doc := report(300)
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := canonxml.Read(doc, rminfo.COMPOSITION, canon.ReadOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	tree, err := canonxml.Read(report(300), rminfo.COMPOSITION, canon.ReadOptions{})
	if err != nil {
		b.Fatal(err)
	}
	doc, err := canonxml.Write(nil, tree, 0, "")
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if doc, err = canonxml.Write(doc[:0], tree, 0, ""); err != nil {
			b.Fatal(err)
		}
	}
}
