package temporal

// Precision is the smallest unit a value states, coarse before fine.
type Precision uint8

// The precisions, from the coarsest to the finest.
const (
	PrecisionYear Precision = iota + 1
	PrecisionMonth
	PrecisionDay
	PrecisionHour
	PrecisionMinute
	PrecisionSecond
	PrecisionFraction
)

// form tells the ISO 8601 basic form (20190501) from the extended one
// (2019-05-01); a lone year or hour is both.
type form uint8

const (
	formEither form = iota
	formBasic
	formExtended
)

// twoDigits reads the number at s[i:i+2]; the caller has checked the length.
func twoDigits(s string, i int) (uint8, bool) {
	a, b := s[i]-'0', s[i+1]-'0'
	return a*10 + b, a <= 9 && b <= 9
}
