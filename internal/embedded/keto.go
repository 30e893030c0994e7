package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

const (
	ketoVersion   = "v0.13.0-alpha.0" // the configuration schema, pinned with the binary
	ketoDatabase  = "keto"
	ketoAttempts  = 3
	ketoStopLimit = 5 * time.Second
)

// ketoReadyLimit is how long an attempt may take. A Keto whose port is taken neither exits nor says so, and one with a fault
// in its model answers every check with "no": only time tells. A good one answers the sentinel in 0.2 s.
var ketoReadyLimit = 8 * time.Second

// ketoPorts are Keto's listeners.
type ketoPorts struct{ read, write, metrics, opl int }

func loopback(port int) string {
	return "http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

// KetoRead is the base URL of Keto's read API.
func (c *Cluster) KetoRead() string { return loopback(c.ketoPorts.read) }

// KetoWrite is the base URL of Keto's write API. It has no authentication: whoever reaches it may grant anything.
func (c *Cluster) KetoWrite() string { return loopback(c.ketoPorts.write) }

// KetoOPL is the base URL of Keto's checker of access models.
func (c *Cluster) KetoOPL() string { return loopback(c.ketoPorts.opl) }

// Sentinel is the object in namespace AdminArea by which this data directory's Keto is told from any other: random, so
// that another Keto that answers on a port we lost does not pass for ours.
func (c *Cluster) Sentinel() string { return c.sentinel }

// StartKeto starts Keto for the first time, after StopKeto, or after its own death; in the latter cases on the ports it
// had, so that its clients find it again.
func (c *Cluster) StartKeto(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.startKeto(ctx)
}

func (c *Cluster) startKeto(ctx context.Context) error {
	switch {
	case c.stopped:
		return errStopped
	case c.keto.running():
		return nil
	case c.ketoBin == "":
		return ErrNoKeto
	case len(c.opt.OPL) == 0:
		return errors.New("no access model for Keto was given")
	}
	first := c.ketoPorts == ketoPorts{}
	if first {
		if err := c.opt.Ready.CreateDatabase(ctx, c.SuperuserDSN("postgres"), ketoDatabase); err != nil {
			return fmt.Errorf("making Keto's database: %w", err)
		}
	}
	var last error
	for attempt := range ketoAttempts {
		if first {
			ports, err := freePorts(4)
			if err != nil {
				return err
			}
			c.ketoPorts = ketoPorts{ports[0], ports[1], ports[2], ports[3]}
		}
		if err := c.writeKetoConfig(); err != nil {
			return err
		}
		if first && attempt == 0 {
			if err := c.runLogged(ctx, "keto.log", c.ketoEnv(), c.ketoBin, "migrate", "up", "-y", "-c", c.as.path(c.ketoConfig())); err != nil {
				return fmt.Errorf("preparing Keto's database: %w", err)
			}
		}
		err := c.tryKeto(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return err
		}
		last = err
		c.log.Warn("keto did not become ready", "attempt", attempt+1)
	}
	if first {
		c.ketoPorts = ketoPorts{}
	}
	return last
}

func (c *Cluster) tryKeto(ctx context.Context) error {
	var err error
	c.keto, err = c.serve("keto", syscall.SIGTERM, c.ketoEnv(), c.ketoBin, "serve", "-c", c.as.path(c.ketoConfig()))
	if err != nil {
		return err
	}
	err = c.awaitReady(ctx, c.keto, ketoReadyLimit, func(ctx context.Context) error {
		return c.opt.Ready.Keto(ctx, c.KetoRead(), c.KetoWrite(), c.sentinel)
	})
	if err != nil {
		_ = c.keto.stop(ketoStopLimit)
	}
	return err
}

// StopKeto stops Keto and leaves the rest running.
func (c *Cluster) StopKeto() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.keto.stop(ketoStopLimit)
}

func (c *Cluster) ketoConfig() string { return c.file("run", "keto.yml") }

// ketoEnv carries the address of the database, so that the configuration file holds no secret. Keto would report its use
// to its makers if not told otherwise.
func (c *Cluster) ketoEnv() []string {
	return []string{"DSN=" + c.SuperuserDSN(ketoDatabase) + "&max_conns=20&max_idle_conns=20", "SQA_OPT_OUT=true"}
}

func (c *Cluster) writeKetoConfig() error {
	model := c.file("run", "namespaces.keto.ts")
	if err := c.writeForChildren(model, c.opt.OPL); err != nil {
		return err
	}
	location := url.URL{Scheme: "file", Path: filepath.ToSlash(c.as.path(model))}
	p := c.ketoPorts
	// Depth and width: Keto's defaults (5, 100) are too small, and what exceeds them is a silent denial.
	config := fmt.Sprintf(`version: %s
serve:
  read:    { host: 127.0.0.1, port: %d }
  write:   { host: 127.0.0.1, port: %d }
  metrics: { host: 127.0.0.1, port: %d }
  opl:     { host: 127.0.0.1, port: %d }
namespaces:
  location: %q
  experimental_strict_mode: true
limit: { max_read_depth: 8, max_read_width: 1000 }
log: { level: warn, format: json }
`, ketoVersion, p.read, p.write, p.metrics, p.opl, location.String())
	return c.writeForChildren(c.ketoConfig(), []byte(config))
}
