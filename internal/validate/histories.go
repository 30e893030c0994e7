package validate

import (
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/rm/temporal"
)

// history: HISTORY.Events_valid and Period_consistency (RM 1.1.0, Data
// Structures, History).
func (c *checker) history(id rm.ID) {
	if c.tree.Child(id, rminfo.A_events) == rm.None && c.tree.Child(id, rminfo.A_summary) == rm.None && !c.opts.Incomplete {
		c.broken(id, "HISTORY", "Events_valid", "events or a summary", "neither")
	}
	period, err := temporal.ParseDuration(c.tree.TextAt(id, rminfo.A_period, rminfo.A_value))
	if err != nil || period.Negative() || period.Amount(temporal.Years) != 0 || period.Amount(temporal.Months) != 0 {
		return // not periodic, or by nominal months that no count of seconds divides
	}
	origin, err := temporal.ParseDateTime(c.tree.TextAt(id, rminfo.A_origin, rminfo.A_value))
	if err != nil || origin.IsPartial() {
		return
	}
	from, _ := origin.Interval(nil)
	for event := range c.tree.Children(id, rminfo.A_events) {
		at := c.tree.Find(event, rminfo.A_time, rminfo.A_value)
		time, err := temporal.ParseDateTime(c.tree.Text(at))
		if err != nil || time.IsPartial() || time.HasZone() != origin.HasZone() {
			continue
		}
		if to, _ := time.Interval(nil); !multipleOf(from, to, period.Magnitude()) {
			c.broken(at, "HISTORY", "Period_consistency", "a multiple of "+period.String()+" after the origin", time.String())
		}
	}
}

// multipleOf says whether the time between two instants is a multiple of a step;
// steps with fractions are judged within the centuries that fit nanoseconds.
func multipleOf(from, to, step temporal.Instant) bool {
	seconds, nanos := to.Seconds-from.Seconds, int64(to.Nanos)-int64(from.Nanos)
	switch {
	case step.Seconds == 0 && step.Nanos == 0:
		return true
	case step.Nanos == 0:
		return nanos == 0 && seconds%step.Seconds == 0
	case max(seconds, -seconds, step.Seconds) > 9e9:
		return true
	}
	return (seconds*1e9+nanos)%(step.Seconds*1e9+int64(step.Nanos)) == 0
}

func (c *checker) intervalEvent(id rm.ID) {
	width := c.tree.Find(id, rminfo.A_width, rminfo.A_value)
	if d, err := temporal.ParseDuration(c.tree.Text(width)); err == nil && d.Negative() {
		c.broken(width, "INTERVAL_EVENT", "Width_valid", "a duration of at least zero", c.tree.Text(width))
	}
}
