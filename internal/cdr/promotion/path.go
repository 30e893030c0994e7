package promotion

import "time"

// Reasons for which a path is promoted.
const (
	ByAdministrator = "administrator"
	ByStoredQuery   = "stored-query"
)

// Path is a promoted path and how far it has come.
type Path struct {
	Archetype string `json:"archetype_id"`
	Path      string `json:"path"`
	// State is building, usable or dropping.
	State  string    `json:"state"`
	Reason string    `json:"reason"`
	Since  time.Time `json:"since"`
	// Done of Total rows were built, or deleted.
	Done  int64 `json:"done"`
	Total int64 `json:"total"`
	// Waiting says that transactions older than the state must end first.
	Waiting bool `json:"waiting"`
}

// Object is a place in rows of an archetype where data have stood.
type Object struct {
	Path  string
	Class int16
}
