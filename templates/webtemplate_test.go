package templates_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"testing"

	"github.com/quire-cdr/quire/internal/opt"
	"github.com/quire-cdr/quire/internal/simplified"
	"github.com/quire-cdr/quire/internal/simplified/webtemplate"
	"github.com/quire-cdr/quire/internal/template"
	"github.com/quire-cdr/quire/templates"
)

// node is what a form builder reads of a node of a web template.
type node struct {
	ID          string            `json:"id"`
	NodeID      string            `json:"nodeId"`
	Names       map[string]string `json:"localizedNames"`
	AQLPath     string            `json:"aqlPath"`
	InContext   bool              `json:"inContext"`
	Children    []node            `json:"children"`
	Annotations map[string]string `json:"annotations"`
	Inputs      []struct {
		Suffix string `json:"suffix"`
		List   []struct {
			Value      string            `json:"value"`
			Labels     map[string]string `json:"localizedLabels"`
			Validation struct {
				Range json.RawMessage `json:"range"`
			} `json:"validation"`
		} `json:"list"`
		Terminology string `json:"terminology"`
	} `json:"inputs"`
}

// readable is an id that can be typed: it says its node in words.
var readable = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,70}$`)

// anyQuantity are the quantities without bounds: standard deviations from a mean,
// and scores, whose instrument sets the bounds.
var anyQuantity = map[string]bool{
	"growth_measurements/position_on_growth_chart/z-score":            true,
	"social_prescribing_plan/outcomes/outcome_score/score":            true,
	"social_prescribing_plan/outcomes/outcome_score/lowest_possible":  true,
	"social_prescribing_plan/outcomes/outcome_score/highest_possible": true,
}

// TestWebTemplates: keys are readable and name one node each; what has a code is
// named in every language of the template; units have ranges.
func TestWebTemplates(t *testing.T) {
	for _, shipped := range templates.All() {
		text, err := templates.FS.ReadFile(shipped.File)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := opt.Read(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		compiled, err := template.Compile(parsed)
		if err != nil {
			t.Fatal(err)
		}
		var web struct {
			Languages []string `json:"languages"`
			Tree      node     `json:"tree"`
		}
		if err := json.Unmarshal(simplified.Compile(compiled).Web.JSON(webtemplate.Standard), &web); err != nil {
			t.Fatal(err)
		}
		keys := map[string]bool{}
		var walk func(n node, parent string)
		walk = func(n node, parent string) {
			key := parent + n.ID
			if keys[key] {
				t.Errorf("%s: %s is two nodes", shipped.File, key)
			}
			keys[key] = true
			if !readable.MatchString(n.ID) {
				t.Errorf("%s: %s is not readable", shipped.File, key)
			}
			for _, language := range web.Languages {
				if n.NodeID != "" && n.Names[language] == "" {
					t.Errorf("%s: %s has no name in %s", shipped.File, key, language)
				}
			}
			for _, in := range n.Inputs {
				for _, o := range in.List {
					if in.Suffix == "unit" && len(o.Validation.Range) == 0 && !anyQuantity[key] {
						t.Errorf("%s: %s in %s has no range", shipped.File, key, o.Value)
					}
					for _, language := range web.Languages {
						if in.Suffix == "code" && in.Terminology == "local" && o.Labels[language] == "" {
							t.Errorf("%s: the code %s of %s has no label in %s", shipped.File, o.Value, key, language)
						}
					}
				}
			}
			for _, child := range n.Children {
				walk(child, key+"/")
			}
		}
		walk(web.Tree, "")
	}
}
