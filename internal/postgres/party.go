package postgres

import (
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/quire-cdr/quire/internal/access"
)

// Parties have no row of an EHR to lock: two writers of one party meet at its
// latest version, and writers of different parties not at all.
const partyGateSQL = `select case when not %s then refuse('denied') end`

// queuePartyGate ends the batch where the profile may not write parties.
func queuePartyGate(b *pgx.Batch, p *access.Profile) {
	args := &access.Args{}
	owner := args.Add(access.Demographics) + "::uuid"
	verdict := access.NewScope(p, access.Write, args, owner).Allows(owner)
	if verdict == "true" {
		args.Values = nil // a placeholder no text names has no type
	}
	b.Queue(fmt.Sprintf(partyGateSQL, verdict), args.Values...)
}
