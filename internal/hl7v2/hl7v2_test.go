package hl7v2

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // zones on a machine that has none
)

const result = "MSH|^~\\&|LIMS|LAB1|QUIRE|QUIRE|20260301101500+0000||ORU^R01^ORU_R01|M-1|P|2.5.1||||||8859/1\r" +
	"PID|1||999 000 0018^^^NHS^NH~H1^^^LAB1^MR||O\\T\\NEIL^S\xf8ren||19800102|M\r" +
	"OBR|1|P-1|F-1|A^Test\\S\\one&sub^L\r" +
	"OBX|1|FT|X||line one\\.br\\line two \\X41\\ \\Zlocal\\ \"\"\r"

func TestParse(t *testing.T) {
	m, err := Parse([]byte(result), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for place, want := range map[string]string{
		"MSH-1": "|", "MSH-2": `^~\&`, "MSH-9.2": "R01", "MSH-10": "M-1", "PID-3": "999 000 0018", "PID-3(2)": "H1", "PID-3(2).5": "MR",
		"PID-5.1": "O&NEIL", "PID-5.2": "Søren", "OBR-4.2": "Test^one", "OBR-4.2.2": "sub", "OBX-5": "line one\nline two A \\Zlocal\\ \"\"",
		"PID-40": "", "ZZZ-1": "", "PID-3(9)": "", "OBX[2]-1": "",
	} {
		if got := m.At(place); got != want {
			t.Errorf("%s is %q, want %q", place, got, want)
		}
	}
	if m.Type() != "ORU^R01" || m.ControlID() != "M-1" || m.Sender() != "LIMS|LAB1" {
		t.Errorf("header read as %q %q %q", m.Type(), m.ControlID(), m.Sender())
	}
}

func TestParseRefuses(t *testing.T) {
	header := "MSH|^~\\&|A|B|C|D|20260101||ORU^R01|1|P|2.5\r"
	for name, c := range map[string]struct{ text, place, reason string }{
		"empty":             {"", "MSH", "no-header"},
		"no header":         {"PID|1\r", "MSH", "no-header"},
		"same delimiter":    {"MSH|^^\\&|A\r", "MSH-2", "delimiters"},
		"letter":            {"MSH|^~A&|A|\r", "MSH-2", "delimiters"},
		"segment":           {header + "pid|1\r", "MSH", "segment-malformed"},
		"name runs on":      {header + "PIDX|1\r", "MSH", "segment-malformed"},
		"two headers":       {header + header, "MSH[2]", "second-header"},
		"beyond ASCII":      {header + "PID|||1||S\xf8ren\r", "PID-5.1", "text"},
		"not UTF-8":         {strings.Replace(result, "8859/1", "UNICODE UTF-8", 1), "PID-5.2", "text"},
		"unknown set":       {strings.Replace(result, "8859/1", "BIG-5", 1), "MSH-18", "charset"},
		"control character": {header + "PID|||1\x01\r", "PID-3.1", "text"},
		"NUL escaped":       {header + "PID|||\\X00\\\r", "PID-3.1", "text"},
		"too many fields":   {header + "PID" + strings.Repeat("|", 300) + "\r", "PID", "too-large"},
		"too many parts":    {header + "PID|" + strings.Repeat("^", 2000) + "\r", "PID-1", "too-large"},
	} {
		_, err := Parse([]byte(c.text), Limits{})
		var e *Error
		if !errors.As(err, &e) || e.Reason != c.reason || e.Place.String() != c.place {
			t.Errorf("%s: %v (%+v), want %s at %s", name, err, e, c.reason, c.place)
		}
	}
}

func TestOtherDelimitersAndLineEnds(t *testing.T) {
	for _, end := range []string{"\r", "\n", "\r\n"} {
		m, err := Parse([]byte("MSH#*@!%#A#B"+end+"PID#1##x*y%z@w!S!"+end), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if m.At("PID-3.2.2") != "z" || m.At("PID-3(2)") != "w*" {
			t.Errorf("%q: read %v", end, m.Segments[1].Fields)
		}
	}
}

func TestEncodeReadsBack(t *testing.T) {
	m := &Message{Delimiters: Standard, Segments: []Segment{{Name: "MSH"}, {Name: "OBX"}}}
	m.Segments[0].Set(1, 1, 1, 1, "|")
	m.Segments[0].Set(2, 1, 1, 1, `^~\&`)
	m.Segments[0].Set(10, 1, 1, 1, "id")
	text := "a|b^c~d\\e&f\ng\rh\x7f é€ \\.br\\ \\X41\\"
	m.Segments[1].Set(5, 2, 3, 2, text)
	back, err := Parse(m.Encode(), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if got := back.At("OBX-5(2).3.2"); got != text {
		t.Errorf("came back as %q", got)
	}
	if back.At("MSH-18") != "UNICODE UTF-8" {
		t.Errorf("MSH-18 is %q", back.At("MSH-18"))
	}
	if strings.Count(string(m.Encode()), "\r") != 2 {
		t.Error("a value broke its segment")
	}
}

func TestAckNamesTheField(t *testing.T) {
	m, _ := Parse([]byte(result), Limits{})
	refusal := Refuse("PID-3(2).1", CodeUnknownKey, "person-unknown", "no record")
	a, err := ReadAck(Ack(m, Failed, refusal, "A1", time.Now()).Encode())
	if err != nil || a.Code != "AE" || a.ControlID != "M-1" || a.Place != "PID-3" || a.Problem != "204" {
		t.Errorf("%+v, %v", a, err)
	}
	old, _ := Parse([]byte(strings.Replace(result, "2.5.1", "2.3", 1)), Limits{})
	text := string(Ack(old, Failed, refusal, "A1", time.Now()).Encode())
	if !strings.Contains(text, "ERR|PID^1^3^204|PID^1^3^2^1|204^^HL70357|E|") {
		t.Errorf("for 2.3: %q", text)
	}
	if a, _ := ReadAck(Ack(nil, Reject, refusal, "A1", time.Now()).Encode()); a.Code != "AR" {
		t.Errorf("without a message: %+v", a)
	}
}

func TestTimes(t *testing.T) {
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	for dtm, want := range map[string]string{
		"2026": "2026", "202603": "2026-03", "20260304": "2026-03-04", "202603041015": "2026-03-04T10:15:00Z", "202607041015": "2026-07-04T10:15:00+01:00",
		"20260304101530.1234+0200": "2026-03-04T10:15:30.1234+02:00", "2026030410": "2026-03-04T10:00:00Z", "202608110000": "2026-08-11T00:00:00+01:00",
		"20260329013000": "", "20260230": "", "2026133": "", "x": "", "": "", "20260304+0100": "", "20260304101530+1": "", "00010101": "",
	} {
		got, ok := ISO(dtm, london)
		if got != want || ok != (want != "") {
			t.Errorf("%s is %q, want %q", dtm, got, want)
		}
		if ok && dtm != "2026030410" && want != "" {
			if back, _ := ISO(DTM(got), nil); back != got {
				t.Errorf("%s goes back as %s", got, back)
			}
		}
	}
}

// The Trusts' own messages can be read, mixed line ends and all.
func TestFixtures(t *testing.T) {
	dir := "../../../shared/fixtures/hl7v2"
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no messages to read: %v", err)
	}
	for name, want := range map[string][3]string{
		"AlderHey_ORM_O01_DNA_Storage.txt":          {"ORM^O01", "PID-3", "AH0002531"},
		"ManchesterFoundationTrust_OML_O21_PDF.txt": {"OML^O21", "OBR-4", "R240.1"},
		"NWGMSA_ORU_R01_PDF.txt":                    {"ORU^R01", "PID-19", "944 930 5552"},
	} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		m, err := Parse(text, Limits{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if m.Type() != want[0] || m.At(want[1]) != want[2] {
			t.Errorf("%s: %s with %s %q", name, m.Type(), want[1], m.At(want[1]))
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(result))
	f.Add([]byte("MSH|^~\\&|A|B\rPID|1||\\X4"))
	f.Add([]byte("MSH#*@!%#A#B\nPID#1##x*y%z@w!S!"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Parse(data, Limits{Charset: "8859/1"})
		if err != nil {
			return
		}
		// What was read is written so that it reads the same.
		one := strip(m)
		m.Delimiters = Standard
		again, err := Parse(m.Encode(), Limits{Bytes: 1 << 30, Fields: 1 << 20})
		if err != nil {
			t.Fatalf("our own message is refused: %v\n%q", err, m.Encode())
		}
		if two := strip(again); !reflect.DeepEqual(one, two) {
			t.Fatalf("read %q, written and read %q", one, two)
		}
	})
}

// strip lists every value that is not empty by its place.
func strip(m *Message) map[Place]string {
	out := map[Place]string{}
	seen := map[string]int{}
	for _, s := range m.Segments {
		seen[s.Name]++
		for i, f := range s.Fields {
			if s.Name == "MSH" && (i < 2 || i == 17) {
				continue
			}
			for j, r := range f {
				for k, c := range r {
					for l, v := range c {
						if v != "" {
							out[Place{s.Name, seen[s.Name], i + 1, j + 1, k + 1, l + 1}] = v
						}
					}
				}
			}
		}
	}
	return out
}
