package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quire-cdr/quire/archetypes"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/exit"
	"github.com/quire-cdr/quire/internal/cdr/form"
	"github.com/quire-cdr/quire/internal/config"
	"github.com/quire-cdr/quire/internal/hl7v2"
	"github.com/quire-cdr/quire/internal/hl7v2/mapping"
	"github.com/quire-cdr/quire/internal/mllp"
	"github.com/quire-cdr/quire/internal/pdf"
	"github.com/quire-cdr/quire/internal/sdc/extract"
	"github.com/quire-cdr/quire/templates"
)

type exitCommand struct {
	List    exitList    `cmd:"" help:"List the destinations of messages and how they do."`
	Dead    exitDead    `cmd:"" help:"List dead letters, or show one with its message."`
	Retry   exitRetry   `cmd:"" help:"Send a dead letter again, or store one that came in."`
	Discard exitDiscard `cmd:"" help:"Close a dead letter for good."`
}

type exitList struct {
	Server remote `embed:"" set:"identity=admin"`
}

// Run prints the destinations.
func (c exitList) Run(ctx context.Context) error {
	return c.Server.show(ctx, "GET", "/rest/admin/exit", nil)
}

type exitDead struct {
	Server remote `embed:"" set:"identity=admin"`
	ID     string `arg:"" optional:"" help:"One letter, shown with its message."`
	All    bool   `help:"Closed ones too."`
}

// Run prints dead letters.
func (c exitDead) Run(ctx context.Context) error {
	path := "/rest/admin/exit/dead"
	if c.ID != "" {
		path += "/" + url.PathEscape(c.ID)
	} else if c.All {
		path += "?all=true"
	}
	return c.Server.show(ctx, "GET", path, nil)
}

type exitRetry struct {
	Server remote `embed:"" set:"identity=admin"`
	ID     string `arg:"" help:"The letter."`
}

// Run tries one again.
func (c exitRetry) Run(ctx context.Context) error {
	return c.Server.show(ctx, "POST", "/rest/admin/exit/dead/"+url.PathEscape(c.ID)+"/retry", nil)
}

type exitDiscard struct {
	Server remote `embed:"" set:"identity=admin"`
	ID     string `arg:"" help:"The letter."`
	Reason string `required:"" help:"Why it is closed without being stored or sent; stands in the audit."`
}

// Run closes one.
func (c exitDiscard) Run(ctx context.Context) error {
	return c.Server.show(ctx, "DELETE", "/rest/admin/exit/dead/"+url.PathEscape(c.ID)+"?reason="+url.QueryEscape(c.Reason), nil)
}

// ways is what carries messages in and out.
type ways struct {
	exits     *exit.Exits
	extractor *form.Extractor
	client    *mllp.Client
	inward    []inward
}

type inward struct {
	listener *mllp.Listener
	ln       net.Listener
}

// openWays reads the mapping files, ours and those of a directory, and takes the
// ports of sources.
func (p *parts) openWays(w wiring) (err error) {
	all, err := mapping.Read(templates.V2, "v2")
	if err != nil {
		return err
	}
	resources, err := extract.ReadMappings(archetypes.FHIR, "fhir")
	if err != nil {
		return err
	}
	if w.MappingDir != "" {
		own, err := mapping.Read(os.DirFS(w.MappingDir), "v2")
		if err != nil {
			return err
		}
		// One of the same name replaces ours.
		all = append(slices.DeleteFunc(all, func(f *mapping.File) bool { return own.Named(f.Name) != nil }), own...)
		mapped, err := extract.ReadMappings(os.DirFS(w.MappingDir), "fhir")
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for archetype, m := range mapped {
			resources[archetype] = m
		}
	}
	exits, err := config.ReadExits(w.ExitsFile)
	if err != nil {
		return err
	}
	x := &exit.Exits{Records: p.service, Store: p.db, Mappings: all, Secret: w.FormSecret, Logger: p.log,
		Document: printer(p.service, w.Database.Zone)}
	peers := map[string]mllp.Peer{}
	for n := range exits.Destinations {
		d := &exits.Destinations[n]
		file := all.Named(d.Mapping)
		if file == nil || file.Direction != "out" {
			return fmt.Errorf("exits-file: destination %s: there is no mapping %q of messages that go out", d.Name, d.Mapping)
		}
		secure, err := d.Client()
		if err != nil {
			return err
		}
		timeout, err := time.ParseDuration(d.Timeout)
		if err != nil {
			return err
		}
		to := exit.Destination{Name: d.Name, Mapping: file, From: d.From, To: d.To, Processing: d.Processing, Caller: callerOf(d.Principal),
			Identifiers: map[string]mapping.Identifier{}, Timeout: timeout}
		for namespace, i := range d.Identifiers {
			to.Identifiers[namespace] = mapping.Identifier{Assigner: i.Assigner, Type: i.Type}
		}
		x.Destinations = append(x.Destinations, to)
		peers[d.Name] = mllp.Peer{Address: d.Address, TLS: secure, Dial: 10 * time.Second}
	}
	p.ways = &ways{exits: x, client: mllp.NewClient(peers)}
	x.Transport = p.ways.client
	p.ways.extractor = &form.Extractor{Forms: p.forms, Mappings: resources, Zone: w.Database.Zone, Ways: x}
	for n := range exits.Sources {
		if err := p.openSource(&exits.Sources[n], w.Database.Zone); err != nil {
			return err
		}
	}
	return nil
}

// printer makes the PDF of a version, with the composition inside.
func printer(service *cdr.Service, zone *time.Location) exit.Document {
	return func(ctx context.Context, caller cdr.Caller, doc cdr.Document) ([]byte, string, error) {
		version, err := service.CompositionVersion(ctx, caller, doc.EHR, cdr.VersionRef{VersionUID: doc.VersionUID})
		if err != nil {
			return nil, "", err
		}
		record, err := service.EHR(ctx, caller, doc.EHR)
		if err != nil {
			return nil, "", err
		}
		source, err := pdf.FromVersion(version.JSON, record.Status.JSON)
		if err != nil {
			return nil, "", err
		}
		source.EHR, source.VersionUID, source.Committed, source.Printed, source.Zone = version.EHR, version.VersionUID, version.Committed, time.Now(), zone
		var out bytes.Buffer
		err = pdf.Print(&out, source)
		return out.Bytes(), "PDF", err
	}
}

func callerOf(who config.Principal) cdr.Caller {
	return cdr.Caller{Subject: who.Subject, Role: who.Role, Organisation: who.Organisation, Service: true, Name: who.Name, Purpose: who.Purpose}
}

func (p *parts) openSource(s *config.Source, zone *time.Location) error {
	if s.Charset != "" && !hl7v2.KnownCharset(s.Charset) {
		return fmt.Errorf("exits-file: source %s: the character set %q is not read here", s.Name, s.Charset)
	}
	secure, err := s.Server()
	if err != nil {
		return err
	}
	from := &exit.Source{Name: s.Name, Caller: callerOf(s.Principal), Namespaces: s.Namespaces, Verified: s.Verified, VerifiedAt: s.VerifiedAt,
		Zone: zone, Charset: s.Charset, Bytes: s.Bytes}
	p.ways.exits.Know(from)
	l := &mllp.Listener{TLS: secure, Bytes: s.Bytes, Connections: s.Connections, Idle: 10 * time.Minute, Message: time.Minute, Logger: p.log}
	for _, network := range s.Allow {
		prefix, err := netip.ParsePrefix(network)
		if err != nil {
			return err
		}
		l.Allow = append(l.Allow, prefix)
	}
	l.Handler = func(ctx context.Context, address string, message []byte) []byte {
		one := *from
		one.Caller.Source, one.Caller.RequestID = address, cdr.NewUID()
		return p.ways.exits.Receive(ctx, &one, message)
	}
	ln, err := net.Listen("tcp", s.Listen)
	if err != nil {
		return fmt.Errorf("exits-file: source %s: %w", s.Name, err)
	}
	p.ways.inward = append(p.ways.inward, inward{l, ln})
	return nil
}

// run carries messages until ctx ends.
func (w *ways) run(ctx context.Context) error {
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error { return w.exits.Run(ctx) })
	for _, in := range w.inward {
		all.Go(func() error { return in.listener.Serve(ctx, in.ln) })
	}
	return all.Wait()
}

func (w *ways) close() {
	w.client.Close()
	for _, in := range w.inward {
		_ = in.ln.Close() // a listener that served is closed already
	}
}
