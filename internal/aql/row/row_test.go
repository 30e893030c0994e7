package row_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/aql/row"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

const document = `{"_type":"COMPOSITION","archetype_node_id":"openEHR-EHR-COMPOSITION.note.v1","name":{"_type":"DV_TEXT","value":"Note"},
"context":{"_type":"EVENT_CONTEXT","start_time":{"_type":"DV_DATE_TIME","value":"2024-05"}},
"content":[{"_type":"OBSERVATION","archetype_node_id":"openEHR-EHR-OBSERVATION.test.v1","name":{"_type":"DV_TEXT","value":"Test"},
"data":{"_type":"HISTORY","archetype_node_id":"at0001","name":{"_type":"DV_TEXT","value":"History"},"events":[
{"_type":"POINT_EVENT","archetype_node_id":"at0002","name":{"_type":"DV_TEXT","value":"Any"},"time":{"_type":"DV_DATE_TIME","value":"2024-05-01T10:00:00Z"},
"data":{"_type":"ITEM_TREE","archetype_node_id":"at0003","name":{"_type":"DV_TEXT","value":"Tree"},"items":[
{"_type":"ELEMENT","archetype_node_id":"at0004","name":{"_type":"DV_TEXT","value":"Size"},"value":{"_type":"DV_QUANTITY","magnitude":12,"units":"mm"}},
{"_type":"CLUSTER","archetype_node_id":"openEHR-EHR-CLUSTER.device.v1","name":{"_type":"DV_TEXT","value":"Device"},"items":[]},
{"_type":"ELEMENT","archetype_node_id":"at0005","name":{"_type":"DV_TEXT","value":"typed by \"hand\""},"value":{"_type":"DV_PROPORTION","numerator":2,"denominator":3,"type":0}},
{"_type":"ELEMENT","archetype_node_id":"at0004","name":{"_type":"DV_TEXT","value":"Size"},"value":{"_type":"DV_COUNT","magnitude":7}}]}},
{"_type":"INTERVAL_EVENT","archetype_node_id":"at0002","name":{"_type":"DV_TEXT","value":"Any"},"time":{"_type":"DV_DATE_TIME","value":"2024-05-02"},"width":{"_type":"DV_DURATION","value":"PT1H"}}]}}]}`

func read(t *testing.T, text string) *rm.Tree {
	t.Helper()
	tree, err := canon.ReadJSON([]byte(text), rminfo.COMPOSITION, canon.ReadOptions{Lenient: true})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func terms(archetype, code string) []string {
	return map[string][]string{
		"openEHR-EHR-OBSERVATION.test.v1 at0000": {"Test", "Prüfung"},
		"openEHR-EHR-OBSERVATION.test.v1 at0004": {"Size"},
	}[archetype+" "+code]
}

// at follows keys and list positions into decoded JSON.
func at(t *testing.T, v any, path ...any) any {
	t.Helper()
	for _, p := range path {
		switch p := p.(type) {
		case string:
			v = v.(map[string]any)[p]
		case int:
			v = v.([]any)[p]
		}
	}
	return v
}

func TestCut(t *testing.T) {
	tree := read(t, document)
	rows := row.Cut(tree, terms)
	if len(rows) != 3 {
		t.Fatalf("%d rows, want composition, observation, cluster", len(rows))
	}
	comp, obs, cluster := rows[0], rows[1], rows[2]
	if comp.Parent != -1 || comp.Num != 0 || comp.Cap != int32(tree.Len()-1) || comp.Class != rminfo.COMPOSITION {
		t.Errorf("composition %+v", comp)
	}
	if obs.Parent != 0 || obs.Num <= comp.Num || obs.Cap > comp.Cap || obs.Archetype != "openEHR-EHR-OBSERVATION.test.v1" {
		t.Errorf("observation %d..%d in %d", obs.Num, obs.Cap, obs.Parent)
	}
	if cluster.Num <= obs.Num || cluster.Cap > obs.Cap {
		t.Errorf("the cluster %d..%d is not within %d..%d", cluster.Num, cluster.Cap, obs.Num, obs.Cap)
	}
	var c, o, d map[string]any
	for i, into := range []*map[string]any{&c, &o, &d} {
		if err := json.Unmarshal(rows[i].Data, into); err != nil {
			t.Fatalf("row %d: %v\n%s", i, err, rows[i].Data)
		}
	}
	tree3 := at(t, o, "data[at0001]", "events[at0002]", 0, "data[at0003]")
	for _, tt := range []struct {
		name string
		got  any
		want any
	}{
		{"nested roots are cut out", c["content"], nil},
		{"the attribute that holds a root", o["@"], "content"},
		{"no attribute on the outermost", c["@"], nil},
		{"a number on every locatable", at(t, tree3, "#") != nil, true},
		{"the holder of a nested root", at(t, tree3, "#"), float64(cluster.Parent)},
		{"a number on a context", at(t, c, "context", "#") != nil, true},
		{"no class where it is declared", at(t, o, "data[at0001]", "_type"), nil},
		{"the class where it is abstract", at(t, o, "data[at0001]", "events[at0002]", 1, "_type"), "INTERVAL_EVENT"},
		{"items of one code stand together", at(t, tree3, "items[at0004]", 1, "value", "magnitude"), 7.0},
		{"the start of a partial time", at(t, c, "context", "start_time", "_m"), 63850118400.0},
		{"the end of a partial time", at(t, c, "context", "start_time", "_x"), 63852796800.0},
		{"no end of a complete time", at(t, o, "data[at0001]", "events[at0002]", 0, "time", "_x"), nil},
		{"seconds of a duration", at(t, o, "data[at0001]", "events[at0002]", 1, "width", "_m"), 3600.0},
		{"a quotient of 15 digits", at(t, tree3, "items[at0005]", 0, "value", "_m"), 0.666666666666667},
		{"names stay", at(t, tree3, "items[at0005]", 0, "name", "value"), `typed by "hand"`},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, tt.got, tt.want)
		}
	}
	if !strings.Contains(string(obs.Data), `"magnitude":12,`) {
		t.Errorf("a number does not keep its text: %s", obs.Data)
	}
}

func TestShape(t *testing.T) {
	rows := row.Cut(read(t, document), terms)
	got := map[string]row.Item{}
	for _, it := range rows[1].Shape.Items {
		got[it.Path+" "+it.Class.Name()] = it
	}
	events := "data[at0001]/events[at0002]"
	items := events + "/data[at0003]/items"
	for key, want := range map[string]row.Item{
		" OBSERVATION":             {JPath: "$", Name: "Test"},
		"data[at0001] HISTORY":     {JPath: `$."data[at0001]"`, Code: "at0001", Name: "*"},
		events + " POINT_EVENT":    {JPath: `$."data[at0001]"."events[at0002]"[*] ? (@."_type" == "POINT_EVENT")`, Code: "at0002", Name: "*", Repeats: true},
		events + " INTERVAL_EVENT": {JPath: `$."data[at0001]"."events[at0002]"[*] ? (@."_type" == "INTERVAL_EVENT")`, Code: "at0002", Name: "*", Repeats: true},
		items + "[at0004] ELEMENT": {JPath: `$."data[at0001]"."events[at0002]"[*]."data[at0003]"."items[at0004]"[*] ? (@."_type" == "ELEMENT")`, Code: "at0004", Name: "Size", Repeats: true},
		items + "[at0005] ELEMENT": {JPath: `$."data[at0001]"."events[at0002]"[*]."data[at0003]"."items[at0005]"[*] ? (@."_type" == "ELEMENT")`, Code: "at0005", Name: "*", Repeats: true},
	} {
		it, ok := got[key]
		if !ok || it.JPath != want.JPath || it.Name != want.Name || it.Repeats != want.Repeats || want.Code != "" && it.Code != want.Code {
			t.Errorf("%s: got %+v, want %+v", key, it, want)
		}
	}
	for _, r := range rows {
		for _, it := range r.Shape.Items {
			if strings.Contains(it.Path+it.JPath+it.Name, "hand") {
				t.Errorf("typed text in a shape: %+v", it)
			}
		}
	}
}

// TestShapeHash: what differs only in values has one shape, what differs in
// paths or known names another.
func TestShapeHash(t *testing.T) {
	shape := func(text string) row.Shape { return row.Cut(read(t, text), terms)[1].Shape }
	base := shape(document)
	for _, tt := range []struct {
		name, old, new string
		same           bool
	}{
		{"a value", `"magnitude":12`, `"magnitude":99`, true},
		{"a typed name", `typed by \"hand\"`, "typed otherwise", true},
		{"a second event", `"width"`, `"sample_count":2,"width"`, true},
		{"a code", `"archetype_node_id":"at0005"`, `"archetype_node_id":"at0006"`, false},
		{"a class", "INTERVAL_EVENT", "POINT_EVENT", false},
		{"the archetype", "OBSERVATION.test.v1", "OBSERVATION.test.v2", false},
	} {
		text := strings.Replace(document, tt.old, tt.new, 1)
		if tt.name == "a class" {
			text = strings.Replace(text, `,"width":{"_type":"DV_DURATION","value":"PT1H"}`, "", 1)
		}
		if got := shape(text); (got.Hash == base.Hash) != tt.same {
			t.Errorf("%s: same hash %t", tt.name, got.Hash == base.Hash)
		}
	}
	if !slices.Equal(shape(document).Items, base.Items) {
		t.Error("cutting twice gives two shapes")
	}
}

func TestInterval(t *testing.T) {
	for _, tt := range []struct {
		class        rminfo.Class
		text, lo, hi string
		ok           bool
	}{
		{rminfo.DV_DATE, "0001-01-02", "1", "2", true},
		{rminfo.DV_DATE, "0001-01", "0", "31", true},
		{rminfo.DV_TIME, "10:30", "37800", "37860", true},
		{rminfo.DV_DATE_TIME, "0001-01-01T00:00:01Z", "1", "1.000000001", true},
		{rminfo.DV_DURATION, "PT1M", "60", "60", true},
		{rminfo.DV_DATE, "10:30", "", "", false},
		{rminfo.DV_TEXT, "2020-01-01", "", "", false},
	} {
		if lo, hi, ok := row.Interval(tt.class, tt.text, nil); lo != tt.lo || hi != tt.hi || ok != tt.ok {
			t.Errorf("%s %s: [%s, %s) %t, want [%s, %s) %t", tt.class, tt.text, lo, hi, ok, tt.lo, tt.hi, tt.ok)
		}
	}
	if got := row.Quotient("1", "0"); got != "" {
		t.Errorf("1/0 is %s", got)
	}
}

func BenchmarkCut(b *testing.B) {
	tree, err := canon.ReadJSON([]byte(document), rminfo.COMPOSITION, canon.ReadOptions{Lenient: true})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		row.Cut(tree, terms)
	}
}
