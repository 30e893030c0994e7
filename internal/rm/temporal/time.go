package temporal

// Time is the value of a DV_TIME: a complete or partial time of day with or
// without zone (RM 1.1.0, Data Types; BASE Iso8601_time). The zero value
// is no time; get one from ParseTime.
type Time struct {
	text  string
	clock clock
}

// clock is the part of a time or date-time after the T.
type clock struct {
	nanos     int32
	zone      int16 // minutes east of UTC
	hour      uint8
	minute    uint8
	second    uint8
	precision Precision
	form      form
	hasZone   bool
}

// ParseTime reads [T]hh, [T]hh:mm, [T]hh:mm:ss with an optional fraction of a
// second, or their basic forms, each with an optional zone.
func ParseTime(s string) (Time, error) {
	c, err := parseClock(s, s != "" && s[0] == 'T')
	if err != nil {
		return Time{}, err
	}
	return Time{text: s, clock: c}, nil
}

// parseClock reads s, after a leading T when skipT is set.
func parseClock(s string, skipT bool) (clock, error) {
	if skipT {
		s = s[1:]
	}
	c := clock{precision: PrecisionHour}
	if len(s) < 2 {
		return clock{}, ErrTime
	}
	var ok bool
	if c.hour, ok = twoDigits(s, 0); !ok {
		return clock{}, ErrTime
	}
	i := 2
	if at := c.unitAt(s, i); at != 0 {
		if c.minute, ok = twoDigits(s, at); !ok {
			return clock{}, ErrTime
		}
		c.precision, i = PrecisionMinute, at+2
		if at = c.unitAt(s, i); at != 0 {
			if c.second, ok = twoDigits(s, at); !ok {
				return clock{}, ErrTime
			}
			c.precision, i = PrecisionSecond, at+2
		}
	}
	if i < len(s) && (s[i] == '.' || s[i] == ',') {
		if c.precision != PrecisionSecond {
			return clock{}, ErrFraction
		}
		start := i + 1
		c.nanos, i = fraction(s, start)
		if i == start {
			return clock{}, ErrTime
		}
		c.precision = PrecisionFraction
	}
	switch {
	case c.hour > 23:
		return clock{}, ErrHour
	case c.minute > 59:
		return clock{}, ErrMinute
	case c.second > 59:
		return clock{}, ErrSecond
	case i == len(s):
		return c, nil
	}
	c.hasZone = true
	if c.zone, ok = parseZone(s[i:]); ok {
		return c, nil
	}
	if s[i] == 'Z' || s[i] == '+' || s[i] == '-' {
		return clock{}, ErrZone
	}
	return clock{}, ErrTime
}

// unitAt returns where the two digits of the next unit start at or after s[i],
// or 0 when there is none, and settles the form on the first separator.
func (c *clock) unitAt(s string, i int) int {
	if c.form != formBasic && i+3 <= len(s) && s[i] == ':' {
		c.form = formExtended
		return i + 1
	}
	if c.form != formExtended && i+2 <= len(s) && s[i]-'0' <= 9 {
		c.form = formBasic
		return i
	}
	return 0
}

// fraction reads the digits from s[i] on as a fraction of a second; digits
// beyond the ninth are skipped. It returns where they end.
func fraction(s string, i int) (nanos int32, end int) {
	for unit := int32(nanosPerSecond / 10); i < len(s) && s[i]-'0' <= 9; i++ {
		nanos += int32(s[i]-'0') * unit
		unit /= 10
	}
	return nanos, i
}

// parseZone reads Z, ±hh, ±hhmm or ±hh:mm as minutes east of UTC.
func parseZone(s string) (int16, bool) {
	if s == "Z" {
		return 0, true
	}
	minuteAt := 0
	switch {
	case len(s) == 3:
	case len(s) == 5:
		minuteAt = 3
	case len(s) == 6 && s[3] == ':':
		minuteAt = 4
	default:
		return 0, false
	}
	hour, ok := twoDigits(s, 1)
	if !ok {
		return 0, false
	}
	zone := int16(hour) * 60
	if minuteAt != 0 {
		minute, ok := twoDigits(s, minuteAt)
		if !ok || minute > 59 {
			return 0, false
		}
		zone += int16(minute)
	}
	switch s[0] {
	case '+':
		return zone, zone <= 14*60
	case '-':
		return -zone, zone <= 12*60
	}
	return 0, false
}

// seconds returns the seconds since midnight by the clock as written.
func (c clock) seconds() int64 {
	return int64(c.hour)*secondsPerHour + int64(c.minute)*secondsPerMinute + int64(c.second)
}

// String returns the parsed text unchanged.
func (t Time) String() string { return t.text }

// Precision returns PrecisionHour to PrecisionFraction.
func (t Time) Precision() Precision { return t.clock.precision }

// IsPartial reports whether seconds, or minutes and seconds, are missing.
func (t Time) IsPartial() bool { return t.clock.precision < PrecisionSecond }

// HasZone reports whether the text ends in Z or an offset.
func (t Time) HasZone() bool { return t.clock.hasZone }

// ZoneMinutes returns the offset in minutes east of UTC, 0 without a zone.
func (t Time) ZoneMinutes() int { return int(t.clock.zone) }

// Hour returns 0 to 23.
func (t Time) Hour() int { return int(t.clock.hour) }

// Minute returns 0 to 59, 0 when missing.
func (t Time) Minute() int { return int(t.clock.minute) }

// Second returns 0 to 59, 0 when missing.
func (t Time) Second() int { return int(t.clock.second) }

// Nanosecond returns the fraction of the second, cut after nine digits.
func (t Time) Nanosecond() int { return int(t.clock.nanos) }

// Interval returns the part [lo, hi) of the day the time stands for, in
// seconds since midnight by the clock as written. The zone takes no part:
// DV_TIME.magnitude is the seconds since the start of the day, and without a
// date an offset could move a time into another day.
func (t Time) Interval() (lo, hi Instant) {
	lo = Instant{t.clock.seconds(), t.clock.nanos}
	switch t.clock.precision {
	case PrecisionHour:
		return lo, Instant{lo.Seconds + secondsPerHour, 0}
	case PrecisionMinute:
		return lo, Instant{lo.Seconds + secondsPerMinute, 0}
	default:
		return lo, lo.next()
	}
}

// Magnitude returns DV_TIME.magnitude, the seconds since midnight, of the
// first moment the time stands for.
func (t Time) Magnitude() Instant {
	lo, _ := t.Interval()
	return lo
}

// MagnitudeText returns Magnitude as exact decimal text.
func (t Time) MagnitudeText() string { return t.Magnitude().String() }
