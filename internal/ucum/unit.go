package ucum

import (
	"math/big"

	"github.com/cockroachdb/apd/v3"
)

// The base quantities. UCUM has seven, plane angle among them, and counts
// amounts of substance as numbers; here those, and information, have their own.
const (
	length = iota
	duration
	mass
	angle
	temperature
	charge
	luminosity
	amount
	equivalents
	osmoles
	information
	quantities
)

// dimension is the exponent of each base quantity.
type dimension [quantities]int

// Unit is a unit that has been read: factor times pi^pi times the base units of
// its dimension.
type Unit struct {
	factor    *big.Rat
	pi        int
	dimension dimension
	// scale is set for a temperature scale that stands alone.
	scale *scale
	// fixed units are never converted: logarithmic and arbitrary ones, and
	// temperature scales within a product.
	fixed bool
}

// scale converts to kelvin: (value + add) * mul.
type scale struct{ add, mul *big.Rat }

// Commensurable says whether both measure the same quantity and values can be
// converted from one to the other.
func (u Unit) Commensurable(v Unit) bool {
	return !u.fixed && !v.fixed && u.dimension == v.dimension
}

// Commensurable says whether values in the one unit can be converted to the
// other. Equal texts always are.
func Commensurable(a, b string) bool {
	if a == b {
		return true
	}
	u, v, ok := both(a, b)
	return ok && u.Commensurable(v)
}

// Same says whether two texts name the same unit, as mmHg and mm[Hg] do.
func Same(a, b string) bool {
	if a == b {
		return true
	}
	u, v, ok := both(a, b)
	return ok && u.Commensurable(v) && u.pi == v.pi && u.factor.Cmp(v.factor) == 0 && u.scale == v.scale
}

func both(a, b string) (u, v Unit, ok bool) {
	if ambiguous[a] || ambiguous[b] {
		return u, v, false
	}
	u, err := read(a, true)
	if err != nil {
		return u, v, false
	}
	v, err = read(b, true)
	return u, v, err == nil
}

// digits is how many significant digits a conversion keeps when its result has
// no end in decimal.
const digits = 34

// maxExponent bounds the powers of ten of a value: beyond it a conversion would
// be a matter of megabytes.
const maxExponent = 400

// Convert gives the value in another unit. The result is exact where it can be
// written in decimal, and else rounded to 34 significant digits, half to even;
// its trailing zeros say nothing of precision. It is false where the units are
// not commensurable or not understood.
func Convert(value *apd.Decimal, from, to string) (*apd.Decimal, bool) {
	if value == nil || value.Form != apd.Finite {
		return nil, false
	}
	if from == to {
		return new(apd.Decimal).Set(value), true
	}
	u, v, ok := both(from, to)
	if !ok || !u.Commensurable(v) || value.Exponent > maxExponent || value.Exponent < -maxExponent || value.NumDigits() > maxExponent {
		return nil, false
	}
	r := rational(value)
	if u.scale != nil {
		r.Mul(r.Add(r.Mul(r, u.factor), u.scale.add), u.scale.mul)
	} else {
		r.Mul(r, u.factor)
	}
	for p := u.pi; p > v.pi; p-- {
		r.Mul(r, pi)
	}
	for p := u.pi; p < v.pi; p++ {
		r.Quo(r, pi)
	}
	if v.scale != nil {
		r.Quo(r.Sub(r.Quo(r, v.scale.mul), v.scale.add), v.factor)
	} else {
		r.Quo(r, v.factor)
	}
	return decimal(r, u.pi == v.pi), true
}

func rational(d *apd.Decimal) *big.Rat {
	r := new(big.Rat).SetInt(d.Coeff.MathBigInt())
	if d.Negative {
		r.Neg(r)
	}
	ten := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(abs(int(d.Exponent)))), nil)
	if d.Exponent < 0 {
		return r.Quo(r, new(big.Rat).SetInt(ten))
	}
	return r.Mul(r, new(big.Rat).SetInt(ten))
}

// decimal divides: exactly when the ratio is exact and its denominator has no
// prime but 2 and 5.
func decimal(r *big.Rat, exact bool) *apd.Decimal {
	num := apd.NewWithBigInt(new(apd.BigInt).SetMathBigInt(r.Num()), 0)
	den := apd.NewWithBigInt(new(apd.BigInt).SetMathBigInt(r.Denom()), 0)
	precision := uint32(digits)
	if places, ends := r.FloatPrec(); exact && ends {
		precision = uint32(max(digits, int(num.NumDigits())+places))
	}
	context := apd.BaseContext.WithPrecision(precision)
	context.Rounding = apd.RoundHalfEven
	out := new(apd.Decimal)
	// The bounds on the value keep the exponent far from its limits.
	_, _ = context.Quo(out, num, den)
	out.Reduce(out)
	return out
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
