package result

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/parquet-go/parquet-go"

	"github.com/quire-cdr/quire/internal/fault"
)

// A group of rows is kept until it is this large, and then written.
const (
	groupBytes = 4 << 20
	groupRows  = 20_000
)

// parquetFile has a column a column of the query, in the order of their names as
// the format has it. What a query alone proves to be numbers is INT64 or DOUBLE;
// all else is UTF8: texts as they are, other values as JSON. The meta data stand
// in the file's key "quire".
type parquetFile struct {
	out     bytes.Buffer
	writer  *parquet.GenericWriter[any]
	columns []Column
	// place is the column of the file for each of the query's.
	place []int
	held  int
}

func (e *parquetFile) Head(dst []byte, h Head) []byte {
	group, names := parquet.Group{}, []string{}
	for i, c := range h.Columns {
		name := c.Name
		for n := 2; group[name] != nil; n++ {
			name = fmt.Sprintf("%s (%d)", c.Name, n)
		}
		names = append(names, name)
		switch h.Columns[i].Kind {
		case Whole:
			group[name] = parquet.Optional(parquet.Leaf(parquet.Int64Type))
		case Decimal:
			group[name] = parquet.Optional(parquet.Leaf(parquet.DoubleType))
		default:
			group[name] = parquet.Optional(parquet.String())
		}
	}
	sorted := slices.Sorted(slices.Values(names))
	for _, name := range names {
		e.place = append(e.place, slices.Index(sorted, name))
	}
	e.columns = h.Columns
	e.writer = parquet.NewGenericWriter[any](&e.out, parquet.NewSchema("result", group),
		parquet.MaxRowsPerRowGroup(groupRows), parquet.CreatedBy("Quire", "", ""))
	return dst
}

func (e *parquetFile) Row(dst []byte, cells [][]byte) ([]byte, error) {
	row := make(parquet.Row, len(cells))
	for i, c := range cells {
		value, err := valueOf(c, e.columns[i].Kind)
		if err != nil {
			return dst, err
		}
		present := 1
		if value.IsNull() {
			present = 0
		}
		row[e.place[i]] = value.Level(0, present, e.place[i])
		e.held += len(c) + 8
	}
	if _, err := e.writer.WriteRows([]parquet.Row{row}); err != nil {
		return dst, err
	}
	if e.held >= groupBytes {
		if err := e.writer.Flush(); err != nil {
			return dst, err
		}
		e.held = 0
	}
	return e.drain(dst), nil
}

func (e *parquetFile) Foot(dst []byte, f Foot) ([]byte, error) {
	e.writer.SetKeyValueMetadata("quire", string(appendMeta(nil, f)))
	if err := e.writer.Close(); err != nil {
		return dst, err
	}
	return e.drain(dst), nil
}

// drain takes what the writer has let go of.
func (e *parquetFile) drain(dst []byte) []byte {
	dst = append(dst, e.out.Bytes()...)
	e.out.Reset()
	return dst
}

func valueOf(cell []byte, kind Kind) (parquet.Value, error) {
	text, first, err := plain(cell)
	switch {
	case err != nil:
		return parquet.Value{}, err
	case first == 'n':
		return parquet.NullValue(), nil
	case kind == Whole && first == '0':
		n, err := strconv.ParseInt(string(text), 10, 64)
		return parquet.Int64Value(n), err
	case kind == Decimal && first == '0':
		n, err := json.Number(text).Float64()
		return parquet.DoubleValue(n), err
	case kind != Any:
		return parquet.Value{}, fault.New(fault.Internal, "query-column", "a column of numbers holds something else")
	}
	return parquet.ByteArrayValue(text), nil
}
