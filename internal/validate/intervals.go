package validate

import (
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// interval states the invariants of INTERVAL, which DV_INTERVAL inherits (BASE
// 1.1.0, Foundation Types). Flags that are left out follow from the bounds.
func (c *checker) interval(id rm.ID) {
	const class = "INTERVAL"
	lower, upper := c.tree.Child(id, rminfo.A_lower), c.tree.Child(id, rminfo.A_upper)
	for _, side := range [...]struct {
		bound               rm.ID
		unbounded, included rminfo.Attr
		valid, present      string
	}{
		{lower, rminfo.A_lower_unbounded, rminfo.A_lower_included, "Lower_included_valid", "Lower_bound_valid"},
		{upper, rminfo.A_upper_unbounded, rminfo.A_upper_included, "Upper_included_valid", "Upper_bound_valid"},
	} {
		open := side.bound == rm.None
		if flag := c.tree.Child(id, side.unbounded); flag != rm.None {
			open = c.tree.Bool(flag)
			if !open && side.bound == rm.None {
				c.broken(id, class, side.present, "a bound, or "+side.unbounded.Name(), "neither")
			}
			if open && side.bound != rm.None {
				c.warn(side.bound, class, side.present, "no bound", "a bound beside "+side.unbounded.Name())
			}
		}
		if flag := c.tree.Child(id, side.included); open && flag != rm.None && c.tree.Bool(flag) {
			c.broken(flag, class, side.valid, "false", "true")
		}
	}
	if lower == rm.None || upper == rm.None || c.open(id, rminfo.A_lower_unbounded) || c.open(id, rminfo.A_upper_unbounded) {
		return
	}
	switch c.compare(lower, upper) {
	case after:
		c.broken(id, class, "Limits_consistent", "lower <= upper", "lower > upper")
	case incomparable:
		c.broken(id, class, "Limits_comparable", "bounds of one type and unit", "bounds that cannot be compared")
	}
}

func (c *checker) open(id rm.ID, flag rminfo.Attr) bool {
	at := c.tree.Child(id, flag)
	return at != rm.None && c.tree.Bool(at)
}

// referenceRange: the bounds have no ranges of their own.
func (c *checker) referenceRange(id rm.ID) {
	for _, side := range [...]rminfo.Attr{rminfo.A_lower, rminfo.A_upper} {
		bound := c.tree.Find(id, rminfo.A_range, side)
		if bound == rm.None {
			continue
		}
		for _, attr := range [...]rminfo.Attr{rminfo.A_normal_range, rminfo.A_other_reference_ranges} {
			if at := c.tree.Child(bound, attr); at != rm.None {
				c.broken(at, "REFERENCE_RANGE", "Range_is_simple", "none", attr.Name())
			}
		}
	}
}

// normalRange: DV_ORDERED.Normal_range_and_status_consistency. Laboratories
// flag by rules of their own, so a contradiction is a warning.
func (c *checker) normalRange(id rm.ID) {
	status := c.tree.TextAt(id, rminfo.A_normal_status, rminfo.A_code_string)
	span := c.tree.Child(id, rminfo.A_normal_range)
	if status == "" || span == rm.None {
		return
	}
	inside := true
	for _, side := range [...]struct {
		bound rminfo.Attr
		wrong relation
	}{{rminfo.A_lower, before}, {rminfo.A_upper, after}} {
		bound := c.tree.Child(span, side.bound)
		if bound == rm.None {
			continue
		}
		switch r := c.compare(id, bound); r {
		case side.wrong:
			inside = false
		case unknown, incomparable:
			return
		}
	}
	if inside != (status == "N") {
		c.warn(id, "DV_ORDERED", "Normal_range_and_status_consistency", "N within the normal range only", status)
	}
}
