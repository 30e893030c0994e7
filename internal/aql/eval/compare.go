package eval

import (
	"cmp"
	"strings"

	"github.com/cockroachdb/apd/v3"

	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
	"github.com/quire-cdr/quire/internal/rm/temporal"
	"github.com/quire-cdr/quire/internal/ucum"
)

// scale is what an ordered value is measured on.
type scale uint8

// The scales, in the order in which ORDER BY puts values of different types.
const (
	noScale scale = iota
	numberScale
	timeScale
	dateScale
	dateTimeScale
	durationScale
	textScale
	boolScale
)

// measure is a value as a point or an interval [lo, hi) of its scale. A number
// stands in num, with the units of a DV_QUANTITY.
type measure struct {
	scale  scale
	num    *apd.Decimal
	whole  bool // the number is of a whole type
	units  string
	lo, hi temporal.Instant
	text   string
}

var temporalScales = map[rminfo.Class]scale{
	rminfo.DV_DATE: dateScale, rminfo.DV_TIME: timeScale,
	rminfo.DV_DATE_TIME: dateTimeScale, rminfo.DV_DURATION: durationScale,
}

// measureOf gives the measure of a number, of a DV_ORDERED object and of the
// text of a temporal one; noScale for everything else.
func (r *run) measureOf(v Value) measure {
	switch v.Kind {
	case Number:
		return measure{scale: numberScale, num: v.Num, whole: v.Integer}
	case String:
		if s := temporalScales[v.holder]; s != noScale {
			return r.temporal(s, v.Str)
		}
	case Object:
		return r.objectMeasure(v.at)
	}
	return measure{}
}

func (r *run) objectMeasure(n node) measure {
	t := n.tree
	numeric := func(attr rminfo.Attr) measure {
		m := measure{scale: numberScale, num: number(t.TextAt(n.id, attr), false).Num}
		if m.num == nil {
			return measure{}
		}
		return m
	}
	switch class := n.class(); class {
	case rminfo.DV_QUANTITY:
		m := numeric(rminfo.A_magnitude)
		m.units = t.TextAt(n.id, rminfo.A_units)
		return m
	case rminfo.DV_COUNT:
		m := numeric(rminfo.A_magnitude)
		m.whole = true
		return m
	case rminfo.DV_ORDINAL, rminfo.DV_SCALE:
		m := numeric(rminfo.A_value)
		m.whole = class == rminfo.DV_ORDINAL
		return m
	case rminfo.DV_PROPORTION:
		above, below := numeric(rminfo.A_numerator), numeric(rminfo.A_denominator)
		if above.num == nil || below.num == nil {
			return measure{}
		}
		q := divide(above.num, below.num)
		if q == nil {
			return measure{}
		}
		return measure{scale: numberScale, num: q}
	default:
		if s := temporalScales[class]; s != noScale {
			return r.temporal(s, t.TextAt(n.id, rminfo.A_value))
		}
	}
	return measure{}
}

// divide rounds half-even to 15 significant digits; nil for a division by zero.
func divide(a, b *apd.Decimal) *apd.Decimal {
	if b.IsZero() {
		return nil
	}
	q := new(apd.Decimal)
	if _, err := halfEven15.Quo(q, a, b); err != nil || q.Form != apd.Finite {
		return nil
	}
	q.Reduce(q)
	return q
}

// temporal reads a text on a scale; noScale when it is none of that type.
func (r *run) temporal(s scale, text string) measure {
	m := measure{scale: s, text: text}
	switch s {
	case dateScale:
		d, err := temporal.ParseDate(text)
		if err != nil {
			return measure{}
		}
		m.lo.Seconds, m.hi.Seconds = d.Interval()
	case timeScale:
		t, err := temporal.ParseTime(text)
		if err != nil {
			return measure{}
		}
		m.lo, m.hi = t.Interval()
	case dateTimeScale:
		d, err := temporal.ParseDateTime(text)
		if err != nil {
			return measure{}
		}
		m.lo, m.hi = d.Interval(r.opts.Zone)
	case durationScale:
		d, err := temporal.ParseDuration(text)
		if err != nil {
			return measure{}
		}
		m.lo = d.Magnitude()
		m.hi = m.lo
	}
	return m
}

// relation is how two values stand to each other.
type relation uint8

const (
	unrelated relation = iota
	less
	equal
	greater
)

func relationOf(c int) relation { return relation(c + 2) }

// compare answers `a op b`; askedA and askedB say that a and b are the query's own
// and no values of a record. Of texts only those are read as times.
func (r *run) compare(op aql.CompareOp, a, b Value, askedA, askedB bool) truth {
	if a.Kind == Null || b.Kind == Null {
		return unknown
	}
	if uid, ok := versionUID(op, a, b); ok {
		return uid
	}
	rel := r.relate(a, b, askedA, askedB)
	if rel == unrelated {
		return unknown
	}
	switch op {
	case aql.Eq:
		return of(rel == equal)
	case aql.Ne:
		return of(rel != equal)
	case aql.Lt:
		return of(rel == less)
	case aql.Le:
		return of(rel != greater)
	case aql.Gt:
		return of(rel == greater)
	}
	return of(rel != less)
}

func (r *run) relate(a, b Value, askedA, askedB bool) relation {
	ma, mb := r.measureOf(a), r.measureOf(b)
	switch {
	case ma.scale == numberScale && mb.scale == numberScale:
		return r.relateNumbers(ma, mb)
	case askedB && ma.scale > numberScale && b.Kind == String && mb.scale == noScale:
		mb = r.read(&ma, b.Str)
	case askedA && mb.scale > numberScale && a.Kind == String && ma.scale == noScale:
		ma = r.read(&mb, a.Str)
	}
	if ma.scale > numberScale && mb.scale > numberScale {
		return r.relateTimes(ma, mb, askedB)
	}
	switch {
	case a.Kind == String && b.Kind == String:
		return relationOf(strings.Compare(a.Str, b.Str))
	case a.Kind == Bool && b.Kind == Bool:
		return relationOf(compareBool(a.Bool, b.Bool))
	}
	return unrelated
}

// read reads a plain text on the scale of the value it is compared with. A date
// beside a text with a time of day is read anew as a partial date-time.
func (r *run) read(with *measure, s string) measure {
	m := r.temporal(with.scale, s)
	if m.scale == noScale && with.scale == dateScale {
		if m = r.temporal(dateTimeScale, s); m.scale != noScale {
			*with = r.temporal(dateTimeScale, with.text)
		}
	}
	return m
}

func (r *run) relateNumbers(a, b measure) relation {
	if a.units != "" && b.units != "" && a.units != b.units {
		if c, ok := ucum.Compare(a.num, a.units, b.num, b.units); ok {
			return relationOf(c)
		}
		return unrelated
	}
	return relationOf(a.num.Cmp(b.num))
}

// relateTimes compares intervals. A value that lies within a partial literal
// equals it. What overlaps otherwise is neither before, nor at, nor after.
func (r *run) relateTimes(a, b measure, literal bool) relation {
	if a.scale != b.scale {
		if !isDay(a.scale) || !isDay(b.scale) {
			return unrelated
		}
		a, b = r.temporal(dateTimeScale, a.text), r.temporal(dateTimeScale, b.text)
	}
	if a.scale == durationScale {
		return relationOf(a.lo.Compare(b.lo))
	}
	switch {
	case a.hi.Compare(b.lo) <= 0:
		return less
	case a.lo.Compare(b.hi) >= 0:
		return greater
	case a.lo == b.lo && a.hi == b.hi, literal && a.lo.Compare(b.lo) >= 0 && a.hi.Compare(b.hi) <= 0:
		return equal
	}
	return unrelated
}

func isDay(s scale) bool { return s == dateScale || s == dateTimeScale }

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// versionUID answers = and != between a version uid and a text that leaves
// parts of it out: "id", "id::::2". Both sides whole compare as texts.
func versionUID(op aql.CompareOp, a, b Value) (truth, bool) {
	if a.holder != rminfo.OBJECT_VERSION_ID || b.Kind != String || op != aql.Eq && op != aql.Ne {
		return unknown, false
	}
	whole, asked := strings.Split(a.Str, "::"), strings.Split(b.Str, "::")
	if len(whole) != 3 || len(asked) > 3 {
		return unknown, false
	}
	same := true
	for i, part := range asked {
		same = same && (strings.EqualFold(part, whole[i]) || part == "" && i > 0)
	}
	return of(same == (op == aql.Eq)), true
}

// sorted is the key of a value in ORDER BY, MIN and MAX.
type sorted struct {
	measure
	truth bool
}

// sortKey gives the key; false where the value does not sort and counts as null.
func (r *run) sortKey(v Value) (sorted, bool) {
	m := r.measureOf(v)
	switch {
	case m.scale != noScale:
		return sorted{measure: m}, true
	case v.Kind == String:
		return sorted{measure: measure{scale: textScale, text: v.Str}}, true
	case v.Kind == Bool:
		return sorted{measure: measure{scale: boolScale}, truth: v.Bool}, true
	}
	return sorted{}, false
}

// order puts keys of one type by value, keys of different types by scale.
func (k sorted) order(o sorted) int {
	if k.scale != o.scale {
		return cmp.Compare(k.scale, o.scale)
	}
	switch k.scale {
	case numberScale:
		return k.num.Cmp(o.num)
	case textScale:
		return strings.Compare(k.text, o.text)
	case boolScale:
		return compareBool(k.truth, o.truth)
	}
	if c := k.lo.Compare(o.lo); c != 0 {
		return c
	}
	return k.hi.Compare(o.hi)
}
