package validate_test

import (
	"strings"
	"testing"

	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/validate"
)

const partyUID = "8849182c-82ad-4088-a07f-48ead4180515"

// person is a PERSON with members added.
func person(more string) string {
	return `{"_type":"PERSON","archetype_node_id":"openEHR-DEMOGRAPHIC-PERSON.person.v1","name":{"_type":"DV_TEXT","value":"Person"},` +
		`"archetype_details":{"_type":"ARCHETYPED","archetype_id":{"_type":"ARCHETYPE_ID","value":"openEHR-DEMOGRAPHIC-PERSON.person.v1"},"rm_version":"1.1.0"},` +
		`"identities":[{"_type":"PARTY_IDENTITY","archetype_node_id":"at0001","name":{"_type":"DV_TEXT","value":"Legal name"},` + details + `}]` + more + `}`
}

const details = `"details":{"_type":"ITEM_TREE","archetype_node_id":"at0002","name":{"_type":"DV_TEXT","value":"Tree"},"items":[` +
	`{"_type":"ELEMENT","archetype_node_id":"at0003","name":{"_type":"DV_TEXT","value":"Full name"},"value":{"_type":"DV_TEXT","value":"Ada Example"}}]}`

func relationship(source, class string) string {
	return `,"relationships":[{"_type":"PARTY_RELATIONSHIP","archetype_node_id":"at0010","name":{"_type":"DV_TEXT","value":"Carer"},` +
		`"source":{"_type":"PARTY_REF","namespace":"local","type":"PERSON","id":{"_type":"HIER_OBJECT_ID","value":"` + source + `"}},` +
		`"target":{"_type":"PARTY_REF","namespace":"local","type":"` + class + `","id":{"_type":"HIER_OBJECT_ID","value":"7d44b88c-4199-4bad-97dc-d78268e01398"}}}]`
}

func role(performer string) string {
	text := strings.Replace(person(performer), `"_type":"PERSON"`, `"_type":"ROLE"`, 1)
	return strings.ReplaceAll(text, "-PERSON.person", "-ROLE.role")
}

func performer(class string) string {
	return `,"performer":{"_type":"PARTY_REF","namespace":"local","type":"` + class + `","id":{"_type":"HIER_OBJECT_ID","value":"` + partyUID + `"}}`
}

func TestParties(t *testing.T) {
	contact := `,"contacts":[{"_type":"CONTACT","archetype_node_id":"at0020","name":{"_type":"DV_TEXT","value":"Home"},"addresses":[%]}]`
	address := `{"_type":"ADDRESS","archetype_node_id":"at0021","name":{"_type":"DV_TEXT","value":"Postal"},` + details + `}`
	for _, tc := range []struct {
		name, document string
		incomplete     bool
		rule           string // "" is valid
	}{
		{"a person", person(""), false, ""},
		{"a contact", person(strings.Replace(contact, "%", address, 1)), false, ""},
		{"a contact without addresses", person(strings.Replace(contact, "%", "", 1)), false, "rm-existence"},
		{"no identities", strings.Replace(person(""), `"identities"`, `"contacts_of_none"`, 1), false, "member-unknown"},
		{"an empty list of identities", person("")[:strings.Index(person(""), `"identities"`)] + `"identities":[]}`, false, "rm-existence"},
		{"the same in a draft", person("")[:strings.Index(person(""), `"identities"`)] + `"identities":[]}`, true, ""},
		{"no archetype", strings.Replace(person(""), `"archetype_node_id":"openEHR-DEMOGRAPHIC-PERSON.person.v1"`, `"archetype_node_id":"at0000"`, 1), false, "invariant-PERSON.Is_archetype_root"},
		{"no archetype details", strings.Replace(person(""), `"archetype_details":{"_type":"ARCHETYPED","archetype_id":{"_type":"ARCHETYPE_ID","value":"openEHR-DEMOGRAPHIC-PERSON.person.v1"},"rm_version":"1.1.0"},`, "", 1), false, "invariant-PERSON.Is_archetype_root"},
		{"details of another archetype", strings.Replace(person(""), `"ARCHETYPE_ID","value":"openEHR-DEMOGRAPHIC-PERSON.person.v1"`, `"ARCHETYPE_ID","value":"openEHR-DEMOGRAPHIC-PERSON.other.v1"`, 1), false, "invariant-LOCATABLE.Archetyped_valid"},
		{"a relationship", person(relationship(partyUID, "ORGANISATION")), false, ""},
		{"a relationship to a class of elsewhere", person(relationship(partyUID, "CARE_HOME")), false, ""},
		{"a relationship to a composition", person(relationship(partyUID, "COMPOSITION")), false, "invariant-PARTY_RELATIONSHIP.Target_valid"},
		{"a role", role(performer("PERSON")), false, ""},
		{"a role of any party", role(performer("PARTY")), false, ""},
		{"a role without performer", role(""), false, "rm-existence"},
		{"a role played by a role", role(performer("ROLE")), false, "invariant-ROLE.Performer_valid"},
	} {
		tree, err := canon.ReadJSON([]byte(tc.document), rminfo.PARTY, canon.ReadOptions{})
		if tc.rule == "member-unknown" {
			if err == nil {
				t.Errorf("%s: read", tc.name)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		rule := ""
		for _, issue := range validate.Check(tree, nil, validate.Options{Incomplete: tc.incomplete}) {
			if !issue.Warning {
				rule = issue.Rule
				break
			}
		}
		if rule != tc.rule {
			t.Errorf("%s: %q, want %q", tc.name, rule, tc.rule)
		}
	}
}

func TestRelationshipsBeginAtTheirParty(t *testing.T) {
	for source, right := range map[string]bool{
		partyUID:                               true,
		strings.ToUpper(partyUID):              true,
		partyUID + "::sys.example::1":          true,
		"7d44b88c-4199-4bad-97dc-d78268e01398": false,
		"somebody":                             false,
	} {
		tree, err := canon.ReadJSON([]byte(person(relationship(source, "PERSON"))), rminfo.PERSON, canon.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		issues := validate.Relationships(tree, partyUID)
		if right != (len(issues) == 0) {
			t.Errorf("source %s: %v", source, issues)
		}
		if !right && (issues[0].Path != "/relationships[at0010]/source/id/value" || issues[0].Rule != "invariant-PARTY.Relationships_validity") {
			t.Errorf("source %s: %+v", source, issues[0])
		}
	}
	tree, err := canon.ReadJSON([]byte(person("")), rminfo.PERSON, canon.ReadOptions{})
	if err != nil || len(validate.Relationships(tree, partyUID)) != 0 {
		t.Errorf("no relationships: %v", err)
	}
}
