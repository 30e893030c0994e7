package cdr

import "github.com/quire-cdr/quire/internal/fault"

// Manners is what differs between the openEHR specification as written and
// servers that clients have got used to. Two sets exist, in one table; code
// asks a member and never the name of the set.
type Manners struct {
	Name string
	// OnePersistent refuses a second first-version of a persistent composition
	// of one template in one EHR.
	OnePersistent bool
	// LenientParty reads an empty subject as PARTY_SELF.
	LenientParty bool
	// PeerRules lets through what EHRbase does not enforce; validate knows what.
	PeerRules bool
	// MalformedID is the kind of an identifier in a path that cannot be one.
	MalformedID fault.Kind
	// LexicalForm is the kind of a value whose text is not of its class, such
	// as a date that is none.
	LexicalForm fault.Kind
	// TemplateInvalid is the kind of well-formed XML that is no template.
	TemplateInvalid fault.Kind
	// BodyUIDMismatch is the kind of a body uid that names another object than
	// the URL.
	BodyUIDMismatch fault.Kind
	// EmptyContribution is the kind of a contribution without versions.
	EmptyContribution fault.Kind
	// ContributionContent is the kind of invalid content within a contribution.
	ContributionContent fault.Kind
	// LaxMembers ignores what a member of a contribution must not carry: a uid,
	// and data where it is a deletion.
	LaxMembers bool
	// PreferredTerms writes the rubric of an audit's change type into its code too
	// (RM 1.1.0, CODE_PHRASE.preferred_term), where queries look for it.
	PreferredTerms bool
	// KeepFolderUID gives a new directory the uid its body names; else it gets one
	// of the server's.
	KeepFolderUID bool
	// NextQueryVersion stores a query without a version as the next patch of its
	// newest one; else always as 1.0.0, over what is there.
	NextQueryVersion bool
	// FolderExists are the words, with the uid for %s, that refuse a second
	// directory to who may read the first; "" leaves those of the store.
	FolderExists string
	// AdminDestroys demands the right to destroy records of who destroys
	// templates and stored queries too.
	AdminDestroys bool
	// StatusVariable stands in the path of a column for what a query calls
	// e/ehr_status; "" leaves the path as it was written.
	StatusVariable string
	// StrongETags writes "uid" where the specification wants W/"uid".
	StrongETags bool
}

var manners = map[bool]Manners{
	false: {
		Name:                "openehr",
		OnePersistent:       true,
		MalformedID:         fault.Invalid,
		LexicalForm:         fault.Unprocessable,
		TemplateInvalid:     fault.Unprocessable,
		BodyUIDMismatch:     fault.Unprocessable,
		EmptyContribution:   fault.Unprocessable,
		ContributionContent: fault.Unprocessable,
	},
	true: {
		Name:                "ehrbase",
		LenientParty:        true,
		PeerRules:           true,
		MalformedID:         fault.NotFound,
		LexicalForm:         fault.Invalid,
		TemplateInvalid:     fault.Invalid,
		BodyUIDMismatch:     fault.Invalid,
		EmptyContribution:   fault.Invalid,
		ContributionContent: fault.Invalid,
		LaxMembers:          true,
		PreferredTerms:      true,
		KeepFolderUID:       true,
		NextQueryVersion:    true,
		FolderExists:        "FOLDER with uid %s already exist.",
		AdminDestroys:       true,
		StatusVariable:      "s",
		StrongETags:         true,
	},
}

// MannersFor gives the set for --compat none (false) or ehrbase (true).
func MannersFor(compat bool) Manners { return manners[compat] }
