package validate

import (
	"slices"
	"strings"

	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/rm/temporal"
)

func parseDate(s string) error     { _, err := temporal.ParseDate(s); return err }
func parseTime(s string) error     { _, err := temporal.ParseTime(s); return err }
func parseDateTime(s string) error { _, err := temporal.ParseDateTime(s); return err }
func parseDuration(s string) error { _, err := temporal.ParseDuration(s); return err }

// lexical states that the value of a temporal type is one (RM 1.1.0, Data
// Types, Date/Time).
func lexical(name string, parse func(string) error) func(*checker, rm.ID) {
	return func(c *checker, id rm.ID) {
		at := c.tree.Child(id, rminfo.A_value)
		if at == rm.None {
			return
		}
		if err := parse(c.tree.Text(at)); err != nil {
			f := finding{at: at, node: noNode, rule: "lexical-" + name, expected: "an ISO 8601 " + name, found: c.tree.Text(at)}
			f.message = "The value is no " + strings.ReplaceAll(name, "-", " ") + ": " + err.Error()
			c.add(f)
		}
	}
}

// formalism limits the notation of a time specification.
func formalism(allowed ...string) func(*checker, rm.ID) {
	return func(c *checker, id rm.ID) {
		at := c.tree.Find(id, rminfo.A_value, rminfo.A_formalism)
		if at != rm.None && !slices.Contains(allowed, c.tree.Text(at)) {
			c.broken(at, c.tree.Class(id).Name(), "Value_valid", strings.Join(allowed, ", "), c.tree.Text(at))
		}
	}
}

// formatting: older documents hold CSS here, so other words are a warning.
func (c *checker) formatting(id rm.ID) {
	at := c.tree.Child(id, rminfo.A_formatting)
	if at == rm.None {
		return
	}
	switch c.tree.Text(at) {
	case "plain", "plain_no_newlines", "markdown":
	default:
		c.warn(at, "DV_TEXT", "Formatting_valid", "plain, plain_no_newlines, markdown", c.tree.Text(at))
	}
}

func (c *checker) mapping(id rm.ID) {
	at := c.tree.Child(id, rminfo.A_match)
	if at == rm.None {
		return
	}
	switch c.tree.Text(at) {
	case ">", "=", "<", "?":
	default:
		c.broken(at, "TERM_MAPPING", "Match_valid", "> = < ?", c.tree.Text(at))
	}
}

func (c *checker) magnitudeStatus(id rm.ID) {
	at := c.tree.Child(id, rminfo.A_magnitude_status)
	if at == rm.None {
		return
	}
	switch c.tree.Text(at) {
	case "=", "<", ">", "<=", ">=", "~":
	default:
		c.broken(at, "DV_QUANTIFIED", "Magnitude_status_valid", "= < > <= >= ~", c.tree.Text(at))
	}
}

// accuracy: DV_AMOUNT.Accuracy_is_percent_validity and Accuracy_validity.
func (c *checker) accuracy(id rm.ID) {
	at, percent := c.tree.Child(id, rminfo.A_accuracy), c.tree.Child(id, rminfo.A_accuracy_is_percent)
	if at == rm.None || percent == rm.None || !c.tree.Bool(percent) {
		return
	}
	value := c.tree.Text(at)
	if isZero(value) {
		c.broken(at, "DV_AMOUNT", "Accuracy_is_percent_validity", "no percentage", value)
	} else if compareDecimal(value, "0") < 0 || compareDecimal(value, "100") > 0 {
		c.broken(at, "DV_AMOUNT", "Accuracy_validity", "0 to 100", value)
	}
}

// precision: DV_QUANTITY.Precision_valid. More decimals than stated is a
// warning: the text of the number is kept, so nothing is lost.
func (c *checker) precision(id rm.ID) {
	at := c.tree.Child(id, rminfo.A_precision)
	if at == rm.None {
		return
	}
	most := c.tree.Text(at)
	if compareDecimal(most, "-1") < 0 {
		c.broken(at, "DV_QUANTITY", "Precision_valid", "at least -1", most)
		return
	}
	if magnitude := c.tree.Child(id, rminfo.A_magnitude); magnitude != rm.None && len(most) == 1 && decimals(c.tree.Text(magnitude)) > int(most[0]-'0') {
		c.warn(magnitude, "DV_QUANTITY", "Precision_valid", "at most "+most+" decimals", c.tree.Text(magnitude))
	}
}

// The kinds of proportion (RM 1.1.0, PROPORTION_KIND).
const (
	kindRatio           = "0"
	kindUnitary         = "1"
	kindPercent         = "2"
	kindFraction        = "3"
	kindIntegerFraction = "4"
)

// proportion states the invariants of DV_PROPORTION. A fraction is integral;
// the precision it states must not say otherwise.
func (c *checker) proportion(id rm.ID) {
	const class = "DV_PROPORTION"
	kind := c.tree.Child(id, rminfo.A_type)
	numerator, denominator := c.tree.Child(id, rminfo.A_numerator), c.tree.Child(id, rminfo.A_denominator)
	if kind == rm.None || numerator == rm.None || denominator == rm.None {
		return
	}
	top, bottom := c.tree.Text(numerator), c.tree.Text(denominator)
	whole := isIntegral(top) && isIntegral(bottom)
	precision := c.tree.TextAt(id, rminfo.A_precision)
	if isZero(bottom) {
		c.broken(denominator, class, "Valid_denominator", "not 0", bottom)
	}
	switch k := c.tree.Text(kind); k {
	case kindRatio:
	case kindUnitary:
		if compareDecimal(bottom, "1") != 0 {
			c.broken(denominator, class, "Unitary_validity", "1", bottom)
		}
	case kindPercent:
		if compareDecimal(bottom, "100") != 0 {
			c.broken(denominator, class, "Percent_validity", "100", bottom)
		}
	case kindFraction, kindIntegerFraction:
		if !whole {
			c.broken(id, class, "Is_integral_validity", "whole numbers", top+"/"+bottom)
		} else if precision != "" && !isZero(precision) && precision != "-1" {
			c.broken(id, class, "Fraction_validity", "precision 0", precision)
		}
	default:
		c.broken(kind, class, "Type_validity", "0 to 4", k)
	}
	if isZero(precision) && !whole {
		c.broken(id, class, "Precision_validity", "whole numbers", top+"/"+bottom)
	}
}
