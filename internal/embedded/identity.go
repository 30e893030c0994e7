package embedded

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// mode is how a child gets an identity that is not root.
type mode string

const (
	modeSame     mode = "same user"       // the parent is not root: nothing to do
	modeDrop     mode = "dropped"         // setuid to an unprivileged user
	modeMount    mode = "mount namespace" // the same, on private bind mounts of folders it could not reach by path
	modeUserNS   mode = "user namespace"  // looks unprivileged to postgres, but files see the outer root
	nobodyID          = 65534             // inside a user namespace the id must exist in /etc/passwd: nobody's does
	privateRoot       = "/mnt/quire"      // where modeMount shows the bound folders
	unreachedFix      = "run quire as an ordinary user, or use a folder that user %s may enter (--data, and the binaries)"
)

// identity is whom the children run as.
type identity struct {
	mode     mode
	uid, gid int
	binds    []bind
}

// bind is a folder shown to the children under a path they can reach.
type bind struct {
	From, To string
}

// identify chooses how children run so that they reach every folder and may run every program in them. Reaching is tried, not computed from
// mode bits: access lists, mount options and security modules have a say as well.
func identify(s *spawner, folders, programs []string, log *slog.Logger) (identity, error) {
	if os.Geteuid() != 0 {
		return identity{mode: modeSame, uid: os.Getuid(), gid: os.Getgid()}, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			// initdb looks its own user up, so an id without a passwd entry does not do.
			return identity{}, errors.New("running as root, and there is neither a user postgres nor a user nobody for the database to run as")
		}
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return identity{}, err
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return identity{}, err
	}
	drop := identity{mode: modeDrop, uid: uid, gid: gid}
	paths := slices.Concat(folders, programs)
	if drop.reaches(s, paths) == nil {
		return drop, nil
	}
	if childMainCalled {
		mount := identity{mode: modeMount, uid: uid, gid: gid}
		for i, f := range folders {
			if drop.reaches(s, []string{f}) != nil {
				mount.binds = append(mount.binds, bind{From: f, To: fmt.Sprintf("%s/%d", privateRoot, i)})
			}
		}
		if mount.reaches(s, paths) == nil {
			log.Debug("children run in a private mount namespace", "user", u.Username)
			return mount, nil
		}
	}
	ns := identity{mode: modeUserNS, uid: 0, gid: 0}
	if ns.reaches(s, paths) == nil {
		log.Warn("children run in a user namespace: this is no privilege drop, their files are root's; use a folder that the user may enter",
			"user", u.Username)
		return ns, nil
	}
	for _, p := range paths {
		if drop.reaches(s, []string{p}) != nil {
			return identity{}, fmt.Errorf("running as root, and user %s cannot reach %s: "+unreachedFix, u.Username, p, u.Username)
		}
	}
	return identity{}, fmt.Errorf("running as root, and no process could be started as user %s: "+unreachedFix, u.Username, u.Username)
}

// reaches starts a process with the identity and lets it look. Folders are entered, programs are run; neither needs to
// be listed or read.
func (id identity) reaches(s *spawner, paths []string) error {
	args := []string{"-c", `for f; do test -x "$f" || exit 1; done`, "sh"}
	for _, p := range paths {
		args = append(args, id.path(p))
	}
	return s.run(id.command(syscall.SIGKILL, "/bin/sh", args...))
}

// path is where the children see a path of ours.
func (id identity) path(p string) string {
	for _, b := range id.binds {
		if p == b.From {
			return b.To
		}
		if rest, ok := strings.CutPrefix(p, b.From+"/"); ok {
			return b.To + "/" + rest
		}
	}
	return p
}

// command prepares a child in a process group of its own, so that a terminal's ctrl-C reaches only the parent; death is
// the signal it gets from the kernel when the parent dies. Paths in args must have passed through path.
func (id identity) command(death syscall.Signal, name string, args ...string) *exec.Cmd {
	attr := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: death}
	var cmd *exec.Cmd
	switch id.mode {
	case modeMount:
		cmd = namespaced(id, death, name, args)
		attr.Unshareflags = syscall.CLONE_NEWNS
	default:
		cmd = exec.Command(name, args...)
	}
	switch id.mode {
	case modeDrop:
		attr.Credential = &syscall.Credential{Uid: uint32(id.uid), Gid: uint32(id.gid), Groups: []uint32{}}
	case modeUserNS:
		attr.Cloneflags = syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: nobodyID, HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: nobodyID, HostID: os.Getgid(), Size: 1}}
	}
	cmd.SysProcAttr = attr
	cmd.Dir = "/"
	cmd.Env = baseEnv()
	return cmd
}

// baseEnv is all a child inherits: no credentials and no settings of the parent, and no home directory is needed.
func baseEnv() []string {
	return []string{"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC", "HOME=/nonexistent"}
}

// own gives a folder or file to the children's user.
func (id identity) own(path string) error {
	if id.mode == modeSame {
		return nil
	}
	return os.Chown(path, id.uid, id.gid)
}

// ownAll gives a whole tree to the children's user where the owner differs: the way children run may have changed since
// the folder was made, and postgres refuses a folder of somebody else.
func (id identity) ownAll(root string) error {
	if id.mode == modeSame {
		return nil
	}
	info, err := os.Stat(root)
	if err != nil {
		return err
	}
	if int(info.Sys().(*syscall.Stat_t).Uid) == id.uid {
		return nil
	}
	return filepath.WalkDir(root, func(p string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(p, id.uid, id.gid)
	})
}

func userName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return "user " + strconv.Itoa(uid)
}
