package ucum

import (
	"encoding/xml"
	"errors"
	"os"
	"testing"

	"github.com/cockroachdb/apd/v3"
)

func number(t testing.TB, s string) *apd.Decimal {
	t.Helper()
	d, _, err := apd.NewFromString(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestConvert(t *testing.T) {
	for _, tc := range []struct{ value, from, to, want string }{
		{"1.50", "m", "cm", "150"},
		{"120", "mm[Hg]", "kPa", "15.99864"},
		{"120", "mmHg", "mm[Hg]", "120"},
		{"37", "Cel", "[degF]", "98.6"},
		{"98.6", "[degF]", "Cel", "37"},
		{"-40", "°C", "°F", "-40"},
		{"0", "K", "Cel", "-273.15"},
		{"310.15", "K", "Cel", "37"},
		{"37000", "mCel", "Cel", "37"},
		{"80", "[degRe]", "Cel", "100"},
		{"491.67", "[degR]", "Cel", "0"},
		{"1", "[lb_av]", "g", "453.59237"},
		{"11", "[stone_av]", "kg", "69.85322498"},
		{"6", "[ft_i]", "cm", "182.88"},
		{"1", "[in_i]", "mm", "25.4"},
		{"5.5", "mmol/l", "umol/L", "5500"},
		{"90", "mg/dl", "g/l", "0.9"},
		{"60", "/min", "Hz", "1"},
		{"72", "{beats}/min", "/min", "72"},
		{"1", "10*9/l", "10*3/uL", "1"},
		{"1", "10^9/l", "/nl", "1"},
		{"2", "wk", "d", "14"},
		{"1", "a", "d", "365.25"},
		{"1", "mo", "d", "30.4375"},
		{"1.73", "m2", "cm2", "17300"},
		{"60", "ml/min/(173.10*-2.m2)", "ml/s/(173.10*-2.m2)", "1"},
		{"60", "ml/min/1.73.m2", "ml/s/1.73.m2", ""},
		{"1", "kcal", "kJ", "4.184"},
		{"1", "[psi]", "kPa", "6.894757293168361336722673445346891"},
		{"180", "deg", "rad", "3.141592653589793238462643383279503"},
		{"1", "rad", "deg", "57.29577951308232087679815481410517"},
		{"90", "deg", "gon", "100"},
		{"1", "m", "[ft_us]", "3.280833333333333333333333333333333"},
		{"10", "cm[H2O]", "mm[H2O]", "100"},
		{"1", "%", "1", "0.01"},
		{"1", "U/l", "ukat/l", "0.01666666666666666666666666666666667"},
		{"1", "kg/m2", "g/cm2", "0.1"},
		{"1", "µg", "ng", "1000"},
		{"3", "lb", "kg", "1.36077711"},
		{"2", "m²", "cm2", "20000"},
		{"5", "pH", "pH", "5"},
		{"1", "[foz_us]", "ml", "29.5735295625"},
		{"1", "Kibit", "bit", "1024"},
		{"1e30", "km", "m", "1E+33"},
		{"123456789012345678901234567890123456789012345678901234567890", "m", "mm", "1.2345678901234567890123456789012345678901234567890123456789E+62"},
		// Never: other quantities, logarithms, arbitrary units, scales in products.
		{"1", "kg", "m", ""},
		{"1", "mmol/l", "mg/dl", ""},
		{"1", "mmol/l", "/l", ""},
		{"1", "meq/l", "mmol/l", ""},
		{"1", "mosm/kg", "mmol/kg", ""},
		{"1", "dB", "B", ""},
		{"7.4", "[pH]", "mol/l", ""},
		{"1", "[iU]/l", "m[iU]/ml", ""},
		{"1", "[arb'U]", "[iU]", ""},
		{"1", "{mitoses}/[HPF]", "/mm2", ""},
		{"1", "Cel/h", "[degF]/h", ""},
		{"1", "Cel2", "K2", ""},
		{"1", "ft", "m", ""},
		{"1", "pt", "ml", ""},
		{"1", "furlong", "m", ""},
		{"1", "m", "", ""},
		{"1e500", "km", "m", ""},
		{"NaN", "km", "m", ""},
		{"1", "[iU]/l", "[iU]/l", "1"},
	} {
		got, ok := Convert(number(t, tc.value), tc.from, tc.to)
		if tc.want == "" {
			if ok {
				t.Errorf("%s %s to %s: got %s, want none", tc.value, tc.from, tc.to, got)
			}
			continue
		}
		if !ok || got.Cmp(number(t, tc.want)) != 0 {
			t.Errorf("%s %s to %s: got %v %v, want %s", tc.value, tc.from, tc.to, got, ok, tc.want)
			continue
		}
		// There and back is the same value where both ways end.
		back, ok := Convert(got, tc.to, tc.from)
		if got.NumDigits() < digits && (!ok || back.Cmp(number(t, tc.value)) != 0 && back.NumDigits() < digits) {
			t.Errorf("%s %s to %s and back: %v", tc.value, tc.from, tc.to, back)
		}
	}
}

func TestParse(t *testing.T) {
	for _, valid := range []string{
		"1", "m", "mm[Hg]", "m[H2O]", "cm[H2O]", "kg/m2", "/min", "1/min", "{copies}/mL", "10*3{Copies}/mL", "mg/(24.h)", "g/(100.ml)",
		"mL/min/(173.10*-2.m2)", "%", "%{Body}", "'", "''", "10*-6", "10^3", "m+2", "s-1", "dar", "har", "da[iU]", "dB[SPL]", "B[10.nV]",
		"[in_i'H2O]", "cal_[15]", "a_j", "mo_s", "ug{creat}", "k[lbf_av]", "Ohm", "umol/min", "[lb_av]/[in_i]2", "U/l", "m[iU]/ml", "Cel",
	} {
		if _, err := Parse(valid); err != nil {
			t.Errorf("%q: %v", valid, err)
		}
	}
	for invalid, column := range map[string]int{
		"": 1, "mmHg": 1, "°C": 1, "kg/": 4, "kg//m": 4, "m m": 2, "(m": 3, "m)": 2, "{x": 1, "m{a b}": 2, "11*3": 4, "0": 1,
		"kmin": 1, "m[Hg": 5, "m^2": 2, "m-": 3, "m101": 5, "m99.m99": 8, "mµ": 1, "2m": 2, "IU": 1, "5 mg": 2, "1.73.m2": 3, "[iu]": 1, "gm": 1,
		"((((((((((((((((((((((m": 21,
	} {
		_, err := Parse(invalid)
		var e *Error
		if !errors.As(err, &e) || e.Offset+1 != column {
			t.Errorf("%q: got %v, want a fault in column %d", invalid, err, column)
		}
		if Valid(invalid) {
			t.Errorf("%q is valid", invalid)
		}
	}
}

func TestCommonUnitsAreUnits(t *testing.T) {
	for unit := range common {
		if _, err := Parse(unit); err != nil {
			t.Errorf("%q: %v", unit, err)
		}
	}
}

func TestSame(t *testing.T) {
	for _, tc := range []struct {
		a, b                string
		same, commensurable bool
	}{
		{"mmHg", "mm[Hg]", true, true}, {"°C", "Cel", true, true}, {"l", "L", true, true}, {"/min", "1/min", true, true},
		{"{beats}/min", "/min", true, true}, {"mm[H20]", "mm[H2O]", true, true}, {"m", "cm", false, true}, {"Cel", "K", false, true},
		{"Cel", "[degF]", false, true}, {"deg", "rad", false, true}, {"[pH]", "[pH]", true, true}, {"x", "x", true, true},
		{"[iU]", "[IU]", false, false}, {"m", "g", false, false}, {"x", "m", false, false}, {"ft", "[ft_i]", false, false},
	} {
		if Same(tc.a, tc.b) != tc.same || Commensurable(tc.a, tc.b) != tc.commensurable {
			t.Errorf("%s and %s: same %v, commensurable %v", tc.a, tc.b, Same(tc.a, tc.b), Commensurable(tc.a, tc.b))
		}
	}
}

// notUCUM are texts in the UCUM column of the openEHR property table that the
// grammar of UCUM does not read, or that name units it does not have.
var notUCUM = map[string]bool{
	"[acr_US]": true, "10A": true, "33356.10−14A": true, "2[pi]rad/min": true, "[ft_i'H2O]": true, "AMU": true,
	"2000[lbf_av]/[sin_i]": true, "100000[Btu]": true, "1055[Btu]/s": true, "12000[Btu]/s": true,
	"10-8V": true, "299792458.10-6V": true, "10-9Ohm": true, "8987551787.10+2Ohm": true, "kg.m2/A2.S3": false,
	"10-8V/m": true, "299792458.10-6V/m": true, "10-9H": true, "8987552.10+5H": true, "10C": true, "333564.10−15C": true,
	" 11126.10-16F": true, "mu": false, "4uV.S": true, "Ps/s": false, "772.10+6.rad/h2": true, "{log_copies}/mL": false,
	"g/m27.10-1": true, "{mitoses}/795.10-2.mm2": true, "{mitoses}/98.10-1.mm2": true, "{mitoses}/1185.10-3.mm2": true, "{mitoses}/172.10-1.mm2": true,
}

func TestPropertyUnits(t *testing.T) {
	text, err := os.ReadFile("../../../shared/spec/terminology/PropertyUnitData.xml")
	if err != nil {
		t.Skip("the specification's property table is not beside this checkout")
	}
	var data struct {
		Units []struct {
			UCUM string `xml:"UCUM,attr"`
		} `xml:"Unit"`
	}
	if err := xml.Unmarshal(text, &data); err != nil {
		t.Fatal(err)
	}
	read := 0
	for _, u := range data.Units {
		if u.UCUM == "" {
			continue
		}
		if _, err := Parse(u.UCUM); (err != nil) != notUCUM[u.UCUM] {
			t.Errorf("%q: %v", u.UCUM, err)
		} else if err == nil {
			read++
		}
	}
	if read < 400 {
		t.Errorf("only %d units were read", read)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"kg/m2", "mm[Hg]", "10*3{a}/uL", "(g.m)-2", "Cel", "dB[SPL]", "/min", "m[H2O]2", "µg"} {
		f.Add(seed, "1.5")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		u, err := Parse(text)
		if err != nil {
			return
		}
		if u.factor.Sign() <= 0 {
			t.Fatalf("%q has the factor %v", text, u.factor)
		}
		if !Same(text, text) || !Commensurable(text, text) {
			t.Fatalf("%q is not itself", text)
		}
		d, _, err := apd.NewFromString(value)
		if err != nil || d.Form != apd.Finite {
			return
		}
		there, ok := Convert(d, text, "10*3."+text)
		if !ok {
			return
		}
		back, ok := Convert(there, "10*3."+text, text)
		if !ok || back.Cmp(d) != 0 {
			t.Fatalf("%s %s: there and back is %v", value, text, back)
		}
	})
}

func BenchmarkConvert(b *testing.B) {
	d := number(b, "120")
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := Convert(d, "mm[Hg]", "kPa"); !ok {
			b.Fatal("not converted")
		}
	}
}
