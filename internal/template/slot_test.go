package template

import (
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/adl"
	"github.com/quire-cdr/quire/internal/aom"
)

// slotOf reads a slot from cADL, so that the expressions are those of a parser.
func slotOf(t *testing.T, assertions string) *aom.Slot {
	t.Helper()
	a, err := adl.Read(strings.NewReader("archetype (adl_version=1.4)\n\topenEHR-EHR-SECTION.s.v1\nconcept\n\t[at0000]\nlanguage\n\toriginal_language = <[ISO_639-1::en]>\n" +
		"definition\n\tSECTION[at0000] matches {items matches {allow_archetype CONTENT_ITEM occurrences matches {0..*} matches {" + assertions + "}}}\n" +
		"ontology\n\tterm_definitions = <[\"en\"] = <items = <[\"at0000\"] = <text = <\"S\"> description = <\"S\">>>>>\n"))
	if err != nil {
		t.Fatal(err)
	}
	return a.Definition.Attributes[0].Children[0].(*aom.Slot)
}

func TestSlotAssertions(t *testing.T) {
	const heart, skin, cell = "openEHR-EHR-OBSERVATION.heart.v1", "openEHR-EHR-OBSERVATION.skin-red.v2", "openEHR-EHR-CLUSTER.cell.v1"
	for name, tc := range map[string]struct {
		assertions string
		admitted   []string
	}{
		"nothing said":    {"include archetype_id/value matches {/.*/}", []string{heart, skin, cell}},
		"pattern":         {`include archetype_id/value matches {/openEHR-EHR-OBSERVATION\.heart\.v1/}`, []string{heart}},
		"whole id":        {`include archetype_id/value matches {/.*heart/}`, nil},
		"closed list":     {`include archetype_id/value matches {/.*heart.*/} exclude archetype_id/value matches {/.*/}`, []string{heart}},
		"only exclude":    {`exclude archetype_id/value matches {/.*OBSERVATION.*/}`, []string{cell}},
		"list of ids":     {`include archetype_id/value matches {"` + heart + `", "` + cell + `"}`, []string{heart, cell}},
		"equal":           {`include archetype_id/value = "` + skin + `"`, []string{skin}},
		"concept":         {`include domain_concept matches {/skin(-[a-z]+)*/}`, []string{skin}},
		"or":              {`include archetype_id/value matches {/.*heart.*/} or archetype_id/value matches {/.*cell.*/}`, []string{heart, cell}},
		"and not":         {`include archetype_id/value matches {/.*OBSERVATION.*/} and not archetype_id/value matches {/.*skin.*/}`, []string{heart}},
		"xor":             {`include archetype_id/value matches {/.*OBSERVATION.*/} xor archetype_id/value matches {/.*skin.*/}`, []string{heart}},
		"implies":         {`include archetype_id/value matches {/.*OBSERVATION.*/} implies archetype_id/value matches {/.*skin.*/}`, []string{skin, cell}},
		"undecided":       {`include /language/code_string matches {"en"}`, []string{heart, skin, cell}},
		"and undecided":   {`include archetype_id/value matches {/.*cell.*/} and /language/code_string matches {"en"}`, []string{cell}},
		"not undecided":   {`exclude not exists /items`, []string{heart, skin, cell}},
		"several include": {`include archetype_id/value matches {/.*heart.*/} archetype_id/value matches {/.*cell.*/}`, []string{heart, cell}},
	} {
		s := slotOf(t, tc.assertions)
		for _, id := range []string{heart, skin, cell} {
			if got := Admits(s, id); got != contains(tc.admitted, id) {
				t.Errorf("%s: %s admitted: %v", name, id, got)
			}
		}
	}
}
