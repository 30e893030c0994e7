package main

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// accessRestrict begins or lifts a restriction of a record.
type accessRestrict struct {
	Server remote        `embed:"" set:"identity=admin"`
	EHR    string        `arg:"" help:"The EHR."`
	Who    []string      `arg:"" optional:"" help:"Whom it denies: user:..., svc:..., Role:..., Team:..., or * for everybody."`
	Spare  []string      `help:"Whom it does not apply to all the same." placeholder:"WHO"`
	For    time.Duration `help:"How long; without it until it is lifted."`
	Lift   string        `help:"Lift the restriction of this id instead." placeholder:"ID"`
	Reason string        `help:"A reason code for the audit, such as objection, vip or own-record." required:""`
}

// Run begins the restriction and prints its id, or lifts one.
func (c accessRestrict) Run(ctx context.Context) error {
	path := "/access/v1/ehr/" + c.EHR + "/restrictions"
	if c.Lift != "" {
		return c.Server.show(ctx, http.MethodDelete, path+"/"+url.PathEscape(c.Lift)+"?reason="+url.QueryEscape(c.Reason), nil)
	}
	body := map[string]any{"appliesTo": c.Who, "reason": c.Reason}
	if c.Spare != nil {
		body["spares"] = c.Spare
	}
	if c.For > 0 {
		body["to"] = time.Now().Add(c.For).UTC()
	}
	return c.Server.show(ctx, http.MethodPost, path, body)
}

// accessLink makes a link to one record, or closes one.
type accessLink struct {
	Server   remote        `embed:"" set:"identity=admin"`
	EHR      string        `arg:"" help:"The EHR."`
	For      time.Duration `help:"How long." default:"168h"`
	Networks []string      `help:"Networks it may be used from, such as 10.1.0.0/16; without any, all." placeholder:"CIDR"`
	Close    string        `help:"Close the link of this id instead." placeholder:"ID"`
	Reason   string        `help:"A reason code for the audit." required:""`
}

// Run prints the link's key, once.
func (c accessLink) Run(ctx context.Context) error {
	path := "/access/v1/ehr/" + c.EHR + "/links"
	if c.Close != "" {
		return c.Server.show(ctx, http.MethodDelete, path+"/"+url.PathEscape(c.Close)+"?reason="+url.QueryEscape(c.Reason), nil)
	}
	body := map[string]any{"ends": time.Now().Add(c.For).UTC(), "reason": c.Reason}
	if c.Networks != nil {
		body["networks"] = c.Networks
	}
	return c.Server.show(ctx, http.MethodPost, path, body)
}

// accessSeal puts a label on a composition, or takes it off.
type accessSeal struct {
	Server      remote `embed:"" set:"identity=admin"`
	EHR         string `arg:"" help:"The EHR."`
	Composition string `arg:"" help:"The uid of the versioned composition."`
	Label       string `arg:"" help:"The sensitivity label."`
	Off         bool   `help:"Take the label off."`
	Reason      string `help:"A reason code for the audit." required:""`
}

// Run seals or unseals.
func (c accessSeal) Run(ctx context.Context) error {
	path := "/access/v1/ehr/" + c.EHR + "/composition/" + c.Composition + "/labels/" + url.PathEscape(c.Label)
	if c.Off {
		return c.Server.show(ctx, http.MethodDelete, path+"?reason="+url.QueryEscape(c.Reason), nil)
	}
	return c.Server.show(ctx, http.MethodPut, path, map[string]any{"reason": c.Reason})
}
