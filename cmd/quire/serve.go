package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"github.com/alecthomas/kong"
	"golang.org/x/sync/errgroup"

	"github.com/quire-cdr/quire/internal/authn/oidc"
	"github.com/quire-cdr/quire/internal/config"
	"github.com/quire-cdr/quire/internal/postgres"
	"github.com/quire-cdr/quire/internal/rest"
	"github.com/quire-cdr/quire/internal/telemetry"
)

type serveCommand struct {
	config.Serve `embed:""`
}

// Run checks the whole configuration and serves until a signal. It never
// migrates, and refuses demo data.
func (c serveCommand) Run(ctx context.Context) error {
	values, err := c.Check()
	if err != nil {
		return fmt.Errorf("the configuration is not sound:\n%w", err)
	}
	var issuers []oidc.Issuer
	if values.Issuers != nil {
		if issuers, err = oidc.Read(bytes.NewReader(values.Issuers)); err != nil {
			return fmt.Errorf("the configuration is not sound:\n--oidc-issuers-file: %w", err)
		}
	}
	var level slog.LevelVar
	level.Set(values.Level)
	log, err := telemetry.NewLogger(os.Stderr, c.LogFormat, &level)
	if err != nil {
		return err
	}
	direct := c.DatabaseDirectURL
	if direct == "" {
		direct = c.DatabaseURL
	}
	if err := postgres.CheckSchema(ctx, direct); err != nil {
		return err
	}
	p, err := assemble(ctx, wiring{
		Database: postgres.Config{DSN: c.DatabaseURL, Pooled: c.DatabaseDirectURL != "", Record: c.PoolRecord, Query: c.PoolQuery, Wait: c.PoolWait, QueryWait: c.PoolQueryWait, Zone: values.Zone},
		Direct:   direct, KetoRead: c.KetoRead, KetoWrite: c.KetoWrite, Sentinel: c.KetoSentinel,
		SystemID: c.SystemID, Compat: values.Compat, Destruction: c.Destroy, TwoPersons: true, FormSecret: values.FormSecret, Populate: values.Populate, QueryLimits: values.QueryLimits, AuditSecrets: values.AuditSecrets, AuditAnchor: c.AuditAnchor, WebhookHosts: c.WebhookHosts, AlertURL: c.AlertURL, ExitsFile: c.ExitsFile, MappingDir: c.MappingDir, AutoPromote: c.AutoPromote,
		Terminology: c.terminology(values, log), PassUnanswered: c.TerminologyOutage == "flag", Log: log,
	})
	if err != nil {
		return err
	}
	defer p.close()
	if err := refuseDemo(ctx, p); err != nil {
		return err
	}
	var draining atomic.Bool
	var origins atomic.Pointer[[]string]
	origins.Store(&c.CORSOrigins)
	believed, smart := tokens(issuers)
	l, err := p.listen(listenOptions{
		Listen: c.Listen, OpsListen: c.OpsListen, Verifier: verifier(p, false, false, believed), Smart: smart, Compat: values.Compat, ECIS: values.ECIS, SystemID: c.SystemID,
		Draining: whether(&draining),
		Server: rest.Options{
			BasePath: c.BasePath, PublicURL: c.PublicURL, BodyLimit: c.BodyLimit, Budget: c.MemoryBudget, Deadline: c.Deadline, QueryDeadline: c.QueryDeadline,
			ReadTimeout: c.ReadTimeout, WriteTimeout: c.WriteTimeout, IdleTimeout: c.IdleTimeout, Connections: c.Connections,
			TrustedProxies: values.TrustedProxies, Zone: values.Zone,
			Rate: rest.Rate{PerSecond: c.RatePerSecond, Burst: c.RateBurst}, Origins: func() []string { return *origins.Load() },
		},
		Pprof: c.Profiles,
	})
	if err != nil {
		return err
	}
	var certificate atomic.Pointer[tls.Certificate]
	if values.Certificate != nil {
		certificate.Store(values.Certificate)
		l.apiAddr = secure(l.apiAddr, &certificate)
	}
	log.Info("serving", "listen", l.apiAddr.Addr().String(), "ops", l.opsAddr.Addr().String(), "version", version)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		err := p.run(ctx, l, &draining)
		if err == nil {
			err = errStopped
		}
		return err
	})
	group.Go(func() error { return c.reload(ctx, log, &level, &certificate, &origins) })
	if err := group.Wait(); !errors.Is(err, errStopped) {
		return err
	}
	return nil
}

// errStopped ends the companions of a server that has stopped in order.
var errStopped = errors.New("stopped")

func whether(draining *atomic.Bool) func() error {
	return func() error {
		if draining.Load() {
			return errors.New("the server is stopping")
		}
		return nil
	}
}

// secure speaks TLS with whatever certificate is the current one.
func secure(plain net.Listener, certificate *atomic.Pointer[tls.Certificate]) net.Listener {
	return tls.NewListener(plain, &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return certificate.Load(), nil },
	})
}

// reload reads certificate, log level and origins again at SIGHUP, from the
// configuration file and the environment as they were named at the start; what
// cannot be read leaves the old in force.
func (c serveCommand) reload(ctx context.Context, log *slog.Logger, level *slog.LevelVar, certificate *atomic.Pointer[tls.Certificate], origins *atomic.Pointer[[]string]) error {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hangup:
		}
		fresh, err := readAgain(ctx)
		var values config.Values
		if err == nil {
			values, err = fresh.Check()
		}
		if err != nil {
			log.Error("the configuration was not read again", "error", err)
			continue
		}
		origins.Store(&fresh.CORSOrigins)
		level.Set(values.Level)
		if values.Certificate != nil {
			certificate.Store(values.Certificate)
		}
		log.Info("certificate, log level and origins are read again")
	}
}

// readAgain reads command line, environment and configuration file anew.
func readAgain(ctx context.Context) (*config.Serve, error) {
	var cli commands
	parser, err := kong.New(&cli, options(ctx)...)
	if err != nil {
		return nil, err
	}
	_, err = parser.Parse(os.Args[1:])
	return &cli.Serve.Serve, err
}
