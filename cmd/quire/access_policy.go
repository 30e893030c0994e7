package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/tidwall/gjson"

	"github.com/quire-cdr/quire/internal/authn"
	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/cdr/emergency"
	"github.com/quire-cdr/quire/internal/cdr/policy"
	"github.com/quire-cdr/quire/internal/keto"
	"github.com/quire-cdr/quire/internal/outbound"
	"github.com/quire-cdr/quire/internal/postgres"
	"github.com/quire-cdr/quire/internal/webhook"
)

// newPolicies are the use cases of the policy on what a server has opened.
func newPolicies(p *parts) *policy.Policies {
	return &policy.Policies{
		Store: p.access, Graph: keto.Graph{Authorizer: p.authorizer}, Act: p.service.Act(), Control: p.control, Records: p.access,
		Keys: p.access, Mint: authn.NewKey, Logger: p.log,
	}
}

// newEmergencies are the use cases after glass was broken.
func newEmergencies(p *parts, w wiring) *emergency.Emergencies {
	e := &emergency.Emergencies{Store: p.access, Act: p.service.Act(), Address: w.AlertURL,
		Log: func(code string) { p.log.Error("privacy officers could not be alerted", "error", code) }}
	if u, err := url.Parse(w.AlertURL); err == nil && w.AlertURL != "" {
		e.Sender = &webhook.Sender{Client: outbound.Client(u.Host), Hosts: []string{u.Host}}
	}
	return e
}

// direct is how policies are reached where there is no server yet, or nobody whom
// it would let in: by the database and Keto themselves.
type direct struct {
	DatabaseURL string `help:"Address of the database as the application role, to work without a server." env:"QUIRE_DATABASE_URL" placeholder:"URL"`
	KetoRead    string `name:"keto-read-url" help:"Base URL of Keto's read API, to work without a server." env:"QUIRE_KETO_READ_URL" placeholder:"URL"`
	KetoWrite   string `name:"keto-write-url" help:"Base URL of Keto's write API, to work without a server." env:"QUIRE_KETO_WRITE_URL" placeholder:"URL"`
	Sentinel    string `name:"keto-sentinel" help:"Object of the sentinel tuple; it is written where it is missing." env:"QUIRE_KETO_SENTINEL" placeholder:"OBJECT"`
}

// operator is who holds the database and Keto.
var operator = cdr.Caller{Subject: "system:operator", Role: "operator", All: true}

// wanted says whether to work without a server.
func (d direct) wanted(r remote) bool { return r.URL == "" && d.KetoRead != "" }

// policies opens the database and Keto; end closes them.
func (d direct) policies(ctx context.Context) (_ *policy.Policies, end func(), err error) {
	if d.KetoWrite == "" || d.Sentinel == "" || d.DatabaseURL == "" {
		return nil, nil, fmt.Errorf("working without a server needs --database-url, --keto-read-url, --keto-write-url and --keto-sentinel")
	}
	if err := keto.Probe(ctx, d.KetoRead, d.KetoWrite, d.Sentinel); err != nil {
		return nil, nil, err
	}
	db, err := postgres.Open(ctx, postgres.Config{DSN: d.DatabaseURL})
	if err != nil {
		return nil, nil, err
	}
	rights, err := postgres.NewAccess(ctx, db, d.DatabaseURL)
	if err != nil {
		db.Close()
		return nil, nil, err
	}
	authorizer := keto.New(keto.Config{ReadURL: d.KetoRead, WriteURL: d.KetoWrite, Sentinel: d.Sentinel, Epochs: rights, Families: rights})
	service := cdr.New(cdr.Deps{Store: db, Authorizer: authorizer, Auditor: rights})
	return &policy.Policies{Store: rights, Graph: keto.Graph{Authorizer: authorizer}, Act: service.Act()},
		func() { authorizer.Close(); rights.Close(); db.Close() }, nil
}

// accessApply makes the policy what a file says.
type accessApply struct {
	Server remote `embed:"" set:"identity=admin"`
	Direct direct `embed:""`
	File   string `short:"f" required:"" type:"existingfile" help:"The policy (YAML). A section that is in the file is complete; one that is not is left as it is."`
	DryRun bool   `help:"Say what would change and change nothing."`
	Reason string `help:"A reason code for the audit." default:"policy-applied"`
}

// Run prints the difference, + what comes and - what goes.
func (c accessApply) Run(ctx context.Context) error {
	text, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	var lines []string
	if c.Direct.wanted(c.Server) {
		policies, end, err := c.Direct.policies(ctx)
		if err != nil {
			return err
		}
		defer end()
		change, err := policies.Apply(ctx, operator, text, c.Reason, c.DryRun)
		if err != nil {
			return fmt.Errorf("%s: %w", c.File, err)
		}
		lines = change.Lines()
	} else {
		path := "/access/v1/policy?reason=" + url.QueryEscape(c.Reason)
		if c.DryRun {
			path += "&dry-run=true"
		}
		answer, err := c.Server.ask(ctx, time.Minute, http.MethodPut, path, "application/yaml", text)
		if err != nil {
			return fmt.Errorf("%s: %w", c.File, err)
		}
		for _, line := range gjson.GetBytes(answer, "changes").Array() {
			lines = append(lines, line.String())
		}
	}
	for _, line := range lines {
		fmt.Println(line)
	}
	switch {
	case len(lines) == 0:
		fmt.Fprintln(os.Stderr, "no change")
	case c.DryRun:
		fmt.Fprintf(os.Stderr, "%d changes, none made\n", len(lines))
	}
	return nil
}

// accessPolicyExport writes the policy as a file.
type accessPolicyExport struct {
	Server remote `embed:"" set:"identity=admin"`
	Direct direct `embed:""`
}

// Run prints the recorded policy in the form that apply reads.
func (c accessPolicyExport) Run(ctx context.Context) error {
	var text []byte
	if c.Direct.wanted(c.Server) {
		policies, end, err := c.Direct.policies(ctx)
		if err != nil {
			return err
		}
		defer end()
		if text, err = policies.Export(ctx, operator); err != nil {
			return err
		}
	} else {
		var err error
		if text, err = c.Server.ask(ctx, time.Minute, http.MethodGet, "/access/v1/policy", "", nil); err != nil {
			return err
		}
	}
	_, err := os.Stdout.Write(text)
	return err
}

// accessReconcile compares Keto with the recorded policy.
type accessReconcile struct {
	Server remote `embed:"" set:"identity=admin"`
	Direct direct `embed:""`
	Mend   bool   `help:"Make Keto what is recorded." xor:"how"`
	Adopt  bool   `help:"Record what stands in Keto alone, and mend the rest: once, for a Keto that was written before policies were recorded." xor:"how"`
	Reason string `help:"A reason code for the audit." default:"drift"`
}

// Run prints the drift; where there is any and nothing is mended it fails.
func (c accessReconcile) Run(ctx context.Context) error {
	how := policy.Look
	switch {
	case c.Mend:
		how = policy.Mend
	case c.Adopt:
		how = policy.Adopt
	}
	found := map[string][]string{}
	if c.Direct.wanted(c.Server) {
		policies, end, err := c.Direct.policies(ctx)
		if err != nil {
			return err
		}
		defer end()
		d, err := policies.Reconcile(ctx, operator, how, c.Reason)
		if err != nil {
			return err
		}
		for name, list := range map[string][]policy.Tuple{"missing": d.Missing, "foreign": d.Foreign, "unfit": d.Unfit, "repeated": d.Repeated} {
			for _, t := range list {
				found[name] = append(found[name], t.String())
			}
		}
	} else {
		method, contentType, body := http.MethodGet, "", []byte(nil)
		if how != policy.Look {
			method, contentType = http.MethodPost, "application/json"
			body = fmt.Appendf(nil, `{"action":%q,"reason":%q}`, how, c.Reason)
		}
		answer, err := c.Server.ask(ctx, 2*time.Minute, method, "/access/v1/policy/drift", contentType, body)
		if err != nil {
			return err
		}
		for _, name := range driftNames {
			for _, t := range gjson.GetBytes(answer, name).Array() {
				found[name] = append(found[name], t.String())
			}
		}
	}
	n := 0
	for _, name := range driftNames {
		for _, t := range found[name] {
			fmt.Printf("%s\t%s\n", name, t)
			n++
		}
	}
	switch {
	case n == 0:
		fmt.Fprintln(os.Stderr, "Keto holds what is recorded")
	case how == policy.Look:
		return fmt.Errorf("%d tuples differ; mend them with --mend", n)
	}
	return nil
}

var driftNames = []string{"missing", "foreign", "unfit", "repeated"}

// accessWho lists who can act on a record.
type accessWho struct {
	Server  remote `embed:"" set:"identity=admin"`
	EHR     string `arg:"" help:"The EHR."`
	Action  string `help:"read or write." default:"read" enum:"read,write"`
	Version string `help:"A version of the record, by its uid or its object's: its labels are judged too."`
}

// Run prints principal, role and path of each.
func (c accessWho) Run(ctx context.Context) error {
	values := url.Values{"action": {c.Action}}
	if c.Version != "" {
		values.Set("version_uid", c.Version)
	}
	return c.Server.show(ctx, http.MethodGet, "/access/v1/ehr/"+c.EHR+"/who-can?"+values.Encode(), nil)
}

// accessReviews lists emergency accesses that wait for a review.
type accessReviews struct {
	Server remote `embed:"" set:"identity=admin"`
	All    bool   `help:"Those that were reviewed too."`
}

// Run prints the queue, the oldest first.
func (c accessReviews) Run(ctx context.Context) error {
	return c.Server.show(ctx, http.MethodGet, fmt.Sprintf("/access/v1/break-glass?all=%t", c.All), nil)
}

// accessReview closes one.
type accessReview struct {
	Server  remote `embed:"" set:"identity=admin"`
	EHR     string `arg:"" help:"The EHR."`
	ID      string `arg:"" help:"The emergency access."`
	Outcome string `arg:"" help:"justified, not-justified or escalated." enum:"justified,not-justified,escalated"`
}

// Run closes it; one that is open ends.
func (c accessReview) Run(ctx context.Context) error {
	return c.Server.show(ctx, http.MethodPost, "/access/v1/ehr/"+c.EHR+"/break-glass/"+c.ID+"/review", map[string]any{"outcome": c.Outcome})
}

// ask sends a request and gives the body of its answer.
func (r remote) ask(ctx context.Context, limit time.Duration, method, path, contentType string, body []byte) ([]byte, error) {
	server, err := r.connect()
	if err != nil {
		return nil, err
	}
	answer, _, err := server.within(ctx, limit, method, server.BaseURL+path, contentType, body)
	return answer, err
}
