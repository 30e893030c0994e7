package bench

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// syncBlock is how much is written before each sync: a page of PostgreSQL.
const syncBlock = 8 << 10

// syncs measures how long writing a page to a file and syncing it takes here, the
// least a durable commit can wait.
func syncs(dir string, span time.Duration) (p50 time.Duration, perSecond float64, err error) {
	f, err := os.CreateTemp(dir, "sync")
	if err != nil {
		return 0, 0, err
	}
	defer func() {
		_ = f.Close()
		_ = os.Remove(f.Name())
	}()
	block := make([]byte, syncBlock)
	var took []time.Duration
	began := time.Now()
	for sent := began; sent.Sub(began) < span; {
		if _, err = f.WriteAt(block, int64(len(took)%64)*syncBlock); err != nil {
			return 0, 0, err
		}
		if err = f.Sync(); err != nil {
			return 0, 0, err
		}
		done := time.Now()
		took = append(took, done.Sub(sent))
		sent = done
	}
	elapsed := time.Since(began)
	slices.Sort(took)
	return quantile(took, 0.5), float64(len(took)) / elapsed.Seconds(), nil
}

// resident is the memory of a process that is in RAM, in bytes.
func resident(pid int) (int64, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) > 1 && fields[0] == "VmRSS:" {
			kilobytes, err := strconv.ParseInt(fields[1], 10, 64)
			return kilobytes << 10, err
		}
	}
	return 0, fmt.Errorf("process %d says nothing of its resident memory", pid)
}

// size is one table on disk with its indexes and what lies beside it.
type size struct {
	table                     string
	heap, toast, index, total int64
}

const sizesSQL = `
select c.relname, pg_relation_size(c.oid), coalesce(pg_total_relation_size(nullif(c.reltoastrelid, 0)), 0),
       pg_indexes_size(c.oid), pg_total_relation_size(c.oid)
from pg_class c
where c.relnamespace = 'public'::regnamespace and c.relname = any ($1)
order by array_position($1, c.relname::text)`

// measuredTables hold a composition and what AQL runs on.
var measuredTables = []string{"version", "node", "leaf", "shape"}

// sizes is what the tables take, after a vacuum as autovacuum would do it.
func sizes(ctx context.Context, pool *pgxpool.Pool) ([]size, error) {
	if _, err := pool.Exec(ctx, "vacuum analyze "+strings.Join(measuredTables, ", ")); err != nil {
		return nil, err
	}
	rows, err := pool.Query(ctx, sizesSQL, measuredTables)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []size
	for rows.Next() {
		var s size
		if err := rows.Scan(&s.table, &s.heap, &s.toast, &s.index, &s.total); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

// machine is where it was measured.
type machine struct {
	cores              int
	postgres, settings string
}

const settingsSQL = `
select string_agg(name || '=' || current_setting(name), ' ' order by name) from unnest(array[
    'fsync', 'synchronous_commit', 'full_page_writes', 'shared_buffers', 'default_toast_compression', 'wal_compression', 'jit']) name`

func machineOf(ctx context.Context, pool *pgxpool.Pool) (machine, error) {
	m := machine{cores: runtime.NumCPU()}
	if err := pool.QueryRow(ctx, "select current_setting('server_version')").Scan(&m.postgres); err != nil {
		return m, err
	}
	return m, pool.QueryRow(ctx, settingsSQL).Scan(&m.settings)
}
