package temporal

import "testing"

func TestClassify(t *testing.T) {
	for kind, texts := range map[Kind][]string{
		KindDate:     {"2019-05-01", "20190501", "2019-05", "1030-03"},
		KindTime:     {"10:30:47", "10:30", "T10", "T10:30:47.123", "T103047", "10:30:47+02:00", "103047Z", "103047.5-03:00"},
		KindDateTime: {"2019-05-01T10:30:47", "20190501T103047.123Z", "2019-05-01T10", "2019-05-01T10:30+0200"},
		KindDuration: {"P1Y", "-P2M", "+P1D", "P3M1W", "PT0.5S"},
		KindNone: {
			"", "x", "10", "2019", "201905", "20191301", "103047", "103047.5", "10-12", "10+02", "1030+02", "120", "-5", "+5", "1.5",
			"PERSON", "Probe", "P", "-P", "PT", "TEMP", "T", "T99", "24:00", "99:99", "2019-13-01", "2019-05-01T25", "2019-05-01 10:30",
			"at0004", "openEHR-EHR-OBSERVATION.blood_pressure.v2", "12345678", "2019-05-01T", "2019-W01",
		},
	} {
		for _, s := range texts {
			if got := Classify(s); got != kind {
				t.Errorf("%q is %v, want %v", s, got, kind)
			}
		}
	}
}
