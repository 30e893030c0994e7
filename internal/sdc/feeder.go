package sdc

import (
	"github.com/quire-cdr/quire/internal/rm"
	"github.com/quire-cdr/quire/internal/rm/rminfo"
)

// Feeder is what a composition says of the form it was made of (RM 1.1.0,
// Common, FEEDER_AUDIT): the time of filling is none of the start of the context,
// the times of events and the time of commit.
type Feeder struct {
	// System names the form or the kind of it; Time is when it was filled, ISO
	// 8601, "" where nobody says.
	System, Time string
	// Identifiers are those of the response, which a sender knows it by (RM 1.1.0,
	// FEEDER_AUDIT.originating_system_item_ids).
	Identifiers []FeederIdentifier
	// Content is what the composition does not say, in a formalism.
	Content, Formalism string
}

// FeederIdentifier is an identifier with who issues such. Type says what it is
// of, "" for the response itself.
type FeederIdentifier struct{ Issuer, ID, Type string }

// BasedOn is the type of what a response was asked for by.
const BasedOn = "basedOn"

// FormSystem is the system of compositions made by the forms of templates.
const FormSystem = "fhir-questionnaire-response"

// FeederOf reads what a composition says of the form it was made of; zero where
// it came another way.
func FeederOf(t *rm.Tree) Feeder {
	audit := t.Child(t.Root(), rminfo.A_feeder_audit)
	if audit == rm.None {
		return Feeder{}
	}
	var ids []FeederIdentifier
	for c := range t.Children(audit, rminfo.A_originating_system_item_ids) {
		ids = append(ids, FeederIdentifier{t.TextAt(c, rminfo.A_issuer), t.TextAt(c, rminfo.A_id), t.TextAt(c, rminfo.A_type)})
	}
	return Feeder{
		Identifiers: ids,
		System:      t.TextAt(audit, rminfo.A_originating_system_audit, rminfo.A_system_id), Time: t.TextAt(audit, rminfo.A_originating_system_audit, rminfo.A_time, rminfo.A_value),
		Content: t.TextAt(audit, rminfo.A_original_content, rminfo.A_value), Formalism: t.TextAt(audit, rminfo.A_original_content, rminfo.A_formalism),
	}
}

// Feed says of a composition which form it was made of; what it said before is
// replaced.
func Feed(t *rm.Tree, f Feeder) (*rm.Tree, error) {
	b := rm.NewBuilder(rm.Limits{}, 8)
	b.Open(0, rminfo.FEEDER_AUDIT)
	b.Open(rminfo.A_originating_system_audit, rminfo.FEEDER_AUDIT_DETAILS)
	b.String(rminfo.A_system_id, rminfo.String, f.System)
	if f.Time != "" {
		b.Open(rminfo.A_time, rminfo.DV_DATE_TIME)
		b.String(rminfo.A_value, rminfo.String, f.Time)
		b.Close()
	}
	b.Close()
	for _, i := range f.Identifiers {
		b.Open(rminfo.A_originating_system_item_ids, rminfo.DV_IDENTIFIER)
		if i.Issuer != "" {
			b.String(rminfo.A_issuer, rminfo.String, i.Issuer)
		}
		b.String(rminfo.A_id, rminfo.String, i.ID)
		if i.Type != "" {
			b.String(rminfo.A_type, rminfo.String, i.Type)
		}
		b.Close()
	}
	if f.Content != "" {
		b.Open(rminfo.A_original_content, rminfo.DV_PARSABLE)
		b.String(rminfo.A_value, rminfo.String, f.Content)
		b.String(rminfo.A_formalism, rminfo.String, f.Formalism)
		b.Close()
	}
	b.Close()
	audit, err := b.Tree()
	if err != nil {
		return nil, err
	}
	if old := t.Child(t.Root(), rminfo.A_feeder_audit); old != rm.None {
		return t.Splice(rm.Edit{At: old, New: audit})
	}
	// The order of the attributes is that of the reference model.
	return t.Splice(rm.Edit{At: t.Root(), Into: true, Attr: rminfo.A_feeder_audit, New: audit})
}

// Unfed is a composition without what it said of its form.
func Unfed(t *rm.Tree) (*rm.Tree, error) {
	old := t.Child(t.Root(), rminfo.A_feeder_audit)
	if old == rm.None {
		return t, nil
	}
	return t.Splice(rm.Edit{At: old})
}
