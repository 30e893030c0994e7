package temporal

// Kind is what a quoted AQL literal looks like.
type Kind uint8

// The kinds; None is any other string.
const (
	KindNone Kind = iota
	KindDate
	KindTime
	KindDateTime
	KindDuration
)

// String returns the kind's name.
func (k Kind) String() string {
	return [...]string{"none", "date", "time", "date-time", "duration"}[k]
}

// Classify tells which temporal literal an AQL string is (AQL 1.1, "Literals":
// dates and times are quoted ISO 8601 strings). s is the text between the
// quotes. The complete forms of the grammar count, and beyond it the partial
// ones and durations, where their shape leaves no doubt:
//
//   - a text that reads as a plain number is none, '2019' and '103047.5'
//     included, except eight digits that make a calendar date;
//   - a time needs its T or a colon, or hhmmss and a zone, so '10-12' is none;
//   - '2019-05' is a partial date, never an hour with an offset.
//
// The answer is a possibility: codes such as 'T10' and 'P1D' have the shape of
// a time and a duration. AQL takes the type from context, so use the answer
// only where the other operand can be temporal.
func Classify(s string) Kind {
	if len(s) < 3 {
		return KindNone
	}
	switch s[0] {
	case 'P', '+', '-':
		if _, err := ParseDuration(s); err == nil {
			return KindDuration
		}
		return KindNone
	case 'T':
		return timeOrNone(s)
	}
	if d, err := ParseDate(s); err == nil {
		if d.form == formExtended || d.precision == PrecisionDay {
			return KindDate
		}
		return KindNone
	}
	if s[2] == ':' {
		return timeOrNone(s)
	}
	if d, err := ParseDateTime(s); err == nil && d.Precision() > PrecisionDay {
		return KindDateTime
	}
	if t, err := ParseTime(s); err == nil && t.HasZone() && !t.IsPartial() {
		return KindTime
	}
	return KindNone
}

func timeOrNone(s string) Kind {
	if _, err := ParseTime(s); err == nil {
		return KindTime
	}
	return KindNone
}
