package simplified_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/simplified"
)

// TestContextKeys: each ctx key comes out at its own path (conformance F-06),
// where the template has a place for it.
func TestContextKeys(t *testing.T) {
	tpl := compile(t, filepath.Join(fixtures(t, "openehr"), "opt", "conformance_ehrbase.de.v0.opt"))
	const root = "conformance-ehrbase.de.v0"
	body := `"` + root + `/conformance_section/conformance_observation/any_event:0/dv_text": "x"`
	base := `{"ctx/language": "en", "ctx/territory": "GB", "ctx/composer_name": "A"`
	observation := root + "/conformance_section/conformance_observation"
	for _, c := range []struct{ ctx, key, value string }{
		{``, root + "/language|code", `"en"`},
		{``, root + "/territory|code", `"GB"`},
		{``, root + "/composer|name", `"A"`},
		{``, root + "/context/setting|code", `"238"`},
		{``, root + "/context/start_time", `"` + now + `"`},
		{`"ctx/time": "2021-02-03T04:05:06Z"`, root + "/context/start_time", `"2021-02-03T04:05:06Z"`},
		{`"ctx/time": "2021-02-03T04:05:06Z"`, observation + "/any_event:0/time", `"2021-02-03T04:05:06Z"`},
		{`"ctx/end_time": "2021-02-03"`, root + "/context/_end_time", `"2021-02-03"`},
		{`"ctx/history_origin": "2021-02-02T00:00:00Z"`, observation + "/any_event:0/time", `"2021-02-02T00:00:00Z"`},
		{`"ctx/composer_id": "7", "ctx/id_scheme": "s", "ctx/id_namespace": "n"`, root + "/composer|id", `"7"`},
		{`"ctx/composer_id": "7", "ctx/id_scheme": "s", "ctx/id_namespace": "n"`, root + "/composer|id_scheme", `"s"`},
		{`"ctx/composer_id": "7", "ctx/id_scheme": "s", "ctx/id_namespace": "n"`, root + "/composer|id_namespace", `"n"`},
		{`"ctx/health_care_facility|name": "Ward"`, root + "/context/_health_care_facility|name", `"Ward"`},
		{`"ctx/health_care_facility|id": "9"`, root + "/context/_health_care_facility|id", `"9"`},
		{`"ctx/setting": "home"`, root + "/context/setting|code", `"225"`},
		{`"ctx/setting|code": "225"`, root + "/context/setting|value", `"home"`},
		{`"ctx/location": "Bed 4"`, root + "/context/_location", `"Bed 4"`},
		{`"ctx/participation_name:0": "Nurse", "ctx/participation_function:0": "requester"`, root + "/context/_participation:0|name", `"Nurse"`},
		{`"ctx/participation_mode:0": "face-to-face communication", "ctx/participation_function:0": "requester"`, root + "/context/_participation:0|mode", `"face-to-face communication"`},
		{`"ctx/participation_id:0": "199", "ctx/participation_function:0": "requester"`, root + "/context/_participation:0|id", `"199"`},
		{`"ctx/participation_identifiers:0": "i::a::1::t;i::a::2::t", "ctx/participation_function:0": "requester"`, root + "/context/_participation:0/_identifier:1", `"2"`},
		{`"ctx/participation_identifiers:0|issuer:0": "i", "ctx/participation_identifiers:0|id:0": "5", "ctx/participation_function:0": "requester"`, root + "/context/_participation:0/_identifier:0|issuer", `"i"`},
		{`"ctx/provider_name": "P"`, observation + "/_provider|name", `"P"`},
		{`"ctx/provider_id": "P1"`, observation + "/_provider|id", `"P1"`},
		{`"ctx/work_flow_id|id": "w", "ctx/work_flow_id|namespace": "n", "ctx/work_flow_id|type": "t"`, observation + "/_work_flow_id|id", `"w"`},
		{`"ctx/link:0|type": "t", "ctx/link:0|meaning": "m", "ctx/link:0|target": "ehr://x/1"`, root + "/_link:0|target", `"ehr://x/1"`},
	} {
		doc := base
		if c.ctx != "" {
			doc += ", " + c.ctx
		}
		tree, err := tpl.Read([]byte(doc+", "+body+"}"), simplified.Flat, now)
		if err != nil {
			t.Errorf("%s: %s", c.ctx, report(err))
			continue
		}
		out, err := tpl.Write(tree, simplified.Flat)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(out), `"`+c.key+`":`+c.value) {
			t.Errorf("%s: no %s: %s in %s", c.ctx, c.key, c.value, out)
		}
		if strings.Contains(string(out), "ctx/") {
			t.Error("ctx is input only")
		}
	}
	for _, c := range []struct{ doc, key, rule string }{
		{`{"ctx/territory": "GB", "ctx/composer_name": "A", ` + body + `}`, "ctx/language", "missing"},
		{`{"ctx/language": "en", "ctx/composer_name": "A", ` + body + `}`, "ctx/territory", "missing"},
		{`{"ctx/language": "en", "ctx/territory": "GB", ` + body + `}`, "ctx/composer_name", "missing"},
		{base + `, "ctx/langage": "en", ` + body + `}`, "ctx/langage", "key-unknown"},
		{base + `, "ctx/setting": "nowhere", ` + body + `}`, "ctx/setting", "code"},
		{base + `, "ctx/participation_name:0": "N", ` + body + `}`, "ctx/participation_function:0", "missing"},
		{base + `, ` + strings.Replace(body, `dv_text": "x"`, `dv_boolean": "yes"`, 1) + `}`, observation + "/any_event:0/dv_boolean", "type"},
		{base + `, ` + strings.Replace(body, `dv_text": "x"`, `dv_count": "many"`, 1) + `}`, observation + "/any_event:0/dv_count", "type"},
		{base + `, ` + strings.Replace(body, `dv_text": "x"`, `dv_text|raw": "{}"`, 1) + `}`, observation + "/any_event:0/dv_text|raw", "raw-type"},
		{base + `, ` + strings.Replace(body, `dv_text": "x"`, `dv_text": "x", "other/x": 1`, 1) + `}`, "other/x", "key-unknown"},
	} {
		_, err := tpl.Read([]byte(c.doc), simplified.Flat, now)
		found := false
		for _, i := range fault.Of(err).Issues {
			found = found || i.FlatKey == c.key && i.Rule == c.rule
		}
		if err == nil || !found {
			t.Errorf("%s [%s]: %v", c.key, c.rule, err)
		}
	}
}

// TestOrder: what stands between two items of one node stays there.
func TestOrder(t *testing.T) {
	tpl := compile(t, filepath.Join(fixtures(t, "openehr"), "opt", "conformance_ehrbase.de.v0.opt"))
	const at = `"conformance-ehrbase.de.v0/conformance_section/conformance_observation/any_event:`
	doc := `{"ctx/language": "en", "ctx/territory": "GB", "ctx/composer_name": "A", ` +
		at + `1/dv_text": "b", ` + at + `0/dv_text": "a", ` + at + `7/dv_text": "c"}`
	tree, err := tpl.Read([]byte(doc), simplified.Flat, now)
	if err != nil {
		t.Fatal(report(err))
	}
	out, err := tpl.Write(tree, simplified.Flat)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range [...]string{at + `0/dv_text":"a"`, at + `1/dv_text":"b"`, at + `2/dv_text":"c"`} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %s in %s", want, out)
		}
	}
}
