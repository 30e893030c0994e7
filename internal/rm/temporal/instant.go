package temporal

import (
	"cmp"
	"strconv"
	"time"
)

const (
	secondsPerMinute = 60
	secondsPerHour   = 3600
	secondsPerDay    = 86400
	nanosPerSecond   = 1_000_000_000

	// unixOrigin is 1970-01-01T00:00:00Z in seconds since 0001-01-01T00:00:00Z.
	unixOrigin = 719162 * secondsPerDay
)

// Instant is an exact count of seconds: since 0001-01-01T00:00:00Z for a
// date-time (the origin of DV_DATE_TIME.magnitude), since midnight for a time
// of day. Nanos is always 0 to 999,999,999 and counts forward, so half a second
// before the origin is {-1, 500000000}.
type Instant struct {
	Seconds int64
	Nanos   int32
}

// Compare returns -1, 0 or +1 as i is before, at or after j.
func (i Instant) Compare(j Instant) int {
	if c := cmp.Compare(i.Seconds, j.Seconds); c != 0 {
		return c
	}
	return cmp.Compare(i.Nanos, j.Nanos)
}

// String returns the seconds as a plain decimal without trailing zeros in the
// fraction: the text SQL numeric and an arbitrary precision decimal agree on.
func (i Instant) String() string {
	if i.Seconds < 0 && i.Nanos != 0 {
		return decimal(true, -(i.Seconds + 1), nanosPerSecond-i.Nanos)
	}
	if i.Seconds < 0 {
		return decimal(true, -i.Seconds, 0)
	}
	return decimal(false, i.Seconds, i.Nanos)
}

// Time returns the instant of a date-time as a UTC time.Time.
func (i Instant) Time() time.Time {
	return time.Unix(i.Seconds-unixOrigin, int64(i.Nanos)).UTC()
}

// next returns the instant one nanosecond later, the end of a point.
func (i Instant) next() Instant {
	if i.Nanos == nanosPerSecond-1 {
		return Instant{i.Seconds + 1, 0}
	}
	return Instant{i.Seconds, i.Nanos + 1}
}

// decimal writes sign, whole seconds and nanoseconds; zero has no sign.
func decimal(negative bool, seconds int64, nanos int32) string {
	var buf [32]byte
	b := buf[:0]
	if negative && (seconds != 0 || nanos != 0) {
		b = append(b, '-')
	}
	b = strconv.AppendInt(b, seconds, 10)
	if nanos == 0 {
		return string(b)
	}
	b = append(b, '.')
	for unit := int32(nanosPerSecond / 10); nanos != 0; unit /= 10 {
		b = append(b, '0'+byte(nanos/unit))
		nanos %= unit
	}
	return string(b)
}

// resolve returns the instant at which clocks in loc show the given local
// seconds since 0001-01-01. Where clocks show them twice the first time
// counts; where they never do (a gap) the clock is read as if it had not been
// moved, which lands after the gap. nil means UTC. (time.Date leaves open which
// side it takes, so it cannot serve here.)
func resolve(local int64, loc *time.Location) int64 {
	if loc == nil || loc == time.UTC {
		return local
	}
	before, after := offsetAt(local-secondsPerDay, loc), offsetAt(local+secondsPerDay, loc)
	if before == after {
		return local - before
	}
	first, second := min(local-before, local-after), max(local-before, local-after)
	for _, at := range [2]int64{first, second} {
		if at+offsetAt(at, loc) == local {
			return at
		}
	}
	return local - before
}

// offsetAt returns the seconds east of UTC in loc at an instant.
func offsetAt(at int64, loc *time.Location) int64 {
	_, offset := time.Unix(at-unixOrigin, 0).In(loc).Zone()
	return int64(offset)
}
