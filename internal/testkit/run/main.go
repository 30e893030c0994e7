// Command run starts one Postgres and one Keto for a whole test run, exports their addresses and runs a command:
//
//	go run ./internal/testkit/run -- go test ./...
//
// It ends with the command's exit status and leaves nothing behind.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/quire-cdr/quire/internal/embedded"
	"github.com/quire-cdr/quire/internal/testkit"
	"github.com/quire-cdr/quire/internal/testkit/container"
)

func main() {
	if embedded.ChildMain(os.Args) {
		return
	}
	count := flag.Bool("tally", false, "the command prints the events of `go test -json`: print a report of them")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: go run ./internal/testkit/run [-tally] -- COMMAND [ARGUMENT...]")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	var report *tally
	if *count {
		report = newTally(os.Stdout)
	}
	began := time.Now()
	code, err := run(flag.Args(), report)
	if err != nil {
		fmt.Fprintln(os.Stderr, "test servers:", err)
		code = max(code, 1)
	}
	if report != nil {
		fmt.Printf("test run took %.0f s\n", time.Since(began).Seconds())
		report.report(code)
	}
	os.Exit(code)
}

func run(args []string, report *tally) (code int, err error) {
	// The command is in our process group: ctrl-C reaches it too, and it ends by itself. A SIGTERM is handed on.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	ctx := context.Background()
	dir, err := testkit.TempDir()
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	opt := testkit.Options(dir)
	opt.WithKeto = true
	if _, err := embedded.FindPostgres(); errors.Is(err, embedded.ErrNoPostgres) && container.EngineAnswers(ctx) {
		dsn, stop, err := container.Start(ctx)
		if err != nil {
			return 1, err
		}
		defer stop()
		opt.External = dsn
	}
	began := time.Now()
	cluster, err := embedded.Start(ctx, opt)
	if err != nil {
		return 1, err
	}
	defer func() {
		stopping, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		err = errors.Join(err, cluster.Stop(stopping))
	}()
	fmt.Fprintf(os.Stderr, "test servers ready in %.1f s\n", time.Since(began).Seconds())
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if report != nil {
		cmd.Stdout = report
	}
	cmd.Env = slices.Concat(os.Environ(), testkit.Environment(cluster))
	if err := cmd.Start(); err != nil {
		return 1, err
	}
	return wait(cmd, signals, cluster.Done())
}
