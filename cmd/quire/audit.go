package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/quire-cdr/quire/internal/postgres/ledger"
	"github.com/quire-cdr/quire/internal/seal"
)

type auditCommand struct {
	Search auditSearch `cmd:"" help:"List accesses, newest first."`
	Show   auditShow   `cmd:"" help:"Print one access, with what a query asked."`
	Export auditExport `cmd:"" help:"Write accesses as lines of JSON or of FHIR AuditEvent, newest first."`
	Verify auditVerify `cmd:"" help:"Read every sealed row again and say whether anybody changed, removed, added or reordered one."`
	Anchor auditAnchor `cmd:"" help:"Print the newest seal with its public key, to be kept elsewhere."`
}

// auditWhich chooses accesses.
type auditWhich struct {
	From         string `help:"From this time, such as 2026-11-22T08:00:00Z." placeholder:"TIME"`
	To           string `help:"To before this time." placeholder:"TIME"`
	EHR          string `name:"ehr" help:"Direct accesses to this record; with population queries: quire access saw." placeholder:"ID"`
	Principal    string `help:"Accesses of this identity." placeholder:"ID"`
	Role         string `help:"Accesses in this role."`
	Organisation string `help:"Accesses from this organisation." placeholder:"CODE"`
	Action       string `help:"C, R, U, D or E (query)."`
	Outcome      string `help:"success, denied, unavailable or error."`
	Object       string `help:"Accesses to this version, template or stored query." placeholder:"ID"`
}

func (w auditWhich) query() url.Values {
	q := url.Values{}
	for name, value := range map[string]string{"from": w.From, "to": w.To, "ehr_id": w.EHR, "principal": w.Principal, "role": w.Role,
		"organisation": w.Organisation, "action": w.Action, "outcome": w.Outcome, "object": w.Object} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return q
}

type auditSearch struct {
	Server remote     `embed:"" set:"identity=admin"`
	Which  auditWhich `embed:""`
	Limit  int        `help:"Rows, at most 500." default:"50"`
}

// Run prints one page.
func (c auditSearch) Run(ctx context.Context) error {
	q := c.Which.query()
	q.Set("limit", fmt.Sprint(c.Limit))
	return c.Server.show(ctx, http.MethodGet, "/audit/v1/events?"+q.Encode(), nil)
}

type auditShow struct {
	Server remote `embed:"" set:"identity=admin"`
	ID     string `arg:"" help:"The access."`
}

// Run prints the access.
func (c auditShow) Run(ctx context.Context) error {
	return c.Server.show(ctx, http.MethodGet, "/audit/v1/events/"+url.PathEscape(c.ID), nil)
}

type auditExport struct {
	Server remote     `embed:"" set:"identity=admin"`
	Which  auditWhich `embed:""`
	Format string     `help:"json or fhir (AuditEvent in the shape of BALP)." default:"json" enum:"json,fhir"`
	Output string     `short:"o" help:"Write to this file and not to standard output; it is there only when all of it is." placeholder:"FILE"`
}

// Run writes page after page.
func (c auditExport) Run(ctx context.Context) error {
	server, err := c.Server.connect()
	if err != nil {
		return err
	}
	return whole(c.Output, func(to io.Writer) error { return c.write(ctx, server, to) })
}

func (c auditExport) write(ctx context.Context, server *client, to io.Writer) error {
	lines := bufio.NewWriter(to)
	q := c.Which.query()
	q.Set("limit", "500")
	accept := "application/json"
	if c.Format == "fhir" {
		accept = "application/fhir+json"
	}
	for {
		res, err := server.send(ctx, http.MethodGet, server.BaseURL+"/audit/v1/events?"+q.Encode(), http.Header{"Accept": {accept}}, nil)
		if err != nil {
			return err
		}
		var page struct {
			Events []json.RawMessage `json:"events"`
			Next   string            `json:"next"`
			Entry  []struct {
				Resource json.RawMessage `json:"resource"`
			} `json:"entry"`
			Link []struct {
				URL string `json:"url"`
			} `json:"link"`
		}
		err = errors.Join(json.NewDecoder(res.Body).Decode(&page), res.Body.Close())
		if err != nil {
			return err
		}
		for _, e := range page.Entry {
			page.Events = append(page.Events, e.Resource)
		}
		for _, e := range page.Events {
			if _, err := lines.Write(append(e, '\n')); err != nil {
				return err
			}
		}
		if len(page.Link) > 0 {
			next, err := url.Parse(page.Link[0].URL)
			if err != nil {
				return err
			}
			page.Next = next.Query().Get("after")
		}
		if page.Next == "" {
			return lines.Flush()
		}
		q.Set("after", page.Next)
	}
}

type auditVerify struct {
	Store  store    `embed:""`
	Keys   []string `name:"audit-key-file" help:"The keys of the audit, present and past; a quire up has its own." env:"QUIRE_AUDIT_KEY_FILE" placeholder:"FILES"`
	Since  string   `help:"Begin with the first seal of this time or later." placeholder:"TIME"`
	Anchor []string `help:"Files of seals kept elsewhere, each of which must still stand." placeholder:"FILES"`
}

// Run verifies and fails where anything was found.
func (c auditVerify) Run(ctx context.Context) error {
	ask := ledger.Ask{Progress: func(done, total int) { fmt.Fprintf(os.Stderr, "\r%d of %d seals", done, total) }}
	ring, err := c.keys()
	if err != nil {
		return err
	}
	ask.Keys = ring.byID()
	if c.Since != "" {
		if ask.Since, err = time.Parse(time.RFC3339, c.Since); err != nil {
			return fmt.Errorf("--since is a time like 2026-11-22T08:00:00Z")
		}
	}
	for _, name := range c.Anchor {
		list, err := anchors(name)
		if err != nil {
			return err
		}
		ask.Anchors = append(ask.Anchors, list...)
	}
	dsn, err := c.Store.dsn()
	if err != nil {
		return err
	}
	conn, err := ledger.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	report, err := ledger.Verify(ctx, conn, ask)
	fmt.Fprintln(os.Stderr)
	if err != nil {
		return err
	}
	fmt.Printf("%d rows under %d seals verified, %d anchors found again; %d rows are newer than the last seal\n", report.Rows, report.Seals, len(ask.Anchors), report.Unsealed)
	for _, f := range report.Findings {
		fmt.Printf("  seal %d (%s to %s): %s\n", f.Seq, moment(f.From), moment(f.To), f.Message)
	}
	if !report.Sound() {
		return errors.New("the audit is not what was sealed")
	}
	return nil
}

func moment(t time.Time) string {
	if t.IsZero() {
		return "the beginning"
	}
	return t.UTC().Format(time.RFC3339)
}

// keys reads the files of the keys, or the key of a quire up.
func (c auditVerify) keys() (keyring, error) {
	if len(c.Keys) == 0 {
		text, err := os.ReadFile(filepath.Join(c.Store.Data, "secrets.json"))
		if err != nil {
			return nil, errors.New("name the keys with --audit-key-file, or a running quire up with --data")
		}
		var s secrets
		if err := json.Unmarshal(text, &s); err != nil {
			return nil, fmt.Errorf("%s/secrets.json: %w", c.Store.Data, err)
		}
		return newKeyring([][]byte{[]byte(s.AuditSecret)})
	}
	var list [][]byte
	for _, name := range c.Keys {
		secret, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		list = append(list, secret)
	}
	return newKeyring(list)
}

// anchors reads seals, one a line as a server appends them, or one as audit
// anchor prints it.
func anchors(name string) ([]seal.Seal, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var list []seal.Seal
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	for {
		var line struct {
			seal.Seal
			Head *seal.Seal `json:"head"`
		}
		switch err := decoder.Decode(&line); {
		case errors.Is(err, io.EOF):
			return list, nil
		case err != nil:
			return nil, fmt.Errorf("%s: %w", name, err)
		case line.Head != nil:
			list = append(list, *line.Head)
		default:
			list = append(list, line.Seal)
		}
	}
}

type auditAnchor struct {
	Server remote `embed:"" set:"identity=admin"`
}

// Run prints the head of the chain.
func (c auditAnchor) Run(ctx context.Context) error {
	return c.Server.show(ctx, http.MethodGet, "/audit/v1/head", nil)
}
