package emergency

import (
	"context"
	"encoding/json"
	"time"

	"github.com/quire-cdr/quire/internal/fault"
)

// Sender brings messages to their receivers. Implemented over HTTP.
type Sender interface {
	Send(ctx context.Context, url string, header map[string]string, message []byte) (status int, err error)
}

// AlertStore hands out the alerts that were not sent.
type AlertStore interface {
	// Alerts takes the ones that are due, so that for a while no other process does.
	Alerts(ctx context.Context, limit int, lease time.Duration) ([]Access, error)
	// Alerted notes that one was sent.
	Alerted(ctx context.Context, ehr, id string) error
}

const (
	// alertEvery is the time between looks, sendLimit the longest wait for a
	// receiver; one that fails is tried again after lease.
	alertEvery = time.Second
	sendLimit  = 10 * time.Second
	lease      = 30 * time.Second
	alertsOnce = 50
)

// alert is what a privacy officer is told: who, where and why as a code. The
// reason's text stands in the queue, behind its authorization.
type alert struct {
	Type         string    `json:"type"`
	ID           string    `json:"id"`
	EHR          string    `json:"ehrId"`
	Principal    string    `json:"principal"`
	Role         string    `json:"role"`
	Organisation string    `json:"organisation"`
	ReasonCode   string    `json:"reasonCode"`
	Granted      time.Time `json:"granted"`
	Ends         time.Time `json:"ends"`
}

// Run alerts until ctx ends. Any number of processes may run it; one that dies
// in the middle may have an alert sent twice.
func (e *Emergencies) Run(ctx context.Context) error {
	if e.Address == "" {
		return nil
	}
	failing := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(alertEvery):
		}
		err := e.Alert(ctx)
		if err != nil && ctx.Err() == nil && !failing {
			e.Log(fault.Of(err).Code)
		}
		failing = err != nil
	}
}

// Alert sends what is due.
func (e *Emergencies) Alert(ctx context.Context) error {
	due, err := e.Store.Alerts(ctx, alertsOnce, lease)
	if err != nil {
		return err
	}
	var failed error
	for _, a := range due {
		if err := e.send(ctx, a); err != nil {
			failed = err
			continue
		}
		if err := e.Store.Alerted(ctx, a.EHR, a.ID); err != nil {
			return err
		}
	}
	return failed
}

func (e *Emergencies) send(ctx context.Context, a Access) error {
	message, err := json.Marshal(alert{"break-glass", a.ID, a.EHR, a.Principal, a.Role, a.Organisation, a.ReasonCode, a.Granted.UTC(), a.Expires.UTC()})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, sendLimit)
	defer cancel()
	status, err := e.Sender.Send(ctx, e.Address, map[string]string{"Idempotency-Key": a.ID}, message)
	if err == nil && (status < 200 || status > 299) {
		err = fault.New(fault.Unavailable, "alert-refused", "the receiver of alerts answered %d", status)
	}
	if err != nil {
		return fault.New(fault.Unavailable, "alert-unsent", "a privacy officer could not be alerted").Because(err)
	}
	return nil
}
