package result

import (
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Column describes a column. Path is "" for what is computed.
type Column struct {
	Name, Path string
	// Kind is what the query alone says of the values.
	Kind Kind
}

// Kind is the type of a column where every value of it must have that type.
type Kind uint8

// The kinds. Any is text, number, boolean, object or null.
const (
	Any Kind = iota
	// Whole is a count.
	Whole
	// Decimal is a number.
	Decimal
)

// Head is what is known before the first row.
type Head struct {
	// Query is the text as it was sent, Name that of a stored query.
	Query, Name string
	Columns     []Column
}

// MixedUnits is a column whose numbers are in several units.
type MixedUnits struct {
	Column string
	Units  []string
}

// Foot is what is known after the last row.
type Foot struct {
	Created time.Time
	Query   string
	Href    string
	Rows    int64
	// Fetch and Offset are the window that was asked for, 0 where none was.
	Fetch, Offset int64
	Mixed         []MixedUnits
	// Truncated is the number of rows at which the server ended the result though
	// there are more, 0 where it is complete.
	Truncated int64
	// Next is the cursor of the next page, "" on the last and where pages are not
	// asked for by cursor.
	Next string
}

// Encoder writes one result. Each method appends to dst.
type Encoder interface {
	Head(dst []byte, h Head) []byte
	// Row takes the cells as JSON.
	Row(dst []byte, cells [][]byte) ([]byte, error)
	Foot(dst []byte, f Foot) ([]byte, error)
}

// Format is a way to write a result.
type Format struct {
	// Name is what a client may call it beside its media type.
	Name, Media string
	New         func() Encoder
}

// Formats are all ways; the first is the specification's.
var Formats = []Format{
	{"json", "application/json", func() Encoder { return &resultSet{} }},
	{"csv", "text/csv", func() Encoder { return &table{} }},
	{"ndjson", "application/x-ndjson", func() Encoder { return &lines{} }},
	{"parquet", "application/vnd.apache.parquet", func() Encoder { return &parquetFile{} }},
}

// Named finds a format by its name or media type.
func Named(name string) (Format, bool) {
	for _, f := range Formats {
		if strings.EqualFold(f.Name, name) || strings.EqualFold(f.Media, name) {
			return f, true
		}
	}
	return Format{}, false
}

// resultSet is the RESULT_SET of ITS-REST 1.1: meta is the last member, since
// some of it is known last.
type resultSet struct{ rows int64 }

func (e *resultSet) Head(dst []byte, h Head) []byte {
	dst = appendMember(dst, `{"q":`, h.Query)
	if h.Name != "" {
		dst = appendMember(dst, `,"name":`, h.Name)
	}
	dst = append(dst, `,"columns":[`...)
	for i, c := range h.Columns {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendMember(dst, `{"name":`, c.Name)
		if c.Path != "" {
			dst = appendMember(dst, `,"path":`, c.Path)
		}
		dst = append(dst, '}')
	}
	return append(dst, `],"rows":[`...)
}

func (e *resultSet) Row(dst []byte, cells [][]byte) ([]byte, error) {
	if e.rows > 0 {
		dst = append(dst, ',')
	}
	e.rows++
	dst = append(dst, '[')
	for i, c := range cells {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, c...)
	}
	return append(dst, ']'), nil
}

func (e *resultSet) Foot(dst []byte, f Foot) ([]byte, error) {
	return append(appendMeta(append(dst, `],"meta":`...), f), '}'), nil
}

// appendMeta writes the meta data of a RESULT_SET.
func appendMeta(dst []byte, f Foot) []byte {
	dst = append(dst, `{"_type":"RESULTSET","_schema_version":"1.0.4","_created":`...)
	dst = quoted(dst, f.Created.UTC().Format("2006-01-02T15:04:05.000Z07:00"))
	dst = appendMember(dst, `,"_generator":"Quire","_executed_aql":`, f.Query)
	if f.Href != "" {
		dst = appendMember(dst, `,"_href":`, f.Href)
	}
	dst = appendNumber(dst, `,"resultsize":`, f.Rows)
	if f.Fetch > 0 {
		dst = appendNumber(dst, `,"fetch":`, f.Fetch)
	}
	if f.Fetch > 0 || f.Offset > 0 {
		dst = appendNumber(dst, `,"offset":`, f.Offset)
	}
	if f.Truncated > 0 {
		dst = append(appendNumber(dst, `,"truncated":{"limit":"rows","value":`, f.Truncated), '}')
	}
	if f.Next != "" {
		dst = appendMember(dst, `,"next":`, f.Next)
	}
	for i, m := range f.Mixed {
		if i == 0 {
			dst = append(dst, `,"mixed_units":[`...)
		} else {
			dst = append(dst, ',')
		}
		dst = append(appendMember(dst, `{"column":`, m.Column), `,"units":[`...)
		for j, unit := range m.Units {
			if j > 0 {
				dst = append(dst, ',')
			}
			dst = quoted(dst, unit)
		}
		dst = append(dst, `]}`...)
		if i == len(f.Mixed)-1 {
			dst = append(dst, ']')
		}
	}
	return append(dst, '}')
}

func appendMember(dst []byte, name, value string) []byte {
	return quoted(append(dst, name...), value)
}

func appendNumber(dst []byte, name string, value int64) []byte {
	return strconv.AppendInt(append(dst, name...), value, 10)
}

func quoted(dst []byte, s string) []byte {
	// The error reports only that invalid UTF-8 was replaced.
	dst, _ = jsontext.AppendQuote(dst, s)
	return dst
}

// lines are objects, one a row, its members named as the columns; the last line
// holds the meta data as the member _meta.
type lines struct{ names [][]byte }

func (e *lines) Head(dst []byte, h Head) []byte {
	for i, c := range h.Columns {
		sep := `,`
		if i == 0 {
			sep = `{`
		}
		e.names = append(e.names, append(quoted([]byte(sep), c.Name), ':'))
	}
	return dst
}

func (e *lines) Row(dst []byte, cells [][]byte) ([]byte, error) {
	for i, c := range cells {
		dst = append(append(dst, e.names[i]...), c...)
	}
	return append(dst, "}\n"...), nil
}

func (e *lines) Foot(dst []byte, f Foot) ([]byte, error) {
	return append(appendMeta(append(dst, `{"_meta":`...), f), "}\n"...), nil
}
