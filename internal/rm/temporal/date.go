package temporal

import "strconv"

// Date is the value of a DV_DATE: a complete or partial calendar date without
// zone (RM 1.1.0, Data Types; BASE Iso8601_date). The zero value is no
// date; get one from ParseDate. Dates are comparable with ==, which compares
// the texts too.
type Date struct {
	text      string
	year      int16
	month     uint8
	day       uint8
	precision Precision
	form      form
}

// ParseDate reads YYYY, YYYY-MM, YYYYMM, YYYY-MM-DD or YYYYMMDD.
func ParseDate(s string) (Date, error) {
	d := Date{text: s, precision: PrecisionYear}
	month, day := 0, 0
	switch len(s) {
	case 4:
	case 6:
		d.precision, d.form, month = PrecisionMonth, formBasic, 4
	case 7:
		d.precision, d.form, month = PrecisionMonth, formExtended, 5
	case 8:
		d.precision, d.form, month, day = PrecisionDay, formBasic, 4, 6
	case 10:
		d.precision, d.form, month, day = PrecisionDay, formExtended, 5, 8
	default:
		return Date{}, ErrDate
	}
	if d.form == formExtended && (s[4] != '-' || day != 0 && s[7] != '-') {
		return Date{}, ErrDate
	}
	century, ok1 := twoDigits(s, 0)
	year, ok2 := twoDigits(s, 2)
	if !ok1 || !ok2 {
		return Date{}, ErrDate
	}
	d.year = int16(century)*100 + int16(year)
	if month != 0 {
		var ok bool
		if d.month, ok = twoDigits(s, month); !ok {
			return Date{}, ErrDate
		}
	}
	if day != 0 {
		var ok bool
		if d.day, ok = twoDigits(s, day); !ok {
			return Date{}, ErrDate
		}
	}
	if month != 0 && (d.month < 1 || d.month > 12) {
		return Date{}, ErrMonth
	}
	if day != 0 && (d.day < 1 || d.day > daysInMonth(d.year, d.month)) {
		return Date{}, ErrDay
	}
	return d, nil
}

// String returns the parsed text unchanged.
func (d Date) String() string { return d.text }

// Precision returns PrecisionYear, PrecisionMonth or PrecisionDay.
func (d Date) Precision() Precision { return d.precision }

// IsPartial reports whether the day, or the month and the day, are missing.
func (d Date) IsPartial() bool { return d.precision < PrecisionDay }

// HasZone is false: a date has no zone. It is here for symmetry.
func (d Date) HasZone() bool { return false }

// Year returns 0 to 9999.
func (d Date) Year() int { return int(d.year) }

// Month returns 1 to 12, or 0 when it is missing.
func (d Date) Month() int { return int(d.month) }

// Day returns 1 to 31, or 0 when it is missing.
func (d Date) Day() int { return int(d.day) }

// Interval returns the days [lo, hi) the date stands for, as days since
// 0001-01-01, which is day 0. A complete date is one day long.
func (d Date) Interval() (lo, hi int64) {
	switch d.precision {
	case PrecisionYear:
		return daysSinceOrigin(int64(d.year), 1, 1), daysSinceOrigin(int64(d.year)+1, 1, 1)
	case PrecisionMonth:
		lo = daysSinceOrigin(int64(d.year), int64(d.month), 1)
		return lo, lo + int64(daysInMonth(d.year, d.month))
	default:
		lo = daysSinceOrigin(int64(d.year), int64(d.month), int64(d.day))
		return lo, lo + 1
	}
}

// Magnitude returns DV_DATE.magnitude, the days since 0001-01-01, of the first
// day the date stands for. The specification gives the origin but not its
// number; it is 0 here, as "days since" says.
func (d Date) Magnitude() int64 {
	lo, _ := d.Interval()
	return lo
}

// MagnitudeText returns Magnitude as decimal text.
func (d Date) MagnitudeText() string { return strconv.FormatInt(d.Magnitude(), 10) }

var monthLengths = [13]uint8{0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

func daysInMonth(year int16, month uint8) uint8 {
	if month == 2 && year%4 == 0 && (year%100 != 0 || year%400 == 0) {
		return 29
	}
	return monthLengths[month]
}

// daysSinceOrigin counts days since 0001-01-01 in the proleptic Gregorian
// calendar. Years start in March so that the leap day is the last one; 400
// years are 146,097 days, and the shift by one era keeps year 0 positive.
func daysSinceOrigin(year, month, day int64) int64 {
	const marchToOrigin = 306
	if month <= 2 {
		year--
		month += 12
	}
	year += 400
	dayOfYear := (153*(month-3)+2)/5 + day - 1
	return year*365 + year/4 - year/100 + year/400 + dayOfYear - 146097 - marchToOrigin
}
