package temporal

import "testing"

// fuzzParser feeds seeds and mutations to a parser: it must not panic, keep the
// text, and read its own text as the same value.
func fuzzParser[T interface {
	comparable
	String() string
	MagnitudeText() string
}](f *testing.F, parse func(string) (T, error), seeds ...string) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := parse(s)
		if err != nil {
			if _, ok := err.(Error); !ok {
				t.Fatalf("error %v is not one of the rules", err)
			}
			return
		}
		if v.String() != s {
			t.Fatalf("%q prints as %q", s, v)
		}
		again, err := parse(v.String())
		if err != nil || again != v {
			t.Fatalf("%q reads back as %+v, error %v", s, again, err)
		}
		if v.MagnitudeText() == "" {
			t.Fatalf("%q has no magnitude", s)
		}
	})
}

func FuzzParseDate(f *testing.F) {
	fuzzParser(f, ParseDate, "2019", "2019-05", "201905", "2019-05-31", "20240229", "1900-02-29")
}

func FuzzParseTime(f *testing.F) {
	fuzzParser(f, ParseTime, "T10", "10:30Z", "T103047,5", "10:30:47.123456789012-03:30", "24:00")
}

func FuzzParseDateTime(f *testing.F) {
	fuzzParser(f, ParseDateTime, "2019", "20190501T10", "2019-05-01T10:30:47.123+02:00", "2019-05-01T1030", "2019-05-01T23:59:60Z")
}

func FuzzParseDuration(f *testing.F) {
	fuzzParser(f, ParseDuration, "P1Y2M3W4DT5H6M7.5S", "-P2M", "PT0,5S", "P", "PT2.5H", "P9999999999Y")
}

// FuzzClassify holds Classify to the parsers: what it names must parse as that.
func FuzzClassify(f *testing.F) {
	for _, s := range []string{"2019-05", "20190501", "T10", "103047Z", "2019-05-01T10", "-P1D", "2019", "10-12"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		kind := Classify(s)
		var err error
		switch kind {
		case KindDate:
			_, err = ParseDate(s)
		case KindTime:
			_, err = ParseTime(s)
		case KindDateTime:
			_, err = ParseDateTime(s)
		case KindDuration:
			_, err = ParseDuration(s)
		}
		if err != nil {
			t.Fatalf("%q is called a %v: %v", s, kind, err)
		}
	})
}
