package rminfo

import "testing"

func TestInheritance(t *testing.T) {
	for _, tc := range []struct {
		class, ancestor Class
		want            bool
	}{
		{DV_CODED_TEXT, DV_TEXT, true}, {DV_CODED_TEXT, DATA_VALUE, true}, {DV_TEXT, DV_CODED_TEXT, false},
		{OBSERVATION, ENTRY, true}, {OBSERVATION, LOCATABLE, true}, {EVENT_CONTEXT, LOCATABLE, false},
		{DV_QUANTITY, DV_ORDERED, true}, {POINT_EVENT, EVENT, true}, {CLUSTER, CLUSTER, true},
	} {
		if got := tc.class.IsA(tc.ancestor); got != tc.want {
			t.Errorf("%s is a %s: %v, want %v", tc.class, tc.ancestor, got, tc.want)
		}
	}
}

func TestAttributes(t *testing.T) {
	for _, tc := range []struct {
		class Class
		attr  Attr
		want  Attribute
	}{
		{COMPOSITION, A_content, Attribute{A_content, CONTENT_ITEM, true, false}},
		{COMPOSITION, A_name, Attribute{A_name, DV_TEXT, false, true}},
		{DV_QUANTITY, A_magnitude, Attribute{A_magnitude, Real, false, true}},
		{DV_COUNT, A_magnitude, Attribute{A_magnitude, Integer64, false, true}},
		{OBSERVATION, A_data, Attribute{A_data, HISTORY, false, true}},
		{ISM_TRANSITION, A_reason, Attribute{A_reason, DV_TEXT, true, false}},
		{ATTESTATION, A_reason, Attribute{A_reason, DV_TEXT, false, true}},
	} {
		got, ok := tc.class.Attribute(tc.attr)
		if !ok || got != tc.want {
			t.Errorf("%s.%s = %v, %v; want %v", tc.class, tc.attr, got, ok, tc.want)
		}
	}
	if _, ok := DV_TEXT.Attribute(A_magnitude); ok {
		t.Error("DV_TEXT has no magnitude")
	}
}

func TestNamesAreInterned(t *testing.T) {
	for c := Class(1); int(c) < Classes(); c++ {
		if got, ok := ClassByName(c.Name()); !ok || got != c {
			t.Errorf("class %s is found as %v", c.Name(), got)
		}
		for _, a := range c.Attributes() {
			if got, ok := AttrByBytes([]byte(a.Attr.Name())); !ok || got != a.Attr {
				t.Errorf("attribute %s is found as %v", a.Attr.Name(), got)
			}
		}
	}
	if _, ok := ClassByName("DV_NOTHING"); ok {
		t.Error("an unknown class was found")
	}
}
