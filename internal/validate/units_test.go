package validate_test

import (
	"testing"

	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/validate"
)

func TestUnits(t *testing.T) {
	for name, tc := range map[string]struct {
		members string
		warned  bool
	}{
		"UCUM":           {`"units":"mm[Hg]"`, false},
		"rare UCUM":      {`"units":"ug/kg.min"`, false},
		"everyday":       {`"units":"mmHg"`, true},
		"with a decimal": {`"units":"ml/min/1.73.m2"`, true},
		"UCUM said":      {`"units":"mmHg","units_system":"http://unitsofmeasure.org"`, true},
		"other system":   {`"units":"mmHg","units_system":"http://example.org/units"`, false},
	} {
		tree, err := canon.ReadJSON([]byte(`{"_type":"DV_QUANTITY","magnitude":1.5,`+tc.members+`}`), rminfo.DV_QUANTITY, canon.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		issues := validate.Check(tree, nil, validate.Options{})
		warned := len(issues) == 1 && issues[0].Rule == "unit-not-ucum" && issues[0].Warning && issues[0].Path != ""
		if warned != tc.warned || !tc.warned && len(issues) > 0 || validate.Refused(issues) {
			t.Errorf("%s: %v", name, issues)
		}
	}
}
