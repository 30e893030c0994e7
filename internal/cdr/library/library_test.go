package library

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"
)

// FuzzRead: what is taken comes out whole, whatever it is, with its id and version.
func FuzzRead(f *testing.F) {
	f.Add(`{"resourceType":"Questionnaire","status":"draft","meta":{"tag":[{"code":"a"}],"versionId":"9"},"x":1.50}`)
	f.Add(`{"status":"active","resourceType":"Questionnaire","meta":{},"item":[{"linkId":"a","type":"string"}]}`)
	f.Add(`{"resourceType":"Questionnaire","status":"draft","meta":7}`)
	f.Fuzz(func(t *testing.T, text string) {
		about, content, err := read(Questionnaire, []byte(text))
		if err != nil {
			return
		}
		var sent, got map[string]any
		if err := json.Unmarshal([]byte(text), &sent); err != nil {
			t.Fatal(err)
		}
		out := Resource{Head{Kind: Questionnaire, ID: "a", Number: 3, Committed: time.Unix(0, 0), About: about}, content}.Text()
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		meta, _ := got["meta"].(map[string]any)
		if got["id"] != "a" || meta["versionId"] != "3" {
			t.Fatalf("%s", out)
		}
		for _, resource := range []map[string]any{sent, got} {
			delete(resource, "id")
			if meta, ok := resource["meta"].(map[string]any); ok {
				delete(meta, "versionId")
				delete(meta, "lastUpdated")
				if len(meta) == 0 {
					delete(resource, "meta")
				}
			}
		}
		if !reflect.DeepEqual(sent, got) {
			t.Errorf("%s\n%s", text, out)
		}
	})
}

func TestDates(t *testing.T) {
	for _, tc := range []struct {
		has, wish string
		want      bool
	}{
		{"2026-03-02", "2026", true}, {"2026-03-02", "2026-03", true}, {"2026-03", "2026-03-02", false}, {"2026-03-02", "ge2026-03-02", true},
		{"2026-03-02", "gt2026-03-02", false}, {"2026-03-02", "gt2026-03-01", true}, {"2026-03-02", "lt2026-03-02", false}, {"2026-03-02", "le2026-03-02", true},
		{"2026-03-02", "sa2026-03-01", true}, {"2026-03-02", "eb2026-03-03", true}, {"2026-03-02", "ne2026-03-02", false}, {"2026-03-02T10:00:00Z", "2026-03-02", true},
		{"2026-03-02T10:00:00.5Z", "2026-03-02T10:00:00Z", true}, {"", "2026", false},
	} {
		if got := dated(tc.has, tc.wish); got != tc.want {
			t.Errorf("%q %s: %v", tc.has, tc.wish, got)
		}
	}
}
