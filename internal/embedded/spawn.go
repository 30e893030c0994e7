package embedded

import (
	"fmt"
	"os/exec"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// spawner starts every child from one goroutine locked to its thread. Pdeathsig fires when the thread that started the
// child ends, not the process: a child started from an ordinary goroutine dies whenever the Go runtime retires a thread.
type spawner struct {
	starts chan func()
	owner  errgroup.Group
}

func newSpawner() *spawner {
	s := &spawner{starts: make(chan func())}
	s.owner.Go(func() error {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine, after the last child
		for start := range s.starts {
			start()
		}
		return nil
	})
	return s
}

func (s *spawner) start(cmd *exec.Cmd) error {
	done := make(chan error, 1)
	s.starts <- func() { done <- cmd.Start() }
	return <-done
}

// run starts a command, waits for it and returns how it ended.
func (s *spawner) run(cmd *exec.Cmd) error {
	if err := s.start(cmd); err != nil {
		return err
	}
	return cmd.Wait()
}

// close ends the thread. No child may be left: it would be signalled.
func (s *spawner) close() error {
	close(s.starts)
	return s.owner.Wait()
}

// ChildDied says that a child ended although nobody asked it to.
type ChildDied struct {
	Name string // "postgres" or "keto"
	Log  string // the file that has its last words
	Err  error  // how it ended; nil for exit status 0
}

func (d *ChildDied) Error() string {
	return fmt.Sprintf("%s ended unexpectedly (%v); see %s", d.Name, d.Err, d.Log)
}

func (d *ChildDied) Unwrap() error { return d.Err }

// child is one running server process.
type child struct {
	name     string
	log      string
	signal   syscall.Signal // asks it to stop cleanly
	cmd      *exec.Cmd
	stopping atomic.Bool
	ready    atomic.Bool   // died is told only about children that had been ready; before, start itself reports it
	ended    chan struct{} // closed, so that every later look returns at once
	err      error         // how it ended; read only after ended
}

func (s *spawner) startChild(name, log string, signal syscall.Signal, cmd *exec.Cmd, died func(*ChildDied)) (*child, error) {
	c := &child{name: name, log: log, signal: signal, cmd: cmd, ended: make(chan struct{})}
	if err := s.start(cmd); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	s.owner.Go(func() error {
		c.err = cmd.Wait()
		close(c.ended)
		if c.ready.Load() && !c.stopping.Load() {
			died(&ChildDied{Name: name, Log: log, Err: c.err})
		}
		return nil
	})
	return c, nil
}

func (c *child) running() bool {
	if c == nil {
		return false
	}
	select {
	case <-c.ended:
		return false
	default:
		return true
	}
}

// stop asks the child to end, and kills its process group when it has not within the limit.
func (c *child) stop(limit time.Duration) error {
	if !c.running() {
		return nil
	}
	c.stopping.Store(true)
	// An error means that it has ended in between, which the wait below sees.
	_ = c.cmd.Process.Signal(c.signal)
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-c.ended:
		return nil
	case <-timer.C:
		_ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL)
		<-c.ended
		return fmt.Errorf("%s did not stop within %s and was killed", c.name, limit)
	}
}
