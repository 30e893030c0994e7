package ucum

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"sync"

	"github.com/cockroachdb/apd/v3"
)

// Linear is how a value becomes one of the base units, in whole numbers so that
// nothing is rounded: (value * Times + Plus) / By. By is positive. Values of equal
// Dimension compare.
type Linear struct {
	Dimension       string
	Times, Plus, By *big.Int
}

// Listed are the units whose values Compare compares with those of other units:
// the usual ones of clinical data and their everyday spellings. Two readers that
// must agree, such as a database and a program, share this list.
var Listed = sync.OnceValue(func() map[string]Linear {
	list := map[string]Linear{}
	add := func(unit string) {
		if l, ok := linear(unit); ok {
			list[unit] = l
		}
	}
	for unit := range common {
		add(unit)
		add(strings.ReplaceAll(unit, "/l", "/L"))
		if micro, ok := strings.CutPrefix(unit, "u"); ok {
			add("µ" + micro)
			add("μ" + micro)
		}
	}
	for unit := range spellings {
		add(unit)
	}
	return list
})

func linear(unit string) (Linear, bool) {
	u, err := read(unit, true)
	if err != nil || ambiguous[unit] || u.fixed {
		return Linear{}, false
	}
	factor, plus := new(big.Rat).Set(u.factor), new(big.Rat)
	if u.scale != nil {
		factor.Mul(factor, u.scale.mul)
		plus.Mul(u.scale.add, u.scale.mul)
	}
	// v * n/d + p/q is (v * n*q + p*d) / (d*q).
	l := Linear{Dimension: fmt.Sprint(u.dimension, u.pi), Times: new(big.Int), Plus: new(big.Int), By: new(big.Int)}
	l.Times.Mul(factor.Num(), plus.Denom())
	l.Plus.Mul(plus.Num(), factor.Denom())
	l.By.Mul(factor.Denom(), plus.Denom())
	return l, true
}

// Compare compares values of two units, exactly. It is false where one is not
// Listed or they do not measure the same.
func Compare(a *apd.Decimal, unitA string, b *apd.Decimal, unitB string) (int, bool) {
	u, known := Listed()[unitA]
	v, also := Listed()[unitB]
	if !known || !also || u.Dimension != v.Dimension || !moderate(a) || !moderate(b) {
		return 0, false
	}
	return u.base(a, v.By).Cmp(v.base(b, u.By)), true
}

func moderate(d *apd.Decimal) bool {
	return d.Form == apd.Finite && d.Exponent <= maxExponent && d.Exponent >= -maxExponent && d.NumDigits() <= maxExponent
}

func (l Linear) base(d *apd.Decimal, times *big.Int) *big.Rat {
	r := rational(d)
	r.Mul(r, new(big.Rat).SetInt(l.Times))
	r.Add(r, new(big.Rat).SetInt(l.Plus))
	return r.Mul(r, new(big.Rat).SetInt(times))
}

// ListedNames are the units of Listed in order.
func ListedNames() []string { return slices.Sorted(maps.Keys(Listed())) }
