package temporal

import (
	"testing"
	"time"
)

func BenchmarkParseDateTime(b *testing.B) {
	for _, s := range []string{"2019-05", "2019-05-01T10:30:47", "2019-05-01T10:30:47.123456+02:00"} {
		b.Run(s, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ParseDateTime(s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkParseDuration(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseDuration("P1Y2M3W4DT5H6M7.5S"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkInterval(b *testing.B) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		b.Fatal(err)
	}
	for name, loc := range map[string]*time.Location{"UTC": time.UTC, "Berlin": berlin} {
		b.Run(name, func(b *testing.B) {
			d := mustDateTime(b, "2019-05-01T10")
			b.ReportAllocs()
			for b.Loop() {
				d.Interval(loc)
			}
		})
	}
}

func BenchmarkClassify(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Classify("openEHR-EHR-OBSERVATION.blood_pressure.v2")
	}
}
