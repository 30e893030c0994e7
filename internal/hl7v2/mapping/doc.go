// Package mapping turns compositions into HL7 v2 messages and messages into
// compositions, as mapping files say: one for each template and message type. The
// files are data; what the messages of a receiver are like is changed there.
//
// Out: segments, each with fields that come from paths of the composition, from
// facts of the message or from constants. In: fields of the message become values
// of the template's FLAT format. A field that does not fit is named in the error,
// and nothing of a result is dropped in silence: an OBX that no rule takes refuses
// the message.
package mapping
