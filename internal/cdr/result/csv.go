package result

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// table is CSV by RFC 4180: a header with the names of the columns, lines that
// end in CR LF, every text in quotes. null is an empty field and the empty text
// two quotes; numbers and booleans stand as they are, objects as their JSON.
// Nothing is changed in a text, so that one that begins with = + - or @ is a
// formula to a spreadsheet that opens the file instead of importing it.
type table struct{}

func (e *table) Head(dst []byte, h Head) []byte {
	for i, c := range h.Columns {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendField(dst, []byte(c.Name))
	}
	return append(dst, "\r\n"...)
}

func (e *table) Row(dst []byte, cells [][]byte) ([]byte, error) {
	for i, c := range cells {
		if i > 0 {
			dst = append(dst, ',')
		}
		text, kind, err := plain(c)
		if err != nil {
			return dst, err
		}
		switch kind {
		case 'n':
			if len(cells) == 1 {
				// A line without anything would be no record.
				dst = append(dst, `""`...)
			}
		case '0', 't', 'f':
			dst = append(dst, text...)
		default:
			dst = appendField(dst, text)
		}
	}
	return append(dst, "\r\n"...), nil
}

// Foot writes nothing: CSV has no place for it.
func (e *table) Foot(dst []byte, _ Foot) ([]byte, error) { return dst, nil }

func appendField(dst, text []byte) []byte {
	dst = append(dst, '"')
	for {
		before, after, found := bytes.Cut(text, []byte{'"'})
		dst = append(dst, before...)
		if !found {
			return append(dst, '"')
		}
		dst = append(dst, `""`...)
		text = after
	}
}

// plain is the text of a JSON text, else the JSON itself, with the kind of it: as
// jsontext.Kind, one of n t f 0 " { [.
func plain(cell []byte) ([]byte, jsontext.Kind, error) {
	kind := jsontext.Value(cell).Kind()
	if kind != '"' {
		return cell, kind, nil
	}
	text, err := jsontext.AppendUnquote(nil, cell)
	return text, kind, err
}
