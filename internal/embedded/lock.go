package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// InUse says that another process runs on the data directory.
type InUse struct {
	Dir string
	PID string
}

func (e *InUse) Error() string {
	return fmt.Sprintf("data directory %s is in use by process %s; stop it or use --data with another folder", e.Dir, e.PID)
}

// locks are the two locks of a data directory.
type locks struct {
	parent   *os.File // held by this process alone; holds its pid
	children *os.File // inherited by every child: free only when the last one is gone
}

// predecessorLimit is how long a start waits for the children of a killed parent. Postgres gets SIGINT from the kernel
// then and shuts down at once; a checkpoint of a large buffer pool is what takes time.
const predecessorLimit = 15 * time.Second

func acquire(ctx context.Context, dir string) (_ *locks, err error) {
	l := &locks{}
	defer func() {
		if err != nil {
			l.release()
		}
	}()
	if l.parent, err = openLock(dir, "quire.lock"); err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(l.parent.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		pid, _ := io.ReadAll(l.parent)
		return nil, &InUse{Dir: dir, PID: strings.TrimSpace(string(pid))}
	}
	if err := l.parent.Truncate(0); err != nil {
		return nil, err
	}
	if _, err := l.parent.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
		return nil, err
	}
	if l.children, err = openLock(dir, "children.lock"); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(predecessorLimit); ; {
		if err := syscall.Flock(int(l.children.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
			return l, nil
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("child processes of an earlier run on %s are still alive after %s", dir, predecessorLimit)
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

func openLock(dir, name string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_RDWR, 0o600)
	if errors.Is(err, os.ErrPermission) {
		return nil, notOurs(dir)
	}
	return f, err
}

// notOurs explains a folder this user may not write.
func notOurs(dir string) error {
	owner := "another user"
	if info, err := os.Stat(filepath.Join(dir, "quire.lock")); err == nil {
		owner = userName(int(info.Sys().(*syscall.Stat_t).Uid))
	} else if info, err := os.Stat(dir); err == nil {
		owner = userName(int(info.Sys().(*syscall.Stat_t).Uid))
	}
	return fmt.Errorf("data directory %s belongs to %s; use --data with a folder of your own", dir, owner)
}

func (l *locks) release() {
	for _, f := range []*os.File{l.children, l.parent} {
		if f != nil {
			_ = f.Close() // closing is what releases the lock; the file stays for the next start
		}
	}
}

// pause waits, or returns the context's error when that ends first.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
