package embedded

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// childCommand is the hidden first argument with which a process of ours becomes a child in a private mount namespace.
const childCommand = "__child"

// childMainCalled says that this program would recognise childCommand. Without that, starting it again would run
// the program (or all its tests) a second time.
var childMainCalled bool

// namespacePlan is what the hidden child is told.
type namespacePlan struct {
	Binds  []bind
	UID    int
	GID    int
	Death  syscall.Signal
	Parent int
}

// namespaced is the command that starts this very binary as the hidden child.
func namespaced(id identity, death syscall.Signal, name string, args []string) *exec.Cmd {
	plan, err := json.Marshal(namespacePlan{Binds: id.binds, UID: id.uid, GID: id.gid, Death: death, Parent: os.Getpid()})
	if err != nil {
		panic(err) // plain strings and numbers
	}
	// Not the path of the binary: `go run` and `go test` may have removed it, and only root may be able to reach it.
	return exec.Command("/proc/self/exe", append([]string{childCommand, string(plan), name}, args...)...)
}

// ChildMain must be the first thing main does, with os.Args. It reports false in an ordinary start. In the hidden child it
// sets up the private mount namespace, gives up root and becomes the program it was asked to run, so it does not return.
//
// The namespace is how an unprivileged postgres works in a folder below one that only root may enter: the folder is
// bind-mounted where it can be reached, visible to this process alone, gone with it, and the drop is a real setuid.
func ChildMain(args []string) (handled bool) {
	childMainCalled = true
	if len(args) < 2 || args[1] != childCommand {
		return false
	}
	if len(args) < 4 {
		fmt.Fprintln(os.Stderr, childCommand, "is internal")
		os.Exit(2)
	}
	err := becomeChild(args[2], args[3:])
	fmt.Fprintln(os.Stderr, "quire: starting a child:", err)
	os.Exit(127)
	return true
}

func becomeChild(planText string, argv []string) error {
	runtime.LockOSThread() // the parent-death signal belongs to this thread, which becomes the program
	var plan namespacePlan
	if err := json.Unmarshal([]byte(planText), &plan); err != nil {
		return err
	}
	if err := syscall.Mount("tmpfs", "/mnt", "tmpfs", 0, "mode=0711,size=64k"); err != nil {
		return fmt.Errorf("mounting on /mnt: %w", err)
	}
	if err := os.MkdirAll(privateRoot, 0o711); err != nil {
		return err
	}
	if err := os.Chmod(privateRoot, 0o711); err != nil {
		return err
	}
	for _, b := range plan.Binds {
		if err := os.Mkdir(b.To, 0o711); err != nil {
			return err
		}
		if err := os.Chmod(b.To, 0o711); err != nil { // whatever the umask left
			return err
		}
		if err := syscall.Mount(b.From, b.To, "", syscall.MS_BIND|syscall.MS_REC, ""); err != nil {
			return fmt.Errorf("binding %s: %w", b.From, err)
		}
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	if err := syscall.Setgroups(nil); err != nil {
		return err
	}
	if err := syscall.Setgid(plan.GID); err != nil {
		return err
	}
	if err := syscall.Setuid(plan.UID); err != nil {
		return err
	}
	// After setuid, which clears it. The parent may have died before this line, so look afterwards.
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, uintptr(plan.Death), 0); errno != 0 {
		return errno
	}
	if os.Getppid() != plan.Parent {
		return errors.New("the parent is gone")
	}
	return syscall.Exec(argv[0], argv, os.Environ())
}
