package eval

import (
	"strings"

	"github.com/cockroachdb/apd/v3"
)

// calls holds the single-row functions (AQL 1.1.0, 3.6). A null argument gives
// null, except for CONCAT and CONCAT_WS, which pass it over.
var calls = map[string]func(r *run, args []Value) Value{
	"LENGTH":            strict(func(_ *run, a []Value) Value { return integer(int64(len([]rune(a[0].Str)))) }, String),
	"CONTAINS":          strict(func(_ *run, a []Value) Value { return boolean(strings.Contains(a[0].Str, a[1].Str)) }, String, String),
	"POSITION":          strict(position, String, String),
	"SUBSTRING":         strict(substring, String, Number, Number),
	"CONCAT":            func(_ *run, a []Value) Value { return text(join("", a)) },
	"CONCAT_WS":         concatWithSeparator,
	"ABS":               strict(abs, Number),
	"MOD":               strict(mod, Number, Number),
	"CEIL":              strict(func(_ *run, a []Value) Value { return whole(a[0], exact.Ceil) }, Number),
	"FLOOR":             strict(func(_ *run, a []Value) Value { return whole(a[0], exact.Floor) }, Number),
	"ROUND":             strict(round, Number, Number),
	"CURRENT_DATE":      now("2006-01-02"),
	"CURRENT_TIME":      now("15:04:05"),
	"CURRENT_DATE_TIME": now("2006-01-02T15:04:05.000-07:00"),
	"NOW":               now("2006-01-02T15:04:05.000-07:00"),
	"CURRENT_TIMEZONE":  now("-07:00"),
}

// strict gives null unless the arguments are of the kinds; a number may be the
// one an object is measured by.
func strict(f func(*run, []Value) Value, kinds ...Kind) func(*run, []Value) Value {
	return func(r *run, args []Value) Value {
		for i := range args {
			if kinds[i] == Number {
				args[i], _ = r.numeric(args[i])
				if args[i].Num == nil {
					return Value{}
				}
			}
			if args[i].Kind != kinds[i] {
				return Value{}
			}
		}
		return f(r, args)
	}
}

func now(layout string) func(*run, []Value) Value {
	return func(r *run, _ []Value) Value { return text(r.opts.Now.In(r.opts.Zone).Format(layout)) }
}

// position is where the first text begins in the second, from 1; 0 when nowhere.
func position(_ *run, a []Value) Value {
	before, _, ok := strings.Cut(a[1].Str, a[0].Str)
	if !ok {
		return integer(0)
	}
	return integer(int64(len([]rune(before))) + 1)
}

// substring counts characters from 1; what lies outside the text is cut off, as
// SQL does.
func substring(_ *run, a []Value) Value {
	runes := []rune(a[0].Str)
	start, ok := asInt(a[1])
	if !ok {
		return Value{}
	}
	end := int64(len(runes)) + 1
	if len(a) == 3 {
		n, ok := asInt(a[2])
		if !ok {
			return Value{}
		}
		end = min(end, start+max(n, 0))
	}
	start = max(start, 1)
	if start >= end {
		return text("")
	}
	return text(string(runes[start-1 : end-1]))
}

// asInt gives a number that is whole and small enough to count with.
func asInt(v Value) (int64, bool) {
	const farthest = 1 << 40
	n, err := v.Num.Int64()
	return n, err == nil && -farthest < n && n < farthest
}

func concatWithSeparator(_ *run, a []Value) Value {
	if a[0].Kind != String {
		return Value{}
	}
	return text(join(a[0].Str, a[1:]))
}

// join writes scalars; null and objects have no text and are passed over.
func join(separator string, args []Value) string {
	var parts []string
	for _, v := range args {
		switch v.Kind {
		case String:
			parts = append(parts, v.Str)
		case Bool, Number:
			parts = append(parts, string(v.AppendJSON(nil)))
		}
	}
	return strings.Join(parts, separator)
}

func abs(_ *run, a []Value) Value {
	a[0].Num = new(apd.Decimal).Abs(a[0].Num)
	return a[0]
}

// mod has the sign of the dividend; null for a division by zero.
func mod(_ *run, a []Value) Value {
	rest := new(apd.Decimal)
	if a[1].Num.IsZero() {
		return Value{}
	}
	if _, err := exact.Rem(rest, a[0].Num, a[1].Num); err != nil {
		return Value{}
	}
	return Value{Kind: Number, Num: rest, Integer: a[0].Integer && a[1].Integer}
}

// whole is by Ceil or Floor: Quantize takes what is less than a tenth for nothing.
func whole(v Value, to func(d, x *apd.Decimal) (apd.Condition, error)) Value {
	out := new(apd.Decimal)
	if _, err := to(out, v.Num); err != nil {
		return Value{}
	}
	return Value{Kind: Number, Num: out, Integer: true}
}

// round rounds half away from zero, as SQL numeric does; a whole number keeps
// its type.
func round(_ *run, a []Value) Value {
	places := int64(0)
	if len(a) == 2 {
		var ok bool
		if places, ok = asInt(a[1]); !ok || places < -300 || places > 300 {
			return Value{}
		}
	}
	ctx := exact
	ctx.Rounding = apd.RoundHalfUp
	out := new(apd.Decimal)
	if _, err := ctx.Quantize(out, a[0].Num, int32(-places)); err != nil {
		return Value{}
	}
	if a[0].Integer && places > 0 {
		return a[0]
	}
	return Value{Kind: Number, Num: out, Integer: a[0].Integer}
}
