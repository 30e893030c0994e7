package embedded

import (
	"testing"
	"time"
)

// ShortenKetoReadyLimit keeps tests of a Keto that never becomes ready short.
func ShortenKetoReadyLimit(t *testing.T, limit time.Duration) {
	before := ketoReadyLimit
	ketoReadyLimit = limit
	t.Cleanup(func() { ketoReadyLimit = before })
}

// Mode says how the children run.
func (c *Cluster) Mode() string { return string(c.as.mode) }

// PIDs are the process ids of Postgres and Keto.
func (c *Cluster) PIDs() (postgres, keto int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pg.cmd.Process.Pid, c.keto.cmd.Process.Pid
}
