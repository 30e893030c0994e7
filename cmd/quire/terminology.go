package main

import (
	"log/slog"
	"net/url"

	"github.com/quire-cdr/quire/internal/config"
	"github.com/quire-cdr/quire/internal/fhirterm"
	"github.com/quire-cdr/quire/internal/outbound"
	"github.com/quire-cdr/quire/internal/validate"
)

// terminology is the terminology server of the configuration, nil without one.
func (c serveCommand) terminology(values config.Values, log *slog.Logger) validate.Terminology {
	base, err := url.Parse(c.TerminologyURL)
	if err != nil || base.Host == "" {
		return nil // none is set: Check has judged it
	}
	return fhirterm.New(fhirterm.Config{
		URL: c.TerminologyURL, Client: outbound.Client(base.Host), Token: values.TerminologyToken,
		Deadline: c.TerminologyDeadline, Keep: c.TerminologyKeep, ValueSets: values.ValueSets, Logger: log,
	})
}
