package cdr

// EntryQuery asks for the compositions of one EHR that hold entries of some
// archetypes.
type EntryQuery struct {
	EHR string
	// Archetypes are ids; Specialised, side by side with them, the LIKE patterns of
	// their specialisations.
	Archetypes, Specialised []string
	// Lists are the archetypes of compositions that are agreed lists; as many of
	// them are read as of all others.
	Lists []string
	// Newest is how many compositions to read of each archetype.
	Newest int
}

// Holding is an effective version with its content, and which of the archetypes
// asked for it holds.
type Holding struct {
	Version
	// Start is that of the composition, else of the commit, in seconds since 1970.
	Start int64
	// Holds are the archetypes asked for that it was read for. It is the last that
	// was read of those in Full: there may be older ones.
	Holds, Full []string
}
