package temporal

import (
	"strings"
	"time"
)

// DateTime is the value of a DV_DATE_TIME: complete, or partial down to a bare
// year (RM 1.1.0, Data Types; BASE Iso8601_date_time). The zero value is
// no date-time; get one from ParseDateTime.
type DateTime struct {
	text  string
	date  Date
	clock clock // precision 0 when the text is a bare date
}

// ParseDateTime reads a complete date, T and a time as ParseTime reads it, or
// a bare date as ParseDate reads it.
func ParseDateTime(s string) (DateTime, error) {
	t := strings.IndexByte(s, 'T')
	day := s
	if t >= 0 {
		day = s[:t]
	}
	d, err := ParseDate(day)
	if err != nil {
		if err == ErrDate {
			err = ErrDateTime
		}
		return DateTime{}, err
	}
	if t < 0 {
		return DateTime{text: s, date: d}, nil
	}
	if d.precision != PrecisionDay {
		return DateTime{}, ErrDateTime
	}
	c, err := parseClock(s[t:], true)
	if err != nil {
		if err == ErrTime {
			err = ErrDateTime
		}
		return DateTime{}, err
	}
	if c.form != formEither && c.form != d.form {
		return DateTime{}, ErrMixed
	}
	return DateTime{text: s, date: d, clock: c}, nil
}

// String returns the parsed text unchanged.
func (d DateTime) String() string { return d.text }

// Precision returns PrecisionYear to PrecisionFraction.
func (d DateTime) Precision() Precision { return max(d.date.precision, d.clock.precision) }

// IsPartial reports whether the seconds or anything coarser is missing.
func (d DateTime) IsPartial() bool { return d.clock.precision < PrecisionSecond }

// HasZone reports whether the text ends in Z or an offset.
func (d DateTime) HasZone() bool { return d.clock.hasZone }

// Date returns the part before the T, or all of a bare date.
func (d DateTime) Date() Date { return d.date }

// Time returns the part after the T; ok is false for a bare date.
func (d DateTime) Time() (t Time, ok bool) {
	if d.clock.precision == 0 {
		return Time{}, false
	}
	return Time{text: d.text[len(d.date.text)+1:], clock: d.clock}, true
}

// Interval returns the instants [lo, hi) the date-time stands for. A text
// without zone is read in loc, nil meaning UTC; lo < hi holds even where loc
// skips the hour or day in question.
func (d DateTime) Interval(loc *time.Location) (lo, hi Instant) {
	from, to := d.local()
	lo = Instant{d.absolute(from, loc), d.clock.nanos}
	switch d.clock.precision {
	case PrecisionSecond, PrecisionFraction:
		return lo, lo.next()
	case PrecisionMinute:
		// Not by the end's own clock reading: the last minute before clocks
		// go back would stretch over the repeated hour.
		return lo, Instant{lo.Seconds + secondsPerMinute, 0}
	}
	hi = Instant{d.absolute(to, loc), 0}
	if hi.Seconds <= lo.Seconds {
		hi.Seconds = lo.Seconds + to - from
	}
	return lo, hi
}

// Magnitude returns DV_DATE_TIME.magnitude, the seconds since
// 0001-01-01T00:00:00Z, of the first instant the date-time stands for. A text
// without zone is read in loc, nil meaning UTC.
func (d DateTime) Magnitude(loc *time.Location) Instant {
	from, _ := d.local()
	return Instant{d.absolute(from, loc), d.clock.nanos}
}

// MagnitudeText returns Magnitude as exact decimal text, a missing zone read as
// UTC. Where a system zone is configured use Magnitude(loc).String().
func (d DateTime) MagnitudeText() string { return d.Magnitude(nil).String() }

// local returns the bounds in seconds since 0001-01-01 by the clock as written.
func (d DateTime) local() (from, to int64) {
	first, end := d.date.Interval()
	from, to = first*secondsPerDay, end*secondsPerDay
	switch d.clock.precision {
	case 0:
		return from, to
	case PrecisionHour:
		from += d.clock.seconds()
		return from, from + secondsPerHour
	default:
		from += d.clock.seconds()
		return from, from
	}
}

func (d DateTime) absolute(local int64, loc *time.Location) int64 {
	if d.clock.hasZone {
		return local - int64(d.clock.zone)*secondsPerMinute
	}
	return resolve(local, loc)
}
