package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
	"golang.org/x/sync/errgroup"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/emergency"
	"github.com/quire-cdr/quire/internal/cdr/feed"
	"github.com/quire-cdr/quire/internal/cdr/form"
	"github.com/quire-cdr/quire/internal/cdr/library"
	"github.com/quire-cdr/quire/internal/cdr/policy"
	"github.com/quire-cdr/quire/internal/cdr/promotion"
	"github.com/quire-cdr/quire/internal/cdr/transfer"
	"github.com/quire-cdr/quire/internal/keto"
	"github.com/quire-cdr/quire/internal/outbound"
	"github.com/quire-cdr/quire/internal/postgres"
	"github.com/quire-cdr/quire/internal/rest"
	restaccess "github.com/quire-cdr/quire/internal/rest/access"
	"github.com/quire-cdr/quire/internal/rest/admin"
	"github.com/quire-cdr/quire/internal/rest/audit"
	"github.com/quire-cdr/quire/internal/rest/ecis"
	restfhir "github.com/quire-cdr/quire/internal/rest/fhir"
	"github.com/quire-cdr/quire/internal/rest/openehr"
	"github.com/quire-cdr/quire/internal/rest/web"
	"github.com/quire-cdr/quire/internal/sdc/binding"
	"github.com/quire-cdr/quire/internal/sdc/populate"
	"github.com/quire-cdr/quire/internal/telemetry"
	"github.com/quire-cdr/quire/internal/validate"
	"github.com/quire-cdr/quire/internal/webhook"
	"github.com/quire-cdr/quire/templates"
)

// parts are the adapters of one running server and the use cases on them.
type parts struct {
	db         *postgres.DB
	access     *postgres.Access
	auditor    *postgres.AuditWriter
	authorizer *keto.Authorizer
	service    *cdr.Service
	forms      *form.Forms
	library    *library.Library
	control    *cdr.AccessControl
	policies   *policy.Policies
	emergency  *emergency.Emergencies
	trail      *cdr.AuditTrail
	sealing    sealing
	transfers  *transfer.Transfers
	feed       *feed.Feed
	ways       *ways
	promotions *promotion.Promotions
	log        *slog.Logger
	direct     string
}

// wiring is what differs between `up` and `serve`.
type wiring struct {
	Database postgres.Config
	// Direct is the database's address past any pooler.
	Direct      string
	KetoRead    string
	KetoWrite   string
	Sentinel    string
	SystemID    string
	Compat      bool
	Destruction bool
	// TwoPersons asks for a second person before anything is destroyed.
	TwoPersons bool
	FormSecret []byte
	// QueryLimits bound queries by role.
	QueryLimits cdr.QueryLimitsByRole
	// AuditSecrets seal the audit, the first now, the others before; AuditAnchor is
	// a file to which seals are appended, "" for none.
	AuditSecrets [][]byte
	AuditAnchor  string
	// Populate says what of a record may fill a form, nil is the default.
	Populate populate.Policy
	// Terminology judges codes of external value sets, nil does not; with
	// PassUnanswered its silence is a warning.
	Terminology    validate.Terminology
	PassUnanswered bool
	// ExitsFile says who gets messages and who sends them, MappingDir holds mapping
	// files beside ours; "" is none.
	ExitsFile, MappingDir string
	// WebhookHosts are those that may be told of changes.
	WebhookHosts []string
	// AlertURL is told when glass is broken, "" for nobody.
	AlertURL string
	// AutoPromote is how many paths stored queries may have promoted.
	AutoPromote int
	Log         *slog.Logger
}

// defaultZone reads times without an offset where no other is configured, as the
// setting clinical-timezone of serve has it.
const defaultZone = "Europe/London"

// assemble opens the adapters; close what it returns.
func assemble(ctx context.Context, w wiring) (_ *parts, err error) {
	p := &parts{log: w.Log, direct: w.Direct}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	if w.Database.Zone == nil {
		if w.Database.Zone, err = time.LoadLocation(defaultZone); err != nil {
			return nil, err
		}
	}
	if p.db, err = postgres.Open(ctx, w.Database); err != nil {
		return nil, err
	}
	var stored string
	err = patiently(ctx, func() (err error) {
		stored, err = p.db.PutSetting(ctx, postgres.SettingSystemID, w.SystemID)
		return err
	})
	if err != nil {
		return nil, err
	}
	if stored != w.SystemID {
		return nil, fmt.Errorf("this database belongs to the system %q; it cannot become %q, since version uids name the system", stored, w.SystemID)
	}
	if p.access, err = postgres.NewAccess(ctx, p.db, w.Direct); err != nil {
		return nil, err
	}
	if p.auditor, err = postgres.NewAuditWriter(w.Direct, w.Log); err != nil {
		return nil, err
	}
	if p.sealing, err = newSealing(w); err != nil {
		return nil, err
	}
	p.authorizer = keto.New(keto.Config{
		ReadURL: w.KetoRead, WriteURL: w.KetoWrite, Sentinel: w.Sentinel,
		Epochs: p.access, Families: p.access, Logger: w.Log,
	})
	// What a token's scopes take away is taken from every decision.
	scoped := &cdr.Scoped{Authorizer: p.authorizer, Templates: p.db.Templates}
	valueSets, _ := w.Terminology.(cdr.ValueSets)
	p.service = cdr.New(cdr.Deps{
		Store: p.db, Authorizer: scoped, Auditor: p.auditor, Hider: p.sealing.keys, SystemID: w.SystemID,
		Compat: w.Compat, Destruction: w.Destruction, TwoPersons: w.TwoPersons, Terminology: w.Terminology, PassUnanswered: w.PassUnanswered, ValueSets: valueSets, Logger: w.Log,
		QueryLimits: w.QueryLimits, CursorSecret: w.FormSecret,
	})
	bindings, err := binding.Shipped(templates.FS)
	if err != nil {
		return nil, err
	}
	p.library = &library.Library{Act: p.service.Act(), Store: p.db}
	if p.forms, err = form.New(form.Config{
		Shipped: bindings, Bindings: p.db,
		Service: p.service, Store: p.db, Authorizer: scoped, Auditor: p.auditor, Secret: w.FormSecret,
		Zone: w.Database.Zone, Library: p.library, Policy: w.Populate,
	}); err != nil {
		return nil, err
	}
	p.library.Taken = p.forms.Derived
	p.control = &cdr.AccessControl{Store: p.access, Authorizer: scoped, Auditor: p.auditor}
	p.trail = &cdr.AuditTrail{Store: p.access, Rows: p.access, Opener: p.sealing.keys, Access: p.access, Authorizer: scoped, Auditor: p.auditor}
	p.policies, p.emergency = newPolicies(p), newEmergencies(p, w)
	p.transfers = &transfer.Transfers{Store: p.db, Act: p.service.Act(), Trail: p.access, SystemID: w.SystemID}
	p.promotions = &promotion.Promotions{Store: p.db, Act: p.service.Act(), Automatic: w.AutoPromote}
	p.feed = &feed.Feed{
		Store: p.db, Act: p.service.Act(), Secret: w.FormSecret, Logger: w.Log,
		Sender: &webhook.Sender{Client: outbound.Client(w.WebhookHosts...), Hosts: w.WebhookHosts},
	}
	if err := p.openWays(w); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *parts) close() {
	if p.ways != nil {
		p.ways.close()
	}
	if p.authorizer != nil {
		p.authorizer.Close()
	}
	if p.access != nil {
		p.access.Close()
	}
	if p.db != nil {
		p.db.Close()
	}
}

// readiness names the parts of /readyz.
func (p *parts) readiness(draining func() error) []rest.Part {
	return []rest.Part{
		{Name: "database", Check: p.db.Ping},
		{Name: "schema", Check: func(ctx context.Context) error { return postgres.CheckSchema(ctx, p.direct) }},
		{Name: "keto", Check: p.authorizer.Ready},
		{Name: "audit", Check: p.auditor.Ready},
		{Name: "draining", Check: func(context.Context) error { return draining() }},
	}
}

// listeners are the two servers with their ports.
type listeners struct {
	api, ops         *fiber.App
	apiAddr, opsAddr net.Listener
}

// listenOptions are the outside of a server.
type listenOptions struct {
	Listen, OpsListen string
	Verifier          rest.Verifier
	// Smart is the issuer whose tokens carry scopes, nil where there is none.
	Smart        openehr.Smart
	Demo, Compat bool
	// ECIS serves the paths of EhrScape.
	ECIS     bool
	Pprof    bool
	SystemID string
	Draining func() error
	// Server holds the limits and the base path.
	Server rest.Options
}

// listen builds both servers and takes their ports; nothing is served yet.
func (p *parts) listen(o listenOptions) (_ *listeners, err error) {
	metrics := telemetry.NewMetrics()
	options := o.Server
	options.Routes = slices.Concat(
		openehr.Routes(p.service, openehr.About{Version: version, SystemID: o.SystemID}),
		openehr.SmartRoutes(openehr.About{Version: version, SystemID: o.SystemID}, o.Smart),
		restfhir.BindingRoutes(p.forms), restfhir.PDFRoutes(p.forms, p.service), restfhir.Routes(p.forms, p.library, restfhir.About{Version: version}),
		admin.Routes(p.service), admin.PurgeRoutes(p.service), admin.HoldRoutes(p.service), admin.TransferRoutes(p.transfers),
		admin.FeedRoutes(p.feed), admin.ExitRoutes(p.ways.exits), restfhir.ExtractRoutes(p.ways.extractor),
		admin.IndexRoutes(p.promotions),
		restaccess.Routes(p.control), restaccess.PolicyRoutes(p.policies), restaccess.EmergencyRoutes(p.emergency),
		audit.Routes(p.trail), audit.EventRoutes(p.trail, p.sealing, o.SystemID),
		web.Routes(web.About{Version: version, SystemID: o.SystemID, Demo: o.Demo}),
	)
	if o.ECIS {
		options.Routes = append(options.Routes, ecis.Routes(p.service, p.db)...)
	}
	options.Verifier = o.Verifier
	options.Manners, options.Logger, options.Metrics = rest.MannersFor(o.Compat), p.log, metrics
	l := &listeners{}
	if l.api, err = rest.New(options); err != nil {
		return nil, err
	}
	l.ops = rest.Ops(rest.OpsOptions{Parts: p.readiness(o.Draining), Metrics: metrics.Handler(), Pprof: o.Pprof, Logger: p.log})
	if l.apiAddr, err = net.Listen("tcp", o.Listen); err != nil {
		return nil, fmt.Errorf("--listen %s: %w", o.Listen, err)
	}
	if l.opsAddr, err = net.Listen("tcp", o.OpsListen); err != nil {
		return nil, errors.Join(fmt.Errorf("--ops-listen %s: %w", o.OpsListen, err), l.apiAddr.Close())
	}
	return l, nil
}

// drainLimit is how long requests may finish after a stop was asked for.
const drainLimit = 25 * time.Second

// run serves until ctx ends, then drains: no new requests, those under way
// finish, the last audit rows are written.
func (p *parts) run(ctx context.Context, l *listeners, draining *atomic.Bool) error {
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	behind, backgroundCtx := errgroup.WithContext(background)
	behind.Go(func() error { return ended(backgroundCtx, p.authorizer.Run(backgroundCtx)) })
	behind.Go(func() error { return p.auditor.Run(backgroundCtx) })
	behind.Go(func() error { return p.feed.Run(backgroundCtx) })
	behind.Go(func() error { return p.policies.Run(backgroundCtx) })
	behind.Go(func() error { return p.emergency.Run(backgroundCtx) })
	behind.Go(func() error { return p.ways.run(backgroundCtx) })
	behind.Go(func() error { return p.db.RunIndex(backgroundCtx, p.indexFailed) })
	behind.Go(func() error { return p.promotions.Run(backgroundCtx, p.indexFailed) })

	sealCtx, endSealing := context.WithCancel(context.WithoutCancel(ctx))
	defer endSealing()
	sealed := errgroup.Group{}
	sealed.Go(func() error { return p.sealing.sealer.Run(sealCtx) })

	front := errgroup.Group{}
	front.Go(func() error { return served(l.api.Listener(l.apiAddr)) })
	front.Go(func() error { return served(l.ops.Listener(l.opsAddr)) })
	select {
	case <-ctx.Done():
	case <-backgroundCtx.Done():
	}
	draining.Store(true)
	err := l.api.ShutdownWithTimeout(drainLimit)
	err = errors.Join(err, l.ops.ShutdownWithTimeout(time.Second), front.Wait())
	stop()
	err = errors.Join(err, behind.Wait())
	// What the writer wrote last is sealed too.
	endSealing()
	return errors.Join(err, sealed.Wait())
}

// indexFailed tells of work on promoted paths that will be tried again.
func (p *parts) indexFailed(err error) {
	p.log.Warn("promoted paths: an error, trying again", "error", err.Error())
}

// ended hides the error of a context that was meant to end.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func served(err error) error {
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
