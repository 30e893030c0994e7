package validate

import (
	"strconv"
	"strings"

	"github.com/cockroachdb/apd/v3"
)

// compareDecimal orders two numbers by value. Up to 15 digits a float64 holds a
// decimal well enough to order it and to tell equal ones; beyond that exact
// arithmetic decides. Text that is no number equals everything: it is reported
// elsewhere.
func compareDecimal(a, b string) int {
	if a == b {
		return 0
	}
	if len(a) <= 15 && len(b) <= 15 {
		x, err1 := strconv.ParseFloat(a, 64)
		y, err2 := strconv.ParseFloat(b, 64)
		if err1 != nil || err2 != nil {
			return 0
		}
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	}
	x, _, err1 := apd.NewFromString(a)
	y, _, err2 := apd.NewFromString(b)
	if err1 != nil || err2 != nil {
		return 0
	}
	return x.Cmp(y)
}

// isIntegral says whether a number has no fraction: 5, 5.0 and 5e2 have none.
func isIntegral(lexeme string) bool { return decimals(lexeme) <= 0 }

// decimals counts the digits after the point that matter: 2 for 1.250, 0 for
// 78.0, as encoders write whole numbers of the type Real.
func decimals(lexeme string) int {
	mantissa, exponent := lexeme, 0
	if e := strings.IndexAny(lexeme, "eE"); e >= 0 {
		mantissa = lexeme[:e]
		exponent, _ = strconv.Atoi(lexeme[e+1:])
	}
	_, fraction, _ := strings.Cut(mantissa, ".")
	n := len(strings.TrimRight(fraction, "0"))
	if n == 0 && exponent < 0 {
		whole := strings.TrimLeft(mantissa, "+-")
		whole, _, _ = strings.Cut(whole, ".")
		trailing := len(whole) - len(strings.TrimRight(whole, "0"))
		return max(0, -exponent-trailing)
	}
	return max(0, n-exponent)
}

// isZero says whether a number is 0, however it is written.
func isZero(lexeme string) bool { return lexeme != "" && compareDecimal(lexeme, "0") == 0 }
