package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/demo"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/postgres"
	"github.com/quire-cdr/quire/templates"
)

// system is the server itself: it installs what it ships with.
func system(organisation string) cdr.Caller {
	return cdr.Caller{Subject: "system:quire", Role: "system", Name: "Quire demo", Organisation: organisation, All: true}
}

// patiently does a step of the start-up until the parts it needs answer: on a
// busy machine they may take longer than a request would wait for them.
func patiently(ctx context.Context, do func() error) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		err := do()
		if !fault.Is(err, fault.Unavailable) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// installTemplates uploads the templates this build ships with; one that is
// there already, with whatever content, stays.
func (p *parts) installTemplates(ctx context.Context) error {
	for _, shipped := range templates.All() {
		text, err := templates.FS.ReadFile(shipped.File)
		if err != nil {
			return err
		}
		err = patiently(ctx, func() error {
			_, err := p.service.UploadTemplate(ctx, system(""), text, cdr.TemplateUpload{Label: shipped.Sensitivity})
			return err
		})
		if err != nil && !fault.Is(err, fault.Conflict) {
			return fmt.Errorf("installing the template %q: %w", shipped.ID, err)
		}
	}
	return nil
}

const (
	demoPeople       = 20
	demoCompositions = 500
	demoSeed         = 20261122
)

// demoStart is the first day of the demo records; a plan and then a set of
// observations every few hours follow.
var demoStart = time.Date(2026, 9, 1, 7, 30, 0, 0, time.UTC)

// loadDemo makes the demo people and their records, once.
func (p *parts) loadDemo(ctx context.Context) error {
	var loaded string
	err := patiently(ctx, func() (err error) {
		loaded, err = p.db.Setting(ctx, postgres.SettingDemo)
		return err
	})
	if err != nil || loaded == "on" {
		return err
	}
	maker, err := demo.NewMaker()
	if err != nil {
		return err
	}
	shapes := []demo.Shape{demo.VitalSignsFull, demo.VitalSignsOxygen, demo.VitalSignsMinimal, demo.VitalSignsIncomplete}
	random := demo.Random(demoSeed)
	for n, person := range demo.People(demoPeople) {
		caller := system(person.Organisation)
		var ehr cdr.EHR
		err := patiently(ctx, func() (err error) {
			ehr, err = p.service.CreateEHR(ctx, caller, "", &cdr.Content{JSON: demo.Status(person)}, cdr.CommitInfo{})
			return err
		})
		if fault.Is(err, fault.Conflict) {
			continue // an earlier start was stopped in the middle
		}
		if err != nil {
			return fmt.Errorf("making demo person %d: %w", n+1, err)
		}
		for i := range demoCompositions / demoPeople {
			shape := shapes[random.IntN(len(shapes))]
			if i == 0 {
				shape = demo.EmergencyCarePlan
			}
			at := demoStart.Add(time.Duration(i)*17*time.Hour + time.Duration(n)*11*time.Minute)
			text, err := maker.Composition(random, shape, at)
			if err != nil {
				return err
			}
			err = patiently(ctx, func() error {
				_, err := p.service.CreateComposition(ctx, caller, ehr.ID, cdr.Content{JSON: text}, cdr.CommitInfo{})
				return err
			})
			if err != nil {
				return fmt.Errorf("making demo record %d of person %d: %w", i+1, n+1, err)
			}
		}
	}
	return patiently(ctx, func() error {
		_, err := p.db.PutSetting(ctx, postgres.SettingDemo, "on")
		return err
	})
}

// refuseDemo is serve's refusal of demo data.
func refuseDemo(ctx context.Context, p *parts) error {
	loaded, err := p.db.Setting(ctx, postgres.SettingDemo)
	if err != nil {
		return err
	}
	keys, err := p.access.HasDemoKeys(ctx)
	if err != nil {
		return err
	}
	if loaded == "on" || keys {
		return errors.New("this database holds demo people or demo tokens, and serve is for real ones: use a database of its own")
	}
	return nil
}
