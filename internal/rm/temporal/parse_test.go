package temporal

import "testing"

// reading is one text and the rule it must break, nil for none.
type reading struct {
	text string
	want error
}

func checkReadings(t *testing.T, readings []reading, parse func(string) (string, error)) {
	t.Helper()
	for _, r := range readings {
		text, err := parse(r.text)
		if err != r.want {
			t.Errorf("%q: error %v, want %v", r.text, err, r.want)
		}
		if err == nil && text != r.text {
			t.Errorf("%q: String() = %q", r.text, text)
		}
	}
}

func dateText(s string) (string, error)     { d, err := ParseDate(s); return d.String(), err }
func timeText(s string) (string, error)     { d, err := ParseTime(s); return d.String(), err }
func dateTimeText(s string) (string, error) { d, err := ParseDateTime(s); return d.String(), err }
func durationText(s string) (string, error) { d, err := ParseDuration(s); return d.String(), err }

func TestParseDate(t *testing.T) {
	checkReadings(t, []reading{
		{"2019", nil}, {"2019-05", nil}, {"201905", nil}, {"2019-05-31", nil}, {"20190531", nil},
		{"0000-01-01", nil}, {"9999-12-31", nil},
		{"2000-02-29", nil}, {"2024-02-29", nil}, {"0000-02-29", nil},
		{"1900-02-29", ErrDay}, {"2023-02-29", ErrDay}, {"2019-04-31", ErrDay}, {"2019-05-00", ErrDay}, {"20190532", ErrDay},
		{"2019-00", ErrMonth}, {"2019-13", ErrMonth}, {"20191301", ErrMonth}, {"2019-00-10", ErrMonth},
		{"", ErrDate}, {"19", ErrDate}, {"2019-", ErrDate}, {"2019-5", ErrDate}, {"2019-0531", ErrDate}, {"201905-31", ErrDate},
		{"2019/05/31", ErrDate}, {"2019-05-31Z", ErrDate}, {"+2019-05-3", ErrDate}, {"-2019-05-31", ErrDate}, {" 2019", ErrDate},
		{"2019-05-3x", ErrDate}, {"x019-05-31", ErrDate}, {"2019-xx", ErrDate}, {"2019-05-31T10", ErrDate}, {"２019", ErrDate},
		{"2019-W02", ErrDate}, {"2019-123", ErrDate},
	}, dateText)
}

func TestParseTime(t *testing.T) {
	checkReadings(t, []reading{
		{"T10", nil}, {"10", nil}, {"T10:30", nil}, {"10:30", nil}, {"T1030", nil}, {"1030", nil},
		{"10:30:47", nil}, {"103047", nil}, {"T10:30:47.5", nil}, {"T103047,5", nil}, {"10:30:47,123456789012345", nil},
		{"T10Z", nil}, {"T10:30Z", nil}, {"T10-03", nil}, {"10:30:47+0530", nil}, {"103047+05:30", nil}, {"10:30:47.5-03", nil},
		{"10:30:47+14:00", nil}, {"10:30:47-12:00", nil}, {"10:30:47-00:00", nil}, {"T00:00:00", nil}, {"T23:59:59.999999999", nil},
		{"10:30:47+14:01", ErrZone}, {"10:30:47-12:01", ErrZone}, {"10:30:47-13", ErrZone}, {"10:30:47+01:60", ErrZone},
		{"10:30:47+1", ErrZone}, {"10:30:47ZZ", ErrZone}, {"10:30:47+01:0", ErrZone}, {"10:30:47+0x", ErrZone}, {"10:30:47+01:xx", ErrZone},
		{"24:00", ErrHour}, {"T24", ErrHour}, {"24:00:00", ErrHour}, {"T48", ErrHour},
		{"10:60", ErrMinute}, {"T1095", ErrMinute},
		{"10:30:60", ErrSecond}, {"23:59:60Z", ErrSecond}, {"103078", ErrSecond},
		{"10.5", ErrFraction}, {"T10:05.5", ErrFraction}, {"T1005,5", ErrFraction},
		{"", ErrTime}, {"T", ErrTime}, {"1", ErrTime}, {"TT10", ErrTime}, {"t10", ErrTime}, {"10:", ErrTime}, {"10:3", ErrTime},
		{"10:3047", ErrTime}, {"1030:47", ErrTime}, {"10:30:4", ErrTime}, {"10:30:47.", ErrTime}, {"10:30:47.Z", ErrTime},
		{"10:30:47z", ErrTime}, {"10:30:47 ", ErrTime}, {"x0:30", ErrTime}, {"10:x0", ErrTime}, {"10:30:x0", ErrTime}, {"1030475", ErrTime},
		{"10:30:47.5.5", ErrTime},
	}, timeText)
}

func TestParseDateTime(t *testing.T) {
	checkReadings(t, []reading{
		{"2019", nil}, {"2019-05", nil}, {"2019-05-01", nil}, {"20190501", nil},
		{"2019-05-01T10", nil}, {"20190501T10", nil}, {"2019-05-01T10:30", nil}, {"20190501T1030", nil},
		{"2019-05-01T10:30:47", nil}, {"20190501T103047", nil}, {"2019-05-01T10:30:47,123", nil}, {"20190501T103047.123456Z", nil},
		{"2019-05-01T10Z", nil}, {"2019-05-01T10:30+0200", nil}, {"2019-05-01T10:30:47.1234567+02:00", nil}, {"20190501T103047+02:00", nil},
		{"2019-05-01T1030", ErrMixed}, {"20190501T10:30", ErrMixed}, {"2019-05-01T103047Z", ErrMixed},
		{"2019-02-30T10:00", ErrDay}, {"2019-13-01T10:00", ErrMonth}, {"2019-05-01T24:00:00", ErrHour},
		{"2019-05-01T10:60", ErrMinute}, {"2019-05-01T23:59:60Z", ErrSecond}, {"2019-05-01T10.5", ErrFraction},
		{"2019-05-01T10:30:47+15:00", ErrZone},
		{"", ErrDateTime}, {"T10:30", ErrDateTime}, {"2019T10", ErrDateTime}, {"2019-05T10", ErrDateTime}, {"2019-05-01T", ErrDateTime},
		{"2019-05-01 10:30", ErrDateTime}, {"2019-05-01t10:30", ErrDateTime}, {"2019-05-01Z", ErrDateTime}, {"2019-05-01TT10", ErrDateTime},
		{"2019-05-01T10T30", ErrDateTime},
	}, dateTimeText)
}

func TestParseDuration(t *testing.T) {
	checkReadings(t, []reading{
		{"P1Y", nil}, {"P0D", nil}, {"-P2M", nil}, {"+P2M", nil}, {"P1W", nil}, {"P3M1W", nil}, {"P1Y2M3W4DT5H6M7.5S", nil},
		{"PT0.5S", nil}, {"PT0,123456789012S", nil}, {"PT36H", nil}, {"P007D", nil}, {"P9999999999Y", nil}, {"P00000000000001Y", nil},
		{"P1M", nil}, {"PT1M", nil}, {"P1MT1M", nil}, {"P1DT1S", nil},
		{"PT14.5M", ErrFraction}, {"PT2.5H", ErrFraction}, {"P0.5Y", ErrFraction}, {"P1,5W", ErrFraction},
		{"P99999999999Y", ErrMagnitude},
		{"", ErrDuration}, {"P", ErrDuration}, {"-P", ErrDuration}, {"PT", ErrDuration}, {"P1YT", ErrDuration}, {"1Y", ErrDuration}, {"-", ErrDuration},
		{"P1", ErrDuration}, {"PY", ErrDuration}, {"P1M1Y", ErrDuration}, {"P1D1W", ErrDuration}, {"P1Y1Y", ErrDuration}, {"PT1S1M", ErrDuration},
		{"P1H", ErrDuration}, {"P1S", ErrDuration}, {"PT1D", ErrDuration}, {"PT1Y", ErrDuration}, {"PT1W", ErrDuration}, {"PT1HT1M", ErrDuration}, {"PTT1H", ErrDuration},
		{"PT1.S", ErrDuration}, {"PT.5S", ErrDuration}, {"PT1.5", ErrDuration}, {"P-1Y", ErrDuration}, {"--P1Y", ErrDuration}, {"p1y", ErrDuration},
		{"P1Y ", ErrDuration}, {"P1X", ErrDuration}, {"P2019-05-01", ErrDuration},
	}, durationText)
}

func TestAccessors(t *testing.T) {
	d := mustDateTime(t, "2019-05-01T10:30:47,25-03:30")
	day, clock, ok := d.Date(), Time{}, false
	if clock, ok = d.Time(); !ok {
		t.Fatal("no time part")
	}
	got := [...]int{day.Year(), day.Month(), day.Day(), clock.Hour(), clock.Minute(), clock.Second(), clock.Nanosecond(), clock.ZoneMinutes()}
	if want := [...]int{2019, 5, 1, 10, 30, 47, 250_000_000, -210}; got != want {
		t.Errorf("parts %v, want %v", got, want)
	}
	if clock.String() != "10:30:47,25-03:30" || day.String() != "2019-05-01" || !clock.HasZone() || !d.HasZone() || day.HasZone() {
		t.Errorf("texts %q %q, zones %t %t", day, clock, clock.HasZone(), d.HasZone())
	}
	if _, ok := mustDateTime(t, "2019-05-01").Time(); ok {
		t.Error("a bare date has a time part")
	}
	p, err := ParseDuration("-P1Y0M3W4DT5H7.5S")
	if err != nil {
		t.Fatal(err)
	}
	for u, want := range [unitCount]int64{1, 0, 3, 4, 5, 0, 7} {
		if got := p.Amount(Unit(u)); got != want {
			t.Errorf("amount of unit %d is %d, want %d", u, got, want)
		}
	}
	if !p.Has(Months) || p.Has(Minutes) || !p.Negative() || !p.HasFraction() || p.Nanosecond() != 500_000_000 || p.IsPartial() || p.HasZone() {
		t.Errorf("flags of %v are wrong: %+v", p, p)
	}
}

func TestPrecision(t *testing.T) {
	for _, c := range []struct {
		text    string
		want    Precision
		partial bool
	}{
		{"2019", PrecisionYear, true}, {"2019-05", PrecisionMonth, true}, {"2019-05-01", PrecisionDay, true},
		{"2019-05-01T10", PrecisionHour, true}, {"2019-05-01T10:30Z", PrecisionMinute, true},
		{"2019-05-01T10:30:47", PrecisionSecond, false}, {"2019-05-01T10:30:47.0", PrecisionFraction, false},
	} {
		d := mustDateTime(t, c.text)
		if d.Precision() != c.want || d.IsPartial() != c.partial {
			t.Errorf("%s: precision %d partial %t", c.text, d.Precision(), d.IsPartial())
		}
		if day := d.Date(); day.Precision() != min(c.want, PrecisionDay) || day.IsPartial() != (c.want < PrecisionDay) {
			t.Errorf("%s: date precision %d partial %t", c.text, day.Precision(), day.IsPartial())
		}
		if clock, ok := d.Time(); ok && (clock.Precision() != c.want || clock.IsPartial() != c.partial) {
			t.Errorf("%s: time precision %d partial %t", c.text, clock.Precision(), clock.IsPartial())
		}
	}
}

// mustDateTime serves tests, benchmarks and property tests alike.
func mustDateTime(t interface {
	Helper()
	Fatalf(string, ...any)
}, s string) DateTime {
	t.Helper()
	d, err := ParseDateTime(s)
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return d
}
