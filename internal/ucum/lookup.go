package ucum

import (
	"math/big"
	"strings"
)

// pi to more digits than a conversion keeps.
var pi, _ = new(big.Rat).SetString("3.14159265358979323846264338327950288419716939937510582097494459")

// atoms are the symbols, worked out once from the table.
var atoms = make(map[string]*resolved, len(table)+quantities+1)

func init() {
	for i, code := range [quantities]string{"m", "s", "g", "rad", "K", "C", "cd", "mol", "eq", "osm", "bit"} {
		u := one()
		u.dimension[i] = 1
		atoms[code] = &resolved{u, true}
	}
	atoms["[pi]"] = &resolved{Unit{factor: big.NewRat(1, 1), pi: 1}, false}
	// A row names rows above it, or base units, so that one pass is enough.
	for _, row := range table {
		u := one()
		switch row.kind {
		case ratio:
			of, err := read(row.of, false)
			factor, ok := new(big.Rat).SetString(row.value)
			if err != nil || !ok || atoms[row.code] != nil {
				panic("ucum: the table's row " + row.code + " cannot be worked out")
			}
			u = of
			u.factor.Mul(u.factor, factor)
		case celsius:
			u.dimension[temperature], u.scale = 1, &celsiusScale
		case fahrenheit:
			u.dimension[temperature], u.scale = 1, &fahrenheitScale
		case reaumur:
			u.dimension[temperature], u.scale = 1, &reaumurScale
		case unconverted:
			u.fixed = true
		}
		atoms[row.code] = &resolved{u, row.metric}
	}
}

type resolved struct {
	unit   Unit
	metric bool
}

var (
	celsiusScale    = scale{big.NewRat(27315, 100), big.NewRat(1, 1)}
	fahrenheitScale = scale{big.NewRat(45967, 100), big.NewRat(5, 9)}
	reaumurScale    = scale{big.NewRat(21852, 100), big.NewRat(5, 4)}
)

// prefixes, two letters first.
var prefixes = []struct {
	code  string
	power int
}{
	{"da", 1},
	{"Y", 24}, {"Z", 21}, {"E", 18}, {"P", 15}, {"T", 12}, {"G", 9}, {"M", 6}, {"k", 3}, {"h", 2},
	{"d", -1}, {"c", -2}, {"m", -3}, {"u", -6}, {"n", -9}, {"p", -12}, {"f", -15}, {"a", -18}, {"z", -21}, {"y", -24},
}

var binary = []struct {
	code string
	bits uint
}{{"Ki", 10}, {"Mi", 20}, {"Gi", 30}, {"Ti", 40}}

// lookup finds a symbol, or a prefix before a metric symbol.
func lookup(code string) (Unit, bool) {
	if r, ok := atoms[code]; ok {
		return copyOf(r.unit), true
	}
	for _, p := range binary {
		if r, ok := atoms[strings.TrimPrefix(code, p.code)]; ok && r.metric && strings.HasPrefix(code, p.code) {
			u := copyOf(r.unit)
			u.factor.Mul(u.factor, new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), p.bits)))
			return u, true
		}
	}
	for _, p := range prefixes {
		if !strings.HasPrefix(code, p.code) {
			continue
		}
		if r, ok := atoms[code[len(p.code):]]; ok && r.metric {
			u := copyOf(r.unit)
			u.factor.Mul(u.factor, power(Unit{factor: big.NewRat(10, 1)}, p.power).factor)
			return u, true
		}
	}
	return Unit{}, false
}

func copyOf(u Unit) Unit {
	u.factor = new(big.Rat).Set(u.factor)
	return u
}

// everyday understands spellings that are no UCUM, for comparison only.
func everyday(code string) (Unit, bool) {
	spelled, ok := spellings[code]
	if !ok {
		return Unit{}, false
	}
	u, err := read(spelled, false)
	return u, err == nil
}

// plain writes signs beyond ASCII as UCUM does.
var plain = strings.NewReplacer("µ", "u", "μ", "u", "Ω", "Ohm", "²", "2", "³", "3", "·", ".")
