package conformance

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// manifestEntry is a document of the fixtures and what the leader's suite wants.
type manifestEntry struct {
	File     string `json:"file"`
	Method   string `json:"method"`
	Path     string `json:"path"`
	Template string `json:"template_id"`
	Want     int    `json:"expected_status"`
}

// manifestDifference is an answer of ours that is not the manifest's.
type manifestDifference struct {
	file   string
	status int
	no     string
}

// manifestDifferences are numbered in README.md.
var manifestDifferences = []manifestDifference{
	{"ehr/invalid/000_ehr_status_type_missing.json", 201, "M-01"},
	{"compositions/canonical-json/all_types_systematic_tests.json", 422, "M-02"},
	{"compositions/flat/ism_missing_transition.json", 422, "M-03"},
}

// TestManifests sends every document of the fixtures to a server in EHRbase's
// manners and compares the status with its manifest.
func TestManifests(t *testing.T) {
	dir := sharedFile(t, "fixtures", "openehr")
	uploadTemplates(t, dir)
	for _, group := range []string{"ehr", "directory", "contributions", "compositions"} {
		text, err := os.ReadFile(filepath.Join(dir, group, "manifest.json"))
		if err != nil {
			t.Fatal(err)
		}
		var entries []manifestEntry
		if err := json.Unmarshal(text, &entries); err != nil {
			t.Fatal(err)
		}
		differs, of, named := 0, 0, map[string]bool{}
		for _, e := range entries {
			if e.Want == 0 {
				continue
			}
			of++
			named[group+"/"+e.File] = true
			t.Run(group+"/"+e.File, func(t *testing.T) {
				body, err := os.ReadFile(filepath.Join(dir, group, e.File))
				if err != nil {
					t.Fatal(err)
				}
				c := peerScene(t)
				c.header = append(c.header, "Prefer", "return=representation")
				a := manifestSenders[group](c, e, string(body), filepath.Join(dir, group))
				want, no := e.Want, ""
				for _, d := range manifestDifferences {
					if d.file == group+"/"+e.File {
						want, no = d.status, d.no
						differs++
					}
				}
				if a.status != want {
					t.Errorf("status %d, want %d %s: %.400s", a.status, want, no, a.body)
				}
			})
		}
		for _, d := range manifestDifferences {
			if strings.HasPrefix(d.file, group+"/") && !named[d.file] {
				t.Errorf("%s %s is in no manifest", d.no, d.file)
			}
		}
		t.Logf("%s: %d of %d documents have the manifest's status", group, of-differs, of)
	}
}

// uploadTemplates loads the templates the documents need.
func uploadTemplates(t *testing.T, dir string) {
	t.Helper()
	c := peerScene(t)
	opts, err := filepath.Glob(filepath.Join(dir, "opt", "*.opt"))
	if err != nil || len(opts) == 0 {
		t.Fatalf("no templates: %v", err)
	}
	for _, path := range opts {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		c.facts = map[string]string{}
		c.do(&exchange{method: "POST", path: "/definition/template/adl1.4", text: string(text),
			sent: []string{"Content-Type", "application/xml"}, statuses: []int{200, 201, 204, 409}})
	}
}

// carried find the uid a document of the fixtures gives itself, by the member
// before it: several carry the same, since their suite wipes the store between.
var carried = []*regexp.Regexp{
	regexp.MustCompile(`("[^"/]+/_uid"\s*:\s*")[0-9a-f-]{36}`),
	regexp.MustCompile(`("_uid"\s*:\s*\[\s*")[0-9a-f-]{36}`),
	regexp.MustCompile(`("uid"\s*:\s*\{\s*"_type"\s*:\s*"[A-Z_]+",\s*"value"\s*:\s*")[0-9a-f-]{36}`),
	regexp.MustCompile(`(<uid[^>]*>\s*<value>)[0-9a-f-]{36}`),
}

// renamed gives the document another uid of its own, its first.
func renamed(body string) string {
	for _, uid := range carried {
		if at := uid.FindStringSubmatchIndex(body); at != nil {
			return body[:at[3]] + "{uuid}" + body[at[1]:]
		}
	}
	return body
}

var manifestSenders = map[string]func(c *scene, e manifestEntry, body, dir string) answer{
	"ehr": func(c *scene, e manifestEntry, body, _ string) answer {
		doc := object(body)
		if id, ok := at(doc, "subject", "external_ref", "id").(map[string]any); ok && id["value"] != nil && id["value"] != "" {
			id["value"] = "{uuid}"
		}
		text, _ := json.Marshal(doc)
		return c.do(request(e.Method, strings.Replace(e.Path, "{ehr_id}", "{uuid2}", 1), string(text)))
	},
	"directory": func(c *scene, e manifestEntry, body, dir string) answer {
		body = renamed(strings.ReplaceAll(body, "replaceme", "{v1.object}"))
		at := strings.Replace(e.Path, "{ehr_id}", "{ehr}", 1)
		if e.Method == "POST" {
			return c.do(post(at, body))
		}
		// The sequence of update/: each is put over the one before.
		c.do(post(at, folder("root")).want(201).keep("dir"))
		return c.do(put(at, body).match("{dir}"))
	},
	"contributions": func(c *scene, e manifestEntry, body, dir string) answer {
		doc := object(body)
		versions, _ := doc["versions"].([]any)
		for _, v := range versions {
			v, _ := v.(map[string]any)
			preceding, is := v["preceding_version_uid"].(map[string]any)
			if !is || strings.HasPrefix(e.File, "invalid/") {
				continue
			}
			switch class := at(v, "data", "_type"); class {
			case "EHR_STATUS":
				preceding["value"] = "{status}"
			case "FOLDER":
				preceding["value"] = "{dir}"
			default:
				first, _, _ := strings.Cut(e.File, ".contribution.")
				text, err := os.ReadFile(filepath.Join(dir, first+".contribution.json"))
				if err != nil {
					c.t.Fatal(err)
				}
				c.do(post("/ehr/{ehr}/contribution", string(text)).want(201).keepAt("first", "versions.0.id.value"))
				preceding["value"] = "{first}"
			}
		}
		text, _ := json.Marshal(doc)
		return c.do(post(strings.Replace(e.Path, "{ehr_id}", "{ehr}", 1), string(text)))
	},
	"compositions": func(c *scene, e manifestEntry, body, _ string) answer {
		body = renamed(body)
		format, _, _ := strings.Cut(e.File, "/")
		at := "/ehr/{ehr}/composition"
		send := post(at, body)
		switch format {
		case "canonical-xml":
			send.typed("application/xml").accept("application/xml")
		case "flat", "structured":
			send = post(at+"?format="+strings.ToUpper(format)+"&templateId="+url.QueryEscape(e.Template), body).
				typed("application/openehr.wt." + format + ".schema+json")
		}
		return c.do(send)
	},
}
