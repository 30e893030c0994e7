package openehr_test

import (
	"encoding/xml"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/canonxml"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// TestRecordInXML: compositions of another maker's templates are committed as
// XML, are the same in JSON and XML, and are updated by what was read.
func TestRecordInXML(t *testing.T) {
	folders, err := filepath.Glob(filepath.Join("..", "..", "..", "..", "shared", "fixtures", "web-template", "*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(folders) == 0 {
		t.Skip("the shared fixtures are not there")
	}
	app := onDatabase(t)
	inXML := h{"Accept": "application/xml"}
	status, _, header := ask(t, app, "POST", "/ehr", "", nil)
	ehr := "/ehr/" + strings.Trim(strings.TrimPrefix(header.Get("ETag"), "W/"), `"`)
	if status != http.StatusCreated {
		t.Fatal(status)
	}
	committed := 0
	for _, folder := range folders {
		template, err := os.ReadFile(filepath.Join(folder, "template.opt"))
		if err != nil {
			continue
		}
		if status, text, _ := ask(t, app, "POST", "/definition/template/adl1.4", string(template), h{"Content-Type": "application/xml"}); status != http.StatusCreated {
			t.Fatalf("%s: %d %.300s", filepath.Base(folder), status, text)
		}
		raws, err := filepath.Glob(filepath.Join(folder, "raw-*.xml"))
		if err != nil {
			t.Fatal(err)
		}
		for _, raw := range raws {
			document, err := os.ReadFile(raw)
			if err != nil {
				t.Fatal(err)
			}
			status, text, header := ask(t, app, "POST", ehr+"/composition", string(document), h{"Content-Type": "application/xml", "Accept": "application/xml", "Prefer": "return=representation"})
			var refused struct {
				XMLName xml.Name `xml:"error"`
				Code    string   `xml:"errors>defining_code>code_string"`
				Issue   string   `xml:"validationErrors"`
			}
			if status != http.StatusCreated && xml.Unmarshal([]byte(text), &refused) == nil && (refused.Code == "validation" || refused.Code == "xml-member-missing") {
				t.Logf("%s/%s is not valid here: %d %s", filepath.Base(folder), filepath.Base(raw), status, refused.Issue)
				continue
			}
			if status != http.StatusCreated {
				t.Fatalf("%s: %d %.500s", raw, status, text)
			}
			committed++
			uid := strings.Trim(strings.TrimPrefix(header.Get("ETag"), "W/"), `"`)
			again(t, app, ehr, uid, text)
		}
	}
	if committed < 7 {
		t.Errorf("only %d compositions were committed", committed)
	}
	for _, path := range []string{"", "/ehr_status", "/versioned_ehr_status", "/versioned_ehr_status/version", "/versioned_ehr_status/revision_history"} {
		status, text, _ := ask(t, app, "GET", ehr+path, "", inXML)
		if status != http.StatusOK {
			t.Fatalf("%s: %d %s", path, status, text)
		}
		if _, err := canonxml.Read([]byte(text), 0, canon.ReadOptions{}); err != nil {
			t.Errorf("%s: %v %v", path, err, fault.Of(err).Issues)
		}
	}
}

// again reads a composition in every way and writes it back as it was read.
func again(t *testing.T, app *fiber.App, ehr, uid, sent string) {
	t.Helper()
	at := ehr + "/composition/" + uid
	_, inXML, _ := ask(t, app, "GET", at, "", h{"Accept": "application/xml"})
	if inXML != sent {
		t.Errorf("%s: what was read is not what the commit answered", uid)
	}
	_, inJSON, _ := ask(t, app, "GET", at, "", nil)
	tree, err := canonxml.Read([]byte(inXML), rminfo.COMPOSITION, canon.ReadOptions{Mandatory: true})
	if err != nil {
		t.Fatal(err, fault.Of(err).Issues)
	}
	stored, err := canon.ReadJSON([]byte(inJSON), rminfo.COMPOSITION, canon.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	fromJSON, err := canonxml.Write(nil, stored, 0, "")
	if err != nil || string(fromJSON) != inXML {
		t.Errorf("%s: XML and JSON are of two objects: %v", uid, err)
	}
	if tree.Len() != stored.Len() {
		t.Errorf("%s: %d nodes in XML, %d in JSON", uid, tree.Len(), stored.Len())
	}
	object, _, _ := strings.Cut(uid, "::")
	status, text, header := ask(t, app, "PUT", ehr+"/composition/"+object, inXML, h{"Content-Type": "text/xml", "If-Match": `"` + uid + `"`, "Accept": "text/xml", "Prefer": "return=representation"})
	next := strings.Trim(strings.TrimPrefix(header.Get("ETag"), "W/"), `"`)
	if status != http.StatusOK || strings.Replace(text, next, uid, 1) != inXML {
		t.Errorf("%s: the update answered %d %.300s", uid, status, text)
	}
	versioned := ehr + "/versioned_composition/" + object
	for _, path := range []string{versioned, versioned + "/version", versioned + "/version/" + uid, versioned + "/revision_history"} {
		status, text, _ := ask(t, app, "GET", path, "", h{"Accept": "application/xml"})
		if status != http.StatusOK {
			t.Fatalf("%s: %d %s", path, status, text)
		}
		version, err := canonxml.Read([]byte(text), 0, canon.ReadOptions{Mandatory: true})
		if err != nil {
			t.Fatalf("%s: %v %v\n%.500s", path, err, fault.Of(err).Issues, text)
		}
		if id := version.Find(0, rminfo.A_contribution, rminfo.A_id, rminfo.A_value); version.Class(0) == rminfo.ORIGINAL_VERSION && path == versioned+"/version" {
			status, text, _ := ask(t, app, "GET", ehr+"/contribution/"+version.Text(id), "", h{"Accept": "application/xml"})
			if _, err := canonxml.Read([]byte(text), rminfo.CONTRIBUTION, canon.ReadOptions{Mandatory: true}); status != http.StatusOK || err != nil {
				t.Errorf("contribution: %d %v %s", status, err, text)
			}
		}
	}
}
