package exit

import (
	"errors"
	"time"

	"github.com/quire-cdr/quire/internal/cdr/form"
	"github.com/quire-cdr/quire/internal/hl7v2"
	"github.com/quire-cdr/quire/internal/hl7v2/mapping"
	"github.com/quire-cdr/quire/internal/rm"
)

// Judge tries the messages that destinations would get of a composition. Nothing
// is sent; what needs the stored version is taken as there.
func (x *Exits) Judge(template string, tree *rm.Tree) []form.Way {
	var out []form.Way
	for n := range x.Destinations {
		d := &x.Destinations[n]
		if d.Mapping.Template != template {
			continue
		}
		e := mapping.Envelope{From: d.From, To: d.To, ID: "0", Processing: d.Processing, Now: time.Now(), Committed: time.Now()}
		if x.Document != nil {
			e.Document, e.DocumentType = "AA==", "PDF"
		}
		w := form.Way{Destination: d.Name}
		_, kept, err := d.Mapping.Build(tree, e)
		var refusal *hl7v2.Error
		if w.Kept = kept && err == nil; errors.As(err, &refusal) {
			w.Reason, w.Field = refusal.Reason, refusal.Place.String()
		}
		out = append(out, w)
	}
	return out
}
