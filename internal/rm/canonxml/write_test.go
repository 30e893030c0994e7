package canonxml_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/canonxml"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/testkit/fixtures"
)

func TestWrite(t *testing.T) {
	const head = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"
	for _, c := range []struct {
		name, in string
		want     rminfo.Class
		root     string
		out      string
	}{
		{"order, types, node id, text", `{"_type":"ELEMENT","null_reason":{"value":"r"},"value":{"_type":"DV_CODED_TEXT","defining_code":{"code_string":"a<b","terminology_id":{"value":"t"}},"value":"x & y\r\n"},"archetype_node_id":"at\"1\n","name":{"value":"N"}}`,
			rminfo.ELEMENT, "", `<element ` + xmlns + ` ` + xsi + ` archetype_node_id="at&quot;1&#xA;"><name><value>N</value></name><value xsi:type="DV_CODED_TEXT"><value>x &amp; y&#xD;` + "\n" +
				`</value><defining_code><terminology_id><value>t</value></terminology_id><code_string>a&lt;b</code_string></defining_code></value><null_reason><value>r</value></null_reason></element>`},
		{"what v1 lacks is written", `{"_type":"ELEMENT","value":{"_type":"DV_SCALE","value":2.50,"symbol":{"value":"s","defining_code":{"terminology_id":{"value":"t"},"code_string":"c","preferred_term":"p"}}}}`,
			rminfo.ELEMENT, "", `<element ` + xmlns + ` ` + xsi + `><value xsi:type="DV_SCALE"><value>2.50</value><symbol><value>s</value><defining_code><terminology_id><value>t</value></terminology_id>` +
				`<code_string>c</code_string><preferred_term>p</preferred_term></defining_code></symbol></value></element>`},
		{"a version", `{"_type":"ORIGINAL_VERSION","uid":{"value":"a::b::1"},"contribution":{"id":{"_type":"HIER_OBJECT_ID","value":"c"},"namespace":"local","type":"CONTRIBUTION"},"data":{"_type":"FOLDER"}}`,
			rminfo.VERSION, "", `<version ` + xmlns + ` ` + xsi + ` xsi:type="ORIGINAL_VERSION"><contribution><id xsi:type="HIER_OBJECT_ID"><value>c</value></id><namespace>local</namespace><type>CONTRIBUTION</type></contribution>` +
				`<uid><value>a::b::1</value></uid><data xsi:type="FOLDER"/></version>`},
		{"another root", `{"_type":"FOLDER"}`, rminfo.FOLDER, "items", `<items ` + xmlns + ` ` + xsi + ` xsi:type="FOLDER"/>`},
		{"workflow_id as v1 has it", `{"_type":"ADMIN_ENTRY","workflow_id":{"type":"T"}}`, rminfo.ADMIN_ENTRY, "", `<admin_entry ` + xmlns + ` ` + xsi + `><work_flow_id><type>T</type></work_flow_id></admin_entry>`},
	} {
		t.Run(c.name, func(t *testing.T) {
			tree, err := canon.ReadJSON([]byte(c.in), c.want, canon.ReadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := canonxml.Write(nil, tree, 0, c.root)
			if err != nil || string(got) != head+c.out {
				t.Errorf("%v\n%s\nwant\n%s", err, got, head+c.out)
			}
			throughXML(t, tree, c.want)
		})
	}
}

// TestWhatXMLCannotHold is refused and not dropped.
func TestWhatXMLCannotHold(t *testing.T) {
	for _, text := range []string{`\u0001`, `a\u001Fb`, `\uFFFE`, `\uffff`} {
		tree, err := canon.ReadJSON([]byte(`{"_type":"DV_PARAGRAPH","items":[{"value":"fine \u0009\u0085\uFFFD"},{"value":"`+text+`"}]}`), rminfo.DV_PARAGRAPH, canon.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		out, err := canonxml.Write(nil, tree, 0, "")
		if f := fault.Of(err); out != nil || f.Kind != fault.NotAcceptable || f.Issues[0].Path != "/items[2]/value" {
			t.Errorf("%s: %s %v", text, out, err)
		}
	}
}

// TestSchemaValidity: a fixture that is valid by the v1 schema stays so. It needs
// xmllint.
func TestSchemaValidity(t *testing.T) {
	lint, err := exec.LookPath("xmllint")
	if err != nil {
		t.Skip("xmllint is not installed")
	}
	schema := filepath.Join(fixtures.Spec(t, "xsd/v1-namespace-Release-1.0.2v2"), "Composition.xsd")
	files, err := filepath.Glob(filepath.Join(fixtures.Dir(t, "web-template"), "*", "raw-*.xml"))
	if err != nil {
		t.Fatal(err)
	}
	valid := 0
	for _, file := range files {
		if exec.Command(lint, "--nonet", "--noout", "--schema", schema, file).Run() != nil {
			continue
		}
		valid++
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		tree, err := canonxml.Read(data, rminfo.COMPOSITION, canon.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		doc, err := canonxml.Write(nil, tree, 0, "")
		if err != nil {
			t.Fatal(err)
		}
		check := exec.Command(lint, "--nonet", "--noout", "--schema", schema, "-")
		check.Stdin = strings.NewReader(string(doc))
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("%s: %s", filepath.Base(filepath.Dir(file)), out)
		}
	}
	if valid == 0 {
		t.Error("no fixture is valid")
	}
}
