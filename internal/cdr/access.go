package cdr

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/uuid/v5"

	"github.com/quire-cdr/quire/internal/access"
	"github.com/quire-cdr/quire/internal/fault"
)

// Relationship is why an organisation's people may see a person's record.
type Relationship struct {
	EHR, Organisation string
	// Kind is registered, referred, admitted or caseload.
	Kind string
	// From is zero for now, To zero for open-ended.
	From, To time.Time
}

// Grant gives one EHR to a person, team or role beyond what organisations give.
type Grant struct {
	EHR string
	// Grantee is "user:...", "svc:...", "Role:..." or "Team:...".
	Grantee string
	// Kind is staff (also where it is empty), self, proxy, carer or link.
	Kind  string
	Write bool
	// To is zero for open-ended.
	To time.Time
}

// Restriction denies one EHR, whatever else allows it: a patient's objection, a
// VIP, the caller's own record.
type Restriction struct {
	EHR, ID string
	// AppliesTo are principals, teams and roles as a grantee is written; "*" is everybody.
	AppliesTo []string
	// Spares are whom it does not apply to, written alike: of a person everybody
	// knows, all but one team.
	Spares []string
	// Reason is a reason code.
	Reason string
	// To is zero for open-ended.
	To time.Time
}

// BreakGlass is one person's emergency access to one EHR, for minutes.
type BreakGlass struct {
	ID, EHR, Organisation string
	Principal             string
	// ReasonCode is a short code, Reason at least ten characters for the reviewer.
	ReasonCode, Reason string
	Minutes            int
}

// Gates are the facts behind a decision about one EHR, as the database sees them
// at one moment.
type Gates struct {
	// Read and Write are the verdicts of the predicate every statement carries.
	Read, Write bool
	// Organisations are those of the caller's with a live relationship.
	ReadThrough, WriteThrough []string
	// Grants are the grantees by which the caller has a live grant.
	Grants []string
	// BreakGlass is the end of the caller's live emergency access, zero without.
	BreakGlass time.Time
	// Restricted: a live restriction names the caller, a group of it, or everybody.
	Restricted bool
	// Pinned: the token is for another EHR.
	Pinned bool
}

// AccessStore keeps the rights that begin and end: those on single records. Each
// change and its audit row are one transaction.
type AccessStore interface {
	// EHRExists says whether there is such an EHR, whoever asks.
	EHRExists(ctx context.Context, ehr string) (bool, error)
	// Related says whether one of the organisations has a live relationship.
	Related(ctx context.Context, ehr string, organisations []string) (bool, error)
	// Relate begins a relationship; one that is live already is left.
	Relate(ctx context.Context, r Relationship, audit Event) error
	// EndRelationship ends the live ones of the organisation and kind; NotFound without.
	EndRelationship(ctx context.Context, r Relationship, audit Event) error
	// PutGrant replaces the grantee's live grant.
	PutGrant(ctx context.Context, g Grant, audit Event) error
	// EndGrant ends the grantee's live grant; NotFound without.
	EndGrant(ctx context.Context, ehr, grantee string, audit Event) error
	// Restrict begins a restriction.
	Restrict(ctx context.Context, r Restriction, audit Event) error
	// EndRestriction ends one; NotFound without.
	EndRestriction(ctx context.Context, ehr, id string, audit Event) error
	// OpenBreakGlass returns when it ends, by the database's clock.
	OpenBreakGlass(ctx context.Context, b BreakGlass, audit Event) (time.Time, error)
	// Gates reads the facts behind a decision.
	Gates(ctx context.Context, p *access.Profile, ehr string) (Gates, error)
}

// AccessControl is the use cases of giving, withdrawing and explaining access to
// single records. Roles, teams and organisations are Keto's.
type AccessControl struct {
	Store      AccessStore
	Authorizer Authorizer
	Auditor    Auditor
}

var (
	relationshipKinds = []string{"registered", "referred", "admitted", "caseload"}
	// reasonCode is a code and no sentence: it stands in the audit, which holds
	// no clinical text.
	reasonCode = regexp.MustCompile(`^[a-z][a-z0-9-]{2,39}$`)
	grantee    = regexp.MustCompile(`^(user|svc|Role|Team):[^\s#@]{1,200}$`)
)

// ValidReason refuses what is no reason code. Whoever changes rights gives one.
func ValidReason(reason string) error {
	if !reasonCode.MatchString(reason) {
		return fault.New(fault.Invalid, "reason", "a reason code is needed: 3 to 40 lower-case letters, digits and hyphens, such as second-opinion")
	}
	return nil
}

const (
	longestProxy   = 2 * 366 * 24 * time.Hour
	maxBreakGlass  = 60 // minutes
	shortestReason = 10
	longestReason  = 1000
)

// Relate lets an organisation's people see a record, for a stated reason code.
func (a *AccessControl) Relate(ctx context.Context, caller Caller, r Relationship, reason string) error {
	if !slices.Contains(relationshipKinds, r.Kind) {
		return fault.New(fault.Invalid, "relationship", "a relationship is one of %s", strings.Join(relationshipKinds, ", "))
	}
	if r.Organisation == "" {
		return fault.New(fault.Invalid, "organisation", "the organisation is missing")
	}
	if !r.To.IsZero() && !r.To.After(r.From) {
		return fault.New(fault.Invalid, "period", "the relationship ends before it begins")
	}
	event, err := a.manage(ctx, caller, r.EHR, "C", "relationship", reason)
	if err != nil {
		return err
	}
	event.Object = r.Kind + " " + r.Organisation
	return a.Store.Relate(ctx, r, event)
}

// EndRelationship ends an organisation's relationship now.
func (a *AccessControl) EndRelationship(ctx context.Context, caller Caller, r Relationship, reason string) error {
	event, err := a.manage(ctx, caller, r.EHR, "D", "relationship", reason)
	if err != nil {
		return err
	}
	event.Object = r.Kind + " " + r.Organisation
	return a.Store.EndRelationship(ctx, r, event)
}

// Grant gives one record to a person, team or role.
func (a *AccessControl) Grant(ctx context.Context, caller Caller, g Grant, reason string) error {
	if !grantee.MatchString(g.Grantee) {
		return fault.New(fault.Invalid, "grantee", "a grantee is written user:<issuer>:<id>, svc:<client>, Role:<name> or Team:<name>")
	}
	if err := fits(g); err != nil {
		return err
	}
	event, err := a.manage(ctx, caller, g.EHR, "C", "grant", reason)
	if err != nil {
		return err
	}
	event.Object = g.Grantee
	return a.Store.PutGrant(ctx, g, event)
}

// fits judges what a grant is for. The person, and who acts for or looks after
// them, are people and not groups; who acts for another does so for a time, after
// which it is looked at again.
func fits(g Grant) error {
	switch g.Kind {
	case "", "staff":
		return nil
	case "self", "proxy", "carer":
		if !strings.HasPrefix(g.Grantee, "user:") {
			return fault.New(fault.Invalid, "grantee", "a grant of the kind %s is a person's, user:<issuer>:<id>", g.Kind)
		}
		if left := time.Until(g.To); g.Kind != "self" && (g.To.IsZero() || left <= 0 || left > longestProxy) {
			return fault.New(fault.Invalid, "grant-ends", "a grant of the kind %s ends within two years", g.Kind)
		}
		return nil
	}
	return fault.New(fault.Invalid, "grant-kind", "a grant is of the kind staff, self, proxy or carer")
}

// Revoke ends a grant now.
func (a *AccessControl) Revoke(ctx context.Context, caller Caller, ehr, grantee, reason string) error {
	event, err := a.manage(ctx, caller, ehr, "D", "grant", reason)
	if err != nil {
		return err
	}
	event.Object = grantee
	return a.Store.EndGrant(ctx, ehr, grantee, event)
}

// Restrict denies one record to principals, teams, roles or everybody, and
// returns the restriction's id. Denial wins over every other right.
func (a *AccessControl) Restrict(ctx context.Context, caller Caller, r Restriction) (id string, err error) {
	if len(r.AppliesTo) == 0 {
		return "", fault.New(fault.Invalid, "applies-to", "a restriction names whom it applies to, or * for everybody")
	}
	for _, who := range r.AppliesTo {
		if who != "*" && !grantee.MatchString(who) {
			return "", fault.New(fault.Invalid, "applies-to", "a restriction applies to user:<issuer>:<id>, svc:<client>, Role:<name>, Team:<name> or *")
		}
	}
	for _, who := range r.Spares {
		if !grantee.MatchString(who) {
			return "", fault.New(fault.Invalid, "spares", "a restriction spares user:<issuer>:<id>, svc:<client>, Role:<name> or Team:<name>")
		}
	}
	event, err := a.manage(ctx, caller, r.EHR, "C", "restriction", r.Reason)
	if err != nil {
		return "", err
	}
	made, err := uuid.NewV7()
	if err != nil {
		return "", err
	}
	r.ID = made.String()
	event.Object = r.ID
	return r.ID, a.Store.Restrict(ctx, r, event)
}

// LiftRestriction ends a restriction now.
func (a *AccessControl) LiftRestriction(ctx context.Context, caller Caller, ehr, id, reason string) error {
	if err := validUUID(id, "restriction-id", "a restriction's id is a UUID"); err != nil {
		return err
	}
	event, err := a.manage(ctx, caller, ehr, "D", "restriction", reason)
	if err != nil {
		return err
	}
	event.Object = id
	return a.Store.EndRestriction(ctx, ehr, id, event)
}

// BreakGlass opens one record to the caller for minutes. It needs the right in
// an organisation, which may be left out where there is only one. A restriction
// still denies, and sealed labels stay sealed. It returns when the access ends.
func (a *AccessControl) BreakGlass(ctx context.Context, caller Caller, b BreakGlass) (time.Time, error) {
	if err := validEHR(b.EHR); err != nil {
		return time.Time{}, err
	}
	if b.Minutes < 1 || b.Minutes > maxBreakGlass {
		return time.Time{}, fault.New(fault.Invalid, "minutes", "emergency access lasts 1 to %d minutes", maxBreakGlass)
	}
	b.Reason = strings.TrimSpace(b.Reason)
	if n := len([]rune(b.Reason)); n < shortestReason || n > longestReason {
		return time.Time{}, fault.New(fault.Invalid, "reason", "the reason has %d to %d characters", shortestReason, longestReason)
	}
	if !reasonCode.MatchString(b.ReasonCode) {
		return time.Time{}, fault.New(fault.Invalid, "reason-code", "the reason code is 3 to 40 lower-case letters, digits and hyphens")
	}
	p, err := a.Authorizer.Profile(ctx, caller)
	if err != nil {
		return time.Time{}, err
	}
	event := accessEvent(caller, p, "C", b.EHR, "break-glass:"+b.ReasonCode)
	if b.Organisation == "" && len(p.BreakGlassIn) == 1 {
		b.Organisation = p.BreakGlassIn[0]
	}
	if !slices.Contains(p.BreakGlassIn, b.Organisation) || p.EHR != "" && !strings.EqualFold(p.EHR, b.EHR) {
		return time.Time{}, a.refuse(ctx, event, fault.New(fault.Forbidden, "no-break-glass", "this role may not open records in an emergency for this organisation"))
	}
	there, err := a.Store.EHRExists(ctx, b.EHR)
	if err != nil {
		return time.Time{}, err
	}
	if !there {
		return time.Time{}, a.refuse(ctx, event, unknownEHR())
	}
	id, err := uuid.NewV7()
	if err != nil {
		return time.Time{}, err
	}
	b.ID, b.Principal = id.String(), p.Principal
	event.Object, event.Org = b.ID, b.Organisation
	return a.Store.OpenBreakGlass(ctx, b, event)
}

// Explanation says which gate lets a caller to a record, or what is missing.
// It tells callers only of their own rights, and reads the same for a record
// that does not exist as for one they have no way to.
type Explanation struct {
	Read, Write bool
	Gates       []Gate
	// Labels: what the role may read and write by sensitivity is judged for each
	// version; these are the numbers of template families.
	ReadableFamilies, WritableFamilies int
	// MayBreakGlass are organisations in which the caller may open the record.
	MayBreakGlass []string
}

// Gate is one way to a record, or one thing in the way.
type Gate struct {
	Name  string // organisation, grant, break-glass, restriction, token
	Holds bool
	// Detail is the edge that allows, or the missing one.
	Detail string
}

// Explain tells why the caller may or may not see an EHR.
func (a *AccessControl) Explain(ctx context.Context, caller Caller, ehr string) (Explanation, error) {
	if err := validEHR(ehr); err != nil {
		return Explanation{}, err
	}
	p, err := a.Authorizer.Profile(ctx, caller)
	if err != nil {
		return Explanation{}, err
	}
	g, err := a.Store.Gates(ctx, p, ehr)
	if err != nil {
		return Explanation{}, err
	}
	if err := a.Auditor.Record(ctx, accessEvent(caller, p, "R", ehr, "explain")); err != nil {
		return Explanation{}, err
	}
	return explain(p, g), nil
}

func explain(p *access.Profile, g Gates) Explanation {
	x := Explanation{Read: g.Read, Write: g.Write, ReadableFamilies: len(p.Templates), WritableFamilies: len(p.WriteTemplates), MayBreakGlass: p.BreakGlassIn}
	if p.All {
		x.Gates = []Gate{{"everything", true, "this identity is not restricted"}}
		return x
	}
	way := func(name, missing string, edges []string) {
		if len(edges) == 0 {
			x.Gates = append(x.Gates, Gate{name, false, missing})
			return
		}
		x.Gates = append(x.Gates, Gate{name, true, strings.Join(edges, ", ")})
	}
	missing := "no organisation this role reads for has a live relationship with the person"
	if len(p.Readable)+len(p.Writable) == 0 {
		missing = "this role reads for no organisation"
	}
	through := slices.Concat(g.ReadThrough, g.WriteThrough)
	slices.Sort(through)
	through = slices.Compact(through)
	way("organisation", missing, through)
	way("grant", "neither the person nor a team or role of it was given this record", g.Grants)
	var open []string
	if !g.BreakGlass.IsZero() {
		open = []string{"open until " + g.BreakGlass.UTC().Format(time.RFC3339)}
	}
	way("break-glass", "no emergency access is open", open)
	if p.EHR != "" {
		detail := "the token is for this record"
		if g.Pinned {
			detail = "the token is for another record"
		}
		x.Gates = append(x.Gates, Gate{"token", !g.Pinned, detail})
	}
	// Who has no way in is not told of a restriction: it would say that the record exists.
	if len(through)+len(g.Grants)+len(open) > 0 {
		detail := "nothing restricts this identity"
		if g.Restricted {
			detail = "a restriction on this record names this identity"
		}
		x.Gates = append(x.Gates, Gate{"restriction", !g.Restricted, detail})
	}
	return x
}

// manage decides who may change access to a record: a privacy officer of an
// organisation that looks after the person now, or the users' administration.
// So nobody attaches an organisation to a record from outside.
func (a *AccessControl) manage(ctx context.Context, caller Caller, ehr, action, what, reason string) (Event, error) {
	if err := ValidReason(reason); err != nil {
		return Event{}, err
	}
	return a.Over(ctx, caller, ehr, action, what+":"+reason)
}

// overRecord allows those who administer an area, and privacy officers of the
// organisations that look after the person. Others with no such right anywhere
// are Forbidden; officers of elsewhere cannot tell the record from none.
func overRecord(ctx context.Context, store AccessStore, p *access.Profile, ehr, area string) error {
	pinned := p.EHR != "" && !strings.EqualFold(p.EHR, ehr)
	if p.MayUse(area) && !pinned {
		there, err := store.EHRExists(ctx, ehr)
		if err == nil && !there {
			err = unknownEHR()
		}
		return err
	}
	if len(p.PrivacyIn) == 0 || pinned {
		return fault.New(fault.Forbidden, "not-privacy-officer", "this needs a privacy officer of an organisation that looks after the person, or the administration of %s", area)
	}
	related, err := store.Related(ctx, ehr, p.PrivacyIn)
	if err == nil && !related {
		err = unknownEHR()
	}
	return err
}

// Over demands that the caller manages access to a record, as for changing it, and
// gives the audit row of what it is about to do; who does not is audited here.
func (a *AccessControl) Over(ctx context.Context, caller Caller, ehr, action, what string) (Event, error) {
	if err := validEHR(ehr); err != nil {
		return Event{}, err
	}
	p, err := a.Authorizer.Profile(ctx, caller)
	if err != nil {
		return Event{}, err
	}
	event := accessEvent(caller, p, action, ehr, what)
	if err := overRecord(ctx, a.Store, administering(p), ehr, "users"); err != nil {
		return Event{}, a.refuse(ctx, event, err)
	}
	return event, nil
}

// refuse audits a denial and returns it; failures of another kind pass.
func (a *AccessControl) refuse(ctx context.Context, event Event, err error) error {
	return refuse(ctx, a.Auditor, event, err)
}

func refuse(ctx context.Context, auditor Auditor, event Event, err error) error {
	if !fault.Is(err, fault.Forbidden) && !fault.Is(err, fault.NotFound) {
		return err
	}
	event.Outcome = "denied"
	if failed := auditor.Record(ctx, event); failed != nil {
		return failed
	}
	return err
}

func accessEvent(caller Caller, p *access.Profile, action, ehr, basis string) Event {
	return Event{
		Action: action, Outcome: "success", Principal: p.Principal, Role: p.Role, Org: caller.Organisation, EHR: ehr,
		Purpose: p.Purpose, Basis: basis, Epoch: p.Epoch, Source: caller.Source, RequestID: caller.RequestID,
	}
}

func validEHR(ehr string) error { return validUUID(ehr, "ehr-id", "an EHR id is a UUID") }

func validUUID(id, code, message string) error {
	if _, err := uuid.FromString(id); err != nil || len(id) != 36 {
		return fault.New(fault.Invalid, code, "%s", message)
	}
	return nil
}

func unknownEHR() error { return fault.New(fault.NotFound, "ehr", "no such EHR") }
