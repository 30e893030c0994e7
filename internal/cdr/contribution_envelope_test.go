package cdr

import (
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

func TestReadContribution(t *testing.T) {
	for _, c := range []struct {
		name, body, path string
	}{
		{"all members", `{"_type":"CONTRIBUTION","uid":{"_type":"HIER_OBJECT_ID","value":"x"},"versions":[{"_type":"ORIGINAL_VERSION","preceding_version_uid":{"value":"a"},"signature":"s","lifecycle_state":{"_type":"DV_CODED_TEXT","value":"complete","mappings":[],"defining_code":{"terminology_id":"openehr","code_string":"532","preferred_term":"p"}},"attestations":[],"data":{"x":1},"commit_audit":{},"contribution":{},"uid":null,"item":null}],"audit":{"change_type":{"code_string":"249","terminology_id":"openehr"}}}`, ""},
		{"a member twice", `{"versions":[],"versions":[]}`, "/versions"},
		{"a member twice, deep in the data", `{"versions":[{"data":{"a":{"b":1,"b":2}}}]}`, "/versions/0/data/a/b"},
		{"an unknown member", `{"version":[]}`, "/version"},
		{"in another case", `{"Versions":[]}`, "/Versions"},
		{"an unknown member of a version", `{"versions":[{"lifecycle":"x"}]}`, "/versions/0/lifecycle"},
		{"an unknown member of a code", `{"audit":{"change_type":{"code":"249"}}}`, "/audit/change_type/code"},
		{"another type", `{"versions":{}}`, "/versions"},
		{"another class", `{"_type":"COMPOSITION"}`, "-"},
		{"two texts", `{} {}`, "/"},
		{"no text", ``, "/"},
		{"no UTF-8", "{\"uid\":{\"value\":\"\xff\"}}", "/uid/value"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := readContribution([]byte(c.body))
			if c.path == "" {
				if err != nil {
					t.Fatal(err, fault.Of(err).Issues, fault.Of(err).Unwrap())
				}
				return
			}
			f := fault.Of(err)
			if f.Kind != fault.Invalid || f.Code != "contribution-form" {
				t.Fatalf("%v", err)
			}
			if c.path != "-" && (len(f.Issues) != 1 || f.Issues[0].Path != c.path) {
				t.Errorf("the place is %+v, want %s: %v", f.Issues, c.path, f.Unwrap())
			}
		})
	}
}

// What is read of an audit is canonical JSON, whatever was sent.
func FuzzReadContribution(f *testing.F) {
	f.Add([]byte(`{"versions":[{"commit_audit":{"_type":"ATTESTATION","reason":"x","is_pending":true,"items":[{"value":"ehr://a"}],"description":{"value":"d"}},"lifecycle_state":{"code_string":"532"}}],"audit":{"change_type":{"value":"creation"}}}`))
	f.Add([]byte(`{"versions":[{"attestations":[{"attested_view":{"media_type":{"terminology_id":{"value":"IANA_media-types"},"code_string":"a/b"},"size":1},"reason":{"_type":"DV_CODED_TEXT"},"is_pending":false,"proof":"\u0000"}]}]}`))
	f.Add([]byte(`{"uid":{"value":"x"},"uid":1}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := readContribution(body)
		if err != nil {
			return
		}
		for i := range c.Versions {
			audits := append([]updateAudit(nil), c.Versions[i].Attestations...)
			if c.Versions[i].Audit != nil {
				audits = append(audits, *c.Versions[i].Audit)
			}
			for _, a := range audits {
				info, err := a.info(c.Versions[i].Lifecycle.code())
				if err != nil {
					continue
				}
				if info.Described != nil {
					if _, err := canon.ReadJSON(info.Described, rminfo.DV_TEXT, canon.ReadOptions{Mandatory: true}); err != nil {
						t.Errorf("%s: %v", info.Described, err)
					}
				}
				if info.Attested == nil || a.Proof != nil && strings.ContainsRune(*a.Proof, 0) {
					continue // a U+0000 is refused where the class is judged
				}
				if _, err := canon.ReadJSON(append(append([]byte("{"), info.Attested...), '}'), rminfo.ATTESTATION, canon.ReadOptions{}); err != nil {
					t.Errorf("%s: %v", info.Attested, err)
				}
			}
		}
	})
}
