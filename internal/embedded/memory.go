package embedded

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// machineMemory is the memory of the machine in bytes, 0 where it does not say.
func machineMemory() int64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	return totalOf(text)
}

// totalOf reads the line "MemTotal:  1234 kB".
func totalOf(meminfo []byte) int64 {
	for line := range bytes.Lines(meminfo) {
		fields := bytes.Fields(line)
		if len(fields) != 3 || string(fields[0]) != "MemTotal:" {
			continue
		}
		n, err := strconv.ParseInt(string(fields[1]), 10, 64)
		if err != nil {
			return 0
		}
		return n << 10
	}
	return 0
}

// memorySettings give the database a part of the machine that it shares with the
// server: an eighth, at most 4 GiB, for pages, since the pages of records that
// queries read are many; what the system caches beyond is told to the planner, and
// that a page that is not in order costs hardly more.
func memorySettings(total int64) []string {
	const mib = 1 << 20
	pages := min(max(total/8, 128*mib), 4096*mib)
	cached := max(total/2, pages)
	return []string{
		fmt.Sprintf("shared_buffers=%dMB", pages/mib),
		fmt.Sprintf("effective_cache_size=%dMB", cached/mib),
		"work_mem=16MB",
		"maintenance_work_mem=128MB",
		"max_wal_size=2GB",
		"random_page_cost=1.1",
	}
}
