package temporal

// Error is the rule a text breaks. Its values are constants, so they compare
// with == and errors.Is and cost nothing to return.
type Error string

// Error returns the rule in words; it never holds the parsed text.
func (e Error) Error() string { return string(e) }

// The rules, from BASE Time_Definitions.
const (
	ErrDate      Error = "not an ISO 8601 date"
	ErrTime      Error = "not an ISO 8601 time"
	ErrDateTime  Error = "not an ISO 8601 date-time"
	ErrDuration  Error = "not an ISO 8601 duration"
	ErrMonth     Error = "month is not 01 to 12"
	ErrDay       Error = "day does not exist in that month"
	ErrHour      Error = "hour is not 00 to 23"
	ErrMinute    Error = "minute is not 00 to 59"
	ErrSecond    Error = "second is not 00 to 59"
	ErrFraction  Error = "only seconds may have a fraction"
	ErrZone      Error = "time zone is not Z or an offset from -12:00 to +14:00"
	ErrMixed     Error = "basic and extended ISO 8601 forms are mixed"
	ErrMagnitude Error = "duration component has more than ten digits"
)
