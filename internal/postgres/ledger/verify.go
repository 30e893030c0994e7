package ledger

import (
	"bytes"
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/seal"
)

// Finding is a seal that does not hold, or one that is not there.
type Finding struct {
	Seq int64
	// From and To are when its rows were sealed, at the latest; zero where unknown.
	From, To time.Time
	Message  string
}

// Report is what a verification found.
type Report struct {
	Seals, Rows int64
	// Unsealed rows are newer than the last seal and not judged.
	Unsealed int64
	Head     *seal.Seal
	Findings []Finding
}

// Sound says that nothing was found.
func (r *Report) Sound() bool { return len(r.Findings) == 0 }

// Ask says what to verify.
type Ask struct {
	// Keys are all keys the audit was sealed with, by their ids.
	Keys map[string]*seal.Key
	// Since begins with the first seal made at this time or later; zero is all.
	Since time.Time
	// Anchors are seals kept elsewhere, each of which must still be there.
	Anchors []seal.Seal
	// Progress is told how many of how many seals are done, nil is not.
	Progress func(done, total int)
}

// group is about how many rows are read by one statement.
const group = 50_000

// Verify reads every sealed row again, in memory that does not grow with them.
// Its cost is linear in the rows.
func Verify(ctx context.Context, conn *pgx.Conn, ask Ask) (*Report, error) {
	r := &Report{}
	var err error
	if r.Head, err = last(ctx, conn); err != nil {
		return nil, err
	}
	for i := range ask.Anchors {
		if err := r.anchored(ctx, conn, ask, &ask.Anchors[i]); err != nil {
			return nil, err
		}
	}
	var hi uint64
	if r.Head != nil {
		hi = r.Head.Hi
		if err := r.chain(ctx, conn, ask); err != nil {
			return nil, err
		}
	}
	err = conn.QueryRow(ctx, `select (select count(*) from audit_event where xact >= $1::text::xid8) + (select count(*) from audit_query_ehr where xact >= $1::text::xid8)`, text(hi)).Scan(&r.Unsealed)
	return r, err
}

func (r *Report) found(s *seal.Seal, before *seal.Seal, message string) {
	f := Finding{Seq: s.Seq, To: s.At, Message: message}
	if before != nil {
		f.From = before.At
	}
	r.Findings = append(r.Findings, f)
}

// anchored finds an anchor in the chain.
func (r *Report) anchored(ctx context.Context, conn *pgx.Conn, ask Ask, anchor *seal.Seal) error {
	key := ask.Keys[anchor.Key]
	if key == nil || !anchor.Signed(key.Public()) {
		r.found(anchor, nil, "the anchor is not signed by a key of this audit")
		return nil
	}
	stored, err := one(conn.Query(ctx, sealSQL+`where seq = $1`, anchor.Seq))
	switch {
	case err != nil:
		return err
	case stored == nil:
		r.found(anchor, nil, "the anchor's seal is gone: the audit was cut off")
	case !bytes.Equal(stored.Chain, anchor.Chain):
		r.found(anchor, nil, "the anchor's seal is another: the audit was written anew")
	}
	return nil
}

// chain goes through the seals in their order and judges them in groups.
func (r *Report) chain(ctx context.Context, conn *pgx.Conn, ask Ask) error {
	var before *seal.Seal
	var err error
	if !ask.Since.IsZero() {
		if before, err = one(conn.Query(ctx, sealSQL+`where at < $1 order by seq desc limit 1`, ask.Since)); err != nil {
			return err
		}
	}
	after := int64(0)
	if before != nil {
		after = before.Seq
	}
	total := int(r.Head.Seq - after)
	for {
		list, err := conn.Query(ctx, sealSQL+`where seq > $1 order by seq limit 1000`, after)
		if err != nil {
			return err
		}
		page, err := pgx.CollectRows(list, scan)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			return nil
		}
		for len(page) > 0 {
			n, sum := 0, int64(0)
			for n < len(page) && (n == 0 || sum+page[n].Events+page[n].Shown <= group) {
				sum += page[n].Events + page[n].Shown
				n++
			}
			if err := r.judge(ctx, conn, ask.Keys, page[:n], before); err != nil {
				return err
			}
			before, after, page = page[n-1], page[n-1].Seq, page[n:]
			if ask.Progress != nil {
				ask.Progress(int(r.Seals), max(total, int(r.Seals)))
			}
		}
	}
}

// judge reads the rows of neighbouring seals by one statement a table.
func (r *Report) judge(ctx context.Context, conn *pgx.Conn, keys map[string]*seal.Key, seals []*seal.Seal, before *seal.Seal) error {
	trees := make([]*seal.Tree, len(seals))
	counts := make([]int64, len(seals))
	for i, s := range seals {
		key := keys[s.Key]
		if key == nil {
			r.found(s, before, "it was sealed with a key that is not at hand")
		} else {
			if key.Check(s, before) != nil {
				r.found(s, before, "the seal does not follow from the one before it: seals were changed, removed or put in another order")
			}
			trees[i] = key.NewTree()
		}
		before = s
	}
	r.Seals += int64(len(seals))
	lo, hi := seals[0].Lo, seals[len(seals)-1].Hi
	for _, table := range []struct {
		sql   string
		which byte
	}{{eventsSQL, eventRow}, {shownSQL, shownRow}} {
		at := 0
		err := rows(ctx, conn, table.sql, lo, hi, func(xact uint64, row []byte) error {
			for at < len(seals)-1 && xact >= seals[at].Hi {
				at++
			}
			r.Rows++
			if trees[at] != nil {
				trees[at].Add(table.which, row)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if table.which == eventRow {
			for i, t := range trees {
				if t != nil {
					counts[i] = t.Rows()
				}
			}
		}
	}
	for i, s := range seals {
		t := trees[i]
		if t == nil {
			continue
		}
		var since *seal.Seal
		if i > 0 {
			since = seals[i-1]
		}
		switch shown := t.Rows() - counts[i]; {
		case counts[i] < s.Events || shown < s.Shown:
			r.found(s, since, "rows were removed")
		case counts[i] > s.Events || shown > s.Shown:
			r.found(s, since, "rows were added")
		case !bytes.Equal(t.Root(), s.Root):
			r.found(s, since, "rows were changed")
		}
	}
	return nil
}
