package temporal

import (
	"testing"
	"time"
	_ "time/tzdata"
)

func TestMagnitudeText(t *testing.T) {
	type magnitude interface{ MagnitudeText() string }
	date := func(s string) (magnitude, error) { return ParseDate(s) }
	clock := func(s string) (magnitude, error) { return ParseTime(s) }
	dateTime := func(s string) (magnitude, error) { return ParseDateTime(s) }
	duration := func(s string) (magnitude, error) { return ParseDuration(s) }
	for _, c := range []struct {
		parse      func(string) (magnitude, error)
		text, want string
	}{
		{date, "0001-01-01", "0"}, {date, "0001", "0"}, {date, "0000-12-31", "-1"}, {date, "0000", "-366"},
		{date, "1970-01-01", "719162"}, {date, "2000-03-01", "730179"}, {date, "2019-05", "737179"}, {date, "9999-12-31", "3652058"},
		{clock, "T00", "0"}, {clock, "10:30:47", "37847"}, {clock, "10:30:47.50", "37847.5"}, {clock, "10:30:47,000000001", "37847.000000001"},
		{clock, "10:30:47.0000000019", "37847.000000001"}, {clock, "23:59:59.999+02:00", "86399.999"},
		{dateTime, "0001-01-01T00:00:00", "0"}, {dateTime, "0001-01-01T00:00:00.5+00:01", "-59.5"}, {dateTime, "0000-12-31T23:59:59.25Z", "-0.75"},
		{dateTime, "0000-12-31T23:59:59Z", "-1"}, {dateTime, "1970-01-01T00:00:00Z", "62135596800"}, {dateTime, "1970-01-01T01:00:00+01:00", "62135596800"},
		{dateTime, "1970", "62135596800"}, {dateTime, "2019-05-01T10:30:47.123-03:00", "63692314247.123"},
		{duration, "P1Y", "31556736"}, {duration, "P1M", "2628288"}, {duration, "P1W", "604800"}, {duration, "P1DT1H1M1.5S", "90061.5"},
		{duration, "-PT0.25S", "-0.25"}, {duration, "-P1DT0.5S", "-86400.5"}, {duration, "-P0D", "0"}, {duration, "+PT1S", "1"},
		{duration, "P9999999999Y9999999999M9999999999W9999999999DT9999999999H9999999999M9999999999S", "348798849965120115"},
	} {
		m, err := c.parse(c.text)
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		if got := m.MagnitudeText(); got != c.want {
			t.Errorf("%q: magnitude %s, want %s", c.text, got, c.want)
		}
	}
}

// The day count against the standard library, every day of two Gregorian eras.
func TestDaysSinceOrigin(t *testing.T) {
	day := time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	for want := int64(-366); want < 2*146097; want++ {
		if got := daysSinceOrigin(int64(day.Year()), int64(day.Month()), int64(day.Day())); got != want {
			t.Fatalf("%s is day %d, want %d", day.Format(time.DateOnly), got, want)
		}
		day = day.AddDate(0, 0, 1)
	}
}

func TestDateTimeInterval(t *testing.T) {
	zone := func(name string) *time.Location {
		loc, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		return loc
	}
	berlin, newYork, lordHowe, apia, saoPaulo := zone("Europe/Berlin"), zone("America/New_York"), zone("Australia/Lord_Howe"), zone("Pacific/Apia"), zone("America/Sao_Paulo")
	for _, c := range []struct {
		name   string
		text   string
		loc    *time.Location
		lo, hi string // RFC 3339
	}{
		{"year", "2019", nil, "2019-01-01T00:00:00Z", "2020-01-01T00:00:00Z"},
		{"last year", "9999", nil, "9999-01-01T00:00:00Z", ""},
		{"month", "2020-02", time.UTC, "2020-02-01T00:00:00Z", "2020-03-01T00:00:00Z"},
		{"December", "2020-12", time.UTC, "2020-12-01T00:00:00Z", "2021-01-01T00:00:00Z"},
		{"day", "2020-02-29", nil, "2020-02-29T00:00:00Z", "2020-03-01T00:00:00Z"},
		{"hour", "2020-02-29T23", nil, "2020-02-29T23:00:00Z", "2020-03-01T00:00:00Z"},
		{"minute", "2020-02-29T23:59-03:00", berlin, "2020-03-01T02:59:00Z", "2020-03-01T03:00:00Z"},
		{"second", "2020-02-29T23:59:59", nil, "2020-02-29T23:59:59Z", "2020-02-29T23:59:59.000000001Z"},
		{"fraction", "2020-02-29T23:59:59.999999999", nil, "2020-02-29T23:59:59.999999999Z", "2020-03-01T00:00:00Z"},
		{"winter", "2021-01-15T10", berlin, "2021-01-15T09:00:00Z", "2021-01-15T10:00:00Z"},
		{"summer", "2021-07-15T10:00:00", berlin, "2021-07-15T08:00:00Z", "2021-07-15T08:00:00.000000001Z"},
		{"before the skipped hour", "2021-03-28T01", berlin, "2021-03-28T00:00:00Z", "2021-03-28T01:00:00Z"},
		{"skipped hour", "2021-03-28T02", berlin, "2021-03-28T01:00:00Z", "2021-03-28T02:00:00Z"},
		{"skipped moment", "2021-03-28T02:30:00", berlin, "2021-03-28T01:30:00Z", "2021-03-28T01:30:00.000000001Z"},
		{"short day", "2021-03-28", berlin, "2021-03-27T23:00:00Z", "2021-03-28T22:00:00Z"},
		{"repeated hour", "2021-10-31T02", berlin, "2021-10-31T00:00:00Z", "2021-10-31T02:00:00Z"},
		{"repeated moment is the first", "2021-10-31T02:30:00", berlin, "2021-10-31T00:30:00Z", "2021-10-31T00:30:00.000000001Z"},
		{"long day", "2021-10-31", berlin, "2021-10-30T22:00:00Z", "2021-10-31T23:00:00Z"},
		{"last minute before clocks go back", "2021-11-07T01:59", newYork, "2021-11-07T05:59:00Z", "2021-11-07T06:00:00Z"},
		{"half an hour repeated", "2021-04-04T01", lordHowe, "2021-04-03T14:00:00Z", "2021-04-03T15:30:00Z"},
		{"half an hour skipped", "2021-10-03T02", lordHowe, "2021-10-02T15:30:00Z", "2021-10-02T16:00:00Z"},
		{"skipped day", "2011-12-30", apia, "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"},
		{"clocks go back at midnight", "2018-02-17", saoPaulo, "2018-02-17T02:00:00Z", "2018-02-18T03:00:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			lo, hi := mustDateTime(t, c.text).Interval(c.loc)
			if got := lo.Time().Format(time.RFC3339Nano); got != c.lo {
				t.Errorf("lo %s, want %s", got, c.lo)
			}
			if got := hi.Time().Format(time.RFC3339Nano); c.hi != "" && got != c.hi {
				t.Errorf("hi %s, want %s", got, c.hi)
			}
			if got := mustDateTime(t, c.text).Magnitude(c.loc); got != lo {
				t.Errorf("magnitude %s, want lo %s", got, lo)
			}
		})
	}
}

func TestDurationCompare(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"P1Y", "P366D", -1}, {"P1Y", "P365D", 1}, {"P1W", "P7D", 0}, {"P1D", "PT24H", 0}, {"P12M", "P1Y", -1},
		{"-P1D", "P0D", -1}, {"-PT1.5S", "-PT1S", -1}, {"-PT1.5S", "-PT2S", 1}, {"-P0D", "P0D", 0}, {"PT0.1S", "PT0.10S", 0},
	} {
		a, errA := ParseDuration(c.a)
		b, errB := ParseDuration(c.b)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if got := a.Compare(b); got != c.want || b.Compare(a) != -c.want {
			t.Errorf("%s against %s: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
