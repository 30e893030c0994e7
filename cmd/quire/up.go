package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quire-cdr/quire/deploy"
	"github.com/quire-cdr/quire/internal/demo"
	"github.com/quire-cdr/quire/internal/embedded"
	"github.com/quire-cdr/quire/internal/keto"
	"github.com/quire-cdr/quire/internal/postgres"
	"github.com/quire-cdr/quire/internal/rest"
)

type upCommand struct {
	Data         string   `help:"Where everything is kept; made at the first start." default:".quire" placeholder:"DIR"`
	Listen       string   `help:"Address of the API; port 0 takes a free one." default:"127.0.0.1:8080" placeholder:"ADDR"`
	OpsListen    string   `help:"Address of health, metrics and profiles." default:"127.0.0.1:8081" placeholder:"ADDR"`
	BasePath     string   `help:"Path before every route." placeholder:"PATH"`
	Demo         bool     `help:"Load 20 synthetic people and 500 compositions." default:"true" negatable:""`
	Compat       string   `help:"Manners: the specification's, or EHRbase's with its paths, users and statuses." enum:"none,ehrbase" default:"none"`
	ECIS         *bool    `name:"ecis" help:"Serve /rest/ecis/v1, the paths of EhrScape, beside the specification's. Without this flag they are served with --compat ehrbase." negatable:""`
	Auth         string   `help:"none makes every caller an administrator; for loopback only." enum:"default,none" default:"default"`
	AutoPromote  int      `help:"How many paths stored queries may have promoted to an index by themselves." default:"20" placeholder:"N"`
	ExitsFile    string   `name:"exits-file" help:"JSON file of receivers and senders of HL7 v2 messages; see deploy/integration.md." placeholder:"FILE"`
	MappingDir   string   `name:"mapping-dir" help:"Directory of mapping files beside ours: v2/*.yaml and fhir/*.yaml." placeholder:"DIR"`
	WebhookHosts []string `name:"webhook-hosts" help:"Hosts that webhooks may be sent to, such as localhost:9000." placeholder:"HOST"`
	Verbose      bool     `help:"Log more." short:"v"`
}

// systemID of `up` where no compatibility asks for another.
const upSystemID = "quire.local"

// Run starts everything, says where it is, and stops everything at a signal.
func (c upCommand) Run(ctx context.Context) error {
	if err := c.check(); err != nil {
		return err
	}
	level := slog.LevelWarn
	if c.Verbose {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	if c.Auth == "none" {
		log.Warn("--auth none: every caller is an administrator")
	}
	cluster, err := embedded.Start(ctx, embedded.Options{
		DataDir: c.Data, OPL: deploy.OPL, Durable: true, WithKeto: true, Logger: log, Ready: probes(),
	})
	if err != nil {
		return err
	}
	defer stopCluster(ctx, cluster, func(err error) { log.Error("stopping the child processes", "error", err) })
	accessFile := filepath.Join(cluster.Dir(), "access.json")
	_ = os.Remove(accessFile)
	keep, err := loadSecrets(cluster.Dir())
	if err != nil {
		return err
	}
	ownerDSN, appDSN, err := openDatabase(ctx, cluster, keep)
	if err != nil {
		return err
	}
	if err := writeJSON(filepath.Join(cluster.Dir(), "database.json"), database{Owner: ownerDSN, App: appDSN}); err != nil {
		return err
	}
	p, err := assemble(ctx, wiring{
		Database: postgres.Config{DSN: appDSN}, Direct: appDSN, KetoRead: cluster.KetoRead(), KetoWrite: cluster.KetoWrite(), Sentinel: cluster.Sentinel(),
		SystemID: c.systemID(), Compat: c.Compat == "ehrbase", Destruction: true, FormSecret: []byte(keep.FormSecret), AuditSecrets: [][]byte{[]byte(keep.AuditSecret)},
		ExitsFile: c.ExitsFile, MappingDir: c.MappingDir, WebhookHosts: c.WebhookHosts, AutoPromote: c.AutoPromote, Log: log,
	})
	if err != nil {
		return err
	}
	defer p.close()
	return c.serve(ctx, cluster, p, keep, accessFile)
}

// database is DIR/database.json: how the commands load and verify reach the
// database of a running `up`. Mode 0600.
type database struct {
	Owner string `json:"owner"`
	App   string `json:"app"`
}

func (c upCommand) systemID() string {
	if c.Compat == "ehrbase" {
		return "local.ehrbase.org"
	}
	return upSystemID
}

func (c upCommand) ecis() bool {
	if c.ECIS != nil {
		return *c.ECIS
	}
	return c.Compat == "ehrbase"
}

// check refuses known passwords, and no passwords at all, for listeners that
// others may reach.
func (c upCommand) check() error {
	if c.Compat == "none" && c.Auth == "default" {
		return nil
	}
	for _, address := range []string{c.Listen, c.OpsListen} {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return fmt.Errorf("%q is no address: %w", address, err)
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return fmt.Errorf("--compat %s --auth %s has known passwords or none, and listens on loopback only; %s is not", c.Compat, c.Auth, address)
		}
	}
	return nil
}

func (c upCommand) serve(ctx context.Context, cluster *embedded.Cluster, p *parts, keep *secrets, accessFile string) error {
	basePath := c.BasePath
	if basePath == "" && c.Compat == "ehrbase" {
		basePath = "/ehrbase"
	}
	if err := p.bootstrap(ctx, keep); err != nil {
		return err
	}
	if err := keep.save(cluster.Dir()); err != nil {
		return err
	}
	if err := p.installTemplates(ctx); err != nil {
		return err
	}
	if err := p.installArchetypes(ctx); err != nil {
		return err
	}
	if c.Demo {
		if err := p.loadDemo(ctx); err != nil {
			return err
		}
	}
	var draining atomic.Bool
	l, err := p.listen(listenOptions{
		Listen: c.Listen, OpsListen: c.OpsListen, Verifier: verifier(p, c.Auth == "none", c.Compat == "ehrbase", nil),
		Demo: true, Compat: c.Compat == "ehrbase", ECIS: c.ecis(), SystemID: c.systemID(), Pprof: true,
		Draining: whether(&draining),
		Server:   rest.Options{BasePath: basePath},
	})
	if err != nil {
		return err
	}
	base := "http://" + l.apiAddr.Addr().String() + basePath
	told := access{
		BaseURL: base, OpenEHR: base + "/rest/openehr/v1", FHIR: base + "/fhir/r4", Admin: base + "/rest/admin",
		Ops: "http://" + l.opsAddr.Addr().String(), Tokens: keep.Tokens,
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		err := p.run(ctx, l, &draining)
		if err == nil {
			err = errStopped
		}
		return err
	})
	group.Go(func() error { return revive(ctx, cluster, p.log) })
	group.Go(func() error {
		if err := ready(ctx, p); err != nil {
			return err
		}
		if err := writeJSON(accessFile, told); err != nil {
			return err
		}
		told.print(c, cluster.Dir())
		return nil
	})
	err = group.Wait()
	_ = os.Remove(accessFile)
	if errors.Is(err, errStopped) {
		return nil
	}
	return err
}

// ready waits until every part answers, so that the first request finds a server.
func ready(ctx context.Context, p *parts) error {
	for {
		status, body := rest.Ready(p.readiness(func() error { return nil }))
		if status == 200 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("stopped before the server was ready: %v", body.Parts)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// revive starts a child again that died; one that keeps dying ends the server.
func revive(ctx context.Context, cluster *embedded.Cluster, log *slog.Logger) error {
	var deaths []time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-cluster.Done():
			deaths = append(slices.DeleteFunc(deaths, func(at time.Time) bool { return time.Since(at) > time.Minute }), time.Now())
			if len(deaths) > 5 {
				return fmt.Errorf("child processes keep ending: %w", err)
			}
			var died *embedded.ChildDied
			if !errors.As(err, &died) {
				return err
			}
			log.Warn("starting a child process again", "child", died.Name)
			start := cluster.StartPostgres
			if strings.Contains(died.Name, "keto") {
				start = cluster.StartKeto
			}
			if err := start(ctx); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}

// print tells a person what is where, with a command that works.
func (a access) print(c upCommand, dir string) {
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	title := "Quire is ready. DEMO: synthetic people, tokens in a file; never put real data here."
	if c.Auth == "none" {
		title += " NO AUTHENTICATION."
	}
	fmt.Fprintln(w, title)
	fmt.Fprintf(w, "openEHR\t%s\nFHIR\t%s\nadmin\t%s\noperations\t%s\npage\t%s/\n", a.OpenEHR, a.FHIR, a.Admin, a.Ops, a.BaseURL)
	for _, who := range []string{"clinician", "analyst", "formbuilder", "service", "admin", "outsider"} {
		if token := a.Tokens[who]; token != "" {
			fmt.Fprintf(w, "token %s\t%s\n", who, token)
		}
	}
	fmt.Fprintf(w, "tokens in\t%s\n", filepath.Join(dir, "access.json"))
	if token := a.Tokens["clinician"]; token != "" {
		// The fragment is never sent: the page takes the token out of its address.
		fmt.Fprintf(w, "forms\t%s/forms#token=%s\n", a.BaseURL, token)
	}
	_ = w.Flush()
	fmt.Printf("try:\n  curl -s -H 'Authorization: Bearer %s' '%s/query/aql?q=%s'\n", a.Tokens["analyst"], a.OpenEHR,
		"SELECT%20COUNT(c)%20FROM%20EHR%20e%20CONTAINS%20COMPOSITION%20c")
}

// demoRoles are the identities of `up`, in the order they are made. Each has the
// role of its name in all demo organisations; outsider in one nobody is with.
var demoRoles = []struct {
	name    string
	subject string
	org     string
	service bool
}{
	{"clinician", "user:local:clinician", demo.Organisations[0], false},
	{"analyst", "user:local:analyst", demo.Organisations[0], false},
	{"formbuilder", "user:local:formbuilder", demo.Organisations[0], false},
	{"service", "svc:service", demo.Organisations[0], true},
	{"admin", "user:local:admin", demo.Organisations[0], false},
	{"outsider", "user:local:outsider", "X99OTHER", false},
}

// The principal for destinations and sources of --exits-file in the demo. It has no
// token; its role reads the feed, and reads and writes records.
const messagesSubject, messagesRole = "svc:messages", "messages"

// bootstrap gives the demo identities their roles in Keto and their keys here.
// Tokens that are good stay the same over restarts.
func (p *parts) bootstrap(ctx context.Context, keep *secrets) error {
	members := map[string][]string{}
	for _, r := range demoRoles {
		members[r.name] = append(members[r.name], r.subject)
	}
	err := patiently(ctx, func() error {
		_, err := p.policies.Ensure(ctx, system(""), demoPolicy(members).Tuples())
		return err
	})
	if err != nil {
		return fmt.Errorf("giving the demo identities their roles: %w", err)
	}
	if len(keep.Tokens) == len(demoRoles) {
		return nil
	}
	for _, r := range demoRoles {
		err := patiently(ctx, func() (err error) {
			keep.Tokens[r.name], err = p.issueKey(ctx, r.subject, r.name, r.org, r.service)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// demoPolicy is who may do what in the demo. EHRbase's users have everything in an
// organisation of their own; only its administrator has what destroys records
// or administers users.
func demoPolicy(members map[string][]string) keto.Policy {
	p := keto.Standard(demo.Organisations, "X99OTHER", members)
	p["Role"][compatRole] = map[string][]string{"members": {compatUser}}
	p["Role"][compatAdminRole] = map[string][]string{"members": {compatAdmin}}
	both := []string{"Role:" + compatRole, "Role:" + compatAdminRole}
	organisation := keto.Standard([]string{compatOrganisation}, "", nil)["Organisation"][compatOrganisation]
	for relation := range organisation {
		organisation[relation] = both
	}
	p["Organisation"][compatOrganisation] = organisation
	for name, area := range p["AdminArea"] {
		area["admins"] = append(area["admins"], "Role:"+compatAdminRole)
		if slices.Contains(compatAreas, name) {
			area["admins"] = append(area["admins"], "Role:"+compatRole)
		}
	}
	p["Role"][messagesRole] = map[string][]string{"members": {messagesSubject}}
	for _, org := range demo.Organisations {
		for _, relation := range []string{"open_access", "writers", "researchers"} {
			p["Organisation"][org][relation] = append(p["Organisation"][org][relation], "Role:"+messagesRole)
		}
	}
	both = append(both, "Role:"+messagesRole)
	normal := p["Sensitivity"]["normal"]
	normal["readers"], normal["writers"] = append(normal["readers"], both...), append(normal["writers"], both...)
	return p
}

// probes are how `up` tells that its children are ready.
func probes() embedded.Probes {
	return embedded.Probes{
		Postgres: postgres.Probe, CreateDatabase: postgres.CreateDatabase, Keto: keto.Probe,
	}
}
