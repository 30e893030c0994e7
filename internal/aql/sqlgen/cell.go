package sqlgen

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/cockroachdb/apd/v3"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/canon"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// Reader makes result rows of the rows a statement gives. It keeps the last
// document it has parsed, since neighbouring rows mostly show the same one.
type Reader struct {
	statement *Statement
	parsed    []parsed
	seen      map[string]bool
	skipped   int64
	given     int64
}

type parsed struct {
	text []byte
	tree *rm.Tree
}

// NewReader begins reading the rows of a statement.
func NewReader(s *Statement) *Reader {
	return &Reader{statement: s, parsed: make([]parsed, s.Documents), seen: map[string]bool{}}
}

// Row turns the columns of one database row, in text format and nil for null,
// into cells as JSON and the EHR the row shows ("" for none). keep is false for a
// row that DISTINCT or OFFSET leaves out, and done says that no more are wanted.
func (r *Reader) Row(columns [][]byte) (cells [][]byte, ehr string, keep, done bool, err error) {
	s := r.statement
	n := len(s.Cells)
	documents := columns[n : n+s.Documents]
	cells = make([][]byte, n)
	for i := range s.Cells {
		if cells[i], err = r.cell(&s.Cells[i], columns[i], documents); err != nil {
			return nil, "", false, false, err
		}
	}
	if s.Shown {
		ehr = string(columns[n+s.Documents])
	}
	if !s.Distinct {
		return cells, ehr, true, false, nil
	}
	var key string
	for _, c := range cells {
		key += string(distinctKey(c)) + "\x00"
	}
	if r.seen[key] {
		return nil, "", false, false, nil
	}
	r.seen[key] = true
	switch {
	case r.skipped < s.Offset:
		r.skipped++
		return nil, "", false, false, nil
	case s.Limit >= 0 && r.given >= s.Limit:
		return nil, "", false, true, nil
	}
	r.given++
	return cells, ehr, true, false, nil
}

// distinctKey is equal for cells that are: numbers by value, objects by what they
// say, however it is written. An EHR, which is no object of a document, has one
// text within a query.
func distinctKey(cell []byte) []byte {
	switch c := cell[0]; {
	case c == '-', c >= '0' && c <= '9':
		return canon.AppendNumberKey(nil, string(cell))
	case c != '{':
		return cell
	}
	var head struct {
		Type string `json:"_type"`
	}
	if err := json.Unmarshal(cell, &head); err != nil {
		return cell
	}
	class, _ := rminfo.ClassByName(head.Type)
	if class == 0 || class == rminfo.EHR {
		return cell
	}
	tree, err := canon.ReadJSON(cell, class, canon.ReadOptions{Lenient: true})
	if err != nil {
		return cell
	}
	return canon.AppendKey(nil, tree, tree.Root())
}

func (r *Reader) cell(c *Cell, raw []byte, documents [][]byte) ([]byte, error) {
	switch {
	case raw == nil:
		return []byte("null"), nil
	case c.Sum:
		return rounded(string(raw), "1")
	case c.Average:
		sum, count, _ := strings.Cut(strings.Trim(string(raw), "[]"), ", ")
		return rounded(sum, count)
	case raw[0] != '{':
		return bytes.Clone(raw), nil
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var object map[string]any
	if err := dec.Decode(&object); err != nil {
		return nil, fault.New(fault.Internal, "query-cell", "a cell is no JSON").Because(err)
	}
	if num, ok := object["#"].(json.Number); ok && c.Document >= 0 {
		n, err := strconv.ParseUint(num.String(), 10, 32)
		if err != nil {
			return nil, fault.New(fault.Internal, "query-cell", "a cell has no number").Because(err)
		}
		return r.cut(c.Document, documents[c.Document], rm.ID(n))
	}
	cell := writeObject(nil, object, c.Declared)
	if c.EHR {
		return r.ehr(c, cell, documents)
	}
	return cell, nil
}

// cut writes the node with the number from its document.
func (r *Reader) cut(index int, doc []byte, id rm.ID) ([]byte, error) {
	switch {
	case doc == nil:
		return []byte("null"), nil
	case id == 0:
		return bytes.Clone(doc), nil
	}
	p := &r.parsed[index]
	if p.tree == nil || !bytes.Equal(p.text, doc) {
		tree, err := canon.ReadStored(bytes.Clone(doc))
		if err != nil {
			return nil, err
		}
		p.text, p.tree = bytes.Clone(doc), tree
	}
	if int(id) >= p.tree.Len() {
		return nil, fault.New(fault.Internal, "query-cell", "a row does not fit its document")
	}
	return canon.WriteJSON(nil, p.tree, id), nil
}

// ehr adds the documents of status and directory to an EHR object.
func (r *Reader) ehr(c *Cell, cell []byte, documents [][]byte) ([]byte, error) {
	for _, m := range []struct {
		name string
		at   int
	}{{"ehr_status", c.Document}, {"directory", c.Directory}} {
		if doc := documents[m.at]; doc != nil {
			cell = append(cell[:len(cell)-1], `,"`+m.name+`":`...)
			cell = append(append(cell, doc...), '}')
		}
	}
	return cell, nil
}

// writeObject writes an object of a row in canonical form: its class first, the
// members in the order of the reference model, without what is only compared by.
func writeObject(dst []byte, object map[string]any, class rminfo.Class) []byte {
	if name, ok := object["_type"].(string); ok {
		if named, known := rminfo.ClassByName(name); known {
			class = named
		}
	}
	dst = append(dst, '{')
	if class != 0 {
		dst = append(append(append(dst, `"_type":"`...), class.Name()...), '"')
	}
	for _, a := range class.Attributes() {
		v, ok := object[a.Attr.Name()]
		if !ok {
			continue
		}
		if len(dst) > 0 && dst[len(dst)-1] != '{' {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), a.Attr.Name()...), '"', ':')
		dst = writeValue(dst, v, a.Type)
	}
	return append(dst, '}')
}

func writeValue(dst []byte, v any, declared rminfo.Class) []byte {
	switch v := v.(type) {
	case map[string]any:
		return writeObject(dst, v, declared)
	case []any:
		dst = append(dst, '[')
		for i, item := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = writeValue(dst, item, declared)
		}
		return append(dst, ']')
	case string:
		dst, _ = jsontext.AppendQuote(dst, v)
		return dst
	case json.Number:
		return append(dst, v.String()...)
	case bool:
		return strconv.AppendBool(dst, v)
	}
	return append(dst, "null"...)
}

// decimal15 is the precision of sums and averages (DESIGN 4.6).
var decimal15 = apd.Context{Precision: 15, MaxExponent: apd.MaxExponent, MinExponent: apd.MinExponent, Rounding: apd.RoundHalfEven}

// rounded divides and writes the quotient plainly with a decimal point.
func rounded(sum, count string) ([]byte, error) {
	s, _, err := apd.NewFromString(sum)
	if err != nil {
		return nil, fault.New(fault.Internal, "query-cell", "a sum is no number").Because(err)
	}
	q := new(apd.Decimal)
	if count == "1" {
		_, err = decimal15.Round(q, s)
	} else {
		var n *apd.Decimal
		if n, _, err = apd.NewFromString(count); err == nil {
			_, err = decimal15.Quo(q, s, n)
			q.Reduce(q)
		}
	}
	if err != nil {
		return nil, fault.New(fault.Internal, "query-cell", "an average cannot be computed").Because(err)
	}
	text := q.Text('f')
	if !slices.Contains([]byte(text), '.') {
		text += ".0"
	}
	return []byte(text), nil
}
