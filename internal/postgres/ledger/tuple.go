package ledger

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// The columns that are sealed, in the order in which their bytes are: a change
// here breaks every seal made before.
const (
	eventsSQL = `copy (select xact, at, id, action, outcome, principal, role, org, ehr_id, object, template, query, parameters, purpose, basis,
        epoch, rows, source, request_id, opening
    from audit_event where xact >= '%d' and xact < '%d' order by xact, at, id) to stdout (format binary)`
	shownSQL = `copy (select xact, at, ehr_id, opening
    from audit_query_ehr where xact >= '%d' and xact < '%d' order by xact, ehr_id, opening) to stdout (format binary)`
)

// Rows of the two tables in a Tree.
const (
	eventRow = 'e'
	shownRow = 's'
)

// rows hands over the rows of the transactions from lo to before hi as PostgreSQL
// writes them in the binary format of COPY, which is the same in every version:
// number of columns, then each with its length. The bytes are good until take
// returns.
func rows(ctx context.Context, conn *pgx.Conn, sql string, lo, hi uint64, take func(xact uint64, row []byte) error) error {
	s := &tuples{take: take, skip: len(header) + 8}
	if _, err := conn.PgConn().CopyTo(ctx, s, fmt.Sprintf(sql, lo, hi)); err != nil {
		return err
	}
	if !s.ended {
		return errors.New("the rows of the audit ended in the middle")
	}
	return nil
}

var header = []byte("PGCOPY\n\xff\r\n\x00")

// tuples cuts a stream in the binary format of COPY into its rows.
type tuples struct {
	take  func(xact uint64, row []byte) error
	rest  []byte
	skip  int
	ended bool
}

// Write takes a piece of the stream.
func (s *tuples) Write(p []byte) (int, error) {
	b := p
	if len(s.rest) > 0 {
		s.rest = append(s.rest, p...)
		b = s.rest
	}
	if s.skip > 0 {
		if len(b) < s.skip {
			s.rest = append(s.rest[:0], b...)
			return len(p), nil
		}
		if !bytes.Equal(b[:len(header)], header) {
			return 0, errors.New("the stream is not in the binary format of COPY")
		}
		b, s.skip = b[s.skip:], 0
	}
	for {
		n := length(b)
		if n < 0 {
			s.ended = true
			return len(p), nil
		}
		if n == 0 {
			s.rest = append(s.rest[:0], b...)
			return len(p), nil
		}
		row := b[:n]
		// The first column is the transaction's number.
		if err := s.take(binary.BigEndian.Uint64(row[6:14]), row); err != nil {
			return 0, err
		}
		b = b[n:]
	}
}

// length is that of the first whole row, 0 where it is not all there, -1 at the
// end of the stream.
func length(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	columns := int16(binary.BigEndian.Uint16(b))
	if columns < 0 {
		return -1
	}
	n := 2
	for range columns {
		if len(b) < n+4 {
			return 0
		}
		size := int32(binary.BigEndian.Uint32(b[n:]))
		n += 4
		if size > 0 {
			n += int(size)
		}
	}
	if len(b) < n {
		return 0
	}
	return n
}
