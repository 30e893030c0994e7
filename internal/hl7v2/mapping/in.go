package mapping

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quire-cdr/quire/internal/hl7v2"
)

// Incoming is what a message says, ready to become a composition.
type Incoming struct {
	// Flat is the composition in the FLAT format of the template.
	Flat []byte
	// Places says for each FLAT key which field it came from.
	Places map[string]string
	// Order and Filler are the numbers of the order, OrderAssigner who gave it.
	Order, Filler string
}

// Compose reads a message. zone is for times without an offset. The error is an
// *hl7v2.Error that names the field.
func (f *File) Compose(m *hl7v2.Message, zone *time.Location) (*Incoming, error) {
	if err := whole(m); err != nil {
		return nil, err
	}
	r := &reader{file: f, message: m, zone: zone, flat: map[string]any{}, places: map[string]string{}}
	for place, allowed := range f.Statuses {
		if err := r.status(place, allowed); err != nil {
			return nil, err
		}
	}
	for n := range f.Values {
		if err := r.value(&f.Values[n], 0, hl7v2.Place{}); err != nil {
			return nil, err
		}
	}
	if err := r.results(); err != nil {
		return nil, err
	}
	in := &Incoming{Places: r.places, Order: m.At(f.Order), Filler: m.At(f.Filler)}
	if in.Filler == "" {
		return nil, hl7v2.Refuse(f.Filler, hl7v2.CodeRequired, "filler-missing", "the result has no number at its sender, by which a correction could find it")
	}
	if in.Order == "" && f.OrderRequired {
		return nil, hl7v2.Refuse(f.Order, hl7v2.CodeRequired, "order-missing", "the result does not say which order it answers")
	}
	var err error
	in.Flat, err = json.Marshal(r.flat)
	return in, err
}

// whole checks what is true of every result message: one person, one order, and
// its header complete.
func whole(m *hl7v2.Message) error {
	for _, place := range []string{"MSH-10", "MSH-3"} {
		if m.At(place) == "" {
			return hl7v2.Refuse(place, hl7v2.CodeRequired, "required", "the field is missing, without which a repeated message cannot be known")
		}
	}
	for _, name := range []string{"PID", "OBR"} {
		if m.Segment(name, 1) == nil {
			return hl7v2.Refuse(name, hl7v2.CodeSequence, "segment-missing", "the message has no %s", name)
		}
		if m.Segment(name, 2) != nil {
			return hl7v2.Refuse(name+"[2]", hl7v2.CodeSequence, "segment-repeated", "one person and one order are taken in a message")
		}
	}
	// ORC and OBR name the same order, or one of them none.
	for orc, obr := range map[string]string{"ORC-2": "OBR-2", "ORC-3": "OBR-3"} {
		a, b := m.At(orc), m.At(obr)
		if a != "" && b != "" && a != b {
			return hl7v2.Refuse(obr, hl7v2.CodeUnknownKey, "orders-differ", "%s and %s name different orders", orc, obr)
		}
	}
	known := []string{"MSH", "SFT", "PID", "PD1", "PV1", "PV2", "ORC", "OBR", "OBX", "NTE", "SPM", "TQ1", "NK1", "CTD", "DSC"}
	for _, s := range m.Segments {
		if !slices.Contains(known, s.Name) && s.Name[0] != 'Z' {
			return hl7v2.Refuse(s.Name, hl7v2.CodeSequence, "segment-unknown", "no segment of this name belongs in the message")
		}
		if s.Name == "DSC" {
			return hl7v2.Refuse("DSC", hl7v2.CodeSequence, "continuation", "messages in parts are not taken")
		}
	}
	return nil
}

type reader struct {
	file    *File
	message *hl7v2.Message
	zone    *time.Location
	flat    map[string]any
	places  map[string]string
}

func (r *reader) status(place string, allowed []string) error {
	p, _ := hl7v2.ParsePlace(place)
	for n := 1; r.message.Segment(p.Segment, n) != nil; n++ {
		p.Occurrence = n
		if v := r.message.Get(p); !slices.Contains(allowed, v) {
			p.Repetition = 0
			return &hl7v2.Error{Place: p, Code: hl7v2.CodeTable, Reason: "status", Text: "this status is not one that is taken without a person's look"}
		}
	}
	return nil
}

// value puts one value; at is the segment it is taken from where the rule is a
// result's, n its number.
func (r *reader) value(v *Value, n int, at hl7v2.Place) error {
	key := strings.ReplaceAll(v.Key, "{n}", strconv.Itoa(n))
	place := func(text string) hl7v2.Place {
		p, _ := hl7v2.ParsePlace(text)
		if p.Segment == at.Segment {
			p.Occurrence = at.Occurrence
		}
		return p
	}
	if v.When != "" && r.message.Get(place(v.When)) == "" {
		return nil
	}
	if v.Value != "" && len(v.From) == 0 {
		r.put(key, v.Value, v.When)
		return nil
	}
	for _, from := range v.From {
		p := place(from)
		text := r.message.Get(p)
		if text == "" || text == hl7v2.Null {
			continue
		}
		p.Repetition = 0
		return r.write(v, key, p, text)
	}
	if v.Required {
		p := place(v.From[0])
		p.Repetition = 0
		return &hl7v2.Error{Place: p, Code: hl7v2.CodeRequired, Reason: "required", Text: "the field is missing"}
	}
	return nil
}

func (r *reader) put(key, value, from string) {
	r.flat[key] = value
	r.places[key] = from
}

func (r *reader) write(v *Value, key string, p hl7v2.Place, text string) error {
	refuse := func(code, reason, format string, args ...any) error {
		return &hl7v2.Error{Place: p, Code: code, Reason: reason, Text: fmt.Sprintf(format, args...)}
	}
	if len(v.Map) > 0 {
		mapped, ok := v.Map[text]
		if !ok {
			return refuse(hl7v2.CodeTable, "unmapped-code", "the code has no counterpart in the mapping")
		}
		text = mapped
	}
	switch v.As {
	case "time":
		iso, ok := hl7v2.ISO(text, r.zone)
		if !ok {
			return refuse(hl7v2.CodeType, "time", "the field is no date or time")
		}
		text = iso
	case "number":
		if _, err := strconv.ParseFloat(text, 64); err != nil {
			return refuse(hl7v2.CodeType, "number", "the field is no number")
		}
	case "concept":
		whole := p
		whole.Component = 2
		name, system := r.message.Get(whole), ""
		whole.Component = 3
		system = r.message.Get(whole)
		if name == "" {
			name = text
		}
		r.put(key+"|value", name, p.String())
		if system != "" {
			r.put(key+"|code", text, p.String())
			r.put(key+"|terminology", terminologyID(system), p.String())
		}
		return nil
	}
	r.put(key, text, p.String())
	return nil
}

// terminologyID is the openEHR name of a coding system of HL7 table 0396.
func terminologyID(system string) string {
	switch system {
	case "SCT", "SNM", "SNM3", "SCT2":
		return "SNOMED-CT"
	case "LN":
		return "LOINC"
	case "I10":
		return "ICD10"
	}
	return system
}

// results gives every OBX and NTE to the rule that takes it.
func (r *reader) results() error {
	took := make([]int, len(r.file.Results))
	joined := map[string][]string{}
	seen := map[string]int{}
	for _, s := range r.message.Segments {
		seen[s.Name]++
		if s.Name != "OBX" && s.Name != "NTE" {
			continue
		}
		at := hl7v2.Place{Segment: s.Name, Occurrence: seen[s.Name]}
		rule := slices.IndexFunc(r.file.Results, func(rule Result) bool { return r.fits(&rule, at) })
		if rule < 0 {
			at.Field = 2
			if s.Name == "NTE" {
				at.Field = 3
			}
			return &hl7v2.Error{Place: at, Code: hl7v2.CodeType, Reason: "unmapped-result", Text: "no rule of the mapping takes this segment, and nothing of a result is left out"}
		}
		took[rule]++
		of := &r.file.Results[rule]
		for n := range of.Values {
			if err := r.value(&of.Values[n], took[rule]-1, at); err != nil {
				return err
			}
		}
		if of.Join != "" {
			field := map[string]int{"OBX": 5, "NTE": 3}[s.Name]
			var lines []string
			for n := range s.Field(field) {
				lines = append(lines, s.Value(field, n+1, 1, 1))
			}
			if text := strings.TrimSpace(strings.Join(lines, "\n")); text != "" {
				joined[of.Join] = append(joined[of.Join], text)
				at.Field = field
				r.places[of.Join] = at.String()
			}
		}
	}
	for key, lines := range joined {
		r.flat[key] = strings.Join(lines, "\n")
	}
	return nil
}

func (r *reader) fits(rule *Result, at hl7v2.Place) bool {
	if rule.Segment != at.Segment {
		return false
	}
	for place, allowed := range rule.Where {
		p, _ := hl7v2.ParsePlace(place)
		p.Occurrence = at.Occurrence
		v := r.message.Get(p)
		if !slices.Contains(allowed, v) && !(slices.Contains(allowed, "*") && v != "") {
			return false
		}
	}
	return true
}

// PlaceOf finds the field a fault of the composition comes from: by its FLAT key,
// or the nearest one above it.
func (in *Incoming) PlaceOf(key string) string {
	for bare := key; bare != ""; {
		if p := in.Places[bare]; p != "" {
			return p
		}
		best := ""
		for k, p := range in.Places {
			if p != "" && strings.HasPrefix(k, bare) && (best == "" || k < best) {
				best = k
			}
		}
		if best != "" {
			return in.Places[best]
		}
		cut := strings.LastIndexAny(bare, "/|")
		if cut < 0 {
			return ""
		}
		bare = bare[:cut]
	}
	return ""
}
