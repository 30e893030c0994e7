package rest

import (
	"net/http"

	"github.com/quire-cdr/quire/internal/cdr"
	"github.com/quire-cdr/quire/internal/fault"
)

// Manners are the points in which two clients expect different answers to the
// same outcome. The use cases' half is embedded; this half is what only HTTP
// knows. Handlers ask a member and never the name of the set.
type Manners struct {
	cdr.Manners
	// ForwardedAlways honours X-Forwarded-* from anyone, not only trusted proxies.
	ForwardedAlways bool
	// LocationOnRead adds Location to reads and deletes; ITS-REST 1.1 deprecates it.
	LocationOnRead bool
	// StatusInEHR shows the EHR_STATUS inside the EHR; else a reference to its
	// container (RM, EHR invariant Ehr_status_valid).
	StatusInEHR bool
	// MinimalCreate is the status of a create with return=minimal. EHRs answer
	// 201 in both sets.
	MinimalCreate int
	// EveryTemplateVersion lists all versions of a template where none is asked
	// for; else the newest of each family (ITS-REST 1.1, filter version).
	EveryTemplateVersion bool
	// ExampleLevel is the detail of an example of a template where none is asked
	// for: required (ITS-REST 1.1), or complete.
	ExampleLevel string
	// Challenge is WWW-Authenticate of a 401.
	Challenge string
	// Codes replaces the status of one fault code; what is absent has the status
	// of its kind in fault.go.
	Codes map[string]int
}

var manners = map[bool]Manners{
	false: {
		Manners:       cdr.MannersFor(false),
		MinimalCreate: http.StatusCreated,
		ExampleLevel:  "required",
		Challenge:     `Bearer realm="quire"`,
	},
	true: {
		Manners:              cdr.MannersFor(true),
		ForwardedAlways:      true,
		LocationOnRead:       true,
		StatusInEHR:          true,
		EveryTemplateVersion: true,
		ExampleLevel:         "complete",
		MinimalCreate:        http.StatusNoContent,
		Challenge:            `Bearer realm="quire", Basic realm="quire"`,
		Codes: map[string]int{
			// Template upload answers an Accept it cannot meet like a wrong Content-Type.
			"template-upload-accept": http.StatusUnsupportedMediaType,
			"template-in-use":        http.StatusUnprocessableEntity,
		},
	},
}

// MannersFor gives the set for --compat none (false) or ehrbase (true).
func MannersFor(compat bool) Manners { return manners[compat] }

// Status is the HTTP status of a fault.
func (m *Manners) Status(e *fault.Error) int {
	if s, ok := m.Codes[e.Code]; ok {
		return s
	}
	return statuses[e.Kind]
}

// ETag writes the entity tag of a uid (ITS-REST 1.1, ETag and Last-Modified).
func (m *Manners) ETag(uid string) string {
	if m.StrongETags {
		return `"` + uid + `"`
	}
	return `W/"` + uid + `"`
}
