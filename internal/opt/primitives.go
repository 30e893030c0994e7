package opt

import (
	"strconv"

	"github.com/quire-cdr/quire/internal/aom"
)

var primitiveClasses = map[string]func(*reader, element) aom.Primitive{
	"C_STRING":  (*reader).cString,
	"C_BOOLEAN": (*reader).cBoolean,
	"C_INTEGER": func(r *reader, e element) aom.Primitive {
		n := r.numbers(e)
		return &aom.Integer{List: n.list, Range: n.interval, Assumed: n.assumed}
	},
	"C_REAL": func(r *reader, e element) aom.Primitive {
		n := r.numbers(e)
		return &aom.Real{List: n.list, Range: n.interval, Assumed: n.assumed}
	},
	"C_DATE": func(r *reader, e element) aom.Primitive {
		t := r.temporal(e)
		return &aom.Date{Pattern: t.pattern, Timezone: t.zone, Range: t.interval, Assumed: t.assumed}
	},
	"C_TIME": func(r *reader, e element) aom.Primitive {
		t := r.temporal(e)
		return &aom.Time{Pattern: t.pattern, Timezone: t.zone, Range: t.interval, Assumed: t.assumed}
	},
	"C_DATE_TIME": func(r *reader, e element) aom.Primitive {
		t := r.temporal(e)
		return &aom.DateTime{Pattern: t.pattern, Timezone: t.zone, Range: t.interval, Assumed: t.assumed}
	},
	"C_DURATION": func(r *reader, e element) aom.Primitive {
		t := r.temporal(e)
		return &aom.Duration{Pattern: t.pattern, Range: t.interval, Assumed: t.assumed}
	},
}

func (r *reader) primitive(e element) aom.Primitive {
	read, ok := primitiveClasses[e.class]
	if !ok {
		r.fault("opt-unknown-class", "a C_PRIMITIVE class", e.class, "%s declares the unknown class %q", e.name, e.class)
		r.skip()
		return nil
	}
	return read(r, e)
}

func (r *reader) cString(e element) aom.Primitive {
	s := &aom.String{}
	r.each(e, stringSchema, func(c element) {
		switch c.name {
		case "pattern":
			s.Pattern, s.HasPattern = r.text(), true
		case "list":
			s.List = append(s.List, r.text())
		case "list_open":
			s.ListOpen = r.boolean(c)
		case "assumed_value":
			s.Assumed = ptr(r.text())
		}
	})
	return s
}

func (r *reader) cBoolean(e element) aom.Primitive {
	b := &aom.Boolean{}
	r.each(e, booleanSchema, func(c element) {
		switch v := r.boolean(c); c.name {
		case "true_valid":
			b.TrueValid = v
		case "false_valid":
			b.FalseValid = v
		case "assumed_value":
			b.Assumed = &v
		}
	})
	return b
}

type numbers struct {
	list     []string
	interval *aom.Interval
	assumed  *string
}

func (r *reader) numbers(e element) (n numbers) {
	r.each(e, numberSchema, func(c element) {
		switch c.name {
		case "list":
			n.list = append(n.list, r.number(c))
		case "range":
			n.interval = r.numberInterval(c)
		case "assumed_value":
			n.assumed = ptr(r.number(c))
		}
	})
	return n
}

type temporal struct {
	pattern  string
	zone     aom.Validity
	interval *aom.Interval
	assumed  *string
}

func (r *reader) temporal(e element) (t temporal) {
	r.each(e, temporalSchema, func(c element) {
		switch c.name {
		case "pattern":
			t.pattern = r.word()
		case "timezone_validity":
			t.zone = aom.Validity(r.integer(c))
		case "range":
			i := r.interval(c)
			t.interval = &i
		case "assumed_value":
			t.assumed = ptr(r.word())
		}
	})
	return t
}

func (r *reader) number(e element) string {
	w := r.word()
	if _, err := strconv.ParseFloat(w, 64); err != nil {
		r.at(e)
		r.fault("opt-value", "a number", w, "%s is not a number", e.name)
	}
	return w
}

// interval reads an Interval. A bound that is absent is unbounded, whatever the
// flags say, and one that is present is included unless they deny it.
func (r *reader) interval(e element) aom.Interval {
	i := aom.Interval{LowerIncluded: true, UpperIncluded: true}
	var lower, upper bool
	r.each(e, intervalSchema, func(c element) {
		switch c.name {
		case "lower":
			i.Lower, lower = r.word(), true
		case "upper":
			i.Upper, upper = r.word(), true
		case "lower_included":
			i.LowerIncluded = r.boolean(c)
		case "upper_included":
			i.UpperIncluded = r.boolean(c)
		case "lower_unbounded":
			i.LowerUnbounded = r.boolean(c)
		case "upper_unbounded":
			i.UpperUnbounded = r.boolean(c)
		}
	})
	if !lower || i.LowerUnbounded {
		i.Lower, i.LowerUnbounded, i.LowerIncluded = "", true, false
	}
	if !upper || i.UpperUnbounded {
		i.Upper, i.UpperUnbounded, i.UpperIncluded = "", true, false
	}
	return i
}

func (r *reader) numberInterval(e element) *aom.Interval {
	i := r.interval(e)
	bounds := [2]float64{}
	for n, bound := range [...]struct {
		text string
		free bool
	}{{i.Lower, i.LowerUnbounded}, {i.Upper, i.UpperUnbounded}} {
		if bound.free {
			continue
		}
		v, err := strconv.ParseFloat(bound.text, 64)
		if err != nil {
			r.at(e)
			r.fault("opt-value", "a number", bound.text, "a bound of %s is not a number", e.name)
		}
		bounds[n] = v
	}
	if !i.LowerUnbounded && !i.UpperUnbounded && bounds[0] > bounds[1] {
		r.at(e)
		r.fault("opt-interval", "lower <= upper", i.Lower+".."+i.Upper, "the bounds of %s are the wrong way round", e.name)
	}
	return &i
}

// multiplicity reads an interval of counts; open bounds are closed.
func (r *reader) multiplicity(e element) aom.Multiplicity {
	i := r.interval(e)
	m := aom.Multiplicity{Max: aom.Unbounded}
	if !i.LowerUnbounded {
		m.Min = r.count(e, i.Lower)
		if !i.LowerIncluded {
			m.Min++
		}
	}
	if !i.UpperUnbounded {
		m.Max = r.count(e, i.Upper)
		if !i.UpperIncluded {
			m.Max--
		}
		if m.Max < m.Min {
			r.at(e)
			r.fault("opt-interval", "lower <= upper", i.Lower+".."+i.Upper, "the bounds of %s are the wrong way round", e.name)
		}
	}
	return m
}

func (r *reader) count(e element, text string) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		r.at(e)
		r.fault("opt-value", "a count", text, "a bound of %s is not a count", e.name)
	}
	return n
}

func ptr[T any](v T) *T { return &v }
