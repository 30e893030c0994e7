package temporal

import (
	"fmt"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// drawDate prints a valid date with some precision in one of the forms.
func drawDate(t *rapid.T, least Precision, basic bool) string {
	year, month := rapid.Int16Range(0, 9999).Draw(t, "year"), rapid.Uint8Range(1, 12).Draw(t, "month")
	day := rapid.Uint8Range(1, daysInMonth(year, month)).Draw(t, "day")
	s := fmt.Sprintf("%04d", year)
	dash := "-"
	if basic {
		dash = ""
	}
	precision := Precision(rapid.IntRange(int(least), int(PrecisionDay)).Draw(t, "precision"))
	if precision >= PrecisionMonth {
		s += fmt.Sprintf("%s%02d", dash, month)
	}
	if precision == PrecisionDay {
		s += fmt.Sprintf("%s%02d", dash, day)
	}
	return s
}

// drawTime prints a valid time without T in one of the forms.
func drawTime(t *rapid.T, basic bool) string {
	colon := ":"
	if basic {
		colon = ""
	}
	s := fmt.Sprintf("%02d", rapid.IntRange(0, 23).Draw(t, "hour"))
	parts := rapid.IntRange(0, 2).Draw(t, "parts")
	for range parts {
		s += fmt.Sprintf("%s%02d", colon, rapid.IntRange(0, 59).Draw(t, "sixtieth"))
	}
	if parts == 2 {
		s += rapid.StringMatching(`([.,][0-9]{1,12})?`).Draw(t, "fraction")
	}
	return s + rapid.StringMatching(`(Z|\+(0[0-9]|1[0-3])(:?[0-5][0-9])?|-(0[0-9]|1[01])(:?[0-5][0-9])?)?`).Draw(t, "zone")
}

func drawDateTime(t *rapid.T) DateTime {
	basic := rapid.Bool().Draw(t, "basic")
	var s string
	if rapid.Bool().Draw(t, "bare date") {
		s = drawDate(t, PrecisionYear, basic)
	} else {
		s = drawDate(t, PrecisionDay, basic) + "T" + drawTime(t, basic)
	}
	d, err := ParseDateTime(s)
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	if d.String() != s {
		t.Fatalf("%q prints as %q", s, d)
	}
	return d
}

func TestDateTimeBounds(t *testing.T) {
	names := []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu"}
	rapid.Check(t, func(t *rapid.T) {
		loc, err := time.LoadLocation(rapid.SampledFrom(names).Draw(t, "zone name"))
		if err != nil {
			t.Fatal(err)
		}
		d := drawDateTime(t)
		lo, hi := d.Interval(loc)
		if lo.Compare(hi) >= 0 {
			t.Fatalf("%s: lo %s is not before hi %s", d, lo, hi)
		}
		if d.HasZone() {
			if other, _ := d.Interval(nil); other != lo {
				t.Fatalf("%s: a stated zone gives %s and %s", d, lo, other)
			}
		}
	})
}

// Cutting precision off can only widen the interval.
func TestCoarserContainsFiner(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fine := drawDate(t, PrecisionDay, false) + "T" + rapid.StringMatching(`([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?`).Draw(t, "time")
		coarse := fine[:rapid.SampledFrom([]int{4, 7, 10, 13, 16}).Draw(t, "cut")]
		inner, outer := mustDateTime(t, fine), mustDateTime(t, coarse)
		lo, hi := inner.Interval(nil)
		from, to := outer.Interval(nil)
		if lo.Compare(from) < 0 || hi.Compare(to) > 0 {
			t.Fatalf("%s [%s, %s) is not inside %s [%s, %s)", fine, lo, hi, coarse, from, to)
		}
	})
}

// Complete UTC date-times order and count as the standard library's do.
func TestDateTimeAgainstStandardLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(-62167219200, 253402300799).Draw(t, "unix"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanos")).UTC()
		offset := rapid.IntRange(-12*60, 14*60).Draw(t, "offset")
		shown := at.In(time.FixedZone("", offset*60))
		if shown.Year() < 0 || shown.Year() > 9999 {
			t.Skip("outside four-digit years")
		}
		d := mustDateTime(t, shown.Format("2006-01-02T15:04:05.999999999Z07:00"))
		if got := d.Magnitude(nil).Time(); !got.Equal(at) {
			t.Fatalf("%s is %s, want %s", d, got, at)
		}
	})
}

func TestInstantOrderAndText(t *testing.T) {
	instant := rapid.Custom(func(t *rapid.T) Instant {
		return Instant{rapid.Int64Range(-3, 3).Draw(t, "seconds"), rapid.SampledFrom([]int32{0, 1, 250_000_000, 500_000_000, 999_999_999}).Draw(t, "nanos")}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := instant.Draw(t, "a"), instant.Draw(t, "b")
		if a.Compare(b) != -b.Compare(a) || (a.Compare(b) == 0) != (a.String() == b.String()) {
			t.Fatalf("%s against %s: %d and %d", a, b, a.Compare(b), b.Compare(a))
		}
		var back float64
		if _, err := fmt.Sscan(a.String(), &back); err != nil || math.Abs(back-float64(a.Seconds)-float64(a.Nanos)/1e9) > 1e-12 {
			t.Fatalf("%+v prints as %s", a, a)
		}
		if a.next().Compare(a) != 1 {
			t.Fatalf("%s is not before the next instant", a)
		}
	})
}

func TestDurationText(t *testing.T) {
	shape := rapid.StringMatching(`[-+]?P[0-9]{1,10}Y([0-9]{1,3}M)?([0-9]{1,3}W)?([0-9]{1,3}D)?(T[0-9]{1,3}H([0-9]{1,3}M)?([0-9]{1,3}([.,][0-9]{1,12})?S)?)?`)
	rapid.Check(t, func(t *rapid.T) {
		s := shape.Draw(t, "text")
		d, err := ParseDuration(s)
		if err != nil || d.String() != s {
			t.Fatalf("%q prints as %q, error %v", s, d, err)
		}
		if d.MagnitudeText() != d.Magnitude().String() {
			t.Fatalf("%s: magnitude %s and %s", s, d.MagnitudeText(), d.Magnitude())
		}
		if d.Compare(d) != 0 {
			t.Fatalf("%s is not equal to itself", s)
		}
	})
}
