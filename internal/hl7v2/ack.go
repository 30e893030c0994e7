package hl7v2

import (
	"strings"
	"time"
)

// Codes of MSA-1 (HL7 table 0008).
const (
	Accept = "AA"
	Failed = "AE"
	Reject = "AR"
	// The same for the enhanced mode's commit acknowledgement.
	CommitAccept = "CA"
	CommitError  = "CE"
	CommitReject = "CR"
)

// Ack makes the acknowledgement of a message; m may be nil where none could be
// read. An error becomes an ERR segment that names the field (HL7 2.5.1, 2.15.5);
// up to version 2.4 it is spoken in ERR-1 and MSA-3 as well.
func Ack(m *Message, code string, refusal *Error, id string, now time.Time) *Message {
	header := Segment{Name: "MSH"}
	set := func(s *Segment, field int, value string) {
		if value != "" {
			s.Set(field, 1, 1, 1, value)
		}
	}
	set(&header, 1, "|")
	set(&header, 2, `^~\&`)
	version, processing, control := "2.5.1", "P", ""
	if m != nil {
		set(&header, 3, m.At("MSH-5"))
		set(&header, 4, m.At("MSH-6"))
		set(&header, 5, m.At("MSH-3"))
		set(&header, 6, m.At("MSH-4"))
		control = m.ControlID()
		if v := m.At("MSH-12"); v != "" {
			version = v
		}
		if v := m.At("MSH-11"); v != "" {
			processing = v
		}
	}
	set(&header, 7, Timestamp(now))
	header.Set(9, 1, 1, 1, "ACK")
	if m != nil {
		if event := m.At("MSH-9.2"); event != "" {
			header.Set(9, 1, 2, 1, event)
		}
	}
	set(&header, 10, id)
	set(&header, 11, processing)
	set(&header, 12, version)
	msa := Segment{Name: "MSA"}
	set(&msa, 1, code)
	set(&msa, 2, control)
	out := &Message{Delimiters: Standard, Segments: []Segment{header, msa}}
	if refusal == nil {
		return out
	}
	set(&out.Segments[1], 3, refusal.Error())
	e := Segment{Name: "ERR"}
	p := refusal.Place
	if p.Segment != "" {
		parts := []int{max(p.Occurrence, 1), p.Field, p.Repetition, p.Component}
		e.Set(2, 1, 1, 1, p.Segment)
		for n, v := range parts {
			if v > 0 {
				e.Set(2, 1, n+2, 1, itoa(v))
			}
		}
		if strings.HasPrefix(version, "2.") && version < "2.5" {
			e.Set(1, 1, 1, 1, p.Segment)
			e.Set(1, 1, 2, 1, itoa(max(p.Occurrence, 1)))
			if p.Field > 0 {
				e.Set(1, 1, 3, 1, itoa(p.Field))
			}
			e.Set(1, 1, 4, 1, refusal.Code)
		}
	}
	e.Set(3, 1, 1, 1, refusal.Code)
	e.Set(3, 1, 3, 1, "HL70357")
	set(&e, 4, "E")
	if refusal.Reason != "" {
		e.Set(5, 1, 1, 1, refusal.Reason)
	}
	set(&e, 8, refusal.Text)
	out.Segments = append(out.Segments, e)
	return out
}

// Answer is what an acknowledgement says of our message.
type Answer struct {
	Code, ControlID, Text string
	// Place is the field it names, "" for none.
	Place string
	// Problem is its code of table 0357 or of the receiver, "" for none.
	Problem string
}

// ReadAck reads an acknowledgement.
func ReadAck(data []byte) (Answer, error) {
	m, err := Parse(data, Limits{Bytes: 1 << 20, Charset: "8859/1"})
	if err != nil {
		return Answer{}, err
	}
	if m.Segment("MSA", 1) == nil {
		return Answer{}, Refuse("MSA", CodeSequence, "no-acknowledgement", "the answer has no MSA segment")
	}
	a := Answer{Code: m.At("MSA-1"), ControlID: m.At("MSA-2"), Text: m.At("MSA-3"), Problem: m.At("ERR-3")}
	if segment := m.At("ERR-2.1"); segmentName(segment) {
		a.Place = segment
		if field := m.At("ERR-2.3"); field != "" {
			a.Place += "-" + field
		}
	} else if segment := m.At("ERR-1.1"); segmentName(segment) {
		a.Place = segment
		if field := m.At("ERR-1.3"); field != "" {
			a.Place += "-" + field
		}
	}
	if text := m.At("ERR-8"); a.Text == "" {
		a.Text = text
	}
	return a, nil
}
