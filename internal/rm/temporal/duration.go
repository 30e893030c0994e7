package temporal

// Duration is the value of a DV_DURATION (RM 1.1.0, Data Types; BASE
// Iso8601_duration): years to seconds, with one sign for all of them. The zero
// value is no duration; get one from ParseDuration.
type Duration struct {
	text     string
	amount   [unitCount]int64
	nanos    int32
	units    uint8 // bit set of the units the text states
	negative bool
	fraction bool
}

// Unit is a component of a duration.
type Unit uint8

// The units in the order in which a text must state them.
const (
	Years Unit = iota
	Months
	Weeks
	Days
	Hours
	Minutes
	Seconds
	unitCount
)

// unitSeconds is the length of each unit. BASE Time_Definitions takes 365.24
// days for a year and 30.42 for a month; both are whole seconds.
var unitSeconds = [unitCount]int64{31556736, 2628288, 7 * secondsPerDay, secondsPerDay, secondsPerHour, secondsPerMinute, 1}

// maxDigits bounds a component after leading zeros, so that the magnitude of
// every accepted duration fits an int64.
const maxDigits = 10

// ParseDuration reads [sign]P[nY][nM][nW][nD][T[nH][nM][n[.n]S]] with at least
// one component, and at least one after a T. The sign and W beside other units
// are openEHR's additions to ISO 8601; fractions of other units than seconds
// are in ISO 8601 and not in openEHR.
func ParseDuration(s string) (Duration, error) {
	d := Duration{text: s}
	i := 0
	if s != "" && (s[0] == '-' || s[0] == '+') {
		d.negative = s[0] == '-'
		i = 1
	}
	if i >= len(s) || s[i] != 'P' {
		return Duration{}, ErrDuration
	}
	i++
	next, limit := Years, Days
	for i < len(s) {
		if s[i] == 'T' && limit == Days {
			next, limit = Hours, Seconds
			i++
			if i == len(s) {
				return Duration{}, ErrDuration
			}
		}
		end, err := d.component(s, i, next, limit)
		if err != nil {
			return Duration{}, err
		}
		next = unitOf(s[end-1], limit) + 1
		i = end
	}
	if d.units == 0 {
		return Duration{}, ErrDuration
	}
	return d, nil
}

// component reads one number and its designator, which must be a unit from
// next to limit, and returns where it ends.
func (d *Duration) component(s string, i int, next, limit Unit) (int, error) {
	start, digits := i, 0
	var amount int64
	for ; i < len(s) && s[i]-'0' <= 9; i++ {
		if digits > 0 || s[i] != '0' {
			digits++
		}
		if digits > maxDigits {
			return 0, ErrMagnitude
		}
		amount = amount*10 + int64(s[i]-'0')
	}
	if i == start || i == len(s) {
		return 0, ErrDuration
	}
	fractional := s[i] == '.' || s[i] == ','
	var nanos int32
	if fractional {
		point := i + 1
		if nanos, i = fraction(s, point); i == point || i == len(s) {
			return 0, ErrDuration
		}
	}
	unit := unitOf(s[i], limit)
	if unit < next || unit > limit {
		return 0, ErrDuration
	}
	if fractional {
		if unit != Seconds {
			return 0, ErrFraction
		}
		d.nanos, d.fraction = nanos, true
	}
	d.amount[unit] = amount
	d.units |= 1 << unit
	return i + 1, nil
}

// unitOf returns the unit a designator stands for before (limit Days) or after
// (limit Seconds) the T, or unitCount.
func unitOf(designator byte, limit Unit) Unit {
	if limit == Days {
		switch designator {
		case 'Y':
			return Years
		case 'M':
			return Months
		case 'W':
			return Weeks
		case 'D':
			return Days
		}
		return unitCount
	}
	switch designator {
	case 'H':
		return Hours
	case 'M':
		return Minutes
	case 'S':
		return Seconds
	}
	return unitCount
}

// String returns the parsed text unchanged.
func (d Duration) String() string { return d.text }

// IsPartial is false: a duration has no partial form.
func (d Duration) IsPartial() bool { return false }

// HasZone is false: a duration has no zone.
func (d Duration) HasZone() bool { return false }

// Negative reports whether the text has a leading minus.
func (d Duration) Negative() bool { return d.negative }

// Has reports whether the text states the unit, be it as zero: what
// C_DURATION's years_allowed to seconds_allowed ask.
func (d Duration) Has(u Unit) bool { return d.units&(1<<u) != 0 }

// Amount returns the whole number of a unit, without the sign; 0 when missing.
func (d Duration) Amount(u Unit) int64 { return d.amount[u] }

// HasFraction reports whether the seconds have a fraction.
func (d Duration) HasFraction() bool { return d.fraction }

// Nanosecond returns the fraction of the seconds, without the sign, cut after
// nine digits.
func (d Duration) Nanosecond() int { return int(d.nanos) }

// Magnitude returns DV_DURATION.magnitude, the total seconds with 365.24 days
// to a year and 30.42 to a month.
func (d Duration) Magnitude() Instant {
	total := d.total()
	if !d.negative {
		return Instant{total, d.nanos}
	}
	if d.nanos == 0 {
		return Instant{-total, 0}
	}
	return Instant{-total - 1, nanosPerSecond - d.nanos}
}

// MagnitudeText returns Magnitude as exact decimal text.
func (d Duration) MagnitudeText() string { return decimal(d.negative, d.total(), d.nanos) }

// Compare orders by magnitude: P1Y is less than P366D and P7D equals P1W.
func (d Duration) Compare(e Duration) int { return d.Magnitude().Compare(e.Magnitude()) }

func (d Duration) total() int64 {
	var total int64
	for u, n := range d.amount {
		total += n * unitSeconds[u]
	}
	return total
}
