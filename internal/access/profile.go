package access

import "time"

// Action is what a principal wants to do with a record.
type Action uint8

// The actions a profile distinguishes. Query is a read by population AQL: it
// needs its own right and obeys EHR_STATUS.is_queryable.
const (
	Read Action = iota
	Write
	Query
)

// Profile is everything a principal may see, as built from Keto for one
// selected role. The zero value sees nothing. What expires (break-glass,
// grants, relationships, restrictions) is never in it: the predicate reads
// those with clock_timestamp() in the statement itself.
type Profile struct {
	// Principal is the subject id, such as "user:local:clinician".
	Principal string
	// Role is the selected role; only its rights count.
	Role string
	// Readable, Writable and Queryable are organisations whose people the role
	// may read, write, or query as a population.
	Readable, Writable, Queryable []string
	// Groups are teams and roles whose EHR grants the principal holds, the
	// principal itself included.
	Groups []string
	// Templates are the template families the role may read; none means none.
	Templates []int32
	// WriteTemplates are the template families the role may write.
	WriteTemplates []int32
	// Labels is the bit set of sensitivity labels the role may read; bit 0 is
	// never used, so that an ordinary version has the empty set.
	Labels uint64
	// WriteLabels is the bit set of sensitivity labels the role may write.
	WriteLabels uint64
	// EHR pins the profile to one EHR, as a patient-scoped token demands.
	EHR string
	// Purpose is the purpose of use the caller stated.
	Purpose string
	// Areas are the administrative areas (templates, queries, ehr-purge, audit,
	// users, system, demographic) the principal may use; Views those it may look at.
	Areas, Views []string
	// CreateIn are organisations in which the principal may create an EHR.
	CreateIn []string
	// BreakGlassIn are organisations in which the principal may break glass.
	BreakGlassIn []string
	// PrivacyIn are organisations in which the principal gives and withdraws
	// access to records, reviews broken glass and reads the audit.
	PrivacyIn []string
	// StoredQueries are the stored queries the principal may execute.
	StoredQueries []string
	// Service marks a service account: it must state a composer, and its
	// population AQL needs a purpose of use.
	Service bool
	// Epoch is the access epoch the profile was built in.
	Epoch int64
	// ValidUntil is the moment after which the profile must not be used.
	ValidUntil time.Time
	// All lifts every restriction: the system principal and --auth none only.
	All bool

	// scopes are those of the caller's token, nil where nothing narrows; whole is
	// the profile without them, ids the template ids of the families.
	scopes *Scopes
	whole  *Profile
	ids    map[int32]string
}

// System is the profile of the server itself: migrations, demo data, rebuilds.
func System() *Profile {
	return &Profile{Principal: "system:quire", Role: "system", All: true}
}

// MayUse says whether the principal may act in an administrative area.
func (p *Profile) MayUse(area string) bool { return p.All || contains(p.Areas, area) }

// MayView says whether the principal may look at an administrative area.
func (p *Profile) MayView(area string) bool {
	return p.All || contains(p.Areas, area) || contains(p.Views, area)
}

// MayQueryPopulation says whether the principal may ask about more than one EHR.
func (p *Profile) MayQueryPopulation() bool { return p.All || len(p.Queryable) > 0 }

// MayCreateEHR says whether the principal may create an EHR in some organisation.
func (p *Profile) MayCreateEHR() bool { return p.All || len(p.CreateIn) > 0 }

func contains(list []string, want string) bool {
	for _, s := range list {
		if s == want {
			return true
		}
	}
	return false
}
