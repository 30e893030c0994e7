package keto

import (
	"context"
	"errors"
)

const sentinelSubject = "quire-sentinel"

// Probe makes sure that a Keto that has just been started is the right one, with
// its access model loaded and its database there: the tuple of the sentinel
// exists (it is written where it does not), is allowed, and a stranger is not.
// Keto's own health address says ok without any of that.
func Probe(ctx context.Context, readURL, writeURL, sentinel string) error {
	a := New(Config{ReadURL: readURL, WriteURL: writeURL, Sentinel: sentinel, SentinelSubject: sentinelSubject})
	defer a.Close()
	who := subject{id: sentinelSubject}
	found, _, err := a.client.page(ctx, query{namespace: "AdminArea", object: sentinel, relation: "viewers", who: &who}, "")
	if err != nil {
		return err
	}
	if len(found) == 0 {
		// Keto stores duplicates, hence the look before the write.
		tuple := relation{namespace: "AdminArea", object: sentinel, relation: "viewers", who: who}
		if err := a.client.patch(ctx, []relation{tuple}, nil); err != nil {
			return err
		}
	}
	err = a.probe(ctx)
	if errors.Is(err, errSentinel) && len(found) > 0 {
		return errors.New("keto holds the sentinel and denies it: its access model did not load")
	}
	return err
}
