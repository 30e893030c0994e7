package main

import (
	"errors"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sync/errgroup"
)

// wait returns the command's exit status, handing on signals. A server that dies fails the run.
func wait(cmd *exec.Cmd, signals <-chan os.Signal, died <-chan error) (code int, err error) {
	var waiter errgroup.Group
	ended := make(chan struct{})
	waiter.Go(func() error {
		defer close(ended)
		return cmd.Wait()
	})
	var death error
	for running := true; running; {
		select {
		case <-ended:
			running = false
		case s := <-signals:
			if s == syscall.SIGTERM {
				_ = cmd.Process.Signal(s) // it may have ended in between
			}
		case death = <-died:
		}
	}
	err = waiter.Wait()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return max(exit.ExitCode(), 1), death
	}
	return 0, errors.Join(err, death)
}
