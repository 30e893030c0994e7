package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/sdc/binding"
)

const orderTemplate = "../../templates/opt/genomic_test_order.v1.opt"

// TestBindingIsProposedAndChecked: a form of two questions, one of a code that the
// template binds, one that it has nothing for.
func TestBindingIsProposedAndChecked(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	form := write("form.json", `{"resourceType":"Questionnaire","url":"https://example.org/Questionnaire/order","item":[
		{"linkId":"a","type":"group","item":[{"linkId":"a.1","type":"choice","text":"Are the parents related?","code":[{"system":"http://snomed.info/sct","code":"842009"}]}]},
		{"linkId":"b","type":"string","text":"Shoe size"},{"linkId":"c","type":"display","text":"Thank you"}]}`)
	var out bytes.Buffer
	if err := (bindingPropose{Template: orderTemplate, Form: form}).print(&out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "# a.1: both are http://snomed.info/sct|842009") {
		t.Errorf("not proposed by its code:\n%s", out.String())
	}
	b, err := binding.Read(out.Bytes())
	if err != nil {
		t.Fatalf("what is proposed is no binding file: %v\n%s", err, out.String())
	}
	if len(b.Items) != 1 || b.Items[0].LinkID != "a.1" || !strings.HasSuffix(b.Items[0].Path, "items[at0026]") || b.Unbound["b"] == "" || len(b.Unbound) != 1 {
		t.Errorf("%+v", b)
	}
	file := write("proposed.yaml", out.String())
	out.Reset()
	if err := (bindingCheck{Template: orderTemplate, Form: form, File: file}).print(&out); err != nil || !strings.Contains(out.String(), "1 questions bound to Genomic test order.v1, 1 left unbound on purpose") {
		t.Errorf("%v: %s", err, out.String())
	}
	head := "questionnaire: https://example.org/Questionnaire/order\ntemplate: Genomic test order.v1\n"
	for name, c := range map[string]struct{ text, says string }{
		"unknown": {head + "items: [{linkId: z, path: " + strconv.Quote(b.Items[0].Path) + "}]\n", "error: z: the form has no such question"},
		"unbound": {head, "warning: b: the question is not bound"},
	} {
		out.Reset()
		err := (bindingCheck{Template: orderTemplate, Form: form, File: write(name+".yaml", c.text)}).print(&out)
		if !strings.Contains(out.String(), c.says) || (err != nil) != strings.HasPrefix(c.says, "error") {
			t.Errorf("%s: %v\n%s", name, err, out.String())
		}
	}
	err = (bindingCheck{Template: orderTemplate, File: write("nowhere.yaml", head+"items: [{linkId: a.1, path: /nowhere}]\n")}).print(&out)
	if f := fault.Of(err); len(f.Issues) != 1 || f.Issues[0].Rule != "path-unknown" {
		t.Errorf("%v", err)
	}
}

// TestShippedBindingsAreWholeForTheirForms checks what we ship against the forms of
// the fixtures, and what would be proposed for them.
func TestShippedBindingsAreWholeForTheirForms(t *testing.T) {
	for file, form := range map[string]string{"nw_genomics_test_order": "GenomicTestOrder", "nw_genomics_test_order_future": "GenomicTestOrderFuture"} {
		form = "../../../shared/fixtures/sdc/nwgmsa__Questionnaire-" + form + ".json"
		if _, err := os.Stat(form); err != nil {
			t.Skip("no form of the fixtures to check against")
		}
		var out bytes.Buffer
		if err := (bindingCheck{Template: orderTemplate, Form: form, File: "../../templates/bindings/" + file + ".yaml"}).print(&out); err != nil {
			t.Errorf("%v\n%s", err, out.String())
		}
		out.Reset()
		if err := (bindingPropose{Template: orderTemplate, Form: form}).print(&out); err != nil {
			t.Fatal(err)
		}
		snomed, loinc := strings.Count(out.String(), "both are http://snomed.info/sct|"), strings.Count(out.String(), "both are http://loinc.org|")
		t.Logf("%s: proposed by SNOMED CT %d, by LOINC %d, by words %d", file, snomed, loinc, strings.Count(out.String(), "both are called"))
		if snomed < 2 || loinc < 5 {
			t.Errorf("%s: fewer proposals by code than the form and the template share\n%s", file, out.String())
		}
	}
}
