package templates_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/quire-cdr/quire/archetypes"
	"github.com/quire-cdr/quire/templates"
)

// element is any XML element of an OPT, enough to walk it.
type element struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Text     string     `xml:",chardata"`
	Children []element  `xml:",any"`
}

func (e *element) attr(name string) string {
	for _, a := range e.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// at returns the text at the end of a chain of first children, "" if broken.
func (e *element) at(names ...string) string {
	for _, name := range names {
		i := slices.IndexFunc(e.Children, func(c element) bool { return c.XMLName.Local == name })
		if i < 0 {
			return ""
		}
		e = &e.Children[i]
	}
	return strings.TrimSpace(e.Text)
}

func (e *element) walk(visit func(*element)) {
	visit(e)
	for i := range e.Children {
		e.Children[i].walk(visit)
	}
}

func parseOPT(t *testing.T, file string) *element {
	t.Helper()
	f, err := templates.FS.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	dec := xml.NewDecoder(f)
	var root element
	if err := dec.Decode(&root); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%s: after the root element: %v", file, err)
		}
		if text, ok := tok.(xml.CharData); !ok || strings.TrimSpace(string(text)) != "" {
			t.Fatalf("%s: content after the root element", file)
		}
	}
	return &root
}

// terms are "code/text" and "code/description" to wording.
type terms map[string]string

var adlTerm = regexp.MustCompile(`\["(at[0-9.]+)"\] = <\s*text = <"([^"]*)">\s*description = <"([^"]*)">`)

// specialised names the parent of an archetype that has one.
var specialised = regexp.MustCompile(`\nspecialize\n\t(\S+)\n`)

func archetype(t *testing.T, id string) (source string, all terms) {
	t.Helper()
	b, err := fs.ReadFile(archetypes.FS, "adl/"+id+".adl")
	if err != nil {
		t.Fatalf("archetype without a source: %v", err)
	}
	all = terms{}
	for _, m := range adlTerm.FindAllStringSubmatch(string(b), -1) {
		if all[m[1]+"/text"] == "" { // the original language comes first
			all[m[1]+"/text"], all[m[1]+"/description"] = m[2], m[3]
		}
	}
	if m := specialised.FindStringSubmatch(string(b)); m != nil {
		_, parent := archetype(t, m[1])
		for code, wording := range parent {
			if _, own := all[code]; !own {
				all[code] = wording
			}
		}
	}
	return string(b), all
}

// archetypeRoots returns the terms in an OPT by archetype id.
func archetypeRoots(opt *element) map[string]terms {
	roots := map[string]terms{}
	opt.walk(func(e *element) {
		id := e.at("archetype_id", "value")
		if id == "" {
			return
		}
		roots[id] = terms{}
		for i := range e.Children {
			def := &e.Children[i]
			if def.XMLName.Local != "term_definitions" {
				continue
			}
			for j := range def.Children {
				roots[id][def.attr("code")+"/"+def.Children[j].attr("id")] = def.Children[j].Text
			}
		}
	})
	return roots
}

func TestManifestListsEveryFile(t *testing.T) {
	var want, got []string
	for _, tpl := range templates.All() {
		want = append(append(want, tpl.File), tpl.Examples...)
		if tpl.Sensitivity != "normal" {
			t.Errorf("%s: sensitivity %q", tpl.ID, tpl.Sensitivity)
		}
	}
	for _, pattern := range []string{"opt/*", "examples/*"} {
		files, err := fs.Glob(templates.FS, pattern)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, files...)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		t.Errorf("manifest lists\n%q, folders hold\n%q", want, got)
	}
}

func TestTemplatesAgreeWithArchetypes(t *testing.T) {
	unused, err := fs.Glob(archetypes.FS, "adl/*.adl")
	if err != nil {
		t.Fatal(err)
	}
	for _, tpl := range templates.All() {
		opt := parseOPT(t, tpl.File)
		if opt.XMLName.Space != "http://schemas.openehr.org/v1" || opt.XMLName.Local != "template" {
			t.Errorf("%s: root element %v", tpl.File, opt.XMLName)
		}
		if id := opt.at("template_id", "value"); id != tpl.ID {
			t.Errorf("%s: template id %q, manifest says %q", tpl.File, id, tpl.ID)
		}
		roots := archetypeRoots(opt)
		if len(roots) < 2 {
			t.Errorf("%s: only %d archetypes found", tpl.File, len(roots))
		}
		for id, inTemplate := range roots {
			source, inArchetype := archetype(t, id)
			if !strings.Contains(source, "\n\t"+id+"\n") {
				t.Errorf("%s.adl names another archetype", id)
			}
			maps.DeleteFunc(inTemplate, func(code, _ string) bool { return !strings.HasPrefix(code, "at") }) // SNOMED CT
			if len(inArchetype) == 0 || !maps.Equal(inTemplate, inArchetype) {
				t.Errorf("%s: terms in %s differ from the archetype's", id, tpl.File)
			}
			used := []string{id}
			if m := specialised.FindStringSubmatch(source); m != nil {
				used = append(used, m[1])
			}
			unused = slices.DeleteFunc(unused, func(f string) bool {
				return slices.Contains(used, strings.TrimSuffix(strings.TrimPrefix(f, "adl/"), ".adl"))
			})
		}
	}
	for _, source := range sources(t) {
		unused = slices.DeleteFunc(unused, func(f string) bool {
			return strings.Contains(source, strings.TrimSuffix(strings.TrimPrefix(f, "adl/"), ".adl"))
		})
	}
	if len(unused) > 0 {
		t.Errorf("archetypes in no template: %q", unused)
	}
}

// sources are the texts of the template sources of this folder.
func sources(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	return texts
}

// assumedADL matches an assumed value in ADL 1.4: a value after a semicolon
// inside a constraint. Cardinality uses the semicolon for "; unordered".
var assumedADL = regexp.MustCompile(`;\s*(at\d|\d|"|True|False|P\d)|assumed_value`)

// DESIGN 5a rule 8 and 14: nothing may be filled in that nobody said.
func TestNothingIsFilledIn(t *testing.T) {
	for _, tpl := range templates.All() {
		opt := parseOPT(t, tpl.File)
		opt.walk(func(e *element) {
			if n := e.XMLName.Local; n == "assumed_value" || n == "default_value" || n == "constraints" {
				t.Errorf("%s: element %s", tpl.File, n)
			}
		})
		for id := range archetypeRoots(opt) {
			source, _ := archetype(t, id)
			_, definition, found := strings.Cut(source, "\ndefinition\n")
			definition, _, _ = strings.Cut(definition, "\nontology\n")
			if !found {
				t.Fatalf("%s: no definition", id)
			}
			if m := assumedADL.FindString(definition); m != "" {
				t.Errorf("%s: assumed value %q", id, m)
			}
		}
	}
	if !assumedADL.MatchString("[local::at0003, at0004; at0003]") {
		t.Error("the check for assumed values finds none where one is")
	}
}

// The recommendation must be answered, by one of four distinct values.
func TestCPRRecommendationIsExplicit(t *testing.T) {
	const id = "openEHR-EHR-EVALUATION.cpr_recommendation.v1"
	want := []string{"CPR attempts recommended", "For modified CPR", "CPR attempts not recommended", "Not recorded"}
	opt := parseOPT(t, "opt/emergency_care_plan.v1.opt")
	words := archetypeRoots(opt)[id]
	var got []string
	opt.walk(func(root *element) {
		if root.at("archetype_id", "value") != id {
			return
		}
		if root.at("occurrences", "lower") != "1" || root.at("occurrences", "upper") != "1" {
			t.Error("the entry is not mandatory and single")
		}
		root.walk(func(e *element) {
			if e.at("node_id") != "at0002" {
				return
			}
			if e.at("occurrences", "lower") != "1" || e.at("occurrences", "upper") != "1" {
				t.Error("the recommendation is not mandatory and single")
			}
			e.walk(func(c *element) {
				if c.XMLName.Local == "code_list" {
					got = append(got, words[c.Text+"/text"])
				}
			})
		})
	})
	if !slices.Equal(got, want) {
		t.Errorf("values %q, want %q", got, want)
	}
}

// visit calls f for every JSON object below v, with the id of the archetype
// that its local codes belong to.
func visit(v any, scope string, f func(object map[string]any, scope string)) {
	switch v := v.(type) {
	case map[string]any:
		if details, ok := v["archetype_details"].(map[string]any); ok {
			scope = value(details["archetype_id"])
		}
		f(v, scope)
		for _, child := range v {
			visit(child, scope, f)
		}
	case []any:
		for _, child := range v {
			visit(child, scope, f)
		}
	}
}

func value(v any) string {
	object, _ := v.(map[string]any)
	s, _ := object["value"].(string)
	return s
}

// questionnaireAnswer is the archetype whose nodes are named at run time.
const questionnaireAnswer = "openEHR-EHR-CLUSTER.questionnaire_answer.v1"

func TestExamplesUseTheirTemplate(t *testing.T) {
	types := map[string]bool{}
	for _, tpl := range templates.All() {
		roots := archetypeRoots(parseOPT(t, tpl.File))
		for _, file := range tpl.Examples {
			t.Run(file, func(t *testing.T) {
				b, err := fs.ReadFile(templates.FS, file)
				if err != nil {
					t.Fatal(err)
				}
				var composition map[string]any
				if err := json.Unmarshal(b, &composition); err != nil {
					t.Fatal(err)
				}
				details, _ := composition["archetype_details"].(map[string]any)
				if got := value(details["template_id"]); got != tpl.ID {
					t.Errorf("template id %q, want %q", got, tpl.ID)
				}
				visit(composition, "", func(object map[string]any, scope string) {
					class, _ := object["_type"].(string)
					types[class] = true
					if scope == questionnaireAnswer && object["archetype_node_id"] == "at0001" {
						return // an answer is named by the words of its question
					}
					if problem := localTerm(object, roots[scope]); problem != "" {
						t.Errorf("%s: %s", scope, problem)
					}
				})
			})
		}
	}
	for _, class := range []string{
		"DV_TEXT", "DV_CODED_TEXT", "DV_QUANTITY", "DV_COUNT", "DV_ORDINAL", "DV_PROPORTION", "DV_BOOLEAN",
		"DV_DATE", "DV_TIME", "DV_DATE_TIME", "DV_DURATION", "DV_IDENTIFIER",
	} {
		if !types[class] {
			t.Errorf("no example holds a %s", class)
		}
	}
}

// localTerm says what is wrong with the wording of a local code or of a node's
// name, "" if nothing is.
func localTerm(object map[string]any, words terms) string {
	text, code := value(object["name"]), ""
	if node, ok := object["archetype_node_id"].(string); ok && strings.HasPrefix(node, "at") {
		code = node
	}
	if coded, ok := object["defining_code"].(map[string]any); ok && value(coded["terminology_id"]) == "local" {
		text, _ = object["value"].(string)
		code, _ = coded["code_string"].(string)
	}
	if code == "" {
		return ""
	}
	if want, ok := words[code+"/text"]; !ok || want != text {
		return fmt.Sprintf("%s is called %q, the template says %q", code, text, want)
	}
	return ""
}
