package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/quire-cdr/quire/internal/fault"
)

// refusedCode is the SQLSTATE of refuse(); the message is its reason.
const refusedCode = "QU001"

// sqlError is what of a server's error may be logged: message, detail and hint
// may quote data.
type sqlError struct {
	code, table, constraint, routine string
}

func (e *sqlError) Error() string {
	return fmt.Sprintf("SQLSTATE %s table %q constraint %q in %s", e.code, e.table, e.constraint, e.routine)
}

// redact keeps of an error what holds no data.
func redact(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return &sqlError{pg.Code, pg.TableName, pg.ConstraintName, pg.Routine}
	}
	return err
}

// refusal is the reason of refuse(), "" where err is none.
func refusal(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == refusedCode {
		return pg.Message
	}
	return ""
}

// violated is the unique constraint an insert ran into, "" for other errors.
func violated(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "23505" {
		return pg.ConstraintName
	}
	return ""
}

// transient says whether the same transaction may succeed when sent again.
func transient(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01")
}

// lost says whether the connection broke, so that nobody knows how the
// transaction ended.
func lost(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return strings.HasPrefix(pg.Code, "08") || strings.HasPrefix(pg.Code, "57P")
	}
	var network net.Error
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.As(err, &network)
}

// translate makes the *fault.Error of an error of pgx: what is an outage, what
// is a deadline, and what is a fault of ours. An error that is one stays.
func translate(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var known *fault.Error
	if errors.As(err, &known) {
		return err
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch {
		case pg.Code == "57014":
			return fault.New(fault.Timeout, "timeout", "the database took longer than the deadline").Because(redact(err))
		case pg.Code == "22021" || pg.Code == "22P05":
			// Only a value of the request can hold such a character: all else is ours.
			return fault.New(fault.Invalid, "character", "a text holds a character that no text may hold, such as U+0000").Because(redact(err))
		case pg.Code == "53400":
			// temp_file_limit is the only limit of the configuration a statement meets.
			return fault.New(fault.Invalid, "query-space", "the query needs more temporary space than the database grants (temp_file_limit); narrow it, or sort and group fewer rows").Because(redact(err))
		case outage(pg.Code):
			return unavailable(redact(err))
		}
		return fault.Of(redact(err))
	}
	var connect *pgconn.ConnectError
	switch {
	case errors.As(err, &connect):
		return unavailable(errors.New("no connection"))
	case ctx.Err() != nil:
		return fault.New(fault.Timeout, "timeout", "the database took longer than the deadline").Because(ctx.Err())
	case lost(err):
		return unavailable(errors.New("connection lost"))
	case strings.Contains(err.Error(), "conn closed"), strings.Contains(err.Error(), "closed pool"):
		return unavailable(errors.New("connection closed"))
	}
	return fault.Of(err)
}

// outage says whether a SQLSTATE means that the server is not there for us now:
// connection exceptions, shutdown, out of resources, or a standby.
func outage(code string) bool {
	for _, p := range []string{"08", "57P", "53", "58", "25006"} {
		if strings.HasPrefix(code, p) {
			return true
		}
	}
	return false
}

func unavailable(cause error) error {
	e := fault.New(fault.Unavailable, "database", "the database does not answer").Because(cause)
	e.RetryAfter = 2 * time.Second
	return e
}
