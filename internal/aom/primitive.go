package aom

// Constraint is what limits a value: a Primitive, or a domain constraint
// (*CodePhrase, *CodeReference, *ConstraintRef, *Quantity, *Ordinal, *Scale,
// *State).
type Constraint interface{ constraint() }

// Primitive is C_PRIMITIVE: *String, *Integer, *Real, *Boolean, *Date, *Time,
// *DateTime or *Duration.
type Primitive interface {
	Constraint
	primitive()
}

// Interval is a range with its bounds as written: numbers keep their decimal
// text, dates and durations their ISO 8601 text.
type Interval struct {
	Lower, Upper                   string
	LowerIncluded, UpperIncluded   bool
	LowerUnbounded, UpperUnbounded bool
}

// String is C_STRING: a pattern (a regular expression) or a list of values.
type String struct {
	Pattern    string
	HasPattern bool
	List       []string
	// ListOpen allows values outside List.
	ListOpen bool
	Assumed  *string
}

// Integer is C_INTEGER; values are decimal text.
type Integer struct {
	List    []string
	Range   *Interval
	Assumed *string
}

// Real is C_REAL; values are decimal text.
type Real struct {
	List    []string
	Range   *Interval
	Assumed *string
}

// Boolean is C_BOOLEAN.
type Boolean struct {
	TrueValid, FalseValid bool
	Assumed               *bool
}

// Validity is VALIDITY_KIND; 0 says nothing.
type Validity int

// The validity kinds of AOM 1.4.
const (
	ValidityMandatory  Validity = 1001
	ValidityOptional   Validity = 1002
	ValidityDisallowed Validity = 1003
)

// Date is C_DATE: a pattern such as yyyy-??-XX, a range, or both.
type Date struct {
	Pattern  string
	Timezone Validity
	Range    *Interval
	Assumed  *string
}

// Time is C_TIME.
type Time struct {
	Pattern  string
	Timezone Validity
	Range    *Interval
	Assumed  *string
}

// DateTime is C_DATE_TIME.
type DateTime struct {
	Pattern  string
	Timezone Validity
	Range    *Interval
	Assumed  *string
}

// Duration is C_DURATION: the letters of the pattern are the fields allowed.
type Duration struct {
	Pattern string
	Range   *Interval
	Assumed *string
}

func (*String) constraint()   {}
func (*Integer) constraint()  {}
func (*Real) constraint()     {}
func (*Boolean) constraint()  {}
func (*Date) constraint()     {}
func (*Time) constraint()     {}
func (*DateTime) constraint() {}
func (*Duration) constraint() {}

func (*String) primitive()   {}
func (*Integer) primitive()  {}
func (*Real) primitive()     {}
func (*Boolean) primitive()  {}
func (*Date) primitive()     {}
func (*Time) primitive()     {}
func (*DateTime) primitive() {}
func (*Duration) primitive() {}
