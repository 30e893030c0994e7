package canon_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// report is a composition of n quantities with all that surrounds them, about
// 900 bytes each.
func report(n int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"_type":"COMPOSITION","name":{"_type":"DV_TEXT","value":"Report"},"archetype_node_id":"openEHR-EHR-COMPOSITION.report.v1","content":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"_type":"OBSERVATION","name":{"_type":"DV_TEXT","value":"Pulse"},"archetype_details":{"archetype_id":{"value":"openEHR-EHR-OBSERVATION.pulse.v2"},"rm_version":"1.1.0"},
  "archetype_node_id":"openEHR-EHR-OBSERVATION.pulse.v2",
  "language":{"_type":"CODE_PHRASE","terminology_id":{"_type":"TERMINOLOGY_ID","value":"ISO_639-1"},"code_string":"en"},
  "subject":{"_type":"PARTY_SELF"},
  "data":{"name":{"_type":"DV_TEXT","value":"History"},"archetype_node_id":"at0002","origin":{"value":"2026-02-03T04:05:06,700Z"},
    "events":[{"_type":"POINT_EVENT","name":{"_type":"DV_TEXT","value":"Any event"},"archetype_node_id":"at0003","time":{"_type":"DV_DATE_TIME","value":"2026-02-03T04:05:06Z"},
      "data":{"_type":"ITEM_TREE","name":{"_type":"DV_TEXT","value":"Tree"},"archetype_node_id":"at0001",
        "items":[{"_type":"ELEMENT","name":{"_type":"DV_TEXT","value":"Rate"},"archetype_node_id":"at0004","value":{"_type":"DV_QUANTITY","magnitude":%d.50,"units":"/min"}}]}}]}}`, i)
	}
	b.WriteString("]}")
	return b.Bytes()
}

func BenchmarkReadJSON(b *testing.B) {
	doc := report(300)
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := canon.ReadJSON(doc, rminfo.COMPOSITION, canon.ReadOptions{Mandatory: false}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadStored(b *testing.B) {
	tree, err := canon.ReadJSON(report(300), rminfo.COMPOSITION, canon.ReadOptions{})
	if err != nil {
		b.Fatal(err)
	}
	doc := canon.WriteJSON(nil, tree, 0)
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := canon.ReadStored(doc); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWriteJSON(b *testing.B) {
	tree, err := canon.ReadJSON(report(300), rminfo.COMPOSITION, canon.ReadOptions{})
	if err != nil {
		b.Fatal(err)
	}
	doc := canon.WriteJSON(nil, tree, 0)
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		doc = canon.WriteJSON(doc[:0], tree, 0)
	}
}

func BenchmarkSetUID(b *testing.B) {
	doc := report(300)
	tree, err := canon.ReadJSON(doc, rminfo.COMPOSITION, canon.ReadOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := canon.SetUID(tree, "8849182c-82ad-4088-a07f-48ead4180515::quire.example::1"); err != nil {
			b.Fatal(err)
		}
	}
}
