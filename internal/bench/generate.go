package bench

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/gofrs/uuid/v5"

	"github.com/quire-cdr/quire/internal/cdr/bulk"
	"github.com/quire-cdr/quire/internal/demo"
)

// Generated is the data of Load as a source of a bulk load: the same seed gives
// the same records, with the same EHR ids.
type Generated struct{ Data }

// Fingerprint is of the numbers.
func (g Generated) Fingerprint() (string, error) {
	sum := sha256.Sum256(fmt.Appendf(nil, "generated %d %d %d", g.EHRs, g.Compositions, g.Seed))
	return hex.EncodeToString(sum[:]), nil
}

// generated is the name space of the EHR ids that are made.
var generated = uuid.NewV5(uuid.NamespaceOID, "quire generated records")

// EHR is the id of record n, from 0.
func (g Generated) EHR(n int) string {
	return uuid.NewV5(generated, fmt.Sprintf("%d/%d", g.Seed, n)).String()
}

// Each makes the records one after the other: the EHR, then its compositions.
func (g Generated) Each(ctx context.Context, skip int64, give func(bulk.Item) error) error {
	maker, err := demo.NewMaker()
	if err != nil {
		return err
	}
	for n, person := range demo.People(g.EHRs) {
		from, to := n*g.Compositions/g.EHRs, (n+1)*g.Compositions/g.EHRs
		if items := int64(1 + to - from); skip >= items {
			skip -= items
			continue
		}
		id, random := g.EHR(n), demo.Random(g.Seed+uint64(n))
		pass := func(item bulk.Item) error {
			if skip--; skip >= 0 {
				return ctx.Err()
			}
			item.Where, item.EHR, item.Organisation = fmt.Sprintf("record %d", n+1), id, person.Organisation
			return give(item)
		}
		if err := pass(bulk.Item{Make: true, Status: demo.Status(person)}); err != nil {
			return err
		}
		for i := from; i < to; i++ {
			text, err := maker.Composition(random, shapes[random.IntN(len(shapes))], begin.Add(time.Duration(i%64)*interval+time.Duration(n)*time.Minute))
			if err != nil {
				return err
			}
			if err := pass(bulk.Item{Composition: text}); err != nil {
				return err
			}
		}
	}
	return nil
}
