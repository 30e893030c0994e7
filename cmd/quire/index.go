package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/quire-cdr/quire/internal/cdr/promotion"
)

type indexCommand struct {
	Add    indexAdd    `cmd:"" help:"Promote a path: population queries that compare or sort by it are answered from an index. Built in the background."`
	Drop   indexDrop   `cmd:"" help:"End the promotion of a path. Queries go on working, slower."`
	List   indexList   `cmd:"" help:"List promoted paths and how far they are built."`
	Advise indexAdvise `cmd:"" help:"Say which paths stored queries and slow queries would gain by."`
}

// place names a path of an archetype.
type place struct {
	Server    remote `embed:"" set:"identity=admin"`
	Archetype string `arg:"" help:"Archetype id, such as openEHR-EHR-OBSERVATION.blood_pressure.v2; archetypes that specialise it are meant too."`
	Path      string `arg:"" help:"Path within the archetype to a data value, such as 'data[at0001]/events[at0006]/data[at0003]/items[at0004]/value'."`
}

func (p place) at() promotion.Place { return promotion.Place{Archetype: p.Archetype, Path: p.Path} }

type indexAdd struct {
	place
	Force bool `help:"Promote a path that no stored data have yet."`
	Wait  bool `help:"Wait until the path is usable and print progress." default:"true" negatable:""`
}

// Run begins the promotion and prints how it goes on.
func (c indexAdd) Run(ctx context.Context) error {
	server, err := c.Server.connect()
	if err != nil {
		return err
	}
	body, err := json.Marshal(struct {
		promotion.Place
		Force bool `json:"force"`
	}{c.at(), c.Force})
	if err != nil {
		return err
	}
	answer, _, err := server.call(ctx, http.MethodPost, server.Admin+"/index", "application/json", body)
	if err != nil {
		return err
	}
	var p promotion.Path
	if err := json.Unmarshal(answer, &p); err != nil {
		return err
	}
	if c.Wait {
		if p, err = server.awaitIndex(ctx, p); err != nil {
			return err
		}
	}
	fmt.Printf("%s %s: %s\n", p.Archetype, p.Path, p.State)
	return nil
}

// awaitIndex waits until a path is neither being built nor dropped.
func (c *client) awaitIndex(ctx context.Context, p promotion.Path) (promotion.Path, error) {
	shown := false
	for p.State == "building" || p.State == "dropping" {
		if p.Waiting {
			fmt.Fprintf(os.Stderr, "\r%s: waiting for older transactions", p.State)
		} else {
			fmt.Fprintf(os.Stderr, "\r%s: %d of %d rows        ", p.State, p.Done, p.Total)
		}
		shown = true
		select {
		case <-ctx.Done():
			fmt.Fprintln(os.Stderr, "\nthe server goes on in the background; see: quire index list")
			return p, ctx.Err()
		case <-time.After(300 * time.Millisecond):
		}
		list, err := c.promoted(ctx)
		if err != nil {
			return p, err
		}
		next := promotion.Path{Archetype: p.Archetype, Path: p.Path, State: "gone"}
		for _, l := range list {
			if l.Archetype == p.Archetype && l.Path == p.Path {
				next = l
			}
		}
		p = next
	}
	if shown {
		fmt.Fprintln(os.Stderr)
	}
	return p, nil
}

func (c *client) promoted(ctx context.Context) ([]promotion.Path, error) {
	answer, _, err := c.call(ctx, http.MethodGet, c.Admin+"/index", "", nil)
	if err != nil {
		return nil, err
	}
	var list struct{ Paths []promotion.Path }
	return list.Paths, json.Unmarshal(answer, &list)
}

type indexDrop struct{ place }

// Run ends the promotion; rows are deleted behind.
func (c indexDrop) Run(ctx context.Context) error {
	server, err := c.Server.connect()
	if err != nil {
		return err
	}
	query := url.Values{"archetype_id": {c.Archetype}, "path": {c.Path}}
	if _, _, err := server.call(ctx, http.MethodDelete, server.Admin+"/index?"+query.Encode(), "", nil); err != nil {
		return err
	}
	fmt.Println("no query uses it any more; its rows are deleted in the background")
	return nil
}

type indexList struct {
	Server remote `embed:"" set:"identity=admin"`
}

// Run prints a line for each promoted path.
func (c indexList) Run(ctx context.Context) error {
	server, err := c.Server.connect()
	if err != nil {
		return err
	}
	list, err := server.promoted(ctx)
	if err != nil {
		return err
	}
	rows := [][]string{{"ARCHETYPE", "PATH", "STATE", "ROWS", "PROMOTED BY", "SINCE"}}
	for _, p := range list {
		done := fmt.Sprintf("%d", p.Done)
		switch {
		case p.Waiting:
			done = "waiting for older transactions"
		case p.State != "usable":
			done = fmt.Sprintf("%d of %d", p.Done, p.Total)
		}
		rows = append(rows, []string{p.Archetype, p.Path, p.State, done, p.Reason, p.Since.UTC().Format(time.RFC3339)})
	}
	return printTable(rows)
}

type indexAdvise struct {
	Server remote `embed:"" set:"identity=admin"`
}

// Run prints what to promote and why, and the slow queries of the server.
func (c indexAdvise) Run(ctx context.Context) error {
	server, err := c.Server.connect()
	if err != nil {
		return err
	}
	answer, _, err := server.call(ctx, http.MethodGet, server.Admin+"/index/advice", "", nil)
	if err != nil {
		return err
	}
	var body struct {
		Advice []promotion.Advice
		Slow   []promotion.Slow `json:"slow_queries"`
	}
	if err := json.Unmarshal(answer, &body); err != nil {
		return err
	}
	if len(body.Advice) == 0 {
		fmt.Println("nothing to promote: no stored query and no slow query of this server would gain")
	}
	for _, a := range body.Advice {
		fmt.Printf("%s\n    because of %s\n", a.Command, strings.Join(a.Because, "; "))
	}
	if len(body.Slow) == 0 {
		return nil
	}
	fmt.Println()
	rows := [][]string{{"SLOW QUERY", "RUNS", "LONGEST MS", "TOTAL MS", "SHAPE"}}
	for _, s := range body.Slow {
		rows = append(rows, []string{s.Hash[:min(12, len(s.Hash))], fmt.Sprint(s.Runs), fmt.Sprint(s.LongestMS), fmt.Sprint(s.TotalMS), s.Shape})
	}
	return printTable(rows)
}
