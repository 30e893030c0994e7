package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"

	"github.com/quire-cdr/quire/internal/cdr/transfer"
)

type exportCommand struct {
	Server   remote   `embed:"" set:"identity=admin"`
	EHR      []string `help:"Export this EHR; may be given several times." name:"ehr" xor:"which" required:"" placeholder:"ID"`
	All      bool     `help:"Export every EHR." xor:"which" required:""`
	Readable bool     `help:"Write what a person can read, a zip with record.html and the canonical JSON beside it; for one EHR, with -o."`
	Output   string   `short:"o" help:"Write to this file and not to standard output; it is there only when all of it is." placeholder:"FILE"`
}

// Run writes exports one after the other. Each shows by its last line that it is
// whole, which is checked here.
func (c exportCommand) Run(ctx context.Context) error {
	if c.Readable && (len(c.EHR) != 1 || c.Output == "") {
		return errors.New("--readable is for one --ehr and needs -o FILE")
	}
	server, err := c.Server.connect()
	if err != nil {
		return err
	}
	return whole(c.Output, func(to io.Writer) error { return c.write(ctx, server, to) })
}

// whole writes to a private file that is there only when all of it is, or to
// standard output where none is named.
func whole(output string, write func(io.Writer) error) error {
	if output == "" {
		return write(os.Stdout)
	}
	part := output + ".part"
	file, err := os.OpenFile(part, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(write(file), file.Close()); err != nil {
		return errors.Join(err, os.Remove(part))
	}
	return os.Rename(part, output)
}

func (c exportCommand) write(ctx context.Context, server *client, to io.Writer) error {
	if c.Readable {
		return server.stream(ctx, server.Admin+"/ehr/"+url.PathEscape(c.EHR[0])+"/subject-access", func(body io.Reader) error {
			_, err := io.Copy(to, body)
			return err
		})
	}
	for _, id := range c.EHR {
		if err := exportOne(ctx, server, id, to); err != nil {
			return err
		}
	}
	if !c.All {
		return nil
	}
	for after := ""; ; {
		answer, _, err := server.call(ctx, http.MethodGet, server.Admin+"/ehr?after="+url.QueryEscape(after), "", nil)
		if err != nil {
			return err
		}
		var page struct {
			IDs []string `json:"ehr_ids"`
		}
		if err := json.Unmarshal(answer, &page); err != nil || len(page.IDs) == 0 {
			return err
		}
		for _, id := range page.IDs {
			if err := exportOne(ctx, server, id, to); err != nil {
				return err
			}
			after = id
		}
	}
}

func exportOne(ctx context.Context, server *client, id string, to io.Writer) error {
	err := server.stream(ctx, server.Admin+"/ehr/"+url.PathEscape(id)+"/export", func(body io.Reader) error {
		lines := transfer.NewReader(io.TeeReader(body, to))
		for {
			if _, err := lines.Next(); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
		}
	})
	if err != nil {
		return fmt.Errorf("EHR %s: %w", id, err)
	}
	return nil
}

// stream gives an answer as it comes, without a limit of size or time.
func (c *client) stream(ctx context.Context, address string, take func(io.Reader) error) error {
	res, err := c.send(ctx, http.MethodGet, address, http.Header{}, nil)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	return take(res.Body)
}
