package keto

import (
	"context"
	"fmt"
	"time"
)

const sentinelSubject = "quire-sentinel"

// Probe tells whether a Keto that was just started is ready: it writes the
// sentinel tuple where it is missing, and demands that Keto answers it rightly.
// /health/ready would not tell: it is 200 while Keto's database is down.
func Probe(ctx context.Context, readURL, writeURL, sentinel string) error {
	a := New(Config{ReadURL: readURL, WriteURL: writeURL, Sentinel: sentinel})
	defer a.Close()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if a.probe(ctx) == nil {
		return nil
	}
	r := relation{namespace: "AdminArea", object: sentinel, relation: "viewers", who: subject{id: sentinelSubject}}
	there, err := a.client.all(ctx, query{namespace: r.namespace, object: r.object, relation: r.relation, who: &r.who})
	if err != nil {
		return err
	}
	if len(there) == 0 { // Keto would store it twice
		if err := a.client.patch(ctx, []relation{r}, nil); err != nil {
			return err
		}
	}
	if err := a.probe(ctx); err != nil {
		return fmt.Errorf("the sentinel is stored: %w", err)
	}
	return nil
}
