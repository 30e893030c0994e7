package rminfo

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// derived are properties the BMM files list and nobody serialises, since they
// are functions of others, or were dropped.
var derived = map[string]bool{
	"EVENT.offset": true, "DV_PROPORTION.is_integral": true, "DV_QUANTITY.property": true, "EHR.most_recent_composition": true,
	"PARTY.type": true, "CONTACT.purpose": true, "ADDRESS.type": true, "PARTY_IDENTITY.purpose": true, "PARTY_RELATIONSHIP.type": true,
	"EHR_ACCESS.settings": true,
}

// differing are properties whose multiplicity or place differs on purpose: the
// class texts of RM 1.1.0 are newer than the BMM files.
var differing = map[string]string{
	"DV_QUANTIFIED.accuracy":        "of type Any there; declared by the classes below",
	"DV_ABSOLUTE_QUANTITY.accuracy": "declared by DV_TEMPORAL",
	"PARTY.uid":                     "LOCATABLE.uid, made mandatory by an invariant",
	"CONTACT.addresses":             "mandatory in the class text",
	"EHR.contributions":             "a list is never required to be written",
}

var (
	bmmClass    = regexp.MustCompile(`^\t\["([A-Z_]+)"\] = <`)
	bmmProperty = regexp.MustCompile(`^\t{3}\["([a-z_]+)"\] = \((P_BMM_[A-Z_]+)\) <`)
	bmmNeeded   = regexp.MustCompile(`^\t{4}is_mandatory = <True>`)
)

// TestModelAgreesWithBMM: the published meta-model and rm.model name the same
// attributes, lists and mandatory ones, but for what is listed above.
func TestModelAgreesWithBMM(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "..", "shared", "spec", "rm-bmm", "openehr_rm_*.bmm"))
	if err != nil || len(files) == 0 {
		t.Skip("the specification's BMM files are not beside the checkout")
	}
	compared := 0
	for _, file := range files {
		if strings.Contains(file, "extract") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var class Class
		var name, property, kind string
		mandatory := false
		check := func() {
			if property == "" || class == 0 || derived[name+"."+property] || differing[name+"."+property] != "" {
				return
			}
			compared++
			attr, known := AttrByName(property)
			declared, has := Attribute{}, false
			if known {
				declared, has = class.Attribute(attr)
			}
			container := kind == "P_BMM_CONTAINER_PROPERTY" && declared.Type != Byte
			switch {
			case !has:
				t.Errorf("%s.%s is missing", name, property)
			case declared.Container != container:
				t.Errorf("%s.%s: list %v, the BMM says %v", name, property, declared.Container, container)
			case declared.Mandatory != mandatory:
				t.Errorf("%s.%s: mandatory %v, the BMM says %v", name, property, declared.Mandatory, mandatory)
			}
		}
		for _, line := range strings.Split(string(text), "\n") {
			line = strings.TrimRight(line, "\r")
			if m := bmmClass.FindStringSubmatch(line); m != nil {
				check()
				name, property = m[1], ""
				class, _ = ClassByName(name)
				continue
			}
			if m := bmmProperty.FindStringSubmatch(line); m != nil {
				check()
				property, kind, mandatory = m[1], m[2], false
				continue
			}
			mandatory = mandatory || bmmNeeded.MatchString(line)
		}
		check()
	}
	if compared < 200 {
		t.Errorf("only %d properties were compared", compared)
	}
}
