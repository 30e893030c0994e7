package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"os"
)

type accessCommand struct {
	Explain   accessExplain      `cmd:"" help:"Say which gate lets an identity into a record, or what is missing."`
	WhoCan    accessWho          `cmd:"" help:"List who can act on a record, in which role and by which path."`
	Saw       accessSaw          `cmd:"" help:"List who accessed a record, newest first."`
	Relate    accessRelate       `cmd:"" help:"Begin a relationship between an organisation and a person's record."`
	Grant     accessGrant        `cmd:"" help:"Give one record to a person, team or role."`
	Key       accessKey          `cmd:"" help:"Make an API key, for the first identities of a server."`
	Apply     accessApply        `cmd:"" help:"Make the policy what a file says: roles, teams, organisations, labels, areas, rules."`
	Export    accessPolicyExport `cmd:"" help:"Write the policy as the file that apply reads."`
	Restrict  accessRestrict     `cmd:"" help:"Deny a record to people, groups or everybody, whatever else allows it; or lift that."`
	Link      accessLink         `cmd:"" help:"Make a key for one record and a time, for a home or a hospice; or close it."`
	Seal      accessSeal         `cmd:"" help:"Put a sensitivity label on a composition with all its versions, or take it off."`
	Reviews   accessReviews      `cmd:"" help:"List emergency accesses that nobody has reviewed."`
	Review    accessReview       `cmd:"" help:"Close an emergency access with the outcome of its review."`
	Reconcile accessReconcile    `cmd:"" help:"Compare Keto with the recorded policy, and mend what differs."`
}

type accessExplain struct {
	Server  remote `embed:"" set:"identity=clinician"`
	EHR     string `arg:"" help:"The EHR."`
	Of      string `help:"Explain for this principal instead of oneself, as who manages access to the record; user:... or svc:..." placeholder:"PRINCIPAL"`
	Role    string `help:"The role that principal would select."`
	Action  string `help:"read or write." default:"read" enum:"read,write"`
	Version string `help:"A version of the record, by its uid or its object's: its labels are judged too."`
}

// Run prints the decision as the server explains it.
func (c accessExplain) Run(ctx context.Context) error {
	if c.Of != "" {
		values := url.Values{"action": {c.Action}, "role": {c.Role}, "version_uid": {c.Version}}
		return c.Server.show(ctx, "GET", "/access/v1/ehr/"+c.EHR+"/explain/"+url.PathEscape(c.Of)+"?"+values.Encode(), nil)
	}
	return c.Server.show(ctx, "GET", "/access/v1/ehr/"+c.EHR+"/explain", nil)
}

type accessSaw struct {
	Server remote `embed:"" set:"identity=admin"`
	EHR    string `arg:"" help:"The EHR."`
}

// Run prints the audit of the record.
func (c accessSaw) Run(ctx context.Context) error {
	return c.Server.show(ctx, "GET", "/audit/v1/ehr/"+c.EHR+"/accesses", nil)
}

type accessRelate struct {
	Server       remote `embed:"" set:"identity=admin"`
	EHR          string `arg:"" help:"The EHR."`
	Organisation string `arg:"" help:"The organisation's code."`
	Kind         string `help:"Why: registered, referred, admitted or caseload." default:"registered" enum:"registered,referred,admitted,caseload"`
	Reason       string `help:"A reason code for the audit." default:"administration"`
}

// Run begins the relationship.
func (c accessRelate) Run(ctx context.Context) error {
	path := "/access/v1/ehr/" + c.EHR + "/relationships/" + c.Kind + "/" + url.PathEscape(c.Organisation)
	return c.Server.show(ctx, "PUT", path, map[string]any{"reason": c.Reason})
}

type accessGrant struct {
	Server  remote `embed:"" set:"identity=admin"`
	EHR     string `arg:"" help:"The EHR."`
	Grantee string `arg:"" help:"user:..., svc:..., Role:... or Team:..."`
	Write   bool   `help:"Writing too."`
	Reason  string `help:"A reason code for the audit." default:"administration"`
}

// Run gives the record.
func (c accessGrant) Run(ctx context.Context) error {
	path := "/access/v1/ehr/" + c.EHR + "/grants/" + url.PathEscape(c.Grantee)
	return c.Server.show(ctx, "PUT", path, map[string]any{"write": c.Write, "reason": c.Reason})
}

// show prints a server's JSON answer for a person.
func (r remote) show(ctx context.Context, method, path string, request any) error {
	server, err := r.connect()
	if err != nil {
		return err
	}
	var body []byte
	contentType := ""
	if request != nil {
		if body, err = json.Marshal(request); err != nil {
			return err
		}
		contentType = "application/json"
	}
	answer, _, err := server.call(ctx, method, server.BaseURL+path, contentType, body)
	if err != nil || len(answer) == 0 {
		return err
	}
	var pretty bytes.Buffer
	if json.Indent(&pretty, answer, "", "  ") == nil {
		answer = append(pretty.Bytes(), '\n')
	}
	_, err = os.Stdout.Write(answer)
	return err
}
