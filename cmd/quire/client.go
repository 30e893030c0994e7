package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tidwall/gjson"
)

// access is what `up` writes for those who talk to it: DIR/access.json.
type access struct {
	BaseURL string            `json:"base_url"`
	OpenEHR string            `json:"openehr"`
	FHIR    string            `json:"fhir"`
	Admin   string            `json:"admin"`
	Ops     string            `json:"ops"`
	Tokens  map[string]string `json:"tokens"`
}

// remote is how a command finds a running server: by the data directory of an
// `up`, or by address and token.
type remote struct {
	Data  string `help:"Data directory of a running quire up." default:".quire" placeholder:"DIR"`
	URL   string `help:"Base URL of a server that is no quire up, with its base path." env:"QUIRE_URL"`
	Token string `help:"Bearer token for --url." env:"QUIRE_TOKEN"`
	As    string `help:"Identity of access.json to speak as." default:"${identity}"`
}

type client struct {
	access
	token string
}

func (r remote) connect() (*client, error) {
	if r.URL != "" {
		base := strings.TrimSuffix(r.URL, "/")
		return &client{access{BaseURL: base, OpenEHR: base + "/rest/openehr/v1", FHIR: base + "/fhir/r4", Admin: base + "/rest/admin"}, r.Token}, nil
	}
	text, err := os.ReadFile(filepath.Join(r.Data, "access.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no running server in %s; start one with: quire up --data %s (or name one with --url)", r.Data, r.Data)
	}
	if err != nil {
		return nil, err
	}
	c := &client{}
	if err := json.Unmarshal(text, &c.access); err != nil {
		return nil, fmt.Errorf("%s/access.json: %w", r.Data, err)
	}
	token, known := c.Tokens[r.As]
	if !known {
		return nil, fmt.Errorf("no identity %q in %s/access.json", r.As, r.Data)
	}
	c.token = token
	return c, nil
}

// call sends a request and reads the answer; a status from 400 is an error that
// names the server's message and its issues.
func (c *client) call(ctx context.Context, method, url, contentType string, body []byte) ([]byte, http.Header, error) {
	return c.within(ctx, time.Minute, method, url, contentType, body)
}

// within is call for what may take longer.
func (c *client) within(ctx context.Context, limit time.Duration, method, url, contentType string, body []byte) ([]byte, http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	header := http.Header{"Accept": {"application/json"}}
	if contentType != "" {
		header.Set("Content-Type", contentType)
	}
	res, err := c.send(ctx, method, url, header, body)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	return text, res.Header, err
}

// maxAnswer bounds an answer that is kept in memory.
const maxAnswer = 256 << 20

// send gives an answer of which the body is still to be read, and closed.
func (c *client) send(ctx context.Context, method, url string, header http.Header, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header = header
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("the server does not answer: %w", err)
	}
	if res.StatusCode < http.StatusBadRequest {
		return res, nil
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	message := gjson.GetBytes(text, "message").String()
	if message == "" {
		message = http.StatusText(res.StatusCode)
	}
	for _, v := range gjson.GetBytes(text, "validationErrors").Array() {
		message += "\n  " + v.String()
	}
	return nil, &refusal{res.StatusCode, gjson.GetBytes(text, "errors.0.defining_code.code_string").String(), message}
}

// refusal is an answer with a status from 400; code is the server's word for why.
type refusal struct {
	status        int
	code, message string
}

func (r *refusal) Error() string { return fmt.Sprintf("%d: %s", r.status, r.message) }

type tokenCommand struct {
	Data     string `help:"Data directory of a running quire up." default:".quire" placeholder:"DIR"`
	Identity string `arg:"" help:"clinician, analyst, formbuilder, service, admin or outsider."`
}

// Run prints a token of a running `up`, for curl.
func (c tokenCommand) Run() error {
	server, err := remote{Data: c.Data, As: c.Identity}.connect()
	if err != nil {
		return err
	}
	fmt.Println(server.token)
	return nil
}

type urlCommand struct {
	Data string `help:"Data directory of a running quire up." default:".quire" placeholder:"DIR"`
	API  string `arg:"" optional:"" enum:"base,openehr,fhir,admin,ops" default:"base" help:"base, openehr, fhir, admin or ops."`
}

// Run prints an address of a running `up`, for curl.
func (c urlCommand) Run() error {
	server, err := remote{Data: c.Data, As: "clinician"}.connect()
	if err != nil {
		return err
	}
	fmt.Println(map[string]string{"base": server.BaseURL, "openehr": server.OpenEHR, "fhir": server.FHIR, "admin": server.Admin, "ops": server.Ops}[c.API])
	return nil
}
