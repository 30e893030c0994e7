package access

// Demographics owns all parties: they belong to no EHR and stand in the record
// tables under the nil UUID, which is the id of no EHR (DESIGN 3).
const Demographics = "00000000-0000-0000-0000-000000000000"

// demographicArea is the administrative area of parties: who may use it writes
// them, who may view it reads them. They are of the whole system, so that no
// organisation's relationship opens them.
const demographicArea = "demographic"

// MayReadParties says whether the principal may read parties. A token for one
// person's record never does.
func (p *Profile) MayReadParties() bool {
	return p.All || p.EHR == "" && p.Principal != "" && p.MayView(demographicArea)
}

// MayWriteParties says whether the principal may commit parties.
func (p *Profile) MayWriteParties() bool {
	return p.All || p.EHR == "" && p.Principal != "" && p.MayUse(demographicArea)
}

// parties says whether the gate of the parties' owner is open. A population of
// people holds none of them.
func (p *Profile) parties(action Action) bool {
	switch action {
	case Read:
		return p.MayReadParties()
	case Write:
		return p.MayWriteParties()
	}
	return false
}
