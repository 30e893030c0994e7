package cdr

import (
	"github.com/quire-cdr/quire/internal/aql"
	"github.com/quire-cdr/quire/internal/fault"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// demographicClass says whether objects of a class are found in parties only.
func demographicClass(name string) bool {
	class, known := rminfo.ClassByName(name)
	if !known {
		return false
	}
	switch class {
	case rminfo.PARTY_RELATIONSHIP, rminfo.CAPABILITY, rminfo.CONTACT, rminfo.ADDRESS, rminfo.PARTY_IDENTITY:
		return true
	}
	return class.IsA(rminfo.PARTY)
}

// overParties says whether a query is about parties. Parties have an owner of
// their own and no EHR, so that a query over both is refused and not answered
// with nothing.
func overParties(q *aql.Query) (bool, error) {
	for _, c := range q.Classes() {
		if demographicClass(c.RMType()) {
			return true, onlyParties(q.From)
		}
	}
	return false, nil
}

// onlyParties refuses a FROM with anything but parties at its top.
func onlyParties(from aql.Containment) error {
	switch c := from.(type) {
	case *aql.Class:
		switch {
		case c.IsVersion() && c.Contains != nil:
			return onlyParties(c.Contains)
		case !demographicClass(c.RMType()):
			return aql.Unsupported(c, c.RMType()+" above or beside parties, which are in no EHR,")
		}
	case *aql.ContainmentSet:
		if c.Op == aql.Or {
			return aql.Unsupported(c, "OR between parties in FROM")
		}
		for _, operand := range c.Operands {
			if err := onlyParties(operand); err != nil {
				return err
			}
		}
	}
	return nil
}

// aboutParties fixes a query over parties to their owner.
func (r *QueryRequest) aboutParties(q *aql.Query) (bool, error) {
	parties, err := overParties(q)
	if err != nil || !parties {
		return false, err
	}
	if r.EHR != "" {
		return false, fault.New(fault.Invalid, "query-parties", "parties are in no EHR: ask for them without an ehr_id")
	}
	r.EHR = Demographics
	return true, nil
}
